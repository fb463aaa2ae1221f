"""The LoRA adapter of a checkpoint is merged into its model before it is evaluated."""

import json
import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tiny_model import make_model_folder
from trinity_chord.evaluation.checkpoint import fingerprint, resolve_model
from trinity_chord.evaluation.errors import EvaluationError

TOKENS = torch.tensor([[5, 6, 7, 8]])


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint as Trinity and verl write it with LoRA, and the logits of its policy."""
    base = make_model_folder(tmp_path / "base")
    actor = tmp_path / "global_step_2" / "actor"
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules="all-linear"),
    )
    train(model, actor)
    huggingface = actor / "huggingface"
    shutil.copytree(base, huggingface)
    save_file(dict(model.state_dict()), huggingface / "model.safetensors", {"format": "pt"})
    return tmp_path / "global_step_2", model


def train(model, actor):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.1)
    model.save_pretrained(actor / "lora_adapter")


@torch.no_grad()
def logits(model):
    return model(TOKENS).logits


@pytest.mark.parametrize("below", ["", "actor", "actor/huggingface", "actor/lora_adapter"])
def test_the_merged_model_is_the_policy(checkpoint, below):
    step, policy = checkpoint
    folder = resolve_model(str(step / below))
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    torch.testing.assert_close(logits(merged), logits(policy))
    assert AutoTokenizer.from_pretrained(folder).chat_template
    assert not any("lora" in name for name in merged.state_dict())


def test_an_adapter_is_merged_once(checkpoint):
    step, _ = checkpoint
    folder = resolve_model(str(step))
    (step.parent / "base").rename(step.parent / "moved")
    assert resolve_model(str(step)) == folder


def test_a_changed_adapter_is_merged_again(checkpoint):
    step, policy = checkpoint
    before = resolve_model(str(step)), fingerprint(str(step))
    train(policy, step / "actor")
    after = resolve_model(str(step)), fingerprint(str(step))
    assert before[0] != after[0]
    assert before[1] != after[1]
    merged = AutoModelForCausalLM.from_pretrained(after[0], dtype=torch.float32)
    torch.testing.assert_close(logits(merged), logits(policy))


def test_a_model_that_has_moved_is_named(checkpoint):
    step, _ = checkpoint
    (step.parent / "base").rename(step.parent / "moved")
    with pytest.raises(EvaluationError, match=r"was trained on '.*base'.*adapter_config.json"):
        resolve_model(str(step))
    config = step / "actor" / "lora_adapter" / "adapter_config.json"
    settings = json.loads(config.read_text())
    settings["base_model_name_or_path"] = str(step.parent / "moved")
    config.write_text(json.dumps(settings))
    assert resolve_model(str(step))


def test_an_adapter_without_its_file_of_weights_is_refused(checkpoint):
    step, _ = checkpoint
    (step / "actor" / "lora_adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(EvaluationError, match=r"holds no adapter_model\.safetensors"):
        resolve_model(str(step))
