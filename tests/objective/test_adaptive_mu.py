"""Adaptive μ rules: by hand, against numpy, and what holds for every batch."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trinity_chord.objective import BatchFigures, ExpertFigures, get_schedule

FLOATS = st.floats(-3, 3)
EXPERTS = st.builds(
    ExpertFigures,
    nll_mean=st.floats(0, 5),
    nll_variance=st.floats(0, 5),
    token_weight=st.floats(0, 2),
)


@st.composite
def batches(draw):
    """Statistics of a few steps; as in a run, the first has no previous step."""

    def figures(experts):
        rollouts = draw(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=6))
        rewards, advantages = zip(*rollouts, strict=True)
        return BatchFigures(rewards, advantages, draw(st.floats(0, 8)), experts, rewards)

    return [figures(draw(EXPERTS) if step else None) for step in range(draw(st.integers(2, 8)))]


RULES = st.sampled_from(
    [
        ("reward_threshold", {}),
        ("reward_gap", {"student": "best", "mu_max": 0.5}),
        ("entropy_target", {"rate": 0.2}),
        ("entropy_target", {"rate": 0.2, "target": 1.0, "mu_min": 0.3}),
        ("gac", {"ema": 0.5, "decay_steps": 5}),
        ("gac", {"ema": 0.99, "prior_weight": 0.0}),
    ]
)


def run(rule, figures, start=1):
    return [rule.next(step, batch) for step, batch in enumerate(figures, start)]


def with_experts(advantages, nll_variance, token_weight):
    return BatchFigures(
        rewards=(0.0,) * len(advantages),
        advantages=advantages,
        previous_experts=ExpertFigures(1.0, nll_variance, token_weight),
    )


@pytest.mark.parametrize(
    ("rewards", "mu"), [((0, 0, 0, 0), 0.5), ((1, 0, 0, 0), 0.25), ((1, 1, 0, 0), 0.0), ((1,), 0.0)]
)
def test_reward_threshold_by_hand(rewards, mu):
    rule = get_schedule("reward_threshold")
    assert rule.next(1, BatchFigures(rewards=rewards)) == mu
    assert rule.metrics() == {"mu/mean_reward": sum(rewards) / len(rewards)}


def test_reward_threshold_is_1_if_rewards_are_far_below_the_threshold():
    rule = get_schedule("reward_threshold", threshold=0.7)
    assert rule.next(1, BatchFigures(rewards=(-1.0, -1.0))) == 1.0  # 0.7 - (-1) = 1.7


@pytest.mark.parametrize(
    ("arguments", "mu"),
    [
        ({}, 0.75),  # 1 - 1/4
        ({"teacher_reward": 0.5}, 0.25),
        ({"student": "best"}, 0.5),  # two prompts, one of them solved once: 1 - 1/2
        ({"mu_max": 0.6}, 0.6),
        ({"teacher_reward": 0.0, "mu_min": 0.1}, 0.1),  # -1/4
    ],
)
def test_reward_gap_by_hand(arguments, mu):
    """Two prompts with two rollouts each: rewards 0, 1 and 0, 0."""
    rule = get_schedule("reward_gap", **arguments)
    assert rule.next(1, BatchFigures(rewards=(0, 1, 0, 0), best_rewards=(1, 0))) == mu
    best = arguments.get("student") == "best"
    assert rule.metrics() == {"mu/student_reward": 0.5 if best else 0.25}


def test_a_nan_reward_gives_a_nan_mu():
    mu = get_schedule("reward_threshold").next(1, BatchFigures(rewards=(1.0, float("nan"))))
    assert mu != mu  # refused by the stamps


def test_entropy_target_by_hand():
    rule = get_schedule("entropy_target", target=1.0, rate=0.1, initial=0.5)
    entropies = (0.0, 3.0, 1.0)  # 0.5 + 0.1·1; - 0.1·2; + 0
    mus = [rule.next(s, BatchFigures(entropy=h)) for s, h in enumerate(entropies, 1)]
    assert mus == pytest.approx([0.6, 0.4, 0.4])
    assert rule.metrics() == {"mu/entropy": 1.0, "mu/target_entropy": 1.0}


def test_entropy_target_stays_within_its_bounds():
    rule = get_schedule("entropy_target", target=1.0, rate=1.0, initial=0.5, mu_min=0.2, mu_max=0.8)
    assert [rule.next(1, BatchFigures(entropy=h)) for h in (0.0, 5.0)] == [0.8, 0.2]


def test_without_a_target_the_first_batchs_entropy_is_the_target():
    rule = get_schedule("entropy_target", rate=0.1)
    assert rule.next(1, BatchFigures(entropy=2.0)) == 0.5
    assert rule.next(2, BatchFigures(entropy=1.0)) == pytest.approx(0.6)
    assert rule.metrics()["mu/target_entropy"] == 2.0


def test_rollouts_without_log_probabilities_are_refused():
    with pytest.raises(ValueError, match="'entropy_target' needs log-probabilities"):
        get_schedule("entropy_target").next(1, BatchFigures(rewards=(1.0,)))


def test_a_given_target_overrides_that_of_a_checkpoint():
    first = get_schedule("entropy_target")
    first.next(1, BatchFigures(entropy=2.0))
    second = get_schedule("entropy_target", target=1.0, rate=0.1)
    second.load_state_dict(first.state_dict())
    assert second.next(2, BatchFigures(entropy=2.0)) == pytest.approx(0.4)


def test_gac_by_hand():
    rule = get_schedule("gac", decay_steps=4)
    rule.next(1, BatchFigures(advantages=(1.0, -1.0)))
    # σ_r² = 1, σ_s² = 1/2, Δg² = ((1-1)² + (1+1)²)/2 = 2: μ* = (2/2 + 1) / (2 + 1/2 + 1) = 4/7.
    mu = rule.next(2, with_experts((1.0, -1.0), nll_variance=0.5, token_weight=1.0))
    assert mu == pytest.approx(0.5 * 4 / 7 + 0.5 * 0.475)
    assert rule.metrics() == pytest.approx(
        {
            "mu/sigma_r2": 1.0,
            "mu/sigma_s2": 0.5,
            "mu/delta_g2": 2.0,
            "mu/prior": 0.475,
            "mu/noise_aware": 4 / 7,
        }
    )


def test_gac_is_its_prior_at_the_first_step():
    rule = get_schedule("gac", decay_steps=4)
    prior = get_schedule("cosine", decay_steps=4, peak=0.9, valley=0.05)
    assert rule.next(1, BatchFigures(advantages=(1.0, -1.0))) == pytest.approx(prior(1))
    assert rule.metrics() == pytest.approx({"mu/sigma_r2": 1.0, "mu/prior": prior(1)})


def test_gac_smooths_its_statistics():
    rule = get_schedule("gac", ema=0.75)
    rule.next(1, with_experts((1.0, -1.0), nll_variance=0.5, token_weight=1.0))
    rule.next(2, with_experts((3.0, -3.0), nll_variance=0.1, token_weight=0.0))
    seen = rule.metrics()
    assert seen["mu/sigma_r2"] == pytest.approx(0.75 * 1 + 0.25 * 9)
    assert seen["mu/sigma_s2"] == pytest.approx(0.75 * 0.5 + 0.25 * 0.1)
    assert seen["mu/delta_g2"] == pytest.approx(0.75 * 2 + 0.25 * 9)


def test_gac_without_noise_and_mismatch_is_alpha():
    rule = get_schedule("gac", alpha=0.3, prior_weight=0.0)
    figures = with_experts((1.0, 1.0), nll_variance=0.0, token_weight=1.0)
    assert rule.next(1, figures) == pytest.approx(0.3)


def test_gac_equals_numpy():
    rng = np.random.default_rng(0)
    rule = get_schedule("gac", alpha=0.2, ema=0.9, prior_weight=0.3, decay_steps=20)
    smooth = None
    for step in range(1, 31):
        advantages = rng.normal(size=8)
        nll, weight = rng.gamma(2.0, size=6), rng.random()
        new = np.array([advantages.var(), nll.var(), np.mean((weight - advantages) ** 2)])
        smooth = new if smooth is None else 0.9 * smooth + 0.1 * new
        noise_aware = (0.2 * smooth[2] + smooth[0]) / smooth.sum()
        prior = 0.05 + 0.85 * (1 + np.cos(np.pi * min(step, 20) / 20)) / 2
        expected = np.clip(0.7 * noise_aware + 0.3 * prior, 0.05, 0.9)
        found = rule.next(step, with_experts(tuple(advantages), nll.var(), weight))
        assert found == pytest.approx(expected, rel=1e-12)


@given(EXPERTS, st.lists(FLOATS, min_size=1, max_size=6), st.floats(0, 1))
def test_gacs_mu_minimizes_the_bound_on_the_error(experts, advantages, alpha):
    rule = get_schedule("gac", alpha=alpha, prior_weight=0.0, mu_min=0.0, mu_max=1.0)
    best = rule.next(1, with_experts(tuple(advantages), experts.nll_variance, experts.token_weight))
    seen = rule.metrics()

    def bound(mu):
        return (
            (mu - alpha) ** 2 * seen["mu/delta_g2"]
            + (1 - mu) ** 2 * seen["mu/sigma_r2"]
            + mu**2 * seen["mu/sigma_s2"]
        )

    assert bound(best) <= min(bound(mu) for mu in np.linspace(0, 1, 101)) + 1e-9


@given(RULES, batches())
def test_mu_is_between_0_and_1_for_every_batch(rule, figures):
    name, arguments = rule
    assert all(0.0 <= mu <= 1.0 for mu in run(get_schedule(name, **arguments), figures))


@given(RULES, batches(), st.integers(0, 8))
def test_a_rule_resumes_from_its_state_as_if_never_stopped(rule, figures, cut):
    name, arguments = rule
    whole = run(get_schedule(name, **arguments), figures)
    first, second = get_schedule(name, **arguments), get_schedule(name, **arguments)
    run(first, figures[:cut])
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert run(second, figures[cut:], start=cut + 1) == whole[cut:]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "reward_threshold",
            {"threshold": "low"},
            "threshold: got 'low', expected a finite number",
        ),
        ("reward_threshold", {"threshold": float("nan")}, "threshold: got nan"),
        ("reward_gap", {"student": "worst"}, "student: got 'worst', expected one of 'mean'"),
        ("reward_gap", {"mu_min": 1, "mu_max": 0.5}, "mu_min: got 1, expected at most mu_max"),
        ("entropy_target", {"target": "low"}, "target: got 'low', expected a finite number"),
        ("entropy_target", {"rate": None}, "rate: got None, expected a finite number"),
        ("entropy_target", {"initial": 2}, r"initial: got 2, expected a number in \[0, 1\]"),
        ("entropy_target", {"mu_max": 1.5}, r"mu_max: got 1.5, expected a number in \[0, 1\]"),
        (
            "entropy_target",
            {"mu_min": 0.9, "mu_max": 0.5},
            "mu_min: got 0.9, expected at most mu_max",
        ),
        ("gac", {"alpha": -1}, "alpha: got -1"),
        ("gac", {"ema": 1.1}, "ema: got 1.1"),
        ("gac", {"prior_weight": True}, "prior_weight: got True"),
        ("gac", {"decay_steps": 0.5}, "decay_steps: got 0.5, expected a whole number"),
        ("gac", {"ema": 2, "mu_min": 3}, "ema: got 2.*mu_min: got 3"),
    ],
)
def test_a_value_out_of_range_is_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        get_schedule(name, **arguments)
