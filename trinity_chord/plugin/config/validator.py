"""A last check of the configuration, after all of Trinity's own.

`AlgorithmType.check_config` sees a configuration only if its algorithm is one of this package's.
The validator is added to Trinity's list when a public name of this package is first used, so that
it also sees this package's loss under another algorithm.
"""

from __future__ import annotations

from trinity.common import config_validator
from trinity.common.config import Config

from trinity_chord.errors import Problems
from trinity_chord.plugin.backends.cluster import TRAINING_MODES
from trinity_chord.plugin.config.parts import check_no_parts
from trinity_chord.plugin.contract import is_derived


class ExpertMixValidator(config_validator.ConfigValidator):
    """Refuses this package's parts under an algorithm that is not its own."""

    def validate(self, config: Config) -> None:
        """Check that the loss, the sample strategy and the algorithm belong together.

        Raises:
            ChordConfigError: Lists every part that is used alone, and the algorithm it needs.
        """
        if config.mode not in TRAINING_MODES or is_derived(config):
            return
        problems = Problems()
        check_no_parts(config, problems)
        problems.raise_if_any("Parts of trinity-chord work only together")


def install() -> None:
    """Add the validator to Trinity's list; idempotent."""
    if not any(isinstance(v, ExpertMixValidator) for v in config_validator.validators):
        config_validator.validators.append(ExpertMixValidator())
