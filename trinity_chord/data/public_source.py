"""What a module of `adapters/` registers: one public source and how it is prepared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trinity_chord.data.adapter import DUPLICATE, IN_SFT, Adapter
from trinity_chord.data.candidates import Step
from trinity_chord.data.place import Place
from trinity_chord.data.settings import Settings


@dataclass(frozen=True)
class Part:
    """One place to read.

    Attributes:
        place: The place.
        sets: The sets that its rows may go to, of ``sft`` and ``rl``.
        adapter_for: Returns the adapter for a place with the given columns.
        hint: The next step if the place lacks columns; a general one if empty.
    """

    place: Place
    sets: tuple[str, ...]
    adapter_for: Callable[[Sequence[str]], type[Adapter]]
    hint: str = ""


@dataclass(frozen=True)
class PublicSource:
    """A public source, as `trinity-chord prepare NAME` offers it.

    Attributes:
        name: Name of the command.
        summary: Help text of the command.
        hub_id: Hub id of the data.
        sft: Default maximum rows of the SFT set.
        rl: Default maximum rows of the RL set.
        adapters: The adapters that may read its data.
        split_up: Returns the places to read for given settings. If None, there is one place for
            both sets, read by the only adapter.
    """

    name: str
    summary: str
    hub_id: str
    sft: int
    rl: int
    adapters: tuple[type[Adapter], ...]
    split_up: Callable[[Settings], list[Part]] | None = None

    def parts(self, settings: Settings) -> list[Part]:
        """Return the places to read."""
        if self.split_up is not None:
            return self.split_up(settings)
        (adapter,) = self.adapters
        return [Part(settings.source, settings.sets, lambda columns: adapter)]

    def all_steps(self) -> list[Step]:
        """Return every step and rule of the adapters in their order, each once."""
        steps = [step for each in self.adapters for step in (*each.steps, *each.rules)]
        rl_steps = [step for each in self.adapters for step in each.rl_steps]
        return list(dict.fromkeys([*steps, DUPLICATE, *rl_steps, IN_SFT]))
