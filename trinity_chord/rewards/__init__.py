"""Rewards of the paper's experiments, as reward functions of Trinity-RFT."""
