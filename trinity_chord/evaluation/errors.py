"""The error of this package."""

from __future__ import annotations

from trinity_chord.errors import ChordError


class EvaluationError(ChordError, ValueError):
    """Something the user gave cannot be evaluated; the message says what and how to fix it."""
