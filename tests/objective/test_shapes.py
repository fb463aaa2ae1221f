"""The shapes in the signatures are checked while the tests run."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError

from tests.shapes import MODULES
from trinity_chord import objective
from trinity_chord.objective import expert_loss, split_mask, weighted_sum

SOURCES = Path(objective.__file__).parent


def test_every_module_with_shapes_is_checked():
    with_shapes = {
        path.stem for path in SOURCES.glob("*.py") if "from jaxtyping import" in path.read_text()
    }
    assert with_shapes == set(MODULES)


@pytest.mark.parametrize(
    "call",
    [
        lambda: expert_loss(torch.zeros(2, 3), torch.zeros(3)),
        lambda: weighted_sum(torch.zeros(2, 3), torch.ones(2, 3), torch.ones(3)),
        lambda: split_mask(torch.ones(2, 3), torch.tensor([True])),
    ],
)
def test_a_tensor_of_another_shape_is_an_error_in_tests(call):
    with pytest.raises(TypeCheckError, match="typechecking parameter"):
        call()


def test_the_package_runs_without_beartype():
    code = (
        "import sys; sys.modules['beartype'] = None; import torch; "
        "from trinity_chord.objective import expert_loss; "
        "print(expert_loss(torch.zeros(2, 3), torch.zeros(3)).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[2, 3]" in done.stdout
