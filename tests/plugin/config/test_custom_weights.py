"""A weight of your own is tried when the configuration is checked."""

import pytest
import torch

from tests.plugin.config.test_objective_settings import read
from trinity_chord.errors import ChordConfigError

HERE = "tests.plugin.config.test_custom_weights"
LOSS = "algorithm.policy_loss_fn_args"


def fine(logprob):
    return logprob.exp()


def fine_row(logprob, mask):
    return torch.ones_like(logprob[..., 0])


def text(logprob):
    return "0.5"


def negative(logprob):
    return logprob.exp() - 0.5


def infinite(logprob):
    return 1 / logprob.exp()


def negative_row(logprob, mask):
    return -torch.ones_like(logprob[..., 0])


def per_token(logprob):
    return logprob.exp()


@pytest.mark.parametrize(("key", "name"), [("token_weight", "fine"), ("row_weight", "fine_row")])
def test_a_weight_of_finite_numbers_is_accepted(key, name):
    settings, lines = read({key: f"{HERE}.{name}"})
    assert lines == []
    assert getattr(settings, key) == f"{HERE}.{name}"


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("token_weight", "text", "expected a tensor"),
        ("token_weight", "negative", "expected a finite number of at least 0"),
        ("token_weight", "infinite", "expected a finite number of at least 0"),
        ("row_weight", "negative_row", "expected a finite number of at least 0"),
        ("row_weight", "per_token", "got weights of shape"),
    ],
)
def test_a_weight_of_anything_else_is_refused(key, name, expected):
    _, (line,) = read({key: f"{HERE}.{name}"})
    assert line.startswith(f"`{LOSS}.{key}`: ")
    assert expected in line


def test_a_wrong_weight_stops_the_run_before_it_starts(load):
    config = load({f"{LOSS}.token_weight": f"{HERE}.negative"})
    with pytest.raises(ChordConfigError, match="at least 0"):
        config.check_and_update()
