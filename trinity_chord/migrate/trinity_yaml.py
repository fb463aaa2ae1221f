"""Migrates a YAML for Trinity's `mix` or `mix_chord`, of any version since 0.2."""

from __future__ import annotations

from pathlib import Path

from trinity_chord.migrate.batch_numbers import migrate_batch, read_batch
from trinity_chord.migrate.document import Document
from trinity_chord.migrate.migration import Migration
from trinity_chord.migrate.objective import migrate_objective, require_mixed
from trinity_chord.migrate.trinity_keys import migrate_keys
from trinity_chord.migrate.unknown_keys import lose_unknown_keys
from trinity_chord.migrate.verl_settings import (
    find_trainer_file,
    migrate_verl,
    uses_dynamic_batches,
)

GRADIENT = (
    "Trinity's loss is a mean per micro-batch, so its gradient grew with their number; here it is "
    "that of the whole batch. Adam's steps stay nearly the same, but "
    "`algorithm.optimizer.clip_grad` and the logged gradient norm are on another scale"
)


def migrate_yaml(path: Path, trainer_config: Path | None = None) -> Migration:
    """Migrate a file.

    Args:
        path: The YAML.
        trainer_config: verl's settings, which `trainer.trainer_config_path` names in files for
            Trinity 0.2 and 0.3; looked for if None.

    Returns:
        The edits, and the document that they made.

    Raises:
        MigrateError: The file cannot be read, or is not for `mix` or `mix_chord`.
    """
    document = Document.read(path)
    require_mixed(document, str(path))
    trainer_file = find_trainer_file(document, path.parent, trainer_config)
    migration = Migration(document)
    dynamic = uses_dynamic_batches(migration, trainer_file)
    migrate_batch(migration, read_batch(document), dynamic)
    migrate_objective(migration)
    migrate_keys(migration)
    migrate_verl(migration, trainer_file)
    lose_unknown_keys(migration)
    migration.notes.append(GRADIENT)
    return migration
