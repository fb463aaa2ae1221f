"""Contract tests for your own weights, gates, μ rules and on-policy losses.

Call a check from a test of your own::

    from trinity_chord.testing import check_token_weight

    def test_my_weight():
        check_token_weight("my_package.my_weight", alpha=0.5)

Each check takes a registered name, a dotted path, or the function or class itself, and then its
arguments. It raises `ContractError` if the part breaks what the rest of the package relies on.
Passing is no proof: a check tries a few batches.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from trinity_chord.errors import ChordError
from trinity_chord.objective import (
    GATES,
    ROW_WEIGHTS,
    SCHEDULES,
    TOKEN_WEIGHTS,
    BatchFigures,
    ExpertFigures,
    MuRule,
    PromptRewards,
    Weight,
)
from trinity_chord.objective.gates import Gate
from trinity_chord.objective.losses import CLIP_HIGH, CLIP_LOW, DUAL_CLIP
from trinity_chord.objective.mu_rules import MuRuleFactory

Part = str | Callable[..., Any]

LENGTHS = (7, 4, 1, 0, 7)  # Unmasked tokens of the example rows.
STEPS = 12
RESUMED_AFTER = 5  # Steps before the state of a μ rule is saved and loaded.


class ContractError(ChordError, AssertionError):
    """A part breaks its contract; the message lists how."""


def check_token_weight(weight: Part, **arguments: Any) -> None:
    """Check a token weight.

    It must return finite weights of at least 0 in the shape and dtype of log π_θ, without a
    gradient. The weights of a row must not depend on other rows, on masked tokens, on the padding,
    or on whether the row comes alone (shape [T]) or in a batch (shape [N, T]). A named tensor that
    the package does not know gets numbers from 0 to 1.

    Args:
        weight: The function, its registered name or its dotted path.
        **arguments: Its arguments.

    Raises:
        ContractError: A promise is broken.
        ChordConfigError: The name or an argument is wrong.
    """
    _check_weight(TOKEN_WEIGHTS.bind(weight, **arguments))


def check_row_weight(weight: Part, **arguments: Any) -> None:
    """Check a row weight: as `check_token_weight`, but with one weight per row.

    Args:
        weight: The function, its registered name or its dotted path.
        **arguments: Its arguments.

    Raises:
        ContractError: A promise is broken.
        ChordConfigError: The name or an argument is wrong.
    """
    _check_weight(ROW_WEIGHTS.bind(weight, **arguments))


def check_gate(gate: Part, **arguments: Any) -> None:
    """Check a gate.

    It must return `Opened` with two bool tensors of shape [P], and its decision on a prompt must
    not depend on other prompts.

    Args:
        gate: The function, its registered name or its dotted path.
        **arguments: Its arguments.

    Raises:
        ContractError: A promise is broken.
        ChordConfigError: The name or an argument is wrong.
    """
    bound = GATES.bind(gate, **arguments)
    _raise_if_any("gate", bound.name, bound.problems() or _coupled_prompts(bound))


def check_mu_rule(rule: Part, **arguments: Any) -> None:
    """Check a μ rule.

    It must give a number in [0, 1] at every step, the same for the same batches, and finite
    metrics. Its state must survive JSON, and a rule that resumes from it must give the same μ.

    Args:
        rule: The subclass of `MuRule`, its registered name or its dotted path.
        **arguments: Its arguments.

    Raises:
        ContractError: A promise is broken.
        ChordConfigError: The name or an argument is wrong.
    """
    factory = SCHEDULES.bind(rule, **arguments)
    try:
        problems = _mu_problems(factory)
    except Exception as error:  # Your own rule may raise anything.
        problems = [f"got {type(error).__name__}, expected μ: {error}"]
    _raise_if_any("μ rule", factory.name, problems)


def check_rl_loss(loss: Part, **arguments: Any) -> None:
    """Check an on-policy loss, one of Trinity's kind.

    Its gradient on a batch must be the sum of those on any split of the batch. This check needs
    Trinity-RFT and is the one that `trinity-chord check` makes for `rl_loss`.

    Args:
        loss: The subclass of Trinity's ``PolicyLossFn``, its name in Trinity or its dotted path.
        **arguments: Its arguments.

    Raises:
        ContractError: The loss is unknown, does not run on rollouts, or depends on the split.
    """
    from trinity_chord.plugin.rl_loss import get_rl_loss

    name = loss if isinstance(loss, str) else f"{loss.__module__}.{loss.__qualname__}"
    clips = {"clip_range_low": CLIP_LOW, "clip_range_high": CLIP_HIGH, "clip_ratio_c": DUAL_CLIP}
    try:
        get_rl_loss(name, "verl", arguments, clips)
    except ValueError as error:
        raise ContractError(str(error)) from error


def _raise_if_any(kind: str, name: str, problems: list[str]) -> None:
    if problems:
        raise ContractError.from_problems(f"{kind} {name!r}", problems, limit=None)


def _check_weight(weight: Weight) -> None:
    problems = weight.problems() or [
        *_wrong_dtypes(weight),
        *_coupled_rows(weight),
        *_visible_padding(weight),
    ]
    _raise_if_any(weight.kind, weight.name, problems)


def _wrong_dtypes(weight: Weight) -> list[str]:
    problems = []
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        logprob, tensors = _rows(weight.needs, dtype)
        found = weight(logprob.requires_grad_(), **tensors)
        if found.dtype != dtype:
            problems.append(f"got dtype {found.dtype}, expected that of log π_θ, {dtype}")
        if found.requires_grad:
            problems.append("got weights with a gradient, expected none")
    return list(dict.fromkeys(problems))


def _coupled_rows(weight: Weight) -> list[str]:
    """Compare the rows of a batch with the same rows alone."""
    logprob, tensors = _rows(weight.needs)
    batch = weight(logprob, **tensors)
    for i, length in enumerate(LENGTHS):
        one = {name: value[i] for name, value in tensors.items()}
        alone = weight(logprob[i], **one)
        in_2d = weight(logprob[i : i + 1], **{k: v.unsqueeze(0) for k, v in one.items()})[0]
        for found, form in ((alone, "shape [T]"), (in_2d, "shape [1, T]")):
            if length and not _same(found, batch[i], one["mask"]):
                return [
                    f"got {_shown(found)} for a row alone ({form}) and {_shown(batch[i])} in a "
                    f"batch, expected the same (log π_θ: {_shown(logprob[i])})"
                ]
    return []


def _visible_padding(weight: Weight) -> list[str]:
    """Compare the weights after a change of masked tokens, and after more padding."""
    logprob, tensors = _rows(weight.needs)
    mask, expected = tensors["mask"], weight(logprob, **tensors)
    other, others = _rows(weight.needs, seed=1)
    changed = {name: torch.where(mask, tensors[name], others[name]) for name in tensors}
    changed["mask"] = mask
    after = weight(torch.where(mask, logprob, other), **changed)
    if not _same(after, expected, mask):
        return ["got other weights after masked tokens changed, expected the same"]
    wide = {name: _widened(value) for name, value in tensors.items()}
    padded = weight(_widened(logprob), **wide)
    unpadded = padded if weight.per_row else padded[:, : mask.shape[-1]]
    if not _same(unpadded, expected, mask):
        return ["got other weights after padding was added, expected the same"]
    return []


def _coupled_prompts(gate: Gate) -> list[str]:
    best = torch.tensor([-1.0, 0.0, 0.25, 0.5, 1.0, 1.0], dtype=torch.float64)
    mean = torch.tensor([-1.0, -0.5, 0.0, 0.5, 0.25, 1.0], dtype=torch.float64)
    together = gate(PromptRewards(mean, best))
    for i in range(len(best)):
        alone = gate(PromptRewards(mean[i : i + 1], best[i : i + 1]))
        for name in ("on_policy", "expert"):
            found, expected = getattr(alone, name).item(), getattr(together, name)[i].item()
            if found != expected:
                return [
                    f"{name}: got {found} for a prompt alone and {expected} in a batch, expected "
                    f"the same (mean reward {mean[i]:g}, best {best[i]:g})"
                ]
    return []


def _mu_problems(factory: MuRuleFactory) -> list[str]:
    figures = _figures(factory.needs_feedback)
    rule = factory()
    mus: list[float] = []
    state: dict[str, Any] = {}
    for step, batch in enumerate(figures, 1):
        mu, metrics = rule.next(step, batch), rule.metrics()
        if not (_is_number(mu) and 0 <= mu <= 1):
            return [f"got μ = {mu!r} at step {step}, expected a number in [0, 1]"]
        if not all(map(_is_number, metrics.values())):
            return [f"metrics: got {metrics!r} at step {step}, expected finite numbers"]
        mus.append(mu)
        if step == RESUMED_AFTER:
            state = rule.state_dict()
    again = _mus(factory(), figures)
    if again != mus:
        return [f"got μ = {again} in a second run with the same batches, expected {mus}"]
    try:
        saved = json.loads(json.dumps(state))
    except (TypeError, ValueError) as error:
        return [f"state_dict: got {state!r}, expected what JSON can hold: {error}"]
    rule = factory()
    rule.load_state_dict(saved)
    resumed, expected = _mus(rule, figures, RESUMED_AFTER), mus[RESUMED_AFTER:]
    return [] if resumed == expected else [f"got μ = {resumed} after resuming, expected {expected}"]


def _mus(rule: MuRule, figures: list[BatchFigures], start: int = 0) -> list[float]:
    return [rule.next(step, batch) for step, batch in enumerate(figures[start:], start + 1)]


def _figures(feedback: bool) -> list[BatchFigures]:
    source = random.Random(0)
    figures = []
    for step in range(STEPS):
        rewards = tuple(float(source.random() < 0.5) for _ in range(6))
        mean = sum(rewards) / len(rewards)
        experts = ExpertFigures(source.uniform(0, 3), source.uniform(0, 2), source.random())
        figures.append(
            BatchFigures(
                rewards=rewards,
                advantages=tuple(reward - mean for reward in rewards),
                entropy=source.uniform(0, 3),
                previous_experts=experts if feedback and step else None,
                best_rewards=(max(rewards[:3]), max(rewards[3:])),
            )
        )
    return figures


def _rows(
    names: tuple[str, ...], dtype: torch.dtype = torch.float64, seed: int = 0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return log π_θ of random rows and the named tensors, always with the mask."""
    source = torch.Generator().manual_seed(seed)
    shape = (len(LENGTHS), max(LENGTHS))
    logprob = -4 * torch.rand(shape, generator=source, dtype=torch.float64)
    tensors = {}
    for name in names:
        values = torch.rand(shape, generator=source, dtype=torch.float64)
        tensors[name] = logprob - values + 0.5 if name.endswith("logprob") else values
    tensors = {name: value.to(dtype) for name, value in tensors.items()}
    tensors["mask"] = torch.arange(shape[1]) < torch.tensor(LENGTHS).unsqueeze(-1)
    return logprob.to(dtype), tensors


def _widened(values: Tensor) -> Tensor:
    return torch.cat([values, torch.zeros_like(values[:, :3])], dim=-1)


def _same(found: Tensor, expected: Tensor, mask: Tensor) -> bool:
    """Compare what counts: tokens in the mask, or rows with such a token."""
    counted = mask if found.shape == mask.shape else mask.any(-1)
    return torch.allclose(found[counted], expected[counted], rtol=1e-9, atol=1e-12)


def _shown(values: Tensor) -> str:
    return ", ".join(f"{value:.4g}" for value in values.reshape(-1).tolist())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
