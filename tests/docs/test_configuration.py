"""The key tables of docs/configuration.md are those of the typed settings."""

import re
import shutil
from pathlib import Path

import pytest

from tools.configuration_tables import PAGE, REGIONS, algorithm_types, objective_keys, write
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.sample_args import SampleArgs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    """A folder with a copy of the page."""
    (tmp_path / PAGE).parent.mkdir()
    shutil.copy(ROOT / PAGE, tmp_path / PAGE)
    return tmp_path


def rows_of(text):
    """The cells after the key, by the key, of the rows of tables."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return {row[0].strip("`"): row[1:] for row in rows if row and row[0].startswith("`")}


def test_the_page_is_up_to_date(copy):
    assert write(copy) == [copy / PAGE]
    assert (copy / PAGE).read_text() == (ROOT / PAGE).read_text(), "run `make generate`"


def test_a_stale_table_is_replaced_and_the_text_around_it_kept(copy):
    page = (copy / PAGE).read_text()
    (copy / PAGE).write_text(page.replace("| `mu_peak` |", "| `mu_peek` |"))
    write(copy)
    assert (copy / PAGE).read_text() == page


def test_the_page_has_every_region_once():
    found = re.findall(r"<!-- generated: (\w+) -->", (ROOT / PAGE).read_text())
    assert sorted(found) == sorted(REGIONS)


def test_an_unknown_region_is_an_error(copy):
    (copy / PAGE).write_text("<!-- generated: no_such -->\n<!-- end -->\n")
    with pytest.raises(KeyError, match="no_such"):
        write(copy)


def test_every_key_has_a_row():
    assert list(rows_of(objective_keys())) == list(ObjectiveArgs.model_fields)
    assert list(rows_of(REGIONS["sample_strategy_args"]())) == list(SampleArgs.model_fields)


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("mu_peak", "`0.1`; `0.9` with CHORDMu"),
        ("row_weight", "`all`; `iw_sft` with IWSFT"),
        ("token_weight", "`phi`; `sft` with CHORDMu, WeightedSFT, IWSFT; `dft` with DFT"),
        ("clip_range_low", "`0.2`"),
        ("clip_range", ""),
    ],
)
def test_a_row_shows_the_default_of_each_algorithm_type(key, default):
    assert rows_of(objective_keys())[key][1] == default


def test_the_algorithm_types_show_what_they_set():
    rows = rows_of(algorithm_types())
    assert rows["trinity_chord.CHORDMuAlgorithm"][0] == "0.9 → 0.05 over 200 steps"
    assert rows["trinity_chord.IWSFTAlgorithm"][1:] == ["`sft`", "`iw_sft`"]
    assert "trinity_chord.CHORDWithReferenceAlgorithm" not in rows
