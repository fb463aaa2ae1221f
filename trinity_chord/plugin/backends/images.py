"""What verl's FSDP engine needs under Trinity 0.6 to train on rows with images.

1. A model that reads images has several positions per token, for example 4 for Qwen2.5-VL: the
   place in the text, and time, height and width in an image. Trinity flattens the positions of each
   row, all of the first kind before all of the second, and puts the flattened rows one after the
   other. It then reads the result as if all rows had been flattened together. With one row that is
   the same; with more, tokens get the positions of other tokens, and the gradient depends on how
   the batch is split.
2. FSDP's ranks collect the weights of a layer together. In a micro-batch without images, a model
   skips the layers that read images; if another rank has an image at that moment, the ranks wait
   for each other, or exchange the wrong tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import wrapt

from trinity_chord.plugin.names import AUXILIARY_BUFFERS, TASKSET
from trinity_chord.plugin.tasksets import tasksets_of

if TYPE_CHECKING:
    from torch import Tensor
    from trinity.common.config import Config

    from trinity_chord.errors import Problems

MODULE = "trinity.trainer.verl.monkey_patch"
READS_IMAGES = "_trinity_chord_reads_images"  # Set on a model that has the hook.


def check_images(config: Config, problems: Problems) -> None:
    """Refuse images with a trainer for which the corrections below are not made.

    Args:
        config: Trinity's configuration.
        problems: Collects what is wrong.
    """
    trainer = config.trainer
    if trainer.trainer_type == "verl" and trainer.trainer_strategy.startswith("fsdp"):
        return
    experts = config.buffer.trainer_input.auxiliary_buffers or {}
    formats = [(f"{AUXILIARY_BUFFERS}.{name}", each.format) for name, each in experts.items()]
    formats += [(TASKSET, each.format) for each in tasksets_of(config.buffer)]
    for key, form in formats:
        if form.image_key:
            problems.add(
                f"{key}.format.image_key",
                form.image_key,
                "None, because images need `trainer_type: verl` with FSDP",
            )


@functools.cache
def support_images() -> None:
    """Let this process's workers train on rows with images. Calling it again does nothing.

    Nothing is imported: the change is made as soon as Trinity's worker has imported the module.
    """
    wrapt.register_post_import_hook(_patch, MODULE)


def _patch(module: Any) -> None:
    @wrapt.patch_function_wrapper(module, "prepare_model_inputs")
    def prepare_model_inputs(
        wrapped: Callable[..., Any], engine: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        def bind(micro_batch: Any) -> Any:
            return micro_batch

        model_inputs, output_args = wrapped(*args, **kwargs)
        micro_batch = bind(*args, **kwargs)
        components = module.tu.get_non_tensor_data(
            data=micro_batch, key="num_pos_components", default=0
        )
        if components:
            rows = [row.view(components, -1) for row in micro_batch["position_ids"].unbind()]
            model_inputs["position_ids"] = at_their_tokens(rows, model_inputs["position_ids"])
            _read_a_blank_image(engine.module)
        return model_inputs, output_args

    if getattr(module.FSDPEngine, "_patched", False):  # Trinity has handed out the function.
        module.FSDPEngineWithLMHead.prepare_model_inputs = module.prepare_model_inputs


def at_their_tokens(rows: list[Tensor], positions: Tensor) -> Tensor:
    """Return the positions of each row where its tokens are.

    Args:
        rows: The positions of each row, `[components, length of the row]`.
        positions: `[components, rows, length]`, each row padded at its end, or
            `[components, 1, length]`, the rows one after the other. The positions of padding are
            taken from here; those of tokens may be in any order.

    Returns:
        A new tensor of the same shape.
    """
    positions = positions.clone()  # It can share its memory with `rows`.
    if positions.shape[1] == len(rows):
        for i, row in enumerate(rows):
            positions[:, i, : row.shape[1]] = row
        return positions
    start = 0
    for row in rows:
        positions[:, 0, start : start + row.shape[1]] = row
        start += row.shape[1]
    return positions


def _read_a_blank_image(model: Any) -> None:
    """Let a model of several ranks read a blank image, times 0, in a micro-batch without images."""
    import torch.distributed

    if torch.distributed.get_world_size() == 1 or hasattr(model, READS_IMAGES):
        return
    if not hasattr(model.config, "vision_config"):
        return
    model.register_forward_pre_hook(_with_a_blank_image, with_kwargs=True)
    setattr(model, READS_IMAGES, True)


def _with_a_blank_image(
    model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a forward pass that uses all layers, whatever the rows have."""
    if kwargs.get("pixel_values") is not None:
        return args, kwargs
    embeddings = model.get_input_embeddings()(kwargs["input_ids"])
    config = model.config.vision_config
    side = config.spatial_merge_size  # Of the smallest image: one token.
    size = config.in_channels * config.temporal_patch_size * config.patch_size**2
    pixels = embeddings.new_zeros(side * side, size)
    grid = kwargs["input_ids"].new_tensor([[1, side, side]])
    read = model.get_image_features(pixels, image_grid_thw=grid, return_dict=True)
    nothing = sum(tensor.sum() for tensor in _tensors(read)) * 0.0
    embeddings = embeddings + nothing.to(embeddings.dtype)
    return args, {**kwargs, "input_ids": None, "inputs_embeds": embeddings}


def _tensors(found: Any) -> Iterator[Any]:
    """Yield every tensor that a model returns for an image: of its last layer and of others."""
    import torch

    if isinstance(found, torch.Tensor):
        yield found
    elif isinstance(found, dict):
        for each in found.values():
            yield from _tensors(each)
    elif isinstance(found, list | tuple):
        for each in found:
            yield from _tensors(each)
