"""Runs Trinity's launcher: configuration, Ray, progress, and an exit code that tells the truth."""
