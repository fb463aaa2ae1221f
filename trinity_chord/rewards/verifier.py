r"""Compares math answers with `math_verify`, in processes that can be killed.

An answer such as `9^{9^{9^9}}` can hang the computer algebra below `math_verify` or exhaust the
memory, and the library's own time limit needs signals, which only work in a main thread. Here each
comparison has a limit of wall time and of memory wherever it is called from. If it exceeds one, its
process is killed and the answer counts as wrong, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from trinity_chord.json_process import Failure, JsonProcess
from trinity_chord.process_pool import ProcessPool
from trinity_chord.rewards.boxed import last_boxed

__all__ = ["MathVerifier", "Verdict", "in_box", "shared_verifier"]

MEGABYTE = 2**20


@dataclass(frozen=True)
class Verdict:
    """The result of comparing an answer with the gold answer.

    Attributes:
        correct: Whether the answer equals the gold answer.
        reason: Why there was no comparison, None if there was one. "timeout" and "crash": the
            process did not survive the answer. "gold": `math_verify` finds nothing in the gold
            answer, so that no answer can be correct.
    """

    correct: bool
    reason: Failure | Literal["gold"] | None = None


class MathVerifier:
    r"""A small pool of processes that compare answers.

    A process starts when it is first needed and stays, since importing `math_verify` takes about a
    second. Safe to use from any thread. After a fork, the child starts its own processes.

    Args:
        workers: Number of processes, and so of simultaneous comparisons.
        timeout: Wall time limit of one comparison, in seconds.
        memory: Address space limit of one process, in megabytes; `math_verify` needs about 100.
        max_characters: A longer answer is reduced to its last `\boxed{}`, or else to its end.

    Raises:
        ValueError: A number is not above 0.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        timeout: float = 5.0,
        memory: int = 1024,
        max_characters: int = 200_000,
    ) -> None:
        numbers = {"workers": workers, "timeout": timeout, "memory": memory}
        for key, value in (numbers | {"max_characters": max_characters}).items():
            if value <= 0:
                raise ValueError(f"`{key}`: got {value}, expected a number above 0")
        self.workers = workers
        self.timeout = timeout
        self.memory = memory
        self.max_characters = max_characters
        self._pool = ProcessPool(partial(_start, memory, timeout), workers)

    def verify(self, answer: str, gold: str) -> Verdict:
        r"""Compare an answer with the gold answer as `math_verify` does, `\boxed{}` first.

        Args:
            answer: A whole response, or only the answer.
            gold: The correct answer. LaTeX needs neither dollar signs nor a box.

        Raises:
            ProcessError: No process can be started.
        """
        request = {"gold": in_box(gold), "answer": self._shortened(answer)}
        reply = self._pool.ask(request, self.timeout)
        if isinstance(reply, str):
            return Verdict(False, reply)
        return Verdict(reply["correct"], reply["reason"])

    def close(self) -> None:
        """End the idle processes. A later comparison starts a new one."""
        self._pool.close()

    def __enter__(self) -> MathVerifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _shortened(self, answer: str) -> str:
        if len(answer) <= self.max_characters:
            return answer
        boxed = last_boxed(answer)
        if boxed is not None and len(boxed) <= self.max_characters:
            return rf"\boxed{{{boxed}}}"
        return answer[-self.max_characters :]


@cache
def shared_verifier() -> MathVerifier:
    """Return the one verifier of this process: Trinity creates a reward function per task."""
    return MathVerifier()


def in_box(gold: str) -> str:
    """Return a gold answer in which `math_verify` recognizes LaTeX, which it ignores if bare."""
    marks = ("\\boxed", "$", "\\(", "\\[")
    return gold if any(mark in gold for mark in marks) else rf"\boxed{{{gold}}}"


def _start(memory: int, timeout: float) -> JsonProcess:
    code = "from trinity_chord.rewards.verifier_worker import main; main(%d, %r)"
    return JsonProcess(
        code % (memory * MEGABYTE, float(timeout)),
        task="that compares math answers",
        trial="import math_verify",
    )
