"""The two layouts of the settings that Trinity passes on to verl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trinity.common.config import Config


def verl_settings(config: Config) -> dict[str, Any]:
    """Return `trainer.trainer_config` as plain values; an empty dict if it is not set."""
    from omegaconf import OmegaConf

    given: Any = config.trainer.trainer_config
    if given is not None and not isinstance(given, dict):
        given = OmegaConf.to_container(OmegaConf.create(given), resolve=True)
    return given or {}


def section_of(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the dict of verl's settings that holds the section ``name``.

    That is the flat layout, or `actor_rollout_ref` of older versions, which Trinity still reads,
    and reads first.

    Args:
        settings: What `verl_settings` returned.
        name: ``"actor"``, ``"ref"`` or ``"model"``.
    """
    older = settings.get("actor_rollout_ref") or {}
    return older if name in older else settings
