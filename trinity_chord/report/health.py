"""Rules of thumb that notice, from a run's metrics, what often goes wrong.

A rule looks at the metrics of the steps so far. It is reported when it starts to hold, and again
only after it has stopped to hold. The thresholds are in docs/metrics.md, next to what is healthy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean, median

# Steps over which a rule averages, so that one unusual batch is not reported.
WINDOW = 5
# Steps that a spike is compared with.
BEFORE = 20
LEAST_ENTROPY, MOST_ENTROPY = 0.1, 3.0
EQUAL_GROUPS = 0.8
TOKENS_PER_ROW = 3.0
CLIPPED = 0.2
AT_LIMIT = 0.2
FIRST_REPORTED_EPOCH = 4

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class HealthWarning:
    """Something that often goes wrong, noticed at a step.

    Attributes:
        rule: Name of the rule.
        step: The step at which it started to hold.
        found: What was found, in numbers.
        hint: What to try.
    """

    rule: str
    step: int
    found: str
    hint: str

    def __str__(self) -> str:
        """Return the warning as one line."""
        return f"step {self.step}: {self.found}. {self.hint}"


class HealthWatch:
    """Applies the rules to the metrics of one run, step by step.

    Args:
        response_limit: Most tokens of a response (`model.max_response_tokens`), if known.
    """

    def __init__(self, response_limit: int | None = None) -> None:
        self.response_limit = response_limit
        self._steps: list[Metrics] = []
        self._start: dict[str, float] = {}
        self._held: dict[str, str] = {}

    def observe(self, metrics: Metrics) -> list[HealthWarning]:
        """Take the metrics of the next step, and return what is new.

        Args:
            metrics: The trainer's metrics, including ``step``.
        """
        self._steps = [*self._steps[1 - BEFORE - WINDOW :], metrics]
        new = []
        for name, rule in RULES.items():
            found = rule.find(self)
            if found is not None and found.key != self._held.get(name):
                new.append(HealthWarning(name, int(metrics["step"]), found.text, rule.hint))
            if found is None:
                self._held.pop(name, None)
            else:
                self._held[name] = found.key
        return new

    def recent(self, name: str) -> float | None:
        """Return the mean of a metric over the last steps; None if there are too few values."""
        values = self.values(name)[-WINDOW:]
        return fmean(values) if len(values) == WINDOW else None

    def before(self, name: str) -> float | None:
        """Return the median of a metric over the steps before the last ones; None if too few."""
        values = self.values(name)[:-WINDOW]
        return median(values) if len(values) >= WINDOW else None

    def at_start(self, name: str) -> float | None:
        """Return the mean of a metric over the first steps that were observed."""
        if name not in self._start:
            values = self.values(name)
            if len(values) < WINDOW:
                return None
            self._start[name] = fmean(values[:WINDOW])
        return self._start[name]

    def values(self, name: str) -> list[float]:
        """Return the finite values of a metric in the steps that are remembered."""
        values = [metrics[name] for metrics in self._steps if name in metrics]
        return [value for value in values if math.isfinite(value)]

    def last(self, name: str) -> float | None:
        """Return a metric of the last step; None if it was not logged."""
        return self._steps[-1].get(name)


def warnings_of(
    metrics: Mapping[str, Mapping[int, float]], response_limit: int | None = None
) -> list[HealthWarning]:
    """Return what a run would have warned of.

    Args:
        metrics: The values of each metric by step.
        response_limit: Most tokens of a response, if known.
    """
    trained = {
        k: series for k, series in metrics.items() if k.startswith(("actor/", "expert_data/"))
    }
    watch = HealthWatch(response_limit)
    return [
        warning
        for step in sorted({step for series in trained.values() for step in series})
        for warning in watch.observe(
            {"step": step, **{k: series[step] for k, series in trained.items() if step in series}}
        )
    ]


@dataclass(frozen=True)
class Found:
    """What a rule found.

    Attributes:
        text: In words.
        key: A warning that holds is reported again when this changes.
    """

    text: str
    key: str = "holds"


@dataclass(frozen=True)
class Rule:
    """A rule: what it finds, and what to try then."""

    find: Callable[[HealthWatch], Found | None]
    hint: str


def _not_finite(watch: HealthWatch) -> Found | None:
    bad = [name for name in ("actor/loss", "actor/grad_norm") if not _is_finite(watch.last(name))]
    return Found(f"{' and '.join(f'`{name}`' for name in bad)} is not a number") if bad else None


def _is_finite(value: float | None) -> bool:
    return value is None or math.isfinite(value)


def _entropy_collapse(watch: HealthWatch) -> Found | None:
    now, start = watch.recent("actor/entropy_loss"), watch.at_start("actor/entropy_loss")
    if now is None or start is None or now >= LEAST_ENTROPY * start:
        return None
    return Found(f"the entropy fell from {start:.3f} to {now:.3f} nats: hardly any exploration")


def _entropy_spike(watch: HealthWatch) -> Found | None:
    now, before = watch.recent("actor/entropy_loss"), watch.before("actor/entropy_loss")
    if now is None or before is None or now <= MOST_ENTROPY * before:
        return None
    return Found(f"the entropy rose from {before:.3f} to {now:.3f} nats")


def _equal_groups(watch: HealthWatch) -> Found | None:
    share = watch.recent("actor/usual/equal_groups")
    if share is None or share < EQUAL_GROUPS:
        return None
    reward = watch.recent("actor/usual/reward")
    mean = "" if reward is None else f" (mean reward {reward:.2f})"
    return Found(f"in {share:.0%} of the groups all rewards are equal{mean}: they teach nothing")


def _expert_share(watch: HealthWatch) -> Found | None:
    tokens = _share(watch, "tokens")
    rows = _share(watch, "open_rows")
    if tokens is None or not rows or 1 / TOKENS_PER_ROW < tokens / rows < TOKENS_PER_ROW:
        return None
    return Found(f"expert rows are {rows:.0%} of the rows and {tokens:.0%} of the tokens")


def _share(watch: HealthWatch, what: str) -> float | None:
    expert, usual = (watch.recent(f"actor/{kind}/{what}") for kind in ("expert", "usual"))
    if not expert or not usual:
        return None
    return expert / (expert + usual)


def _clipped(watch: HealthWatch) -> Found | None:
    share = watch.recent("actor/usual/pg_clipfrac")
    return Found(f"{share:.0%} of the tokens are clipped") if share and share > CLIPPED else None


def _at_limit(watch: HealthWatch) -> Found | None:
    longest = watch.recent("actor/usual/response_length_max")
    share = watch.recent("actor/usual/at_response_length_max")
    limit = watch.response_limit
    if limit is None or share is None or share < AT_LIMIT or longest is None or longest < limit:
        return None
    return Found(f"{share:.0%} of the responses have the {limit:,} tokens of the limit")


def _epochs(watch: HealthWatch) -> Found | None:
    """Report the start of the 4th, 8th, 16th, ... pass over the expert data."""
    read = watch.last("expert_data/epoch")
    passes = math.ceil(read) if read is not None and math.isfinite(read) else 0
    reached = FIRST_REPORTED_EPOCH
    if passes < reached:
        return None
    while 2 * reached <= passes:
        reached *= 2
    return Found(f"the expert data is in its {passes}th epoch", key=str(reached))


RULES: dict[str, Rule] = {
    "not_finite": Rule(
        _not_finite,
        "Stop the run. Try a lower `algorithm.optimizer.lr`, and look for the step in the log.",
    ),
    "entropy_collapse": Rule(
        _entropy_collapse,
        "If the held-out score has stopped to rise too, try a lower learning rate, `token_weight: "
        "phi`, or an `entropy_coef`.",
    ),
    "entropy_spike": Rule(
        _entropy_spike,
        "Try a lower μ or `token_weight: phi`, which keeps expert tokens that the policy finds "
        "unlikely from pulling, or a lower learning rate.",
    ),
    "equal_groups": Rule(
        _equal_groups,
        "With low rewards, try easier problems, more rollouts (`algorithm.repeat_times`) or a "
        "higher μ; with high ones, harder problems. Look at some rollouts: the reward may be "
        "wrong.",
    ),
    "expert_share": Rule(
        _expert_share,
        "Each kind is averaged by itself, so the weight of the loss is still μ, but not the time "
        "and memory that a step takes: try another `expert_rows`.",
    ),
    "clipped": Rule(
        _clipped,
        "Rollouts are too old or steps too large: try `synchronizer.sync_interval: 1` or a lower "
        "learning rate.",
    ),
    "at_limit": Rule(
        _at_limit,
        "They are cut off: try a higher `model.max_response_tokens`, and shorter expert answers.",
    ),
    "epochs": Rule(
        _epochs,
        "Compare `actor/expert/loss` with the held-out score for overfitting; try more expert data "
        "or fewer `expert_rows`.",
    ),
}
