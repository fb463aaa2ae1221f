"""CHORD for Trinity-RFT."""
