"""Benchmark scores: samples answers from a model and scores them (`trinity-chord eval`)."""
