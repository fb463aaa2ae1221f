"""The correct calls of a case as a conversation.

bfcl-eval has the correct calls of each turn and nothing else. Here each call is a step of its own,
since a later one may use the result of an earlier one, after an empty thought. What ends a turn is
written by this package.
"""

from __future__ import annotations

from trinity_chord.multi_turn.calls import named_call, parse_call
from trinity_chord.multi_turn.cases import MultiTurnCase
from trinity_chord.multi_turn.game import Game
from trinity_chord.multi_turn.simulators import Simulators, Steps
from trinity_chord.tool_calls import Call, write_calls

NO_THOUGHT = "<think>\n\n</think>\n"
DONE = f"{NO_THOUGHT}Done."
CANNOT = f"{NO_THOUGHT}I cannot do this yet: a function or a detail of your request is missing."


def gold_calls(case: MultiTurnCase) -> list[list[Call]]:
    """Return the correct calls of each turn, with all arguments by name.

    Raises:
        ToolCallError: A call is not in the expected form.
    """
    functions = [*case.functions, *(f for added in case.added.values() for f in added)]
    return [[named_call(parse_call(text), functions) for text in turn] for turn in case.gold]


def gold_game(case: MultiTurnCase, simulators: Simulators) -> Game:
    """Play a case with its correct calls, and return the finished game.

    Raises:
        SimulatorError: The simulators fail.
        ToolCallError: A call is not in the expected form.
    """
    game = Game(case, simulators.texts)
    turns = gold_calls(case)
    steps: Steps = [[call] for calls in turns for call in calls]
    results = iter(simulators.play(case, steps))
    for calls in turns:
        for call in calls:
            game.reply(NO_THOUGHT + write_calls([call]))
            game.results(next(results))
        game.reply(DONE if calls else CANNOT)
    return game
