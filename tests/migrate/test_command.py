"""The command `trinity-chord migrate`."""

import pytest
from typer.testing import CliRunner

from tests.migrate.public import PUBLIC
from trinity_chord.cli import app


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(PUBLIC["mix_chord of 0.2.1"])
    return path


def migrate(*arguments):
    return CliRunner().invoke(app, ["migrate", *map(str, arguments)])


def test_each_changed_line_is_shown_with_its_reason(old):
    result = migrate(old)
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    line = shown.index("-     engine_type: vllm_async")
    assert shown[line + 1] == "+     engine_type: vllm"
    assert shown[line + 2] == "    why: the two vLLM engines are one since 0.4"
    assert "`buffer.batch_size`: got 40, but it is 32" in result.stdout
    assert "trainer_config_path`: got 'examples/trainer.yaml'" in result.stdout


def test_without_out_nothing_is_written(old):
    assert "Nothing was written" in migrate(old).stdout
    assert list(old.parent.iterdir()) == [old]


def test_out_is_written_and_the_file_is_kept(old):
    out = old.parent / "new" / "chord.yaml"
    assert f"trinity-chord check {out}" in migrate(old, "--out", out).stdout
    assert "trinity_chord.CHORDAlgorithm" in out.read_text()
    assert old.read_text() == PUBLIC["mix_chord of 0.2.1"]


def test_a_file_that_exists_is_not_replaced(old):
    result = migrate(old, "--out", old)
    assert result.exit_code == 2
    assert "which exists, expected a new file" in result.stderr
    assert old.read_text() == PUBLIC["mix_chord of 0.2.1"]


def test_a_missing_file_is_a_message_that_names_its_neighbors(old):
    result = migrate(old.parent / "odl.yaml")
    assert result.exit_code == 2
    assert "odl.yaml does not exist" in result.stderr
    assert "old.yaml" in result.stderr
