"""Trinity's registries find our classes by dotted path, more than once and by either path."""

import pytest
from trinity.algorithm import ALGORITHM_TYPE, ENTROPY_LOSS_FN, POLICY_LOSS_FN, SAMPLE_STRATEGY

import trinity_chord

ALGORITHMS = (
    "CHORDAlgorithm",
    "CHORDMuAlgorithm",
    "CHORDPhiAlgorithm",
    "CHORDWithReferenceAlgorithm",
)
CLASSES = [
    *((ALGORITHM_TYPE, "algorithm", name) for name in ALGORITHMS),
    (POLICY_LOSS_FN, "training.policy_loss", "CHORDPolicyLossFn"),
    (SAMPLE_STRATEGY, "training.sample_strategy", "ExpertMixSampleStrategy"),
    (ENTROPY_LOSS_FN, "training.entropy_loss", "ExpertMixEntropyLossFn"),
]


@pytest.mark.parametrize(("registry", "module", "name"), CLASSES)
def test_a_class_is_found_twice_by_both_paths(registry, module, name):
    wanted = getattr(trinity_chord, name)
    for _ in range(2):
        assert registry.get(f"trinity_chord.{name}") is wanted
        assert registry.get(f"trinity_chord.plugin.{module}.{name}") is wanted


def test_a_constant_of_an_algorithm_cannot_be_changed():
    with pytest.raises(AttributeError, match="use_reference is already defined"):
        trinity_chord.CHORDAlgorithm.use_reference = True


def test_an_algorithm_names_its_parts_by_paths_that_every_process_finds():
    for name in ALGORITHMS:
        defaults = getattr(trinity_chord, name).default_config()
        assert POLICY_LOSS_FN.get(defaults["policy_loss_fn"]) is trinity_chord.CHORDPolicyLossFn
        assert (
            SAMPLE_STRATEGY.get(defaults["sample_strategy"])
            is trinity_chord.ExpertMixSampleStrategy
        )


def test_only_the_algorithm_with_kl_loads_a_reference_model():
    assert [getattr(trinity_chord, name).use_reference for name in ALGORITHMS] == [
        False,
        False,
        False,
        True,
    ]
