"""The cells of each part of the study."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from examples.study.cells import Cell
from examples.study.methods import METHODS
from examples.study.registry import TASKS

TUNED = Path(__file__).parent / "tuned.json"
# The tuning sees problems and a training seed that no other part sees.
TUNING_TASK_SEED, TASK_SEED, TUNING_SEED = 1, 2, 100
SEEDS = (0, 1, 2, 3, 4)
# Two tasks of different kinds stand for all in the tuning and in the smaller parts.
FEWER_TASKS = ("chain", "paths")
RATES = (1e-4, 3e-4)
ALL_RATES = (3e-5, 1e-4, 2e-4, 3e-4, 6e-4, 1e-3)
CORE = ("grpo", "sft_best", "sft_best_grpo", "mu_0.3", "chord_mu", "chord_phi", "luffy")
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"experts": 32},
    {"experts": 256},
    {"expert": "weak"},
    {"expert": "partial"},
    {"start": "base"},
)
WEIGHTED, MUS = ("chord_phi", "dft_mixed"), (0.1, 0.5, 0.7)

Setting = tuple[float, bool, float]
"""A learning rate, whether it decays, and the value of the main parameter."""


def tuning(results: Iterable[Mapping[str, Any]]) -> list[Cell]:
    """Return the eight settings of each method on each task of the tuning.

    The first six decay: three values of the parameter at two learning rates, or six learning rates
    without a parameter. The last two follow the best of them: its constant rate, and the doubled
    rate, or half the constant one without a parameter.
    """
    cells = []
    scores = scores_by_setting(results)
    for method, described in METHODS.items():
        values, rates = described.values or (0.0,), RATES if described.values else ALL_RATES
        settings: list[Setting] = [(rate, True, value) for value in values for rate in rates]
        if all(setting in scores[method] for setting in settings):
            rate, _, value = max(settings, key=lambda setting: scores[method][setting])
            other = (2 * rate, True, value) if described.values else (rate / 2, False, value)
            settings += [(rate, False, value), other]
        cells += [
            Cell("tuning", task, method, TUNING_SEED, TUNING_TASK_SEED, rate, decay, value)
            for task in FEWER_TASKS
            for rate, decay, value in settings
        ]
    return cells


def scores_by_setting(
    results: Iterable[Mapping[str, Any]],
) -> dict[str, dict[Setting, float]]:
    """Return each method's mean validation accuracy over the tasks, of settings tried on all.

    The accuracy of a run is that of its last two evaluations: one alone is noisy.
    """
    found: dict[str, dict[Setting, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        cell = result["cell"]
        last = [point["accuracy"] for point in result["curve"][-2:]]
        setting = cell["rate"], cell["decay"], cell["value"]
        found[cell["method"]][setting].append(sum(last) / len(last))
    return defaultdict(
        dict,
        {
            method: {
                setting: sum(each) / len(each)
                for setting, each in settings.items()
                if len(each) == len(FEWER_TASKS)
            }
            for method, settings in found.items()
        },
    )


def choose(results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the best setting of each method, as tuned.json holds it."""
    chosen = {}
    for method, settings in scores_by_setting(results).items():
        rate, decay, value = max(settings, key=lambda setting: settings[setting])
        score = settings[rate, decay, value]
        chosen[method] = {
            "rate": rate,
            "decay": decay,
            "value": value,
            "settings": len(settings),
            "validation": round(score, 4),
        }
    return chosen


def _tuned(part: str, task: str, method: str, seed: int, **changes: Any) -> Cell:
    setting = json.loads(TUNED.read_text())[method]
    rate, decay, value = setting["rate"], setting["decay"], setting["value"]
    cell = Cell(part, task, method, seed, TASK_SEED, rate, decay, value)
    return replace(cell, **changes)


def main_grid() -> list[Cell]:
    """Return every method at its tuned setting on every task, five seeds each."""
    return [_tuned("main", t, m, s) for s in SEEDS for t in TASKS for m in METHODS]


def conditions() -> list[Cell]:
    """Return the core methods with fewer or worse demonstrations, or the base-like start."""
    return [
        _tuned("conditions", t, m, s, **condition)
        for s in SEEDS
        for condition in CONDITIONS
        for t in FEWER_TASKS
        for m in CORE
    ]


def weights() -> list[Cell]:
    """Return the weights φ and p at several μ; without a weight, the main grid has them."""
    return [
        _tuned("weights", t, m, s, value=mu)
        for s in SEEDS
        for t in FEWER_TASKS
        for m in WEIGHTED
        for mu in MUS
    ]


def clip() -> list[Cell]:
    """Return runs with four updates per batch, where the clip is active."""
    methods = ("grpo", "mu_0.3", "chord_mu", "chord_phi")
    return [_tuned("clip", t, m, s, updates=4) for s in SEEDS for t in FEWER_TASKS for m in methods]


def scaling() -> list[Cell]:
    """Return runs with the scale of `mix_chord`, at the tuned rate, a third and three times it."""
    cells = [
        _tuned("scaling", t, m, s, scaling="mix_chord")
        for s in SEEDS
        for t in FEWER_TASKS
        for m in ("mu_0.3", "chord_phi")
    ]
    return [replace(cell, rate=cell.rate * factor) for cell in cells for factor in (1, 1 / 3, 3)]


PARTS = {
    "main": main_grid,
    "conditions": conditions,
    "weights": weights,
    "clip": clip,
    "scaling": scaling,
}


def missing(cells: Sequence[Cell], results: Iterable[Mapping[str, Any]]) -> list[Cell]:
    """Return the cells without a result."""
    done = {Cell(**result["cell"]).key for result in results}
    return [cell for cell in cells if cell.key not in done]
