"""The methods of the recipes: a preset each, and what the paper's set-up changes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
        notes: What to know of it, a line each, by the domain; those of "" hold in both.
    """

    name: str
    preset: str
    override: str
    changes: Callable[[Domain], Mapping[str, Any]] = lambda domain: {}
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def notes_in(self, domain: Domain) -> tuple[str, ...]:
        """The notes that hold in a domain."""
        return (*self.notes.get("", ()), *self.notes.get(domain.name, ()))


def _decay(domain: Domain) -> dict[str, Any]:
    args = {"mu_peak": 0.9, "mu_valley": 0.05, "mu_decay_steps": domain.mu_decay_steps}
    return {"policy_loss_fn_args": args}


def _any_expert(domain: Domain) -> dict[str, Any]:
    args = {"sft_dataset_name": "sft_dataset", "expert_pairing": None, "unpaired": "random"}
    return {"sample_strategy_args": args}


MU = "algorithm.policy_loss_fn_args"
METHODS = (
    Method(
        "chord_mu",
        "chord_mu",
        f"{MU}.mu_valley=0.02",
        _decay,
        {
            "": ("The fall along a cosine is the public code's; the paper names its two ends.",),
            "tool": ("A comment in the public YAML says 0.6 to 0.0 over 20 steps.",),
        },
    ),
    Method(
        "chord_phi",
        "chord_phi",
        f"{MU}.mu_peak=0.2 --set {MU}.mu_valley=0.2",
        lambda domain: {"policy_loss_fn_args": {"mu_peak": 0.1, "mu_valley": 0.1}},
        {"": ("A mean over the expert tokens, as the public code takes the paper's eq. 6.",)},
    ),
    Method(
        "fixed_mu",
        "mix",
        f"{MU}.mu_schedule_args.value=0.5",
        notes={"": ("The paper's ablation has 0.02, 0.1 and 0.5, all below the decaying μ.",)},
    ),
    Method(
        "adaptive_mu",
        "adaptive_mu",
        f"{MU}.mu_schedule_args.threshold=0.7",
        lambda domain: {"policy_loss_fn_args": {"mu_schedule_args": {"threshold": 0.5}}},
        {
            "math": ("The paper has it for tool use, where rewards are 0 and 1.",),
            "tool": ("A threshold of 0.7 was clearly worse in the paper.",),
        },
    ),
    Method(
        "sft",
        "sft",
        "algorithm.optimizer.lr=5.0e-6",
        lambda domain: {"optimizer": {"lr": SFT_LR}},
        {
            "": (
                "The paper searched lr in 1e-6, 5e-6 and 1e-5 and took the best checkpoint; as a",
                "baseline, so must you.",
            )
        },
    ),
    Method("grpo", "grpo", "algorithm.repeat_times=16"),
    Method(
        "sft_then_grpo",
        "sft_then_grpo",
        "buffer.total_steps=60",
        notes={"": ("This is the second stage's; the first one's stands below.",)},
    ),
    Method(
        "luffy",
        "luffy",
        f"{MU}.mu_schedule_args.value=0.25",
        notes={
            "": (
                "LUFFY has an expert answer to each RL prompt; here, as in the other recipes, the",
                "expert rows belong to other problems.",
            )
        },
    ),
    Method(
        "hpt",
        "hpt",
        "algorithm.sample_strategy_args.gate_args.threshold=0.25",
        _any_expert,
        {
            "": (
                "HPT has an expert answer to each RL prompt. The two sets are disjoint here, and a",
                "failing prompt opens a slot for any expert row (`unpaired: random`). With answers",
                "to the RL prompts: `expert_pairing: {expert_key: COLUMN, task_key: COLUMN}`.",
            )
        },
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
