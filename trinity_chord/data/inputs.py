"""Which sources a set is made from, and what each of them is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trinity_chord.data.adapters.openr1 import OpenR1Recipe
from trinity_chord.data.adapters.s1k import S1KRecipe
from trinity_chord.data.adapters.toolace import (
    PublishedExpertRecipe,
    PublishedSplitRecipe,
    ToolACERecipe,
)
from trinity_chord.data.candidates import Step
from trinity_chord.data.decontaminate import Decontaminator
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.math import LENGTH
from trinity_chord.data.recipe import DUPLICATE, IN_SFT, Means, Recipe
from trinity_chord.data.settings import Settings
from trinity_chord.data.source import Place, Source
from trinity_chord.data.tokens import TokenCounter

T = TypeVar("T")
MATH: dict[str, type[Recipe]] = {"openr1-math": OpenR1Recipe, "s1k": S1KRecipe}
RECIPES: dict[str, tuple[type[Recipe], ...]] = {
    **{name: (recipe,) for name, recipe in MATH.items()},
    "toolace": (ToolACERecipe, PublishedSplitRecipe, PublishedExpertRecipe),
}
NO_THOUGHTS = (
    "ToolACE has the right calls but no expert's thoughts: give --expert-source "
    "datajuicer/Trinity-ToolAce-SFT-split or data with its columns, or take the calls after an "
    "empty thought with --gold-sft, or make no SFT set with --sft 0."
)


@dataclass(frozen=True)
class Input:
    """A source, how its rows are read, and the sets they may go to (``sft``, ``rl``)."""

    source: Source
    recipe: Recipe
    sets: tuple[str, ...]


def all_steps(name: str) -> list[Step]:
    """Returns every step of a recipe's sources in their order, each once."""
    recipes = RECIPES[name]
    steps = [step for recipe in recipes for step in (*recipe.steps, *recipe.rules)]
    rl_steps = [step for recipe in recipes for step in recipe.rl_steps]
    return list(dict.fromkeys([*steps, DUPLICATE, *rl_steps, IN_SFT]))


def check_without(name: str, without: tuple[str, ...]) -> None:
    """Checks the names of ``--without``.

    Raises:
        PrepareError: Some are not steps that can be left out; all of them are named.
    """
    switchable = [step.name for step in all_steps(name) if step.switchable]
    unknown = [step for step in without if step not in switchable]
    if unknown:
        raise PrepareError(
            f"--without is {', '.join(unknown)}, expected one of {', '.join(switchable)} "
            f"for {name}."
        )


def open_inputs(settings: Settings) -> list[Input]:
    """Opens all that the settings name.

    Raises:
        PrepareError: Something cannot be opened or has other columns; all such things are told.
    """
    check_without(settings.recipe, settings.without)
    problems: list[str] = []

    def attempt(make: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return make(*arguments)
        except PrepareError as error:
            problems.append(str(error))
            return None

    means = Means(
        without=frozenset(settings.without),
        decontaminator=attempt(_decontaminator, settings),
        counter=attempt(_counter, settings),
        max_tokens=settings.max_tokens,
    )
    opened = [attempt(_open, *wanted, settings, means) for wanted in _wanted(settings)]
    if len(problems) == 1:
        raise PrepareError(problems[0])
    if problems:
        raise PrepareError.from_problems("nothing was prepared", problems, "Fix all of these.")
    return [made for made in opened if made is not None]


def _decontaminator(settings: Settings) -> Decontaminator | None:
    paths = settings.decontaminate
    return Decontaminator(paths, settings.ngram) if paths else None


def _counter(settings: Settings) -> TokenCounter | None:
    if settings.tokenizer is None or LENGTH.name in settings.without:
        return None
    return TokenCounter(settings.tokenizer)


def _wanted(settings: Settings) -> list[tuple[Place, tuple[str, ...]]]:
    """Returns the places to read, each with the sets that it is for."""
    wanted = tuple(name for name in ("sft", "rl") if getattr(settings, name))
    if settings.recipe != "toolace" or settings.gold_sft:
        return [(settings.source, wanted)]
    places = {"sft": settings.expert or settings.source, "rl": settings.source}
    return [(places[name], (name,)) for name in wanted]


def _open(place: Place, sets: tuple[str, ...], settings: Settings, means: Means) -> Input:
    source = Source(place)
    columns = source.columns()
    recipe = _recipe_for(columns, sets, settings)(means)
    recipe.check_columns(columns, place, _hint(columns, sets, settings))
    return Input(source, recipe, sets)


def _recipe_for(columns: Sequence[str], sets: tuple[str, ...], settings: Settings) -> type[Recipe]:
    if settings.recipe in MATH:
        return MATH[settings.recipe]
    if sets == ("sft",) and not settings.gold_sft:
        return PublishedExpertRecipe
    return PublishedSplitRecipe if "raw_system" in columns else ToolACERecipe


def _hint(columns: Sequence[str], sets: tuple[str, ...], settings: Settings) -> str:
    """Returns what to do about a source with other columns than are needed."""
    if settings.recipe == "toolace" and "sft" in sets and not settings.gold_sft:
        return NO_THOUGHTS
    fitting = [
        name
        for name, recipes in RECIPES.items()
        if name != settings.recipe and any({*r.required} <= {*columns} for r in recipes)
    ]
    looks = f"It looks like a source of `prepare {fitting[0]}`. " if fitting else ""
    return f"{looks}Give the data of `prepare {settings.recipe}` with --source."
