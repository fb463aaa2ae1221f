"""Lets a person see a run: the recorded metrics, a live line a step, curves."""
