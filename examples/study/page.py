"""Write docs/study.md and its pictures from the results: ``python -m examples.study.page``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from examples.study import pictures, results
from examples.study.cells import MAX_EXPERTS
from examples.study.grid import CONDITIONS, CORE, FEWER_TASKS, MUS, SEEDS, TUNED
from examples.study.methods import FIXED_MUS, METHODS
from examples.study.registry import TASKS
from examples.study.results import Results, Run, Score, at, change, far, last, mean_over_tasks, test
from examples.study.statistics import Effect, mean_and_spread, paired_effect

ROOT = Path(__file__).parents[2]
PAGE, PICTURES = Path("docs/study.md"), Path("docs/study")
DEMONSTRATIONS = (32, 256, MAX_EXPERTS)
PHI_WEIGHTS = {"none": None, "φ": "chord_phi", "p": "dft_mixed"}
STEPS_SHOWN = (0, 10, 20, 30, 40, 50, 60)


class Page:
    """What the template asks for; every method returns a number, an effect or text."""

    def __init__(self, found: Results) -> None:
        self.results = found
        self.tuned: dict[str, dict[str, Any]] = json.loads(TUNED.read_text())

    def runs(self, method: str, tasks: Sequence[str] = tuple(TASKS), **wanted: Any) -> list[Run]:
        """Return the runs of a method; ``tasks`` are all tasks of the main grid by default."""
        return self.results.select(method, tasks, **wanted)

    def percent(self, runs: Sequence[Run], score: Score = test, places: int = 1) -> str:
        """Return the mean of a share over tasks and seeds, in percent."""
        return f"{100 * mean_over_tasks(runs, score):.{places}f}"

    def number(self, runs: Sequence[Run], score: Score, places: int = 2) -> str:
        """Return the mean of a figure over tasks and seeds."""
        return f"{mean_over_tasks(runs, score):.{places}f}"

    def with_spread(self, runs: Sequence[Run], score: Score = test) -> str:
        """Return the mean and the standard deviation over seeds of a share, in percent."""
        mean, spread = mean_and_spread([100 * score(run) for run in runs])
        return f"{mean:.1f} ± {spread:.1f}"

    def effect(
        self,
        first: Sequence[Run],
        second: Sequence[Run],
        comparisons: int = 1,
        score: Score = test,
        scale: float = 100.0,
    ) -> Effect:
        """Compare two arms; ``comparisons`` is the number of the family."""
        return paired_effect(first, second, score, comparisons, scale)

    def best_fixed(self) -> str:
        """Return the fixed μ with the highest validation accuracy in the tuning."""
        return max((f"mu_{mu}" for mu in FIXED_MUS), key=lambda m: self.tuned[m]["validation"])

    def scaled(self, method: str, factor: float) -> list[Run]:
        """Return the runs with the scale of `mix_chord`, at a multiple of the tuned rate."""
        rate = self.tuned[method]["rate"] * factor
        return self.runs(method, FEWER_TASKS, part="scaling", scaling="mix_chord", rate=rate)

    def best_scaled(self, method: str) -> tuple[float, list[Run]]:
        """Return the multiple of the rate that is best on validation problems, and its runs."""
        arms = {factor: self.scaled(method, factor) for factor in (1 / 3, 1, 3)}
        best = max(arms, key=lambda factor: mean_over_tasks(arms[factor], last("accuracy")))
        return best, arms[best]

    def condition(self, method: str, **changes: Any) -> list[Run]:
        """Return the runs of a core method under a condition, or of the main grid without one."""
        part = "conditions" if changes else "main"
        return self.runs(method, FEWER_TASKS, part=part, **changes)

    def sized(self, method: str, experts: int) -> list[Run]:
        """Return the runs of a core method with a number of demonstrations."""
        return self.condition(method, **({} if experts == MAX_EXPERTS else {"experts": experts}))

    def against_start(self, runs: Sequence[Run], step: int, comparisons: int) -> Effect:
        """Compare the validation accuracy at a step of the curve with that before training."""
        before = [{**run, "curve": run["curve"][:1]} for run in runs]
        until = [{**run, "curve": [p for p in run["curve"] if p["step"] <= step]} for run in runs]
        return self.effect(until, before, comparisons, last("accuracy"))

    def thousands(self, runs: Sequence[Run]) -> str:
        """Return the mean number of sampled tokens in thousands."""
        return f"{mean_over_tasks(runs, last('sampled')) / 1000:.0f}"

    def weighted(self, weight: str, mu: float) -> list[Run]:
        """Return the runs with a token weight at a fixed μ."""
        method = PHI_WEIGHTS[weight]
        if method is None:
            return self.runs(f"mu_{mu}", FEWER_TASKS)
        return self.runs(method, FEWER_TASKS, part="weights", value=mu)


def draw(page: Page, folder: Path) -> None:
    """Draw the pictures of the page into a folder."""
    grpo, staged = page.runs("grpo"), page.runs("sft_best_grpo")
    for name, against, other in (("grpo", grpo, "GRPO"), ("staged", staged, "SFT, best → GRPO")):
        arms = [method for method in METHODS if page.runs(method) != against]
        effects = {
            METHODS[method].label: page.effect(page.runs(method), against, len(arms))
            for method in arms
        }
        pictures.forest(folder / f"against_{name}.svg", effects, f"Test accuracy against {other}")
    core = {METHODS[method].label: page.runs(method) for method in CORE}
    shown = {"accuracy": "validation accuracy", "entropy": "entropy, nats", "kl": "KL to the start"}
    pictures.curves(folder / "curves.svg", core, shown)
    pictures.curves(folder / "tokens.svg", core, {"accuracy": "validation accuracy"}, x="sampled")
    weights = {
        f"{weight}, μ = {mu}": page.weighted(weight, mu) for mu in MUS for weight in PHI_WEIGHTS
    }
    entropy = {"entropy": "entropy, nats", "expert_p": "mean p of expert tokens"}
    pictures.curves(folder / "weights.svg", weights, entropy)
    sizes = {
        METHODS[method].label: {n: page.sized(method, n) for n in DEMONSTRATIONS} for method in CORE
    }
    scores = {"test accuracy": test, "out of range": far}
    pictures.over_sizes(folder / "demonstrations.svg", sizes, scores)


def text(page: Page) -> str:
    """Return the text of the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    names = {
        "page": page, "METHODS": METHODS, "TASKS": list(TASKS), "FEWER": FEWER_TASKS, "CORE": CORE,
        "CONDITIONS": CONDITIONS, "MUS": MUS, "FIXED_MUS": FIXED_MUS, "SEEDS": SEEDS,
        "STEPS": STEPS_SHOWN, "WEIGHTS": PHI_WEIGHTS, "at": at, "change": change, "far": far,
        "greedy": results.greedy, "last": last, "lowest": results.lowest,
        "seconds": results.seconds,
    }  # fmt: skip
    return environment.get_template("study.md.jinja").render(names)


def write(root: Path = ROOT) -> list[Path]:
    """Write the page and its pictures, and return the files."""
    page = Page(Results())
    draw(page, root / PICTURES)
    (root / PAGE).write_text(text(page), encoding="utf-8")
    return [root / PAGE, *sorted((root / PICTURES).glob("*.svg"))]


if __name__ == "__main__":
    for path in write():
        print(path.relative_to(ROOT))
