"""The charts: which there are, their points, and their specifications for page and pictures."""
