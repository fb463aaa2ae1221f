"""Settings of verl's Megatron engine that change the scale of the gradient.

With all other settings the gradient is that of the whole batch, by the factors that verl 0.8 and
Megatron-Core 0.16 apply. verl's `MegatronEngine.forward_backward_batch` passes D data-parallel
ranks to the loss, not counting context-parallel ones, and `postprocess_micro_batch_func` multiplies
the loss by the number M of micro-batches. Megatron's `forward_step_calc_loss` divides by M and
multiplies by the number C of context-parallel ranks; `DistributedDataParallel` averages over all
D·C ranks. What remains is the sum over the rows of the D ranks and, because each of the C ranks
keeps the gradient of its own part of a row (`postprocess_thd_engine`), over the parts. Pipeline
stages pass the gradient of the last stage's loss back unchanged, and tensor-parallel ranks share
the work on each token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.plugin.backends.verl import actor_settings

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems

SECTION = "trainer.trainer_config.actor.megatron"


def check_megatron(config: Config, problems: Problems) -> None:
    """Refuse the settings with which Megatron scales a loss differently.

    Args:
        config: Trinity's configuration.
        problems: Collects what is wrong.
    """
    trainer = config.trainer
    if trainer.trainer_type != "verl" or not trainer.trainer_strategy.startswith("megatron"):
        return
    settings = actor_settings(config).get("megatron") or {}
    if settings.get("dynamic_context_parallel"):
        problems.add(
            f"{SECTION}.dynamic_context_parallel",
            True,
            "false",
            "verl would then count one data-parallel rank and regroup the ranks for each "
            "micro-batch, which Megatron's average does not take into account; "
            "`trainer.megatron.context_parallel_size` is exact",
        )
    if (settings.get("override_transformer_config") or {}).get("calculate_per_token_loss"):
        problems.add(
            f"{SECTION}.override_transformer_config.calculate_per_token_loss",
            True,
            "false",
            "Megatron would then add up the ranks' gradients instead of averaging them",
        )
