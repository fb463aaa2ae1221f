"""The tasks of the study by name."""

from __future__ import annotations

from functools import cache

from examples.study.tasks import Chain, Paths, Sorting, Task
from examples.study.tools import Tools

TASKS: dict[str, type[Task]] = {task.name: task for task in (Chain, Sorting, Paths, Tools)}


@cache
def make_task(name: str) -> Task:
    """Return the task of this name, made once per process."""
    return TASKS[name]()
