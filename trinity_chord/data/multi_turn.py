"""Makes the sets of `trinity-chord prepare bfcl-multi-turn` from the cases inside bfcl-eval.

A scenario is the four variants of a case (base, missing functions, missing parameters, long
context), and any other case that starts from the same state. All of a scenario goes to one set.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trinity_chord.data.errors import PrepareError
from trinity_chord.data.files import digest, file_sha256, write_json
from trinity_chord.data.prepare import Prepared
from trinity_chord.data.target import MANIFEST, finished, fresh, publish, work_folder
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES, MultiTurnCase
from trinity_chord.multi_turn.gold import gold_game
from trinity_chord.multi_turn.simulators import Simulators

NAME = "bfcl-multi-turn"
LAYOUT = 1
BASE = MULTI_TURN_CATEGORIES[0]
STEPS = "too-many-steps"
CLAIM = (
    "These are the cases of the benchmark itself. A model trained on any of them, or selected with "
    "any of them, has no score on BFCL's multi-turn categories to claim, and no overall BFCL score "
    "that includes them. The set `test` holds scenarios that are not in `sft` or `rl`: it measures "
    "progress, not the benchmark."
)

Row = dict[str, Any]


@dataclass(frozen=True)
class MultiTurnSettings:
    """The arguments of `trinity-chord prepare bfcl-multi-turn`.

    Attributes:
        out: Folder of the sets.
        sft: Scenarios of the SFT set; 0 for no such set. The same for the others.
        rl: Scenarios of the RL set.
        test: Scenarios that are held out.
        seed: Seed of the split and of the order.
        categories: Some of `MULTI_TURN_CATEGORIES`.

    Raises:
        PrepareError: A number is negative, all are 0, or a category is unknown.
    """

    out: Path
    sft: int
    rl: int
    test: int
    seed: int
    categories: tuple[str, ...] = MULTI_TURN_CATEGORIES

    def __post_init__(self) -> None:
        problems = [
            f"`--{name}`: got {number}, expected 0 or more"
            for name, number in self.sizes.items()
            if number < 0
        ]
        if not any(self.sizes.values()):
            problems.append("`--sft`, `--rl`, `--test`: got 0 for all, expected at least one set")
        unknown = [name for name in self.categories if name not in MULTI_TURN_CATEGORIES]
        if unknown or not self.categories:
            problems.append(
                f"`--categories`: got {', '.join(unknown) or 'none'}, expected some of "
                f"{', '.join(MULTI_TURN_CATEGORIES)}"
            )
        if problems:
            raise PrepareError.from_problems("Nothing was prepared", problems)

    @property
    def sizes(self) -> dict[str, int]:
        """The number of scenarios by set."""
        return {"sft": self.sft, "rl": self.rl, "test": self.test}

    def as_dict(self) -> dict[str, Any]:
        """Return what determines the content: everything but the folder."""
        arguments = {**asdict(self), "recipe": NAME, "categories": list(self.categories)}
        del arguments["out"]
        return arguments


def prepare_multi_turn(
    settings: MultiTurnSettings, simulators: Simulators, on_progress: Callable[[int, int], None]
) -> Prepared:
    """Make `<set>/train.jsonl` for each set and `manifest.json`, all or nothing.

    Args:
        settings: What to make.
        simulators: bfcl-eval's simulators, which play the correct calls.
        on_progress: Called with the number of written rows and of all rows.

    Raises:
        PrepareError: There are too few scenarios, or the folder holds something else.
    """
    existing = finished(settings.out, settings.as_dict())
    if existing is not None:
        return Prepared(existing, made_now=False)
    cases = [c for c in simulators.cases.values() if c.category in settings.categories]
    split = split_scenarios(list(simulators.cases.values()), settings)
    rows = {name: [c for s in found for c in cases if c.scenario in s] for name, found in split}
    identity = {
        "layout": LAYOUT,
        "arguments": settings.as_dict(),
        "sources": [],
        "versions": {
            "python": platform.python_version(),
            "trinity-chord": version("trinity-chord"),
            "bfcl-eval": simulators.package.version,
        },
    }
    with work_folder(settings.out, identity) as work:
        made = fresh(work / "set")
        outputs, dropped = _write(made, rows, simulators, on_progress)
        manifest = {
            **identity,
            "claim": CLAIM,
            "seed": settings.seed,
            "scenarios": {name: [sorted(s) for s in found] for name, found in split},
            "filters": [_filters(simulators, rows.get("sft", []), dropped)],
            "draws": {
                name: {
                    "wanted": outputs[name]["rows"],
                    "available": len(found),
                    "rows": outputs[name]["rows"],
                }
                for name, found in rows.items()
            },
            "outputs": outputs,
        }
        write_json(made / MANIFEST, manifest)
        publish(made, settings.out)
    return Prepared(manifest, made_now=True)


def split_scenarios(
    cases: Sequence[MultiTurnCase], settings: MultiTurnSettings
) -> list[tuple[str, list[set[int]]]]:
    """Return the scenarios of each set that is to be made, as sets of case numbers.

    The order follows from a hash of the seed and the scenario, so that a larger set of the same
    seed contains the smaller one only if the sets before it are the same.

    Raises:
        PrepareError: There are too few scenarios.
    """
    by_state: dict[str, set[int]] = {}
    for case in cases:
        if case.category == BASE:
            by_state.setdefault(digest(case.initial_config), set()).add(case.scenario)
    scenarios = sorted(by_state.values(), key=lambda numbers: _position(settings.seed, numbers))
    wanted = sum(settings.sizes.values())
    if wanted > len(scenarios):
        raise PrepareError(
            f"`--sft`, `--rl`, `--test`: got {wanted} scenarios together, expected at most "
            f"{len(scenarios)}"
        )
    split, start = [], 0
    for name, size in settings.sizes.items():
        if size:
            split.append((name, scenarios[start : start + size]))
        start += size
    return split


def _position(seed: int, numbers: set[int]) -> str:
    return hashlib.sha256(f"{seed}\0{min(numbers)}".encode()).hexdigest()


def _write(
    folder: Path,
    cases: dict[str, list[MultiTurnCase]],
    simulators: Simulators,
    on_progress: Callable[[int, int], None],
) -> tuple[dict[str, dict[str, Any]], int]:
    """Write the sets; return their files and how many cases have no SFT row."""
    total = sum(map(len, cases.values()))
    outputs: dict[str, dict[str, Any]] = {}
    done = dropped = 0
    for name, found in cases.items():
        path = folder / name / "train.jsonl"
        path.parent.mkdir()
        written = 0
        with path.open("w", encoding="utf-8") as file:
            for case in found:
                row = _expert_row(case, simulators) if name == "sft" else _task_row(case)
                if row is None:
                    dropped += 1
                else:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    written += 1
                done += 1
                on_progress(done, total)
        outputs[name] = {
            "path": str(path.relative_to(folder)),
            "rows": written,
            "bytes": path.stat().st_size,
            "sha256": file_sha256(path),
            "columns": [*_task_row(found[0]), *(["messages"] if name == "sft" else [])],
        }
    return outputs, dropped


def _task_row(case: MultiTurnCase) -> Row:
    """Return what the workflow reads: the id of the case, and its first question for people."""
    question = "\n".join(message["content"] for message in case.questions[0])
    return {"id": case.id, "category": case.category, "question": question}


def _expert_row(case: MultiTurnCase, simulators: Simulators) -> Row | None:
    """Return the case with its correct calls as a chat; None if they take too many steps."""
    game = gold_game(case, simulators)
    if game.stopped:
        return None
    if not simulators.judge(case, game.turns).valid:
        raise PrepareError(
            f"{case.id}: its own correct calls are judged wrong; reinstall bfcl-eval"
        )
    return {**_task_row(case), "messages": game.messages}


def _filters(
    simulators: Simulators, cases: Sequence[MultiTurnCase], dropped: int
) -> dict[str, Any]:
    step = {"step": STEPS, "in": len(cases), "dropped": dropped, "out": len(cases) - dropped}
    return {
        "source": f"bfcl-eval {simulators.package.version}",
        "sets": ["sft"],
        "steps": [step],
        "own_steps": {},
        "counts": {},
    }
