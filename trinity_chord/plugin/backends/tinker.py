"""Refuses what Trinity's Tinker trainer cannot do, and sets what it needs."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trinity.common.constants import SyncMethod

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems


def backend_of(config: Config) -> str:
    """Return Trinity's name of the trainer that will run: ``'tinker'`` or ``'verl'``."""
    return "tinker" if config.model.tinker.enable else "verl"


def check_tinker(
    config: Config, entropy: float | None, needs: Collection[str], problems: Problems
) -> None:
    """Refuse what a run with Tinker cannot do.

    Args:
        config: Trinity's configuration.
        entropy: The coefficient of the entropy; None if the entropy is not requested.
        needs: The tensors that the weights need.
        problems: Collects what is wrong.
    """
    if not config.model.tinker.enable:
        if config.trainer.trainer_type == "tinker":
            problems.add(
                "trainer.trainer_type",
                "tinker",
                "`model.tinker.enable: true` with it",
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
            "Tinker returns only the log-probabilities of the row's own tokens, so there is no "
            "entropy over the vocabulary; Trinity would use -p·log p of the one token instead",
        )
    for tensor in sorted(set(needs) - {"ref_logprob"}):
        problems.add(
            "algorithm.policy_loss_fn_args",
            f"a weight that needs {tensor}",
            "one that needs ref_logprob or no tensor",
            "Trinity's Tinker trainer does not compute it",
        )


def adapt_tinker(config: Config) -> list[str]:
    """Set, in place, what a run with Tinker needs beyond Trinity's own settings.

    Args:
        config: Trinity's configuration; not changed if the trainer is not Tinker's.

    Returns:
        One message for the user per key.
    """
    if not config.model.tinker.enable:
        return []
    line = _sync(config)
    return [line] if line else []


def _sync(config: Config) -> str | None:
    """Choose `memory` rather than `checkpoint`, which Trinity would choose.

    With `checkpoint`, Trinity writes either a checkpoint or weights. verl's checkpoint holds
    weights that the explorer can read; Tinker's does not, so after a step that saves a checkpoint
    the explorer waits for weights that never arrive.
    """
    explores = config.mode in ("both", "colocate")
    if not explores or config.synchronizer.sync_method == SyncMethod.MEMORY:
        return None
    if config.synchronizer.sync_method == SyncMethod.NCCL:
        config.synchronizer.sync_method = SyncMethod.MEMORY
        return (
            "`synchronizer.sync_method`: got 'nccl', set to 'memory', which passes the address of "
            "Tinker's new weights to the explorer."
        )
    if config.trainer.save_interval > 0:
        return (
            "`synchronizer.sync_method`: got 'checkpoint', expected 'memory'; with Tinker, Trinity "
            "writes no weights for the explorer at a step that saves a checkpoint "
            f"(`trainer.save_interval: {config.trainer.save_interval}`), and the explorer may wait "
            "for them forever."
        )
    return None
