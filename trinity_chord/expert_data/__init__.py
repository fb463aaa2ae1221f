"""Streams of expert rows: read, checked, tokenized once, ordered by a seed, resumed exactly."""

from trinity_chord.expert_data.errors import ExpertDataError, ExpertDataExhaustedError
from trinity_chord.expert_data.pairs import PairBy
from trinity_chord.expert_data.quality import Quality
from trinity_chord.expert_data.report import SetReport, StreamReport
from trinity_chord.expert_data.settings import ExpertSet, StreamSettings
from trinity_chord.expert_data.stream import ExpertStream

__all__ = [
    "ExpertDataError",
    "ExpertDataExhaustedError",
    "ExpertSet",
    "ExpertStream",
    "PairBy",
    "Quality",
    "SetReport",
    "StreamReport",
    "StreamSettings",
]
