"""What a set is made by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trinity_chord.data.source import Place

NGRAM = 13


@dataclass(frozen=True)
class Settings:
    """The arguments of `trinity-chord prepare`.

    Attributes:
        recipe: What the sources are: ``openr1-math``, ``toolace`` or ``s1k``.
        out: The folder of the set.
        source: Where the problems come from.
        expert: Where the expert's answers come from, where that is another place.
        sft: The most rows of the SFT set; 0 for none.
        rl: The most rows of the RL set; 0 for none.
        seed: Seed of the draw, of the order and of the generation that is taken.
        without: The names of the steps left out.
        tokenizer: Folder or hub id of the policy's tokenizer.
        max_tokens: The most tokens of a generation.
        decontaminate: Files and folders of evaluation problems.
        ngram: The words in a row that count as an overlap with an evaluation problem.
        gold_sft: Whether the source's own calls become expert answers with an empty thought.
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
    max_tokens: int = 8196
    decontaminate: tuple[str, ...] = ()
    ngram: int = NGRAM
    gold_sft: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Returns what decides the content of the set: all but the folder it is written to."""
        arguments = asdict(self)
        del arguments["out"]
        return {
            **arguments,
            "without": sorted(self.without),
            "decontaminate": [*self.decontaminate],
        }
