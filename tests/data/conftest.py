"""Sources in a temporary folder, and `trinity-chord prepare` on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pytest
from rich.console import Console

from tests.data.sources import write_rows
from tests.tiny_model import make_tokenizer
from trinity_chord.data.place import Place
from trinity_chord.data.prepare import prepare
from trinity_chord.data.settings import Settings

QUIET = Console(quiet=True)


@pytest.fixture(scope="session")
def tokenizer_path(tmp_path_factory) -> str:
    """A tokenizer with one token per character."""
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.fixture(autouse=True, scope="session")
def _quiet_datasets(tmp_path_factory):
    """Keep ``datasets`` out of the user's cache and hide its progress bars."""
    with pytest.MonkeyPatch.context() as patch:
        cache = str(tmp_path_factory.mktemp("datasets"))
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
        datasets.disable_progress_bars()
        yield
        datasets.enable_progress_bars()


@dataclass
class Made:
    """A prepared set."""

    folder: Path
    manifest: dict[str, Any]
    made_now: bool

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name / "train.jsonl").open()]

    def dropped(self, name: str = "rl", source: int = -1) -> dict[str, int]:
        """Return the number of rows that each step dropped from a set, if any."""
        filters = self.manifest["filters"][source]
        steps = [*filters["steps"], *filters["own_steps"].get(name, [])]
        return {step["step"]: step["dropped"] for step in steps if step["dropped"]}


@pytest.fixture
def make(tmp_path, tokenizer_path) -> Callable[..., Made]:
    """Prepare rows (or a path): `make(recipe, rows, **settings)`."""

    def made(recipe: str, source: list | Path | str, **changes: Any) -> Made:
        out = Path(changes.pop("out", tmp_path / "out"))
        if isinstance(source, list):
            source = write_rows(tmp_path / "source.jsonl", source)
        asked = {"tokenizer": tokenizer_path, "sft": 3, "rl": 3} | changes
        settings = Settings(recipe=recipe, out=out, source=Place(str(source)), **asked)
        prepared = prepare(settings, QUIET)
        return Made(out, prepared.manifest, prepared.made_now)

    return made
