"""Benchmarks, each against a peer or a known workload in the same run; `make bench` runs them."""
