"""Makes an SFT set and an RL set that share no problem, and the manifest of how they were made."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trinity_chord.data.draw import Drawn, Pool, draw, pool
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.files import write_json
from trinity_chord.data.inputs import Input, check_without, open_inputs
from trinity_chord.data.place import Place
from trinity_chord.data.scan import OnProgress, scan
from trinity_chord.data.settings import Settings
from trinity_chord.data.source import Source
from trinity_chord.data.target import MANIFEST, finished, fresh, publish, work_folder
from trinity_chord.data.write import write_sets

LAYOUT = 1  # increase it when the meaning of the manifest or of a column changes
PACKAGES = ("trinity-chord", "datasets", "pyarrow", "transformers", "tokenizers")


@dataclass(frozen=True)
class Prepared:
    """A prepared set.

    Attributes:
        manifest: Its manifest.
        made_now: Whether this call made it; otherwise an earlier one with the same arguments did.
    """

    manifest: dict[str, Any]
    made_now: bool


def prepare(settings: Settings, console: Console) -> Prepared:
    """Make `sft/train.jsonl`, `rl/train.jsonl` and `manifest.json` in a folder, all or nothing.

    The sources are read twice: first to examine each row, then to write the drawn ones. Memory
    grows by a few hundred bytes per row of the source.

    Args:
        settings: What to make.
        console: Where progress is shown.

    Raises:
        PrepareError: The arguments, the sources or the folder do not allow it; nothing was written.
    """
    check_without(settings)
    existing = finished(settings.out, settings.as_dict())
    if existing is not None:
        _check_unchanged(existing, settings.out)
        return Prepared(existing, made_now=False)
    inputs = open_inputs(settings)
    sources = [_source_record(opened) for opened in inputs]
    identity = {"layout": LAYOUT, "arguments": settings.as_dict(), "sources": sources}
    identity |= {"tokenizer": _tokenizer(inputs), "decontamination": _evaluation_sets(inputs)}
    identity |= {"versions": _versions()}
    with work_folder(settings.out, identity) as work:
        pools = _pools(inputs, work, console)
        drawn = draw(pools, {"sft": settings.sft, "rl": settings.rl}, settings.seed)
        made = fresh(work / "set")
        with _progress(console, "Writing", sum(len(d.rows) for d in drawn.values())) as on_progress:
            outputs = write_sets(made, inputs, drawn, settings.seed, on_progress)
        manifest = _manifest(identity, settings, pools, drawn, outputs)
        write_json(made / MANIFEST, manifest)
        publish(made, settings.out)
    return Prepared(manifest, made_now=True)


def _check_unchanged(manifest: dict[str, Any], out: Path) -> None:
    """Raise an error if a local source exists and differs from what the set was made from."""
    changed = [
        f"source {used['path']!r} has changed since"
        for used in manifest["sources"]
        if used["revision"] is None and Path(used["path"]).exists()
        if Source(Place(used["path"], used["split"], used["subset"])).fingerprint() != used["files"]
    ]
    if changed:
        raise PrepareError.from_problems(
            f"`--out`: {out} holds a set prepared with the same arguments from other data",
            changed,
            "Nothing was written. Give another folder, or remove this one.",
        )


def _pools(inputs: list[Input], work: Path, console: Console) -> list[Pool]:
    pools = []
    for number, opened in enumerate(inputs):
        rows = sum(opened.source.counts)
        with _progress(console, f"Reading {opened.source.place.path}", rows) as on_progress:
            candidates = scan(opened, work / f"scan-{number}.jsonl", on_progress)
        pools.append(pool(opened, candidates))
    return pools


@contextmanager
def _progress(console: Console, what: str, total: int) -> Iterator[OnProgress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(what, total=total)
        yield lambda rows: progress.advance(task, rows)


def _manifest(
    identity: dict[str, Any],
    settings: Settings,
    pools: list[Pool],
    drawn: dict[str, Drawn],
    outputs: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    filters = [
        {
            "source": found.opened.source.place.path,
            "sets": list(found.opened.sets),
            "steps": found.steps,
            "counts": found.counts,
            "own_steps": {name: d.steps[number] for name, d in drawn.items() if number in d.steps},
        }
        for number, found in enumerate(pools)
    ]
    draws = {
        name: {
            "wanted": getattr(settings, name),
            "available": found.available,
            "rows": len(found.rows),
        }
        for name, found in drawn.items()
    }
    return {
        **identity,
        "seed": settings.seed,
        "filters": filters,
        "contaminated": [match for found in pools for match in found.contaminated],
        "draws": draws,
        "outputs": outputs,
    }


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _source_record(opened: Input) -> dict[str, Any]:
    source = opened.source
    return {
        "path": source.place.path,
        "split": source.place.split,
        "subset": source.place.subset,
        "revision": source.revision,
        "rows": sum(source.counts),
        "columns_read": opened.adapter.columns(),
        "files": source.fingerprint(),
    }


def _tokenizer(inputs: list[Input]) -> dict[str, Any] | None:
    counter = inputs[0].adapter.context.counter
    return {"path": counter.path, "sha256": counter.sha256} if counter else None


def _evaluation_sets(inputs: list[Input]) -> dict[str, Any] | None:
    decontaminator = inputs[0].adapter.context.decontaminator
    if decontaminator is None:
        return None
    return {"ngram": decontaminator.ngram, "sets": decontaminator.sets}
