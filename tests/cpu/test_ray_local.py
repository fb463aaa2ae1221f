"""A private Ray: two at once, each stopped without touching the other."""

import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psutil
import pytest

from trinity_chord.cpu import LocalRay, local_ray

pytestmark = pytest.mark.slow


def resources(ray: LocalRay) -> str:
    """Return the resources of a Ray, as seen from another process."""
    code = "import ray; ray.init(log_to_driver=False); print(ray.cluster_resources())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ray.env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def naming(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
    ]


def test_two_run_side_by_side_and_stopping_one_leaves_the_other():
    with local_ray(num_gpus=2, num_cpus=4) as first:
        with local_ray(num_gpus=3, num_cpus=4) as second:
            assert first.address != second.address
            assert "'GPU': 3.0" in resources(second)
            gone = family(second.pid)
        assert not alive(gone)
        assert not naming(second.temp_dir)
        assert not second.temp_dir.exists()
        assert "'GPU': 2.0" in resources(first)
        assert "node:127.0.0.1" in resources(first)
        gone = family(first.pid)
    assert not alive(gone)
    assert not naming(first.temp_dir)


def test_sigterm_stops_it(tmp_path):
    code = textwrap.dedent(
        """
        import time
        from trinity_chord.cpu import local_ray
        with local_ray(num_gpus=1, num_cpus=1) as ray:
            print(ray.pid, ray.temp_dir, flush=True)
            time.sleep(100)
        """
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, folder = owner.stdout.readline().split()
    processes = family(int(pid))
    assert len(processes) > 3
    owner.send_signal(signal.SIGTERM)
    assert owner.wait(timeout=60) == 128 + signal.SIGTERM
    assert not alive(processes)
    assert not Path(folder).exists()


def test_ctrl_c_in_the_block_stops_it_and_a_given_folder_keeps_the_logs():
    processes = []

    def interrupted(parent: str) -> None:
        with local_ray(num_gpus=0, num_cpus=1, temp_dir=parent) as ray:
            processes.extend(family(ray.pid))
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory(prefix="tc-", dir="/tmp") as parent:
        with pytest.raises(KeyboardInterrupt):
            interrupted(parent)
        assert len(list(Path(parent).glob("ray-*/ray_start.log"))) == 1
    assert not alive(processes)


def test_a_path_too_long_for_a_socket_is_refused(tmp_path):
    deep = tmp_path / ("x" * 40)
    with pytest.raises(ValueError, match="temp_dir"), local_ray(1, 1, temp_dir=deep):
        pass
