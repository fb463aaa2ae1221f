"""The presets' objectives, derived from the shipped configurations as a run would derive them."""

from copy import deepcopy
from pathlib import Path

from trinity.common.config_validator import validators

from tests.exactness.engine import Case
from trinity_chord.launch.load import load
from trinity_chord.presets import PRESETS

CONFIGS = Path(__file__).parents[2] / "configs" / "presets"


def preset_cases(folder: Path) -> dict[str, Case]:
    """Derives each preset's loss; `folder` takes what the validators write.

    Presets that differ in μ alone, which is in the rows' stamps, have the same case.
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
    strategy = config.algorithm.sample_strategy_args
    counts = {"usual": strategy["on_policy_rows"], "expert": strategy["expert_rows"]}
    present = [kind for kind, count in counts.items() if count]
    kinds = present[0] if len(present) == 1 else "both"
    loss_args = deepcopy(config.algorithm.policy_loss_fn_args)
    gate = (strategy["row_level"] or {}).get("gate", "all")
    order = "mixed" if gate == "all" else "gated"
    modes = strategy["on_policy_mode"], strategy["expert_mode"]
    key = " ".join(map(str, (*sorted(loss_args.items()), *modes, order, kinds)))
    return Case(key, config.algorithm.policy_loss_fn, loss_args, *modes, order, kinds)
