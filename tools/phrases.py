"""The phrases that `tools.vocabulary` finds, each with what to write instead and an example.

A pattern is kept only if nearly all it finds is wrong: a sentence that a pattern hits should be
rewritten, not excepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Phrase:
    """A phrase to avoid.

    Attributes:
        pattern: Matches it in a text whose lines are joined.
        instead: What to write.
        example: A text that contains it.
    """

    pattern: re.Pattern[str]
    instead: str
    example: str


def _phrase(pattern: str, instead: str, example: str) -> Phrase:
    return Phrase(re.compile(pattern), instead, example)


# "one line a step": what is counted, and what it is counted for.
_COUNTED = (
    "answers?|bytes|characters|dict|entry|epochs?|figures?|files?|forward pass|generations?|GB|GiB"
    "|jobs?|kB|lines?|list|MB|ms|nats|numbers?|one|passes|prompts?|rollouts?|rows?|samples?"
    "|seconds|steps?|sums?|tests|texts?|tokens"
)
_UNIT = (
    "batch|case|domain|epoch|file|generation|GPU|key|method|micro-batch|mini-batch|module|node"
    "|problem|prompt|question|rollout|row|run|second|set|stage|step|task|test|token|year"
)
_VERBS = "are|can|gets?|gives?|had|has|is|keeps?|needs?|sees?|takes?|was"
_STATES = (
    "allowed|asked|closed|given|installed|known|learned|left out|meant|missing|needed|not|possible"
    "|set|the same|there|used"
)

PHRASES = (
    # Words of their own.
    _phrase(r"\b[Mm]end(s|ed|ing)?\b", "fix, patch", "each mend is one function"),
    _phrase(
        r"\b([Tt]ells?|[Tt]old|[Tt]elling)\b(?! ([^ .;:]+ ){0,5}apart\b)",
        "report, show",
        "all problems are told at once",
    ),
    _phrase(r"\b[Nn]obody\b", "no one, or name who", "None if nobody asks for it"),
    _phrase(r"\b[Ff]oreign\b", "unexpected, unknown, another", "a foreign argument"),
    _phrase(r"\b[Bb]eside\b", "next to, in addition to, besides", "what it needs beside log p"),
    _phrase(r"\b[Aa]new\b", "again, from scratch", "the weights are made anew"),
    _phrase(r"\b[Dd]ue\b(?! (date|to)\b)", "required", "empty if a value is due"),
    _phrase(r"\b[Ss]hall\b", "should, is to", "GPUs that Ray shall count"),
    _phrase(r"\b[Ll]earnt\b", "learned", "the turns that are learnt"),
    _phrase(r"\b[Mm]ade-up\b", "synthetic", "made-up rows"),
    _phrase(r"\b[Ww]ants\b", "needs, requires, expects", "verl wants an older numpy"),
    _phrase(
        r"\b([Tt]okenis(e[ds]?|ing|ation)|[Nn]ormalisers?|[Ss]erialisation)\b",
        "American spelling, which codespell does not know for these",
        "tokenised once",
    ),
    _phrase(r"\b[Uu]ncut\b", "unsplit, whole", "the gradient of the uncut batch"),
    # Verbs in the wrong sense.
    _phrase(r"\b([Gg]o(es)?|[Ww]ent|[Gg]oing) on\b(?! to\b)", "continue, resume", "it goes on"),
    _phrase(
        r"\b[Ww]ork(s|ed|ing)? ([^ ,;.]+ ){0,2}out\b", "compute, derive", "works the weights out"
    ),
    _phrase(r"\b[Uu]sed[ -]up\b", "exhausted", "the data is used up"),
    _phrase(r"\b(be|are|is) had\b", "downloaded, available", "it cannot be had from there"),
    _phrase(
        r"\b[Ss]tands? (at|on|where|below|above|before|after|behind|under|twice|together)\b",
        "is, precedes, overrides",
        "the key stands twice in an object",
    ),
    _phrase(
        r"\b[Ss]tands? in (it|its|the|an?|place|code|YAML|¦)\b|\b[Ss]tands in ¦",
        "is, is written",
        "the key as it stands in YAML",
    ),
    _phrase(
        r"\b([Ll]ies?|[Ll]ay) (in|on|near)\b(?! \[)", "is, is kept", "the state lies in memory"
    ),
    _phrase(
        r"\b(is|are|was|were) ((not|already|all|also) )*there\b(?! (is|are)\b)",
        "exists, is present, is available",
        "the file is not there",
    ),
    # "if", "per", "expected", "is not a".
    _phrase(
        r"\b([Nn]one|[Ee]mpty|[Nn]othing|an empty (list|dict)|[Uu]nless|[Ee]xits? with \d"
        r"|[Rr]aises?( \w+)?) where\b",
        "if",
        "Return the rest, None where all are right",
    ),
    _phrase(r"\b[Ww]here there (is|are|was|were)\b", "if there is", "where there is no GPU"),
    _phrase(r"\b[Ww]here (none|nothing|neither|nobody|one is)\b", "if", "a Ray where none runs"),
    _phrase(
        rf"\b[Ww]here (it|they|that|this|these) ((is|are|was|were) ({_STATES})\b|has\b|have\b"
        r"|cannot\b|can\b(?! be (found|seen|read))|do\b|does\b|did\b)",
        "if",
        "vLLM where it is installed",
    ),
    _phrase(
        rf"\b({_COUNTED}) an? ((training|train|trainer|expert) )?({_UNIT})\b(?! ({_VERBS})\b)",
        "per",
        "shows a line a step",
    ),
    _phrase(
        r"[,;(] wanted\b|\bWanted: |\bvalue wanted\b|(?<=\d )wanted\b",
        "expected",
        "Python 3.9 found, 3.10 to 3.12 wanted",
    ),
    _phrase(r"\b[Kk]nown are\b", "expected one of", "unknown mode 'x': known are ['a', 'b']"),
    _phrase(
        r"(?<!there )(?<!There )(?<!here )\b(is|are|was|were) no\b"
        r" (?!longer|more|less|fewer|such|better|worse|special case|part of|exception|proof)",
        "is not a",
        "the loss is no sum over rows",
    ),
    _phrase(
        r"(?<!there )(?<!There )(?<!here )\b(is|are|was|were) none\b(?! (the|too)\b)",
        "is not one of, is not",
        "the id is none of the benchmark's",
    ),
    _phrase(
        r"\b([Mm]ade|[Cc]reated) (where|when|if) (it|they) (is|are) (missing|not there)\b",
        "created if missing",
        "the folder; made where it is missing",
    ),
    # Idioms.
    _phrase(r"\bas good as not\b", "treated as absent", "a row is as good as not in the batch"),
    _phrase(r"\bis as once\b", "idempotent", "Twice is as once."),
    _phrase(
        r"\b([Ee]very|[Ee]ach|any|whatever) cut\b"
        r"|\b[Hh]owever (the|a) (\S+ ){1,3}cuts?\b|\bon the cut\b|\bwith the cut\b",
        "any micro-batch split",
        "exact for every cut of the batch",
    ),
    _phrase(r"\b[Oo]ne'?s own\b", "your own, its own", "a Ray of one's own"),
    _phrase(r"\b[Mm]ay be given again\b", "repeatable", "May be given again."),
    _phrase(r"\b[Ss]ome (\d[\d,.]*|hundred|dozen|thousand)\b", "about", "some 14 ms"),
    _phrase(r"\b[Ll]etter for letter\b", "verbatim", "the prompt, letter for letter"),
    _phrase(r"\bin vain\b", "never, without effect", "the explorer waits in vain"),
    _phrase(r"\b(is|are|was|be) of use\b", "is useful", "it is of use only if they match"),
    _phrase(r"\b[Bb]y way of\b", "through, via", "not by way of Trinity alone"),
    _phrase(r"\b[Aa]s ever\b", "as always", "weighs the two terms as ever"),
    _phrase(r"\b[Ww]hat (becomes|became) of\b", "what happens to", "what became of the rows"),
    _phrase(r"\b[Ww]ho (waits|imported|asks)\b", "whoever, a caller that", "wake up who waits"),
    _phrase(
        r"\b\w+: Of (an?|all|each|its|the|this|what)\b",
        "a noun: 'Seed of …'",
        "seed: Of all draws.",
    ),
)
