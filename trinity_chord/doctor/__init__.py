"""Examines an installation and a machine, and says what to do about what is wrong."""
