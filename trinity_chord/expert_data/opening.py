"""Opens the expert stream that a configuration describes with plain values."""

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
    """Open an expert stream: read, check and tokenize its sets, or find them in the cache.

    Args:
        buffers: Trinity's auxiliary buffers by name; each set is the buffer of its name.
        args: Values that YAML can hold: ``sets`` (the share of each set by name), ``quality``
            (the arguments of `Quality` by name, for the sets that have scores), ``pair_by`` (the
            arguments of `PairBy`, or None) and every other field of `StreamSettings`.

    Raises:
        ExpertDataError: A set cannot be used; the message names every bad row.
    """
    settings = dict(args)
    shares, quality, pair_by = (settings.pop(key) for key in ("sets", "quality", "pair_by"))
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
        for name, share in shares.items()
    ]
    by_key = None if pair_by is None else PairBy(**pair_by)
    return ExpertStream(sets, StreamSettings(**settings, pair_by=by_key))
