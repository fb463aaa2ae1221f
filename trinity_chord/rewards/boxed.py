r"""Finds the `\boxed{}` of an answer."""

from __future__ import annotations

import re

TOKEN = re.compile(r"(?P<opening>\\boxed\s*\{)|\\.|[{}]", re.DOTALL)


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last complete `\boxed{...}`, None if there is none.

    Braces may be nested, an escaped brace is an ordinary character, and the last box is the one
    that opens last. Takes time linear in the length of the text.
    """
    open_braces: list[int | None] = []  # Start of a box's content; None for any other brace.
    last: tuple[int, int] | None = None
    for token in TOKEN.finditer(text):
        if token["opening"]:
            open_braces.append(token.end())
        elif token.group() == "{":
            open_braces.append(None)
        elif token.group() == "}" and open_braces:
            start = open_braces.pop()
            if start is not None and (last is None or start > last[0]):
                last = start, token.start()
    return None if last is None else text[slice(*last)]
