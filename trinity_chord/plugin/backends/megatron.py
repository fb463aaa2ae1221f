"""Settings of verl's Megatron engine under which its gradient is not that of the whole batch.

Under all others it is, by the factors that verl 0.8 and Megatron-Core 0.16 put on it. verl's
`MegatronEngine.forward_backward_batch` tells the loss D data-parallel ranks, context-parallel ones
not counted, and `postprocess_micro_batch_func` multiplies it by the M micro-batches. Megatron's
`forward_step_calc_loss` divides by M and multiplies by the C context-parallel ranks;
`DistributedDataParallel` averages over all D·C. What remains is the sum over the D ranks' rows and,
as each of the C ranks keeps the gradient of its own part of a row (`postprocess_thd_engine`), over
the parts. Pipeline stages pass the last one's loss back as it is, and tensor-parallel ranks share
out the work on a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.plugin.backends.verl import actor_settings

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems

SECTION = "trainer.trainer_config.actor.megatron"


def check_megatron(config: Config, problems: Problems) -> None:
    """Notes each setting under which Megatron scales a loss in another way.

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
            "verl then counts one data-parallel rank and shares out each micro-batch anew, which "
            "Megatron's average does not know; `trainer.megatron.context_parallel_size` is exact",
        )
    if (settings.get("override_transformer_config") or {}).get("calculate_per_token_loss"):
        problems.add(
            f"{SECTION}.override_transformer_config.calculate_per_token_loss",
            True,
            "false",
            "Megatron then adds the ranks' gradients up in place of averaging them",
        )
