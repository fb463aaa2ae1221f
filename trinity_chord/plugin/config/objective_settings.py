"""The objective of a run: `ObjectiveArgs` with the preset's values, and every name resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from trinity_chord.errors import ChordConfigError, Problems
from trinity_chord.objective import (
    AGGREGATION_MODES,
    ROW_WEIGHTS,
    TOKEN_WEIGHTS,
    Weight,
    get_schedule,
)
from trinity_chord.objective.rules import Registry
from trinity_chord.plugin.config.needs import check_needs
from trinity_chord.plugin.config.objective_args import (
    BatchClaims,
    ClipArgs,
    ObjectiveArgs,
    WarmupCosineArgs,
)
from trinity_chord.plugin.config.settings import read_settings
from trinity_chord.plugin.names import LOSS_ARGS
from trinity_chord.plugin.rl_loss import PPO, get_rl_loss

WeightT = TypeVar("WeightT", bound=Weight)


@dataclass(frozen=True)
class ObjectiveSettings:
    """The objective of a run; every name and number is checked.

    Attributes:
        token_weight: Name of the token weight.
        token_weight_args: Its arguments.
        row_weight: Name of the row weight.
        row_weight_args: Its arguments.
        rl_loss: Name of the on-policy term.
        rl_loss_args: Its arguments.
        needs: The tensors that the weights need besides log π_θ and the mask.
        mu_schedule: Name of the μ rule.
        mu_schedule_args: Its arguments.
        mu_feedback: Whether the μ rule needs figures of the expert rows from each training step.
        clips: ``clip_range_low``, ``clip_range_high`` and ``clip_ratio_c``.
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        batch_claims: Those of `mix_chord`'s batch numbers that the user gave.
    """

    token_weight: str
    token_weight_args: dict[str, Any]
    row_weight: str
    row_weight_args: dict[str, Any]
    rl_loss: str
    rl_loss_args: dict[str, Any]
    needs: set[str]
    mu_schedule: str
    mu_schedule_args: dict[str, Any]
    mu_feedback: bool
    clips: dict[str, float]
    on_policy_mode: str
    expert_mode: str
    batch_claims: dict[str, Any]

    def loss_args(self) -> dict[str, Any]:
        """Return the arguments of the policy loss, as plain values."""
        return {
            "token_weight": self.token_weight,
            "token_weight_args": dict(self.token_weight_args),
            "row_weight": self.row_weight,
            "row_weight_args": dict(self.row_weight_args),
            "rl_loss": self.rl_loss,
            "rl_loss_args": dict(self.rl_loss_args),
            **self.clips,
        }


def read_objective(
    values: Any, preset: ObjectiveArgs, loss_agg_mode: str | None, problems: Problems
) -> ObjectiveSettings:
    """Read and check the objective.

    Args:
        values: What YAML holds in `algorithm.policy_loss_fn_args`.
        preset: The algorithm type's values for the keys that YAML leaves out.
        loss_agg_mode: `algorithm.loss_agg_mode`, None if it is not set.
        problems: Collects what is wrong.

    Returns:
        The settings, valid only if no problem was added.
    """
    given = read_settings(ObjectiveArgs, LOSS_ARGS, values, problems)
    args = given.over(preset)
    token_weight = _token_weight(given, args, problems)
    _check_rl_loss(given, args, problems)
    schedule, schedule_args, feedback = _mu_schedule(given, args, problems)
    on_policy_mode, expert_mode = _modes(given, loss_agg_mode, problems)
    return ObjectiveSettings(
        token_weight=token_weight,
        token_weight_args=args.token_weight_args,
        row_weight=args.row_weight,
        row_weight_args=args.row_weight_args,
        rl_loss=args.rl_loss,
        rl_loss_args=args.rl_loss_args,
        needs=_check_weight(
            "token_weight", TOKEN_WEIGHTS, token_weight, args.token_weight_args, problems
        )
        | _check_weight("row_weight", ROW_WEIGHTS, args.row_weight, args.row_weight_args, problems),
        mu_schedule=schedule,
        mu_schedule_args=schedule_args,
        mu_feedback=feedback,
        clips=args.clips(),
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
        batch_claims={
            key: getattr(given, key) for key in BatchClaims.model_fields if given.has(key)
        },
    )


def _token_weight(given: ObjectiveArgs, args: ObjectiveArgs, problems: Problems) -> str:
    """Return the token weight's name, which `enable_phi_function` may give as well."""
    if not given.has("enable_phi_function"):
        return args.token_weight
    by_switch = "phi" if given.enable_phi_function else "sft"
    if given.has("token_weight") and given.token_weight != by_switch:
        problems.add(
            f"{LOSS_ARGS}.enable_phi_function",
            given.enable_phi_function,
            f"a value that agrees with `token_weight: {given.token_weight}`",
            "give one of the two keys",
        )
    return by_switch


def _check_weight(
    key: str,
    weights: Registry[WeightT],
    name: str,
    arguments: Mapping[str, Any],
    problems: Problems,
) -> set[str]:
    """Return the tensors that a weight needs, once it is found and tried."""
    key = f"{LOSS_ARGS}.{key}"
    try:
        weight = weights.bind(name, **arguments)
    except ChordConfigError as error:
        problems.add_error(key, error)
        return set()
    needs = set(weight.needs) - {"mask"}
    check_needs(key, name, needs, problems)
    for text in weight.problems():
        problems.add_text(f"`{key}`: {text}")
    return needs


def _check_rl_loss(given: ObjectiveArgs, args: ObjectiveArgs, problems: Problems) -> None:
    for key in ClipArgs.model_fields if args.rl_loss != PPO else ():
        if given.has(key):
            problems.add(
                f"{LOSS_ARGS}.{key}",
                getattr(given, key),
                f"no value, because `rl_loss` is {args.rl_loss!r}",
                "its arguments belong in `rl_loss_args`",
            )
    try:
        get_rl_loss(args.rl_loss, "verl", args.rl_loss_args, args.clips())
    except ValueError as error:
        problems.add_text(f"`{LOSS_ARGS}.rl_loss`: {error}")


def _mu_schedule(
    given: ObjectiveArgs, args: ObjectiveArgs, problems: Problems
) -> tuple[str, dict[str, Any], bool]:
    """Return the μ rule's name, its arguments and whether it needs feedback."""
    name, arguments = args.mu_schedule, args.mu_schedule_args
    if name is None:
        if arguments:
            problems.add(
                f"{LOSS_ARGS}.mu_schedule_args",
                arguments,
                "no value, because there is no `mu_schedule`",
            )
        return "warmup_cosine", args.schedule_args(), False
    for key in WarmupCosineArgs.model_fields:
        if given.has(key):
            problems.add(
                f"{LOSS_ARGS}.{key}",
                getattr(given, key),
                f"no value, because `mu_schedule` is {name!r}",
                "its arguments belong in `mu_schedule_args`",
            )
    try:
        return name, arguments, get_schedule(name, **arguments).needs_feedback
    except ChordConfigError as error:
        problems.add_error(f"{LOSS_ARGS}.mu_schedule", error)
    return name, arguments, False


def _modes(given: ObjectiveArgs, loss_agg_mode: str | None, problems: Problems) -> tuple[str, str]:
    """Return the aggregation of on-policy and of expert rows."""
    if loss_agg_mode is not None and loss_agg_mode not in AGGREGATION_MODES:
        problems.add("algorithm.loss_agg_mode", loss_agg_mode, f"one of {list(AGGREGATION_MODES)}")
    elif given.loss_agg_mode is not None and loss_agg_mode not in (None, given.loss_agg_mode):
        problems.add(
            f"{LOSS_ARGS}.loss_agg_mode",
            given.loss_agg_mode,
            f"the value of `algorithm.loss_agg_mode`, {loss_agg_mode!r}",
            "give one of the two",
        )
    common = loss_agg_mode or given.loss_agg_mode or "token-mean"
    return given.grpo_loss_agg_mode or common, given.sft_loss_agg_mode or common
