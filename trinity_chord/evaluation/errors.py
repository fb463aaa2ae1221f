"""What goes wrong in an evaluation for a reason that the user can fix."""

from __future__ import annotations

from trinity_chord.errors import ChordError


class EvaluationError(ChordError, ValueError):
    """Something that was given cannot be evaluated; the message says what, and what to do."""
