"""trinity-chord: train a language model on its own rollouts and an expert's answers at once.

The names below are what YAML and other programs use. Each is imported on first access: importing
this package imports neither torch nor Trinity and changes nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "CHORDAlgorithm": "trinity_chord.plugin.algorithm",
    "CHORDMuAlgorithm": "trinity_chord.plugin.algorithm",
    "CHORDPhiAlgorithm": "trinity_chord.plugin.algorithm",
    "CHORDWithReferenceAlgorithm": "trinity_chord.plugin.algorithm",
    "WeightedSFTAlgorithm": "trinity_chord.plugin.algorithm",
    "IWSFTAlgorithm": "trinity_chord.plugin.algorithm",
    "DFTAlgorithm": "trinity_chord.plugin.algorithm",
    "CHORDPolicyLossFn": "trinity_chord.plugin.training.policy_loss",
    "ExpertMixSampleStrategy": "trinity_chord.plugin.training.sample_strategy",
    "ExpertMixEntropyLossFn": "trinity_chord.plugin.training.entropy_loss",
    "ToolCallReward": "trinity_chord.rewards.tool",
    "ToolCallWorkflow": "trinity_chord.workflows.tool",
    "MultiTurnToolWorkflow": "trinity_chord.workflows.multi_turn",
    "MathReward": "trinity_chord.rewards.math",
    "MathWorkflow": "trinity_chord.workflows.math",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _PUBLIC[name]
    if module.startswith("trinity_chord.plugin."):
        import_module("trinity_chord.plugin").install()
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
