"""Opens the expert stream that a configuration describes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trinity_chord.experts import ExpertSet, ExpertStream, PairBy, Quality, StreamSettings

if TYPE_CHECKING:
    from trinity.common.config import Config, ExperienceBufferConfig

    from trinity_chord.plugin.data_settings import DataSettings


def expert_stream_args(config: Config, data: DataSettings) -> dict[str, Any]:
    """Writes down, as plain values, what `open_experts` needs beside the buffers."""
    model = config.model
    longest = model.max_model_len
    if longest is None:
        longest = (model.max_prompt_tokens or 0) + (model.max_response_tokens or 0)
    pairing = data.rows.pairing
    return {
        "sets": dict(data.sets),
        "quality": data.quality,
        "pair_by": None if pairing is None else {"column": pairing.expert_key},
        "tokenizer_path": model.model_path,
        "max_model_len": longest,
        "overlong": data.overlong,
        "at_end": data.at_end,
        "seed": data.seed,
        "cache_dir": cache_folder(config),
    }


def cache_folder(config: Config) -> str:
    """The token cache; keyed by content, so that runs and checks under one root share it."""
    return os.path.join(config.checkpoint_root_dir, "expert_tokens")


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
