"""Plays the multi-turn cases with a model, and judges conversations, also those from a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from trinity_chord.evaluation.bfcl.verdicts import bounded
from trinity_chord.evaluation.sampling import Sample, Sampler
from trinity_chord.multi_turn.cases import MultiTurnCase
from trinity_chord.multi_turn.game import Game
from trinity_chord.multi_turn.simulators import SimulatorError, Simulators, Steps
from trinity_chord.tool_calls import ToolCallError, read_calls

Record = dict[str, Any]
Replies = list[list[str]]
"""The replies of each step of each turn."""


def play_cases(
    cases: Sequence[MultiTurnCase],
    simulators: Simulators,
    sampler: Sampler,
    on_record: Callable[[Record], None],
) -> None:
    """Play cases with a model, as many at once as it answers in a batch.

    Args:
        cases: The cases.
        simulators: bfcl-eval's simulators.
        sampler: The model.
        on_record: Called with the line of each case in `samples.jsonl` once its game is over.
    """
    for start in range(0, len(cases), sampler.batch_size):
        games = [_Played(case, simulators) for case in cases[start : start + sampler.batch_size]]
        while playing := [game for game in games if not game.over]:
            sampler.sample(
                [game.messages for game in playing],
                n=1,
                on_result=partial(_take, playing),
            )
        for game in games:
            on_record(game.record())


def record_of(case: MultiTurnCase, replies: Replies, simulators: Simulators) -> Record:
    """Return the line of a conversation from a file."""
    turns = [[calls for text in turn if (calls := _calls(text))] for turn in replies]
    return _record(case, replies, turns, simulators, tokens=None, truncated=None)


def _take(playing: Sequence[_Played], number: int, samples: Sequence[Sample]) -> None:
    playing[number].take(samples[0])


class _Played:
    """A game with what the model said in it."""

    def __init__(self, case: MultiTurnCase, simulators: Simulators) -> None:
        self._simulators = simulators
        self._game = Game(case, simulators.texts)
        self._samples: list[list[Sample]] = [[]]

    @property
    def over(self) -> bool:
        return self._game.over

    @property
    def messages(self) -> list[dict[str, str]]:
        return self._game.messages

    def take(self, sample: Sample) -> None:
        """Take a reply and play its calls."""
        game = self._game
        if sample.tokens == 0:  # No room for a reply, nor for any later one.
            game.stop()
            return
        while len(self._samples) < len(game.turns):
            self._samples.append([])
        self._samples[-1].append(sample)
        if game.reply(sample.text):
            try:
                game.results(self._simulators.play(game.case, game.steps)[-1])
            except SimulatorError:
                game.stop()

    def record(self) -> Record:
        """Return the line of the finished game."""
        samples = [sample for turn in self._samples for sample in turn]
        return _record(
            self._game.case,
            [[sample.text for sample in turn] for turn in self._samples],
            self._game.turns,
            self._simulators,
            tokens=sum(sample.tokens for sample in samples),
            truncated=any(sample.truncated for sample in samples),
        )


def _record(
    case: MultiTurnCase,
    replies: Replies,
    turns: list[Steps],
    simulators: Simulators,
    *,
    tokens: int | None,
    truncated: bool | None,
) -> Record:
    judgment = simulators.judge(case, turns)
    return {
        "id": case.id,
        "category": case.category,
        "response": replies,
        "tokens": tokens,
        "truncated": truncated,
        "valid": judgment.valid,
        "error_type": judgment.error_type,
        "error": None if judgment.error is None else bounded(judgment.error),
        "calls": turns,
        "turns_passed": judgment.passed,
    }


def _calls(text: str) -> list[dict[str, Any]]:
    try:
        return read_calls(text)
    except ToolCallError:
        return []
