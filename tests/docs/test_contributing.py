"""What CONTRIBUTING.md says to do can be done: its files exist and its example works."""

import ast
import math
import re
from pathlib import Path

import pytest
import torch

from trinity_chord.objective import token_weights
from trinity_chord.objective.rules import Registry
from trinity_chord.objective.weights import TokenWeight

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_LINES = 5


NAMED = re.findall(r"`((?:configs|tests|tools|trinity_chord)/[\w/.]*)`", TEXT)


@pytest.mark.parametrize("path", sorted(set(NAMED)))
def test_the_named_files_exist(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("test_a_weight_equals_its_formula", "tests/objective/test_token_weights.py"),
        ("REQUIRED", "tests/objective/test_token_weights.py"),
        ("NAMES", "tests/objective/test_mu_rules.py"),
        ("RULES", "tests/objective/test_adaptive_mu.py"),
        ("PRESETS", "trinity_chord/presets/table.py"),
        ("SOURCE", "trinity_chord/data/adapters/s1k.py"),
    ],
)
def test_the_named_places_exist(name, path):
    assert f"`{name}`" in TEXT
    assert re.search(rf"^(def )?{name}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_token_weight_of_the_example_has_the_value_of_its_test():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    name, arguments, p, expected = ast.literal_eval(re.search(r"`(\(\"sqrt.*?\))`", TEXT)[1])
    registry = Registry(TokenWeight)
    exec(code, {**vars(token_weights), "token_weight": registry.add})
    weight = registry.bind(name, **arguments)(torch.tensor(math.log(p), dtype=torch.float64))
    assert weight.item() == pytest.approx(expected)
    assert len(code.strip().splitlines()) <= MOST_LINES
