"""What the page shows of a run: each panel, the metrics in it, and what it means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Computed by `runs` from what Trinity logs.
EXPERT_TOKEN_SHARE = "share of expert tokens"
EXPERT_ROW_SHARE = "share of expert rows"
STEP_SECONDS = "seconds between steps"
HELD_OUT = re.compile(r"^(?:eval|bench)/(?P<set>[^/]+)/(?P<score>.+)/mean(@\d+)?$")
# More curves of one run than this cannot be distinguished by their dashes.
MOST_CURVES = 4


@dataclass(frozen=True)
class Curve:
    """One line of a panel.

    Attributes:
        label: What it is called in the panel.
        metrics: The metric's name; further names serve if a run lacks the ones before.
    """

    label: str
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        key: A name for files and links.
        section: The heading under which it stands.
        title: What it shows, with the unit.
        about: What it means and what to look for.
        curves: Its lines.
    """

    key: str
    section: str
    title: str
    about: str
    curves: tuple[Curve, ...]


def _curve(label: str, *metrics: str) -> Curve:
    return Curve(label, metrics)


LEARNING, MIXING, STABILITY = "Learning", "Mixing", "Stability and speed"

PANELS = (
    Panel(
        "reward",
        LEARNING,
        "Reward of rollouts",
        "Mean over all rollouts of a step.",
        (
            _curve(
                "reward",
                "actor/usual/reward",
                "experience_pipeline/group_advantages/reward_mean/mean",
                "critic/rewards/mean",
            ),
        ),
    ),
    Panel(
        "held_out",
        LEARNING,
        "Held-out score",
        "What Trinity's evaluation measured on problems that are not trained on.",
        (),  # by `held_out_curves`
    ),
    Panel(
        "length",
        LEARNING,
        "Response length, tokens",
        "A steep rise may mean answers cut off at the limit; a fall, answers without reasoning.",
        (
            _curve("on-policy", "actor/usual/response_length", "response_length/mean"),
            _curve("expert", "actor/expert/response_length"),
        ),
    ),
    Panel(
        "entropy",
        LEARNING,
        "Entropy, nats",
        "Near 0 the policy no longer explores; a sudden rise often precedes a collapse.",
        (
            _curve("on-policy", "actor/entropy_loss"),
            _curve("expert", "actor/expert/entropy"),
        ),
    ),
    Panel(
        "mu",
        MIXING,
        "μ, weight of imitation",
        "L = (1-μ)·L_GRPO + μ·L_SFT.",
        (_curve("μ", "actor/mu"),),
    ),
    Panel(
        "losses",
        MIXING,
        "Loss terms, without μ",
        "Expert: L_SFT with its token weights. On-policy: L_GRPO, near 0 by construction.",
        (
            _curve("expert", "actor/expert/loss"),
            _curve("on-policy", "actor/usual/pg_loss", "actor/pg_loss"),
        ),
    ),
    Panel(
        "expert_share",
        MIXING,
        "Share of expert data",
        "Far more of the tokens than of the rows: expert answers are longer than rollouts.",
        (
            _curve("tokens", EXPERT_TOKEN_SHARE),
            _curve("rows", EXPERT_ROW_SHARE),
        ),
    ),
    Panel(
        "prob",
        MIXING,
        "Expert tokens: p and weight",
        "Means over expert tokens of the policy's probability and of the token weight.",
        (
            _curve("mean p", "actor/expert/prob"),
            _curve("mean weight", "actor/expert/weight"),
        ),
    ),
    Panel(
        "clip",
        STABILITY,
        "Share of clipped tokens",
        "High shares mean steps that are too large or rollouts that are too old.",
        (
            _curve("upper", "actor/usual/pg_clipfrac", "actor/pg_clipfrac"),
            _curve("dual", "actor/usual/pg_clipfrac_lower"),
        ),
    ),
    Panel(
        "grad_norm",
        STABILITY,
        "Gradient norm",
        "Of the whole step, before clipping.",
        (_curve("norm", "actor/grad_norm"),),
    ),
    Panel(
        "staleness",
        STABILITY,
        "Staleness of rollouts, steps",
        "How many weight updates the policy that wrote the rollouts is behind.",
        (
            _curve("mean", "sample/model_version_drift/mean"),
            _curve("max", "sample/model_version_drift/max"),
        ),
    ),
    Panel(
        "seconds",
        STABILITY,
        "Time of a step, seconds",
        "The difference is spent waiting for rollouts and syncing weights.",
        (
            _curve("whole step", STEP_SECONDS),
            _curve("training", "time/train_step"),
        ),
    ),
)


def panels_of(metrics: Iterable[str]) -> list[Panel]:
    """Return every panel, with the curves of the evaluations that these metrics are of.

    Args:
        metrics: The names of the metrics of all runs.
    """
    held_out = held_out_curves(metrics)
    return [
        Panel(each.key, each.section, each.title, each.about, held_out) if not each.curves else each
        for each in PANELS
    ]


def held_out_curves(metrics: Iterable[str]) -> tuple[Curve, ...]:
    """Return the curves of evaluations, those of an accuracy first."""
    matches = {name: match for name in set(metrics) if (match := HELD_OUT.match(name))}
    ordered = sorted(matches, key=lambda name: ("accuracy" not in name, "time" in name, name))
    chosen = ordered[:MOST_CURVES]
    several = len({matches[name]["set"] for name in chosen}) > 1
    return tuple(Curve(_held_out_label(matches[name], several), (name,)) for name in chosen)


def _held_out_label(match: re.Match[str], several_sets: bool) -> str:
    parts = (match["set"], match["score"]) if several_sets else (match["score"],)
    return " ".join(parts).replace("/", " ").replace("_", " ")
