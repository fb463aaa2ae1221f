"""The entropy of the on-policy tokens, as a bonus or only as a metric."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from trinity.algorithm.entropy_loss_fn.entropy_loss_fn import EntropyLossFn

from trinity_chord.objective import weighted_sum
from trinity_chord.plugin.training.metrics import whole_batch_metrics


class ExpertMixEntropyLossFn(EntropyLossFn):
    """c · Σ loss_norm · Σ_tokens mask · H over the on-policy rows, exact for any split.

    With ``entropy_coef: 0`` the entropy is only a metric. In both cases the trainer computes the
    entropy over the vocabulary for every token, which takes a softmax and the memory for another
    tensor of the logits' size; without this loss it does not.

    Args:
        entropy_coef: c ≥ 0.
    """

    # Parameters that coming versions of Trinity pass themselves rather than fetch from the batch.
    _runtime_keys: ClassVar[tuple[str, ...]] = ("dp_size",)

    def __init__(self, entropy_coef: float = 0.0) -> None:
        self.entropy_coef = entropy_coef

    def __call__(
        self,
        entropy: Tensor,
        action_mask: Tensor,
        expert_mask: Tensor,
        loss_norm: Tensor,
        token_norm: Tensor,
        dp_size: int = 1,
        **kwargs: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Add up a micro-batch; see `ROW_FIELDS` for the numbers of a row.

        Args:
            entropy: H of π_θ at each response token in nats, shape [N, T].
            action_mask: 1 for a token that counts, same shape.
            expert_mask: True for an expert row, bool, shape [N].
            loss_norm: The row's normalizer, shape [N].
            token_norm: 1 / (tokens of the row's kind in the whole batch), shape [N].
            dp_size: Data-parallel ranks over which the engine averages gradients.
            **kwargs: Ignored.

        Returns:
            c times this micro-batch's part of the entropy, times ``dp_size`` (the trainer subtracts
            it from the loss), and the metrics ``entropy_loss`` (the aggregated entropy of the
            on-policy tokens, under Trinity's name) and ``expert/entropy`` (the mean entropy at the
            expert tokens).
        """
        entropy = entropy if entropy.dtype == torch.float64 else entropy.float()
        on_policy = (~expert_mask).to(loss_norm.dtype)
        with torch.set_grad_enabled(self.entropy_coef != 0 and torch.is_grad_enabled()):
            bonus = weighted_sum(entropy, action_mask, loss_norm * on_policy)
        with torch.no_grad():
            expert = weighted_sum(
                entropy, action_mask, token_norm * expert_mask.to(token_norm.dtype)
            )
        sums = {"entropy_loss": bonus, "expert/entropy": expert}
        return self.entropy_coef * dp_size * bonus, whole_batch_metrics(sums, dp_size, "verl")
