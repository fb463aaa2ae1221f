"""What a new user does with the README alone: every command in it, in a fresh clone."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.docs.test_commands import commands_of_document

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.long]

ROOT = Path(__file__).parents[2]
# Installing 2 GB and training, on a machine that may be busy.
TIMEOUT = 5400


def succeed(command, folder):
    """Run a command as in a shell of its own, outside of this environment."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=kept,
        shell=isinstance(command, str),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_commands_of_the_readme_lead_from_a_clone_to_the_page(tmp_path):
    succeed(["git", "clone", "--quiet", str(ROOT), "trinity-chord"], tmp_path)
    clone = tmp_path / "trinity-chord"
    commands = list(commands_of_document(clone / "README.md"))
    assert len(commands) == 2
    for command in commands:
        succeed(command, clone)
    run = clone / "runs" / "quickstart"
    for page in (run / "report.html", clone / "report.html"):
        assert "Reward of rollouts" in page.read_text(encoding="utf-8")
    summary = json.loads((run / "summary.json").read_text())
    assert summary["accuracy_after"] > summary["accuracy_before"] + 0.2
    (card,) = run.glob("checkpoints/**/actor/huggingface/README.md")
    assert "eval/held_out/accuracy/mean" in card.read_text(encoding="utf-8")
