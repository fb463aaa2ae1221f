"""A migrated file, and what `check` says of it with a tiny model and small data in its place."""

import json

import pytest

from tests.migrate.public import PUBLIC, TRAINER
from tests.tiny_model import make_model_folder
from trinity_chord.launch.check import check
from trinity_chord.launch.load import load
from trinity_chord.migrate.migrate import migrate_file

# The columns of problems and of tool calls, so that one file suits every configuration.
TASK = {"problem": "What is 1 + 1?", "answer": "2", "conversations": [], "tools": "[]"}
CHAT = [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"}]
EXPERTS = "buffer.trainer_input.auxiliary_buffers.sft_dataset.path"


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Values of `--set` that put a tiny model and small data where the files name real ones."""
    folder = tmp_path_factory.mktemp("small")
    make_model_folder(folder / "model", positions=2**15)
    for name, row in (("rl", TASK), ("sft", {"messages": CHAT})):
        (folder / name).mkdir()
        (folder / name / "train.jsonl").write_text((json.dumps(row) + "\n") * 96)
    return [
        f"model.model_path={folder / 'model'}",
        f"buffer.explorer_input.taskset.path={folder / 'rl'}",
        f"{EXPERTS}={folder / 'sft'}",
        f"checkpoint_root_dir={folder / 'checkpoints'}",
    ]


@pytest.fixture
def migrate(tmp_path):
    """Migrate a text, or one of `PUBLIC` by its name with its file of trainer settings."""

    def call(text, trainer=TRAINER):
        path = tmp_path / "old.yaml"
        path.write_text(PUBLIC.get(text, text))
        if trainer:
            (tmp_path / "trainer.yaml").write_text(trainer)
        return migrate_file(path)

    return call


@pytest.fixture
def checked(tmp_path, small):
    """Return the report of `check` on a migrated file."""

    def call(migration, overrides=()):
        path = tmp_path / "new.yaml"
        path.write_text(migration.document.text())
        return check(load(path, [*small, *overrides]))

    return call
