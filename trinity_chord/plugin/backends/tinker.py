"""Trinity's Tinker trainer: what it cannot do is refused, what gets in its way is set."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from trinity.common.constants import SyncMethod

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems


def backend_of(config: Config) -> str:
    """Trinity's name of the trainer that a configuration leads to: ``tinker`` or ``verl``."""
    return "tinker" if config.model.tinker.enable else "verl"


def check_tinker(
    config: Config, entropy: float | None, needs: set[str], problems: Problems
) -> None:
    """Notes what keeps a configuration from training with Tinker.

    Args:
        config: Trinity's configuration.
        entropy: The entropy's coefficient, None where nobody asks for the entropy.
        needs: The tensors that the weights need.
        problems: Collects what is wrong.
    """
    if not config.model.tinker.enable:
        if config.trainer.trainer_type == "tinker":
            problems.add(
                "trainer.trainer_type",
                "tinker",
                "`model.tinker.enable: true` beside it",
                "Trinity sets the trainer and the rollout engine from that key",
            )
        return
    if find_spec("tinker") is None:
        problems.add(
            "model.tinker.enable",
            True,
            "the package `tinker`, which is not installed",
            "`pip install 'trinity-chord[tinker]'` (Python 3.11 or newer)",
        )
    if entropy is not None:
        problems.add(
            "algorithm.entropy_loss_fn",
            config.algorithm.entropy_loss_fn,
            "'none', and no `entropy_loss_fn_args.entropy_coef`",
            "Tinker tells the log-probability of the row's own tokens only, so there is no entropy "
            "over the vocabulary; Trinity would take -p·log p of the one token for it",
        )
    for tensor in sorted(needs - {"ref_logprob"}):
        problems.add(
            "algorithm.policy_loss_fn_args",
            f"a weight that needs {tensor}",
            "one that needs ref_logprob or nothing",
            "Trinity's Tinker trainer does not compute it",
        )


def adapt_tinker(config: Config) -> list[str]:
    """Sets, in place, what a run with Tinker needs beside Trinity's own settings.

    Args:
        config: Trinity's configuration; unchanged where the trainer is not Tinker's.

    Returns:
        What the user is to be told, one line a key.
    """
    if not config.model.tinker.enable:
        return []
    line = _sync(config)
    return [line] if line else []


def _sync(config: Config) -> str | None:
    """Trinity would choose `checkpoint`, with which it writes either a checkpoint or weights.

    verl's checkpoint holds weights that the explorer can read; Tinker's does not, so after a step
    that saves one the explorer waits for weights that never come.
    """
    together = config.mode in ("both", "colocate")
    if not together or config.synchronizer.sync_method == SyncMethod.MEMORY:
        return None
    if config.synchronizer.sync_method == SyncMethod.NCCL:
        config.synchronizer.sync_method = SyncMethod.MEMORY
        return (
            "`synchronizer.sync_method`: got 'nccl', set to 'memory': it hands Tinker's new "
            "weights to the explorer by their address."
        )
    if config.trainer.save_interval > 0:
        return (
            "`synchronizer.sync_method`: got 'checkpoint': with Tinker, Trinity writes no "
            "weights for the explorer at a step that saves a checkpoint "
            f"(`trainer.save_interval: {config.trainer.save_interval}`), and the explorer may wait "
            "for them in vain; 'memory' is safe."
        )
    return None
