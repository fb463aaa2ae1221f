"""The settings of one prepared set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trinity_chord.data.errors import PrepareError
from trinity_chord.data.place import Place

NGRAM = 13
MAX_TOKENS = 8196


@dataclass(frozen=True)
class Settings:
    """The arguments of `trinity-chord prepare`.

    Attributes:
        recipe: Name of the public source, a key of `PUBLIC_SOURCES`.
        out: Folder of the set.
        source: Where the problems come from.
        expert: Where the expert's answers come from; None for ``source``.
        sft: Maximum rows of the SFT set; 0 for no SFT set.
        rl: Maximum rows of the RL set; 0 for no RL set.
        seed: Seed of the draw, the order and the choice among several answers.
        without: Names of the steps to leave out.
        tokenizer: Folder or hub id of the policy's tokenizer; None to count no tokens.
        max_tokens: Maximum tokens of an answer, at least 1.
        decontaminate: Files and folders of evaluation problems.
        ngram: Number of consecutive words that count as an overlap with an evaluation problem, at
            least 1.
        gold_sft: Whether the source's own calls, after an empty thought, become expert answers.

    Raises:
        PrepareError: A number is out of bounds, or both sets are to have 0 rows.
    """

    recipe: str
    out: Path
    source: Place
    expert: Place | None = None
    sft: int = 0
    rl: int = 0
    seed: int = 42
    without: tuple[str, ...] = ()
    tokenizer: str | None = None
    max_tokens: int = MAX_TOKENS
    decontaminate: tuple[str, ...] = ()
    ngram: int = NGRAM
    gold_sft: bool = False

    def __post_init__(self) -> None:
        bounds = {"sft": 0, "rl": 0, "max_tokens": 1, "ngram": 1}
        problems = [
            f"`--{name.replace('_', '-')}`: got {getattr(self, name)}, expected {least} or more"
            for name, least in bounds.items()
            if getattr(self, name) < least
        ]
        if self.sft == self.rl == 0:
            problems.append("`--sft`, `--rl`: got 0 for both, expected rows for at least one set")
        if problems:
            raise PrepareError.from_problems("Nothing was prepared", problems)

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets to make, of ``sft`` and ``rl``."""
        return tuple(name for name in ("sft", "rl") if getattr(self, name) > 0)

    def as_dict(self) -> dict[str, Any]:
        """Return what determines the content of the set: everything but the folder."""
        arguments = asdict(self)
        del arguments["out"]
        return {
            **arguments,
            "without": sorted(self.without),
            "decontaminate": [*self.decontaminate],
        }
