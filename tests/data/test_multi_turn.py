"""`trinity-chord prepare bfcl-multi-turn`: the split, the chats, the manifest."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trinity_chord.bfcl_package import find_package
from trinity_chord.cli import app
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.multi_turn import CLAIM, MultiTurnSettings, split_scenarios
from trinity_chord.multi_turn.simulators import Simulators
from trinity_chord.tool_calls import read_calls

OPTIONS = ("--sft", "2", "--rl", "1", "--test", "1")


@pytest.fixture(scope="module")
def cases():
    return list(Simulators(find_package()).cases.values())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "bfcl"
    result = CliRunner().invoke(app, ["prepare", "bfcl-multi-turn", "--out", str(out), *OPTIONS])
    assert result.exit_code == 0, result.output
    return out, result.output


def rows(out: Path, name: str):
    return [json.loads(line) for line in (out / name / "train.jsonl").read_text().splitlines()]


def settings(**changes):
    sizes = {"sft": 80, "rl": 75, "test": 40, "seed": 42} | changes
    return MultiTurnSettings(Path("out"), **sizes)


def test_no_scenario_is_in_two_sets(cases):
    split = dict(split_scenarios(cases, settings()))
    numbers = {name: {n for scenario in found for n in scenario} for name, found in split.items()}
    assert {name: len(found) for name, found in split.items()} == {"sft": 80, "rl": 75, "test": 40}
    assert sum(map(len, numbers.values())) == len(set().union(*numbers.values())) == 200
    states = {
        name: {json.dumps(c.initial_config) for c in cases if c.scenario in found}
        for name, found in numbers.items()
    }
    base = {
        name: {
            json.dumps(c.initial_config)
            for c in cases
            if c.scenario in found and c.category == "multi_turn_base"
        }
        for name, found in numbers.items()
    }
    assert not base["sft"] & base["rl"]
    assert not base["test"] & (base["sft"] | base["rl"])
    assert all(states.values())


def test_the_split_depends_on_the_seed_alone(cases):
    assert split_scenarios(cases[::-1], settings()) == split_scenarios(cases, settings())
    assert split_scenarios(cases, settings(seed=1)) != split_scenarios(cases, settings())


def test_more_scenarios_than_there_are_is_an_error(cases):
    with pytest.raises(PrepareError, match="got 196 scenarios together, expected at most 195"):
        split_scenarios(cases, settings(sft=81))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sft": -1}, "`--sft`: got -1"),
        ({"sft": 0, "rl": 0, "test": 0}, "got 0 for all"),
        ({"categories": ("multi_turn_easy",)}, "got multi_turn_easy, expected some of"),
    ],
)
def test_wrong_arguments_are_reported(changes, message):
    with pytest.raises(PrepareError, match=message):
        settings(**changes)


def test_expert_rows_are_chats_of_correct_calls_with_their_results(prepared):
    found = rows(prepared[0], "sft")
    assert len(found) >= 8  # Two scenarios with four variants each.
    for row in found:
        roles = [message["role"] for message in row["messages"]]
        assert roles[:2] == ["system", "user"]
        assert roles[-1] == "assistant"
        calls = [
            message["content"]
            for message in row["messages"]
            if message["role"] == "assistant" and "<tool_call>" in message["content"]
        ]
        assert roles.count("tool") == sum(len(read_calls(text)) for text in calls)


def test_tasks_name_their_case_and_hold_no_answer(prepared):
    for name in ("rl", "test"):
        for row in rows(prepared[0], name):
            assert list(row) == ["id", "category", "question"]


def test_the_manifest_says_what_may_not_be_claimed(prepared):
    out, output = prepared
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["claim"] == CLAIM
    assert "no score on BFCL's multi-turn categories to claim" in " ".join(output.split())
    assert manifest["versions"]["bfcl-eval"] == "2026.3.23"
    assert {name: len(found) for name, found in manifest["scenarios"].items()} == {
        "sft": 2,
        "rl": 1,
        "test": 1,
    }


def test_it_is_never_overwritten(prepared):
    out, _ = prepared
    words = ["prepare", "bfcl-multi-turn", "--out", str(out)]
    again = CliRunner().invoke(app, [*words, *OPTIONS])
    assert "already holds this set" in " ".join(again.output.split())
    other = CliRunner().invoke(app, [*words, *OPTIONS, "--seed", "7"])
    assert other.exit_code != 0
