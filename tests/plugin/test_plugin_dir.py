"""Short names, registered by Trinity's own plugin loader."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import trinity_chord

FOLDER = Path(trinity_chord.__file__).parent / "plugin_dir"


def loaded(folder, target, code, times=2):
    """Run code in a process in which Trinity's loader loaded ``folder`` and copied it to target."""
    head = f"""
        import shutil
        from pathlib import Path
        from trinity_chord.cpu import activate
        activate()
        from trinity.utils import plugin_loader
        copy = shutil.copy2
        plugin_loader.shutil.copy2 = lambda source, _: copy(source, {str(target)!r})
        for _ in range({times}):
            plugin_loader.load_plugin_from_dirs({str(folder)!r})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FOLDER, tmp_path / "plugins"))


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "copied"
    path.mkdir()
    return path


def test_there_is_one_plain_file():
    assert [path.name for path in FOLDER.glob("*.py")] == ["trinity_chord_names.py"]


def test_the_short_names_are_registered_after_loading_twice(folder, target):
    out = loaded(
        folder,
        target,
        """
        import trinity_chord
        from trinity.algorithm import (
            ALGORITHM_TYPE, ENTROPY_LOSS_FN, POLICY_LOSS_FN, SAMPLE_STRATEGY
        )
        assert ALGORITHM_TYPE.get("chord") is trinity_chord.CHORDAlgorithm
        assert ALGORITHM_TYPE.get("chord_mu") is trinity_chord.CHORDMuAlgorithm
        assert ALGORITHM_TYPE.get("chord_phi") is trinity_chord.CHORDPhiAlgorithm
        assert ALGORITHM_TYPE.get("trinity_chord.CHORDAlgorithm") is trinity_chord.CHORDAlgorithm
        assert POLICY_LOSS_FN.get("chord") is trinity_chord.CHORDPolicyLossFn
        assert SAMPLE_STRATEGY.get("expert_mix") is trinity_chord.ExpertMixSampleStrategy
        assert ENTROPY_LOSS_FN.get("expert_mix") is trinity_chord.ExpertMixEntropyLossFn
        print("found")
        """,
    )
    assert "found" in out


def test_the_copy_that_trinity_makes_loads_by_itself(folder, target):
    loaded(folder, target, "", times=1)
    assert [path.name for path in target.glob("*.py")] == ["trinity_chord_names.py"]
    again = target.parent / "again"
    again.mkdir()
    out = loaded(
        target,
        again,
        """
        from trinity.algorithm import ALGORITHM_TYPE
        print(ALGORITHM_TYPE.get("chord_mu").__name__)
        """,
        times=1,
    )
    assert "CHORDMuAlgorithm" in out
    assert "Failed to load" not in out


def test_short_names_become_paths_that_verls_workers_find(load, tmp_path, folder, target):
    load(
        {
            "algorithm.algorithm_type": "chord_mu",
            "algorithm.policy_loss_fn": "chord",
            "algorithm.sample_strategy": "expert_mix",
            "algorithm.entropy_loss_fn": "expert_mix",
        }
    )
    out = loaded(
        folder,
        target,
        f"""
        from trinity.common.config import load_config
        config = load_config({str(tmp_path / "config.yaml")!r}).check_and_update()
        algorithm = config.algorithm
        print(algorithm.policy_loss_fn, algorithm.sample_strategy, algorithm.entropy_loss_fn)
        print(algorithm.policy_loss_fn_args["token_weight"])
        """,
    )
    wanted = "CHORDPolicyLossFn trinity_chord.ExpertMixSampleStrategy trinity_chord.ExpertMixEntrop"
    assert f"trinity_chord.{wanted}yLossFn\nsft" in out
