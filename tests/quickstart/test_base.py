import random

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from trinity_chord.quickstart import base_model_path
from trinity_chord.quickstart.base import (
    build_model,
    draw_conversation,
    encode,
    learning_rate,
    main,
)
from trinity_chord.quickstart.tokenizer import build_tokenizer


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_shipped_model_is_at_most_three_megabytes():
    assert sum(file.stat().st_size for file in base_model_path().iterdir()) <= 3_000_000


def test_the_shipped_weights_have_the_shapes_of_the_script():
    shipped = AutoModelForCausalLM.from_pretrained(base_model_path()).state_dict()
    built = build_model(build_tokenizer()).state_dict()
    assert {k: v.shape for k, v in shipped.items()} == {k: v.shape for k, v in built.items()}


def test_the_shipped_vocabulary_and_template_are_those_of_the_script():
    shipped = AutoTokenizer.from_pretrained(base_model_path())
    built = build_tokenizer()
    assert shipped.get_vocab() == built.get_vocab()
    assert shipped.chat_template == built.chat_template


def test_the_shipped_generation_config_ends_and_pads_as_the_tokenizer_does():
    config = AutoModelForCausalLM.from_pretrained(base_model_path()).generation_config
    tokenizer = build_tokenizer()
    assert config.eos_token_id == tokenizer.convert_tokens_to_ids("<|end|>")
    assert config.pad_token_id == tokenizer.convert_tokens_to_ids("<pad>")


def test_the_base_sees_no_worked_answer_at_level_5():
    rng = random.Random(0)
    rows = [draw_conversation(rng) for _ in range(2000)]
    worked = [user["content"] for user, assistant in rows if ";" in assistant["content"]]
    # Two numbers of four digits and a plus sign.
    assert max(map(len, worked)) == 9


def test_labels_are_the_tokens_of_the_answer_alone():
    tokenizer = build_tokenizer()
    tokens, labels = encode(
        tokenizer,
        [
            [{"role": "user", "content": "1+2"}, {"role": "assistant", "content": "#3"}],
            [{"role": "user", "content": "10+20"}, {"role": "assistant", "content": "#30"}],
        ],
    )
    assert tokenizer.decode(tokens[0]) == "<|user|>1+2<|end|><|assistant|>#3<|end|>" + 3 * "<pad>"
    assert tokenizer.decode(labels[0][labels[0] != -100]) == "#3<|end|>"
    assert tokenizer.decode(labels[1][labels[1] != -100]) == "#30<|end|>"


def test_the_learning_rate_warms_up_and_falls_to_a_twentieth():
    # Step 0 of 50 warm-up steps: 2e-3 / 50. Step 600 of 600: 2e-3 * 0.05.
    assert learning_rate(0, 600) == pytest.approx(4e-5)
    assert learning_rate(600, 600) == pytest.approx(1e-4)


@pytest.mark.slow
def test_the_script_writes_the_same_weights_for_the_same_seed(tmp_path, monkeypatch):
    weights = []
    for run in ("first", "second"):
        out = tmp_path / run
        monkeypatch.setattr("sys.argv", ["base", "--seed", "3", "--steps", "2", "--out", str(out)])
        main()
        weights.append((out / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]
