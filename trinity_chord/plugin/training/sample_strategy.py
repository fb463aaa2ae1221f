"""The sample strategy: joins on-policy and expert rows, and weighs the whole batch."""

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
from trinity_chord.plugin.contract import StrategyArgs
from trinity_chord.plugin.training.mu import MuController
from trinity_chord.plugin.training.rollout_metrics import rollout_metrics
from trinity_chord.plugin.training.rollout_reader import RolloutReader
from trinity_chord.plugin.training.row_level import Drawn, RowLevel
from trinity_chord.plugin.training.stamping import as_expert, stamp
from trinity_chord.plugin.training.stray_images import leave_out_stray_images


class ExpertMixSampleStrategy(SampleStrategy):
    """Mixes rows of the explorer's buffer with rows of the expert stream.

    The whole batch is known only here, so μ and the coefficient of every row are computed here and
    stamped on the rows.

    Args:
        buffer_config: Trinity's buffers.
        **args: The fields of `StrategyArgs`, which `derive` writes into the configuration.

    Raises:
        ChordConfigError: An argument is missing or unexpected.
    """

    def __init__(self, buffer_config: BufferConfig, **args: Any) -> None:
        super().__init__(buffer_config)
        self.args = StrategyArgs.from_args(args)
        self.mu = MuController(self.args.mu_schedule, self.args.mu_schedule_args)
        inputs = buffer_config.trainer_input
        self.rollouts: RolloutReader | None = None
        rollouts_per_step = self.args.on_policy_rows or self.args.discarded_rows
        if rollouts_per_step:
            self.rollouts = RolloutReader(inputs.experience_buffer, rollouts_per_step)
        self.experts: ExpertStream | None = None
        if self.args.experts is not None:
            self.experts = open_experts(inputs.auxiliary_buffers, self.args.experts)
        self.row_level: RowLevel | None = None
        if self.experts is not None and self.args.row_level is not None:
            self.row_level = RowLevel(
                self.experts, self.args.expert_rows, self.args.row_level, buffer_config
            )

    async def sample(
        self, step: int, **kwargs: Any
    ) -> tuple[list[Experience], dict[str, float], list[dict[str, Any]]]:
        """Read the batch of a step; both kinds of rows at the same time, unless they are paired.

        Args:
            step: The training step, from 1.
            **kwargs: Ignored.

        Returns:
            The stamped rows, metrics of the whole batch, and rows to log.

        Raises:
            StopAsyncIteration: A buffer is exhausted.
            TimeoutError: The on-policy rows did not arrive in time; no row is lost.
            PairingError: An on-policy row cannot be paired.
        """
        metrics: dict[str, float] = {}
        with Timer(metrics, "time/read_experience"):
            rollouts, drawn = await (
                self._read_both() if self.row_level is None else self._read_paired(self.row_level)
            )
        experts = [as_expert(row) for row in drawn.rows]
        metrics.update(rollout_metrics(rollouts))
        on_policy = rollouts if self.args.on_policy_rows else []
        leave_out_stray_images(on_policy, experts)
        metrics.update(drawn.metrics)
        mu, mu_metrics = self.mu.next(step, on_policy)
        metrics.update(mu_metrics)
        metrics.update(
            stamp(
                on_policy,
                experts,
                mu=mu,
                on_policy_mode=self.args.on_policy_mode,
                expert_mode=self.args.expert_mode,
                backend=self.args.backend,
                is_open=drawn.is_open,
            )
        )
        if self.experts is not None:
            metrics.update(self.experts.metrics())
        self.set_model_version_metric(on_policy, metrics)
        return [*on_policy, *experts], metrics, representative_sample(rollouts or experts)

    async def _read_paired(self, row_level: RowLevel) -> tuple[list[Experience], Drawn]:
        """Read the rollouts, then expert rows for their prompts; a failure loses no row."""
        rollouts = await self._read_rollouts()
        try:
            return rollouts, await row_level.draw(rollouts)
        except BaseException:
            self._return_rollouts(rollouts)
            raise

    async def _read_both(self) -> tuple[list[Experience], Drawn]:
        """Read both kinds at once; if one fails, the next call gets the other's rows again."""
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
            self._return_rollouts(rollouts)
            raise experts
        return rollouts, Drawn(experts)

    async def _read_rollouts(self) -> list[Experience]:
        return [] if self.rollouts is None else await self.rollouts.read()

    def _return_rollouts(self, rollouts: list[Experience]) -> None:
        if self.rollouts is not None:
            self.rollouts.give_back(rollouts)

    async def _read_experts(self) -> list[Experience]:
        return [] if self.experts is None else await self.experts.read(self.args.expert_rows)

    def state_dict(self) -> dict[str, Any]:
        """Return the readers' positions and what μ depends on, as JSON."""
        return {
            "usual_buffer": self.rollouts.state_dict() if self.rollouts is not None else None,
            "expert_buffer": self.experts.state_dict() if self.experts is not None else None,
            "mu_rule": self.mu.state_dict(),
            "row_level": self.row_level.state_dict() if self.row_level is not None else None,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from a checkpoint, which may be one that Trinity's `mix` strategy wrote.

        Args:
            state_dict: What `state_dict` returned, or the state of Trinity's strategy.

        Raises:
            ExpertDataError: The state is damaged, or belongs to other expert data.
        """
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
        """Return no arguments: `derive` computes them from the configuration."""
        return {}
