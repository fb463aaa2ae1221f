"""Loads a Trinity configuration from YAML, with overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from trinity.common.config import Config
from yaml import YAMLError

from trinity_chord.errors import ChordError
from trinity_chord.path_hints import list_nearby


class ConfigFileError(ChordError, ValueError):
    """A YAML file or an override cannot be loaded."""


def load(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load a configuration and apply overrides to it.

    Args:
        path: The YAML file.
        overrides: Overrides in the form `dotted.key=value`, with the value in YAML.

    Raises:
        ConfigFileError: The file does not exist or is not YAML, Trinity does not have a key, or a
            value has the wrong type. The message names the file and the key.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigFileError(f"{path} does not exist. {list_nearby(path)}")
    wrong = [text for text in overrides if "=" not in text]
    if wrong:
        raise ConfigFileError(f"override: got {wrong[0]!r}, expected `dotted.key=value`")
    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(Config),
            OmegaConf.load(path),
            OmegaConf.from_dotlist(list(overrides)),
        )
        config: Config = OmegaConf.to_object(merged)
    except YAMLError as error:
        raise ConfigFileError(f"{path}: not YAML: {error}") from error
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise ConfigFileError(f"{path}: {error}") from error
    return config
