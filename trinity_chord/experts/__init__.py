"""Streams of expert rows: read, checked, tokenised once, ordered by a seed, resumed exactly."""

from trinity_chord.experts.errors import (
    ExpertDataEndedError,
    ExpertDataError,
    ExpertDataUsedUpError,
    ExpertStateError,
)
from trinity_chord.experts.pairs import PairBy
from trinity_chord.experts.quality import Quality
from trinity_chord.experts.report import SetReport, StreamReport
from trinity_chord.experts.settings import ExpertSet, StreamSettings
from trinity_chord.experts.stream import ExpertStream

__all__ = [
    "ExpertDataEndedError",
    "ExpertDataError",
    "ExpertDataUsedUpError",
    "ExpertSet",
    "ExpertStateError",
    "ExpertStream",
    "PairBy",
    "Quality",
    "SetReport",
    "StreamReport",
    "StreamSettings",
]
