"""The presets' objectives, derived from the shipped configurations as a run would derive them."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from trinity.algorithm import ALGORITHM_TYPE
from trinity.common.config_validator import validators

from tests.exactness.trainer import Case
from trinity_chord.launch.load import load
from trinity_chord.presets import PRESETS

CONFIGS = Path(__file__).parents[2] / "configs" / "presets"


def preset_cases(folder: Path) -> dict[str, Case]:
    """Derive each preset's loss; `folder` takes what the validators write.

    Presets that differ only in μ, which is stamped on the rows, have the same case.
    """
    return {name: _case(name, folder) for name in PRESETS}


def _case(name: str, folder: Path) -> Case:
    config = load(CONFIGS / f"{name}.yaml", [f"checkpoint_root_dir={folder}"])
    if config.stages:
        config.stages, last = [], config.stages[-1]
        config.algorithm, config.buffer = last.algorithm, last.buffer
    config.ignore_validator_suggestions = True
    for validator in list(validators):
        validator.validate(config)
    algorithm, strategy = config.algorithm, config.algorithm.sample_strategy_args
    counts = {"usual": strategy["on_policy_rows"], "expert": strategy["expert_rows"]}
    present = [kind for kind, count in counts.items() if count]
    gate = (strategy["row_level"] or {}).get("gate", "all")
    case = Case(
        name="",
        policy_loss_fn=algorithm.policy_loss_fn,
        policy_loss_fn_args=deepcopy(algorithm.policy_loss_fn_args),
        on_policy_mode=strategy["on_policy_mode"],
        expert_mode=strategy["expert_mode"],
        order="mixed" if gate == "all" else "gated",
        kinds=present[0] if len(present) == 1 else "both",
        reference=ALGORITHM_TYPE.get(algorithm.algorithm_type).use_reference,
        recompute=not algorithm.bypass_old_logprobs,
        balance=config.trainer.balance_batch,
        entropy_loss_fn=algorithm.entropy_loss_fn,
        entropy_coef=algorithm.entropy_loss_fn_args["entropy_coef"],
    )
    return replace(case, name=str(case))
