"""Turns a configuration for Trinity's `mix` or `mix_chord`, or for ms-swift's CHORD, into ours."""
