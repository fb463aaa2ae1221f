"""The dotted names by which YAML and Trinity's registries find this package's classes."""

ALGORITHM_WITH_KL = "trinity_chord.CHORDWithKLAlgorithm"
POLICY_LOSS = "trinity_chord.CHORDPolicyLossFn"
POLICY_LOSS_WITH_KL = "trinity_chord.CHORDWithKLPolicyLossFn"
SAMPLE_STRATEGY = "trinity_chord.ExpertMixSampleStrategy"
ENTROPY_LOSS = "trinity_chord.ExpertMixEntropyLossFn"

# Marks the sample_strategy_args that the derivation has written.
DERIVED = "derived_by"
DERIVED_MARK = "trinity_chord"

# Trinity's own parts that a YAML written for `mix_chord` may name; ours stand in for them.
REPLACED_STRATEGIES = (None, "mix")
REPLACED_LOSSES = (None, "mix_chord")
REPLACED_ENTROPIES = ("mix", "default")
