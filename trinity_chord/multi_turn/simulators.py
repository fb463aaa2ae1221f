"""bfcl-eval's simulators and checker, in a process of their own with limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from trinity_chord.bfcl_package import Package, find_package
from trinity_chord.errors import ChordError
from trinity_chord.json_process import JsonProcess
from trinity_chord.multi_turn.calls import SimulatorCall
from trinity_chord.multi_turn.cases import MultiTurnCase, load_multi_turn
from trinity_chord.process_pool import ProcessPool

MEGABYTE = 2**20
GRACE_SECONDS = 5.0
"""Time beyond the limit of a request after which the whole process is replaced."""

Steps = list[list[SimulatorCall]]


class SimulatorError(ChordError, RuntimeError):
    """The simulators took too long or too much memory, or crashed; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the calls were not executed: {reason}; the simulators have a limit of time and of "
            "memory"
        )
        self.reason = reason


@dataclass(frozen=True)
class Texts:
    """Texts and limits of bfcl-eval.

    Attributes:
        role: Its instruction for models that are prompted.
        behavior: Its instruction for several turns.
        more_functions: What the user says in a turn that adds functions.
        max_steps: Steps of a turn after which a model is stopped.
    """

    role: str
    behavior: str
    more_functions: str
    max_steps: int


@dataclass(frozen=True)
class Judgment:
    """The verdict of bfcl-eval's checker on a conversation.

    Attributes:
        valid: Whether every turn is correct.
        error_type: The checker's name of the first error, or `simulators:timeout` or
            `simulators:crash`; None if valid.
        error: Description of the error; None if valid.
        passed: Number of turns before the first wrong one.
    """

    valid: bool
    error_type: str | None
    error: str | None
    passed: int


class Simulators:
    """Plays and judges cases. Safe to use from any thread.

    Each request is answered from the start of a case, so that a request that fails has no effect on
    the next one.

    Args:
        package: The installed bfcl-eval.
        timeout: Wall time limit of one request, in seconds.
        memory: Address space limit of one request, in megabytes; the imports need about 100.
        workers: Number of processes.
    """

    def __init__(
        self, package: Package, *, timeout: float = 10.0, memory: int = 1024, workers: int = 1
    ) -> None:
        self.package = package
        self._timeout = timeout
        start = partial(_start, str(package.folder), memory, timeout)
        self._pool = ProcessPool(start, workers)

    @cached_property
    def _about(self) -> dict[str, Any]:
        return self._ask({"do": "about"})

    @cached_property
    def texts(self) -> Texts:
        """Texts and limits of bfcl-eval."""
        about = self._about
        return Texts(about["role"], about["behavior"], about["more_functions"], about["max_steps"])

    @cached_property
    def cases(self) -> dict[str, MultiTurnCase]:
        """All cases by id, in the benchmark's order."""
        return load_multi_turn(self.package, self._about["functions"])

    def play(self, case: MultiTurnCase, steps: Steps) -> list[list[str]]:
        """Return the results of each step's calls.

        Raises:
            SimulatorError: There are none within the limits.
        """
        found = self._ask({"do": "play", "case": case.for_simulators(), "steps": steps})
        results: list[list[str]] = found["results"]
        return results

    def judge(self, case: MultiTurnCase, turns: Sequence[Steps]) -> Judgment:
        """Return the verdict of bfcl-eval's checker.

        Args:
            case: The case.
            turns: The calls of each step of each turn; fewer turns than the case has if the model
                was stopped.
        """
        try:
            found = self._ask({"do": "judge", "case": case.for_simulators(), "turns": turns})
        except SimulatorError as error:
            return Judgment(False, f"simulators:{error.reason}", str(error), 0)
        return Judgment(**found)

    def close(self) -> None:
        """End the processes. A later request starts a new one."""
        self._pool.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        reply = self._pool.ask(request, self._timeout + GRACE_SECONDS)
        if isinstance(reply, str):
            raise SimulatorError(reply)
        if "failure" in reply:
            raise SimulatorError(reply["failure"])
        return reply


@cache
def shared_simulators(folder: Path | None = None) -> Simulators:
    """Return the simulators of this process, found as `find_package` does.

    Raises:
        BfclError: bfcl-eval is not installed.
    """
    return Simulators(find_package(folder))


def _start(folder: str, memory: int, timeout: float) -> JsonProcess:
    code = "from trinity_chord.multi_turn.worker import main; main(%r, %d, %r)"
    return JsonProcess(
        code % (folder, memory * MEGABYTE, float(timeout)),
        task="of bfcl-eval's simulators",
        trial=f"from trinity_chord.multi_turn.worker import load; load({folder!r})",
    )
