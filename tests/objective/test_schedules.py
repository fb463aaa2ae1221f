"""Fixed μ rules: by hand, against Trinity's, and what holds for all arguments."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trinity.algorithm.policy_loss_fn.chord_policy_loss import mu_schedule_function

from trinity_chord.objective import BatchFigures, MuSchedule, get_schedule

FRACTIONS = st.floats(0, 1)
COUNTS = st.integers(0, 50)


@st.composite
def decaying(draw, names=("linear", "cosine", "warmup_cosine")):
    """A schedule that decays, and the step at which its decay starts."""
    name = draw(st.sampled_from(names))
    start = 0 if name == "cosine" else draw(COUNTS)
    warmup = {} if name == "cosine" else {"warmup_steps": start}
    schedule = get_schedule(
        name, **warmup, decay_steps=draw(COUNTS), peak=draw(FRACTIONS), valley=draw(FRACTIONS)
    )
    return schedule, start


@st.composite
def piecewise(draw):
    steps = sorted(draw(st.sets(st.integers(0, 100), min_size=1, max_size=6)))
    return get_schedule("piecewise", points=[[step, draw(FRACTIONS)] for step in steps])


def test_warmup_cosine_by_hand():
    mu = get_schedule("warmup_cosine", warmup_steps=4, decay_steps=8, peak=0.8, valley=0.2)
    assert mu(1) == pytest.approx(0.2)  # 1/4 · 0.8
    assert mu(4) == pytest.approx(0.8)
    assert mu(8) == pytest.approx(0.5)  # halfway down
    assert mu(12) == 0.2
    assert mu(1000) == 0.2


@pytest.mark.parametrize(
    "args", [(0, 0, 0.1, 0.1), (0, 40, 0.9, 0.05), (7, 13, 0.3, 0.0), (5, 0, 0.5, 0.1)]
)
def test_warmup_cosine_is_trinitys_schedule(args):
    warmup, decay, peak, valley = args
    ours = get_schedule(
        "warmup_cosine", warmup_steps=warmup, decay_steps=decay, peak=peak, valley=valley
    )
    for step in range(1, 60):
        assert ours(step) == pytest.approx(mu_schedule_function(step, *args), abs=1e-15)


def test_linear_by_hand():
    mu = get_schedule("linear", warmup_steps=4, decay_steps=8, peak=0.8, valley=0.2)
    # 2/4 · 0.8; 0.2 + 0.6·(1 - 2/8); 0.2 + 0.6·(1 - 4/8)
    assert [mu(s) for s in (2, 6, 8)] == pytest.approx([0.4, 0.65, 0.5])
    assert (mu(4), mu(12), mu(1000)) == (pytest.approx(0.8), 0.2, 0.2)


def test_cosine_is_warmup_cosine_without_warm_up():
    cosine = get_schedule("cosine", decay_steps=30, peak=0.9, valley=0.05)
    other = get_schedule("warmup_cosine", decay_steps=30, peak=0.9, valley=0.05)
    assert [cosine(s) for s in range(40)] == [other(s) for s in range(40)]


def test_cosine_defaults_to_the_papers_numbers():
    mu = get_schedule("cosine")  # 0.9 → 0.05 over 200 steps
    assert [mu(0), mu(100), mu(200)] == pytest.approx([0.9, 0.475, 0.05])


def test_piecewise_by_hand():
    mu = get_schedule("piecewise", points=[[10, 0.2], [20, 0.6], [30, 0.6], [34, 0.0]])
    assert [mu(s) for s in (1, 10, 15, 25, 33, 34, 99)] == pytest.approx(
        [0.2, 0.2, 0.4, 0.6, 0.15, 0.0, 0.0]
    )


def test_constant_is_constant():
    assert {get_schedule("constant", value=0.3)(step) for step in (1, 10, 10**6)} == {0.3}


@given(decaying() | piecewise().map(lambda mu: (mu, 0)), st.integers(0, 200))
def test_mu_is_between_0_and_1_at_every_step(schedule, step):
    assert 0.0 <= schedule[0](step) <= 1.0


@given(decaying(), st.integers(0, 120))
def test_a_decay_is_monotone(schedule, after):
    mu, start = schedule
    direction = 1 if mu.peak >= mu.valley else -1
    assert direction * (mu(start + after) - mu(start + after + 1)) >= -1e-12


@given(decaying(("linear", "warmup_cosine")))
def test_a_warm_up_rises(schedule):
    mu, start = schedule
    values = [mu(step) for step in range(start)]
    assert values == sorted(values)


@given(piecewise())
def test_piecewise_passes_through_its_points(mu):
    for step, value in mu.points:
        assert mu(step) == value


@given(piecewise(), st.integers(0, 110))
def test_piecewise_has_no_jump(mu, step):
    slopes = [abs(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(mu.points)]
    assert abs(mu(step + 1) - mu(step)) <= max(slopes, default=0.0) + 1e-12


@given(decaying())
def test_a_schedule_is_a_rule_that_ignores_the_batch(schedule):
    mu, start = schedule
    assert isinstance(mu, MuSchedule)
    assert mu.next(start + 1, BatchFigures()) == mu(start + 1)
    assert (mu.state_dict(), mu.metrics(), mu.needs_feedback) == ({}, {}, False)


@pytest.mark.parametrize("name", ["warmup_cosine", "linear", "cosine"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"peak": 1.2}, r"peak: got 1.2, expected a number in \[0, 1\]"),
        ({"valley": -0.1}, r"valley: got -0.1"),
        ({"peak": float("nan")}, r"peak: got nan"),
        ({"peak": "0.9"}, r"peak: got '0.9'"),
        ({"decay_steps": -1}, r"decay_steps: got -1, expected a whole number of at least 0"),
        ({"decay_steps": float("inf")}, r"decay_steps: got inf"),
        ({"decay_steps": 2.5}, r"decay_steps: got 2.5"),
        ({"peak": 2, "valley": 3}, r"peak: got 2.*valley: got 3"),
    ],
)
def test_a_value_out_of_range_is_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        get_schedule(name, **arguments)


@pytest.mark.parametrize("name", ["warmup_cosine", "linear"])
def test_a_warm_up_of_half_a_step_is_refused(name):
    with pytest.raises(ValueError, match=r"warmup_steps: got 2\.5"):
        get_schedule(name, warmup_steps=2.5)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], r"points: got \[\], expected a list of \[step, μ\]"),
        ("1,2", "points: got '1,2'"),
        (0.5, "points: got 0.5"),
        ([[1, 0.5], 3], r"points\[1\]: got 3, expected \[step, μ\]"),
        ([[1, 0.5, 2]], r"points\[0\]: got \[1, 0.5, 2\]"),
        ([[-1, 0.5]], r"points\[0\]\[0\]: got -1, expected a whole number"),
        ([[1, 0.5], [2, 1.5]], r"points\[1\]\[1\]: got 1.5, expected a number in \[0, 1\]"),
        ([[5, 0.5], [5, 0.1]], r"the steps \[5, 5\], expected each one to be above the one before"),
    ],
)
def test_wrong_points_are_named(points, message):
    with pytest.raises(ValueError, match=message):
        get_schedule("piecewise", points=points)
