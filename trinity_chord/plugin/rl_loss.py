"""The on-policy term of the loss: PPO's clipped loss, or any of Trinity's policy losses."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from trinity.algorithm import POLICY_LOSS_FN
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn

from trinity_chord.objective import clipped_policy_gradient, weighted_sum
from trinity_chord.objective.losses import LOG_RATIO_LIMIT, add_up
from trinity_chord.plugin.rl_loss_check import check_rl_loss_adds_up, sum_over_rows

PPO = "ppo"
LOSSES = (PPO, "gspo", "cispo", "sapo", "opmd", "topr", "rec", "importance_sampling", "sppo")
# Trinity's losses of preference pairs and of expert data.
NOT_FOR_ROLLOUTS = ("dpo", "sft", "mix", "mix_chord", "sft_is", "sft_phi")
# What a rollout has, by the names of a loss's parameters.
AVAILABLE_TENSORS = ("old_logprob", "action_mask", "advantages")


@dataclass(frozen=True)
class OnPolicyTokens:
    """The on-policy tokens of a micro-batch; ``mask`` is all zero in expert rows.

    Attributes:
        logprob: log π_θ, floating point, shape [N, T] or [T]; 0 where ``mask`` is 0, as are
            ``old_logprob`` and ``advantages``.
        old_logprob: Log-probabilities under the policy in the denominator of the ratio, same shape.
        advantages: Same shape.
        mask: The on-policy tokens that count, bool, same shape.
        loss_coef: The coefficient of each row, shape [N] or [].
        loss_norm: The normalizer of each row, without μ, same shape.
        token_norm: 1 / (on-policy tokens of the whole batch), same shape.
    """

    logprob: Tensor
    old_logprob: Tensor
    advantages: Tensor
    mask: Tensor
    loss_coef: Tensor
    loss_norm: Tensor
    token_norm: Tensor


class RLLoss(Protocol):
    """A sum over on-policy tokens, the same for any micro-batch split."""

    def __call__(self, tokens: OnPolicyTokens) -> tuple[Tensor, dict[str, Tensor]]:
        """Return Σ loss_coef · Σ_tokens mask · loss, and this micro-batch's part of each metric."""


class ClippedLoss:
    """PPO's clipped loss with dual clip; see `clipped_policy_gradient`.

    Args:
        clip_range_low: ε_low.
        clip_range_high: ε_high.
        clip_ratio_c: c of the dual clip.
    """

    def __init__(self, clip_range_low: float, clip_range_high: float, clip_ratio_c: float) -> None:
        self.clips = {
            "clip_low": clip_range_low,
            "clip_high": clip_range_high,
            "dual_clip": clip_ratio_c,
        }

    def __call__(self, tokens: OnPolicyTokens) -> tuple[Tensor, dict[str, Tensor]]:
        """See `RLLoss`."""
        on_policy = clipped_policy_gradient(
            tokens.logprob, tokens.old_logprob, tokens.advantages, **self.clips
        )
        # A masked token has log π_θ = log π_old = A = 0, so its loss and its statistics are 0.
        of_rows = on_policy.loss.sum(-1)
        with torch.no_grad():
            sums = {
                "usual/ppo_kl": add_up(on_policy.kl, tokens.token_norm),
                "usual/pg_clipfrac": add_up(on_policy.clipped, tokens.token_norm),
                "usual/pg_clipfrac_lower": add_up(on_policy.clipped_lower, tokens.token_norm),
                "usual/pg_loss": (of_rows * tokens.loss_norm).sum(),
            }
        return (of_rows * tokens.loss_coef).sum(), sums


class TrinityLoss:
    """One of Trinity's policy losses, turned into a sum that any split of the batch adds up to.

    Trinity's losses are means over a micro-batch's tokens, Σ m·l / (Σ m + ε), for any weights m in
    the mask. Each token gets the coefficient of its row as its m, and the mean is multiplied by
    its denominator; see `sum_over_rows`. The aggregation is that of `algorithm.loss_agg_mode`, not
    the loss's own. The loss's own metrics are means over a micro-batch and are left out.

    Args:
        name: Trinity's name of the loss, or a dotted path.
        backend: Trinity's name of the trainer.
        arguments: Arguments of the loss; its ``default_args`` if empty. As everywhere in Trinity,
            if one is given, the others take the defaults of its ``__init__``.

    Raises:
        ValueError: The loss is unknown, is not for rollouts, does not take the arguments, needs
            tensors that rollouts do not have, or is not a sum over rows and tokens.
    """

    def __init__(self, name: str, backend: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self.loss = _build(name, backend, arguments)
        check_rl_loss_adds_up(self.loss, name)

    def __call__(self, tokens: OnPolicyTokens) -> tuple[Tensor, dict[str, Tensor]]:
        """See `RLLoss`."""
        total = sum_over_rows(
            self.loss,
            tokens.logprob,
            tokens.old_logprob,
            tokens.advantages,
            tokens.mask,
            tokens.loss_coef,
        )
        with torch.no_grad():
            norm = tokens.loss_norm
            # 1-μ, which is the same in all open on-policy rows.
            share = torch.where(norm > 0, tokens.loss_coef / norm, norm).max()
            log_ratio = tokens.logprob - tokens.old_logprob
            kl = -log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
            sums = {
                "usual/pg_loss": torch.where(share == 0, torch.zeros_like(total), total / share),
                "usual/ppo_kl": weighted_sum(kl, tokens.mask, tokens.token_norm),
            }
        return total, sums


def get_rl_loss(
    name: str, backend: str, arguments: Mapping[str, Any], clips: Mapping[str, float]
) -> RLLoss:
    """Build the on-policy term.

    Args:
        name: `ppo`, another of Trinity's policy losses, or the dotted path of your own.
        backend: Trinity's name of the trainer.
        arguments: Arguments of the loss; empty for `ppo`, which takes ``clips``.
        clips: ``clip_range_low``, ``clip_range_high`` and ``clip_ratio_c``.

    Raises:
        ValueError: See `TrinityLoss`.
    """
    if name != PPO:
        return TrinityLoss(name, backend, arguments)
    if arguments:
        raise ValueError(
            f"rl_loss 'ppo': got the arguments {dict(arguments)}, expected none; set clip_range* "
            "and clip_ratio_c next to `rl_loss`"
        )
    return ClippedLoss(**clips)


def _build(name: str, backend: str, arguments: Mapping[str, Any]) -> PolicyLossFn:
    if name in NOT_FOR_ROLLOUTS:
        raise ValueError(f"rl_loss: got {name!r}, which is not a loss of rollouts; {_expected()}")
    try:
        loss_class = POLICY_LOSS_FN.get(name)
    except (ImportError, ValueError) as error:
        raise ValueError(f"rl_loss: got {name!r}, which is unknown; {_expected()}") from error
    takes = set(inspect.signature(loss_class.__init__).parameters) - {"self", "backend"}
    unexpected = sorted(set(arguments) - takes | set(arguments) & {"loss_agg_mode"})
    if unexpected:
        raise ValueError(
            f"rl_loss {name!r}: got the arguments {unexpected}, expected some of "
            f"{sorted(takes - {'loss_agg_mode'})}"
        )
    given = dict(arguments) or loss_class.default_args()
    if "loss_agg_mode" in takes:
        given["loss_agg_mode"] = "token-mean"
    try:
        loss: PolicyLossFn = loss_class(backend=backend, **given)
    except (AssertionError, TypeError, ValueError) as error:
        raise ValueError(f"rl_loss {name!r} does not accept {dict(arguments)}: {error}") from error
    missing = sorted(set(loss._select_keys) - set(AVAILABLE_TENSORS))
    if missing:
        raise ValueError(
            f"rl_loss {name!r} needs {missing}, but rollouts only have {list(AVAILABLE_TENSORS)}"
        )
    return loss


def _expected() -> str:
    return f"expected one of {list(LOSSES)}, or the dotted path of your own"
