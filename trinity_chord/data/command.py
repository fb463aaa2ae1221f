"""`trinity-chord prepare`: the paper's data from public sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

prepare_app = typer.Typer(
    help="Make the SFT set, the RL set and their manifest from a public source.",
    no_args_is_help=True,
)
CANNOT_PREPARE = 2
GOES_ON = "the same command goes on where this one was"
STOPPED = 130  # As a shell tells of Ctrl-C.

Out = Annotated[Path, typer.Option(help="The folder of the set; never written over.")]
Split = Annotated[str, typer.Option(help="The split of the source.")]
Subset = Annotated[str | None, typer.Option(help="The subset (configuration) of the source.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a hub source.")]
Seed = Annotated[int, typer.Option(help="Seed of the draw, the order and the generation taken.")]
Without = Annotated[
    list[str], typer.Option("--without", help="Leave out a step by its name. May be given again.")
]
Decontaminate = Annotated[
    list[str],
    typer.Option(help="Evaluation problems: a file or a folder of files. May be given again."),
]
Ngram = Annotated[int, typer.Option(min=1, help="Words in a row that count as an overlap.")]
Sft = Annotated[int, typer.Option(min=0, help="The most rows of the SFT set; 0 for none.")]
Rl = Annotated[int, typer.Option(min=0, help="The most rows of the RL set; 0 for none.")]
SourcePath = Annotated[str, typer.Option(help="Hub id, folder or file of the source.")]
Tokenizer = Annotated[
    str, typer.Option(envvar="TRINITY_MODEL_PATH", help="Folder or hub id of the policy.")
]
MaxTokens = Annotated[int, typer.Option(min=1, help="The most tokens of a generation.")]
MATH_POLICY = "Qwen/Qwen2.5-7B-Instruct"


@prepare_app.command("openr1-math")
def openr1_math(
    out: Out,
    source: SourcePath = "open-r1/OpenR1-Math-220k",
    split: Split = "train",
    subset: Subset = None,
    revision: Revision = None,
    tokenizer: Tokenizer = MATH_POLICY,
    max_tokens: MaxTokens = 8196,
    sft: Sft = 5000,
    rl: Rl = 20000,
    seed: Seed = 42,
    without: Without = [],  # noqa: B006  (typer reads the default)
    decontaminate: Decontaminate = [],  # noqa: B006
    ngram: Ngram = 13,
) -> None:
    """Math: OpenR1-Math-220k, problems with answers of DeepSeek-R1."""
    _run("openr1-math", **locals())


@prepare_app.command("s1k")
def s1k(
    out: Out,
    source: SourcePath = "simplescaling/s1K-1.1",
    split: Split = "train",
    subset: Subset = None,
    revision: Revision = None,
    tokenizer: Tokenizer = MATH_POLICY,
    max_tokens: MaxTokens = 8196,
    sft: Sft = 200,
    rl: Rl = 100,
    seed: Seed = 42,
    without: Without = [],  # noqa: B006
    decontaminate: Decontaminate = [],  # noqa: B006
    ngram: Ngram = 13,
) -> None:
    """Math: s1K-1.1, a thousand hard problems with a thought and an answer of DeepSeek-R1."""
    _run("s1k", **locals())


@prepare_app.command("toolace")
def toolace(
    out: Out,
    source: SourcePath = "Team-ACE/ToolACE",
    expert_source: Annotated[
        str, typer.Option(help="Hub id, folder or file of tasks with the expert's messages.")
    ] = "datajuicer/Trinity-ToolAce-SFT-split",
    gold_sft: Annotated[
        bool,
        typer.Option("--gold-sft", help="SFT answers: the source's calls after an empty thought."),
    ] = False,
    split: Split = "train",
    subset: Subset = None,
    revision: Revision = None,
    sft: Sft = 500,
    rl: Rl = 5000,
    seed: Seed = 42,
    without: Without = [],  # noqa: B006
    decontaminate: Decontaminate = [],  # noqa: B006
    ngram: Ngram = 13,
) -> None:
    """Tool use: ToolACE's calling turns, or the splits that Trinity's authors published."""
    _run("toolace", **locals())


def _run(
    recipe: str,
    *,
    source: str,
    split: str,
    subset: str | None,
    revision: str | None,
    without: list[str],
    decontaminate: list[str],
    expert_source: str | None = None,
    **settings: Any,
) -> None:
    """Prepares and shows the counts, or tells in one message why not."""
    from rich.console import Console

    from trinity_chord.data.errors import PrepareError
    from trinity_chord.data.prepare import prepare
    from trinity_chord.data.settings import Settings
    from trinity_chord.data.show import show
    from trinity_chord.data.source import Place

    console = Console()
    made_by = Settings(
        recipe=recipe,
        source=Place(source, split, subset, revision),
        expert=Place(expert_source) if expert_source else None,
        without=tuple(without),
        decontaminate=tuple(decontaminate),
        **settings,
    )
    try:
        prepared = prepare(made_by, console)
    except PrepareError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CANNOT_PREPARE) from error
    except OSError as error:
        typer.echo(f"{error}. Nothing was put into {made_by.out}; {GOES_ON}.", err=True)
        raise typer.Exit(CANNOT_PREPARE) from error
    except KeyboardInterrupt:
        typer.echo(f"Stopped; {GOES_ON}.", err=True)
        raise typer.Exit(STOPPED) from None
    show(prepared, made_by.out, console)
