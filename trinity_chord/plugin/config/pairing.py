"""Checks that expert rows can be paired with the tasks that the explorer works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trinity.utils.log import get_logger

from trinity_chord.errors import Problems
from trinity_chord.expert_data import ExpertDataError, ExpertStream
from trinity_chord.plugin.config.batch_plan import BatchPlan
from trinity_chord.plugin.contract import Pairing, RowSettings
from trinity_chord.plugin.names import SAMPLE_ARGS, TASKSET
from trinity_chord.plugin.tasksets import read_task_keys, tasksets_of

if TYPE_CHECKING:
    from trinity.common.config import Config, TasksetConfig


def check_rows(
    config: Config, rows: RowSettings, plan: BatchPlan, stream: ExpertStream, problems: Problems
) -> None:
    """Checks that the batch has prompts, and that their tasks have expert rows.

    Args:
        config: Trinity's configuration.
        rows: The settings.
        plan: The rows of a train batch.
        stream: The expert stream, opened.
        problems: Collects what is wrong.
    """
    if not rows.active:
        return
    if plan.pure == "imitation":
        problems.add_text(
            f"`{SAMPLE_ARGS}`: `expert_pairing` and `gate` look at the prompts of a batch's "
            "on-policy rows, and this run has none; give an `expert_data_ratio` below 1"
        )
        return
    _check_groups(config, rows, problems)
    tasksets = tasksets_of(config.buffer)
    if rows.pairing is None:
        return
    if rows.pairing.task_key is None and len(tasksets) > 1:
        problems.add(
            f"{SAMPLE_ARGS}.expert_pairing",
            "task_index",
            f"{{expert_key: COLUMN, task_key: COLUMN}} where there are {len(tasksets)} tasksets",
        )
    elif tasksets:
        _check_cover(tasksets, rows.pairing, rows.unpaired, stream, problems)
    elif rows.pairing.task_key is not None:
        problems.add(TASKSET, None, "the taskset that `expert_pairing.task_key` is a column of")


def check_without_experts(rows: RowSettings, problems: Problems) -> None:
    """Checks that no gate waits for expert rows in a run without any."""
    if rows.gate != "all":
        problems.add(f"{SAMPLE_ARGS}.gate", rows.gate, "none in a run without expert rows")


def _check_groups(config: Config, rows: RowSettings, problems: Problems) -> None:
    """A gate never sees the prompts whose groups the explorer has already dropped."""
    found = (config.algorithm.advantage_fn_args or {}).get("std_threshold")
    if rows.gate != "all" and found is not None:
        problems.add(
            "algorithm.advantage_fn_args.std_threshold",
            found,
            f"none beside the gate {rows.gate!r}",
            "it drops the groups of equal rewards, which are those of prompts that fail",
        )


def _check_cover(
    tasksets: Sequence[TasksetConfig],
    pairing: Pairing,
    unpaired: str,
    stream: ExpertStream,
    problems: Problems,
) -> None:
    try:
        keys = [key for taskset in tasksets for key in read_task_keys(taskset, pairing.task_key)]
    except ExpertDataError as error:
        problems.add_text(str(error))
        return
    missing = [number for number, key in enumerate(keys) if not stream.has(key)]
    found = f"got {len(keys) - len(missing):,} of {len(keys):,} tasks with an expert row that fits"
    if not missing or (unpaired != "error" and len(missing) < len(keys)):
        get_logger(__name__).info("CHORD: %s; `unpaired` is %s.", found, unpaired)
        return
    first = f"the first without one is task {missing[0]} (counted from 0), key {keys[missing[0]]!r}"
    if len(missing) == len(keys):
        wanted = "expected some"
        remedy = "Name the columns, or the sets, that belong together"
    else:
        wanted = "expected all"
        remedy = f"Add rows, or set `{SAMPLE_ARGS}.unpaired` to `random` or `skip`"
    problems.add_text(f"`{SAMPLE_ARGS}.expert_pairing`: {found}, {wanted}; {first}. {remedy}.")
