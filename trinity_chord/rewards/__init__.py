"""Rewards of the published experiments as Trinity reward functions."""
