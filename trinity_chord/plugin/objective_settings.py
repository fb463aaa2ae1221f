"""Reads the objective from `algorithm.policy_loss_fn_args`, Trinity's `mix_chord` keys included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from trinity_chord.objective import AGGREGATION_MODES, get_schedule, get_token_weight
from trinity_chord.plugin.problems import Problems

ARGS = "algorithm.policy_loss_fn_args"
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
KNOWN_KEYS = (
    "token_weight",
    "token_weight_args",
    "enable_phi_function",
    "mu_schedule",
    "mu_schedule_args",
    *SCHEDULE_KEYS,
    "clip_range",
    "clip_range_low",
    "clip_range_high",
    "clip_ratio_c",
    "loss_agg_mode",
    "sft_loss_agg_mode",
    "grpo_loss_agg_mode",
    *BATCH_KEYS,
)


@dataclass(frozen=True)
class ObjectiveSettings:
    """The objective of a run, every name and number checked.

    Attributes:
        token_weight: Name of the token weight.
        token_weight_args: Its arguments.
        mu_schedule: Name of the μ schedule.
        mu_schedule_args: Its arguments.
        clips: ``clip_range_low``, ``clip_range_high`` and ``clip_ratio_c``.
        usual_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        batch_claims: Those of Trinity's six batch numbers that the user has given.
    """

    token_weight: str
    token_weight_args: dict[str, Any]
    mu_schedule: str
    mu_schedule_args: dict[str, Any]
    clips: dict[str, float]
    usual_mode: str
    expert_mode: str
    batch_claims: dict[str, Any]


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
    _check_known(args, problems)
    weight, weight_args = _token_weight(args, defaults, problems)
    schedule, schedule_args = _mu_schedule(args, defaults, problems)
    usual_mode, expert_mode = _modes(args, loss_agg_mode, problems)
    return ObjectiveSettings(
        token_weight=weight,
        token_weight_args=weight_args,
        mu_schedule=schedule,
        mu_schedule_args=schedule_args,
        clips=_clips(args, problems),
        usual_mode=usual_mode,
        expert_mode=expert_mode,
        batch_claims={key: args[key] for key in BATCH_KEYS if args.get(key) is not None},
    )


def _check_known(args: Mapping[str, Any], problems: Problems) -> None:
    for key in args:
        if key not in KNOWN_KEYS:
            near = get_close_matches(str(key), KNOWN_KEYS, n=1)
            remedy = f"did you mean `{near[0]}`?" if near else ""
            problems.add(f"{ARGS}.{key}", args[key], f"one of the keys {list(KNOWN_KEYS)}", remedy)


def _token_weight(
    args: Mapping[str, Any], defaults: Mapping[str, Any], problems: Problems
) -> tuple[str, dict[str, Any]]:
    name = args.get("token_weight")
    phi = args.get("enable_phi_function")
    if phi is not None and not isinstance(phi, bool):
        problems.add(f"{ARGS}.enable_phi_function", phi, "true or false")
    elif phi is not None:
        by_switch = "phi" if phi else "sft"
        if name is not None and name != by_switch:
            problems.add(
                f"{ARGS}.enable_phi_function",
                phi,
                f"what fits `token_weight: {name}`",
                "give one of the two keys",
            )
        name = name if name is not None else by_switch
    name = name if name is not None else defaults["token_weight"]
    arguments = dict(args.get("token_weight_args") or {})
    try:
        get_token_weight(name, **arguments)
    except ValueError as error:
        problems.add_text(f"`{ARGS}.token_weight`: {error}")
    return name, arguments


def _mu_schedule(
    args: Mapping[str, Any], defaults: Mapping[str, Any], problems: Problems
) -> tuple[str, dict[str, Any]]:
    flat = {key: args[key] for key in SCHEDULE_KEYS if args.get(key) is not None}
    if args.get("mu_schedule") is None:
        if args.get("mu_schedule_args"):
            problems.add(
                f"{ARGS}.mu_schedule_args", args["mu_schedule_args"], "`mu_schedule` beside it"
            )
        name = "warmup_cosine"
        values = {**{key: defaults[key] for key in SCHEDULE_KEYS}, **flat}
        arguments = {SCHEDULE_KEYS[key]: value for key, value in values.items()}
    else:
        if flat:
            problems.add(f"{ARGS}.mu_schedule", args["mu_schedule"], f"no {sorted(flat)} beside it")
        name, arguments = args["mu_schedule"], dict(args.get("mu_schedule_args") or {})
    try:
        get_schedule(name, **arguments)
    except ValueError as error:
        problems.add_text(f"`{ARGS}.mu_schedule` (or `mu_*`): {error}")
    return name, arguments


def _clips(args: Mapping[str, Any], problems: Problems) -> dict[str, float]:
    both = args.get("clip_range")
    clips = {
        "clip_range_low": _first(args.get("clip_range_low"), both, 0.2),
        "clip_range_high": _first(args.get("clip_range_high"), both, 0.2),
        "clip_ratio_c": _first(args.get("clip_ratio_c"), 3.0),
    }
    for key, least in (("clip_range_low", 0.0), ("clip_range_high", 0.0), ("clip_ratio_c", 1.0)):
        value = clips[key]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or value < least or (key == "clip_ratio_c" and value <= 1.0):
            bound = "above 1" if key == "clip_ratio_c" else "0 or more"
            problems.add(f"{ARGS}.{key}", value, f"a number {bound}")
    return clips


def _modes(
    args: Mapping[str, Any], loss_agg_mode: str | None, problems: Problems
) -> tuple[str, str]:
    inner = args.get("loss_agg_mode")
    if inner is not None and loss_agg_mode is not None and inner != loss_agg_mode:
        problems.add(
            f"{ARGS}.loss_agg_mode",
            inner,
            f"what `algorithm.loss_agg_mode` says ({loss_agg_mode!r})",
            "give one of the two",
        )
    common = _first(loss_agg_mode, inner, "token-mean")
    usual = _first(args.get("grpo_loss_agg_mode"), common)
    expert = _first(args.get("sft_loss_agg_mode"), common)
    for key, mode in (
        ("grpo_loss_agg_mode", usual),
        ("sft_loss_agg_mode", expert),
    ):
        if mode not in AGGREGATION_MODES:
            source = key if args.get(key) is not None else "loss_agg_mode"
            problems.add(f"{ARGS}.{source}", mode, f"one of {list(AGGREGATION_MODES)}")
    return usual, expert


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
