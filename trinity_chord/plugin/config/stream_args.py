"""The settings of the expert stream, as plain values that travel to the trainer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.plugin.config.data_settings import DataSettings


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
