"""A check that a policy loss gives the same gradient however a batch is split.

Trinity's policy losses are means over a micro-batch's tokens, Σ m·l / Σ m. `sum_over_rows` turns
such a mean into a sum over rows, which is exact only if the loss of a row does not depend on the
other rows. That cannot be proven by calling the loss; `check_rl_loss_adds_up` tries it on batches
built to reach the branches in which losses usually depend on other rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn

# Trinity's `masked_mean` adds this to the number that it divides by.
EPSILON = 1e-8
ROWS, WIDTH = 8, 6
# Rows of the micro-batches, in the order in which they are computed.
SPLITS: Mapping[str, list[list[int]]] = {
    "computed again": [[0, 1, 2, 3, 4, 5, 6, 7]],
    "put into another order": [[5, 2, 7, 0, 3, 6, 1, 4]],
    "split into two halves": [[0, 1, 2, 3], [4, 5, 6, 7]],
    "split into every other row": [[0, 2, 4, 6], [1, 3, 5, 7]],
    "split into one row and the rest": [[2], [0, 1, 3, 4, 5, 6, 7]],
    "split into single rows": [[row] for row in range(ROWS)],
}


def sum_over_rows(
    loss: PolicyLossFn,
    logprob: Tensor,
    old_logprob: Tensor,
    advantages: Tensor,
    mask: Tensor,
    coef: Tensor,
) -> Tensor:
    """Return Σ_rows coef · Σ_tokens mask · l of a loss that computes Σ m·l / (Σ m + ε).

    Args:
        loss: The loss, with the aggregation `token-mean`.
        logprob: log π_θ, floating point, shape [N, T] or [T].
        old_logprob: Log-probabilities under the policy in the denominator of the ratio, same shape.
        advantages: Same shape.
        mask: The tokens that count, bool, same shape.
        coef: The coefficient of each row, shape [N] or [].

    Returns:
        A scalar.
    """
    weights = mask * coef.to(logprob.dtype).unsqueeze(-1)
    # Scaled so that the largest is 1: ε is then negligible.
    highest = weights.max().clamp(min=torch.finfo(weights.dtype).tiny)
    weights = weights / highest
    mean, _ = loss(
        logprob=logprob, old_logprob=old_logprob, action_mask=weights, advantages=advantages
    )
    return mean * (weights.sum() + EPSILON) * highest


def check_rl_loss_adds_up(loss: PolicyLossFn, name: str | None = None) -> None:
    """Check that a loss has the same gradient for several splits of several batches.

    The batches have small and large ratios (up to e^±10), advantages from 0.01 to 100, of one
    sign, constant, and zero in some or all rows, rows of different lengths with gaps, a row without
    any token, and the coefficients of `token-mean` and of `seq-mean-token-mean`.

    Passing is no proof. A loss that depends on the other rows only in a branch that none of these
    batches reaches (a ratio above e^10, a batch of 32 rows or more) passes.

    Args:
        loss: A policy loss of Trinity's kind, with the aggregation `token-mean`.
        name: Its name in error messages; that of its class if None.

    Raises:
        ValueError: The loss raises an exception, is not finite, or is not a sum over rows.
    """
    name = type(loss).__name__ if name is None else name
    whole = [list(range(ROWS))]
    for description, batch in _batches():
        try:
            expected = _gradient(loss, batch, whole)
            found = {split: _gradient(loss, batch, rows) for split, rows in SPLITS.items()}
        except Exception as error:
            raise ValueError(f"rl_loss {name!r} does not run on rollouts: {error}") from error
        largest = float(expected.abs().max())
        for split, gradient in {"not split": expected, **found}.items():
            if not torch.isfinite(gradient).all():
                raise ValueError(
                    f"rl_loss {name!r} is not finite on a batch with {description} that is "
                    f"{split}; a micro-batch may have no on-policy token at all, so add a small "
                    "number to what you divide by"
                )
            if not torch.allclose(gradient, expected, rtol=1e-6, atol=1e-12 * largest):
                norm = torch.maximum(gradient.norm(), expected.norm())
                raise ValueError(
                    f"rl_loss {name!r} is not a sum over rows and tokens with these arguments: the "
                    f"gradient of a batch with {description} changes by "
                    f"{float((gradient - expected).norm() / norm):.2g} of its norm if the batch is "
                    f"{split}; let the loss of a row depend on that row alone"
                )


def _gradient(loss: PolicyLossFn, batch: tuple[Tensor, ...], split: list[list[int]]) -> Tensor:
    """Return the loss and its gradient by log-probability, added up over micro-batches."""
    logprob, old_logprob, advantages, mask, coef = batch
    value = torch.zeros((), dtype=logprob.dtype)
    gradient = torch.zeros_like(logprob)
    for rows in split:
        columns = mask[rows].any(0).nonzero()
        width = int(columns[-1]) + 1 if len(columns) else 1  # a trainer pads to the longest row
        leaf = logprob[rows, :width].requires_grad_()
        total = sum_over_rows(
            loss,
            leaf,
            old_logprob[rows, :width],
            advantages[rows, :width],
            mask[rows, :width],
            coef[rows],
        )
        value += total.detach()
        if total.requires_grad:
            gradient[rows, :width] = torch.autograd.grad(total, leaf)[0]
    return torch.cat([value.reshape(1), gradient.flatten()])


def _batches() -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    """Yield descriptions, and log-probabilities, old ones, advantages, mask and coefficients."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    def spread(low: float, high: float) -> Tensor:
        """Return a magnitude for each row, evenly spaced on a log scale, and a random sign."""
        magnitudes = torch.logspace(low, high, ROWS, dtype=torch.float64)
        order = torch.randperm(ROWS, generator=random)
        return (magnitudes * torch.tensor([-1.0, 1.0]).repeat(ROWS // 2))[order].unsqueeze(-1)

    lengths = torch.tensor([6, 5, 4, 3, 2, 1, 0, 6])
    full = torch.arange(WIDTH) < lengths.unsqueeze(-1)
    gaps = full & (torch.rand(ROWS, WIDTH, generator=random) < 0.7)
    small = 0.3 * normal(ROWS, WIDTH)
    large = spread(-3, 1) * (1 + 0.1 * normal(ROWS, WIDTH)).clamp(0, 1)
    ordinary = normal(ROWS, 1).expand(ROWS, WIDTH)
    extreme = spread(-2, 2).expand(ROWS, WIDTH)
    one = torch.ones(ROWS, WIDTH, dtype=torch.float64)
    every_other = torch.arange(ROWS).unsqueeze(-1) % 2 * one
    for description, log_ratio, advantages, mask in (
        ("ordinary ratios and advantages", small, ordinary, full),
        ("large ratios", large, ordinary, full),
        ("large advantages", small, extreme, gaps),
        ("large ratios and large advantages", large, extreme, gaps),
        ("large ratios and positive advantages", large, ordinary.abs(), full),
        ("large ratios and the same advantage everywhere", large, one, full),
        ("large ratios and the same negative advantage everywhere", large, -one, gaps),
        ("small ratios and no advantage in every other row", -large, ordinary * every_other, full),
        ("large ratios and no advantage", large, 0 * one, full),
        ("ratios of 1 and large advantages", 0 * one, extreme, full),
    ):
        base = -2 * torch.rand(ROWS, WIDTH, generator=random, dtype=torch.float64)
        logprob = base - (-log_ratio).clamp(min=0)  # both log-probabilities are below 0
        old_logprob = logprob - log_ratio
        tensors = [torch.where(mask, each, 0.0) for each in (logprob, old_logprob, advantages)]
        tokens = mask.sum(-1)
        by_token = (tokens > 0) / tokens.sum()
        by_row = torch.where(tokens > 0, 1 / (ROWS * tokens.clamp(min=1)), 0.0)
        for coef in (by_token.double(), by_row.double()):
            yield description, (*tensors, mask, coef)
