"""What the configuration hands to training: the derived settings, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trinity_chord.plugin import names

if TYPE_CHECKING:
    from trinity.common.config import Config


@dataclass(frozen=True)
class Pairing:
    """What ties an expert row to a task.

    Attributes:
        expert_key: A column of the expert sets; None where it is the row's number.
        task_key: The column of the taskset that holds the same; None where it is the task's number.
    """

    expert_key: str | None = None
    task_key: str | None = None


@dataclass(frozen=True)
class RowSettings:
    """Which expert rows a batch gets, and which of its rows count.

    Attributes:
        pairing: What ties an expert row to a task; None where nothing does.
        unpaired: What an expert slot gets whose prompt has no expert row: ``'random'``, the next
            row of the stream; ``'skip'``, a row that does not count; ``'error'``.
        gate: Name of the gate.
        gate_args: Its arguments.
    """

    pairing: Pairing | None
    unpaired: str
    gate: str
    gate_args: dict[str, float]

    @property
    def active(self) -> bool:
        """Whether the prompts of a batch have a say in its expert rows at all."""
        return self.pairing is not None or self.gate != "all"

    def to_args(self) -> dict[str, Any]:
        """Returns the settings as values that YAML can hold; `from_args` reads them."""
        return asdict(self)

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> RowSettings:
        """Reads what `to_args` wrote."""
        pairing = args["pairing"]
        return cls(**{**args, "pairing": None if pairing is None else Pairing(**pairing)})


def is_derived(config: Config) -> bool:
    """Whether `derive` has been at this configuration."""
    args = config.algorithm.sample_strategy_args
    return isinstance(args, dict) and names.DERIVED in args
