"""Writes a model card next to every exported model, from what the run recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2

from trinity_chord.report.charts.panels import HELD_OUT
from trinity_chord.report.ends import WINDOW, first_and_last
from trinity_chord.report.history import read_history
from trinity_chord.report.reading.metrics import Series
from trinity_chord.report.recorder import config_file
from trinity_chord.report.settings import Settings, flatten
from trinity_chord.report.text import one_line
from trinity_chord.versions import installed_version

CARD = "README.md"
# A card with this line may be replaced; another README is the user's.
MARKER = "written by trinity-chord"
# Where Trinity and verl export models in a checkpoint, and the library that loads each.
EXPORTS = {"actor/huggingface": "transformers", "actor/lora_adapter": "peft"}
PACKAGES = ("trinity-chord", "trinity-rft", "verl", "torch", "transformers")
SETTINGS = {
    "algorithm": "algorithm.algorithm_type",
    "μ": "algorithm.sample_strategy_args.mu_schedule",
    "arguments of μ": "algorithm.sample_strategy_args.mu_schedule_args.",
    "token weight": "algorithm.policy_loss_fn_args.token_weight",
    "row weight": "algorithm.policy_loss_fn_args.row_weight",
    "on-policy rows per step": "algorithm.sample_strategy_args.on_policy_rows",
    "expert rows per step": "algorithm.sample_strategy_args.expert_rows",
    "rollouts per prompt": "algorithm.repeat_times",
    "learning rate": "algorithm.optimizer.lr",
    "LoRA": "model.lora_configs.",
    "most tokens of prompt and response": "model.max_model_len",
    "most tokens of a response": "model.max_response_tokens",
}
DATA = re.compile(r"^buffer\.\w+\.(?P<which>(taskset|eval_taskset|auxiliary_buffer)s?\b.*)\.path$")
SHOWN = (
    *("actor/usual/reward", "actor/entropy_loss", "actor/usual/response_length"),
    *("actor/mu", "actor/expert/loss", "expert_data/epoch"),
)


def write_cards(job: Path, trainer: str) -> list[Path]:
    """Write a card next to every model that a job exported.

    A README that is not one of these cards is left alone.

    Args:
        job: The folder of the job.
        trainer: Name of the trainer, whose metrics are shown.

    Returns:
        The cards that were written.
    """
    if not config_file(job).is_file():
        return []
    config = json.loads(config_file(job).read_text(encoding="utf-8"))
    history = _history(job, trainer)
    written = []
    for step, folder, library in _exports(job):
        card = folder / CARD
        if card.exists() and MARKER not in card.read_text(encoding="utf-8", errors="replace"):
            continue
        card.write_text(_text(config, step, library, history), encoding="utf-8")
        written.append(card)
    return written


def _exports(job: Path) -> Iterator[tuple[int, Path, str]]:
    """Yield the step, the folder and the library of every exported model."""
    for checkpoint in sorted(job.glob("global_step_*")):
        number = checkpoint.name.removeprefix("global_step_")
        for part, library in EXPORTS.items():
            folder = checkpoint / part
            if number.isdecimal() and any(folder.glob("*.safetensors")):
                yield int(number), folder, library


def _history(job: Path, trainer: str) -> dict[str, Series]:
    """Return the metrics of training and of evaluations, by name and step."""
    series: dict[str, Series] = {}
    for role in (trainer, "explorer", "evaluation"):
        for line in read_history(job, role):
            for name, value in line.items():
                if name in SHOWN or HELD_OUT.match(name):
                    series.setdefault(name, {})[int(line["step"])] = value
    return series


def _text(config: Mapping[str, Any], step: int, library: str, history: Mapping[str, Series]) -> str:
    flat = flatten(config)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["code"] = _code
    base = str(config["model"]["model_path"])
    source = Path(__file__).with_name("model_card.jinja").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        library=library,
        base_model=_name_of(base),
        hub_id=None if _is_folder(base) else base,
        marker=MARKER,
        name=str(flat.get("name", "")),
        step=step,
        planned=flat.get("trainer.total_steps"),
        version=installed_version("trinity-chord"),
        settings=list(_settings(flat)),
        metrics=list(_metrics(history, step)),
        window=WINDOW,
        versions=", ".join(f"{name} {installed_version(name)}" for name in PACKAGES),
    )


def _settings(flat: Settings) -> Iterator[tuple[str, str]]:
    """Yield what was trained with: names of settings and their values as text."""
    for label, key in SETTINGS.items():
        if key.endswith("."):
            below = {n.removeprefix(key): v for n, v in flat.items() if n.startswith(key)}
            text = ", ".join(f"{name} = {value}" for name, value in below.items())
        else:
            text = "" if flat.get(key) is None else str(flat[key])
        if text:
            yield label, text
    for key, value in flat.items():
        if value and (match := DATA.match(key)):
            yield f"data, {match['which']}", _name_of(str(value))


def _metrics(history: Mapping[str, Series], step: int) -> Iterator[tuple[str, str, str]]:
    for name in sorted(history, key=lambda name: (not HELD_OUT.match(name), name)):
        values = {at: value for at, value in history[name].items() if at <= step}
        first, last = first_and_last(values, 1 if HELD_OUT.match(name) else WINDOW)
        yield name, first or "–", last


def _name_of(place: str) -> str:
    """Return a hub id as it is, and of a file or folder only its name: the rest is private."""
    return Path(place).name if _is_folder(place) else place


def _is_folder(place: str) -> bool:
    return Path(place).is_absolute() or Path(place).exists()


def _code(text: str) -> str:
    """Return text as code in a table of Markdown, in which nothing is markup."""
    return f"`{one_line(text).replace('`', chr(39)).replace('|', '/')}`"
