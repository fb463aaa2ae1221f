"""The CHORD policy loss: a plain sum over rows that the sample strategy has weighed."""

from __future__ import annotations

from typing import Any, ClassVar

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
from trinity_chord.objective.losses import (
    CLIP_HIGH,
    CLIP_LOW,
    DUAL_CLIP,
    add_up,
    bits,
    rows_of,
)
from trinity_chord.plugin.rl_loss import OnPolicyTokens, get_rl_loss
from trinity_chord.plugin.training.metrics import (
    prob_histogram,
    sequence_moments,
    whole_batch_metrics,
)

# The entropy's key in the trainer's batch: Trinity passes its own `entropy` to the entropy loss.
BATCH_KEYS = {"entropy": "entropys"}


class CHORDPolicyLossFn(PolicyLossFn):
    """L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408, eq. 3) as a sum over rows.

    `ExpertMixSampleStrategy`, which sees the whole batch, stamps a coefficient on each row. The
    loss adds up ``loss_coef · Σ_tokens mask · loss(token)`` and multiplies by ``dp_size``, by which
    verl's engine divides. It has no batch size and no state, so the gradient of an optimizer step
    is the same for any micro-batch split.

    With ``kl_loss_fn`` it adds β · Σ loss_norm · Σ_tokens mask · KL(π_θ, π_ref) over the on-policy
    tokens, without μ, and as exact; Trinity's own KL loss is a mean over a micro-batch.

    Args:
        backend: Trinity's name of the trainer.
        token_weight: Name of the weight of expert tokens.
        token_weight_args: Arguments of the token weight.
        row_weight: Name of the weight of expert rows, which multiplies the token weights.
        row_weight_args: Arguments of the row weight.
        rl_loss: Name of the on-policy term.
        rl_loss_args: Arguments of the on-policy term.
        clip_range_low: ε_low of the ratio's clip.
        clip_range_high: ε_high of the ratio's clip.
        clip_ratio_c: c of the dual clip.
        kl_loss_fn: Trinity's name of the KL estimator; None for no KL term.
        kl_loss_fn_args: Arguments of the KL estimator; ``kl_coef`` is β.
        count_sequences: Whether to add up the sums for a μ rule that needs feedback.

    Raises:
        ValueError: A name is unknown, or an argument does not fit.
    """

    # The tensors that Trinity fetches: those that `__call__` names, and those that a weight needs.
    _select_keys: list[str]
    # Parameters that coming versions of Trinity pass themselves rather than fetch from the batch.
    _runtime_keys: ClassVar[tuple[str, ...]] = ("dp_size",)

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
        keys = {BATCH_KEYS.get(name, name) for name in needs}
        if self.kl is not None:
            keys.add("ref_logprob")
        self._select_keys = [*self._select_keys, *sorted(keys - set(self._select_keys))]

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
        """Add up a micro-batch; see `ROW_FIELDS` for the numbers of a row.

        Args:
            logprob: log π_θ of the response tokens, shape [N, T] ([T] for a single row).
            old_logprob: Log-probabilities under the policy in the denominator of the ratio, same
                shape.
            action_mask: 1 for a token that counts, same shape.
            advantages: Same shape; 0 in expert rows.
            expert_mask: True for an expert row, bool, shape [N] ([]).
            loss_coef: The row's coefficient, float, shape [N] ([]).
            loss_norm: The row's normalizer, without μ, shape [N] ([]).
            token_norm: 1 / (tokens of the row's kind in the whole batch), shape [N] ([]).
            dp_size: Data-parallel ranks over which the engine averages gradients.
            **kwargs: The tensors that the weights and the KL term need, shape of ``logprob``.

        Returns:
            The scalar loss, and the metrics.
        """
        logprob = logprob if logprob.dtype == torch.float64 else logprob.float()
        on_policy, expert = split_mask(action_mask, expert_mask)
        norms = {"loss_coef": loss_coef, "loss_norm": loss_norm, "token_norm": token_norm}
        tensors: dict[str, Any] = {**kwargs, "old_logprob": old_logprob, "advantages": advantages}
        tensors.update({name: kwargs.get(key) for name, key in BATCH_KEYS.items()})
        parts = []
        for part, mask, rows in (
            (self._rl_loss, on_policy, rows_of(~expert_mask)),
            (self._sft_loss, expert, rows_of(expert_mask)),
        ):
            chosen = {
                name: value[rows] if isinstance(value, Tensor) else value
                for name, value in {**tensors, **norms}.items()
            }
            # A kind without rows needs no gradient.
            shown = logprob.detach() if isinstance(rows, slice) else logprob
            parts.append(part(shown[rows], mask[rows], chosen))
        (loss, sums), (sft_loss, sft_sums) = parts
        metrics = whole_batch_metrics({**sums, **sft_sums}, dp_size, self.backend)
        return (loss + sft_loss) * dp_size, metrics

    def _rl_loss(
        self, logprob: Tensor, mask: Tensor, tensors: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the on-policy rows' part of the loss, and of each metric."""
        mask_bits = bits(mask, logprob.dtype)
        tokens = OnPolicyTokens(
            logprob=keep(mask_bits, logprob),
            old_logprob=keep(mask_bits, tensors["old_logprob"].to(logprob.dtype)),
            advantages=keep(mask_bits, tensors["advantages"].to(logprob.dtype)),
            mask=mask,
            loss_coef=tensors["loss_coef"],
            loss_norm=tensors["loss_norm"],
            token_norm=tensors["token_norm"],
        )
        loss, sums = self.rl_loss(tokens)
        if self.kl is not None:
            ref_logprob = keep(mask_bits, tensors["ref_logprob"].to(logprob.dtype))
            token_kl = self.kl.calculate_kl(tokens.logprob, ref_logprob, tokens.old_logprob)
            sums["kl_loss"] = weighted_sum(token_kl, mask, tokens.loss_norm)
            loss = loss + self.kl.kl_coef * sums["kl_loss"]
        return loss, sums

    def _sft_loss(
        self, logprob: Tensor, mask: Tensor, tensors: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the expert rows' part of the loss, and of each metric."""
        mask_bits = bits(mask, logprob.dtype)
        logprob = keep(mask_bits, logprob)
        weight = token = self.token_weight(logprob, **tensors, mask=mask)
        weighs_rows = self.row_weight.name != "all"
        if weighs_rows:
            row = self.row_weight(logprob, **tensors, mask=mask).unsqueeze(-1)
            weight = token * row
        of_rows = expert_loss(logprob, weight, mask_bits).sum(-1)
        token_norm = tensors["token_norm"]
        with torch.no_grad():
            prob = keep(mask_bits, logprob.exp())
            sums = {
                "expert/loss": (of_rows * tensors["loss_norm"]).sum(),
                "expert/nll": -add_up(logprob, token_norm),
                "expert/prob": add_up(prob, token_norm),
                "expert/weight": add_up(keep(mask_bits, token), token_norm),
                **prob_histogram(prob, mask, token_norm),
            }
            if weighs_rows:
                sums["expert/row_weight"] = weighted_sum(row.expand_as(token), mask, token_norm)
            if self.count_sequences:
                sums.update(sequence_moments(logprob, mask))
        return (of_rows * tensors["loss_coef"]).sum(), sums

    @classmethod
    def default_args(cls) -> dict[str, Any]:
        """Return the arguments used if YAML gives none."""
        return {
            "token_weight": "phi",
            "clip_range_low": CLIP_LOW,
            "clip_range_high": CLIP_HIGH,
            "clip_ratio_c": DUAL_CLIP,
        }
