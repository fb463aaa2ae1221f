"""`trinity-chord prepare`: one command per public source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trinity_chord.bfcl_package import VARIABLE
from trinity_chord.data.adapters import PUBLIC_SOURCES, geometry3k
from trinity_chord.data.adapters.toolace import EXPERT_HUB_ID
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.place import Place
from trinity_chord.data.public_source import PublicSource
from trinity_chord.data.settings import MAX_TOKENS, NGRAM, Settings

prepare_app = typer.Typer(
    help="Make an SFT set, an RL set and their manifest from a public source.",
    no_args_is_help=True,
)
STOPPED = 130  # the exit code of a shell after Ctrl-C
RESUME = "run the same command again to resume"
POLICY = "Qwen/Qwen2.5-7B-Instruct"
SEED = 42

Out = Annotated[Path, typer.Option(help="Folder of the set. Never overwritten.")]
SourcePath = Annotated[str, typer.Option(help="Source: hub id, folder or file.")]
Split = Annotated[str, typer.Option(help="Split of the source.")]
Subset = Annotated[str | None, typer.Option(help="Subset (configuration) of the source.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub source.")]
Sft = Annotated[int, typer.Option(min=0, help="Maximum rows of the SFT set. 0: no SFT set.")]
Rl = Annotated[int, typer.Option(min=0, help="Maximum rows of the RL set. 0: no RL set.")]
Tokenizer = Annotated[
    str, typer.Option(envvar="TRINITY_MODEL_PATH", help="The policy: folder or hub id.")
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Maximum tokens of an answer.")]
Seed = Annotated[int, typer.Option(help="Seed of the draw and of the order.")]
Without = Annotated[
    list[str], typer.Option("--without", help="Leave out the step of this name. Repeatable.")
]
Decontaminate = Annotated[
    list[str], typer.Option(help="File or folder of evaluation problems. Repeatable.")
]
Ngram = Annotated[int, typer.Option(min=1, help="Consecutive words that count as an overlap.")]
ExpertSource = Annotated[
    str, typer.Option(help="Tasks with the expert's messages: hub id, folder or file.")
]
GoldSft = Annotated[
    bool,
    typer.Option("--gold-sft", help="SFT answers: the source's calls after an empty thought."),
]


def _add_command(public: PublicSource) -> None:
    """Add the command of a public source that has no options of its own."""

    @prepare_app.command(public.name, help=public.summary, epilog=_steps(public))
    def command(
        out: Out,
        source: SourcePath = public.hub_id,
        split: Split = "train",
        subset: Subset = None,
        revision: Revision = None,
        tokenizer: Tokenizer = POLICY,
        max_tokens: MaxTokens = MAX_TOKENS,
        sft: Sft = public.sft,
        rl: Rl = public.rl,
        seed: Seed = SEED,
        without: Without = [],  # noqa: B006  (typer reads the default)
        decontaminate: Decontaminate = [],  # noqa: B006
        ngram: Ngram = NGRAM,
    ) -> None:
        with _resumable(out):
            settings = Settings(
                recipe=public.name,
                out=out,
                source=Place(source, split, subset, revision),
                sft=sft,
                rl=rl,
                seed=seed,
                without=tuple(without),
                tokenizer=tokenizer,
                max_tokens=max_tokens,
                decontaminate=tuple(decontaminate),
                ngram=ngram,
            )
            _prepare(settings)


def _add_toolace(public: PublicSource) -> None:
    """Add the command of ToolACE, whose expert answers have a source of their own."""

    @prepare_app.command(public.name, help=public.summary, epilog=_steps(public))
    def command(
        out: Out,
        source: SourcePath = public.hub_id,
        expert_source: ExpertSource = EXPERT_HUB_ID,
        gold_sft: GoldSft = False,
        split: Split = "train",
        subset: Subset = None,
        revision: Revision = None,
        sft: Sft = public.sft,
        rl: Rl = public.rl,
        seed: Seed = SEED,
        without: Without = [],  # noqa: B006
        decontaminate: Decontaminate = [],  # noqa: B006
        ngram: Ngram = NGRAM,
    ) -> None:
        with _resumable(out):
            settings = Settings(
                recipe=public.name,
                out=out,
                source=Place(source, split, subset, revision),
                expert=Place(expert_source),
                sft=sft,
                rl=rl,
                seed=seed,
                without=tuple(without),
                decontaminate=tuple(decontaminate),
                ngram=ngram,
                gold_sft=gold_sft,
            )
            _prepare(settings)


@prepare_app.command("bfcl-multi-turn")
def bfcl_multi_turn(
    out: Out,
    sft: Annotated[int, typer.Option(min=0, help="Scenarios of the SFT set.")] = 80,
    rl: Annotated[int, typer.Option(min=0, help="Scenarios of the RL set.")] = 75,
    test: Annotated[int, typer.Option(min=0, help="Scenarios that are held out.")] = 40,
    categories: Annotated[
        str | None, typer.Option(help="Comma-separated. Default: all four multi-turn ones.")
    ] = None,
    seed: Seed = SEED,
    bfcl_eval: Annotated[
        Path | None,
        typer.Option(envvar=VARIABLE, help="Folder in which bfcl-eval is installed."),
    ] = None,
) -> None:
    """Multi-turn tool use: BFCL's cases, split by scenario. No BFCL score remains to claim."""
    from rich.console import Console

    from trinity_chord.bfcl_package import find_package
    from trinity_chord.data.multi_turn import CLAIM, MultiTurnSettings, prepare_multi_turn
    from trinity_chord.data.show import show
    from trinity_chord.multi_turn.cases import MULTI_TURN_CATEGORIES
    from trinity_chord.multi_turn.simulators import Simulators

    names = tuple(name.strip() for name in categories.split(",")) if categories else None
    settings = MultiTurnSettings(out, sft, rl, test, seed, names or MULTI_TURN_CATEGORIES)
    console = Console()
    with _resumable(out), console.status("Playing the correct calls") as status:
        prepared = prepare_multi_turn(
            settings,
            Simulators(find_package(bfcl_eval), timeout=60),
            lambda done, total: status.update(f"Playing the correct calls: {done} of {total}"),
        )
    show(prepared, out, console)
    console.print(CLAIM, highlight=False)


def _add_geometry(public: PublicSource) -> None:
    """Add the command of Geometry3K, whose expert answers have a source of their own."""

    @prepare_app.command(public.name, help=public.summary, epilog=_steps(public))
    def command(
        out: Out,
        source: SourcePath = public.hub_id,
        expert_source: ExpertSource = geometry3k.EXPERT_HUB_ID,
        split: Split = "train",
        subset: Subset = None,
        revision: Revision = None,
        sft: Sft = public.sft,
        rl: Rl = public.rl,
        seed: Seed = SEED,
        without: Without = [],  # noqa: B006
        decontaminate: Decontaminate = [],  # noqa: B006
        ngram: Ngram = NGRAM,
    ) -> None:
        with _resumable(out):
            settings = Settings(
                recipe=public.name,
                out=out,
                source=Place(source, split, subset, revision),
                expert=Place(expert_source),
                sft=sft,
                rl=rl,
                seed=seed,
                without=tuple(without),
                decontaminate=tuple(decontaminate),
                ngram=ngram,
            )
            _prepare(settings)


def _steps(public: PublicSource) -> str:
    """Return the steps of a source for its help page, a paragraph each."""
    steps = public.all_steps()
    lines = [f"{step.name}{'' if step.optional else ' *'}: {step.drops}" for step in steps]
    return "\n\n".join(["Steps, and what they drop (* cannot be left out):", *lines])


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Say how to resume if the disk or Ctrl-C stops the block."""
    try:
        yield
    except OSError as error:
        raise PrepareError(f"{error}. Nothing was written to {out}; {RESUME}.") from error
    except KeyboardInterrupt:
        typer.echo(f"Stopped; {RESUME}.", err=True)
        raise typer.Exit(STOPPED) from None


def _prepare(settings: Settings) -> None:
    """Prepare a set and show the counts."""
    from rich.console import Console

    from trinity_chord.data.prepare import prepare
    from trinity_chord.data.show import show

    console = Console()
    show(prepare(settings, console), settings.out, console)


# Sources with options of their own.
ADD_COMMAND = {"toolace": _add_toolace, "geometry3k": _add_geometry}
for _source in PUBLIC_SOURCES.values():
    ADD_COMMAND.get(_source.name, _add_command)(_source)
