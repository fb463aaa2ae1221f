"""Estimates the GPU memory of a model from its config.json, without its weights.

The formulas hold for verl's FSDP trainer and for vLLM; docs/recipes.md lists them with what they
leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HALF, SINGLE = 2, 4  # Bytes per number in bfloat16 and float32.
# float32: the parameter, its gradient and Adam's two moments.
STATE_BYTES = 4 * SINGLE
# Per token and vocabulary entry: the logit, its float32 copy and their gradient.
LOGIT_BYTES = HALF + 2 * SINGLE
# What a layer keeps per token while it is recomputed, in hidden and intermediate sizes.
LAYER_HIDDEN, LAYER_INTERMEDIATE = 8, 4


@dataclass(frozen=True)
class ModelSize:
    """The sizes of a decoder-only model.

    Attributes:
        parameters: Number of parameters; tied ones count once.
        layers: Number of decoder layers.
        layer_parameters: Number of parameters per layer.
        hidden: Hidden size.
        intermediate: Intermediate size of the feed-forward part.
        vocabulary: Size of the vocabulary.
        kv_width: Number of key (or value) heads × their size.
    """

    parameters: int
    layers: int
    layer_parameters: int
    hidden: int
    intermediate: int
    vocabulary: int
    kv_width: int


@dataclass(frozen=True)
class Trained:
    """What of a model is trained.

    Attributes:
        parameters: Number of trained parameters: all, or those of a LoRA adapter.
        frozen_bytes: Bytes of the parameters that are not trained.
    """

    parameters: int
    frozen_bytes: int = 0


@dataclass(frozen=True)
class TrainerMemory:
    """Peak memory of one trainer GPU, and of the host for it, in bytes.

    Attributes:
        state: Its shard of the parameters, gradients and Adam's moments.
        gathered: Parameters that are whole on the GPU while in use: one layer, and those outside
            of layers.
        activations: Inputs of all layers, and the larger of the logits and one layer's inner
            activations.
        host: Memory of the host.
    """

    state: int
    gathered: int
    activations: int
    host: int

    @property
    def total(self) -> int:
        """Bytes on the GPU."""
        return self.state + self.gathered + self.activations


def read_size(model_path: str, trust_remote_code: bool = False) -> ModelSize:
    """Read the sizes of a model from its config.json and count its parameters without weights.

    Args:
        model_path: A folder or a hub id.
        trust_remote_code: Whether code that comes with the model may run.

    Raises:
        OSError: The config.json cannot be read.
        ValueError: It is not a decoder-only model that `transformers` supports.
    """
    return _size(*_without_weights(model_path, trust_remote_code))


def read_adapter(
    model_path: str,
    *,
    rank: int,
    target_modules: str,
    exclude_modules: str | None,
    trust_remote_code: bool = False,
) -> int:
    """Count the parameters of a LoRA adapter without weights.

    Args:
        model_path: A folder or a hub id of the model.
        rank: The adapter's rank.
        target_modules: The modules that get one, as in Trinity's `model.lora_configs`.
        exclude_modules: The modules that do not, likewise.
        trust_remote_code: Whether code that comes with the model may run.

    Raises:
        OSError: See `read_size`.
        ValueError: See `read_size`, or no module of the model is a target.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    _, model = _without_weights(model_path, trust_remote_code)
    settings = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=rank,
        target_modules=target_modules,
        exclude_modules=exclude_modules,
    )
    adapted = get_peft_model(model, settings)
    return sum(each.numel() for each in adapted.parameters() if each.requires_grad)


def _without_weights(model_path: str, trust_remote_code: bool) -> tuple[Any, Any]:
    """Return a model's configuration, and the model with parameters that have no memory."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    config = AutoConfig.from_pretrained(model_path, trust_remote_code=trust_remote_code)
    reads_images = hasattr(config, "vision_config")
    model_class: Any = AutoModelForImageTextToText if reads_images else AutoModelForCausalLM
    with torch.device("meta"):
        model = model_class.from_config(config, trust_remote_code=trust_remote_code)
    return config, model


def _size(config: Any, model: Any) -> ModelSize:
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    layer = model.get_decoder().layers[0]
    return ModelSize(
        parameters=model.num_parameters(),
        layers=text.num_hidden_layers,
        layer_parameters=sum(each.numel() for each in layer.parameters()),
        hidden=text.hidden_size,
        intermediate=text.intermediate_size,
        vocabulary=text.vocab_size,
        kv_width=heads * width,
    )


def trainer_memory(
    size: ModelSize,
    *,
    gpus: int,
    tokens: int,
    offload: bool,
    reference: bool,
    trained: Trained | None = None,
) -> TrainerMemory:
    """Estimate the memory of a trainer GPU under FSDP with activation checkpointing.

    Args:
        size: The model.
        gpus: Number of GPUs that share the parameters.
        tokens: Tokens per micro-batch on one GPU.
        offload: Whether parameters, gradients and moments are kept in host memory.
        reference: Whether there is a reference model, which verl keeps in host memory.
        trained: What is trained; all parameters if None.
    """
    trained = trained or Trained(size.parameters)
    shard = (STATE_BYTES * trained.parameters + trained.frozen_bytes) // gpus
    outside_layers = size.parameters - size.layers * size.layer_parameters
    inputs = HALF * tokens * size.hidden * size.layers
    logits = LOGIT_BYTES * tokens * size.vocabulary
    inner = LAYER_HIDDEN * size.hidden + LAYER_INTERMEDIATE * size.intermediate
    return TrainerMemory(
        state=0 if offload else shard,
        gathered=HALF * (size.layer_parameters + outside_layers),
        activations=inputs + max(logits, HALF * tokens * inner),
        host=(shard if offload else 0) + (SINGLE * size.parameters // gpus if reference else 0),
    )


def kv_bytes(size: ModelSize, tensor_parallel: int) -> int:
    """Return the bytes of the key-value cache for one token on one GPU, in bfloat16."""
    return 2 * HALF * size.layers * size.kv_width // tensor_parallel


def weight_bytes(size: ModelSize, tensor_parallel: int) -> int:
    """Return the bytes of the weights on one GPU, in bfloat16."""
    return HALF * size.parameters // tensor_parallel
