"""Whether processes that Trinity starts find the plugin: a fresh one, and a worker of Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trinity_chord.doctor.findings import Finding, State
from trinity_chord.errors import ChordError

SECONDS = 180
# What a verl worker does to build the loss, without a plugin folder.
FIND = """
def find():
    from trinity.algorithm import POLICY_LOSS_FN
    import trinity_chord
    loss = POLICY_LOSS_FN.get("trinity_chord.CHORDPolicyLossFn")
    return f"{trinity_chord.__version__} from {trinity_chord.__path__[0]} ({loss.__name__})"
"""
IN_PROCESS = FIND + "print(find())"
IN_WORKER = (
    FIND
    + """
import ray
ray.init(address="auto", log_to_driver=False)
print(ray.get(ray.remote(num_cpus=0)(find).remote()))
"""
)


def examine_plugin() -> Iterator[Finding]:
    """Yield what a fresh process and a fresh worker of Ray find."""
    hint = "install trinity-chord into the environment of this Python"
    yield _found("new process", IN_PROCESS, os.environ, hint)
    from trinity.utils.dlc_utils import is_running

    if is_running():
        hint = "stop this Ray and start it from the environment in which trinity-chord is installed"
        yield _found("running Ray", IN_WORKER, os.environ, hint)
        return
    from trinity_chord.cpu import local_ray

    try:
        with local_ray(num_gpus=0, num_cpus=1) as ray:
            yield _found("worker of Ray", IN_WORKER, ray.env, hint)
    except ChordError as error:
        yield Finding("worker of Ray", str(error), State.bad, "see why Ray does not start")


def _found(name: str, code: str, env: Mapping[str, str], hint: str) -> Finding:
    """Run code in a new process in an empty folder; the last line of its output is the finding."""
    with _script(code) as path:
        try:
            done = subprocess.run(
                [sys.executable, path],
                env=env,
                cwd=path.parent,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Finding(name, f"no answer within {SECONDS} s", State.bad, hint)
    output = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = output[-1] if output else f"ended with {done.returncode} and without output"
    if done.returncode:
        return Finding(name, f"cannot find the plugin: {last}", State.bad, hint)
    return Finding(name, f"finds {last}")


@contextmanager
def _script(code: str) -> Iterator[Path]:
    """Yield a file with code; Ray sends functions of a file, but not those of `python -c`."""
    with tempfile.TemporaryDirectory(prefix="chord-doctor-") as folder:
        path = Path(folder) / "find_plugin.py"
        path.write_text(code, encoding="utf-8")
        yield path
