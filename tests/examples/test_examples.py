"""The examples run, and their output shows what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LONGEST = 80


def output_of(name):
    path = EXAMPLES / name
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["one_step.py", "own_loop_weights.py"])
def test_an_example_fits_on_a_page(name):
    assert len((EXAMPLES / name).read_text().splitlines()) <= LONGEST


def test_one_step_has_the_same_gradient_split_and_whole():
    printed = output_of("one_step.py")
    (distance,) = re.findall(r"relative distance .*: +(\S+)", printed)
    assert float(distance) <= 1e-14
    (norm,) = re.findall(r"whole batch: +(\S+)", printed)
    assert float(norm) > 0.1


@pytest.mark.parametrize("name", ["pear", "eaft", "margin"])
def test_the_weights_for_your_own_loop_learn_the_experts_tokens(name):
    ((before, after),) = re.findall(rf"{name}: .* (\S+) → (\S+)", output_of("own_loop_weights.py"))
    assert float(after) < 0.5 * float(before)
