"""The public names: those that docs/stability.md promises are those that exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import trinity_chord

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
# The names on the day of the promise. Adding one is free; taking one away breaks a user's loop.
OBJECTIVE = [
    "AGGREGATION_MODES",
    "GAC",
    "GATES",
    "ROW_WEIGHTS",
    "SCHEDULES",
    "TOKEN_WEIGHTS",
    "BatchFigures",
    "Constant",
    "Cosine",
    "EntropyTarget",
    "ExpertFigures",
    "Gate",
    "Linear",
    "MuRule",
    "MuSchedule",
    "Opened",
    "Piecewise",
    "PromptRewards",
    "RewardThreshold",
    "RowStamps",
    "WarmupCosine",
    "Weight",
    "chord_loss",
    "clipped_policy_gradient",
    "expert_loss",
    "gate",
    "get_schedule",
    "keep",
    "mu_rule",
    "prompt_rewards",
    "row_normalizers",
    "row_weight",
    "split_mask",
    "stamp_rows",
    "token_weight",
    "weighted_sum",
]
TESTING = [
    "ContractError",
    "check_gate",
    "check_mu_rule",
    "check_rl_loss",
    "check_row_weight",
    "check_token_weight",
]


def test_the_page_lists_every_name_of_the_package():
    table = PAGE.split("| what | names |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(trinity_chord.__all__)


@pytest.mark.parametrize("name", trinity_chord.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(trinity_chord, name) is not None


@pytest.mark.parametrize(
    ("module", "promised"),
    [("trinity_chord.objective", OBJECTIVE), ("trinity_chord.testing", TESTING)],
)
def test_a_module_keeps_the_names_that_it_promised(module, promised):
    loaded = import_module(module)
    assert [name for name in promised if not hasattr(loaded, name)] == []


def test_the_citation_names_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == trinity_chord.__version__
    assert citation["preferred-citation"]["url"].endswith("2508.11408")


def test_the_change_log_has_the_version():
    assert f"## [{trinity_chord.__version__}]" in (ROOT / "CHANGELOG.md").read_text(
        encoding="utf-8"
    )
