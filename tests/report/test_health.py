"""Each rule warns at the step at which it starts to hold, and not before."""

import math
import re
from pathlib import Path

import pytest

from trinity_chord.report.health import RULES, WINDOW, HealthWatch, warnings_of

METRICS_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
HEALTHY = {
    "actor/loss": 0.1,
    "actor/grad_norm": 1.0,
    "actor/entropy_loss": 0.5,
    "actor/usual/reward": 0.4,
    "actor/usual/equal_groups": 0.2,
    "actor/usual/pg_clipfrac": 0.01,
    "actor/usual/tokens": 800.0,
    "actor/usual/open_rows": 80.0,
    "actor/expert/tokens": 200.0,
    "actor/expert/open_rows": 20.0,
    "actor/usual/response_length_max": 90.0,
    "actor/usual/at_response_length_max": 0.1,
    "expert_data/epoch": 1.0,
}
# What makes each rule hold, and how many steps it takes to notice.
SICK = {
    "not_finite": ({"actor/loss": math.nan}, 1),
    "entropy_collapse": ({"actor/entropy_loss": 0.04}, WINDOW),
    "entropy_spike": ({"actor/entropy_loss": 1.6}, WINDOW),
    "equal_groups": ({"actor/usual/equal_groups": 0.9}, 5),
    "expert_share": ({"actor/expert/tokens": 3000.0}, 2),
    "clipped": ({"actor/usual/pg_clipfrac": 0.3}, 4),
    "at_limit": (
        {"actor/usual/response_length_max": 100.0, "actor/usual/at_response_length_max": 0.6},
        WINDOW,
    ),
    "epochs": ({"expert_data/epoch": 3.01}, 1),
}


def observe(watch, steps, first=1, **changes):
    """Return the names of the rules that warn, by step."""
    warned = {}
    for step in range(first, first + steps):
        for warning in watch.observe({**HEALTHY, **changes, "step": step}):
            warned.setdefault(warning.rule, []).append(warning.step)
    return warned


def test_a_healthy_run_has_no_warning():
    assert observe(HealthWatch(100), 60) == {}


def test_every_rule_is_tested():
    assert set(SICK) == set(RULES)


@pytest.mark.parametrize("rule", SICK)
def test_a_rule_warns_once_while_it_holds(rule):
    changes, noticed_after = SICK[rule]
    watch = HealthWatch(100)
    observe(watch, 20)
    assert observe(watch, 10, first=21, **changes) == {rule: [20 + noticed_after]}


def test_a_rule_warns_again_after_it_stopped_to_hold():
    watch = HealthWatch(100)
    many = {"actor/usual/pg_clipfrac": 0.3}
    assert observe(watch, 10, **many) == {"clipped": [WINDOW]}
    assert observe(watch, 10, first=11) == {}
    assert set(observe(watch, 10, first=21, **many)) == {"clipped"}


def test_one_unusual_step_is_not_reported():
    watch = HealthWatch(100)
    observe(watch, 20)
    assert observe(watch, 1, first=21, **{"actor/entropy_loss": 1.6}) == {}
    assert observe(watch, 20, first=22) == {}


def test_the_expert_data_is_reported_in_its_4th_8th_and_16th_epoch():
    watch = HealthWatch()
    passes = {1: 3.0, 2: 3.5, 3: 4.0, 4: 6.9, 5: 7.1, 6: 12.0, 7: 15.2}
    warned = {
        step: warning.found
        for step, epoch in passes.items()
        for warning in watch.observe({"step": step, "expert_data/epoch": epoch})
    }
    assert {step: int(re.search(r"(\d+)th", text)[1]) for step, text in warned.items()} == {
        2: 4,
        5: 8,
        7: 16,
    }


def test_without_a_known_limit_long_responses_are_not_reported():
    changes = {"actor/usual/at_response_length_max": 1.0}
    assert observe(HealthWatch(None), 20, **changes) == {}


def test_metrics_that_a_run_lacks_cause_no_warning():
    watch = HealthWatch(100)
    assert [w for step in range(1, 20) for w in watch.observe({"step": step})] == []


def test_a_warning_says_what_was_found_and_what_to_try():
    watch = HealthWatch()
    (warning,) = watch.observe({"step": 3, "actor/loss": math.nan})
    assert str(warning) == (
        "step 3: `actor/loss` is not a number. Stop the run. Try a lower "
        "`algorithm.optimizer.lr`, and look for the step in the log."
    )


def test_a_finished_run_has_the_warnings_that_it_had_while_it_ran():
    clipped = {step: 0.3 if step > 10 else 0.0 for step in range(1, 21)}
    (warning,) = warnings_of({"actor/usual/pg_clipfrac": clipped, "eval/set/score/mean": {0: 0.5}})
    assert (warning.rule, warning.step) == ("clipped", 14)


@pytest.mark.parametrize("rule", RULES)
def test_the_page_about_metrics_names_every_rule(rule):
    assert f"`{rule}`" in METRICS_PAGE.read_text(encoding="utf-8")
