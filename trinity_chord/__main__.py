"""Runs the command line: `python -m trinity_chord`."""

from trinity_chord.cli import main

if __name__ == "__main__":
    main()
