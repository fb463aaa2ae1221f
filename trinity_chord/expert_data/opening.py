"""Opens the expert stream of Trinity's auxiliary buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trinity_chord.expert_data.pairs import PairBy
from trinity_chord.expert_data.quality import Quality
from trinity_chord.expert_data.settings import ExpertSet, StreamSettings
from trinity_chord.expert_data.stream import ExpertStream

if TYPE_CHECKING:
    from trinity.common.config import ExperienceBufferConfig


def open_experts(
    buffers: Mapping[str, ExperienceBufferConfig], args: Mapping[str, Any]
) -> ExpertStream:
    """Opens the stream: reads, checks and tokenises its sets, or finds them in the cache.

    Args:
        buffers: Trinity's auxiliary buffers.
        args: What `expert_stream_args` wrote.

    Raises:
        ExpertDataError: A set cannot be used; every bad row found is named.
    """
    settings = dict(args)
    quality, pair_by = settings.pop("quality"), settings.pop("pair_by")
    sets = [
        ExpertSet(
            name=name,
            path=buffers[name].path,
            split=buffers[name].split,
            subset_name=buffers[name].subset_name,
            format=buffers[name].format,
            share=share,
            quality=Quality(**quality[name]) if name in quality else None,
        )
        for name, share in settings.pop("sets").items()
    ]
    by_key = None if pair_by is None else PairBy(**pair_by)
    return ExpertStream(sets, StreamSettings(**settings, pair_by=by_key))
