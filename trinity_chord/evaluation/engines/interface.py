"""What an engine is given and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sampling:
    """Sampling settings, the same for all answers.

    Attributes:
        temperature: 0 takes the most probable token.
        top_p: Sample from the smallest set of tokens with at least this total probability.
        max_tokens: Maximum tokens per answer, including the closing token.
        seed: Seed from which the seed of each answer is derived.
    """

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Request:
    """One answer to sample.

    Attributes:
        prompt: Index of its chat among the prompts.
        tokens: Token ids of the chat, generation prompt included.
        seed: Seed of this answer, 62 bits.
        max_tokens: Maximum tokens of this answer, including the closing token; at least 1.
    """

    prompt: int
    tokens: list[int]
    seed: int
    max_tokens: int


@dataclass(frozen=True)
class Sample:
    """One sampled answer.

    Attributes:
        text: The answer without special tokens.
        tokens: Number of tokens, including the closing token.
        truncated: Whether the answer was cut off before a closing token.
    """

    text: str
    tokens: int
    truncated: bool


class Engine(Protocol):
    """A loaded model."""

    def answer(self, requests: Sequence[Request]) -> list[Sample]:
        """Return one answer per request, in the order of the requests."""
