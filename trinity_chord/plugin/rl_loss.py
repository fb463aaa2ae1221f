"""The term of the on-policy rows: PPO's clipped loss, or any of Trinity's policy losses."""

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
from trinity_chord.objective.losses import LOG_RATIO_LIMIT

PPO = "ppo"
# What Trinity's aggregation adds to what it divides by.
EPSILON = 1e-8
GIVEN = ("old_logprob", "action_mask", "advantages")
# Trinity's losses that are no policy-gradient loss of rollouts.
FOREIGN = ("dpo", "sft", "mix", "mix_chord", "sft_is", "sft_phi")
LOSSES = ("ppo", "gspo", "cispo", "sapo", "opmd", "topr", "rec", "importance_sampling", "sppo")


@dataclass(frozen=True)
class Rollouts:
    """The on-policy tokens of a micro-batch; rows of another kind have a mask of zeros.

    Attributes:
        logprob: log π_θ, shape [N, T] or [T]; 0 where ``mask`` is not set, as the next two.
        old_logprob: log-probabilities that the ratio is taken against, same shape.
        advantages: Same shape.
        mask: The on-policy tokens that count, bool, same shape.
        loss_coef: The row's coefficient, shape [N] or [].
        loss_norm: The row's normaliser without μ, same shape.
        token_norm: 1 / on-policy tokens of the batch, same shape.
    """

    logprob: Tensor
    old_logprob: Tensor
    advantages: Tensor
    mask: Tensor
    loss_coef: Tensor
    loss_norm: Tensor
    token_norm: Tensor


class RLLoss(Protocol):
    """A sum over on-policy tokens that is the same for every cut of the batch."""

    def __call__(self, rows: Rollouts) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns Σ loss_coef · Σ_tokens mask · loss, and the micro-batch's part of each metric."""


class ClippedLoss:
    """PPO's clipped loss with dual clip, see `clipped_policy_gradient`.

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

    def __call__(self, rows: Rollouts) -> tuple[Tensor, dict[str, Tensor]]:
        """See `RLLoss`."""
        on_policy = clipped_policy_gradient(
            rows.logprob, rows.old_logprob, rows.advantages, **self.clips
        )
        by_token = {
            "usual/ppo_kl": on_policy.kl,
            "usual/pg_clipfrac": on_policy.clipped,
            "usual/pg_clipfrac_lower": on_policy.clipped_lower,
        }
        with torch.no_grad():
            sums = {
                name: weighted_sum(value, rows.mask, rows.token_norm)
                for name, value in by_token.items()
            }
            sums["usual/pg_loss"] = weighted_sum(on_policy.loss, rows.mask, rows.loss_norm)
        return weighted_sum(on_policy.loss, rows.mask, rows.loss_coef), sums


class TrinityLoss:
    """One of Trinity's policy losses, made exact for every cut of the batch.

    Trinity's losses are means over a micro-batch's tokens, Σ m·l / (Σ m + ε) with a mask m that
    may be any weight. So each token gets its row's coefficient for its mask, and the mean is
    multiplied by what it was divided by. The aggregation is the one that `algorithm.loss_agg_mode`
    names, not the loss's own. Its own metrics are means over a micro-batch and are left out.

    Args:
        name: Its name in Trinity, or a dotted path.
        backend: Trinity's name of the trainer.
        arguments: Its arguments; none for its ``default_args``. As everywhere in Trinity, where
            one is given the others have the defaults of its ``__init__``.

    Raises:
        ValueError: It is unknown, is no loss of rollouts, does not take the arguments, needs
            tensors that there are not, or is not a mean over tokens.
    """

    def __init__(self, name: str, backend: str, arguments: Mapping[str, Any]) -> None:
        self.name = name
        self.loss = _build(name, backend, arguments)
        self._check_that_it_adds_up()

    def __call__(self, rows: Rollouts) -> tuple[Tensor, dict[str, Tensor]]:
        """See `RLLoss`."""
        total = self._sum(
            rows.logprob, rows.old_logprob, rows.advantages, rows.mask, rows.loss_coef
        )
        with torch.no_grad():
            norm = rows.loss_norm
            share = torch.where(norm > 0, rows.loss_coef / norm, norm).max()
            log_ratio = rows.logprob - rows.old_logprob
            kl = -log_ratio.clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
            sums = {
                "usual/pg_loss": torch.where(share > 0, total / share, torch.zeros_like(total)),
                "usual/ppo_kl": weighted_sum(kl, rows.mask, rows.token_norm),
            }
        return total, sums

    def _sum(
        self, logprob: Tensor, old_logprob: Tensor, advantages: Tensor, mask: Tensor, coef: Tensor
    ) -> Tensor:
        weights = mask * coef.to(logprob.dtype).unsqueeze(-1)
        # The largest is 1, so that ε is nothing beside the sum.
        highest = weights.max().clamp(min=torch.finfo(weights.dtype).tiny)
        weights = weights / highest
        mean, _ = self.loss(
            logprob=logprob, old_logprob=old_logprob, action_mask=weights, advantages=advantages
        )
        return mean * (weights.sum() + EPSILON) * highest

    def _check_that_it_adds_up(self) -> None:
        """A loss that is no weighted sum over rows cannot be put together from parts."""
        random = torch.Generator().manual_seed(0)
        logprob, old, advantages = torch.randn(3, 4, 6, generator=random, dtype=torch.float64)
        logprob, old = logprob - 2, logprob - 2 + 0.3 * old
        mask = torch.arange(6) < torch.tensor([[6], [5], [3], [1]])
        coef = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64)
        rows = (logprob, old, advantages, mask, coef)
        try:
            whole = self._sum(*rows)
            parts = sum(self._sum(*(each[i : i + 1] for each in rows)) for i in range(4))
        except (TypeError, RuntimeError, AttributeError, NameError) as error:
            raise ValueError(f"rl_loss {self.name!r} does not run on rollouts: {error}") from error
        if not torch.allclose(whole, torch.as_tensor(parts), rtol=1e-6, atol=1e-9):
            raise ValueError(
                f"rl_loss {self.name!r} is no sum over rows and tokens with these arguments: of "
                f"four rows at once it makes {float(whole):.6g}, of one by one {float(parts):.6g}; "
                "its gradient would change with the micro-batches"
            )


def get_rl_loss(
    name: str, backend: str, arguments: Mapping[str, Any], clips: Mapping[str, float]
) -> RLLoss:
    """Builds the on-policy term.

    Args:
        name: `ppo`, another of Trinity's policy losses, or the dotted path of your own.
        backend: Trinity's name of the trainer.
        arguments: Its arguments; none for `ppo`, which takes ``clips``.
        clips: ``clip_range_low``, ``clip_range_high`` and ``clip_ratio_c``.

    Raises:
        ValueError: See `TrinityLoss`.
    """
    if name != PPO:
        return TrinityLoss(name, backend, arguments)
    if arguments:
        raise ValueError(f"rl_loss 'ppo' takes clip_range* and clip_ratio_c, not {dict(arguments)}")
    return ClippedLoss(**clips)


def _build(name: str, backend: str, arguments: Mapping[str, Any]) -> PolicyLossFn:
    if name in FOREIGN:
        raise ValueError(f"rl_loss {name!r} is no loss of rollouts: known are {list(LOSSES)}")
    try:
        loss_class = POLICY_LOSS_FN.get(name)
    except (ImportError, ValueError) as error:
        text = f"unknown rl_loss {name!r}: known are {list(LOSSES)}, or your own by its dotted path"
        raise ValueError(text) from error
    known = set(inspect.signature(loss_class.__init__).parameters) - {"self", "backend"}
    foreign = sorted(set(arguments) - known | set(arguments) & {"loss_agg_mode"})
    if foreign:
        takes = sorted(known - {"loss_agg_mode"})
        raise ValueError(f"rl_loss {name!r} takes {takes}, not {foreign}")
    given = dict(arguments) or loss_class.default_args()
    if "loss_agg_mode" in known:
        given["loss_agg_mode"] = "token-mean"
    try:
        loss = loss_class(backend=backend, **given)
    except (AssertionError, TypeError, ValueError) as error:
        raise ValueError(f"rl_loss {name!r} refuses {dict(arguments)}: {error}") from error
    missing = sorted(set(loss._select_keys) - set(GIVEN))
    if missing:
        raise ValueError(f"rl_loss {name!r} needs {missing}, which rollouts do not bring")
    return loss
