"""Scores on the Berkeley Function Calling Leaderboard, judged by bfcl-eval's own checker."""
