"""What the parts of the plugin agree on: the fields of a row, and the arguments of `derive`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import torch

from trinity_chord.errors import ChordConfigError
from trinity_chord.plugin import names

if TYPE_CHECKING:
    from trinity.common.config import Config

VERL, TINKER = "verl", "tinker"


@dataclass(frozen=True)
class RowField:
    """A number that each row of a batch carries from the sample strategy to the losses.

    Attributes:
        name: The losses' parameter, which is also the tensor's key in the trainer's batch.
        info_key: The key in the row's `Experience.info`.
        dtype: The dtype of the tensor, shape [N]; a scalar with Tinker, which calls the losses row
            by row.
        meaning: What the number is.
        backends: The trainers, by Trinity's names, that read it.
    """

    name: str
    info_key: str
    dtype: torch.dtype
    meaning: str
    backends: tuple[str, ...] = (VERL, TINKER)


ROW_FIELDS = (
    RowField("expert_mask", "is_expert", torch.bool, "whether the row is an expert row"),
    RowField(
        "loss_coef",
        "loss_coef",
        torch.float32,
        "the factor of the row's token sum in the loss: (1-μ) or μ, times loss_norm",
    ),
    RowField(
        "loss_norm",
        "loss_norm",
        torch.float32,
        "the row's normalizer, by the aggregation mode of its kind",
    ),
    RowField(
        "token_norm",
        "token_norm",
        torch.float32,
        "1 / (tokens of the row's kind in the whole batch)",
    ),
    # verl passes the number of data-parallel ranks, over which it averages gradients. Tinker
    # averages over the rows of the batch, as if each row were a rank.
    RowField("dp_size", "batch_rows", torch.int64, "rows of the whole batch", (TINKER,)),
    # Tinker reads this of every row, and fills it in only if there is a reference model.
    RowField("ref_logprob", "no_reference", torch.float32, "NaN: not to be used", (TINKER,)),
)


def row_fields(backend: str) -> tuple[RowField, ...]:
    """Return the fields that the rows of a batch carry under a trainer.

    Args:
        backend: Trinity's name of the trainer, ``'verl'`` or ``'tinker'``.
    """
    return tuple(field for field in ROW_FIELDS if backend in field.backends)


@dataclass(frozen=True)
class Pairing:
    """What ties an expert row to a task.

    Attributes:
        expert_key: A column of the expert sets; None for the row's number.
        task_key: The column of the taskset that holds the same; None for the task's number.
    """

    expert_key: str | None = None
    task_key: str | None = None


@dataclass(frozen=True)
class RowSettings:
    """Which expert rows a batch gets, and which of its rows count.

    Attributes:
        pairing: What ties an expert row to a task; None if nothing does.
        unpaired: What an expert slot gets if its prompt has no expert row: ``'random'``, the next
            row of the stream; ``'skip'``, a row that does not count; ``'error'``.
        gate: Name of the gate.
        gate_args: Arguments of the gate.
    """

    pairing: Pairing | None
    unpaired: str
    gate: str
    gate_args: dict[str, float]

    @property
    def active(self) -> bool:
        """Whether the expert rows of a batch depend on its prompts at all."""
        return self.pairing is not None or self.gate != "all"

    def to_args(self) -> dict[str, Any]:
        """Return the settings as values that YAML can hold; `from_args` reads them."""
        return asdict(self)

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> RowSettings:
        """Read what `to_args` returned."""
        pairing = args["pairing"]
        return cls(**{**args, "pairing": None if pairing is None else Pairing(**pairing)})


@dataclass(frozen=True)
class StrategyArgs:
    """The arguments of `ExpertMixSampleStrategy`, which `derive` computes from a configuration.

    Attributes:
        on_policy_rows: On-policy rows of a batch.
        expert_rows: Expert rows of a batch.
        discarded_rows: On-policy rows that are read each step for their metrics only (pure
            imitation next to an explorer).
        mu_schedule: Name of the μ rule.
        mu_schedule_args: Arguments of the μ rule.
        on_policy_mode: Aggregation mode of the on-policy rows.
        expert_mode: Aggregation mode of the expert rows.
        experts: Settings of the expert stream; None without one.
        backend: Trinity's name of the trainer.
        row_level: Settings of pairing and gate; None if expert rows do not depend on the prompts.
        derived_by: The mark of `derive`, by which it recognizes its own arguments.
    """

    on_policy_rows: int
    expert_rows: int
    discarded_rows: int
    mu_schedule: str
    mu_schedule_args: dict[str, Any]
    on_policy_mode: str
    expert_mode: str
    experts: dict[str, Any] | None
    backend: str
    row_level: RowSettings | None
    derived_by: str = names.DERIVED_MARK

    def to_args(self) -> dict[str, Any]:
        """Return the arguments as values that YAML can hold; `from_args` reads them."""
        return asdict(self)

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> StrategyArgs:
        """Read what `to_args` returned.

        Raises:
            ChordConfigError: An argument is missing or unexpected.
        """
        expected = [field.name for field in fields(cls)]
        if set(args) != set(expected):
            raise ChordConfigError(
                f"`{names.SAMPLE_ARGS}`: got {sorted(args)}, expected {sorted(expected)}; set "
                f"`algorithm.algorithm_type: {names.ALGORITHM}`, which derives them"
            )
        row_level = args["row_level"]
        return cls(
            **{
                **args,
                "row_level": None if row_level is None else RowSettings.from_args(row_level),
            }
        )


def is_derived(config: Config) -> bool:
    """Return whether `derive` has completed this configuration."""
    args = config.algorithm.sample_strategy_args
    return isinstance(args, dict) and names.DERIVED in args
