"""Opens the sources that a set is made from, each with its adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trinity_chord.data.adapter import LENGTH, Adapter, Context
from trinity_chord.data.adapters import PUBLIC_SOURCES
from trinity_chord.data.decontaminate import Decontaminator
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.public_source import Part
from trinity_chord.data.settings import Settings
from trinity_chord.data.source import Source
from trinity_chord.data.tokens import TokenCounter
from trinity_chord.errors import Problems


@dataclass(frozen=True)
class Input:
    """An open source.

    Attributes:
        source: The source.
        adapter: What reads its rows.
        sets: The sets that its rows may go to, of ``sft`` and ``rl``.
    """

    source: Source
    adapter: Adapter
    sets: tuple[str, ...]


def check_without(settings: Settings) -> None:
    """Check the names of the steps to leave out.

    Raises:
        PrepareError: Some are not steps that can be left out; the message names all of them.
    """
    steps = PUBLIC_SOURCES[settings.recipe].all_steps()
    optional = [step.name for step in steps if step.optional]
    unknown = [name for name in settings.without if name not in optional]
    if unknown:
        raise PrepareError(
            f"`--without`: got {', '.join(unknown)}, expected one of {', '.join(optional)} for "
            f"{settings.recipe}"
        )


def open_inputs(settings: Settings) -> list[Input]:
    """Open everything that the settings name.

    Raises:
        PrepareError: Something cannot be opened or lacks columns; the message lists all of it.
    """
    problems = Problems()
    decontaminator = counter = None
    with problems.collect():
        decontaminator = _open_decontaminator(settings)
    with problems.collect():
        counter = _open_counter(settings)
    context = Context(
        without=frozenset(settings.without),
        decontaminator=decontaminator,
        counter=counter,
        max_tokens=settings.max_tokens,
    )
    inputs = []
    for part in PUBLIC_SOURCES[settings.recipe].parts(settings):
        with problems.collect():
            inputs.append(_open(part, settings.recipe, context))
    if problems.lines:
        raise PrepareError.from_problems("Nothing was prepared", problems.lines)
    return inputs


def _open_decontaminator(settings: Settings) -> Decontaminator | None:
    paths = settings.decontaminate
    return Decontaminator(paths, settings.ngram) if paths else None


def _open_counter(settings: Settings) -> TokenCounter | None:
    has_limit = LENGTH in PUBLIC_SOURCES[settings.recipe].all_steps()
    if settings.tokenizer is None or not has_limit or LENGTH.name in settings.without:
        return None
    return TokenCounter(settings.tokenizer)


def _open(part: Part, name: str, context: Context) -> Input:
    source = Source(part.place)
    columns = source.columns()
    adapter = part.adapter_for(columns)(context)
    adapter.check_columns(columns, part.place, part.hint or _hint(columns, name))
    return Input(source, adapter, part.sets)


def _hint(columns: Sequence[str], name: str) -> str:
    """Return what to do about a place that lacks columns of the public source ``name``."""
    fitting = [
        other
        for other, source in PUBLIC_SOURCES.items()
        if other != name and any({*each.required} <= {*columns} for each in source.adapters)
    ]
    looks = f"It looks like a source of `prepare {fitting[0]}`. " if fitting else ""
    return f"{looks}Give the data of `prepare {name}` with --source."
