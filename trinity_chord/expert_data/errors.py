"""What the expert stream raises."""

from __future__ import annotations

from trinity_chord.errors import ChordError


class ExpertDataError(ChordError, ValueError):
    """Expert data or settings that cannot be used."""


class ExpertStateError(ChordError, ValueError):
    """A saved position that belongs to other data or other settings."""


class ExpertDataEndedError(ChordError):
    """The expert data is exhausted and ``at_end`` is ``'stop'``."""


class ExpertDataUsedUpError(ChordError, RuntimeError):
    """The expert data is exhausted and ``at_end`` is ``'error'``."""
