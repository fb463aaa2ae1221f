"""Adaptive μ rules: μ from statistics of the whole batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean, pvariance
from typing import Any, ClassVar

from trinity_chord.objective.mu_rules import BatchFigures, MuRule, mu_rule
from trinity_chord.objective.ranges import FINITE, FRACTION, OPTIONAL_FINITE, STEPS, Choice
from trinity_chord.objective.schedules import Cosine


@mu_rule(
    "reward_threshold",
    formula="μ = min(1, max(0, τ - mean reward of the rollouts))",
    source="CHORD (arXiv 2508.11408) table 3: τ = 0.5",
    threshold=FINITE,
)
@dataclass
class RewardThreshold(MuRule):
    """Imitation as long as the policy fails: μ = max(0, τ - mean reward), at most 1.

    CHORD (arXiv 2508.11408) table 3, τ = 0.5, for rewards in [0, 1].

    Attributes:
        threshold: τ, in units of the reward.
    """

    threshold: float = 0.5
    _mean_reward: float = field(default=0.0, init=False, repr=False)

    def next(self, step: int, figures: BatchFigures) -> float:
        """Return μ of this batch."""
        self._mean_reward = fmean(figures.rewards)
        return _clip(self.threshold - self._mean_reward, 0.0, 1.0)

    def metrics(self) -> dict[str, float]:
        """Return the mean reward."""
        return {"mu/mean_reward": self._mean_reward}


@mu_rule(
    "reward_gap",
    formula="μ = clip(R_teacher - R_student, μ_min, μ_max)",
    source="requested for multi-turn tasks by a user of CHORD on ALFWorld and WebShop; no paper",
    teacher_reward=FINITE,
    student=Choice(("mean", "best")),
    mu_min=FRACTION,
    mu_max=FRACTION,
)
@dataclass
class RewardGap(MuRule):
    """Imitation in proportion to how far the policy is behind its teacher: R_teacher - R_student.

    Requested by a user of CHORD on ALFWorld and WebShop; there is no paper. With `mean` and without
    bounds it is `reward_threshold` with τ = R_teacher. With `best`, imitation ends once the policy
    solves each prompt in one of its k rollouts: from then on RL has something to reinforce.

    Attributes:
        teacher_reward: R_teacher, the reward of the expert's answers; 1 for gold trajectories.
        student: R_student: ``'mean'`` for the mean reward of the rollouts, ``'best'`` for the mean
            over prompts of the best of their rollouts.
        mu_min: The lowest μ.
        mu_max: The highest μ.
    """

    teacher_reward: float = 1.0
    student: str = "mean"
    mu_min: float = 0.0
    mu_max: float = 1.0
    _student_reward: float = field(default=0.0, init=False, repr=False)

    def next(self, step: int, figures: BatchFigures) -> float:
        """Return μ of this batch."""
        rewards = figures.best_rewards if self.student == "best" else figures.rewards
        self._student_reward = fmean(rewards)
        return _clip(self.teacher_reward - self._student_reward, self.mu_min, self.mu_max)

    def problems(self) -> list[str]:
        """Return what is wrong with the bounds of μ, an empty list if nothing is."""
        return _bounds_problems(self.mu_min, self.mu_max)

    def metrics(self) -> dict[str, float]:
        """Return the student's reward."""
        return {"mu/student_reward": self._student_reward}


@mu_rule(
    "entropy_target",
    formula="μ ← clip(μ + η_H·(H* - H), μ_min, μ_max)",
    source="AMFT (arXiv 2508.06944), without its meta-gradient",
    target=OPTIONAL_FINITE,
    rate=FINITE,
    initial=FRACTION,
    mu_min=FRACTION,
    mu_max=FRACTION,
)
@dataclass
class EntropyTarget(MuRule):
    """More imitation while the policy's entropy is too low, less while it is too high.

    AMFT (arXiv 2508.06944) moves μ by η_μ·∂U/∂μ + η_H·(H* - H). The meta-gradient ∂U/∂μ of a
    held-out utility needs the gradients of both losses, which are unknown when a batch is
    assembled; it is left out, and this is the entropy term alone. H is estimated from the
    rollouts' tokens (`BatchFigures.entropy`) and used for the step that trains on them. The
    defaults are those of AMFT's public code.

    Attributes:
        target: H* in nats per token; None for the entropy of the first batch.
        rate: η_H, per nat.
        initial: μ before the first step.
        mu_min: The lowest μ.
        mu_max: The highest μ.
    """

    target: float | None = None
    rate: float = 5e-4
    initial: float = 0.5
    mu_min: float = 0.05
    mu_max: float = 0.95
    _mu: float = field(init=False, repr=False)
    _target: float | None = field(init=False, repr=False)
    _entropy: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        self._mu, self._target = self.initial, self.target

    def next(self, step: int, figures: BatchFigures) -> float:
        """Return μ, moved by this batch's distance from the target entropy.

        Raises:
            ValueError: The rollouts have no log-probabilities.
        """
        if figures.entropy is None:
            raise ValueError("μ schedule 'entropy_target' needs log-probabilities of the rollouts")
        self._entropy = figures.entropy
        if self._target is None:
            self._target = figures.entropy
        moved = self._mu + self.rate * (self._target - figures.entropy)
        self._mu = _clip(moved, self.mu_min, self.mu_max)
        return self._mu

    def problems(self) -> list[str]:
        """Return what is wrong with the bounds of μ, an empty list if nothing is."""
        return _bounds_problems(self.mu_min, self.mu_max)

    def metrics(self) -> dict[str, float]:
        """Return the entropy and its target."""
        target = {} if self._target is None else {"mu/target_entropy": self._target}
        return {"mu/entropy": self._entropy, **target}

    def state_dict(self) -> dict[str, Any]:
        """Return μ and H*."""
        return {"mu": self._mu, "target": self._target}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume with a checkpoint's μ, and with its H* if no ``target`` is given."""
        self._mu = state["mu"]
        self._target = state["target"] if self.target is None else self.target


@mu_rule(
    "gac",
    formula="μ = clip((1-λ)·(αΔg² + σ_r²)/(Δg² + σ_s² + σ_r²) + λ·cosine(s), μ_min, μ_max)",
    source="GAC (arXiv 2605.26184), with a plain variance and statistics of two batches",
    alpha=FRACTION,
    ema=FRACTION,
    prior_weight=FRACTION,
    decay_steps=STEPS,
    mu_min=FRACTION,
    mu_max=FRACTION,
)
@dataclass
class GAC(MuRule):
    """The noise-aware μ of GAC (arXiv 2605.26184): the noisier gradient gets less weight.

    With the gradients' noise σ² and their disagreement Δg²::

        μ* = (α·Δg² + σ_r²) / (Δg² + σ_s² + σ_r²)
        μ(s) = clip((1-λ)·μ* + λ·cosine(s), μ_min, μ_max)

    μ* minimizes (μ-α)²·Δg² + (1-μ)²·σ_r² + μ²·σ_s², a bound on the squared error against the
    gradient at α between RL's (0) and imitation's (1). The three statistics are the paper's
    proxies, each smoothed from its first value on: x ← ema·x + (1-ema)·(new x).

    - σ_r²: variance of the rollouts' advantages.
    - σ_s²: variance over expert rows of a row's mean -log π_θ. The paper trims 10 % of the rows;
      the loss only returns sums, so this is the plain variance.
    - Δg²: mean over the rollouts of (w - A)², the mismatch of the factors of ∇log π in the two
      losses, with a rollout's advantage A and the mean token weight w of the expert rows.
      Rollouts and expert rows answer different prompts, so the rows cannot be paired.

    σ_s² and w are those of the previous step; at the first step, μ is the cosine. The cosine goes
    from μ_max to μ_min over ``decay_steps``. The change of μ from step to step is not limited.

    Attributes:
        alpha: α, in [0, 1].
        ema: How much of the smoothed statistics a step keeps, in [0, 1].
        prior_weight: λ, in [0, 1].
        decay_steps: Steps of the cosine.
        mu_min: The lowest μ.
        mu_max: The highest μ.
    """

    needs_feedback: ClassVar[bool] = True

    alpha: float = 0.5
    ema: float = 0.99
    prior_weight: float = 0.5
    decay_steps: int = 200
    mu_min: float = 0.05
    mu_max: float = 0.9
    _smooth: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _terms: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def next(self, step: int, figures: BatchFigures) -> float:
        """Return μ of a step, from its rollouts and the expert rows of the previous step."""
        self._observe(figures)
        prior = Cosine(self.decay_steps, peak=self.mu_max, valley=self.mu_min)(step)
        self._terms = {"prior": prior}
        mu = prior
        if "sigma_s2" in self._smooth:
            self._terms["noise_aware"] = self._noise_aware()
            mu += (1 - self.prior_weight) * (self._terms["noise_aware"] - prior)
        return _clip(mu, self.mu_min, self.mu_max)

    def _observe(self, figures: BatchFigures) -> None:
        self._keep("sigma_r2", pvariance(figures.advantages))
        experts = figures.previous_experts
        if experts is not None:
            self._keep("sigma_s2", experts.nll_variance)
            mismatch = fmean((experts.token_weight - a) ** 2 for a in figures.advantages)
            self._keep("delta_g2", mismatch)

    def _keep(self, name: str, value: float) -> None:
        self._smooth[name] = self.ema * self._smooth.get(name, value) + (1 - self.ema) * value

    def _noise_aware(self) -> float:
        sigma_r2, sigma_s2, delta_g2 = (
            self._smooth[name] for name in ("sigma_r2", "sigma_s2", "delta_g2")
        )
        total = delta_g2 + sigma_s2 + sigma_r2
        # Without noise and disagreement every μ is equally good.
        return (self.alpha * delta_g2 + sigma_r2) / total if total > 0 else self.alpha

    def problems(self) -> list[str]:
        """Return what is wrong with the bounds of μ, an empty list if nothing is."""
        return _bounds_problems(self.mu_min, self.mu_max)

    def metrics(self) -> dict[str, float]:
        """Return the smoothed statistics, the cosine and, after the first step, μ*."""
        return {f"mu/{name}": value for name, value in {**self._smooth, **self._terms}.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the smoothed statistics."""
        return dict(self._smooth)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume with the smoothed statistics of a checkpoint."""
        self._smooth = dict(state)


def _clip(value: float, low: float, high: float) -> float:
    """Return ``value`` within [``low``, ``high``]; NaN stays NaN."""
    if value < low:
        return low
    return high if value > high else value


def _bounds_problems(mu_min: float, mu_max: float) -> list[str]:
    if mu_min <= mu_max:
        return []
    return [f"mu_min: got {mu_min!r}, expected at most mu_max, which is {mu_max!r}"]
