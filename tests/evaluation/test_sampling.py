"""Sampling answers from a tiny random chat model."""

import json
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tiny_model import make_model_folder
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.sampling import Sample, Sampling, sample
from trinity_chord.sampling.generate import Row

END = 2
PROMPTS = [[{"role": "user", "content": text}] for text in ("1+1=", "what is 12*3?", "x")]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model_folder(tmp_path_factory.mktemp("model"))


def answers(model, prompts=PROMPTS, **options) -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = {}
    settings = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 8, "seed": 0}
    sampling = Sampling(**{key: options.pop(key, value) for key, value in settings.items()})
    given = {"n": 2, "backend": "transformers", "batch_size": 4, **options}
    sample(str(model), prompts, sampling, on_result=found.__setitem__, **given)
    return found


def test_each_chat_gets_n_answers(model):
    found = answers(model)
    assert {i: len(samples) for i, samples in found.items()} == {0: 2, 1: 2, 2: 2}
    assert found[0][0] != found[0][1]


def test_each_chat_can_have_its_own_number_of_answers(model):
    whole = answers(model, n=3)
    assert answers(model, n=[1, 3, 2]) == {0: whole[0][:1], 1: whole[1], 2: whole[2][:2]}


def test_a_resumed_run_samples_the_same_answers(model):
    whole = answers(model)
    rest = answers(model, PROMPTS[1:])
    assert {i + 1: samples for i, samples in rest.items()} == {i: whole[i] for i in (1, 2)}


def test_the_batch_size_does_not_change_the_answers(model):
    assert answers(model, batch_size=1) == answers(model, batch_size=6) == answers(model)


def test_another_seed_samples_other_answers(model):
    assert answers(model, seed=1) != answers(model)


def test_temperature_0_takes_the_most_probable_token(model):
    found = answers(model, n=1, temperature=0.0, max_tokens=1)[1][0]
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokens = tokenizer.apply_chat_template(
        PROMPTS[1], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        best = AutoModelForCausalLM.from_pretrained(model)(**tokens).logits[0, -1].argmax()
    assert found.text == tokenizer.decode([best], skip_special_tokens=True)


def test_an_answer_without_a_closing_token_is_truncated(model):
    closed = {0: [], 1: []}
    for samples in answers(model, n=40, max_tokens=30, batch_size=60).values():
        for each in samples:
            closed[not each.truncated].append(each.tokens)
    assert set(closed[0]) == {30}
    assert closed[1]
    assert min(closed[1]) < 30


def test_an_answer_ends_where_the_context_ends(model):
    long = [{"role": "user", "content": "1" * 200}]
    tokens = len(
        AutoTokenizer.from_pretrained(model).apply_chat_template(
            long, add_generation_prompt=True, return_dict=True
        )["input_ids"]
    )
    found = answers(model, [long], n=20, max_tokens=100, batch_size=20)[0]
    assert max(each.tokens for each in found) == 256 - tokens


def test_a_chat_that_fills_the_context_gets_empty_answers_and_a_warning(model, caplog):
    found = answers(model, [PROMPTS[0], [{"role": "user", "content": "1" * 300}]])
    assert found[1] == [Sample("", 0, True)] * 2
    assert found[0][0].tokens > 0
    assert "1 of 2 prompts leave no room" in caplog.text


def refused(model, **options) -> str:
    with pytest.raises(EvaluationError) as caught:
        answers(model, **options)
    return str(caught.value)


FAKE_VLLM = """
from types import SimpleNamespace

calls = []

def SamplingParams(**given):
    return given

class LLM:
    def __init__(self, **given):
        calls.append(given)

    def generate(self, prompts, sampling_params, use_tqdm):
        calls.append((prompts, sampling_params))
        return [
            SimpleNamespace(
                outputs=[SimpleNamespace(text="x", token_ids=[7] * 3, finish_reason=reason)]
            )
            for _, reason in zip(prompts, ["length", "stop"] * len(prompts))
        ]
"""


def test_evaluation_does_not_import_the_cpu_path(model):
    code = f"""if True:
        import sys
        from trinity_chord.evaluation.sampling import Sampling, sample
        prompts = [[{{"role": "user", "content": "1"}}]]
        sample({str(model)!r}, prompts, Sampling(0.0, 1.0, 1, 0), n=1, backend="transformers",
               batch_size=0, on_result=print)
        import trinity_chord.evaluation.bfcl.run, trinity_chord.evaluation.math.evaluate
        assert not [name for name in sys.modules if name.startswith("trinity_chord.cpu")]
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_vllm_gets_the_same_tokens_limits_and_seeds_as_transformers(model, tmp_path, monkeypatch):
    (tmp_path / "vllm.py").write_text(FAKE_VLLM)
    spec = spec_from_file_location("vllm", tmp_path / "vllm.py")
    vllm = module_from_spec(spec)
    spec.loader.exec_module(vllm)
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    rows: list[Row] = []
    monkeypatch.setattr(
        "trinity_chord.sampling.generate.sample",
        lambda _, batch, __: [row.response.append(END) for row in batch] and rows.extend(batch),
    )
    options = {"temperature": 0.5, "top_p": 0.9}
    answers(model, **options)
    found = answers(model, backend="vllm", batch_size=2, **options)
    engine, *batches = vllm.calls
    requests = [request for batch in batches for request in zip(*batch, strict=True)]
    assert [prompt["prompt_token_ids"] for prompt, _ in requests] == [row.prompt for row in rows]
    assert [params for _, params in requests] == [
        {"temperature": 0.5, "top_p": 0.9, "max_tokens": 8, "seed": row.seed} for row in rows
    ]
    assert engine["max_model_len"] == max(len(row.prompt) for row in rows) + 8
    assert found == {key: [Sample("x", 3, True), Sample("x", 3, False)] for key in range(3)}


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_vllm_is_refused_if_it_is_not_installed(model):
    assert "vLLM is not installed" in refused(model, backend="vllm")


def test_a_tokenizer_without_chat_template_is_refused(model, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    assert "has no chat template" in refused(tmp_path)


def test_a_chat_that_the_template_rejects_is_reported_with_its_roles(model, tmp_path):
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    template = "{{ raise_exception('no system role') }}"
    (tmp_path / "chat_template.jinja").write_text(template)
    text = refused(tmp_path, prompts=[[{"role": "system", "content": "a"}]])
    assert "rejects prompt 0" in text
    assert "['system']" in text
    assert "no system role" in text


def test_a_checkpoint_of_trinity_is_a_model(model, tmp_path):
    folder = tmp_path / "global_step_2" / "actor" / "huggingface"
    folder.mkdir(parents=True)
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    for given in (tmp_path / "global_step_2", tmp_path / "global_step_2" / "actor"):
        assert answers(given, n=1) == answers(model, n=1)


@pytest.mark.parametrize("below", ["", "actor", "actor/huggingface"])
def test_shards_without_weights_are_refused_with_the_command_that_converts_them(tmp_path, below):
    step = tmp_path / "global_step_2"
    (step / "actor" / "huggingface").mkdir(parents=True)
    (step / "actor" / "huggingface" / "config.json").write_text(json.dumps({}))
    (step / "actor" / "model_world_size_2_rank_0.pt").touch()
    assert f"trinity convert --checkpoint-dir {step} --base-model-dir" in refused(step / below)


def test_the_folder_of_a_run_is_refused_with_its_checkpoints(tmp_path):
    for step in (20, 100):
        (tmp_path / f"global_step_{step}").mkdir()
    text = refused(tmp_path)
    assert text.index("global_step_20") < text.index("global_step_100")


def test_a_missing_path_is_refused(tmp_path):
    assert "which is not a folder" in refused(tmp_path / "none")
