"""The settings of the expert stream as plain values, which travel to the trainer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.plugin.config.data_settings import DataSettings


def expert_stream_args(config: Config, data: DataSettings) -> dict[str, Any]:
    """Return, as plain values, what `open_experts` needs in addition to the buffers.

    Args:
        config: Trinity's configuration.
        data: The settings of the expert rows.
    """
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
        "thoughts": data.thoughts,
        "at_end": data.at_end,
        "seed": data.seed,
        "cache_dir": cache_folder(config),
    }


def cache_folder(config: Config) -> str:
    """Return the folder of the token cache.

    The cache is keyed by content, so all runs and checks under one root share it.
    """
    return os.path.join(config.checkpoint_root_dir, "expert_tokens")
