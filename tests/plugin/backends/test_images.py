"""Rows with images: positions in a micro-batch of Trinity, and trainers that take them."""

import types

import pytest
import torch
from tensordict import TensorDict

from trinity_chord.cpu import activate
from trinity_chord.errors import Problems
from trinity_chord.plugin.backends.images import check_images, support_images

activate()
LENGTHS = (3, 5, 2)
KINDS = 4  # Positions per token of Qwen2.5-VL.


def rows_of(batch):
    """The real positions of each row, [KINDS, length]."""
    return [
        batch["position_ids"][i][:, batch["attention_mask"][i].bool()] for i in range(len(LENGTHS))
    ]


@pytest.fixture
def batch():
    """Three rows, padded on the left, whose positions all differ."""
    width = max(LENGTHS)
    mask = torch.tensor([[0] * (width - n) + [1] * n for n in LENGTHS])
    positions = torch.arange(len(LENGTHS) * KINDS * width).view(len(LENGTHS), KINDS, width)
    return TensorDict(
        {
            "input_ids": torch.ones_like(mask),
            "attention_mask": mask,
            "response_mask": torch.ones(len(LENGTHS), 1, dtype=torch.long),
            "position_ids": positions,
        },
        batch_size=len(LENGTHS),
    )


def model_inputs(batch, *, use_remove_padding, prepare=None):
    """What verl's engine passes to the model."""
    from trinity.trainer.verl import monkey_patch

    support_images()

    class Engine:
        prepare_model_inputs = prepare or monkey_patch.prepare_model_inputs
        use_ulysses_sp = False
        module = types.SimpleNamespace()

    micro_batch = monkey_patch.left_right_2_no_padding(batch)
    monkey_patch.tu.assign_non_tensor_data(micro_batch, "use_remove_padding", use_remove_padding)
    micro_batch["temperature"] = torch.ones(len(LENGTHS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.distributed, "get_world_size", lambda: 1)
        return Engine().prepare_model_inputs(micro_batch=micro_batch)[0]


def test_each_token_keeps_its_positions_if_rows_are_packed(batch):
    expected = torch.cat(rows_of(batch), dim=1)
    found = model_inputs(batch, use_remove_padding=True)["position_ids"]
    assert found.tolist() == expected.unsqueeze(1).tolist()


def test_each_token_keeps_its_positions_if_rows_are_padded(batch):
    expected = rows_of(batch)
    found = model_inputs(batch, use_remove_padding=False)["position_ids"]
    assert found.shape == (KINDS, len(LENGTHS), max(LENGTHS))
    for i, row in enumerate(expected):
        assert found[:, i, : LENGTHS[i]].tolist() == row.tolist()


def test_trinity_mixes_up_the_positions(batch):
    """The reason for the change: as soon as this fails, it is no longer needed."""
    from trinity.trainer.verl import monkey_patch

    support_images()
    expected = torch.cat(rows_of(batch), dim=1)
    trinitys = monkey_patch.prepare_model_inputs.__wrapped__
    found = model_inputs(batch, use_remove_padding=True, prepare=trinitys)["position_ids"]
    assert sorted(found.flatten().tolist()) == sorted(expected.flatten().tolist())
    assert found.tolist() != expected.unsqueeze(1).tolist()


EXPERTS = "buffer.trainer_input.auxiliary_buffers.sft_dataset.format.image_key"


@pytest.mark.parametrize(
    ("trainer", "refused"),
    [
        ({"trainer.trainer_strategy": "fsdp"}, False),
        ({"trainer.trainer_strategy": "fsdp2"}, False),
        ({"trainer.trainer_strategy": "megatron"}, True),
        ({"trainer.trainer_type": "tinker"}, True),
    ],
)
def test_images_need_fsdp(load, trainer, refused):
    problems = Problems()
    check_images(load({**trainer, EXPERTS: "images"}), problems)
    assert [line.split(":")[0] for line in problems.lines] == [f"`{EXPERTS}`"] * refused
    without = Problems()
    check_images(load(trainer), without)
    assert without.lines == []
