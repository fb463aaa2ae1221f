"""Writes the recipes: the method from the presets, the rest from a template of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

from trinity_chord.presets import PRESETS, Preset, apply, as_yaml
from trinity_chord.recipes.domains import DEFAULT_GPUS, DOMAINS, SIZES, VARIABLE, Domain, chosen
from trinity_chord.recipes.methods import METHODS, SFT_LR, Method, merge

FIRST = ("algorithm_type", "repeat_times", "optimizer")
MADE_BY = "trinity-chord recipes --write"


def write(folder: Path) -> list[Path]:
    """Writes `<folder>/<domain>/<method>.yaml` for every domain and method.

    Args:
        folder: Where to write; made where it is missing.

    Returns:
        The files.
    """
    paths = []
    for domain in DOMAINS.values():
        for method in METHODS:
            path = folder / domain.name / f"{method.name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(domain, method, path), encoding="utf-8")
            paths.append(path)
    return paths


def render(domain: Domain, method: Method, path: Path) -> str:
    """The text of a recipe.

    Args:
        domain: Its domain.
        method: Its method.
        path: Where it will stand, for the commands in its header.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("trinity_chord.recipes", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    preset = PRESETS[method.preset]
    made = apply(preset, _base(domain))
    algorithm = _ordered(merge(made["algorithm"], method.changes(domain)))
    stages = [_stage(stage, domain) for stage in made.get("stages", [])]
    return templates.get_template(f"{domain.name}.yaml.jinja").render(
        domain=domain,
        name=method.name,
        header=_header(domain, method, preset, path),
        notes=method.notes_in(domain),
        mode=made["mode"],
        alone=preset.alone,
        algorithm=indent(as_yaml(algorithm).rstrip(), "  "),
        stages=as_yaml({"stages": stages}).rstrip() if stages else "",
        chosen=chosen,
    )


def _base(domain: Domain) -> dict[str, Any]:
    """What the presets keep of a configuration, with the paper's values."""
    return {
        "mode": chosen("mode"),
        "algorithm": {
            "repeat_times": 8,
            "optimizer": {"lr": 1.0e-6},
            "sample_strategy_args": {
                "expert_rows": domain.expert_rows,
                "sft_dataset_name": "sft_dataset",
            },
        },
        "buffer": {"batch_size": domain.prompts},
        "trainer": {},
    }


def _stage(stage: Mapping[str, Any], domain: Domain) -> dict[str, Any]:
    """A stage, with a section of its own only where it differs from the whole configuration's."""
    kept = {"stage_name": stage["stage_name"], "mode": stage["mode"]}
    if stage["mode"] != "train":
        return {**kept, "stage_name": "grpo"}
    return {
        **kept,
        "algorithm": _ordered(merge(stage["algorithm"], {"optimizer": {"lr": SFT_LR}})),
        "buffer": {
            "total_epochs": 3,
            "train_batch_size": domain.expert_rows,
            "trainer_input": {"auxiliary_buffers": "${buffer.trainer_input.auxiliary_buffers}"},
        },
    }


def _ordered(algorithm: Mapping[str, Any]) -> dict[str, Any]:
    return {key: algorithm[key] for key in FIRST if key in algorithm} | dict(algorithm)


def _header(domain: Domain, method: Method, preset: Preset, path: Path) -> str:
    sizes = ", ".join(f"{size} (default)" if size == DEFAULT_GPUS else str(size) for size in SIZES)
    sizes = " or ".join(sizes.rsplit(", ", 1))
    lines = [
        f"{method.name} ({domain.name}): {preset.formula}",
        f"Source: {preset.source}; values of CHORD's {domain.name} runs, arXiv 2508.11408.",
        "",
        "Needs:    pip install 'trinity-chord[gpu]'; `ray start --head` on the first node;",
        f"          what `trinity-chord prepare` wrote to data/{domain.name}, or, in variables:",
        f"          TRINITY_MODEL_PATH           a chat model (default {domain.model})",
    ]
    if not preset.alone:
        lines.append(
            f"          TRINITY_TASKSET_PATH         RL problems (default data/{domain.name}/rl)"
        )
    lines += [
        f"          TRINITY_SFT_DATASET_PATH     expert answers (default data/{domain.name}/sft)",
        "          TRINITY_CHECKPOINT_ROOT_DIR  where checkpoints go (default ./checkpoints)",
        f"GPUs:     {sizes} of 80 GB, as {VARIABLE} says",
        f"Check:    trinity-chord check {path}",
        f"Run:      trinity run --config {path}",
        f"Override: trinity-chord run {path} --set {method.override}",
        f"Made by:  {MADE_BY} {path.parents[1]}",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)
