"""`trinity-chord doctor` names what is wrong and what to do about it."""

import os
import sys

import pytest
from typer.testing import CliRunner

from trinity_chord.cli import app
from trinity_chord.cpu.machine import has_gpu
from trinity_chord.doctor import machine, packages, plugin, step
from trinity_chord.doctor.findings import Finding, State

GIBIBYTE = 2**30


@pytest.fixture
def installed(monkeypatch):
    """Replace the versions of packages; None is a package that is not installed."""
    real = packages.installed_version

    def use(**versions):
        names = {name.replace("_", "-"): version for name, version in versions.items()}
        monkeypatch.setattr(
            packages, "installed_version", lambda name: names.get(name) or _real(name)
        )

        def _real(name):
            return None if name in names else real(name)

    return use


def bad(findings):
    return {each.name: each for each in findings if each.state is State.bad}


def test_this_installation_is_good():
    found = {each.name: each for each in packages.examine_packages(gpus=0)}
    assert bad(found.values()) == {}
    assert {"python", "trinity-rft", "verl", "torch", "ray", "transformers", "vllm"} <= set(found)


@pytest.mark.parametrize(
    ("versions", "name", "found", "hint"),
    [
        ({"verl": "0.9.0"}, "verl", "0.9.0, expected", "pip install 'verl<0.9,>=0.8.0'"),
        ({"ray": None}, "ray", "not installed, expected", "pip install 'ray>=2.50'"),
        ({"wrapt": "1.0"}, "wrapt", "1.0, expected >=1.16", "pip install 'wrapt>=1.16'"),
    ],
)
def test_a_package_of_a_wrong_version_is_named(installed, versions, name, found, hint):
    installed(**versions)
    problems = bad(packages.examine_packages(gpus=0))
    assert list(problems) == [name]
    assert found in problems[name].found
    assert problems[name].hint == hint


def test_a_wrong_python_is_named(monkeypatch):
    monkeypatch.setattr(packages.platform, "python_version", lambda: "3.9.1")
    assert "3.9.1, expected" in bad(packages.examine_packages(gpus=0))["python"].found


@pytest.mark.parametrize(("gpus", "wrong"), [(0, []), (1, ["vllm"])])
def test_only_a_machine_with_gpus_needs_vllm(installed, gpus, wrong):
    installed(vllm=None)
    assert list(bad(packages.examine_packages(gpus))) == wrong


@pytest.mark.skipif(has_gpu(), reason="needs a build of torch for CPUs")
def test_a_torch_that_cannot_use_the_gpus_is_named(tmp_path, monkeypatch):
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA H100, 81559 MiB, 4 MiB, 550.54'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    listed = machine.gpus_by_driver()
    assert listed == ["NVIDIA H100, 81559 MiB, 4 MiB, 550.54"]
    found = {each.name: each for each in machine.examine_gpus(listed)}
    assert "a build for CPUs" in found["CUDA"].found
    assert found["GPU 0"].found == listed[0]


def test_without_gpus_runs_are_on_the_cpu():
    (found,) = machine.examine_gpus([])
    assert found.state is State.good
    assert "engine_type: transformers" in found.found


def test_the_memory_is_that_of_the_container(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(str(3 * GIBIBYTE))
    (tmp_path / "memory.current").write_text(str(GIBIBYTE))
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(
        machine.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 64 * GIBIBYTE})
    )
    memory = next(machine.examine_space(tmp_path))
    assert (memory.found, memory.state) == ("2.0 GiB free", State.note)
    assert "5.8 GiB" in memory.hint


def test_a_process_that_cannot_import_the_plugin_is_named():
    environment = {"PATH": os.environ["PATH"]}
    code = "raise ImportError('no module named trinity_chord')"
    found = plugin._found("new process", code, environment, "install it")
    assert found.state is State.bad
    assert found.found.endswith("ImportError: no module named trinity_chord")
    assert found.hint == "install it"


def test_a_process_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(plugin, "SECONDS", 0.2)
    found = plugin._found("new process", "import time; time.sleep(60)", os.environ, "")
    assert "no answer within" in found.found


def test_the_step_is_not_tried_on_a_gpu():
    assert step.train_one_step(gpus=1).state is State.note


def test_nothing_is_started_if_a_package_is_wrong(installed, monkeypatch):
    installed(verl="0.9.0")
    monkeypatch.setattr(plugin, "examine_plugin", lambda: pytest.fail("was started"))
    result = CliRunner().invoke(app, ["doctor", "--train"])
    assert result.exit_code == 2
    assert "✗ verl" in result.stdout


def test_a_finding_is_a_line_and_its_hint_the_next():
    assert str(Finding("disk", "1 GiB free", State.note, "remove files")) == (
        "! disk           1 GiB free\n                 remove files"
    )


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(has_gpu(), reason="the step is for machines without a GPU")
def test_a_new_process_and_a_worker_of_ray_find_the_plugin_and_a_step_is_trained():
    result = CliRunner().invoke(app, ["doctor", "--train"])
    assert result.exit_code == 0, result.output
    for name in ("new process", "one step"):
        assert f"✓ {name}" in result.stdout
    assert "(CHORDPolicyLossFn)" in result.stdout
    assert sys.version.split()[0] in result.stdout
