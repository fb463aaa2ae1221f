"""Judges a reply with bfcl-eval's own checker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trinity_chord.evaluation.bfcl.cases import Case
from trinity_chord.evaluation.bfcl.official import Official, StandInError
from trinity_chord.tool_calls import ToolCallError, read_calls

NOT_DECODED = "ast_decoder:decoder_failed"
"""The error type if no calls can be read from a reply; bfcl-eval's own name."""
CHECKER_RAISED = "ast_checker:raised"
"""The error type if bfcl-eval's checker raises; our own name."""
MAX_CHARACTERS = 2000
"""Maximum length of an error text, in characters; a longer one is cut and gets an ellipsis."""


@dataclass(frozen=True)
class Verdict:
    """The checker's verdict on a reply.

    Attributes:
        valid: Whether the calls are correct.
        error_type: bfcl-eval's name of the first error; None if valid.
        error: Description of the error; None if valid. See `MAX_CHARACTERS`.
        calls: The calls in the checker's form, `[{name: {argument: value}}]`; None if none can be
            read from the reply.
    """

    valid: bool
    error_type: str | None
    error: str | None
    calls: list[dict[str, dict[str, Any]]] | None


def judge(case: Case, reply: str, official: Official) -> Verdict:
    """Check the calls of a reply against the answers of a case; works for any reply.

    Raises:
        StandInError: The checker needs more of bfcl-eval than is loaded, whatever the reply is.
    """
    try:
        calls = [{call["name"]: call["arguments"]} for call in read_calls(reply)]
    except ToolCallError as error:
        return Verdict(False, NOT_DECODED, bounded(str(error)), None)
    try:
        found = official.check(case.functions, calls, case.answers, case.category)
    except StandInError:
        raise
    except Exception as error:  # The checker does not check the types of nested values.
        return Verdict(False, CHECKER_RAISED, bounded(repr(error)), calls)
    if found["valid"]:
        return Verdict(True, None, None, calls)
    return Verdict(False, found["error_type"], bounded(_as_text(found["error"])), calls)


def _as_text(errors: list[Any]) -> str:
    """Put the checker's errors, texts or one report per call, on one line each."""
    return "\n".join(error if isinstance(error, str) else repr(error) for error in errors)


def bounded(text: str) -> str:
    """Return a text, cut after `MAX_CHARACTERS`."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
