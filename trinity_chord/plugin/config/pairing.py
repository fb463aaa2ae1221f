"""Checks that expert rows can be paired with the tasks that the explorer works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trinity.utils.log import get_logger

from trinity_chord.errors import Problems
from trinity_chord.expert_data import ExpertStream
from trinity_chord.plugin.config.batch_plan import BatchPlan
from trinity_chord.plugin.contract import Pairing, RowSettings
from trinity_chord.plugin.names import SAMPLE_ARGS, TASKSET
from trinity_chord.plugin.tasksets import read_task_keys, tasksets_of

if TYPE_CHECKING:
    from trinity.common.config import Config, TasksetConfig


def check_rows(
    config: Config, rows: RowSettings, plan: BatchPlan, stream: ExpertStream, problems: Problems
) -> None:
    """Check that the batch has prompts, and that their tasks have expert rows.

    Args:
        config: Trinity's configuration.
        rows: Pairing and gate.
        plan: The rows of a train batch.
        stream: The expert stream, opened.
        problems: Collects what is wrong.
    """
    if not rows.active:
        return
    if plan.pure == "imitation":
        problems.add(
            f"{SAMPLE_ARGS}.{'expert_pairing' if rows.pairing else 'gate'}",
            rows.pairing or rows.gate,
            "no value in a run without on-policy rows, whose prompts it needs",
            "set an `expert_data_ratio` below 1",
        )
        return
    _check_groups(config, rows, problems)
    if rows.pairing is not None:
        _check_tasksets(tasksets_of(config.buffer), rows.pairing, rows.unpaired, stream, problems)


def check_without_experts(rows: RowSettings, problems: Problems) -> None:
    """Refuse a gate in a run without expert rows.

    Args:
        rows: Pairing and gate.
        problems: Collects what is wrong.
    """
    if rows.gate != "all":
        problems.add(f"{SAMPLE_ARGS}.gate", rows.gate, "'all' in a run without expert rows")


def _check_groups(config: Config, rows: RowSettings, problems: Problems) -> None:
    """Refuse a filter that drops the prompts that a gate looks for before it sees them."""
    threshold = (config.algorithm.advantage_fn_args or {}).get("std_threshold")
    if rows.gate != "all" and threshold is not None:
        problems.add(
            "algorithm.advantage_fn_args.std_threshold",
            threshold,
            f"no value with the gate {rows.gate!r}",
            "it drops groups of equal rewards, and prompts that fail are such groups",
        )


def _check_tasksets(
    tasksets: Sequence[TasksetConfig],
    pairing: Pairing,
    unpaired: str,
    stream: ExpertStream,
    problems: Problems,
) -> None:
    if pairing.task_key is None and len(tasksets) > 1:
        problems.add(
            f"{SAMPLE_ARGS}.expert_pairing",
            "task_index",
            f"{{expert_key: COLUMN, task_key: COLUMN}}, because there are {len(tasksets)} tasksets",
        )
    elif tasksets:
        with problems.collect():
            keys = [key for each in tasksets for key in read_task_keys(each, pairing.task_key)]
            _check_cover(keys, unpaired, stream, problems)
    elif pairing.task_key is not None:
        problems.add(TASKSET, None, "the taskset that has the column `expert_pairing.task_key`")


def _check_cover(
    keys: Sequence[str], unpaired: str, stream: ExpertStream, problems: Problems
) -> None:
    """Check that the tasks with these keys have expert rows."""
    missing = [number for number, key in enumerate(keys) if not stream.has(key)]
    got = f"got {len(keys) - len(missing):,} of {len(keys):,} tasks with an expert row that fits"
    if not missing or (unpaired != "error" and len(missing) < len(keys)):
        get_logger(__name__).info("CHORD: %s; `unpaired` is %s.", got, unpaired)
        return
    first = f"the first without one is task {missing[0]} (counted from 0), key {keys[missing[0]]!r}"
    if len(missing) == len(keys):
        expected, hint = "some", "name columns, or sets, that belong together"
    else:
        expected = "all"
        hint = f"add rows, or set `{SAMPLE_ARGS}.unpaired` to `random` or `skip`"
    problems.add_text(
        f"`{SAMPLE_ARGS}.expert_pairing`: {got}, expected {expected}; {first}; {hint}"
    )
