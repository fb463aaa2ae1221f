"""The CHORD policy loss: a plain sum over what the sample strategy has weighed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from trinity.algorithm import KL_FN
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn

from trinity_chord.objective import get_token_weight, mixed_token_loss, weighted_sum
from trinity_chord.plugin.metrics import sequence_moments, whole_batch_metrics


class CHORDPolicyLossFn(PolicyLossFn):
    """L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408, eq. 3) as a sum over rows.

    Each row brings ``loss_coef``, stamped by `ExpertMixSampleStrategy` where the whole batch was
    known. The loss adds up ``loss_coef · Σ_tokens mask · loss(token)`` and multiplies by
    ``dp_size``, which is what verl's engine divides by. It has no batch size and no state, so
    the gradient of an optimiser step is the same for every cut of the batch.

    Args:
        backend: Trinity's name of the trainer.
        token_weight: Name of the expert tokens' weight.
        token_weight_args: Its arguments.
        clip_range_low: ε_low of the ratio's clip.
        clip_range_high: ε_high of the ratio's clip.
        clip_ratio_c: c of the dual clip.
        count_sequences: Whether to add the sums that a μ rule with feedback needs.

    Raises:
        ValueError: An unknown token weight, or an argument that it does not take.
    """

    def __init__(
        self,
        backend: str = "verl",
        token_weight: str = "phi",
        token_weight_args: dict[str, Any] | None = None,
        clip_range_low: float = 0.2,
        clip_range_high: float = 0.2,
        clip_ratio_c: float = 3.0,
        count_sequences: bool = False,
    ) -> None:
        super().__init__(backend=backend)
        self.count_sequences = count_sequences
        self.token_weight = get_token_weight(token_weight, **(token_weight_args or {}))
        self.clips = {
            "clip_low": clip_range_low,
            "clip_high": clip_range_high,
            "dual_clip": clip_ratio_c,
        }

    def __call__(
        self,
        logprob: Tensor,
        old_logprob: Tensor,
        action_mask: Tensor,
        advantages: Tensor,
        expert_mask: Tensor,
        loss_coef: Tensor,
        loss_norm: Tensor,
        token_norm: Tensor,
        dp_size: int = 1,
        **kwargs: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Adds up a micro-batch.

        Args:
            logprob: log π_θ of the response tokens, shape [N, T] ([T] for a single row).
            old_logprob: log-probabilities that the ratio is taken against, same shape.
            action_mask: 1 for a token that counts, same shape.
            advantages: Same shape; 0 in expert rows.
            expert_mask: True for an expert row, shape [N] ([]).
            loss_coef: The row's coefficient, float, shape [N] ([]).
            loss_norm: The row's normaliser without μ, for metrics, shape [N] ([]).
            token_norm: 1 / tokens of the row's kind in the batch, for metrics, shape [N] ([]).
            dp_size: Data-parallel ranks over which the engine averages gradients.

        Returns:
            The scalar loss and the metrics.
        """
        loss, sums = self._sums(
            logprob,
            old_logprob,
            action_mask,
            advantages,
            expert_mask,
            loss_coef,
            loss_norm,
            token_norm,
        )
        return loss * dp_size, whole_batch_metrics(sums, dp_size, self.backend)

    def _sums(
        self,
        logprob: Tensor,
        old_logprob: Tensor,
        mask: Tensor,
        advantages: Tensor,
        expert: Tensor,
        loss_coef: Tensor,
        loss_norm: Tensor,
        token_norm: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the micro-batch's part of the loss and of each metric."""
        logprob = _full_precision(logprob)
        token_loss, usual, weight = mixed_token_loss(
            logprob, old_logprob, advantages, expert, self.token_weight, **self.clips
        )
        with torch.no_grad():
            is_expert, is_usual = expert.to(loss_norm.dtype), (~expert).to(loss_norm.dtype)
            expert_mean, usual_mean = token_norm * is_expert, token_norm * is_usual
            sums = {
                "usual/pg_loss": weighted_sum(token_loss, mask, loss_norm * is_usual),
                "usual/ppo_kl": weighted_sum(usual.kl, mask, usual_mean),
                "usual/pg_clipfrac": weighted_sum(usual.clipped, mask, usual_mean),
                "usual/pg_clipfrac_lower": weighted_sum(usual.clipped_lower, mask, usual_mean),
                "expert/loss": weighted_sum(token_loss, mask, loss_norm * is_expert),
                "expert/nll": weighted_sum(-logprob, mask, expert_mean),
                "expert/prob": weighted_sum(logprob.exp(), mask, expert_mean),
                "expert/weight": weighted_sum(weight, mask, expert_mean),
            }
            if self.count_sequences:
                sums.update(sequence_moments(logprob, mask, expert))
        return weighted_sum(token_loss, mask, loss_coef), sums

    @classmethod
    def default_args(cls) -> dict[str, Any]:
        """Returns the arguments that hold where YAML gives none."""
        return {
            "token_weight": "phi",
            "clip_range_low": 0.2,
            "clip_range_high": 0.2,
            "clip_ratio_c": 3.0,
        }


class CHORDWithKLPolicyLossFn(CHORDPolicyLossFn):
    """The CHORD loss plus β · KL(π_θ, π_ref) over the on-policy tokens.

    Trinity's own KL loss is a mean over a micro-batch; here it is one more row-weighted sum and
    as exact as the rest: β · Σ loss_norm · Σ_tokens mask · kl, free of μ. The algorithm type
    chooses this class, and a reference model with it, only where a KL coefficient is asked for.

    Args:
        backend: Trinity's name of the trainer.
        kl_loss_fn: Trinity's name of the KL estimator.
        kl_loss_fn_args: Its arguments; ``kl_coef`` is β.
        **kwargs: See `CHORDPolicyLossFn`.
    """

    def __init__(
        self,
        backend: str = "verl",
        kl_loss_fn: str = "k2",
        kl_loss_fn_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(backend=backend, **kwargs)
        self.kl = KL_FN.get(kl_loss_fn)(**(kl_loss_fn_args or {}))

    def __call__(  # type: ignore[override]
        self,
        logprob: Tensor,
        old_logprob: Tensor,
        ref_logprob: Tensor,
        action_mask: Tensor,
        advantages: Tensor,
        expert_mask: Tensor,
        loss_coef: Tensor,
        loss_norm: Tensor,
        token_norm: Tensor,
        dp_size: int = 1,
        **kwargs: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Adds up a micro-batch; ``ref_logprob`` is log π_ref, shape [N, T]."""
        loss, sums = self._sums(
            logprob,
            old_logprob,
            action_mask,
            advantages,
            expert_mask,
            loss_coef,
            loss_norm,
            token_norm,
        )
        token_kl = self.kl.calculate_kl(_full_precision(logprob), ref_logprob, old_logprob)
        kl = weighted_sum(token_kl, action_mask, loss_norm * (~expert_mask).to(loss_norm.dtype))
        sums["kl_loss"] = kl
        loss = loss + self.kl.kl_coef * kl
        return loss * dp_size, whole_batch_metrics(sums, dp_size, self.backend)


def _full_precision(logprob: Tensor) -> Tensor:
    """Half-precision log-probabilities as float32; float32 and float64 as they are."""
    return logprob if logprob.dtype == torch.float64 else logprob.float()
