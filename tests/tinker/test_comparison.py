"""What Trinity's Tinker trainer does with `mix_chord`: a comparison, not a failure."""

import asyncio

import pytest
import torch
from trinity.common.experience import CustomField

from tests.exactness.rows import make_rows
from tests.tinker.local_service import make_trainer

pytestmark = pytest.mark.filterwarnings("ignore:DEPRECATED:FutureWarning")

FIELDS = [
    CustomField("is_expert", "expert_mask", torch.bool),
    CustomField("step", "step", torch.int32),
]


def rows_of_mix():
    """Return rows as Trinity's `mix` sample strategy marks them."""
    rows = make_rows("token-mean", "token-mean")
    for row in rows:
        row.info = {"is_expert": row.info["is_expert"], "step": 1}
        row.custom_fields = FIELDS
    return rows


def test_mix_chord_stops_at_the_first_row(checked_for_tinker):
    config = checked_for_tinker(
        {"algorithm.algorithm_type": "mix_chord", "algorithm.sample_strategy_args": None}
    )
    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        asyncio.run(make_trainer(config).train_step(rows_of_mix()))


def test_an_algorithm_without_a_reference_model_stops_because_it_has_none(checked_for_tinker):
    config = checked_for_tinker(
        {"algorithm.algorithm_type": "raft", "algorithm.sample_strategy_args": None}
    )
    with pytest.raises(KeyError, match="ref_logprob"):
        asyncio.run(make_trainer(config).train_step(rows_of_mix()))
