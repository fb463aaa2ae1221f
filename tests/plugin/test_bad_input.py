"""Bad input: one error that says what was found and what was expected, and no files left behind.

Each case goes through Trinity's own `check_and_update`, as `trinity run` does before it starts an
actor.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.plugin.conftest import AUXILIARY, chat, write_rows
from trinity_chord.errors import ChordConfigError

STRATEGY = "algorithm.sample_strategy_args"
LOSS = "algorithm.policy_loss_fn_args"
EXPERT = f"{AUXILIARY}.sft_dataset"
QUESTION = {"role": "user", "content": "1+1"}


@dataclass
class Bad:
    """Changes to a configuration that is right, and what the error must say."""

    name: str
    texts: list[str]
    changes: dict[str, Any] = field(default_factory=dict)
    expert_lines: list[Any] | None = None  # lines of `bad.jsonl`, which is then the expert file


CASES = [
    Bad("no expert buffer", [AUXILIARY, "got []", "`sft_dataset`"], {AUXILIARY: {}}),
    Bad(
        "an expert buffer of another name",
        [AUXILIARY, "got ['sft_dataset']", "`worked`"],
        {f"{STRATEGY}.sft_dataset_name": "worked"},
    ),
    Bad("no expert path", [f"{EXPERT}.path", "got None"], {f"{EXPERT}.path": None}),
    Bad(
        "an expert file that does not exist",
        [f"{EXPERT}.path", "/nowhere/train.jsonl", "does not exist", "expected"],
        {f"{EXPERT}.path": "/nowhere/train.jsonl"},
    ),
    Bad(
        "an expert buffer that is a queue",
        [f"{EXPERT}.storage_type", "got 'queue'", "expected 'file'"],
        {f"{EXPERT}.storage_type": "queue"},
    ),
    Bad(
        "an expert buffer of another schema",
        [f"{EXPERT}.schema_type", "got 'dpo'", "expected 'sft'"],
        {f"{EXPERT}.schema_type": "dpo"},
    ),
    Bad("an empty expert file", ["bad.jsonl", "has no rows"], expert_lines=[]),
    Bad("not JSON", ["bad.jsonl", "line 2"], expert_lines=[chat(1), "{not JSON", chat(2)]),
    Bad(
        "no messages",
        ["messages", "question"],
        expert_lines=[{"question": "1+1", "answer": "2"}],
    ),
    Bad(
        "a row with empty messages",
        ["bad.jsonl, line 2", "messages"],
        expert_lines=[chat(1), {"messages": []}],
    ),
    Bad(
        "no turn of the assistant",
        ["bad.jsonl, line 2", "no assistant turn"],
        expert_lines=[chat(1), {"messages": [QUESTION]}],
    ),
    Bad(
        "all rows too long",
        ["all 8 rows are longer", "`max_model_len`: got 8"],
        {"model.max_prompt_tokens": 4, "model.max_response_tokens": 4},
    ),
    Bad(
        "ratio below 0",
        ["expert_data_ratio", "-0.2", "[0, 1]"],
        {STRATEGY: {"expert_data_ratio": -0.2}},
    ),
    Bad(
        "ratio above 1",
        ["expert_data_ratio", "1.2", "[0, 1]"],
        {STRATEGY: {"expert_data_ratio": 1.2}},
    ),
    Bad(
        "ratio no number",
        ["expert_data_ratio", "'half'"],
        {STRATEGY: {"expert_data_ratio": "half"}},
    ),
    Bad("mu above 1", ["mu_peak`: got 1.5", "[0, 1]"], {f"{LOSS}.mu_peak": 1.5}),
    Bad("mu below 0", ["mu_valley`: got -0.1", "[0, 1]"], {f"{LOSS}.mu_valley": -0.1}),
    Bad(
        "unknown token weight",
        [f"{LOSS}.token_weight", "'phy'", "did you mean 'phi'"],
        {f"{LOSS}.token_weight": "phy"},
    ),
    Bad(
        "unknown schedule",
        [f"{LOSS}.mu_schedule", "'lineer'", "did you mean 'linear'"],
        {f"{LOSS}.mu_schedule": "lineer"},
    ),
    Bad(
        "unknown aggregation",
        ["algorithm.loss_agg_mode", "'mean'", "token-mean"],
        {"algorithm.loss_agg_mode": "mean"},
    ),
    Bad(
        "a misspelled key",
        [f"{LOSS}.mu_peek", "did you mean `mu_peak`"],
        {f"{LOSS}.mu_peek": 0.5},
    ),
    Bad(
        "a batch that contradicts the explorer",
        ["`buffer.train_batch_size`: got 8, expected 16"],
        {"buffer.train_batch_size": 8},
    ),
    Bad(
        "a batch that the ranks cannot split",
        ["a multiple of the trainer's 3 data-parallel ranks", "`expert_rows: 7`"],
        {"cluster.gpu_per_node": 4, STRATEGY: {"expert_rows": 8}},
    ),
    Bad("no model", ["model.model_path", "got ''"], {"model.model_path": ""}),
    Bad(
        "a model without a tokenizer",
        ["`model.model_path`: got '/nowhere/model'"],
        {"model.model_path": "/nowhere/model"},
    ),
    Bad(
        "no length",
        ["model.max_model_len", "got None"],
        {"model.max_response_tokens": None},
    ),
    Bad(
        "a chat template that does not exist",
        ["model.chat_template_path", "'/nowhere.jinja'", "a file that exists"],
        {"model.chat_template_path": "/nowhere.jinja"},
    ),
    Bad(
        "an engine that this machine cannot run",
        ["explorer.rollout_model.engine_type", "'vllm'", "'transformers'"],
        {"explorer.rollout_model.engine_type": "vllm"},
    ),
]


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_bad_input_is_refused_with_one_error(load, root, tmp_path, bad):
    changes = dict(bad.changes)
    if bad.expert_lines is not None:
        path = write_rows(tmp_path / "bad.jsonl", bad.expert_lines)
        changes[f"{EXPERT}.path"] = str(path)
    with pytest.raises(ChordConfigError) as caught:
        load(changes).check_and_update()
    for text in bad.texts:
        assert text in str(caught.value)
    assert _left(root) == []


def test_a_refusal_keeps_the_files_of_earlier_runs(load, root):
    before = root / "project" / "run" / "global_step_4" / "weights"
    before.parent.mkdir(parents=True)
    before.write_text("")
    with pytest.raises(ChordConfigError):
        load({f"{LOSS}.mu_peak": 2}).check_and_update()
    assert _left(root) == [before]


def test_the_corrected_run_keeps_its_name(load, checked):
    fresh = {"continue_from_checkpoint": False}
    with pytest.raises(ChordConfigError):
        load({**fresh, f"{LOSS}.mu_peak": 2}).check_and_update()
    assert checked(fresh).name == "run"


def test_all_problems_are_reported_at_once(load):
    changes = {
        AUXILIARY: {},
        f"{LOSS}.mu_peak": 2,
        f"{STRATEGY}.expert_seed": -1,
        "algorithm.sample_strategy": "default",
        "algorithm.kl_loss_fn_args": {"kl_coef": "much"},
    }
    with pytest.raises(ChordConfigError) as caught:
        load(changes).check_and_update()
    assert len(str(caught.value).splitlines()) == 1 + 5


def _left(root):
    """Files and empty folders, except the token cache, which the next check uses."""
    found = [path for path in root.rglob("*") if path.is_file() or not any(path.iterdir())]
    return [path for path in found if path.parent.name != "expert_tokens"]
