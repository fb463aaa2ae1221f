"""Streams over small files in a temporary folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import pytest
from transformers import PreTrainedTokenizerFast

from tests.expert_data.chats import build_tokenizer, chat
from trinity_chord.cpu import activate
from trinity_chord.expert_data import ExpertSet, ExpertStream, StreamSettings

activate()


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


@pytest.fixture(scope="session")
def tokenizer_path(tokenizer, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session", autouse=True)
def _quiet_datasets(tmp_path_factory):
    """Keep ``datasets`` out of the user's folders and off the network, without progress bars."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("datasets"))
        )
        patch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False)
        datasets.disable_progress_bars()
        yield
        datasets.enable_progress_bars()


@pytest.fixture
def write(tmp_path) -> Callable[..., str]:
    """Write rows (or raw lines) as JSON lines and return the path."""

    def write_rows(rows: Iterable[dict[str, Any] | str], name: str = "train.jsonl") -> str:
        path = Path(tmp_path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("".join(line + "\n" for line in lines))
        return str(path)

    return write_rows


@pytest.fixture
def write_numbered(write) -> Callable[[int, str], str]:
    """Write rows 0 .. n-1 whose answer is their number."""
    return lambda n, name="train.jsonl": write([chat("?", str(i)) for i in range(n)], name)


@pytest.fixture
def open_stream(tokenizer_path, tmp_path) -> Callable[..., ExpertStream]:
    """Open a stream over paths (``name=path``) or sets, with a cache in the temporary folder."""

    def open_sets(sets: dict[str, str] | list[ExpertSet], **settings: Any) -> ExpertStream:
        if isinstance(sets, dict):
            sets = [ExpertSet(name=name, path=path) for name, path in sets.items()]
        settings = {"max_model_len": 1000, "cache_dir": tmp_path / "cache"} | settings
        return ExpertStream(sets, StreamSettings(tokenizer_path, **settings))

    return open_sets


@pytest.fixture
def taken() -> Callable[[list], list[tuple[str, int]]]:
    """Identify experiences by set and source row."""
    return lambda batch: [(e.info["expert_set"], e.info["expert_index"]) for e in batch]
