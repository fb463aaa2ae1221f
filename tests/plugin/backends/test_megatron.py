"""Settings of Megatron that would break the promise."""

import pytest

from trinity_chord.errors import Problems
from trinity_chord.plugin.backends.megatron import check_megatron

MEGATRON = {"trainer.trainer_strategy": "megatron"}
DYNAMIC = {"dynamic_context_parallel": True}
PER_TOKEN = {"override_transformer_config": {"calculate_per_token_loss": True}}
PARALLEL = {
    "trainer.megatron.tensor_model_parallel_size": 2,
    "trainer.megatron.pipeline_model_parallel_size": 2,
    "trainer.megatron.context_parallel_size": 2,
}


@pytest.fixture
def found(load):
    """The problems of a run with Megatron, with changes to its configuration."""

    def problems_of(changes):
        problems = Problems()
        check_megatron(load({**MEGATRON, **changes}), problems)
        return problems.lines

    return problems_of


def flat(settings):
    return {"trainer.trainer_config": {"actor": {"megatron": settings}}}


def older(settings):
    return {"trainer.trainer_config": {"actor_rollout_ref": {"actor": {"megatron": settings}}}}


@pytest.mark.parametrize("layout", [flat, older])
@pytest.mark.parametrize(
    ("settings", "key"),
    [(DYNAMIC, "dynamic_context_parallel"), (PER_TOKEN, "calculate_per_token_loss")],
)
def test_a_setting_that_changes_the_scale_is_refused(found, layout, settings, key):
    [problem] = found(layout(settings))
    assert f"{key}`: got True, expected false" in problem


@pytest.mark.parametrize("changes", [{}, PARALLEL, flat({"dynamic_context_parallel": False})])
def test_other_settings_are_accepted(found, changes):
    assert found(changes) == []


def test_settings_of_megatron_are_ignored_with_fsdp(found):
    assert found({**flat(DYNAMIC), "trainer.trainer_strategy": "fsdp2"}) == []


def test_a_run_is_refused_before_it_starts(load, monkeypatch):
    monkeypatch.setattr("trinity_chord.plugin.algorithm.prepare_machine", lambda config: None)
    with pytest.raises(ValueError, match="dynamic_context_parallel"):
        load({**MEGATRON, **flat(DYNAMIC)}).check_and_update()
