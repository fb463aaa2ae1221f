"""The sample strategy: brings on-policy and expert rows together and weighs the whole batch."""

from __future__ import annotations

import asyncio
from typing import Any

from trinity.algorithm.sample_strategy.sample_strategy import SampleStrategy
from trinity.algorithm.sample_strategy.utils import representative_sample
from trinity.common.config import BufferConfig
from trinity.common.experience import Experience
from trinity.utils.timer import Timer

from trinity_chord.expert_data import ExpertStream
from trinity_chord.expert_data.opening import open_experts
from trinity_chord.plugin.contract import RowSettings
from trinity_chord.plugin.training.mu import MuController
from trinity_chord.plugin.training.rollout_reader import RolloutReader
from trinity_chord.plugin.training.row_level import Drawn, RowLevel
from trinity_chord.plugin.training.stamping import as_expert, stamp


class ExpertMixSampleStrategy(SampleStrategy):
    """Mixes rows from the explorer's buffer with rows of the expert stream.

    It is where the whole batch is known: it works μ and every row's coefficient out and stamps
    them on the rows. Its arguments are written by `derive`, not by hand.

    Args:
        buffer_config: Trinity's buffers.
        on_policy_rows: On-policy rows of a batch.
        expert_rows: Expert rows of a batch.
        discarded_rows: On-policy rows read each step for their metrics only (pure imitation).
        mu_schedule: Name of the μ rule.
        mu_schedule_args: Its arguments.
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        experts: Settings of the expert stream; None without one.
        backend: Trinity's name of the trainer.
        row_level: Settings of pairing and gate; None where the prompts have no say.
        derived_by: The mark of `derive`.
    """

    def __init__(
        self,
        buffer_config: BufferConfig,
        *,
        on_policy_rows: int,
        expert_rows: int,
        discarded_rows: int,
        mu_schedule: str,
        mu_schedule_args: dict[str, Any],
        on_policy_mode: str,
        expert_mode: str,
        experts: dict[str, Any] | None,
        backend: str,
        row_level: dict[str, Any] | None,
        derived_by: str,
    ) -> None:
        super().__init__(buffer_config)
        self.on_policy_rows = on_policy_rows
        self.expert_rows = expert_rows
        self.mu = MuController(mu_schedule, mu_schedule_args)
        self.modes = {"on_policy_mode": on_policy_mode, "expert_mode": expert_mode}
        self.backend = backend
        inputs = buffer_config.trainer_input
        self.rollouts: RolloutReader | None = None
        if on_policy_rows or discarded_rows:
            self.rollouts = RolloutReader(
                inputs.experience_buffer, on_policy_rows or discarded_rows
            )
        self.experts: ExpertStream | None = None
        if experts is not None:
            self.experts = open_experts(inputs.auxiliary_buffers, experts)
        self.row_level: RowLevel | None = None
        if self.experts is not None and row_level is not None:
            self.row_level = RowLevel(
                self.experts, expert_rows, RowSettings.from_args(row_level), buffer_config
            )

    async def sample(
        self, step: int, **kwargs: Any
    ) -> tuple[list[Experience], dict[str, float], list[dict[str, Any]]]:
        """Reads the batch of a step; both kinds of rows at the same time, unless they are paired.

        Args:
            step: The training step, from 1.

        Returns:
            The stamped rows, metrics of the whole batch, and rows to show.

        Raises:
            StopAsyncIteration: A buffer is used up.
            TimeoutError: The on-policy rows did not come in time; no row is lost.
            PairingError: An on-policy row cannot be paired.
        """
        metrics: dict[str, float] = {}
        with Timer(metrics, "time/read_experience"):
            rollouts, drawn = await (self._read() if self.row_level is None else self._draw())
        experts = [as_expert(row) for row in drawn.rows]
        if rollouts:
            metrics["actor/usual/reward"] = sum(row.reward or 0.0 for row in rollouts) / len(
                rollouts
            )
        on_policy = rollouts if self.on_policy_rows else []
        metrics.update(drawn.metrics)
        mu, seen = self.mu.next(step, on_policy)
        metrics.update(seen)
        metrics.update(
            stamp(
                on_policy, experts, mu=mu, backend=self.backend, is_open=drawn.is_open, **self.modes
            )
        )
        if self.experts is not None:
            metrics.update(self.experts.metrics())
        self.set_model_version_metric(on_policy, metrics)
        return [*on_policy, *experts], metrics, representative_sample(rollouts or experts)

    async def _draw(self) -> tuple[list[Experience], Drawn]:
        """Reads the rollouts, then expert rows for their prompts; a failure loses neither."""
        assert self.row_level is not None
        assert self.rollouts is not None
        rollouts = await self.rollouts.read()
        try:
            return rollouts, await self.row_level.draw(rollouts)
        except BaseException:
            self.rollouts.give_back(rollouts)
            raise

    async def _read(self) -> tuple[list[Experience], Drawn]:
        """Reads both kinds; where one fails, the other's rows are there again at the next call."""
        before = self.experts.state_dict() if self.experts is not None else {}
        both = await asyncio.gather(
            self._read_rollouts(), self._read_experts(), return_exceptions=True
        )
        rollouts: list[Experience] | BaseException = both[0]
        experts: list[Experience] | BaseException = both[1]
        if isinstance(rollouts, BaseException):
            if self.experts is not None and not isinstance(experts, BaseException):
                self.experts.load_state_dict(before)
            raise rollouts
        if isinstance(experts, BaseException):
            if self.rollouts is not None:
                self.rollouts.give_back(rollouts)
            raise experts
        return rollouts, Drawn(experts)

    async def _read_rollouts(self) -> list[Experience]:
        return [] if self.rollouts is None else await self.rollouts.read()

    async def _read_experts(self) -> list[Experience]:
        if self.experts is None:
            return []
        return await self.experts.read(self.expert_rows)

    def state_dict(self) -> dict[str, Any]:
        """Returns the readers' positions and what μ depends on, as JSON."""
        return {
            "usual_buffer": self.rollouts.state_dict() if self.rollouts is not None else None,
            "expert_buffer": self.experts.state_dict() if self.experts is not None else None,
            "mu_rule": self.mu.state_dict(),
            "row_level": self.row_level.state_dict() if self.row_level is not None else None,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continues from a checkpoint; also from one that Trinity's `mix` strategy wrote."""
        if self.rollouts is not None and state_dict.get("usual_buffer"):
            self.rollouts.load_state_dict(state_dict["usual_buffer"])
        if self.experts is not None and state_dict.get("expert_buffer"):
            self.experts.load_state_dict(state_dict["expert_buffer"])
        if state_dict.get("mu_rule"):
            self.mu.load_state_dict(state_dict["mu_rule"])
        if self.row_level is not None and state_dict.get("row_level"):
            self.row_level.load_state_dict(state_dict["row_level"])

    @classmethod
    def default_args(cls) -> dict[str, Any]:
        """Returns no arguments: they are derived from the configuration."""
        return {}
