"""Trainer settings that would change the objective: refused, disabled or reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trinity_chord.plugin.backends.tinker import backend_of
from trinity_chord.plugin.backends.verl import actor_settings
from trinity_chord.plugin.names import LOSS_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.errors import Problems
    from trinity_chord.plugin.config.objective_settings import ObjectiveSettings

ACTOR = "trainer.trainer_config.actor"


def check_trainer(config: Config, objective: ObjectiveSettings, problems: Problems) -> None:
    """Check that the trainer can compute the objective.

    Args:
        config: Trinity's configuration.
        objective: The objective.
        problems: Collects what is wrong.
    """
    _check_storage(config, problems)
    _check_feedback(config, objective, problems)
    _check_epochs(config, objective, problems)


def _check_storage(config: Config, problems: Problems) -> None:
    """Refuse rollouts from a file, which Trinity reads as SFT or DPO data only."""
    buffer = config.buffer.trainer_input.experience_buffer
    if config.mode == "train" and buffer is not None and buffer.storage_type == "file":
        problems.add(
            "buffer.trainer_input.experience_buffer.storage_type",
            buffer.storage_type,
            "'sql' (stored rollouts) or 'queue' (those of an explorer that runs at the same time)",
        )


def _check_feedback(config: Config, objective: ObjectiveSettings, problems: Problems) -> None:
    """Refuse a μ rule with feedback on a trainer that does not sum the loss's metrics."""
    if objective.mu_feedback and config.trainer.trainer_type != "verl":
        problems.add(
            "trainer.trainer_type",
            config.trainer.trainer_type,
            "'verl'",
            f"`{LOSS_ARGS}.mu_schedule: {objective.mu_schedule}` needs figures that only verl's "
            "metrics bring back from the loss",
        )


def _check_epochs(config: Config, objective: ObjectiveSettings, problems: Problems) -> None:
    """Refuse several epochs per batch with a weight that needs the entropy.

    Trinity computes the entropy once per batch, before the first epoch, so from the second epoch on
    a weight would use the entropy of older parameters. The log-probabilities of the old and of the
    reference policy are by definition those from before the first epoch.
    """
    epochs = actor_settings(config).get("ppo_epochs") or 1
    if backend_of(config) == "verl" and "entropy" in objective.needs and epochs != 1:
        problems.add(
            f"{ACTOR}.ppo_epochs",
            epochs,
            "1 with a token or row weight that needs the entropy",
            "Trinity computes the entropy once per batch, so it would be out of date from the "
            "second epoch on",
        )


def disable_loss_rescaling(config: Config) -> list[str]:
    """Switch off, in place, the trainer option that rescales whatever a loss returns.

    Trinity 0.6 reads the option for Tinker only, where it would undo what the stamps on the rows
    account for; a later version applies it on verl too.

    Args:
        config: Trinity's configuration.

    Returns:
        The message for the user, if there is one.
    """
    if not config.trainer.fix_actor_microbatch_loss_scale:
        return []
    config.trainer.fix_actor_microbatch_loss_scale = False
    return [
        "`trainer.fix_actor_microbatch_loss_scale`: got True, set to False; the loss is that of "
        "the whole batch without it."
    ]


def trainer_notices(config: Config, train_batch_size: int) -> list[str]:
    """Return what a user may not expect of the trainer, one message per setting.

    Args:
        config: Trinity's configuration.
        train_batch_size: Rows of a train batch.
    """
    if backend_of(config) != "verl":
        return []
    notices = []
    mini_batch = actor_settings(config).get("ppo_mini_batch_size")
    if mini_batch not in (None, train_batch_size):
        notices.append(
            f"`{ACTOR}.ppo_mini_batch_size`: got {mini_batch}, which has no effect; Trinity takes "
            f"one optimizer step per epoch, of all {train_batch_size} rows."
        )
    clip, dead = config.algorithm.optimizer.clip_grad, config.trainer.grad_clip
    if dead != clip:
        notices.append(
            f"`trainer.grad_clip`: got {dead}, which has no effect; verl clips the gradient at "
            f"`algorithm.optimizer.clip_grad`, which is {clip}."
        )
    temperature = config.model.temperature
    if temperature != 1:
        notices.append(
            f"`model.temperature`: got {temperature}; verl divides the logits by it in training "
            "too, so the objective is that of the policy at this temperature, not at 1."
        )
    return notices
