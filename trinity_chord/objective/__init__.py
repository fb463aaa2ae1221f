"""The objective: pure torch functions that know nothing of Trinity, verl or Ray."""

from trinity_chord.objective.aggregation import AGGREGATION_MODES, row_normalizers
from trinity_chord.objective.chord import chord_loss
from trinity_chord.objective.gates import (
    GATES,
    Gate,
    Opened,
    PromptRewards,
    gate,
    get_gate,
    prompt_rewards,
)
from trinity_chord.objective.losses import (
    clipped_policy_gradient,
    expert_loss,
    mixed_token_loss,
    weighted_sum,
)
from trinity_chord.objective.schedules import SCHEDULES, MuSchedule, get_schedule
from trinity_chord.objective.stamps import RowStamps, stamp_rows
from trinity_chord.objective.token_weights import (
    TOKEN_WEIGHTS,
    TokenWeight,
    get_token_weight,
    token_weight,
)

__all__ = [
    "AGGREGATION_MODES",
    "GATES",
    "SCHEDULES",
    "TOKEN_WEIGHTS",
    "Gate",
    "MuSchedule",
    "Opened",
    "PromptRewards",
    "RowStamps",
    "TokenWeight",
    "chord_loss",
    "clipped_policy_gradient",
    "expert_loss",
    "gate",
    "get_gate",
    "get_schedule",
    "get_token_weight",
    "mixed_token_loss",
    "prompt_rewards",
    "row_normalizers",
    "stamp_rows",
    "token_weight",
    "weighted_sum",
]
