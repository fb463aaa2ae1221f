"""The algorithm and the reward that a test job names in its configuration."""

from typing import Any

from trinity.algorithm.algorithm import MIXCHORDAlgorithm
from trinity.common.config import Config
from trinity.common.rewards.reward_fn import RewardFn

from trinity_chord.cpu import activate, adapt


def _prepare(config: Config) -> None:
    activate()
    for line in adapt(config):
        print("adapted", line, flush=True)


class CpuMixChord(MIXCHORDAlgorithm):
    """Trinity's mix_chord on a machine without a GPU."""

    @classmethod
    def check_config(cls, config: Config) -> None:
        _prepare(config)
        super().check_config(config)


class DigitReward(RewardFn):
    """1 for the correct sum, else up to 0.1 for the share of digits, so that rewards differ."""

    def __init__(self, **kwargs: Any):
        pass

    def __call__(
        self, response: str, prompt: str | None = None, truth: str | None = None, **kwargs: Any
    ) -> dict[str, float]:
        answer = (response or "").strip()
        exact = float(answer == str(truth))
        digits = sum(c.isdigit() for c in answer) / max(len(answer), 1)
        return {"exact": exact, "digits": 0.0 if exact else 0.1 * digits}
