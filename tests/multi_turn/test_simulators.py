"""The simulators' process: only their public methods run, and nothing outlives its limits."""

import time

import pytest

from trinity_chord.bfcl_package import find_package
from trinity_chord.multi_turn.calls import named_call, parse_call
from trinity_chord.multi_turn.simulators import SimulatorError, Simulators
from trinity_chord.tool_calls import ToolCallError

FILES = "multi_turn_base_0"
MATH = "multi_turn_base_3"


def call(name, /, *positional, **arguments):
    return {"name": name, "positional": list(positional), "arguments": arguments}


def with_math(simulators):
    return next(c for c in simulators.cases.values() if "MathAPI" in c.involved_classes)


def test_a_step_is_played_after_those_before_it(simulators):
    """The working folder of the second step is the one into which the first has changed."""
    case = simulators.cases[FILES]
    results = simulators.play(case, [[call("cd", folder="document")], [call("pwd")]])
    assert results == [
        ['{"current_working_directory": "document"}'],
        ['{"current_working_directory": "/workspace/document"}'],
    ]


def test_the_next_request_starts_from_the_beginning(simulators):
    case = simulators.cases[FILES]
    simulators.play(case, [[call("cd", folder="document")]])
    assert simulators.play(case, [[call("pwd")]]) == [
        ['{"current_working_directory": "/workspace"}']
    ]


@pytest.mark.parametrize(
    "name",
    [
        "_load_scenario",
        "__class__",
        "__init__",
        "exec",
        "eval",
        "__import__",
        "print",
        "os.system",
        "cd.__globals__",
        "__import__('os').system('id')",
        "",
    ],
)
def test_only_public_methods_of_the_simulators_can_be_called(name, simulators):
    ((result,),) = simulators.play(simulators.cases[FILES], [[call(name)]])
    assert result == f"Error during execution: name '{name}' is not defined"


def test_an_argument_that_is_python_text_is_only_text(simulators, tmp_path):
    trap = tmp_path / "trap"
    text = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    steps = [[call("echo", content=text)], [call("find", path=text, name=text)]]
    ((echoed,), _) = simulators.play(simulators.cases[FILES], steps)
    assert text in echoed.replace("\\", "")
    assert not trap.exists()


def test_wrong_arguments_are_an_error_of_the_call(simulators):
    steps = [[call("cd", nowhere=1), call("cd", folder={"a": [1]})]]
    ((unexpected, wrong_type),) = simulators.play(simulators.cases[FILES], steps)
    assert "unexpected keyword argument 'nowhere'" in unexpected
    assert "rror" in wrong_type


def test_a_call_that_takes_too_long_ends_and_the_next_request_is_answered():
    hasty = Simulators(find_package(), timeout=1)
    case = with_math(hasty)
    endless = call("logarithm", value=2.0, base=10.0, precision=10**8)
    began = time.monotonic()
    with pytest.raises(SimulatorError, match="timeout"):
        hasty.play(case, [[endless]])
    assert time.monotonic() - began < 60
    judged = hasty.judge(case, [[[endless]]] * len(case.gold))
    assert (judged.valid, judged.error_type) == (False, "simulators:timeout")
    assert hasty.play(case, [[call("add", a=1, b=2)]]) == [['{"result": 3}']]
    hasty.close()


def test_a_request_that_takes_too_much_memory_is_a_crash_of_its_own_process(simulators):
    small = Simulators(find_package(), memory=1)
    case = simulators.cases[FILES]
    with pytest.raises(SimulatorError, match="crash"):
        small.play(case, [[call("echo", content="x" * 5_000_000)]])
    small.close()
    assert simulators.play(case, [[call("pwd")]]) == [
        ['{"current_working_directory": "/workspace"}']
    ]


def test_a_conversation_that_was_stopped_is_wrong(simulators):
    case = simulators.cases[FILES]
    gold = [[[parse_call(text)] for text in turn] for turn in case.gold]
    judged = simulators.judge(case, gold[:-1])
    assert (judged.valid, judged.error_type) == (False, "multi_turn:force_terminated")
    assert judged.passed == len(case.gold) - 1


def test_the_turns_before_the_first_wrong_one_are_counted(simulators):
    case = simulators.cases[FILES]
    gold = [[[parse_call(text)] for text in turn] for turn in case.gold]
    assert simulators.judge(case, gold).passed == len(gold)
    assert simulators.judge(case, [gold[0], [], *gold[2:]]).passed == 1


@pytest.mark.parametrize(
    "text",
    [
        "f(x)",
        "f(g(1))",
        "a.f(1)",
        "f(**{'a': 1})",
        "f(1) + f(2)",
        "[f(1)]",
        "f(a=1, a=2)",
        "f(a=__import__('os'))",
        "f(a=" + "(" * 1000 + ")" * 1000 + ")",
        "",
        "f(",
    ],
)
def test_a_correct_call_must_be_a_plain_call_with_literals(text):
    with pytest.raises(ToolCallError):
        parse_call(text)


def test_positional_arguments_get_their_names():
    functions = [{"name": "f", "parameters": {"properties": {"a": {}, "b": {}}}}]
    assert named_call(parse_call("f(1, b=[2, 'x'])"), functions) == {
        "name": "f",
        "arguments": {"a": 1, "b": [2, "x"]},
    }
    with pytest.raises(ToolCallError, match="no function"):
        named_call(parse_call("f(1, 2, 3)"), functions)
