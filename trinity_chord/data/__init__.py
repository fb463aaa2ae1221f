"""Turns public data sets into the SFT and RL sets of CHORD's experiments, with a manifest."""
