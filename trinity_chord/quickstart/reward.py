"""The score of the addition task as a reward function of Trinity-RFT."""

from trinity.common.rewards.reward_fn import RewardFn

from trinity_chord.quickstart.task import CORRECT, score


class AdditionReward(RewardFn):
    """Rewards a rollout with ``task.score``.

    In YAML: ``default_reward_fn_type: trinity_chord.quickstart.reward.AdditionReward``; it takes no
    ``reward_fn_args``.

    Trinity's workflows use the sum of the returned values as the reward and log each value as a
    metric of the rollout. The score is therefore split in two: ``accuracy`` is 1.0 or 0.0 and is
    logged as ``rollout/accuracy/mean``; ``format_penalty`` is -0.1 without a ``#``, else 0.0.
    """

    def __init__(self) -> None:
        pass

    def __call__(self, response: str, truth: str) -> dict[str, float]:
        """Return the two parts of the score of a response.

        Args:
            response: The text of the rollout, without special tokens.
            truth: The sum in decimal digits.
        """
        value = score(response, truth)
        accuracy = 1.0 if value == CORRECT else 0.0
        return {"accuracy": accuracy, "format_penalty": value - accuracy}
