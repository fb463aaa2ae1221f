"""Settings that a user passes on to verl's actor, beyond Trinity's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trinity_chord.verl_layout import section_of, verl_settings

if TYPE_CHECKING:
    from trinity.common.config import Config


def actor_settings(config: Config) -> dict[str, Any]:
    """Return `trainer.trainer_config.actor`, from either of verl's two layouts.

    Args:
        config: Trinity's configuration.

    Returns:
        Plain values; an empty dict if the user sets nothing.
    """
    settings: dict[str, Any] | None = section_of(verl_settings(config), "actor").get("actor")
    return settings or {}
