import pytest
from trinity.algorithm.policy_loss_fn.chord_policy_loss import mu_schedule_function

from trinity_chord.objective import get_schedule


def test_warmup_cosine_by_hand():
    mu = get_schedule("warmup_cosine", warmup_steps=4, decay_steps=8, peak=0.8, valley=0.2)
    assert mu(1) == pytest.approx(0.2)  # 1/4 · 0.8
    assert mu(4) == pytest.approx(0.8)
    assert mu(8) == pytest.approx(0.5)  # half of the way down
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


def test_constant_stays():
    assert {get_schedule("constant", value=0.3)(step) for step in (1, 10, 10**6)} == {0.3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"peak": 1.2}, r"peak is 1.2, wanted a number in \[0, 1\]"),
        ({"valley": -0.1}, r"valley is -0.1"),
        ({"peak": float("nan")}, r"peak is nan"),
        ({"peak": "0.9"}, r"peak is '0.9'"),
        ({"decay_steps": -1}, r"decay_steps is -1, wanted a whole number of steps"),
        ({"warmup_steps": 2.5}, r"warmup_steps is 2.5"),
        ({"peak": 2, "valley": 3}, r"peak is 2.*valley is 3"),
    ],
)
def test_value_out_of_range_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        get_schedule("warmup_cosine", **arguments)


def test_unknown_schedule_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'constant'"):
        get_schedule("constnat")
