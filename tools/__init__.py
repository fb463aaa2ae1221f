"""Generators for the files that are made from the package; `make generate` runs them."""
