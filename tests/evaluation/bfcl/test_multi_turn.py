"""`trinity-chord eval bfcl` on multi-turn cases, from a file and with a model."""

import json

import pytest
from typer.testing import CliRunner

from tests.tiny_model import make_model_folder
from trinity_chord.cli import app
from trinity_chord.evaluation.bfcl.multi_turn import play_cases, record_of
from trinity_chord.evaluation.sampling import Sample
from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES
from trinity_chord.multi_turn.gold import gold_game
from trinity_chord.multi_turn.simulators import Simulators

CASES = [f"{category}_{number}" for category in MULTI_TURN_CATEGORIES for number in (0, 1)]


@pytest.fixture(scope="module")
def simulators(package):
    started = Simulators(package, timeout=60)
    yield started
    started.close()


@pytest.fixture(scope="module")
def games(simulators):
    return {name: gold_game(simulators.cases[name], simulators) for name in CASES}


def replies_by_turn(game):
    """Return the replies of a game; the user begins each turn."""
    turns = []
    for message in game.messages:
        if message["role"] == "user":
            turns.append([])
        elif message["role"] == "assistant":
            turns[-1].append(message["content"])
    return turns


def evaluate(tmp_path, answers, *words):
    path = tmp_path / "answers.jsonl"
    lines = [json.dumps({"id": name, "response": turns}) for name, turns in answers.items()]
    path.write_text("\n".join(lines))
    command = ["eval", "bfcl", "--responses", str(path), "--limit", "2"]
    return CliRunner().invoke(
        app, [*command, "--categories", ",".join(MULTI_TURN_CATEGORIES), *words]
    )


def test_conversations_from_a_file_are_scored_apart_from_the_papers_categories(games, tmp_path):
    answers = {name: replies_by_turn(game) for name, game in games.items()}
    answers[CASES[0]] = [["Done."] for _ in answers[CASES[0]]]
    result = evaluate(tmp_path, answers, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["categories"]["multi_turn_base"]["correct"] == 1
    assert (found["multi_turn"]["correct"], found["multi_turn"]["total"]) == (7, 8)
    assert "overall" not in found
    assert found["partial"] is True
    assert found["errors"] == {"multi_turn:empty_turn_model_response": 1}


def test_the_table_names_the_multi_turn_categories(games, tmp_path):
    answers = {name: replies_by_turn(game) for name, game in games.items()}
    result = evaluate(tmp_path, answers)
    assert result.exit_code == 0, result.output
    assert "0 of 8 categories and 4 of 4 multi-turn ones" in " ".join(result.output.split())
    assert "multi_turn_miss_func" in result.output


def test_an_answer_that_is_not_a_list_of_turns_is_reported(tmp_path):
    answers: dict = {name: [["Done."]] for name in CASES}
    answers[CASES[0]] = "Done."
    result = evaluate(tmp_path, answers)
    assert result.exit_code == 2
    assert "expected a list of turns, each a list of replies as text" in result.stderr


def test_a_reply_that_cannot_be_read_is_skipped_as_bfcl_eval_does(games, simulators):
    name = CASES[0]
    turns = [["<tool_call>[{", *turn] for turn in replies_by_turn(games[name])]
    assert record_of(simulators.cases[name], turns, simulators)["valid"]


class Scripted:
    """A model that plays correctly, but answers nothing in the second game."""

    def __init__(self, games, batch_size):
        self._replies = [
            iter([m["content"] for m in game.messages if m["role"] == "assistant"])
            for game in games
        ]
        self._firsts = [game.messages[:2] for game in games]
        self.batch_size = batch_size

    def sample(self, prompts, *, n, on_result):
        assert len(prompts) <= self.batch_size
        for i, messages in enumerate(prompts):
            game = self._firsts.index(messages[:2])
            text = "Done." if game == 1 else next(self._replies[game])
            on_result(i, [Sample(text, len(text), truncated=False)])


def test_games_are_played_with_a_model_and_judged(games, simulators):
    played = [games[name] for name in CASES[:3]]
    records = []
    cases = [game.case for game in played]
    play_cases(cases, simulators, Scripted(played, 2), records.append)
    assert [record["id"] for record in records] == CASES[:3]
    assert [record["valid"] for record in records] == [True, False, True]
    assert records[0]["response"] == replies_by_turn(games[CASES[0]])
    assert records[0]["turns_passed"] == len(cases[0].gold)
    assert records[0]["tokens"] == sum(
        len(text) for turn in replies_by_turn(games[CASES[0]]) for text in turn
    )


def test_a_model_without_room_for_a_reply_is_stopped(tmp_path):
    folder = make_model_folder(tmp_path / "model")
    words = ["--model", str(folder), "--categories", "multi_turn_base", "--limit", "2"]
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["eval", "bfcl", *words, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["multi_turn"]["correct"], found["multi_turn"]["total"]) == (0, 2)
    assert found["errors"] == {"multi_turn:force_terminated": 2}
    again = CliRunner().invoke(app, ["eval", "bfcl", *words, "--out", str(out), "--json"])
    assert json.loads(again.stdout)["multi_turn"]["total"] == 2
