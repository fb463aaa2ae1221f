"""What the commands of ``trinity-chord eval`` have in common."""

from __future__ import annotations

from enum import Enum


class Backend(str, Enum):
    """What samples the model."""

    auto = "auto"
    vllm = "vllm"
    transformers = "transformers"
