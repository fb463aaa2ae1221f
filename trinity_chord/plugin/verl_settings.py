"""What a user tells verl's actor beyond Trinity's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trinity.common.config import Config


def actor_settings(config: Config) -> dict[str, Any]:
    """`trainer.trainer_config.actor`, from the flat layout or the older one, as Trinity reads them.

    Args:
        config: Trinity's configuration.

    Returns:
        Plain values; nothing where the user says nothing.
    """
    from omegaconf import OmegaConf

    given: Any = config.trainer.trainer_config or {}
    if not isinstance(given, dict):
        given = OmegaConf.to_container(OmegaConf.create(given), resolve=True)
    older = given.get("actor_rollout_ref") or {}
    return (older if "actor" in older else given).get("actor") or {}
