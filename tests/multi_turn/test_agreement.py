"""Conversations get the verdict that bfcl-eval gives them, case by case.

The reference is bfcl-eval's checker as it ships: it evaluates the calls, which here are the
benchmark's own and harmless changes of them, as Python text.
"""

import importlib
import itertools
import sys
from unittest.mock import patch

import pytest

from trinity_chord.multi_turn.calls import parse_call
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES
from trinity_chord.multi_turn.gold import gold_calls

EVERY = 20  # One case in so many is judged for each kind of mistake.


def other_value(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    return value + " zzz" if isinstance(value, str) else [value]


def with_first_call(turns, change):
    """Change the first call of the first turn that has one."""
    number = next(i for i, turn in enumerate(turns) if turn)
    changed = [list(turn) for turn in turns]
    changed[number][:1] = change(changed[number][0])
    return changed


def wrong_value(call):
    if not call["arguments"]:
        return [call]
    name = next(iter(call["arguments"]))
    return [
        {**call, "arguments": {**call["arguments"], name: other_value(call["arguments"][name])}}
    ]


def last_turn_empty(turns):
    number = max(i for i, turn in enumerate(turns) if turn)
    return [[] if i == number else turn for i, turn in enumerate(turns)]


MUTATIONS = {
    "none": lambda turns: turns,
    "first call missing": lambda turns: with_first_call(turns, lambda call: []),
    "first call twice": lambda turns: with_first_call(turns, lambda call: [call, call]),
    "unknown name": lambda turns: with_first_call(
        turns, lambda call: [{**call, "name": call["name"] + "x"}]
    ),
    "private name": lambda turns: with_first_call(
        turns, lambda call: [{**call, "name": "_load_scenario"}]
    ),
    "extra argument": lambda turns: with_first_call(
        turns, lambda call: [{**call, "arguments": {**call["arguments"], "zzz": 1}}]
    ),
    "wrong value": lambda turns: with_first_call(turns, wrong_value),
    "other order": lambda turns: [turn[::-1] for turn in turns],
    "last turn empty": last_turn_empty,
    "a call in an empty turn": lambda turns: [
        turn or [next(call for other in turns for call in other)] for turn in turns
    ],
}


@pytest.fixture(scope="module")
def reference(simulators):
    with patch.object(sys, "path", [*sys.path, str(simulators.package.folder)]):
        checker = importlib.import_module(
            "bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker"
        )
        numbers = itertools.count()

        def check(case, turns):
            steps = [[[as_python(call)] for call in turn] for turn in turns]
            # The checker keeps the simulators of each name of a model for good.
            name = f"model{next(numbers)}"
            entry = case.for_simulators()
            found = checker.multi_turn_checker(steps, case.gold, entry, case.category, name)
            return found["valid"], found.get("error_type")

        yield check
    for name in [name for name in sys.modules if name.split(".")[0] == "bfcl_eval"]:
        del sys.modules[name]


def as_python(call):
    arguments = ", ".join(f"{name}={value!r}" for name, value in call["arguments"].items())
    return f"{call['name']}({arguments})"


def ours(simulators, case, turns):
    found = simulators.judge(case, [[[call] for call in turn] for turn in turns])
    return found.valid, found.error_type


@pytest.mark.parametrize("kind", MUTATIONS)
def test_every_conversation_gets_bfcl_evals_verdict(kind, simulators, reference):
    differing, wrong = [], 0
    for case in list(simulators.cases.values())[::EVERY]:
        turns = MUTATIONS[kind](gold_calls(case))
        expected = reference(case, turns)
        wrong += not expected[0]
        if ours(simulators, case, turns) != expected:
            differing.append((case.id, ours(simulators, case, turns), expected))
    assert differing == []
    if kind in ("first call missing", "unknown name", "private name", "last turn empty"):
        assert wrong > 0


@pytest.mark.slow
def test_the_correct_calls_of_all_800_cases_are_valid(simulators):
    verdicts = {
        case.id: simulators.judge(case, [[[parse_call(call)] for call in turn] for turn in gold])
        for case in simulators.cases.values()
        for gold in [case.gold]
    }
    assert len(verdicts) == 800
    assert [name for name, verdict in verdicts.items() if not verdict.valid] == []


def test_the_functions_of_each_case_are_those_of_bfcl_eval(simulators, tmp_path, monkeypatch):
    monkeypatch.setenv("BFCL_PROJECT_ROOT", str(tmp_path))
    with patch.object(sys, "path", [*sys.path, str(simulators.package.folder)]):
        utils = importlib.import_module("bfcl_eval.utils")
        entries = [
            entry
            for category in MULTI_TURN_CATEGORIES
            for entry in utils.load_dataset_entry(category)[::EVERY]
        ]
    for name in [name for name in sys.modules if name.split(".")[0] == "bfcl_eval"]:
        del sys.modules[name]
    for entry in entries:
        case = simulators.cases[entry["id"]]
        assert case.functions == entry["function"]
        added = {int(turn): found for turn, found in entry.get("missed_function", {}).items()}
        assert {turn: [f["name"] for f in found] for turn, found in case.added.items()} == {
            turn: [f["name"] for f in found] for turn, found in added.items()
        }
