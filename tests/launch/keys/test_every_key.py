"""Every key: a value of a wrong type or outside of its range is one problem with its key."""

import math
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from trinity.common.config import Config

from tests.launch.keys.every_key import KEYS, Key
from trinity_chord.launch.keys.findings import dotted
from trinity_chord.launch.keys.judge import domain_of, judge
from trinity_chord.launch.keys.types import branches
from trinity_chord.objective.ranges import Choice

SCREEN = 1500  # Characters of a problem.


def of_kind(*kinds):
    return [key for key in KEYS if set(branches(key.kind)) & set(kinds)]


NUMBERS, FLAGS = of_kind(int, float), of_kind(bool)
ENUMS = [
    key for key in KEYS for k in branches(key.kind) if isinstance(k, type) and issubclass(k, Enum)
]
CHOICES = [key for key in KEYS if isinstance(domain_of(key.owner, key.path[-1]), Choice)]


def problem_of(key: Key, value):
    """The one problem with a key that has a value, None if there is none."""
    found = judge(key.holding(value)).problems
    below = {path: text for path, text in found.items() if path[: len(key.path)] == key.path}
    assert len(below) <= 1
    text = next(iter(below.values()), None)
    if text is not None:
        assert text.startswith(f"`{key}")
        assert len(text) < SCREEN
    return text


def test_the_walk_meets_all_keys_of_trinity():
    assert len(KEYS) > 400
    assert {"mode", "trainer.megatron.context_parallel_size"} <= set(map(str, KEYS))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "x", [1], {"a": 1}, True])
def test_a_number_refuses_other_values(value):
    accepted = [str(key) for key in NUMBERS if problem_of(key, value) is None]
    assert accepted == []


def test_a_number_refuses_what_no_tensor_holds():
    assert [str(key) for key in of_kind(int) if problem_of(key, 2**63) is None] == []


@pytest.mark.parametrize("value", ["x", 2, -1, 1.5, [True], {}])
def test_a_flag_refuses_what_is_neither_true_nor_false(value):
    assert [str(key) for key in FLAGS if problem_of(key, value) is None] == []


@pytest.mark.parametrize("value", ["nosuch", 5, [], ""])
def test_a_choice_refuses_other_words(value):
    assert len(CHOICES) > 20
    assert len(ENUMS) > 5
    accepted = [str(key) for key in (*CHOICES, *ENUMS) if problem_of(key, value) is None]
    assert accepted == []


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_text_refuses_lists_and_mappings(value):
    assert [str(key) for key in of_kind(str) if problem_of(key, value) is None] == []


def test_every_number_has_a_range():
    assert {str(key) for key in NUMBERS if domain_of(key.owner, key.path[-1]) is None} == set()


def test_every_default_is_in_its_range():
    assert judge(Config()).problems == {}


@pytest.mark.parametrize("key", ["batch_sise", "Batch_size", "batch size", ""])
def test_a_key_that_does_not_exist_is_reported(key):
    findings = judge({"buffer": {key: 3}})
    assert list(findings.problems) == findings.failed == [("buffer", key)]


def test_all_problems_are_reported_at_once_in_the_order_of_the_file():
    findings = judge(
        {"trainer": {"total_steps": 0}, "buffer": {"batch_size": -1, "x": 1}, "mode": 5}
    )
    assert [dotted(path) for path in findings.failed] == ["buffer.x"]
    assert set(map(dotted, findings.problems)) == {
        "trainer.total_steps", "buffer.batch_size", "buffer.x", "mode",
    }  # fmt: skip


ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["8", "1e-6", "true", "???", "nccl"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KEYS), ANY)
def test_what_the_walk_lets_pass_trinity_can_load(key, value):
    findings = judge(key.holding(value))
    if findings.failed or value == "???" or (isinstance(value, str) and "$" in value):
        return
    try:
        loaded = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.create(key.holding(value)))
        OmegaConf.to_object(loaded)
    except (OmegaConfBaseException, AttributeError, ValueError) as error:
        raise AssertionError(f"{key}: {value!r}") from error
