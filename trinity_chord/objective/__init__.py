"""The objective: pure torch functions that know nothing of Trinity, verl or Ray."""

from trinity_chord.objective.adaptive_mu import GAC, EntropyTarget, RewardThreshold
from trinity_chord.objective.aggregation import AGGREGATION_MODES, row_normalizers
from trinity_chord.objective.chord import chord_loss
from trinity_chord.objective.losses import (
    clipped_policy_gradient,
    expert_loss,
    mixed_token_loss,
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
from trinity_chord.objective.schedules import (
    Constant,
    Cosine,
    Linear,
    MuSchedule,
    Piecewise,
    WarmupCosine,
)
from trinity_chord.objective.stamps import RowStamps, stamp_rows
from trinity_chord.objective.token_weights import (
    TOKEN_WEIGHTS,
    TokenWeight,
    get_token_weight,
    token_weight,
)

__all__ = [
    "AGGREGATION_MODES",
    "GAC",
    "SCHEDULES",
    "TOKEN_WEIGHTS",
    "BatchFigures",
    "Constant",
    "Cosine",
    "EntropyTarget",
    "ExpertFigures",
    "Linear",
    "MuRule",
    "MuSchedule",
    "Piecewise",
    "RewardThreshold",
    "RowStamps",
    "TokenWeight",
    "WarmupCosine",
    "chord_loss",
    "clipped_policy_gradient",
    "expert_loss",
    "get_schedule",
    "get_token_weight",
    "mixed_token_loss",
    "mu_rule",
    "row_normalizers",
    "stamp_rows",
    "token_weight",
    "weighted_sum",
]
