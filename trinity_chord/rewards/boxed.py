r"""Finds the `\boxed{}` of an answer."""

from __future__ import annotations

import re

TOKEN = re.compile(r"(?P<opening>\\boxed\s*\{)|\\.|[{}]", re.DOTALL)


def last_boxed(text: str) -> str | None:
    r"""Return what stands in the last complete `\boxed{...}`, None where there is none.

    Braces nest, and the last is the one that opens last; a brace after a backslash is a character.
    The time is linear in the text.
    """
    open_braces: list[int | None] = []  # where a box begins; None for another brace
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
