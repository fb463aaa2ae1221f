"""The multi-turn tasks of BFCL: their cases, bfcl-eval's simulators in a process, and the game."""
