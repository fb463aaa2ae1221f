"""The rollout engine as Trinity uses it, without Ray."""

import asyncio
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from tests.tiny_model import make_model_folder
from trinity_chord.cpu import activate

activate()

from trinity.common.config import InferenceModelConfig  # noqa: E402
from trinity.common.constants import SyncMethod  # noqa: E402

from trinity_chord.cpu import engine as engine_module  # noqa: E402
from trinity_chord.cpu.engine import TransformersRolloutModel  # noqa: E402
from trinity_chord.cpu.weights import load_weights  # noqa: E402

MESSAGES = [{"role": "user", "content": "1+2=?"}]


def config_of(model_path: Path, **changes) -> InferenceModelConfig:
    values = {
        "model_path": str(model_path),
        "engine_type": "transformers",
        "dtype": "float32",
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": -1,
        "max_model_len": 64,
        "max_prompt_tokens": 48,
        "max_response_tokens": 16,
        "min_response_tokens": 0,
        "enable_prompt_truncation": True,
        "repetition_penalty": 1.0,
    }
    return InferenceModelConfig(**{**values, **changes})


def with_engine(model_path: Path, use, **changes):
    """Run `await use(engine)` on a prepared engine."""

    async def run():
        engine = TransformersRolloutModel(config_of(model_path, **changes))
        await engine.prepare()
        try:
            return await use(engine)
        finally:
            await engine.shutdown()

    return asyncio.run(run())


def test_chat_returns_n_experiences_with_a_logprob_for_each_response_token(model_path):
    experiences = with_engine(model_path, lambda e: e.chat(MESSAGES, n=3, logprobs=0))
    assert len(experiences) == 3
    for experience in experiences:
        length = len(experience.tokens) - experience.prompt_length
        assert 1 <= length <= 16
        assert experience.logprobs.shape == (length,)
        assert "<|im_start|>assistant" in experience.prompt_text
        assert "<|im_end|>" not in experience.response_text


def test_sampled_logprobs_equal_those_computed_afterwards(model_path):
    async def use(engine):
        experiences = await engine.chat(MESSAGES, n=4, temperature=0.7)
        again = [await engine.logprobs(e.tokens.tolist(), temperature=0.7) for e in experiences]
        return experiences, again

    for experience, logprobs in zip(*with_engine(model_path, use), strict=True):
        torch.testing.assert_close(
            experience.logprobs, logprobs[experience.prompt_length - 1 :], atol=1e-5, rtol=0
        )


def test_waiting_requests_share_one_generate_call(model_path, monkeypatch):
    sizes = []
    sample = engine_module.sample
    monkeypatch.setattr(
        engine_module,
        "sample",
        lambda m, rows, eos: (sizes.append(len(rows)), sample(m, rows, eos)),
    )

    async def use(engine):
        await asyncio.gather(
            engine.chat(MESSAGES, n=2, temperature=0.5),
            engine.chat(MESSAGES, n=1, temperature=0.0, max_tokens=3),
            engine.generate("12", n=3, top_p=0.9),
        )

    with_engine(model_path, use)
    assert sizes == [6]


def test_the_event_loop_answers_while_sampling(model_path, monkeypatch):
    async def use(engine):
        ticks = 0
        request = asyncio.create_task(engine.chat(MESSAGES, n=32, ignore_eos=True))
        while not request.done():
            await asyncio.sleep(0.001)
            ticks += 1
        return ticks

    assert with_engine(model_path, use) > 10


def test_the_same_seed_gives_the_same_rollouts_and_another_engine_gives_others(model_path):
    def rollouts(**changes):
        experiences = with_engine(model_path, lambda e: e.chat(MESSAGES, n=4), **changes)
        return [experience.response_text for experience in experiences]

    assert rollouts(seed=1) == rollouts(seed=1)
    assert rollouts(seed=1) != rollouts(seed=2)
    assert rollouts(seed=1) != rollouts(seed=1, engine_id=1)


def test_a_bad_request_names_its_problem_and_does_not_affect_the_others(model_path):
    async def use(engine):
        return await asyncio.gather(
            engine.chat(MESSAGES, stop=["x"]),
            engine.generate("1" * 64),
            engine.generate(""),
            engine.chat(MESSAGES, n=1),
            return_exceptions=True,
        )

    unknown, long, empty, good = with_engine(model_path, use, enable_prompt_truncation=False)
    assert "['stop']" in str(unknown)
    assert "64 tokens" in str(long)
    assert "0 tokens" in str(empty)
    assert len(good) == 1


def test_an_error_while_sampling_reaches_the_caller(model_path, monkeypatch):
    def fail(*args):
        raise RuntimeError("sampling broke")

    monkeypatch.setattr(engine_module, "sample", fail)
    with pytest.raises(RuntimeError, match="sampling broke"):
        with_engine(model_path, lambda e: e.chat(MESSAGES))


def test_the_response_ends_at_max_model_len(model_path):
    (experience,) = with_engine(
        model_path, lambda e: e.generate("1" * 40, ignore_eos=True), max_model_len=45
    )
    assert len(experience.tokens) == 45


def test_a_prompt_too_long_is_masked_out(model_path):
    experiences = with_engine(model_path, lambda e: e.generate("1" * 60, n=2), max_prompt_tokens=50)
    assert [e.truncate_status for e in experiences] == ["prompt_truncated"] * 2


def test_a_conversation_becomes_an_experience(model_path):
    messages = [*MESSAGES, {"role": "assistant", "content": "3"}]
    experience = with_engine(model_path, lambda e: e.convert_messages_to_experience(messages))
    assert experience.action_mask.shape == experience.logprobs.shape
    assert experience.prompt_length < len(experience.tokens)


@pytest.mark.parametrize("key", ["enable_openai_api", "enable_return_routed_experts"])
def test_an_unsupported_feature_is_refused(model_path, key):
    with pytest.raises(ValueError, match=key):
        with_engine(model_path, lambda e: e.chat(MESSAGES), **{key: True})


@pytest.mark.parametrize("method", [SyncMethod.CHECKPOINT, SyncMethod.MEMORY])
def test_the_engine_samples_from_new_weights(model_path, tmp_path, method):
    trained = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.mul_(1.5)
    folder = tmp_path / "global_step_3" / "actor"
    folder.mkdir(parents=True)
    weights = {key: value.clone() for key, value in trained.state_dict().items()}
    save_file(weights, folder / "model.safetensors")

    class Synchronizer:
        class get_model_state_dict:  # noqa: N801
            @staticmethod
            async def remote():
                return weights, 3

    async def use(engine):
        engine.synchronizer = Synchronizer
        before = engine.get_model_version()
        await engine.sync_model_weights(3, method)
        return before, engine.get_model_version(), await engine.logprobs([5, 6, 7])

    before, after, logprobs = with_engine(model_path, use, checkpoint_job_dir=str(tmp_path))
    assert (before, after) == (0, 3)
    with torch.no_grad():
        expected = trained(torch.tensor([[5, 6, 7]])).logits[0, :-1].log_softmax(-1)
    torch.testing.assert_close(logprobs, expected.gather(-1, torch.tensor([[6], [7]])).squeeze(-1))


@pytest.fixture
def adapters(model_path, tmp_path):
    """The folder of an adapter to start from, and a model with a trained one of the same shape."""
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    settings = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules="all-linear")
    model = get_peft_model(model, settings)
    model.save_pretrained(tmp_path / "start")
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.1)
    return tmp_path / "start", model


TOKENS = [5, 6, 7, 8]


@torch.no_grad()
def logprobs_of(model) -> torch.Tensor:
    logprobs = model(torch.tensor([TOKENS])).logits[0, :-1].log_softmax(-1)
    return logprobs.gather(-1, torch.tensor(TOKENS[1:])[:, None]).squeeze(-1)


def with_lora(start) -> dict:
    return {"enable_lora": True, "lora_modules": [{"lora_path": str(start)}]}


@pytest.mark.parametrize("method", [SyncMethod.CHECKPOINT, SyncMethod.MEMORY])
def test_the_engine_samples_from_a_new_adapter(model_path, tmp_path, adapters, method):
    start, trained = adapters
    trained.save_pretrained(tmp_path / "global_step_3" / "actor" / "lora_adapter")

    class Synchronizer:
        class get_model_state_dict:  # noqa: N801
            @staticmethod
            async def remote():
                return trained.state_dict(), 3

    async def use(engine):
        engine.synchronizer = Synchronizer
        before = await engine.logprobs(TOKENS)
        await engine.sync_model_weights(3, method)
        (rollout,) = await engine.generate("12", n=1, lora_request=engine.get_lora_request())
        again = await engine.logprobs(rollout.tokens.tolist())
        return before, await engine.logprobs(TOKENS), rollout, again

    changes = {"checkpoint_job_dir": str(tmp_path), **with_lora(start)}
    before, after, rollout, again = with_engine(model_path, use, **changes)
    base = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    torch.testing.assert_close(before, logprobs_of(base))  # B of a new adapter is 0
    torch.testing.assert_close(after, logprobs_of(trained))
    assert (after - before).abs().max() > 0.01
    torch.testing.assert_close(rollout.logprobs, again[rollout.prompt_length - 1 :])


def test_an_adapter_without_weights_is_refused(model_path, tmp_path, adapters):
    start, _ = adapters
    folder = tmp_path / "global_step_1" / "actor" / "lora_adapter"
    folder.mkdir(parents=True)
    save_file({}, folder / "adapter_model.safetensors")
    with pytest.raises(ValueError, match="28 missing, first base_model"):
        with_engine(
            model_path,
            lambda e: e.sync_model_weights(1, SyncMethod.CHECKPOINT),
            checkpoint_job_dir=str(tmp_path),
            **with_lora(start),
        )


def test_nccl_is_refused(model_path):
    with pytest.raises(ValueError, match="expected 'memory' or 'checkpoint'"):
        with_engine(model_path, lambda e: e.sync_model_weights(1, SyncMethod.NCCL))


def test_weights_that_do_not_fit_are_refused_and_change_nothing(model_path):
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    weights = {key: value + 1 for key, value in before.items()}
    weights["lm_head.bias"] = weights.pop("lm_head.weight")
    with pytest.raises(ValueError, match=r"1 missing, first lm_head.weight; 1 unexpected"):
        load_weights(model, weights)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_tied_weight_may_be_missing(tmp_path):
    model = AutoModelForCausalLM.from_pretrained(make_model_folder(tmp_path, tied=True))
    weights = {key: value + 1 for key, value in model.state_dict().items()}
    del weights["lm_head.weight"]
    load_weights(model, weights)
    assert torch.equal(model.lm_head.weight, weights["model.embed_tokens.weight"])
