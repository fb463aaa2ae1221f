"""What a user tells verl's actor beyond Trinity's own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trinity_chord.verl_layout import section_of, verl_settings

if TYPE_CHECKING:
    from trinity.common.config import Config


def actor_settings(config: Config) -> dict[str, Any]:
    """`trainer.trainer_config.actor`, from the flat layout or the older one, as Trinity reads them.

    Args:
        config: Trinity's configuration.

    Returns:
        Plain values; nothing where the user says nothing.
    """
    return section_of(verl_settings(config), "actor").get("actor") or {}
