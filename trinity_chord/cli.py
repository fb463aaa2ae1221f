"""The command line: `trinity-chord`."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trinity_chord.data.command import prepare_app
from trinity_chord.evaluation.command import eval_app
from trinity_chord.recipes.command import recipes

app = typer.Typer(
    help="Train a language model on its own rollouts and an expert's answers at once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(eval_app, name="eval")
app.add_typer(prepare_app, name="prepare")
ConfigFile = Annotated[Path, typer.Argument(help="A Trinity configuration (YAML).")]
Overrides = Annotated[
    list[str], typer.Option("--set", help="Override: dotted.key=value. May be given again.")
]
CANNOT_RUN = 2
app.command()(recipes)


class RayChoice(str, Enum):
    """Which Ray a run uses."""

    auto = "auto"
    own = "own"


@app.command()
def run(
    config: ConfigFile,
    overrides: Overrides = [],  # noqa: B006  (typer reads the default)
    ray: Annotated[
        RayChoice, typer.Option(help="auto: the Ray that runs, else one of its own; own: its own.")
    ] = RayChoice.auto,
) -> None:
    """Run a configuration with Trinity's launcher and show its progress.

    Exits as Trinity does; with 2 where the configuration cannot be run, and with 3 where Trinity
    ended without an error but not all the steps were done.
    """
    from trinity_chord.launch.run import run as launch

    console = Console()
    loaded = _load(config, overrides)
    _check_first(loaded, console)
    raise typer.Exit(launch(loaded, ray=ray.value, console=console).code)


@app.command()
def check(
    config: ConfigFile,
    overrides: Overrides = [],  # noqa: B006
    nodes: Annotated[int | None, typer.Option(min=1, help="Nodes of the cluster.")] = None,
    gpus_per_node: Annotated[int | None, typer.Option(min=1, help="GPUs of each node.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a configuration without Ray or a GPU; exits with 0, or with 2 if it cannot be run."""
    from trinity_chord.launch.check import check as validate

    with redirect_stdout(sys.stderr):  # Trinity's log lines
        report = validate(_load(config, overrides), nodes=nodes, gpus_per_node=gpus_per_node)
    if as_json:
        print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    else:
        _show(report, Console())
    raise typer.Exit(0 if report.ok else CANNOT_RUN)


@app.command()
def quickstart(
    config: Annotated[Path, typer.Option(help="The quickstart's YAML.")] = Path(
        "configs/quickstart_cpu.yaml"
    ),
    out: Annotated[Path, typer.Option(help="The folder of the run.")] = Path("runs/quickstart"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of data, order and rollouts.")] = 0,
    overrides: Overrides = [],  # noqa: B006
    only_prepare: Annotated[
        bool, typer.Option("--prepare", help="Write the model and the data, and stop.")
    ] = False,
) -> None:
    """Train a small model on addition with CHORD-μ, without a GPU, in a few minutes."""
    from trinity_chord.quickstart.command import prepare
    from trinity_chord.quickstart.command import quickstart as start

    if only_prepare:
        prepare(out, seed)
        return
    raise typer.Exit(start(config, out, seed, overrides, Console()).code)


@app.command()
def presets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    base: Annotated[
        Path | None, typer.Option(help="With --write: a CHORD configuration that runs.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--write", help="Write a configuration for each preset here.")
    ] = None,
) -> None:
    """List the published ways of mixing: where each decides, its formula, source and YAML."""
    from trinity_chord.presets import PRESETS, describe, write

    if (base is None) != (folder is None):
        raise typer.BadParameter("--base and --write go together")
    if base is not None and folder is not None:
        for path in write(base, folder):
            print(path)
        return
    listed = [describe(preset) for preset in PRESETS.values()]
    if as_json:
        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        _list_presets(listed, Console())


def _list_presets(listed: list[dict[str, str]], console: Console) -> None:
    for preset in listed:
        console.print(f"[bold]{preset['name']}[/]  ({preset['level']})", highlight=False)
        for key in ("formula", "source", "needs"):
            console.print(f"  {key:8} {preset[key]}", markup=False, highlight=False)
        if preset["before"]:
            console.print(f"  after    {preset['before']}, as a stage of its own", highlight=False)
        console.print(preset["yaml"], markup=False, highlight=False)


def _load(path: Path, overrides: list[str]):
    from trinity_chord.launch.load import ConfigFileError, load

    try:
        return load(path, overrides)
    except ConfigFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CANNOT_RUN) from error


def _check_first(config, console: Console) -> None:
    """Refuses a configuration before Ray is started, where its cluster is known without Ray."""
    from trinity_chord.launch.check import check as validate

    if not (config.cluster.node_num and config.cluster.gpu_per_node):
        return
    report = validate(config, before_run=True)
    if not report.ok:
        _show(report, console)
        raise typer.Exit(CANNOT_RUN)


def _show(report, console: Console) -> None:
    for problem in report.problems:
        console.print(f"✗ {problem}", markup=False, highlight=False, soft_wrap=True)
    for title, values in report.sections():
        console.print(f"\n{title}", markup=False, highlight=False)
        for key, value in values.items():
            console.print(f"{key:>32}  {value}", markup=False, highlight=False, soft_wrap=True)
    if report.ok:
        console.print("✓ can be run")


def main() -> None:
    """Runs the command line."""
    app()


if __name__ == "__main__":
    main()
