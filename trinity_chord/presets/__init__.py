"""The published ways of mixing expert data into RL, each a few lines of YAML.

`table` lists them, `apply` puts one into a configuration, `files` writes whole configurations.
"""

from trinity_chord.presets.configuration import apply
from trinity_chord.presets.files import as_yaml, describe, render, write
from trinity_chord.presets.table import PRESETS, Preset

__all__ = ["PRESETS", "Preset", "apply", "as_yaml", "describe", "render", "write"]
