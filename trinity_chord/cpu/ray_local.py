"""A Ray of one's own: started, used and stopped without touching any other."""

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

from trinity_chord.signals import sigterm_raises

START_SECONDS = 90.0
STOP_SECONDS = 15.0
# A unix socket's path has 107 characters at most; Ray adds about 65 to its folder, and its folder
# adds 13 to this one.
MAX_TEMP_DIR = 28


@dataclass(frozen=True)
class LocalRay:
    """A running Ray.

    Attributes:
        address: "127.0.0.1:port".
        temp_dir: Ray's own folder, with its logs and sockets.
        env: the whole environment for a process that is to use this Ray, and no other.
        pid: of `ray start`, which all its processes descend from.
    """

    address: str
    temp_dir: Path
    pid: int
    env: dict[str, str] = field(repr=False)


@contextmanager
def local_ray(
    num_gpus: int | None, num_cpus: int | None, temp_dir: str | Path | None = None
) -> Iterator[LocalRay]:
    """Run a Ray head on 127.0.0.1 for the time of a `with` block.

    Its port, its temporary folder and its token are its own, so any number can run side by side.
    However the block is left, by its end, an exception, Ctrl-C or SIGTERM, the processes of this
    Ray are stopped, and only these.

    Args:
        num_gpus: GPUs that Ray shall count, there or not. None lets Ray count.
        num_cpus: CPUs that Ray shall count. None lets Ray count.
        temp_dir: where to make Ray's own folder, and leave it with its logs. None makes it in
            /tmp and removes it.

    Yields:
        where Ray is, and the environment that leads there.

    Raises:
        ValueError: `temp_dir` is too long.
        RuntimeError: Ray did not start.
    """
    parent = Path(temp_dir or "/tmp").absolute()
    if len(str(parent)) > MAX_TEMP_DIR:
        raise ValueError(
            f"temp_dir: {parent} is longer than {MAX_TEMP_DIR} characters, which Ray's sockets do "
            "not allow. Choose a shorter path."
        )
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir=parent))
    port, client_port = _free_ports(2)
    env = {
        **os.environ,
        "RAY_ADDRESS": f"127.0.0.1:{port}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Without this, Ray takes 127.0.0.1 for a mistake and listens on an address of the network.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    log = folder / "ray_start.log"
    with sigterm_raises():
        child: subprocess.Popen | None = None
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


def _wait_until_ready(child: subprocess.Popen, folder: Path, log: Path) -> None:
    # Ray writes this file when all processes of the head have answered.
    ready = folder / "ray_current_cluster"
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            what = "ended" if child.poll() is not None else f"was not up in {START_SECONDS:.0f} s"
            raise RuntimeError(f"`ray start` {what}. It said:\n{log.read_text()[-4000:]}")
        time.sleep(0.05)


def _stop(child: subprocess.Popen, folder: Path) -> None:
    """End `child`, its descendants, and what names `folder` on its command line."""
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
    # psutil remembers when the process began: a process that took over its id is not ended.
    if process.is_running():
        process.kill()
