"""`algorithm.sample_strategy_args` as users write it: keys, bounds, defaults, descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from trinity_chord.expert_data import Quality
from trinity_chord.expert_data.quality import PERCENTILES
from trinity_chord.expert_data.settings import AT_END, OVERLONG, THOUGHTS
from trinity_chord.plugin.config.settings import (
    Column,
    Name,
    Number,
    OneOf,
    Positive,
    RuleName,
    Settings,
    UnitInterval,
    Whole,
)
from trinity_chord.plugin.contract import Pairing

UNPAIRED = ("error", "random", "skip")
TASK_INDEX = "task_index"


class PairingArgs(Settings):
    """The columns that pair expert rows with tasks."""

    expert_key: Column = Field(description="A column of the expert sets.")
    task_key: Column = Field(description="The column of the taskset that holds the same values.")


class QualityArgs(Settings):
    """SFT(Q) (arXiv 2507.12856): a row appears once for each percentile that its score reaches."""

    key: Column = Field(description="The column of the scores.")
    percentiles: list[Number] = Field(
        default=list(PERCENTILES),
        description="Different percentiles of the scores, each in [0, 100).",
    )

    @model_validator(mode="after")
    def _check(self) -> QualityArgs:
        Quality(self.key, self.percentiles)  # raises ExpertDataError, a ValueError
        return self


def _pairing_kind(value: Any) -> str:
    return "columns" if isinstance(value, (Mapping, PairingArgs)) else "index"


class SampleArgs(Settings):
    """All keys of `algorithm.sample_strategy_args`. Every key is optional."""

    expert_data_ratio: UnitInterval = Field(
        default=0.5, description="Expert rows / all rows. 0 is pure RL, 1 pure imitation."
    )
    expert_rows: Whole | None = Field(
        default=None, description="Expert rows of a batch, in place of the ratio."
    )
    sft_dataset_name: Name = Field(
        default="sft_dataset", description="The auxiliary buffer that holds the expert rows."
    )
    expert_sets: Annotated[dict[Name, Positive], Field(min_length=1)] | None = Field(
        default=None,
        description="Several such buffers, each with its share: `{easy: 0.7, hard: 0.3}`.",
    )
    expert_seed: Whole = Field(default=42, description="Seed of the order of the expert rows.")
    expert_at_end: Annotated[str, OneOf(AT_END)] = Field(
        default=AT_END[0],
        description="What happens when all expert rows were read: `cycle` starts a new epoch in a "
        "new order, `stop` ends the run, `error` fails it.",
    )
    expert_overlong: Annotated[str, OneOf(OVERLONG)] = Field(
        default=OVERLONG[0],
        description="What happens to rows over `model.max_model_len`: they are left out (`drop`), "
        "their response is truncated (`cut`), or the configuration is refused (`error`).",
    )
    expert_thoughts: Annotated[str, OneOf(THOUGHTS)] = Field(
        default=THOUGHTS[0],
        description="What happens to the thoughts in the assistant's turns: they are learned "
        "(`keep`) or removed before the row is tokenized (`drop`).",
    )
    expert_pairing: (
        Annotated[
            Annotated[Literal["task_index"], Tag("index")] | Annotated[PairingArgs, Tag("columns")],
            Discriminator(_pairing_kind),
        ]
        | None
    ) = Field(
        default=None, description="Gives each prompt its own expert rows: see [pairing](#pairing)."
    )
    unpaired: Annotated[str, OneOf(UNPAIRED)] | None = Field(
        default=None,
        description="What a slot gets whose prompt has no expert row; `error` if not given.",
    )
    gate: RuleName = Field(
        default="all",
        description="Which prompts learn from rollouts, which from expert rows: see "
        "[gates](#gates).",
    )
    gate_args: dict[str, Any] = Field(default={}, description="Arguments of the gate.")
    expert_quality: dict[Name, QualityArgs] = Field(
        default={},
        description="Rows that repeat by their score, by the name of the set: see "
        "[quality](#quality).",
    )

    def sets(self) -> dict[str, float]:
        """Return the share of each expert set among the expert rows."""
        return self.expert_sets or {self.sft_dataset_name: 1.0}

    def pairing(self) -> Pairing | None:
        """Return what ties an expert row to a task, None if nothing does."""
        columns = self.expert_pairing
        if isinstance(columns, PairingArgs):
            return Pairing(columns.expert_key, columns.task_key)
        return Pairing() if columns is not None else None
