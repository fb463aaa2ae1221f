"""The command `trinity-chord migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def migrate(
    file: Annotated[
        Path,
        typer.Argument(
            help="A YAML for Trinity's `mix` or `mix_chord`, or a script that calls ms-swift."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the result here; it must not exist. FILE is kept."),
    ] = None,
    trainer_config: Annotated[
        Path | None,
        typer.Option(help="The file that `trainer.trainer_config_path` names, if it is not found."),
    ] = None,
) -> None:
    """Turn a configuration for Trinity's `mix_chord` or ms-swift's CHORD into one for this package.

    Shows each changed line with its reason, the numbers that did not fit each other, and what could
    not be carried over. Nothing is written without --out.
    """
    from trinity_chord.migrate.document import MigrateError
    from trinity_chord.migrate.migrate import migrate_file
    from trinity_chord.migrate.show import show

    if out is not None and out.exists():
        raise MigrateError(f"--out: got {out}, which exists, expected a new file")
    migration = migrate_file(file, trainer_config)
    show(migration, Console())
    if out is None:
        typer.echo("\nNothing was written. Add --out FILE, then: trinity-chord check FILE")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(migration.document.text(), encoding="utf-8")
    typer.echo(f"\nWrote {out}. Next: trinity-chord check {out}")
