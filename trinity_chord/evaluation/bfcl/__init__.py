"""Scores of a model on the Berkeley Function Calling Leaderboard, by bfcl-eval's own checker."""
