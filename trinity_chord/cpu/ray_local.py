"""A private Ray: started, used and stopped without touching any other."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from trinity_chord.errors import ChordConfigError, ChordError
from trinity_chord.signals import sigterm_raises

START_SECONDS = 90.0
STOP_SECONDS = 15.0
# The path of a unix socket has at most 107 characters. Ray adds about 65 to the path of its folder,
# which adds 13 to this one.
MAX_TEMP_DIR = 28


@dataclass(frozen=True)
class LocalRay:
    """A running Ray.

    Attributes:
        address: "127.0.0.1:port".
        temp_dir: Its folder, with logs and sockets.
        pid: Process id of `ray start`, the ancestor of all its processes.
        env: The complete environment for a process that is to use only this Ray.
    """

    address: str
    temp_dir: Path
    pid: int
    env: dict[str, str] = field(repr=False)


@contextmanager
def local_ray(
    num_gpus: int | None, num_cpus: int | None, temp_dir: str | Path | None = None
) -> Iterator[LocalRay]:
    """Run a Ray head on 127.0.0.1 for the duration of a `with` block.

    It has its own ports, temporary folder and token, so any number can run side by side. However
    the block ends (normally, by an exception, Ctrl-C or SIGTERM), the processes of this Ray are
    stopped, and only these.

    Args:
        num_gpus: Number of GPUs that Ray reports, real or not; Ray counts them if None.
        num_cpus: Number of CPUs that Ray reports; Ray counts them if None.
        temp_dir: Where to create Ray's folder, which stays there with its logs. If None, the folder
            is created in /tmp and removed afterwards.

    Yields:
        The running Ray, with the environment to reach it.

    Raises:
        ChordConfigError: The path of `temp_dir` is too long.
        ChordError: Ray did not start.
    """
    parent = Path(temp_dir or "/tmp").absolute()
    if len(str(parent)) > MAX_TEMP_DIR:
        raise ChordConfigError(
            f"`temp_dir`: got {str(parent)!r}, expected at most {MAX_TEMP_DIR} characters, the "
            "limit of Ray's sockets; choose a shorter path"
        )
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir=parent))
    port, client_port = _free_ports(2)
    env = {
        **os.environ,
        "RAY_ADDRESS": f"127.0.0.1:{port}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Without this, Ray replaces 127.0.0.1 by the address of a network interface.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    log = folder / "ray_start.log"
    with sigterm_raises():
        child: subprocess.Popen[bytes] | None = None
        try:
            with log.open("wb") as output:
                child = subprocess.Popen(
                    _command(port, client_port, folder, num_gpus, num_cpus),
                    env={key: value for key, value in env.items() if key != "RAY_ADDRESS"},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            _wait_until_ready(child, folder, log)
            yield LocalRay(env["RAY_ADDRESS"], folder, child.pid, env)
        finally:
            if child is not None:
                _stop(child, folder)
            if temp_dir is None:
                shutil.rmtree(folder, ignore_errors=True)


def _command(
    port: int, client_port: int, folder: Path, num_gpus: int | None, num_cpus: int | None
) -> list[str]:
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += [f"--port={port}", f"--ray-client-server-port={client_port}"]
    command += ["--node-ip-address=127.0.0.1", f"--temp-dir={folder}"]
    command += ["--include-dashboard=false", "--disable-usage-stats"]
    if num_gpus is not None:
        command.append(f"--num-gpus={num_gpus}")
    if num_cpus is not None:
        command.append(f"--num-cpus={num_cpus}")
    return command


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _wait_until_ready(child: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    # Ray writes this file once all processes of the head respond.
    ready = folder / "ray_current_cluster"
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            ended = child.poll() is not None
            what = "ended" if ended else f"was not ready within {START_SECONDS:.0f} s"
            raise ChordError(f"`ray start` {what}. Its output:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


def _stop(child: subprocess.Popen[bytes], folder: Path) -> None:
    """End ``child``, its descendants, and every process with ``folder`` on its command line."""
    processes = _own_processes(child.pid, folder)
    child.terminate()
    psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in {*processes, *_own_processes(child.pid, folder)}:
        _kill(process)
    psutil.wait_procs(processes, timeout=STOP_SECONDS)
    child.wait()


def _own_processes(pid: int, folder: Path) -> list[psutil.Process]:
    found = {
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
        and process.pid != os.getpid()
    }
    if psutil.pid_exists(pid):
        found.update(psutil.Process(pid).children(recursive=True))
    return list(found)


def _kill(process: psutil.Process) -> None:
    # psutil compares start times, so it does not kill a new process that has the same id.
    if process.is_running():
        process.kill()
