"""Summarizes scores: the figures of each set, and a table that compares them with the paper's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rich.table import Table

from trinity_chord.evaluation.math.benchmarks import BENCHMARKS
from trinity_chord.evaluation.math.paper import FIGURES, METRICS, SOURCE
from trinity_chord.evaluation.math.scoring import Scored
from trinity_chord.evaluation.statistics import bootstrap_interval, pass_at


def figures(scored: Sequence[Scored], problems: int, seed: int) -> dict[str, Any]:
    """Return the figures of one set; shares are between 0 and 1.

    Args:
        scored: At least one answer. Problems without an answer do not count.
        problems: Number of problems in the whole set.
        seed: Seed of the bootstrap over problems.

    Returns:
        `problems`: problems with an answer; `of`: all problems; `answers`: all answers.
        `k`: answers per problem, the smallest number if they differ.
        `avg`: the mean over problems of the share of correct answers; `interval`: its 95 %
        bootstrap interval.
        `pass`: pass@j with its interval, for the powers of two j up to k and for k.
        `boxed`, and `truncated` and `tokens` if known: means over answers.
        `not_verified`: number of answers that could not be compared, by reason.
        `categories`: `avg` of each category, if the problems have categories.
    """
    by_problem: dict[str, list[Scored]] = {}
    for each in scored:
        by_problem.setdefault(each.answer.problem.id, []).append(each)
    counts = [
        (len(answers), sum(each.verdict.correct for each in answers))
        for answers in by_problem.values()
    ]
    shares = [correct / answers for answers, correct in counts]
    k = min(answers for answers, _ in counts)
    found: dict[str, Any] = {
        "problems": len(by_problem),
        "of": problems,
        "answers": len(scored),
        "k": k,
        "avg": fmean(shares),
        "interval": bootstrap_interval(shares, seed=seed),
        "pass": {str(j): _pass(j, counts, seed) for j in _powers(k)},
        "boxed": fmean(each.boxed for each in scored),
    }
    for key in ("truncated", "tokens"):
        known = [each.answer.extra[key] for each in scored if key in each.answer.extra]
        if known:
            found[key] = fmean(known)
    found["not_verified"] = dict(
        Counter(each.verdict.reason for each in scored if each.verdict.reason is not None)
    )
    categories = _by_category(by_problem)
    return found | ({"categories": categories} if categories else {})


def table(results: Mapping[str, dict[str, Any]], name: str) -> Table:
    """Return a table of the scores in percent, followed by the paper's.

    Args:
        results: The figures of each set.
        name: Name of the model or file that was scored.
    """
    shown = Table(title="Math, percent correct", caption=f"Below the line: {SOURCE}.")
    shown.add_column("", overflow="fold")
    for key in results:
        shown.add_column(BENCHMARKS[key].title, justify="right", no_wrap=True)
    sets = results.values()
    shown.add_row(name, *(_percent(each["avg"]) for each in sets), style="bold")
    shown.add_row("  metric", *(f"avg@{each['k']}" for each in sets))
    shown.add_row("  95 % from", *(_percent(each["interval"][0]) for each in sets))
    shown.add_row("  95 % to", *(_percent(each["interval"][1]) for each in sets))
    for j in sorted({int(j) for each in sets for j in each["pass"]} - {1}):
        found = [each["pass"].get(str(j)) for each in sets]
        shown.add_row(f"  pass@{j}", *(_percent(each["value"]) if each else "" for each in found))
    shown.add_section()
    shown.add_row("paper, metric", *(METRICS[key] for key in results))
    for method, values in FIGURES.items():
        shown.add_row(f"  {method}", *(f"{values[key]:.1f}" for key in results))
    return shown


def notes(results: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return what limits the scores: missing, truncated or unverified answers."""
    found = []
    for key, each in results.items():
        title = BENCHMARKS[key].title
        if each["problems"] < each["of"]:
            found.append(
                f"{title}: {each['problems']} of {each['of']} problems have an answer; the others "
                "do not count."
            )
        if each["answers"] > each["k"] * each["problems"]:
            found.append(f"{title}: some problems have more than {each['k']} answers.")
        if each.get("truncated"):
            found.append(f"{title}: {100 * each['truncated']:.1f} % of the answers were cut off.")
        if each["not_verified"]:
            reasons = ", ".join(f"{count} {why}" for why, count in each["not_verified"].items())
            found.append(f"{title}: not compared, and counted as wrong: {reasons}.")
    return found


def _pass(j: int, counts: Sequence[tuple[int, int]], seed: int) -> dict[str, Any]:
    values = [pass_at(j, answers, correct) for answers, correct in counts]
    return {"value": fmean(values), "interval": bootstrap_interval(values, seed=seed)}


def _powers(k: int) -> list[int]:
    return sorted({2**i for i in range(k.bit_length()) if 2**i <= k} | {k})


def _by_category(by_problem: Mapping[str, Sequence[Scored]]) -> dict[str, float]:
    shares: dict[str, list[float]] = {}
    for answers in by_problem.values():
        category = answers[0].answer.problem.category
        if category is not None:
            shares.setdefault(category, []).append(fmean(each.verdict.correct for each in answers))
    return {category: fmean(values) for category, values in sorted(shares.items())}


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
