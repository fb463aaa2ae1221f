"""Writes the recipes: the method comes from the presets, the rest from a template per domain."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from trinity_chord.presets import PRESETS, apply, as_yaml
from trinity_chord.recipes.clusters import CLUSTERS, DEFAULT_GPUS, Cluster
from trinity_chord.recipes.domains import DOMAINS, Domain
from trinity_chord.recipes.methods import METHODS, SFT_LR, Method, merge

if TYPE_CHECKING:
    from jinja2 import Template

FIRST_KEYS = ("algorithm_type", "repeat_times", "optimizer")
COMMENT_WIDTH = 94


def write(folder: Path, gpus: int = DEFAULT_GPUS, shown_as: Path | None = None) -> list[Path]:
    """Write `<folder>/<domain>/<method>.yaml` for every domain and method.

    Args:
        folder: Where to write; created if missing. Files of the same names are replaced.
        gpus: The cluster's number of GPUs, a key of `CLUSTERS`.
        shown_as: What the commands in the files call ``folder``; ``folder`` itself if None.

    Returns:
        The paths of the files.
    """
    paths = []
    for domain in DOMAINS.values():
        for method in METHODS:
            path = folder / domain.name / f"{method.name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = (shown_as or folder) / domain.name / path.name
            text = render(domain, method, CLUSTERS[gpus], shown, _command(gpus, shown_as or folder))
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    return paths


def render(domain: Domain, method: Method, cluster: Cluster, path: Path, command: str) -> str:
    """Return the text of a recipe.

    Args:
        domain: Its domain.
        method: Its method.
        cluster: The cluster that it is for; one with LoRA is for one GPU on any cluster.
        path: Its path, for the commands in its header.
        command: The command that makes it.
    """
    cluster = CLUSTERS[1] if method.lora else cluster
    preset = PRESETS[method.preset]
    config = apply(preset, _base(domain, cluster))
    algorithm = merge(config["algorithm"], method.changes(domain))
    first_stage = _first_stage_algorithm(config)
    return _template(domain.name).render(
        domain=domain,
        method=method,
        preset=preset,
        cluster=cluster,
        shares=_shares(cluster, alone=preset.alone, after_sft=bool(first_stage)),
        other_sizes="|".join(str(size) for size in CLUSTERS if size != cluster.gpus),
        path=shlex.quote(str(path)),
        command=command,
        mode=config["mode"],
        notes=[line for note in method.notes_in(domain) for line in wrap(note, COMMENT_WIDTH)],
        algorithm=_as_yaml(algorithm),
        experts="sft_dataset_name" in algorithm["sample_strategy_args"],
        first_stage=_as_yaml(first_stage) if first_stage else "",
        offload=cluster.gpus in domain.offload_gpus and not method.lora,
    )


def render_chord(cluster: Cluster, path: Path) -> str:
    """Return the text of configs/mix_chord.yaml, with CHORD's main keys, for a cluster.

    Args:
        cluster: The cluster that it is for.
        path: Its path, for the commands in its header.
    """
    return _template("chord").render(
        cluster=cluster,
        path=shlex.quote(str(path)),
        option="" if cluster.gpus == DEFAULT_GPUS else f" --gpus {cluster.gpus}",
        offload=cluster.gpus in DOMAINS["math"].offload_gpus,
    )


def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("trinity_chord.recipes", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return templates.get_template(f"{name}.yaml.jinja")


def _command(gpus: int, folder: Path) -> str:
    size = "" if gpus == DEFAULT_GPUS else f"--gpus {gpus} "
    return f"trinity-chord recipes {size}--write {shlex.quote(str(folder))}"


def _base(domain: Domain, cluster: Cluster) -> dict[str, Any]:
    """Return what a preset keeps of the configuration it is applied to: the paper's values."""
    return {
        "mode": cluster.mode,
        "algorithm": {
            "repeat_times": 8,
            "optimizer": {"lr": 1.0e-6, "clip_grad": 1.0},
            "sample_strategy_args": {
                "expert_rows": domain.expert_rows,
                "sft_dataset_name": "sft_dataset",
            },
        },
        "buffer": {"batch_size": domain.prompts},
        "trainer": {},
    }


def _first_stage_algorithm(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `algorithm` section of the SFT stage, empty if there are no stages."""
    if "stages" not in config:
        return {}
    sft = config["stages"][0]["algorithm"]
    return merge(sft, {"repeat_times": None, "optimizer": {"lr": SFT_LR}})


def _shares(cluster: Cluster, *, alone: bool, after_sft: bool) -> str:
    """Return how the GPUs are shared, for the header."""
    if alone:
        return "training only"
    return f"training only, then {cluster.shares}" if after_sft else cluster.shares


def _as_yaml(section: Mapping[str, Any]) -> str:
    first = {key: section[key] for key in FIRST_KEYS if key in section}
    return as_yaml(first | dict(section)).rstrip()
