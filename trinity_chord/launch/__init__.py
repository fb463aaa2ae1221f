"""Checks a configuration, runs it with Trinity's launcher and reports how the run ended."""
