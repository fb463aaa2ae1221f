"""The table of presets: to add one, add a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One published method, expressed in the package's slots.

    Attributes:
        name: Its name.
        level: The level at which it decides: "batch" (μ), "row" or "token"; "-" if it uses only
            one kind of data.
        formula: Its objective, in the notation of docs/objective.md.
        source: The paper.
        algorithm: The `algorithm` section of its YAML.
        needs: What it needs in addition to rollouts and expert rows, and what that costs.
        alone: Whether it trains on expert rows without rollouts (`mode: train`).
        before: The preset of the stage that comes before it, if there is one.
    """

    name: str
    level: str
    formula: str
    source: str
    algorithm: Mapping[str, Any]
    needs: str = "nothing"
    alone: bool = False
    before: str | None = None


CHORD = "trinity_chord.CHORDAlgorithm"
ONLY_ROLLOUTS = {"algorithm_type": CHORD, "sample_strategy_args": {"expert_rows": 0}}
PAIRED = {"sft_dataset_name": "paired_dataset", "expert_pairing": "task_index"}

NEEDS_PAIRS = "an auxiliary buffer `paired_dataset`, whose row i is an expert answer to task i"
NEEDS_REFERENCE = "log π_ref: a reference model and its forward pass"
NEEDS_ENTROPY = "the entropy: one more forward pass (`bypass_old_logprobs: false`)"


def _constant_mu(value: float) -> dict[str, Any]:
    return {"mu_schedule": "constant", "mu_schedule_args": {"value": value}}


_TABLE = (
    Preset(
        name="sft",
        level="-",
        formula="L_SFT",
        source="CHORD (arXiv 2508.11408) eq. 1",
        algorithm={"algorithm_type": "trinity_chord.WeightedSFTAlgorithm"},
        alone=True,
    ),
    Preset(
        name="dft",
        level="token",
        formula="L_SFT with w = p",
        source="DFT (arXiv 2508.05629)",
        algorithm={"algorithm_type": "trinity_chord.DFTAlgorithm"},
        alone=True,
    ),
    Preset(
        name="iw_sft",
        level="row",
        formula="L_SFT with v = clamp(exp(mean_t log p/π_ref), 0, 16)",
        source="iw-SFT (arXiv 2507.12856)",
        algorithm={"algorithm_type": "trinity_chord.IWSFTAlgorithm"},
        needs=NEEDS_REFERENCE,
        alone=True,
    ),
    Preset(
        name="grpo",
        level="-",
        formula="L_GRPO",
        source="CHORD eq. 2, without KL",
        algorithm=ONLY_ROLLOUTS,
    ),
    Preset(
        name="sft_then_grpo",
        level="-",
        formula="L_SFT, then L_GRPO",
        source="the usual pipeline, as two of Trinity's stages",
        algorithm=ONLY_ROLLOUTS,
        before="sft",
    ),
    Preset(
        name="mix",
        level="batch",
        formula="0.9·L_GRPO + 0.1·L_SFT",
        source="CHORD, the ablation with a fixed μ",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "sft", **_constant_mu(0.1)},
        },
    ),
    Preset(
        name="chord_mu",
        level="batch",
        formula="(1-μ)·L_GRPO + μ·L_SFT, μ from 0.9 to 0.05",
        source="CHORD (arXiv 2508.11408) eq. 3",
        algorithm={"algorithm_type": "trinity_chord.CHORDMuAlgorithm"},
    ),
    Preset(
        name="chord_phi",
        level="token",
        formula="0.9·L_GRPO + 0.1·L_SFT with w = p(1-p)",
        source="CHORD (arXiv 2508.11408) eq. 6",
        algorithm={"algorithm_type": "trinity_chord.CHORDPhiAlgorithm"},
    ),
    Preset(
        name="dft_mixed",
        level="token",
        formula="0.9·L_GRPO + 0.1·L_SFT with w = p",
        source="CHORD eq. 4; DFT (arXiv 2508.05629)",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "dft", **_constant_mu(0.1)},
        },
    ),
    Preset(
        name="luffy",
        level="token",
        formula="7/8·L_GRPO + 1/8·L_SFT with w = γp/(p+γ)²: one expert answer to seven rollouts",
        source="LUFFY (arXiv 2504.14945), its shaping",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "luffy", **_constant_mu(0.125)},
        },
    ),
    Preset(
        name="trsft",
        level="token",
        formula="0.9·L_GRPO + 0.1·L_SFT with w = min(1, p/α)",
        source="TRAPO (arXiv 2512.17636), its token weight",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "trsft", **_constant_mu(0.1)},
        },
    ),
    Preset(
        name="hpt",
        level="row",
        formula="L_GRPO for prompts whose mean reward is above 0, "
        "L_SFT on the expert rows of the others",
        source="HPT (arXiv 2509.04419)",
        algorithm={
            "algorithm_type": CHORD,
            "sample_strategy_args": {**PAIRED, "gate": "hpt"},
            "policy_loss_fn_args": {"token_weight": "sft", **_constant_mu(0.5)},
        },
        needs=NEEDS_PAIRS,
    ),
    Preset(
        name="superrl",
        level="row",
        formula="L_GRPO, and L_SFT on the expert rows of prompts whose rollouts all fail",
        source="SuperRL (arXiv 2506.01096)",
        algorithm={
            "algorithm_type": CHORD,
            "sample_strategy_args": {**PAIRED, "gate": "superrl"},
            "policy_loss_fn_args": {"token_weight": "sft", **_constant_mu(0.5)},
        },
        needs=NEEDS_PAIRS,
    ),
    Preset(
        name="relift",
        level="row",
        formula="L_GRPO, and L_SFT on the expert rows of prompts that failed in earlier batches",
        source="ReLIFT (arXiv 2506.07527)",
        algorithm={
            "algorithm_type": CHORD,
            "sample_strategy_args": {**PAIRED, "gate": "relift"},
            "policy_loss_fn_args": {"token_weight": "sft", **_constant_mu(0.5)},
        },
        needs=NEEDS_PAIRS,
    ),
    Preset(
        name="adaptive_mu",
        level="batch",
        formula="(1-μ)·L_GRPO + μ·L_SFT, μ = max(0, 0.5 - mean reward)",
        source="CHORD table 3",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "sft", "mu_schedule": "reward_threshold"},
        },
    ),
    Preset(
        name="amft",
        level="batch",
        formula="(1-μ)·L_GRPO + μ·L_SFT, μ steered by the policy's entropy",
        source="AMFT (arXiv 2508.06944), without its meta-gradient",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "sft", "mu_schedule": "entropy_target"},
        },
    ),
    Preset(
        name="gac",
        level="batch",
        formula="(1-μ)·L_GRPO + μ·L_SFT, μ from the variances of both terms",
        source="GAC (arXiv 2605.26184)",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {"token_weight": "sft", "mu_schedule": "gac"},
        },
    ),
    Preset(
        name="srft",
        level="row",
        formula="0.5·(L_GRPO + L_SFT with v = 0.5·exp(-H))",
        source="SRFT (arXiv 2506.19767), its weight of demonstrations",
        algorithm={
            "algorithm_type": CHORD,
            "policy_loss_fn_args": {
                "token_weight": "sft",
                "row_weight": "srft",
                **_constant_mu(0.5),
            },
        },
        needs=NEEDS_ENTROPY,
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _TABLE}
