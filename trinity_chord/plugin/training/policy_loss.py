"""The CHORD policy loss: a plain sum over what the sample strategy has weighed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from trinity.algorithm import KL_FN
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn

from trinity_chord.objective import (
    ROW_WEIGHTS,
    TOKEN_WEIGHTS,
    expert_loss,
    keep,
    split_mask,
    weighted_sum,
)
from trinity_chord.objective.losses import CLIP_HIGH, CLIP_LOW, DUAL_CLIP
from trinity_chord.plugin.rl_loss import Rollouts, get_rl_loss
from trinity_chord.plugin.training.metrics import sequence_moments, whole_batch_metrics

# Trinity's trainer brings the entropy under both names; by this one it hands its own to the entropy
# loss as well.
IN_THE_BATCH = {"entropy": "entropys"}


class CHORDPolicyLossFn(PolicyLossFn):
    """L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408, eq. 3) as a sum over rows.

    Each row brings ``loss_coef``, stamped by `ExpertMixSampleStrategy` where the whole batch was
    known. The loss adds up ``loss_coef · Σ_tokens mask · loss(token)`` and multiplies by
    ``dp_size``, which is what verl's engine divides by. It has no batch size and no state, so
    the gradient of an optimiser step is the same for every cut of the batch.

    With ``kl_loss_fn`` it adds β · Σ loss_norm · Σ_tokens mask · KL(π_θ, π_ref) over the on-policy
    tokens, free of μ and as exact; Trinity's own KL loss is a mean over a micro-batch.

    Args:
        backend: Trinity's name of the trainer.
        token_weight: Name of the expert tokens' weight.
        token_weight_args: Its arguments.
        row_weight: Name of the expert rows' weight, which multiplies that of their tokens.
        row_weight_args: Its arguments.
        rl_loss: Name of the on-policy term.
        rl_loss_args: Its arguments.
        clip_range_low: ε_low of the ratio's clip.
        clip_range_high: ε_high of the ratio's clip.
        clip_ratio_c: c of the dual clip.
        kl_loss_fn: Trinity's name of the KL estimator; None for no KL term.
        kl_loss_fn_args: Its arguments; ``kl_coef`` is β.
        count_sequences: Whether to add the sums that a μ rule with feedback needs.

    Raises:
        ValueError: An unknown name, or an argument that does not fit.
    """

    # The tensors that Trinity fetches: those that `__call__` names, and those that a weight needs.
    _select_keys: list[str]

    def __init__(
        self,
        backend: str = "verl",
        token_weight: str = "phi",
        token_weight_args: dict[str, Any] | None = None,
        row_weight: str = "all",
        row_weight_args: dict[str, Any] | None = None,
        rl_loss: str = "ppo",
        rl_loss_args: dict[str, Any] | None = None,
        clip_range_low: float = CLIP_LOW,
        clip_range_high: float = CLIP_HIGH,
        clip_ratio_c: float = DUAL_CLIP,
        kl_loss_fn: str | None = None,
        kl_loss_fn_args: dict[str, Any] | None = None,
        count_sequences: bool = False,
    ) -> None:
        super().__init__(backend=backend)
        self.count_sequences = count_sequences
        self.token_weight = TOKEN_WEIGHTS.bind(token_weight, **(token_weight_args or {}))
        self.row_weight = ROW_WEIGHTS.bind(row_weight, **(row_weight_args or {}))
        clips = {
            "clip_range_low": clip_range_low,
            "clip_range_high": clip_range_high,
            "clip_ratio_c": clip_ratio_c,
        }
        self.rl_loss = get_rl_loss(rl_loss, backend, rl_loss_args or {}, clips)
        self.kl = KL_FN.get(kl_loss_fn)(**(kl_loss_fn_args or {})) if kl_loss_fn else None
        needs = {*self.token_weight.needs, *self.row_weight.needs} - {"mask"}
        wanted = {IN_THE_BATCH.get(name, name) for name in needs}
        if self.kl is not None:
            wanted.add("ref_logprob")
        self._select_keys = [*self._select_keys, *sorted(wanted - set(self._select_keys))]

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
            **kwargs: The tensors that the weights and the KL term need, same shape.

        Returns:
            The scalar loss and the metrics.
        """
        logprob = logprob if logprob.dtype == torch.float64 else logprob.float()
        on_policy, expert = split_mask(action_mask, expert_mask)
        shown, before = keep(on_policy, logprob), keep(on_policy, old_logprob)
        advantages = keep(on_policy, advantages)
        loss, sums = self.rl_loss(
            Rollouts(shown, before, advantages, on_policy, loss_coef, loss_norm, token_norm)
        )
        if self.kl is not None:
            token_kl = self.kl.calculate_kl(shown, keep(on_policy, kwargs["ref_logprob"]), before)
            sums["kl_loss"] = weighted_sum(token_kl, on_policy, loss_norm)
            loss = loss + self.kl.kl_coef * sums["kl_loss"]
        tensors: dict[str, Any] = {name: kwargs.get(field) for name, field in IN_THE_BATCH.items()}
        tensors.update(kwargs, old_logprob=old_logprob, mask=expert)
        imitation, figures = self._imitation(
            keep(expert, logprob), expert, tensors, loss_coef, loss_norm, token_norm
        )
        sums = whole_batch_metrics({**sums, **figures}, dp_size, self.backend)
        return (loss + imitation) * dp_size, sums

    def _imitation(
        self,
        logprob: Tensor,
        mask: Tensor,
        tensors: dict[str, Tensor],
        loss_coef: Tensor,
        loss_norm: Tensor,
        token_norm: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The expert rows' part of the loss and of each metric."""
        token = self.token_weight(logprob, **tensors)
        row = self.row_weight(logprob, **tensors).unsqueeze(-1)
        token_loss = expert_loss(logprob, token * row)
        with torch.no_grad():
            sums = {
                "expert/loss": weighted_sum(token_loss, mask, loss_norm),
                "expert/nll": weighted_sum(-logprob, mask, token_norm),
                "expert/prob": weighted_sum(logprob.exp(), mask, token_norm),
                "expert/weight": weighted_sum(token, mask, token_norm),
            }
            if self.row_weight.name != "all":
                sums["expert/row_weight"] = weighted_sum(row.expand_as(logprob), mask, token_norm)
            if self.count_sequences:
                sums.update(sequence_moments(logprob, mask))
        return weighted_sum(token_loss, mask, loss_coef), sums

    @classmethod
    def default_args(cls) -> dict[str, Any]:
        """Returns the arguments that hold where YAML gives none."""
        return {
            "token_weight": "phi",
            "clip_range_low": CLIP_LOW,
            "clip_range_high": CLIP_HIGH,
            "clip_ratio_c": DUAL_CLIP,
        }
