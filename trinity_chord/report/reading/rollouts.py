"""Reads some rollouts of a run, spread over its steps, from the file of Trinity's queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trinity_chord.json_lines import parse_object

# The prompts that are shown, and the bytes that are read around each of them.
PROMPTS = 8
WINDOW = 2**21
# Different answers that are shown of a prompt.
ANSWERS = 3


@dataclass(frozen=True)
class Answer:
    """An answer of the policy.

    Attributes:
        text: The response.
        reward: Its reward; None if it has none.
        count: How many rollouts of the prompt are equal to it.
    """

    text: str
    reward: float | None
    count: int


@dataclass(frozen=True)
class RolloutGroup:
    """The rollouts of one prompt in one step.

    Attributes:
        step: The step of the explorer that made them.
        prompt: The prompt as the model saw it, with the tokens of the chat template.
        rollouts: How many there are.
        mean_reward: The mean of their rewards; None if they have none.
        answers: Some of the answers: the best, the worst, and others in between.
    """

    step: int
    prompt: str
    rollouts: int
    mean_reward: float | None
    answers: list[Answer]


def read_rollouts(job_dir: Path, prompts: int = PROMPTS) -> tuple[list[RolloutGroup], list[str]]:
    """Read the rollouts of some prompts, from the first step to the last.

    Only parts of the file are read, however large it is.

    Args:
        job_dir: The folder of the job.
        prompts: The number of prompts.

    Returns:
        The groups in the order of their steps, and why lines were left out.
    """
    files = sorted((job_dir / "buffer").glob("*.jsonl"))
    groups: dict[tuple[int, Any], RolloutGroup] = {}
    notes: list[str] = []
    for path in files:
        size = path.stat().st_size
        for number in range(prompts):
            window = min(WINDOW, size)
            start = (size - window) * number // max(prompts - 1, 1)
            share = number / max(prompts - 1, 1)
            lines = list(_lines(path, start, window, notes))
            group = _group(lines, share)
            if group is not None:
                groups.setdefault((group.step, group.prompt), group)
    return sorted(groups.values(), key=lambda each: each.step), list(dict.fromkeys(notes))


def _lines(path: Path, start: int, size: int, notes: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the rollouts in a part of the file, without lines that it cuts."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(size)
    first = text.find(b"\n") + 1 if start else 0
    complete = text[first : text.rfind(b"\n") + 1]
    for line in complete.split(b"\n"):
        if not line.strip():
            continue
        try:
            row = parse_object(line)
            if not isinstance(row.get("response_text"), str):
                raise ValueError("got no `response_text`, expected text")
            row["eid"] = dict(row["eid"])
            yield row
        except (ValueError, KeyError, TypeError) as error:
            notes.append(f"{path.name}: a rollout is left out: {error}")


def _group(rows: list[dict[str, Any]], share: float) -> RolloutGroup | None:
    """Return the rollouts of the prompt that lies at a share of the rows."""
    if not rows:
        return None
    keys = [(row["eid"].get("batch"), row["eid"].get("task")) for row in rows]
    chosen = keys[round(share * (len(rows) - 1))]
    own = [row for row, key in zip(rows, keys, strict=True) if key == chosen]
    rewards = [row["reward"] for row in own if isinstance(row.get("reward"), (int, float))]
    counts = Counter((row["response_text"], row.get("reward")) for row in own)
    ordered = sorted(counts, key=lambda each: (-(each[1] or 0.0), each[0]))
    step = chosen[0]
    return RolloutGroup(
        step=int(step) if str(step).isdigit() else 0,
        prompt=str(own[0].get("prompt_text") or ""),
        rollouts=len(own),
        mean_reward=sum(rewards) / len(rewards) if rewards else None,
        answers=[Answer(*each, counts[each]) for each in _spread(ordered, ANSWERS)],
    )


def _spread(values: list[tuple[str, float | None]], most: int) -> list[tuple[str, float | None]]:
    """Return at most so many of the values, with the first and the last."""
    if len(values) <= most:
        return values
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]
