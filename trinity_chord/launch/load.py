"""Loads a YAML for Trinity, with overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from trinity.common.config import Config
from yaml import YAMLError

from trinity_chord.errors import ChordError


class ConfigFileError(ChordError, ValueError):
    """A YAML file, or an override of it, cannot be loaded."""


def load(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Loads a configuration and applies overrides to it.

    Args:
        path: The YAML file.
        overrides: `dotted.key=value` each, the value in YAML.

    Raises:
        ConfigFileError: The file is missing or not YAML, a key is not Trinity's, or a value has
            the wrong type; the message names the file and the key.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigFileError(f"{path}: there is no such file")
    wrong = [text for text in overrides if "=" not in text]
    if wrong:
        raise ConfigFileError(f"override {wrong[0]!r}: expected `dotted.key=value`")
    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(Config),
            OmegaConf.load(path),
            OmegaConf.from_dotlist(list(overrides)),
        )
        return OmegaConf.to_object(merged)  # type: ignore[return-value]
    except YAMLError as error:
        raise ConfigFileError(f"{path}: not YAML: {error}") from error
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise ConfigFileError(f"{path}: {error}") from error
