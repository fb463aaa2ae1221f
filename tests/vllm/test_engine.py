"""Trinity's vLLM engine without a GPU: log-probabilities, sampling arguments, new weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2ForCausalLM
from trinity.common.constants import SyncMethod

from tests.vllm import chats, taught

pytestmark = [pytest.mark.vllm, pytest.mark.slow]

# The two implementations of the same float32 model differ by up to 2e-3 at improbable tokens of a
# model that is sure of others; other weights differ by far more.
ROUNDING = 5e-3
QUESTION = [{"role": "user", "content": "Name four sums, step by step."}]


@pytest.fixture(scope="module")
def reference(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def logprobs(model: Qwen2ForCausalLM, tokens: torch.Tensor, temperature: float = 1.0):
    logits = model(tokens[None].long()).logits[0, :-1] / temperature
    return logits.log_softmax(-1).gather(-1, tokens[1:, None].long()).squeeze(-1)


def distance(model: Qwen2ForCausalLM, rollout, temperature: float = 1.0) -> float:
    """Return the largest difference of a sampled token's log-probability."""
    expected = logprobs(model, rollout.tokens, temperature)[rollout.prompt_length - 1 :]
    return (expected - rollout.logprobs).abs().max().item()


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_rollouts_have_the_log_probabilities_of_transformers(model, reference, wait, temperature):
    rollouts = wait(model.chat_async(QUESTION, n=8, temperature=temperature))
    assert len(rollouts) == 8
    assert len({tuple(rollout.tokens.tolist()) for rollout in rollouts}) > 1
    assert max(distance(reference, rollout, temperature) for rollout in rollouts) < ROUNDING


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_given_tokens_have_the_log_probabilities_of_transformers(
    model, reference, wait, temperature
):
    (rollout,) = wait(model.chat_async(QUESTION, n=1))
    found = wait(model.logprobs_async(rollout.tokens.tolist(), temperature=temperature))
    expected = logprobs(reference, rollout.tokens, temperature)
    assert (found - expected).abs().max().item() < ROUNDING


def test_a_learned_answer_is_sampled_greedily_and_ends_with_the_closing_token(model, folder, wait):
    (rollout,) = wait(model.chat_async(chats.math_chat(chats.QUESTION), temperature=0.0))
    assert rollout.response_text == chats.ANSWER
    assert rollout.tokens[-1] == AutoTokenizer.from_pretrained(folder).eos_token_id
    assert rollout.truncate_status is None


def test_a_request_overrides_the_number_of_answers_and_their_length(model, wait):
    rollouts = wait(model.chat_async(chats.math_chat(chats.QUESTION), n=3, max_tokens=5))
    assert [len(r.tokens) - r.prompt_length for r in rollouts] == [5, 5, 5]


def test_vllm_refuses_several_greedy_answers(model, wait):
    with pytest.raises(ValueError, match="n must be 1 when using greedy sampling, got 2"):
        wait(model.chat_async(QUESTION, n=2, temperature=0.0))


def test_a_prompt_that_is_too_long_is_masked_out(model, wait):
    long = [{"role": "user", "content": "step " * 1100}]
    (rollout,) = wait(model.chat_async(long))
    assert rollout.truncate_status == "prompt_truncated"
    assert rollout.prompt_length == 1024


def test_new_weights_arrive_and_so_does_their_version(model, folder, reference, wait):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    other = taught.make_model(tokenizer, seed=1).eval()
    job = Path(model.config.checkpoint_job_dir)
    for version, weights in ((3, other), (4, reference)):
        actor = job / f"global_step_{version}" / "actor"
        actor.mkdir(parents=True)
        save_file(weights.state_dict(), actor / "model.safetensors")
    wait(
        model.init_process_group(
            master_address="127.0.0.1", master_port=0, rank_offset=0, world_size=1, group_name="g"
        )
    )
    try:
        wait(model.sync_model_weights(3, SyncMethod.CHECKPOINT))
        assert wait(model.model_version_async) == 3
        rollouts = wait(model.chat_async(QUESTION, n=4))
        assert max(distance(other, rollout) for rollout in rollouts) < ROUNDING
        assert min(distance(reference, rollout) for rollout in rollouts) > 0.1
    finally:
        wait(model.sync_model_weights(4, SyncMethod.CHECKPOINT))
    rollouts = wait(model.chat_async(QUESTION, n=4))
    assert max(distance(reference, rollout) for rollout in rollouts) < ROUNDING
