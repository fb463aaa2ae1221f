"""What the expert stream raises."""

from __future__ import annotations

from trinity_chord.errors import ChordError


class ExpertDataError(ChordError, ValueError):
    """Expert data, settings or a saved position that cannot be used."""


class TokenizerError(ExpertDataError):
    """The tokenizer of the model cannot be loaded."""


class ChatTemplateError(ExpertDataError):
    """The chat template is not a template; the caller knows which key holds it."""


class ExpertDataExhaustedError(ChordError, RuntimeError):
    """The expert data is exhausted and ``at_end`` is ``'error'``."""
