"""The objective: pure torch functions that do not depend on Trinity, verl or Ray."""

from trinity_chord.objective.adaptive_mu import GAC, EntropyTarget, RewardThreshold
from trinity_chord.objective.aggregation import AGGREGATION_MODES, row_normalizers
from trinity_chord.objective.chord import chord_loss
from trinity_chord.objective.gates import (
    GATES,
    Gate,
    Opened,
    PromptRewards,
    gate,
    prompt_rewards,
)
from trinity_chord.objective.losses import (
    clipped_policy_gradient,
    expert_loss,
    keep,
    split_mask,
    weighted_sum,
)
from trinity_chord.objective.mu_rules import (
    SCHEDULES,
    BatchFigures,
    ExpertFigures,
    MuRule,
    get_schedule,
    mu_rule,
)
from trinity_chord.objective.row_weights import ROW_WEIGHTS, row_weight
from trinity_chord.objective.schedules import (
    Constant,
    Cosine,
    Linear,
    MuSchedule,
    Piecewise,
    WarmupCosine,
)
from trinity_chord.objective.stamps import RowStamps, stamp_rows
from trinity_chord.objective.tensors import TENSORS
from trinity_chord.objective.token_weights import TOKEN_WEIGHTS, token_weight
from trinity_chord.objective.weights import Weight

__all__ = [
    "AGGREGATION_MODES",
    "GAC",
    "GATES",
    "ROW_WEIGHTS",
    "SCHEDULES",
    "TENSORS",
    "TOKEN_WEIGHTS",
    "BatchFigures",
    "Constant",
    "Cosine",
    "EntropyTarget",
    "ExpertFigures",
    "Gate",
    "Linear",
    "MuRule",
    "MuSchedule",
    "Opened",
    "Piecewise",
    "PromptRewards",
    "RewardThreshold",
    "RowStamps",
    "WarmupCosine",
    "Weight",
    "chord_loss",
    "clipped_policy_gradient",
    "expert_loss",
    "gate",
    "get_schedule",
    "keep",
    "mu_rule",
    "prompt_rewards",
    "row_normalizers",
    "row_weight",
    "split_mask",
    "stamp_rows",
    "token_weight",
    "weighted_sum",
]
