"""Decides whether a reply is right, by bfcl-eval's own checker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trinity_chord.evaluation.bfcl.cases import Case
from trinity_chord.evaluation.bfcl.official import Official, StandInError
from trinity_chord.tool_calls import ToolCallError, read_calls

# The first is bfcl-eval's own name for it; the second is for what makes its checker raise.
NOT_DECODED = "ast_decoder:decoder_failed"
CHECKER_RAISED = "ast_checker:raised"
MOST_CHARACTERS = 2000


@dataclass(frozen=True)
class Verdict:
    """What the checker says of a reply.

    Attributes:
        valid: The calls are right.
        error_type: bfcl-eval's name for the first thing that is wrong; None where valid.
        error: What is wrong in words, at most ``MOST_CHARACTERS``; None where valid.
        calls: The calls as the checker takes them, ``[{name: {argument: value}}]``; None where
            the reply holds none that can be read.
    """

    valid: bool
    error_type: str | None
    error: str | None
    calls: list[dict[str, dict[str, Any]]] | None


def judge(case: Case, reply: str, official: Official) -> Verdict:
    """Checks the calls of a reply against the answers of a case. No reply makes it raise."""
    try:
        calls = [{call["name"]: call["arguments"]} for call in read_calls(reply)]
    except ToolCallError as error:
        return Verdict(False, NOT_DECODED, _bounded(str(error)), None)
    try:
        found = official.check(case.functions, calls, case.answers, case.category)
    except StandInError:
        raise
    except Exception as error:  # bfcl-eval's checker trusts the kinds of nested values
        return Verdict(False, CHECKER_RAISED, _bounded(repr(error)), calls)
    if found["valid"]:
        return Verdict(True, None, None, calls)
    return Verdict(False, found["error_type"], _bounded(_in_words(found["error"])), calls)


def _in_words(errors: list) -> str:
    """Puts the checker's list of texts, or of reports on each call, on one line each."""
    return "\n".join(error if isinstance(error, str) else repr(error) for error in errors)


def _bounded(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
