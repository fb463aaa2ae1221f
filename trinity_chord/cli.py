"""The command line: `trinity-chord`."""

from __future__ import annotations

import errno
import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from trinity_chord.data.command import prepare_app
from trinity_chord.doctor.command import doctor
from trinity_chord.errors import ChordError
from trinity_chord.evaluation.command import eval_app
from trinity_chord.init.command import init
from trinity_chord.migrate.command import migrate
from trinity_chord.recipes.command import recipes
from trinity_chord.report.command import report

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.launch.check import CheckReport

CANNOT_RUN = 2


class ChordGroup(TyperGroup):
    """Print a `ChordError`, or an error of a file, as a message and exit with 2.

    Any other exception is a defect and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command of a context."""
        try:
            return super().invoke(ctx)
        except ChordError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(CANNOT_RUN) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError) or not _is_about_a_file(error):
                raise
            typer.echo(f"{error.filename or 'writing'}: {error.strerror}", err=True)
            raise typer.Exit(CANNOT_RUN) from error


def _is_about_a_file(error: OSError) -> bool:
    """Return whether an error is one of the user's files or disk."""
    return error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


app = typer.Typer(
    cls=ChordGroup,
    help="Train a language model on its own rollouts and an expert's answers at once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from trinity_chord import __version__

        typer.echo(f"trinity-chord {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options before the command."""


app.add_typer(eval_app, name="eval")
app.add_typer(prepare_app, name="prepare")
app.command()(doctor)
app.command()(init)
app.command()(migrate)
app.command()(recipes)
app.command()(report)

ConfigFile = Annotated[Path, typer.Argument(help="A Trinity configuration (YAML).")]
Overrides = Annotated[
    list[str],
    typer.Option("--set", help="Override a value: dotted.key=value. Can be repeated."),
]


class RayChoice(str, Enum):
    """The Ray that a run uses."""

    auto = "auto"
    own = "own"


@app.command()
def run(
    config: ConfigFile,
    overrides: Overrides = [],  # noqa: B006  (typer reads the default)
    ray: Annotated[
        RayChoice,
        typer.Option(help="auto: the running Ray, or a new one if none runs; own: a new one."),
    ] = RayChoice.auto,
    stall_minutes: Annotated[
        float,
        typer.Option(
            min=0,
            help="Stop after so many minutes without a rollout, step or checkpoint; 0: never.",
        ),
    ] = 120.0,
) -> None:
    """Run a configuration with Trinity's launcher and show its progress.

    Exits with Trinity's exit code, with 2 if the configuration cannot run, with 3 if Trinity ended
    without an error before the last step, or with 4 if it made no progress and was stopped.
    """
    from trinity_chord.launch.load import load
    from trinity_chord.launch.run import run as launch

    console = Console()
    loaded = load(config, overrides)
    _check_first(loaded, console)
    raise typer.Exit(
        launch(loaded, ray=ray.value, console=console, stall_minutes=stall_minutes).code
    )


@app.command()
def check(
    config: ConfigFile,
    overrides: Overrides = [],  # noqa: B006
    nodes: Annotated[int | None, typer.Option(min=1, help="Nodes in the cluster.")] = None,
    gpus_per_node: Annotated[int | None, typer.Option(min=1, help="GPUs per node.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a configuration without Ray or a GPU. Exits with 0, or with 2 if it cannot run."""
    from trinity_chord.signals import sigterm_raises
    from trinity_chord.terminal import stdout_to_stderr

    with sigterm_raises(), stdout_to_stderr():  # Libraries print to stdout too.
        report = _check_file(config, overrides, nodes, gpus_per_node)
    if as_json:
        print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    else:
        _show(report, Console())
    raise typer.Exit(0 if report.ok else CANNOT_RUN)


@app.command()
def quickstart(
    config: Annotated[
        Path | None, typer.Option(help="A YAML to run instead of the packaged one.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for model, data and results.")] = Path(
        "runs/quickstart"
    ),
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the data, its order and the rollouts.")
    ] = 0,
    overrides: Overrides = [],  # noqa: B006
    only_prepare: Annotated[
        bool, typer.Option("--prepare", help="Only write the model and the data.")
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    base: Annotated[
        Path | None,
        typer.Option(help="With --write: your CHORD configuration, instead of the quickstart's."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--write", help="Write one runnable configuration per preset here."),
    ] = None,
) -> None:
    """List the published ways of mixing expert data into RL, each with its formula and YAML."""
    from trinity_chord.presets import PRESETS, describe, write

    if folder is not None:
        for path in write(folder, base):
            print(path)
        return
    if base is not None:
        raise typer.BadParameter("--base needs --write")
    listed = [describe(preset) for preset in PRESETS.values()]
    if as_json:
        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        _list_presets(listed, Console())


def _list_presets(listed: list[dict[str, Any]], console: Console) -> None:
    for preset in listed:
        console.print(f"[bold]{preset['name']}[/]  ({preset['level']})", highlight=False)
        for key in ("formula", "source", "needs"):
            console.print(f"  {key:8} {preset[key]}", markup=False, highlight=False)
        if preset["before"]:
            console.print(f"  stages   {preset['before']}, then this", highlight=False)
        console.print(preset["yaml"], markup=False, highlight=False)


def _check_file(
    config: Path, overrides: list[str], nodes: int | None, gpus_per_node: int | None
) -> CheckReport:
    """Check a file; one that cannot be loaded gives a report as well."""
    from trinity_chord.launch.check import CheckReport
    from trinity_chord.launch.check import check as validate
    from trinity_chord.launch.load import load

    try:
        loaded = load(config, overrides)
    except ChordError as error:
        return CheckReport(error.problems)
    return validate(loaded, nodes=nodes, gpus_per_node=gpus_per_node)


def _check_first(config: Config, console: Console) -> None:
    """Refuse a configuration before Ray starts: its keys, and all else if its cluster is known."""
    from trinity_chord.launch.check import check as validate
    from trinity_chord.launch.check import check_keys

    if config.cluster.node_num and config.cluster.gpu_per_node:
        report = validate(config, before_run=True)
    else:
        report = check_keys(config)
    if not report.ok:
        _show(report, console)
        raise typer.Exit(CANNOT_RUN)
    for warning in report.warnings:
        console.print(f"! {warning}", markup=False, highlight=False, soft_wrap=True)


def _show(report: CheckReport, console: Console) -> None:
    from trinity_chord.terminal import mark

    lines = [f"{mark('✗', 'x')} {problem}" for problem in report.problems]
    lines += [f"{mark('⚠', '!')} {warning}" for warning in report.warnings]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for title, values in report.sections():
        console.print(f"\n{title}", markup=False, highlight=False)
        for key, value in values.items():
            console.print(f"{key:>32}  {value}", markup=False, highlight=False, soft_wrap=True)
    if report.ok:
        console.print(f"{mark('✓', 'ok:')} ready to run")


def main() -> None:
    """Run the command line."""
    from trinity_chord.terminal import accept_any_text

    accept_any_text()
    app(prog_name="trinity-chord")


if __name__ == "__main__":
    main()
