"""How a μ rule is found by its name, your own included, and what is refused."""

import sys
from types import ModuleType

import pytest

from trinity_chord.objective import SCHEDULES, BatchFigures, MuRule, get_schedule

NAMES = [
    "constant",
    "cosine",
    "entropy_target",
    "gac",
    "linear",
    "piecewise",
    "reward_gap",
    "reward_threshold",
    "warmup_cosine",
]


class Half(MuRule):
    """A minimal rule of a user."""

    def __init__(self, of: float = 1.0):
        self.of = of

    def next(self, step, figures):
        return self.of / 2

    def problems(self):
        return [] if self.of <= 2 else [f"of: got {self.of}, expected at most 2"]


class Unfinished(MuRule):
    pass


class Anything(Half):
    def __init__(self, **arguments):
        super().__init__()
        self.arguments = arguments


@pytest.fixture(autouse=True)
def my_module(monkeypatch):
    module = ModuleType("my_rules")
    module.Half, module.Unfinished, module.Anything = Half, Unfinished, Anything
    module.function = lambda step: 0.1
    monkeypatch.setitem(sys.modules, "my_rules", module)


def test_every_rule_has_a_formula_and_a_source():
    assert sorted(SCHEDULES) == NAMES
    for rule in SCHEDULES.values():
        assert rule.formula
        assert rule.source


def test_only_gac_needs_feedback():
    assert [name for name, rule in sorted(SCHEDULES.items()) if rule.needs_feedback] == ["gac"]


def test_an_unknown_rule_names_the_closest_and_the_known():
    with pytest.raises(ValueError, match="did you mean 'constant'") as error:
        get_schedule("constnat")
    for name in NAMES:
        assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_an_unexpected_argument_is_named(name):
    with pytest.raises(
        ValueError, match=rf"μ schedule '{name}': got the arguments \['peek'\], expected \["
    ):
        get_schedule(name, peek=1)


def test_a_missing_argument_is_named():
    with pytest.raises(ValueError, match=r"'piecewise': points: got nothing"):
        get_schedule("piecewise")


def test_a_private_field_is_not_an_argument():
    with pytest.raises(ValueError, match=r"got the arguments \['_mu'\]"):
        get_schedule("entropy_target", _mu=0.3)


def test_an_argument_may_be_called_name():
    with pytest.raises(
        ValueError, match=r"'constant': got the arguments \['name'\], expected \['value'\]"
    ):
        get_schedule("constant", **{"name": 1})


def test_your_own_rule_is_found_by_its_dotted_path():
    rule = get_schedule("my_rules.Half", of=0.5)
    assert rule.next(1, BatchFigures()) == 0.25
    assert (rule.metrics(), rule.state_dict(), rule.needs_feedback) == ({}, {}, False)


def test_the_problems_of_your_own_rule_are_reported():
    with pytest.raises(ValueError, match=r"'my_rules\.Half': of: got 3, expected at most 2"):
        get_schedule("my_rules.Half", of=3)


def test_your_own_rule_may_take_any_argument():
    assert get_schedule("my_rules.Anything", a=1, b=2).arguments == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module.Rule", "cannot be imported: No module named 'no_such_module'"),
        ("my_rules.Third", "cannot be imported: .*Third"),
        (".Half", "cannot be imported"),
        ("..my_rules.Half", "cannot be imported"),
        ("my_rules.function", "expected a subclass of trinity_chord.objective.MuRule"),
        ("my_rules.Unfinished", r"a class without \['next'\]"),
    ],
)
def test_a_path_that_is_not_a_rules_is_refused(path, message):
    with pytest.raises(ValueError, match=message):
        get_schedule(path)


def test_a_state_for_a_rule_without_one_is_refused():
    rule = get_schedule("my_rules.Half")
    rule.load_state_dict({})
    with pytest.raises(ValueError, match="Half has no state"):
        rule.load_state_dict({"mu": 0.5})
