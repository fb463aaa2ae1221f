r"""Compares math answers by `math_verify`, in processes that can be ended.

An answer may hang or blow up the computer algebra below `math_verify` (`9^{9^{9^9}}`), and its own
time limit needs signals, which work in a main thread only. Here each comparison has a limit of
wall time and of memory wherever it is called from: past it the process is ended and the answer
counts as wrong, with the reason.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import IO, Any, Literal

from trinity_chord.errors import ChordError
from trinity_chord.rewards.boxed import last_boxed

Reason = Literal["timeout", "crash", "gold"]

START_SECONDS = 120.0
"""For a process to import `math_verify`; about one on an idle machine."""
END_SECONDS = 2.0
"""For a process that has closed its side to end."""
MEGABYTE = 2**20


class VerifierError(ChordError, RuntimeError):
    """No process can be started in which answers could be compared."""


@dataclass(frozen=True)
class Verdict:
    """What the comparison of an answer gave.

    Attributes:
        correct: The answer equals the gold answer.
        reason: Why there was no comparison; None where there was one. `"timeout"` and `"crash"`:
            the process did not survive the answer. `"gold"`: `math_verify` finds nothing in the
            gold answer, so that no answer can be correct.
    """

    correct: bool
    reason: Reason | None = None


class MathVerifier:
    r"""A small pool of processes that compare answers.

    They start when they are needed, and stay: importing `math_verify` takes about a second. Use it
    from any thread. After a fork the child starts processes of its own.

    Args:
        workers: Processes, and so comparisons at a time.
        timeout: Seconds of wall time for one comparison.
        memory: Megabytes of address space for one process; `math_verify` needs about 100.
        max_characters: A longer answer is cut to its last `\boxed{}`, or else to its end.

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
                raise ValueError(f"{key}: got {value}, expected a number above 0")
        self.workers = workers
        self.timeout = timeout
        self.memory = memory
        self.max_characters = max_characters
        self._begin()
        _VERIFIERS.add(self)

    def verify(self, answer: str, gold: str) -> Verdict:
        r"""Compare an answer with the gold answer as `math_verify` does, `\boxed{}` first.

        Args:
            answer: A whole response, or the answer in it.
            gold: The right answer. LaTeX needs neither dollars nor a box.

        Raises:
            VerifierError: No process can be started.
        """
        request = {"gold": in_box(gold), "answer": self._cut(answer)}
        with self._slots:
            worker = self._take()
            try:
                verdict = worker.ask(request, self.timeout)
            except BaseException:  # such as Ctrl-C: the reply to come is nobody's
                worker.end()
                raise
            if worker.alive:
                self._idle.append(worker)
            return verdict

    def close(self) -> None:
        """End the processes that wait. Another comparison starts a new one."""
        while self._idle:
            self._idle.pop().end()

    def __enter__(self) -> MathVerifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self) -> _Worker:
        while True:
            try:
                worker = self._idle.pop()
            except IndexError:
                return _Worker(self.memory, self.timeout)
            if worker.alive:
                return worker
            worker.end()

    def _cut(self, answer: str) -> str:
        if len(answer) <= self.max_characters:
            return answer
        boxed = last_boxed(answer)
        if boxed is not None and len(boxed) <= self.max_characters:
            return rf"\boxed{{{boxed}}}"
        return answer[-self.max_characters :]

    def _begin(self) -> None:
        self._idle: list[_Worker] = []
        self._slots = threading.BoundedSemaphore(self.workers)


_VERIFIERS: weakref.WeakSet[MathVerifier] = weakref.WeakSet()
_WORKERS: weakref.WeakSet[_Worker] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for verifier in list(_VERIFIERS):
        verifier.close()


def _begin_in_child() -> None:
    """Leave the processes, and locks that may be held, to the parent.

    A pipe left open here would keep a process alive after the parent.
    """
    for worker in list(_WORKERS):
        worker.leave()
    for verifier in list(_VERIFIERS):
        verifier._begin()


os.register_at_fork(after_in_child=_begin_in_child)


@cache
def shared_verifier() -> MathVerifier:
    """Return the verifier of this process: Trinity makes a reward function for every task."""
    return MathVerifier()


def in_box(gold: str) -> str:
    """Return a gold answer such that `math_verify` sees its LaTeX, which it does not when bare."""
    marks = ("\\boxed", "$", "\\(", "\\[")
    return gold if any(mark in gold for mark in marks) else rf"\boxed{{{gold}}}"


class _Worker:
    """One process; used by one thread at a time."""

    def __init__(self, memory: int, timeout: float) -> None:
        code = "from trinity_chord.rewards.verifier_worker import main; main(%d, %r)"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code % (memory * MEGABYTE, float(timeout))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",  # a file math.py of the working folder must not be imported
            env=os.environ | {"PYTHONPATH": _import_path(), "PYTHONHASHSEED": "0"},
        )
        _WORKERS.add(self)
        os.set_blocking(self._process.stdin.fileno(), False)
        if self._read_line(time.monotonic() + START_SECONDS) is None:
            code = self._process.poll()
            self.end()
            raise VerifierError(
                "the process that compares math answers did not start: "
                + (f"nothing in {START_SECONDS:.0f} s" if code is None else f"exit code {code}")
                + f". See why: {sys.executable} -c 'import math_verify'"
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, str], timeout: float) -> Verdict:
        """Return the verdict; where there is none in time the process is ended."""
        end = time.monotonic() + timeout
        sent = self._write(json.dumps(request).encode() + b"\n", end)
        line = self._read_line(end) if sent else None
        if line is not None:
            reply: dict[str, Any] = json.loads(line)
            if reply["spent"]:
                self.end()
            return Verdict(reply["correct"], reply["reason"])
        reason: Reason = "timeout" if self.alive else "crash"
        self.end()
        return Verdict(False, reason)

    def end(self) -> None:
        """End the process and wait for it: it leaves no zombie."""
        self._process.kill()
        self._process.wait()
        self.leave()

    def leave(self) -> None:
        """Close this side of the pipes."""
        self._process.stdin.close()
        self._process.stdout.close()

    def _write(self, data: bytes, end: float) -> bool:
        """Return whether all was taken by that time."""
        rest = memoryview(data)
        while rest:
            if not _ready(self._process.stdin, select.POLLOUT, end):
                return False
            try:
                rest = rest[os.write(self._process.stdin.fileno(), rest) :]
            except BrokenPipeError:
                self._wait_for_end()
                return False
        return True

    def _read_line(self, end: float) -> bytes | None:
        """Return the next line; None after that time, or where the process has closed its side."""
        line = b""
        while not line.endswith(b"\n"):
            if not _ready(self._process.stdout, select.POLLIN, end):
                return None
            read = os.read(self._process.stdout.fileno(), 65536)
            if not read:
                self._wait_for_end()
                return None
            line += read
        return line

    def _wait_for_end(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_SECONDS)


def _ready(pipe: IO[bytes], event: int, end: float) -> bool:
    """Wait for a pipe until a time of the monotonic clock; `select` has a limit of 1024 files."""
    poll = select.poll()
    poll.register(pipe, event)
    left = end - time.monotonic()
    return left > 0 and bool(poll.poll(left * 1000))


def _import_path() -> str:
    return os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
