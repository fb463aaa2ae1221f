"""Reads the objective from `algorithm.policy_loss_fn_args`, Trinity's `mix_chord` keys included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trinity_chord.errors import Problems
from trinity_chord.objective import (
    AGGREGATION_MODES,
    ROW_WEIGHTS,
    SCHEDULES,
    TOKEN_WEIGHTS,
    get_schedule,
)
from trinity_chord.objective.losses import CLIP_HIGH, CLIP_LOW, DUAL_CLIP
from trinity_chord.objective.rules import Registry
from trinity_chord.objective.weights import RowWeight, TokenWeight
from trinity_chord.plugin.config.checks import as_mapping, check_known, is_number
from trinity_chord.plugin.config.needs import check_needs
from trinity_chord.plugin.names import LOSS_ARGS
from trinity_chord.plugin.rl_loss import PPO, get_rl_loss

# The keys of the default schedule, `warmup_cosine`, and its arguments.
SCHEDULE_KEYS = {
    "mu_warmup_steps": "warmup_steps",
    "mu_decay_steps": "decay_steps",
    "mu_peak": "peak",
    "mu_valley": "valley",
}
# What Trinity's mix_chord had to be told by hand; derived here, and compared with what was said.
BATCH_KEYS = (
    "use_dynamic_bsz",
    "ppo_mini_batch_size",
    "ppo_micro_batch_size_per_gpu",
    "ngpus_trainer",
    "train_batch_size_usual",
    "train_batch_size_expert",
)
CLIP_KEYS = ("clip_range", "clip_range_low", "clip_range_high", "clip_ratio_c")
MODE_KEYS = ("loss_agg_mode", "sft_loss_agg_mode", "grpo_loss_agg_mode")
KNOWN_KEYS = (
    "token_weight",
    "token_weight_args",
    "enable_phi_function",
    "row_weight",
    "row_weight_args",
    "rl_loss",
    "rl_loss_args",
    "mu_schedule",
    "mu_schedule_args",
    *SCHEDULE_KEYS,
    *CLIP_KEYS,
    *MODE_KEYS,
    *BATCH_KEYS,
)


@dataclass(frozen=True)
class ObjectiveSettings:
    """The objective of a run, every name and number checked.

    Attributes:
        token_weight: Name of the token weight.
        token_weight_args: Its arguments.
        row_weight: Name of the row weight.
        row_weight_args: Its arguments.
        rl_loss: Name of the on-policy term.
        rl_loss_args: Its arguments.
        needs: The tensors that the weights need beside log π_θ and the mask.
        mu_schedule: Name of the μ rule.
        mu_schedule_args: Its arguments.
        mu_feedback: Whether it needs what each train step found on its expert rows.
        clips: ``clip_range_low``, ``clip_range_high`` and ``clip_ratio_c``.
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        batch_claims: Those of Trinity's six batch numbers that the user has given.
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
        """What the policy loss is told, as plain values."""
        keys = ("token_weight", "row_weight", "rl_loss")
        named = {key: getattr(self, key) for name in keys for key in (name, f"{name}_args")}
        return {**named, **self.clips}


def read_objective(
    args: Mapping[str, Any],
    defaults: Mapping[str, Any],
    loss_agg_mode: str | None,
    problems: Problems,
) -> ObjectiveSettings:
    """Reads and checks the objective.

    Args:
        args: What YAML gives in `algorithm.policy_loss_fn_args`.
        defaults: The preset's values for keys that YAML leaves out.
        loss_agg_mode: `algorithm.loss_agg_mode`, None where it is not set.
        problems: Collects what is wrong.

    Returns:
        The settings; to be used only if ``problems`` stays empty.
    """
    check_known(LOSS_ARGS, args, KNOWN_KEYS, problems)
    token, token_args = _token_weight(args, defaults, problems)
    row, row_args = _named(args, "row_weight", _first(defaults.get("row_weight"), "all"), problems)
    clips = _clips(args, problems)
    rl_loss, rl_loss_args = _rl_loss(args, defaults, clips, problems)
    schedule, schedule_args, feedback = _mu_schedule(args, defaults, problems)
    on_policy_mode, expert_mode = _modes(args, loss_agg_mode, problems)
    return ObjectiveSettings(
        token_weight=token,
        token_weight_args=token_args,
        row_weight=row,
        row_weight_args=row_args,
        rl_loss=rl_loss,
        rl_loss_args=rl_loss_args,
        needs=_weight_needs("token_weight", TOKEN_WEIGHTS, token, token_args, problems)
        | _weight_needs("row_weight", ROW_WEIGHTS, row, row_args, problems),
        mu_schedule=schedule,
        mu_schedule_args=schedule_args,
        mu_feedback=feedback,
        clips=clips,
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
        batch_claims={key: args[key] for key in BATCH_KEYS if args.get(key) is not None},
    )


def _token_weight(
    args: Mapping[str, Any], defaults: Mapping[str, Any], problems: Problems
) -> tuple[str, dict[str, Any]]:
    name = args.get("token_weight")
    phi = args.get("enable_phi_function")
    if phi is not None and not isinstance(phi, bool):
        problems.add(f"{LOSS_ARGS}.enable_phi_function", phi, "true or false")
    elif phi is not None:
        by_switch = "phi" if phi else "sft"
        if name is not None and name != by_switch:
            problems.add(
                f"{LOSS_ARGS}.enable_phi_function",
                phi,
                f"what fits `token_weight: {name}`",
                "give one of the two keys",
            )
        name = _first(name, by_switch)
    return _named(
        {**args, "token_weight": name}, "token_weight", defaults["token_weight"], problems
    )


def _named(
    args: Mapping[str, Any], key: str, default: str, problems: Problems
) -> tuple[str, dict[str, Any]]:
    """A name and its arguments."""
    arguments = as_mapping(f"{LOSS_ARGS}.{key}_args", args.get(f"{key}_args"), problems)
    return str(_first(args.get(key), default)), arguments


def _weight_needs(
    key: str,
    weights: Registry[TokenWeight] | Registry[RowWeight],
    name: str,
    arguments: Mapping[str, Any],
    problems: Problems,
) -> set[str]:
    try:
        needs = set(weights.bind(name, **arguments).needs) - {"mask"}
    except ValueError as error:
        problems.add_text(f"`{LOSS_ARGS}.{key}`: {error}")
        return set()
    check_needs(f"{LOSS_ARGS}.{key}", name, needs, problems)
    return needs


def _rl_loss(
    args: Mapping[str, Any],
    defaults: Mapping[str, Any],
    clips: Mapping[str, float],
    problems: Problems,
) -> tuple[str, dict[str, Any]]:
    name, arguments = _named(args, "rl_loss", _first(defaults.get("rl_loss"), "ppo"), problems)
    for key in CLIP_KEYS if name != PPO else ():
        if args.get(key) is not None:
            problems.add(
                f"{LOSS_ARGS}.{key}", args[key], f"it in `rl_loss_args`, for `rl_loss: {name}`"
            )
    try:
        get_rl_loss(name, "verl", arguments, clips)
    except ValueError as error:
        problems.add_text(f"`{LOSS_ARGS}.rl_loss`: {error}")
    return name, arguments


def _mu_schedule(
    args: Mapping[str, Any], defaults: Mapping[str, Any], problems: Problems
) -> tuple[str, dict[str, Any], bool]:
    """Returns the μ rule's name, its arguments and whether it needs feedback."""
    flat = {key: args[key] for key in SCHEDULE_KEYS if args.get(key) is not None}
    name = args.get("mu_schedule")
    arguments = as_mapping(f"{LOSS_ARGS}.mu_schedule_args", args.get("mu_schedule_args"), problems)
    if name is None:
        if arguments:
            problems.add(f"{LOSS_ARGS}.mu_schedule_args", arguments, "`mu_schedule` beside it")
        values = {key: flat.get(key, defaults[key]) for key in SCHEDULE_KEYS}
        return *_default_schedule(values, problems), False
    if flat:
        problems.add(f"{LOSS_ARGS}.mu_schedule", name, f"no {sorted(flat)} beside it")
    try:
        return name, arguments, get_schedule(str(name), **arguments).needs_feedback
    except ValueError as error:
        problems.add_text(f"`{LOSS_ARGS}.mu_schedule`: {error}")
    return name, arguments, False


def _default_schedule(values: Mapping[str, Any], problems: Problems) -> tuple[str, dict[str, Any]]:
    arguments = {SCHEDULE_KEYS[key]: value for key, value in values.items()}
    for text in replace(SCHEDULES["warmup_cosine"], arguments=arguments).argument_problems():
        problems.add_text(f"`{LOSS_ARGS}`: mu_{text}")
    return "warmup_cosine", arguments


def _clips(args: Mapping[str, Any], problems: Problems) -> dict[str, float]:
    for key in ("clip_range", "clip_range_low", "clip_range_high"):
        value = args.get(key)
        if value is not None and not (is_number(value) and value >= 0):
            problems.add(f"{LOSS_ARGS}.{key}", value, "a number, 0 or more")
    dual = _first(args.get("clip_ratio_c"), DUAL_CLIP)
    if not (is_number(dual) and dual > 1):
        problems.add(f"{LOSS_ARGS}.clip_ratio_c", dual, "a number above 1")
    both = args.get("clip_range")
    return {
        "clip_range_low": _first(args.get("clip_range_low"), both, CLIP_LOW),
        "clip_range_high": _first(args.get("clip_range_high"), both, CLIP_HIGH),
        "clip_ratio_c": dual,
    }


def _modes(
    args: Mapping[str, Any], loss_agg_mode: str | None, problems: Problems
) -> tuple[str, str]:
    inner = args.get("loss_agg_mode")
    if inner is not None and loss_agg_mode is not None and inner != loss_agg_mode:
        problems.add(
            f"{LOSS_ARGS}.loss_agg_mode",
            inner,
            f"what `algorithm.loss_agg_mode` says ({loss_agg_mode!r})",
            "give one of the two",
        )
    common = _first(loss_agg_mode, inner, "token-mean")
    on_policy = _first(args.get("grpo_loss_agg_mode"), common)
    expert = _first(args.get("sft_loss_agg_mode"), common)
    given = {
        "algorithm.loss_agg_mode": loss_agg_mode,
        **{f"{LOSS_ARGS}.{key}": args.get(key) for key in MODE_KEYS},
    }
    for key, mode in given.items():
        if mode is not None and mode not in AGGREGATION_MODES:
            problems.add(key, mode, f"one of {list(AGGREGATION_MODES)}")
    return on_policy, expert


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
