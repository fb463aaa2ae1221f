"""Patches of transformers; `trinity_chord.cpu.patches` lists where each applies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wrapt

VIDEO_PROCESSOR = "video_processor"

Wrapped = Callable[..., Any]
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def load_processors_without_video(processing_utils: Any) -> None:
    """Load the processor of a vision model without the part that reads videos.

    Problem: that part needs torchvision, whose wheels need CUDA libraries and fail to import next
    to a torch for CPUs. A processor that has such a part cannot be loaded without it, even to read
    images only. Without torchvision, transformers itself reads images with Pillow and numpy.

    Fix: leave out the part, if torchvision is not installed.
    """
    from transformers.utils.import_utils import is_torchvision_available

    if is_torchvision_available():
        return

    @wrapt.patch_function_wrapper(processing_utils, "ProcessorMixin.get_attributes")
    def get_attributes(wrapped: Wrapped, _: Any, args: Args, kwargs: Kwargs) -> list[str]:
        return [name for name in wrapped(*args, **kwargs) if name != VIDEO_PROCESSOR]
