"""Scores of a model on benchmarks: sampling, and the commands ``trinity-chord eval``."""
