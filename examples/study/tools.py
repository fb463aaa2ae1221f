"""The tool-call task: function definitions in BFCL's schema, judged by bfcl-eval's AST checker.

A prompt offers two functions and asks for calls: ``mail(n,to)note(who,k)?mail ann 7``. Which
parameter is which must be read from the definitions: their names and their order vary. It is
answered by ``#mail(n=7,to=ann)``, or derived by the parameters and their values first:
``mail n,to:7,ann;#mail(n=7,to=ann)``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from examples.study.tasks import Problem, Task
from trinity_chord.bfcl_package import find_package
from trinity_chord.evaluation.bfcl.official import Official, load_official

FUNCTIONS = ("mail", "note", "call", "play", "open", "find", "send", "read", "book", "lock")
TEXTS = ("to", "who", "key", "at")
NUMBERS = ("n", "k", "day", "num")
WORDS = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "leo")
CALL = re.compile(r"([a-z]+)\(([a-z]+)=([a-z0-9]+),([a-z]+)=([a-z0-9]+)\)")


@dataclass(frozen=True)
class Function:
    """A function with one text and one number, in the order of its definition."""

    name: str
    parameters: tuple[str, str]

    @property
    def definition(self) -> dict[str, Any]:
        """The definition in BFCL's schema."""
        kinds = {name: "string" if name in TEXTS else "integer" for name in self.parameters}
        return {
            "name": self.name,
            "description": "",
            "parameters": {
                "type": "dict",
                "properties": {name: {"type": kind} for name, kind in kinds.items()},
                "required": list(self.parameters),
            },
        }

    def values(self, word: str, number: int) -> tuple[str, str]:
        """Return the values in the order of the parameters."""
        return tuple(word if name in TEXTS else str(number) for name in self.parameters)  # type: ignore[return-value]


class Tools(Task):
    """Call one or two functions, with parameters read from their definitions."""

    name = "tools"
    characters = "0123456789abcdefghijklmnopqrstuvwxyz(),:;?=# "
    levels = (1, 2)
    far_levels = (3,)
    partial_levels = (1,)
    max_tokens = 124

    @cached_property
    def _official(self) -> Official:
        return load_official(find_package())

    def stream(self, level: int, seed: int) -> Iterator[Problem]:
        """Yield problems with ``level`` calls without end; the same seed gives the same ones."""
        rng = random.Random(f"{level} {seed}")
        while True:
            yield self._problem(rng, level)

    def _problem(self, rng: random.Random, level: int) -> Problem:
        offered = [_draw_function(rng, name) for name in rng.sample(FUNCTIONS, 2)]
        asked, steps, calls, answers = [], [], [], []
        for _ in range(level):
            function = rng.choice(offered)
            word, number = rng.choice(WORDS), rng.randint(1, 99)
            values = function.values(word, number)
            pairs = list(zip(function.parameters, values, strict=True))
            asked.append(f"{function.name} {word} {number}")
            steps.append(f"{function.name} {','.join(function.parameters)}:{','.join(values)};")
            calls.append(f"{function.name}({','.join(f'{k}={v}' for k, v in pairs)})")
            answers.append({function.name: {k: [_typed(v)] for k, v in pairs}})
        shown = "".join(f"{each.name}({','.join(each.parameters)})" for each in offered)
        result = "".join(calls)
        return Problem(
            prompt=f"{shown}?{','.join(asked)}",
            short=f"#{result}",
            worked="".join(steps) + f"#{result}",
            level=level,
            entry=([each.definition for each in offered], answers),
        )

    def is_right(self, problem: Problem, result: str) -> bool:
        """Return whether bfcl-eval's checker accepts the calls; only such calls are parsed."""
        found = CALL.findall(result)
        if "".join(f"{f}({a}={x},{b}={y})" for f, a, x, b, y in found) != result or not found:
            return False
        calls = [{f: {a: _typed(x), b: _typed(y)}} for f, a, x, b, y in found]
        functions, answers = problem.entry
        category = "multiple" if len(answers) == 1 else "parallel_multiple"
        return bool(self._official.check(functions, calls, answers, category)["valid"])


def _draw_function(rng: random.Random, name: str) -> Function:
    parameters = [rng.choice(TEXTS), rng.choice(NUMBERS)]
    rng.shuffle(parameters)
    return Function(name, (parameters[0], parameters[1]))


def _typed(value: str) -> str | int:
    return int(value) if value.isdigit() else value
