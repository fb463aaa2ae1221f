"""Shows the scores as a table; a complete evaluation is compared with the paper's scores."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from trinity_chord.evaluation.bfcl.cases import CATEGORIES, GROUPS
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES

# Overall accuracy in percent of Llama-3.2-3B-Instruct trained on ToolACE, from the CHORD paper
# (arXiv 2508.11408) as quoted by a secondary source, which gives no version of the benchmark.
PAPER = {
    "original": 46.2,
    "SFT-best": 69.8,
    "GRPO": 77.1,
    "SFT-best + RL": 76.1,
    "LUFFY": 76.1,
    "SASR": 74.7,
    "CHORD-μ": 77.6,
    "CHORD-φ": 78.5,
}


def show(summary: dict[str, Any], console: Console) -> None:
    """Print the summary that `evaluate` returns."""
    table = Table(title=_title(summary), title_justify="left")
    for heading in ("", "correct", "cases", "accuracy", "95 % interval"):
        table.add_column(heading, justify="left" if not heading else "right")
    for group, categories in GROUPS.items():
        for name in categories:
            if name in summary["categories"]:
                table.add_row(f"  {name}", *_figures(summary["categories"][name]))
        if group in summary:
            table.add_row(group, *_figures(summary[group]), style="bold", end_section=True)
    if "overall" in summary:
        table.add_row("overall", *_figures(summary["overall"]), style="bold", end_section=True)
    if "multi_turn" in summary:
        for name in MULTI_TURN_CATEGORIES:
            if name in summary["categories"]:
                table.add_row(f"  {name}", *_figures(summary["categories"][name]))
        table.add_row("multi_turn", *_figures(summary["multi_turn"]), style="bold")
    console.print(table)
    if summary["errors"]:
        common = sorted(summary["errors"].items(), key=lambda item: -item[1])
        console.print("errors: " + ", ".join(f"{name} {count}" for name, count in common))
    if summary["truncated"]:
        console.print(f"truncated replies: {summary['truncated']}")
    if not summary["partial"]:
        listed = ", ".join(f"{name} {accuracy}" for name, accuracy in PAPER.items())
        console.print(
            "the paper, overall, Llama-3.2-3B-Instruct (as quoted by a secondary source; version "
            f"of the benchmark unknown): {listed}"
        )


def _title(summary: dict[str, Any]) -> str:
    if not summary["partial"]:
        return "BFCL, instance-weighted"
    settings = summary["settings"]
    limit = settings["limit"]
    cases = "all cases" if limit is None else f"at most {limit} cases per category"
    paper = sum(name in CATEGORIES for name in settings["categories"])
    multi_turn = len(settings["categories"]) - paper
    more = f" and {multi_turn} of 4 multi-turn ones" if multi_turn else ""
    return f"BFCL, PARTIAL: {paper} of 8 categories{more}, {cases}"


def _figures(found: dict[str, Any]) -> tuple[str, ...]:
    bounds = " to ".join(f"{bound:.1%}" for bound in found.get("interval", ()))
    return str(found["correct"]), str(found["total"]), f"{found['accuracy']:.1%}", bounds
