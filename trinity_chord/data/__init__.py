"""Public data sets into the SFT and RL sets of the paper's experiments, with a manifest."""
