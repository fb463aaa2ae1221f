"""Sources into an SFT set and an RL set that share no problem, and the manifest that tells how."""

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
from trinity_chord.data.scan import Told, scan
from trinity_chord.data.settings import Settings
from trinity_chord.data.source import Place, Source
from trinity_chord.data.target import MANIFEST, finished, fresh, publish, work_folder
from trinity_chord.data.write import write_sets

LAYOUT = 1  # Raise it when the meaning of the manifest or of a column changes.
PACKAGES = ("trinity-chord", "datasets", "pyarrow", "transformers", "tokenizers")


@dataclass(frozen=True)
class Prepared:
    """A set that is there.

    Attributes:
        manifest: Its manifest.
        made_now: Whether this call made it; else an earlier one with the same arguments.
    """

    manifest: dict[str, Any]
    made_now: bool


def prepare(settings: Settings, console: Console) -> Prepared:
    """Makes `sft/train.jsonl`, `rl/train.jsonl` and `manifest.json` in a folder, all or nothing.

    The sources are read twice: once for what becomes of each row, once to write the drawn ones.
    Memory grows by some hundred bytes a row of the source.

    Args:
        settings: What to make.
        console: Where progress is shown.

    Raises:
        PrepareError: Arguments, sources or the folder do not allow it; nothing was written.
    """
    _check(settings)
    there = finished(settings.out, settings.as_dict())
    if there is not None:
        _check_unchanged(there, settings.out)
        return Prepared(there, made_now=False)
    inputs = open_inputs(settings)
    sources = [_told_of_source(chosen) for chosen in inputs]
    identity = {"layout": LAYOUT, "arguments": settings.as_dict(), "sources": sources}
    identity |= {"tokenizer": _tokenizer(inputs), "decontamination": _evaluation_sets(inputs)}
    identity |= {"versions": _versions()}
    with work_folder(settings.out, identity) as work:
        pools = _pools(inputs, work, console)
        drawn = draw(pools, {"sft": settings.sft, "rl": settings.rl}, settings.seed)
        made = fresh(work / "set")
        with _progress(console, "Writing", sum(len(d.rows) for d in drawn.values())) as told:
            outputs = write_sets(made, inputs, drawn, settings.seed, told)
        manifest = _manifest(identity, settings, pools, drawn, outputs)
        write_json(made / MANIFEST, manifest)
        publish(made, settings.out)
    return Prepared(manifest, made_now=True)


def _check(settings: Settings) -> None:
    check_without(settings.recipe, settings.without)
    if not (settings.sft or settings.rl):
        raise PrepareError("--sft and --rl are both 0: there is no set to make.")


def _check_unchanged(manifest: dict[str, Any], out: Path) -> None:
    """Raises where a local source is there and holds other rows than the set was made from."""
    changed = [
        f"source {told['path']!r} holds other rows now"
        for told in manifest["sources"]
        if told["revision"] is None and Path(told["path"]).exists()
        if Source(Place(told["path"], told["split"], told["subset"])).fingerprint() != told["files"]
    ]
    if changed:
        raise PrepareError.from_problems(
            f"--out is {out}, which holds a set of the same arguments",
            changed,
            "Nothing was written. Give another folder, or remove this one.",
        )


def _pools(inputs: list[Input], work: Path, console: Console) -> list[Pool]:
    pools = []
    for number, chosen in enumerate(inputs):
        rows = sum(chosen.source.counts)
        with _progress(console, f"Reading {chosen.source.place.path}", rows) as told:
            pools.append(pool(chosen, scan(chosen, work / f"scan-{number}.jsonl", told)))
    return pools


@contextmanager
def _progress(console: Console, what: str, total: int) -> Iterator[Told]:
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
            "source": found.chosen.source.place.path,
            "sets": list(found.chosen.sets),
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


def _told_of_source(chosen: Input) -> dict[str, Any]:
    source = chosen.source
    return {
        "path": source.place.path,
        "split": source.place.split,
        "subset": source.place.subset,
        "revision": source.revision,
        "rows": sum(source.counts),
        "columns_read": chosen.recipe.columns(),
        "files": source.fingerprint(),
    }


def _tokenizer(inputs: list[Input]) -> dict[str, Any] | None:
    counter = inputs[0].recipe.means.counter
    return {"path": counter.path, "sha256": counter.sha256} if counter else None


def _evaluation_sets(inputs: list[Input]) -> dict[str, Any] | None:
    decontaminator = inputs[0].recipe.means.decontaminator
    if decontaminator is None:
        return None
    return {"ngram": decontaminator.ngram, "sets": decontaminator.sets}
