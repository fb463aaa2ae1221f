"""A last look at the configuration, after all of Trinity's own checks.

`AlgorithmType.check_config` sees only configurations whose algorithm is ours. This validator is
added to Trinity's list as soon as any part of this package is named, so it also sees our loss
under a foreign algorithm.
"""

from __future__ import annotations

from trinity.common import config_validator
from trinity.common.config import Config

from trinity_chord.errors import Problems
from trinity_chord.plugin.backends.cluster import TRAINING_MODES
from trinity_chord.plugin.config.parts import check_no_parts
from trinity_chord.plugin.contract import is_derived


class ExpertMixValidator(config_validator.ConfigValidator):
    """Refuses a part of this package that stands under a foreign algorithm."""

    def validate(self, config: Config) -> None:
        """Checks that the loss, the sample strategy and the algorithm belong together.

        Raises:
            ChordConfigError: Names every part that stands alone, and the algorithm it needs.
        """
        if config.mode not in TRAINING_MODES or is_derived(config):
            return
        problems = Problems()
        check_no_parts(config, problems)
        problems.raise_if_any("Parts of trinity-chord work only together")


def install() -> None:
    """Adds the validator to Trinity's list, once."""
    if not any(isinstance(v, ExpertMixValidator) for v in config_validator.validators):
        config_validator.validators.append(ExpertMixValidator())
