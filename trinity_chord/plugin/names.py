"""The names by which YAML and Trinity's registries find this package's classes, and key names."""

from __future__ import annotations

LOSS_ARGS = "algorithm.policy_loss_fn_args"
SAMPLE_ARGS = "algorithm.sample_strategy_args"
KL_ARGS = "algorithm.kl_loss_fn_args"
ENTROPY_ARGS = "algorithm.entropy_loss_fn_args"
AUXILIARY_BUFFERS = "buffer.trainer_input.auxiliary_buffers"
TASKSET = "buffer.explorer_input.taskset"

ALGORITHM = "trinity_chord.CHORDAlgorithm"
ALGORITHM_WITH_REFERENCE = "trinity_chord.CHORDWithReferenceAlgorithm"
POLICY_LOSS = "trinity_chord.CHORDPolicyLossFn"
SAMPLE_STRATEGY = "trinity_chord.ExpertMixSampleStrategy"
ENTROPY_LOSS = "trinity_chord.ExpertMixEntropyLossFn"

# What `--plugin-dir` adds. Only processes that load plugins find these names, so a derived
# configuration never contains them.
SHORT_ALGORITHMS = {
    "chord": ALGORITHM,
    "chord_mu": "trinity_chord.CHORDMuAlgorithm",
    "chord_phi": "trinity_chord.CHORDPhiAlgorithm",
}
SHORT_PARTS = {
    "policy_loss_fn": {"chord": POLICY_LOSS},
    "sample_strategy": {"expert_mix": SAMPLE_STRATEGY},
    "entropy_loss_fn": {"expert_mix": ENTROPY_LOSS},
}
PARTS = {
    "policy_loss_fn": POLICY_LOSS,
    "sample_strategy": SAMPLE_STRATEGY,
    "entropy_loss_fn": ENTROPY_LOSS,
}

# Marks the sample_strategy_args that `derive` wrote.
DERIVED = "derived_by"
DERIVED_MARK = "trinity_chord"

# Parts of Trinity that a YAML written for `mix_chord` may name; this package's replace them.
REPLACED = {
    "policy_loss_fn": (None, "mix_chord"),
    "sample_strategy": (None, "mix"),
    "entropy_loss_fn": (None, "none", "mix", "default"),
}


def is_ours(key: str, name: str | None) -> bool:
    """Return whether a name leads to one of this package's classes.

    Args:
        key: A key of `PARTS`.
        name: A short name, the public dotted path, or the path of the module that defines it.
    """
    if name is None:
        return False
    class_of = PARTS[key].rpartition(".")[2]
    package, _, class_name = name.rpartition(".")
    inside = package == "trinity_chord" or package.startswith("trinity_chord.")
    return name in SHORT_PARTS[key] or (inside and class_name == class_of)
