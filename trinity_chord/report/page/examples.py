"""Rollouts next to expert answers, as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trinity_chord.report.reading.experts import expert_answers
from trinity_chord.report.reading.rollouts import RolloutGroup, read_rollouts
from trinity_chord.report.reading.runs import Run
from trinity_chord.report.text import number_text, one_line, visible

NO_EXPERT = "No expert answer was found for this prompt."


def examples_of(runs: Sequence[Run]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return some rollouts of each run for the template, and what is missing."""
    shown: list[dict[str, Any]] = []
    notes: list[str] = []
    for number, run in enumerate(runs):
        groups, missing = read_rollouts(run.found.folder)
        if not groups:
            missing.append(
                "no rollouts are shown, because its folder has no file of Trinity's queue"
            )
            notes += [f"{run.label}: {text}" for text in missing]
            continue
        answers, others, unread = expert_answers(
            run.reading.config, [group.prompt for group in groups]
        )
        notes += [f"{run.label}: {text}" for text in [*missing, *unread]]
        listed = [_group(group, answers.get(group.prompt), others) for group in groups]
        shown.append({"number": number, "label": run.label, "groups": listed, "first": not shown})
    return shown, notes


def _group(
    group: RolloutGroup, expert: str | None, others: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    title, question, answer = "Expert answer to this prompt", "", expert
    if expert is None:
        title = "Expert"
        answer = NO_EXPERT
        if others:
            title = f"{NO_EXPERT} One to another prompt"
            question, answer = others[0]
    result = f"{group.rollouts} rollouts"
    if group.mean_reward is not None:
        result += f", mean reward {number_text(group.mean_reward)}"
    return {
        "step": group.step,
        "result": result,
        "short": one_line(group.prompt),
        "prompt": visible(group.prompt),
        "answers": [
            {
                "text": visible(each.text),
                "reward": "–" if each.reward is None else number_text(each.reward),
                "count": each.count,
            }
            for each in group.answers
        ],
        "expert_title": title,
        "expert_prompt": visible(question),
        "expert": visible(answer or ""),
    }
