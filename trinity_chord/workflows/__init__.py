"""Workflows of Trinity-RFT for the paper's experiments."""
