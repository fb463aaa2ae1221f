"""Migrates a file, whatever it is for."""

from __future__ import annotations

from pathlib import Path

from trinity_chord.migrate.document import MigrateError, read_text
from trinity_chord.migrate.migration import Migration
from trinity_chord.migrate.swift import migrate_command
from trinity_chord.migrate.swift_command import is_swift_command
from trinity_chord.migrate.trinity_yaml import migrate_yaml


def migrate_file(path: Path, trainer_config: Path | None = None) -> Migration:
    """Migrate a YAML for Trinity or a script that calls ms-swift.

    Args:
        path: The file.
        trainer_config: verl's settings, if `trainer.trainer_config_path` does not lead to them.

    Returns:
        The result, with what a person has to look at.

    Raises:
        MigrateError: The file cannot be migrated.
    """
    if is_swift_command(read_text(path)):
        if trainer_config is not None:
            raise MigrateError("--trainer-config: got a file, expected none for ms-swift's command")
        return migrate_command(path)
    return migrate_yaml(path, trainer_config)
