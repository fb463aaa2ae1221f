"""The error of the report."""

from trinity_chord.errors import ChordError


class ReportError(ChordError):
    """No page can be made of what was given; the message says why."""
