"""The published ways of mixing expert data into RL, each a few lines of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CHORD = "trinity_chord.CHORDAlgorithm"
WEIGHTED_SFT = "trinity_chord.WeightedSFTAlgorithm"
# What a preset leaves as the base configuration has it.
KEPT = ("repeat_times", "optimizer", "entropy_loss_fn", "entropy_loss_fn_args", "advantage_fn")
# The first two say which expert sets there are.
KEPT_ARGS = ("sft_dataset_name", "expert_sets", "expert_seed", "expert_at_end", "expert_overlong")
AMOUNTS = ("expert_rows", "expert_data_ratio")


@dataclass(frozen=True)
class Preset:
    """One published method, as a choice in the package's slots.

    Attributes:
        name: Its name.
        level: Where it decides: "batch" (μ), "row" or "token"; "-" for one kind of data alone.
        formula: Its objective, in the terms of docs/objective.md.
        source: The paper.
        needs: What it needs beside rollouts and expert rows, and what that costs.
        algorithm: The `algorithm` section that makes it.
        alone: Whether it trains on expert rows without rollouts (`mode: train`).
        before: The preset of a stage before it.
    """

    name: str
    level: str
    formula: str
    source: str
    algorithm: Mapping[str, Any]
    needs: str = "nothing"
    alone: bool = False
    before: str | None = None


def _chord(sample: Mapping[str, Any] | None = None, **loss: Any) -> dict[str, Any]:
    section: dict[str, Any] = {"algorithm_type": CHORD}
    if sample:
        section["sample_strategy_args"] = dict(sample)
    if loss:
        section["policy_loss_fn_args"] = loss
    return section


def _constant(mu: float) -> dict[str, Any]:
    return {"mu_schedule": "constant", "mu_schedule_args": {"value": mu}}


REFERENCE = "log π_ref: a reference model and its forward pass"
ENTROPY = "the entropy: one more forward pass (`bypass_old_logprobs: false`)"

PAIRS = "an auxiliary buffer `paired_dataset`, whose row i is an expert answer to task i"
PAIRED = {"sft_dataset_name": "paired_dataset", "expert_pairing": "task_index"}

_ALL = (
    Preset(
        "sft",
        "-",
        "L_SFT",
        "CHORD (arXiv 2508.11408) eq. 1",
        {"algorithm_type": WEIGHTED_SFT},
        alone=True,
    ),
    Preset(
        "dft",
        "token",
        "L_SFT with w = p",
        "DFT (arXiv 2508.05629)",
        {"algorithm_type": "trinity_chord.DFTAlgorithm"},
        alone=True,
    ),
    Preset(
        "iw_sft",
        "row",
        "L_SFT with v = clamp(exp(mean_t log p/π_ref), 0, 16)",
        "iw-SFT (arXiv 2507.12856)",
        {"algorithm_type": "trinity_chord.IWSFTAlgorithm"},
        REFERENCE,
        alone=True,
    ),
    Preset("grpo", "-", "L_GRPO", "CHORD eq. 2, without KL", _chord({"expert_rows": 0})),
    Preset(
        "sft_then_grpo",
        "-",
        "L_SFT, then L_GRPO",
        "the usual pipeline, as two of Trinity's stages",
        _chord({"expert_rows": 0}),
        before="sft",
    ),
    Preset(
        "mix",
        "batch",
        "0.9·L_GRPO + 0.1·L_SFT",
        "CHORD, the ablation with a fixed μ",
        _chord(token_weight="sft", **_constant(0.1)),
    ),
    Preset(
        "chord_mu",
        "batch",
        "(1-μ)·L_GRPO + μ·L_SFT, μ from 0.9 to 0.05",
        "CHORD (arXiv 2508.11408) eq. 3",
        {"algorithm_type": "trinity_chord.CHORDMuAlgorithm"},
    ),
    Preset(
        "chord_phi",
        "token",
        "0.9·L_GRPO + 0.1·L_SFT with w = p(1-p)",
        "CHORD (arXiv 2508.11408) eq. 6",
        {"algorithm_type": "trinity_chord.CHORDPhiAlgorithm"},
    ),
    Preset(
        "dft_mixed",
        "token",
        "0.9·L_GRPO + 0.1·L_SFT with w = p",
        "CHORD eq. 4; DFT (arXiv 2508.05629)",
        _chord(token_weight="dft", **_constant(0.1)),
    ),
    Preset(
        "luffy",
        "token",
        "7/8·L_GRPO + 1/8·L_SFT with w = γp/(p+γ)²: one expert answer to seven rollouts",
        "LUFFY (arXiv 2504.14945), its shaping",
        _chord(token_weight="luffy", **_constant(0.125)),
    ),
    Preset(
        "trsft",
        "token",
        "0.9·L_GRPO + 0.1·L_SFT with w = min(1, p/α)",
        "TRAPO (arXiv 2512.17636), its token weight",
        _chord(token_weight="trsft", **_constant(0.1)),
    ),
    Preset(
        "hpt",
        "row",
        "L_GRPO for prompts whose mean reward is above 0, L_SFT on the expert rows of the others",
        "HPT (arXiv 2509.04419)",
        _chord({**PAIRED, "gate": "hpt"}, token_weight="sft", **_constant(0.5)),
        PAIRS,
    ),
    Preset(
        "superrl",
        "row",
        "L_GRPO, and L_SFT on the expert rows of prompts whose rollouts all fail",
        "SuperRL (arXiv 2506.01096)",
        _chord({**PAIRED, "gate": "superrl"}, token_weight="sft", **_constant(0.5)),
        PAIRS,
    ),
    Preset(
        "relift",
        "row",
        "L_GRPO, and L_SFT on the expert rows of prompts that failed in earlier batches",
        "ReLIFT (arXiv 2506.07527)",
        _chord({**PAIRED, "gate": "relift"}, token_weight="sft", **_constant(0.5)),
        PAIRS,
    ),
    Preset(
        "adaptive_mu",
        "batch",
        "(1-μ)·L_GRPO + μ·L_SFT, μ = max(0, 0.5 - mean reward)",
        "CHORD table 3",
        _chord(token_weight="sft", mu_schedule="reward_threshold"),
    ),
    Preset(
        "amft",
        "batch",
        "(1-μ)·L_GRPO + μ·L_SFT, μ steered by the policy's entropy",
        "AMFT (arXiv 2508.06944), without its meta-gradient",
        _chord(token_weight="sft", mu_schedule="entropy_target"),
    ),
    Preset(
        "gac",
        "batch",
        "(1-μ)·L_GRPO + μ·L_SFT, μ from the variances of both terms",
        "GAC (arXiv 2605.26184)",
        _chord(token_weight="sft", mu_schedule="gac"),
    ),
    Preset(
        "srft",
        "row",
        "0.5·(L_GRPO + L_SFT with v = 0.5·exp(-H))",
        "SRFT (arXiv 2506.19767), its weight of demonstrations",
        _chord(token_weight="sft", row_weight="srft", **_constant(0.5)),
        ENTROPY,
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


def apply(preset: Preset, base: Mapping[str, Any]) -> dict[str, Any]:
    """Puts a preset into a configuration, in place of the algorithm that it has.

    Args:
        preset: The preset.
        base: A configuration of CHORD as plain values.

    Returns:
        A new configuration. It keeps the optimiser, the rollouts a prompt, the data and, unless
        the preset says otherwise, the amount of expert rows.
    """
    config = {**deepcopy(dict(base)), "name": preset.name}
    if preset.before is None:
        return _single(preset, config)
    both = [PRESETS[preset.before], preset]
    config["stages"] = [_stage(each, base, len(both)) for each in both]
    return {**_single(preset, config), "stages": config["stages"]}


def _single(preset: Preset, config: dict[str, Any]) -> dict[str, Any]:
    before = config.get("algorithm") or {}
    args = before.get("sample_strategy_args") or {}
    section = {key: before[key] for key in KEPT if key in before} | deepcopy(dict(preset.algorithm))
    own = section.get("sample_strategy_args") or {}
    kept = KEPT_ARGS if "sft_dataset_name" not in own else KEPT_ARGS[2:]
    strategy = {key: args[key] for key in kept if key in args}
    if preset.alone:
        config["mode"] = "train"
        rows = args.get("expert_rows") or config["buffer"].get("batch_size", 32)
        config["buffer"] = {**config["buffer"], "train_batch_size": rows}
        config["algorithm"] = section | ({"sample_strategy_args": strategy} if strategy else {})
        return config
    if not set(AMOUNTS) & set(own):
        strategy |= {key: args[key] for key in AMOUNTS if key in args}
    if strategy | own:
        section["sample_strategy_args"] = strategy | own
    config["algorithm"] = section
    return config


def _stage(preset: Preset, base: Mapping[str, Any], stages: int) -> dict[str, Any]:
    """One of Trinity's stages, with an equal part of the base's steps."""
    config = _single(preset, deepcopy(dict(base)))
    trainer, buffer = dict(config["trainer"]), dict(config["buffer"])
    for section in (trainer, buffer):
        if section.get("total_steps"):
            section["total_steps"] = max(1, section["total_steps"] // stages)
    return {
        "stage_name": preset.name,
        "mode": config["mode"],
        "algorithm": config["algorithm"],
        "buffer": buffer,
        "trainer": trainer,
    }


def describe(preset: Preset) -> dict[str, Any]:
    """A preset as plain values: name, level, formula, source, needs and its YAML."""
    values = asdict(preset)
    kept = {key: values[key] for key in ("name", "level", "formula", "source", "needs")}
    return {**kept, "yaml": as_yaml({"algorithm": values["algorithm"]}), "before": preset.before}


def as_yaml(values: Mapping[str, Any]) -> str:
    """Plain values as YAML, in their own order."""
    import yaml

    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)


def write(base: Path, folder: Path) -> list[Path]:
    """Writes a whole configuration for every preset, made from one that runs.

    Args:
        base: A configuration of CHORD.
        folder: Where to write ``<preset>.yaml``; made where it is missing.

    Returns:
        The files.
    """
    import yaml

    values = yaml.safe_load(base.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for preset in _ALL:
        path = folder / f"{preset.name}.yaml"
        path.write_text(_header(preset, path, base) + as_yaml(apply(preset, values)))
        paths.append(path)
    return paths


def _header(preset: Preset, path: Path, base: Path) -> str:
    lines = [
        f"{preset.name}: {preset.formula}",
        f"Source: {preset.source}",
        "",
        f"Needs:    what {base.name} needs; beside it {preset.needs}",
        f"Run:      trinity-chord run {path}",
        f"Override: trinity-chord run {path} --set trainer.total_steps=20",
        f"Made by:  trinity-chord presets --base {base} --write {path.parent}",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
