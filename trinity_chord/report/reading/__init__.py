"""Reads runs: finds their folders, and what the monitors and queues wrote there."""
