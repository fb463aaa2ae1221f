"""Writes a configuration to start from."""
