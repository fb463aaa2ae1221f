"""Every command, option and metric of the code is in the reference."""

import re
import shutil
from pathlib import Path

import pytest

from tests.plugin.test_metric_names import ALL_METRICS
from tools.command_tables import PAGE, commands, parameter_name, write

ROOT = Path(__file__).parents[2]
COMMANDS = dict(commands())
METRICS_PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")


def section_of(name):
    """The part of the page about a command."""
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    parts = re.split(r"^### `(trinity-chord [^`]*)`$", page, flags=re.MULTILINE)
    (text,) = (
        text
        for head, text in zip(parts[1::2], parts[2::2], strict=True)
        if re.fullmatch(rf"{name}( [A-Z]+(\.\.\.)?)*", head)
    )
    return text


def test_the_page_of_the_commands_is_up_to_date(tmp_path):
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / PAGE, tmp_path / PAGE)
    write(tmp_path)
    assert (tmp_path / PAGE).read_text() == (ROOT / PAGE).read_text(), "run `make generate`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_of_a_command_has_a_meaning(name):
    rows = dict(re.findall(r"^\| `([^`]+)` \| [^|]* \| (.+) \|$", section_of(name), re.MULTILINE))
    assert set(rows) == {parameter_name(each) for each in COMMANDS[name].params}


def test_all_commands_of_the_first_table_exist():
    table = (ROOT / PAGE).read_text(encoding="utf-8").split("## ")[0]
    first = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert named == {name.split()[1] for name in COMMANDS}


@pytest.mark.parametrize("name", sorted(ALL_METRICS))
def test_every_metric_is_explained(name):
    written = re.sub(r"prob_hist/0\.\d\d", "prob_hist/0.00", name)
    assert f"`{written}`" in METRICS_PAGE
