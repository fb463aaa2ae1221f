"""What a run will roughly take: memory of a GPU, epochs, and what becomes of the expert rows.

These are estimates. The memory is worked out from the model's config.json, without its weights,
for verl's FSDP trainer and vLLM; docs/recipes.md has the formulas and what they leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trinity_chord.cpu.machine import ENGINE_TYPE
from trinity_chord.expert_data.opening import open_experts
from trinity_chord.plugin.backends.cluster import TRAINING_MODES
from trinity_chord.plugin.contract import is_derived
from trinity_chord.plugin.tasksets import open_tasks, tasksets_of

if TYPE_CHECKING:
    from trinity.common.config import Config

    from trinity_chord.expert_data.report import StreamReport

GIBIBYTE = 2**30
GPU_BYTES = 80 * 10**9
HALF, SINGLE = 2, 4  # bytes of a number in bfloat16 and in float32
# float32: the parameter, its gradient and Adam's two moments.
STATE_BYTES = 4 * SINGLE
# For each token and entry of the vocabulary: the logit, its copy in float32, and their gradient.
LOGIT_BYTES = HALF + 2 * SINGLE
# What a layer keeps for each token while it is worked out again, in hidden and intermediate sizes.
LAYER_HIDDEN, LAYER_INTERMEDIATE = 8, 4


@dataclass(frozen=True)
class ModelSize:
    """The sizes of a decoder-only model.

    Attributes:
        parameters: All parameters; tied ones once.
        layers: Decoder layers.
        layer_parameters: Parameters of one of them.
        hidden: The hidden size.
        intermediate: The intermediate size of the feed-forward part.
        vocabulary: Entries of the vocabulary.
        kv_width: Key (or value) heads × their size.
    """

    parameters: int
    layers: int
    layer_parameters: int
    hidden: int
    intermediate: int
    vocabulary: int
    kv_width: int


@dataclass(frozen=True)
class TrainerMemory:
    """Bytes of one trainer GPU at its peak, and of the machine's memory for it.

    Attributes:
        state: Its shard of parameters, gradients and Adam's moments.
        gathered: What is whole on it while it is worked on: a layer, and what is in no layer.
        activations: Inputs of all layers, and the larger of the logits and one layer's insides.
        host: What lies in the machine's memory instead.
    """

    state: int
    gathered: int
    activations: int
    host: int

    @property
    def total(self) -> int:
        """All bytes on the GPU."""
        return self.state + self.gathered + self.activations


def trainer_memory(
    size: ModelSize, *, gpus: int, tokens: int, offload: bool, reference: bool
) -> TrainerMemory:
    """Estimates the memory of a trainer GPU under FSDP, with activation checkpoints.

    Args:
        size: The model.
        gpus: GPUs that share the parameters.
        tokens: Tokens of a micro-batch on one GPU.
        offload: Whether parameters, gradients and moments lie in the machine's memory.
        reference: Whether there is a reference model; verl keeps it in the machine's memory.
    """
    shard = STATE_BYTES * size.parameters // gpus
    outside = size.parameters - size.layers * size.layer_parameters
    inputs = HALF * tokens * size.hidden * size.layers
    logits = LOGIT_BYTES * tokens * size.vocabulary
    insides = LAYER_HIDDEN * size.hidden + LAYER_INTERMEDIATE * size.intermediate
    return TrainerMemory(
        state=0 if offload else shard,
        gathered=HALF * (size.layer_parameters + outside),
        activations=inputs + max(logits, HALF * tokens * insides),
        host=(shard if offload else 0) + (SINGLE * size.parameters // gpus if reference else 0),
    )


def kv_bytes(size: ModelSize, tensor_parallel: int) -> int:
    """Bytes of the key-value cache for one token on one GPU, in bfloat16."""
    return 2 * HALF * size.layers * size.kv_width // tensor_parallel


def expert_epochs(steps: int, rows_a_step: int, kept: int) -> float:
    """Passes over the expert rows that fit: steps × rows a step / rows."""
    return steps * rows_a_step / kept


def read_size(model_path: str, trust_remote_code: bool = False) -> ModelSize:
    """Reads the sizes of a model from its config.json and counts its parameters without weights.

    Args:
        model_path: A folder or a hub id.
        trust_remote_code: Whether code that comes with the model may be run.

    Raises:
        OSError: It cannot be reached.
        ValueError: It is no decoder-only model that `transformers` knows.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(model_path, trust_remote_code=trust_remote_code)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
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


def estimate(config: Config) -> dict[str, Any]:
    """Estimates what a run will take.

    Args:
        config: A configuration as Trinity's validators completed it.

    Returns:
        Texts and numbers by name; what cannot be estimated has a text that says why.
    """
    return {**_memory(config), **_data(config)}


def _memory(config: Config) -> dict[str, Any]:
    if config.model.tinker.enable:
        return {"memory": "no estimate: Tinker trains and samples elsewhere"}
    if config.explorer.rollout_model.engine_type == ENGINE_TYPE:
        return {"memory": "no estimate: this run is for machines without a GPU"}
    if config.mode not in TRAINING_MODES or not config.trainer.trainer_strategy.startswith("fsdp"):
        return {"memory": f"no estimate for {config.trainer.trainer_strategy} in {config.mode}"}
    path = config.model.model_path
    try:
        size = read_size(path, config.model.trust_remote_code)
    except (OSError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        return {"memory": f"no estimate: the config.json of {path!r} cannot be used: {reason}"}
    trainer = _trainer(config, size)
    found = {"parameters": size.parameters, **_trainer_numbers(trainer)}
    taken = trainer.total
    if config.mode != "train" and config.explorer.rollout_model.engine_type.startswith("vllm"):
        found |= _rollout_numbers(config, size)
        if config.mode == "colocate":
            taken += int(config.explorer.rollout_model.gpu_memory_utilization * GPU_BYTES)
    found["fits_80_gb"] = taken <= GPU_BYTES
    return found


def _trainer(config: Config, size: ModelSize) -> TrainerMemory:
    from trinity.algorithm import ALGORITHM_TYPE

    trainer = config.trainer
    return trainer_memory(
        size,
        gpus=max(config.cluster.trainer_gpu_num, 1),
        tokens=int(trainer.max_token_len_per_gpu or 0),
        offload=trainer.offload_policy and trainer.trainer_strategy == "fsdp2",
        reference=ALGORITHM_TYPE.get(config.algorithm.algorithm_type).use_reference,
    )


def _trainer_numbers(memory: TrainerMemory) -> dict[str, Any]:
    return {
        "trainer_gpu_gib": _gib(memory.total),
        "of_these_state": _gib(memory.state),
        "of_these_gathered": _gib(memory.gathered),
        "of_these_activations": _gib(memory.activations),
        "trainer_host_gib_for_each_gpu": _gib(memory.host),
    }


def _rollout_numbers(config: Config, size: ModelSize) -> dict[str, Any]:
    engine = config.explorer.rollout_model
    share = engine.tensor_parallel_size
    weights = HALF * size.parameters // share
    cache = max(0, int(engine.gpu_memory_utilization * GPU_BYTES) - weights)
    tokens = cache // kv_bytes(size, share)
    return {
        "rollout_gpu_weights_gib": _gib(weights),
        "rollout_gpu_cache_gib": _gib(cache),
        "rollout_cache_tokens": tokens,
        "rollout_longest_rows_at_once": tokens // (config.model.max_model_len or 1),
    }


def _data(config: Config) -> dict[str, Any]:
    if config.mode not in TRAINING_MODES:
        return {}
    tasks = _tasks(config)
    steps = _steps(config, tasks)
    found: dict[str, Any] = {"steps": steps}
    if tasks is not None:
        found |= {"tasks": tasks, "steps_of_a_task_epoch": tasks // config.buffer.batch_size}
    args = (config.algorithm.sample_strategy_args or {}) if is_derived(config) else {}
    if args.get("experts"):
        buffers = config.buffer.trainer_input.auxiliary_buffers
        report = open_experts(buffers, args["experts"]).report
        found |= _expert_numbers(report, args["expert_rows"], steps)
    return found


def _tasks(config: Config) -> int | None:
    """The tasks of the explorer, None where there is none or no file holds them."""
    tasksets = tasksets_of(config.buffer)
    if config.mode == "train" or any(each.storage_type != "file" for each in tasksets):
        return None
    return sum(len(open_tasks(each)) for each in tasksets)


def _steps(config: Config, tasks: int | None) -> int | None:
    """The training steps of the whole run, None where nothing here tells."""
    given = config.trainer.total_steps or config.buffer.total_steps
    if given or tasks is None:
        return given
    return tasks // config.buffer.batch_size * config.buffer.total_epochs


def _expert_numbers(report: StreamReport, rows: int, steps: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "expert_rows_read": report.rows_read,
        "expert_rows_dropped": report.dropped,
        "expert_rows_cut": report.cut,
        "expert_rows_kept": report.kept,
        "expert_tokens_a_row": round(report.tokens / report.kept),
    }
    if steps is not None:
        found["expert_epochs"] = round(expert_epochs(steps, rows, report.kept), 2)
    return found


def _gib(size: int) -> float:
    return round(size / GIBIBYTE, 1)
