"""The process that runs bfcl-eval's simulators and its checker.

Each request is answered by a fork of this process, which has its own limits of time and memory, and
in which no earlier request has left a trace: some simulators change variables of their module.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from trinity_chord.json_worker import send, take_stdout

PROJECT_ROOT = "BFCL_PROJECT_ROOT"  # Where bfcl-eval creates folders as soon as it is imported.

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def main(folder: str, memory_bytes: int, seconds: float) -> None:
    """Answer requests until the input closes.

    A reply is `{"failure": "timeout" | "crash"}` or what `Official.answer` returns.

    Args:
        folder: The folder in which bfcl-eval is installed.
        memory_bytes: Limit of the address space of a request, in bytes.
        seconds: Limit of the wall time of a request.
    """
    replies = take_stdout()
    answer = load(folder)
    send(replies, {"ready": True})
    for line in sys.stdin.buffer:
        replies.write(_in_fork(answer, line, memory_bytes, seconds) + b"\n")


def load(folder: str) -> Answer:
    """Import bfcl-eval's checker and simulators, and return what answers a request."""
    sys.path.insert(0, folder)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[PROJECT_ROOT] = scratch
        return importlib.import_module("trinity_chord.multi_turn.official").Official().answer


def _in_fork(answer: Answer, line: bytes, memory_bytes: int, seconds: float) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer_and_exit(answer, line, writing, memory_bytes, seconds)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        reply = pipe.read()
    _, status = os.waitpid(child, 0)
    if status == 0 and reply:
        return reply
    reason = "timeout" if os.WTERMSIG(status) == signal.SIGALRM else "crash"
    return json.dumps({"failure": reason}).encode()


def _answer_and_exit(
    answer: Answer, line: bytes, writing: int, memory_bytes: int, seconds: float
) -> None:
    code = 1
    with suppress(BaseException):  # What the parent learns is the exit code.
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(answer(json.loads(line))).encode())
        code = 0
    os._exit(code)
