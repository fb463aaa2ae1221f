"""The methods of the recipes: a preset each, and what the paper's set-up changes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trinity_chord.recipes.domains import Domain

SFT_LR = 1.0e-5


@dataclass(frozen=True)
class Method:
    """One recipe of each domain.

    Attributes:
        name: Its name, and that of its file.
        preset: The preset that it is made from.
        override: A key that is worth trying, as `--set` takes it.
        changes: What differs from the preset in a domain, as nested keys of `algorithm`; None
            removes a key.
        notes: What to know of it, a line each.
    """

    name: str
    preset: str
    override: str
    changes: Callable[[Domain], Mapping[str, Any]] = lambda domain: {}
    notes: tuple[str, ...] = ()


def _decay(domain: Domain) -> dict[str, Any]:
    args = {"mu_peak": 0.9, "mu_valley": 0.05, "mu_decay_steps": domain.mu_decay_steps}
    return {"policy_loss_fn_args": args}


def _faster(domain: Domain) -> dict[str, Any]:
    return {"optimizer": {"lr": SFT_LR}}


def _any_expert(domain: Domain) -> dict[str, Any]:
    args = {"sft_dataset_name": "sft_dataset", "expert_pairing": None, "unpaired": "random"}
    return {"sample_strategy_args": args}


MU = "algorithm.policy_loss_fn_args"
SEARCHED = "The paper searched lr in 1e-6, 5e-6, 1e-5, and took the best checkpoint: do so too."
METHODS = (
    Method(
        "chord_mu",
        "chord_mu",
        f"{MU}.mu_valley=0.02",
        _decay,
        ("The public YAML has μ fall by a cosine, as here; so the paper's figure looks.",),
    ),
    Method(
        "chord_phi",
        "chord_phi",
        f"{MU}.mu_peak=0.2 --set {MU}.mu_valley=0.2",
        lambda domain: {"policy_loss_fn_args": {"mu_peak": 0.1, "mu_valley": 0.1}},
        (
            "The token weight p(1-p), stop-gradient; a mean over the expert tokens, as the public",
            "code takes it (the paper's eq. 6 leaves it open).",
        ),
    ),
    Method(
        "fixed_mu",
        "mix",
        f"{MU}.mu_schedule_args.value=0.5",
        notes=("The paper's ablation: 0.02, 0.1 and 0.5, all below the decaying μ.",),
    ),
    Method(
        "adaptive_mu",
        "adaptive_mu",
        f"{MU}.mu_schedule_args.threshold=0.7",
        lambda domain: {"policy_loss_fn_args": {"mu_schedule_args": {"threshold": 0.5}}},
        ("The paper has it for tool use, with rewards of 0 and 1; a threshold of 0.7 was worse.",),
    ),
    Method("sft", "sft", f"algorithm.optimizer.lr={5e-6}", _faster, (SEARCHED,)),
    Method("grpo", "grpo", "algorithm.repeat_times=16"),
    Method(
        "sft_then_grpo",
        "sft_then_grpo",
        "buffer.total_steps=500",
        notes=("Of the second stage; the first one's are below.",),
    ),
    Method(
        "luffy",
        "luffy",
        f"{MU}.mu_schedule_args.value=0.25",
        notes=(
            "LUFFY has an expert answer for each RL prompt; here, as in the other recipes, expert",
            "rows belong to other problems than the RL prompts.",
        ),
    ),
    Method(
        "hpt",
        "hpt",
        "algorithm.sample_strategy_args.gate_args.threshold=0.25",
        _any_expert,
        (
            "HPT has an expert answer for each RL prompt. The two sets are disjoint here, so a",
            "failing prompt opens a slot for any expert row (`unpaired: random`). With answers to",
            "the RL prompts: `expert_pairing: {expert_key: COLUMN, task_key: COLUMN}` instead.",
        ),
    ),
)


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lays nested changes over nested values; None removes a key."""
    merged = dict(values)
    for key, change in changes.items():
        if change is None:
            merged.pop(key, None)
        elif isinstance(change, Mapping):
            merged[key] = merge(merged.get(key) or {}, change)
        else:
            merged[key] = change
    return merged
