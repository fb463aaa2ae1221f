"""A process that answers requests, one JSON line for each, within limits of time and memory.

Work that may hang, exhaust the memory or crash belongs there. The child's side reads lines from its
standard input and writes one line in reply to each; it first writes a line of its own, when it is
ready.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, Literal

from trinity_chord.errors import ChordError

Failure = Literal["timeout", "crash"]
"""Why there is no reply: it took too long, or the process died."""

START_SECONDS = 120.0
"""Time limit for a process to start, which takes about a second on an idle machine."""
END_SECONDS = 2.0
"""Time limit for a process to end after it has closed its pipe."""


class ProcessError(ChordError, RuntimeError):
    """A process cannot be started."""


class JsonProcess:
    """One process that answers requests; used by one thread at a time.

    Args:
        code: The Python code that it runs.
        task: What it does, for errors, such as "that compares math answers".
        trial: Python code that shows why it does not start.

    Raises:
        ProcessError: The process does not start.
    """

    def __init__(self, code: str, *, task: str, trial: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",  # Otherwise a file math.py in the working folder would be imported.
            env=os.environ | {"PYTHONPATH": _import_path(), "PYTHONHASHSEED": "0"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests: IO[bytes] = self._process.stdin
        self._replies: IO[bytes] = self._process.stdout
        _PROCESSES.add(self)
        os.set_blocking(self._requests.fileno(), False)
        self._wait_until_ready(task, trial)

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any], timeout: float) -> dict[str, Any] | Failure:
        """Return the reply to a request; end the process if there is none in time.

        Args:
            request: JSON values.
            timeout: Time limit in seconds.

        Returns:
            The reply, or why there is none. A reply with a true `spent` is the process's last.
        """
        deadline = time.monotonic() + timeout
        sent = self._write(json.dumps(request).encode() + b"\n", deadline)
        line = self._read_line(deadline) if sent else None
        if line is not None:
            reply: dict[str, Any] = json.loads(line)
            if reply.get("spent"):
                self.end()
            return reply
        reason: Failure = "timeout" if self.alive else "crash"
        self.end()
        return reason

    def end(self) -> None:
        """Kill the process and wait for it, so that it leaves no zombie."""
        self._process.kill()
        self._process.wait()
        self.leave()

    def leave(self) -> None:
        """Close this side of the pipes."""
        self._requests.close()
        self._replies.close()

    def _wait_until_ready(self, task: str, trial: str) -> None:
        if self._read_line(time.monotonic() + START_SECONDS) is not None:
            return
        exit_code = self._process.poll()
        self.end()
        raise ProcessError(
            f"the process {task} did not start: "
            + (
                f"no reply in {START_SECONDS:.0f} s"
                if exit_code is None
                else f"exit code {exit_code}"
            )
            + f". To see why, run: {sys.executable} -c {shlex.quote(trial)}"
        )

    def _write(self, data: bytes, deadline: float) -> bool:
        """Return whether all data was written before the deadline."""
        rest = memoryview(data)
        while rest:
            if not _ready(self._requests, select.POLLOUT, deadline):
                return False
            try:
                rest = rest[os.write(self._requests.fileno(), rest) :]
            except BrokenPipeError:
                self._wait_for_end()
                return False
        return True

    def _read_line(self, deadline: float) -> bytes | None:
        """Return the next line; None after the deadline or if the process has closed its pipe."""
        line = b""
        while not line.endswith(b"\n"):
            if not _ready(self._replies, select.POLLIN, deadline):
                return None
            read = os.read(self._replies.fileno(), 65536)
            if not read:
                self._wait_for_end()
                return None
            line += read
        return line

    def _wait_for_end(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_SECONDS)


_PROCESSES: weakref.WeakSet[JsonProcess] = weakref.WeakSet()


def _leave_all() -> None:
    """Leave the processes to the parent of a fork.

    A pipe left open in the child would keep a process alive after the parent has ended.
    """
    for process in list(_PROCESSES):
        process.leave()


os.register_at_fork(after_in_child=_leave_all)


def _ready(pipe: IO[bytes], event: int, deadline: float) -> bool:
    """Wait for a pipe until a deadline (`time.monotonic`)."""
    poll = select.poll()  # `select.select` cannot wait for file descriptors above 1023.
    poll.register(pipe, event)
    seconds = deadline - time.monotonic()
    return seconds > 0 and bool(poll.poll(seconds * 1000))


def _import_path() -> str:
    return os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
