"""The methods of the recipes: a preset each, and what CHORD's experiments change in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trinity_chord.recipes.domains import Domain

SFT_LR = 1.0e-5
LORA_LR = 1.0e-4


@dataclass(frozen=True)
class Method:
    """One recipe per domain.

    Attributes:
        name: Name of the method and of its file.
        preset: The preset that it starts from.
        override: A change worth trying, as `--set` takes it.
        changes: How its `algorithm` section differs from the preset's in a domain, as nested keys;
            None removes a key.
        note: What a reader should know about it.
        domain_notes: What a reader should know about it in one domain.
        lora: Whether it trains a LoRA adapter, for which one GPU is enough on any cluster.
    """

    name: str
    preset: str
    override: str
    changes: Callable[[Domain], Mapping[str, Any]] = lambda domain: {}
    note: str = ""
    domain_notes: Mapping[str, str] = field(default_factory=dict)
    lora: bool = False

    def notes_in(self, domain: Domain) -> list[str]:
        """Return the notes that apply in a domain."""
        notes = (self.note, self.domain_notes.get(domain.name, ""))
        return [note for note in notes if note]


def _decay(domain: Domain) -> dict[str, Any]:
    args = {"mu_peak": 0.9, "mu_valley": 0.05, "mu_decay_steps": domain.mu_decay_steps}
    return {"policy_loss_fn_args": args}


def _lora(domain: Domain) -> dict[str, Any]:
    args = {"mu_peak": 0.1, "mu_valley": 0.1}
    return {"optimizer": {"lr": LORA_LR}, "policy_loss_fn_args": args}


def _any_expert(domain: Domain) -> dict[str, Any]:
    args = {"sft_dataset_name": "sft_dataset", "expert_pairing": None, "unpaired": "random"}
    return {"sample_strategy_args": args}


def _without_experts(domain: Domain) -> dict[str, Any]:
    return {"sample_strategy_args": {"sft_dataset_name": None}}


MU = "algorithm.policy_loss_fn_args"
METHODS = (
    Method(
        "chord_mu",
        "chord_mu",
        f"{MU}.mu_valley=0.02",
        _decay,
        "The public code decays μ along a cosine; the paper gives only its first and last value.",
        {"tool": "A comment in Trinity's example says 0.6 to 0.0 over 20 steps."},
    ),
    Method(
        "chord_phi",
        "chord_phi",
        f"{MU}.mu_peak=0.2 --set {MU}.mu_valley=0.2",
        lambda domain: {"policy_loss_fn_args": {"mu_peak": 0.1, "mu_valley": 0.1}},
        "L_SFT is a mean over the expert tokens, which is how the public code reads the paper's "
        "eq. 6.",
    ),
    Method(
        "chord_phi_lora",
        "chord_phi",
        "algorithm.optimizer.lr=2.0e-4",
        _lora,
        "lr: our choice; the paper trains all weights. Trinity keeps the adapter in bfloat16, in "
        "which many steps below 1e-4 are rounded away.",
        lora=True,
    ),
    Method(
        "fixed_mu",
        "mix",
        f"{MU}.mu_schedule_args.value=0.5",
        note="The paper's ablation tries 0.02, 0.1 and 0.5; all score below the decaying μ.",
    ),
    Method(
        "adaptive_mu",
        "adaptive_mu",
        f"{MU}.mu_schedule_args.threshold=0.7",
        lambda domain: {"policy_loss_fn_args": {"mu_schedule_args": {"threshold": 0.5}}},
        domain_notes={
            "math": "The paper uses this rule for tool use only, where a reward is 0 or 1.",
            "tool": "A threshold of 0.7 was clearly worse in the paper.",
        },
    ),
    Method(
        "sft",
        "sft",
        "algorithm.optimizer.lr=5.0e-6",
        lambda domain: {"repeat_times": None, "optimizer": {"lr": SFT_LR}},
        "The paper searched lr over 1e-6, 5e-6 and 1e-5 and kept the best checkpoint. Do the same "
        "before you use this as a baseline.",
    ),
    Method("grpo", "grpo", "algorithm.repeat_times=16", _without_experts),
    Method(
        "sft_then_grpo",
        "sft_then_grpo",
        "buffer.total_steps=60",
        _without_experts,
        "These are the settings of the second stage, GRPO; the first one has its own in `stages`.",
    ),
    Method(
        "luffy",
        "luffy",
        f"{MU}.mu_schedule_args.value=0.25",
        note="LUFFY has an expert answer to each RL prompt. Here, as in the other recipes, the "
        "expert rows belong to other problems.",
    ),
    Method(
        "hpt",
        "hpt",
        "algorithm.sample_strategy_args.gate_args.threshold=0.25",
        _any_expert,
        "HPT has an expert answer to each RL prompt. Here the two sets are disjoint, so a failing "
        "prompt makes room for any expert row (`unpaired: random`). If you have answers to the RL "
        "prompts, set `expert_pairing: {expert_key: COLUMN, task_key: COLUMN}`.",
    ),
)


def merge(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with nested changes applied; None removes a key."""
    merged = dict(values)
    for key, change in changes.items():
        if change is None:
            merged.pop(key, None)
        elif isinstance(change, Mapping):
            merged[key] = merge(merged.get(key) or {}, change)
        else:
            merged[key] = change
    return merged
