"""Loads a Trinity configuration from YAML, with overrides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from trinity.common.config import Config
from yaml import YAMLError

from trinity_chord.launch.keys.judge import judge
from trinity_chord.launch.yaml_text import ConfigFileError, read_yaml

__all__ = ["ConfigFileError", "load"]


def load(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Load a configuration and apply overrides to it.

    Args:
        path: The YAML file.
        overrides: Overrides in the form `dotted.key=value`, with the value in YAML.

    Raises:
        ConfigFileError: The file does not exist or is not YAML, Trinity does not have a key, or a
            value has the wrong type. The message names the file and every key that is wrong.
    """
    path = Path(path)
    given = _merged(path, read_yaml(path), overrides)
    findings = judge(_resolved(path, given))
    if findings.failed:
        problems = list(findings.problems.values())
        if len(problems) == 1:
            raise ConfigFileError(f"{path}: {problems[0]}", problems)
        raise ConfigFileError.from_problems(str(path), problems, limit=None)
    try:
        config: Config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), given))
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
        raise ConfigFileError(f"{path}: {error}") from error
    return config


def _merged(path: Path, given: DictConfig, overrides: Sequence[str]) -> DictConfig:
    for text in overrides:
        if "=" not in text:
            raise ConfigFileError(f"override: got {text!r}, expected `dotted.key=value`")
        try:
            merged = OmegaConf.merge(given, OmegaConf.from_dotlist([text]))
        except (OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
            raise ConfigFileError(f"override {text!r}: {error}") from error
        assert isinstance(merged, DictConfig)
        given = merged
    return given


def _resolved(path: Path, given: DictConfig) -> Any:
    """Return what the user wrote as plain values, with interpolations replaced.

    An interpolation may lead to a key that only has a default.
    """
    defaults = OmegaConf.create(OmegaConf.to_container(OmegaConf.structured(Config)))
    try:
        whole = OmegaConf.to_container(OmegaConf.merge(defaults, given), resolve=True)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise ConfigFileError(f"{path}: {error}") from error
    return _only(OmegaConf.to_container(given), whole)


def _only(given: Any, whole: Any) -> Any:
    """Return the part of the whole that has the keys of what is given."""
    if isinstance(given, dict) and isinstance(whole, dict):
        return {key: _only(value, whole.get(key)) for key, value in given.items()}
    return whole
