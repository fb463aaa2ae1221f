"""The table of ranges and choices: what each key of Trinity's configuration may hold.

One entry per dataclass of `trinity.common.config`, one line per key. Keys that hold any text, true
or false, or a name of a registry have no line. `tests/launch/keys/test_ranges.py` fails if a number
has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from trinity_chord.launch.keys.domains import EachOf, Optimizer, Word
from trinity_chord.objective.ranges import Choice, Domain, Range

COUNT = Range(1, whole=True)
COUNT_OR_NONE = Range(1, whole=True, optional=True)
AMOUNT = Range(0, whole=True)
AMOUNT_OR_NONE = Range(0, whole=True, optional=True)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SEED = Range(0, 2**32 - 1, whole=True)
PORT_OR_NONE = Range(1, 65535, whole=True, optional=True)
LARGEST = 2**63 - 1  # The largest whole number that tensors and Arrow hold.
SECONDS = Range(0, low_open=True)
SHARE = Range(0, 1)
PART = Range(0, 1, high_open=True)
POSITIVE = Range(0, low_open=True)
POSITIVE_OR_NONE = Range(0, low_open=True, optional=True)
NOT_NEGATIVE = Range(0)

# Trinity's sampling: a temperature of 0 is greedy, which neither its loss nor GRPO's groups can
# use, but an evaluation can; -1 and 0 switch top_k off.
SAMPLING: Mapping[str, Domain] = {
    "temperature": Range(0, optional=True),
    "top_p": Range(0, 1, low_open=True, optional=True),
    "top_k": Range(-1, whole=True, optional=True),
    "logprobs": Range(-1, whole=True, optional=True),
}
LENGTHS: Mapping[str, Domain] = {
    "max_model_len": Range(2, whole=True, optional=True),
    "max_prompt_tokens": COUNT_OR_NONE,
    "max_response_tokens": COUNT_OR_NONE,
    "min_response_tokens": AMOUNT_OR_NONE,
    "repetition_penalty": POSITIVE_OR_NONE,
    "rope_theta": POSITIVE_OR_NONE,
}
STORAGE: Mapping[str, Domain] = {
    "storage_type": Choice(("file", "queue", "sql")),
    "split": Word(),
    "capacity": COUNT,
    "max_read_timeout": SECONDS,
    "max_retry_times": AMOUNT,
    "max_retry_interval": AMOUNT,
    "repeat_times": COUNT_OR_NONE,
    "index": AMOUNT,
    "total_epochs": COUNT,
    "total_steps": COUNT_OR_NONE,
    "batch_size": AMOUNT,
}

RANGES: Mapping[str, Mapping[str, Domain]] = {
    "Config": {"mode": Choice(("both", "train", "explore", "bench", "serve", "colocate"))},
    "StageConfig": {
        "mode": Choice(("both", "train", "explore", "bench", "serve", "colocate"), optional=True)
    },
    "AlgorithmConfig": {
        "algorithm_type": Word(),
        "repeat_times": COUNT,
        "loss_agg_mode": Choice(
            ("token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm"),
            optional=True,
        ),
    },
    "OptimizerConfig": {
        "lr": POSITIVE,
        "lr_warmup_steps": Range(-1, whole=True),
        "lr_warmup_steps_ratio": SHARE,
        "min_lr_ratio": SHARE,
        "warmup_style": Choice(("constant", "cosine"), optional=True),
        "lr_scheduler_type": Choice(("constant", "cosine", "linear", "inverse-square-root", "WSD")),
        "optimizer_type": Optimizer(),
        "betas": EachOf(PART, 2),
        "weight_decay": NOT_NEGATIVE,
        "clip_grad": POSITIVE,
    },
    "GenerationConfig": {**SAMPLING, "max_tokens": COUNT_OR_NONE, "n": COUNT},
    "ModelConfig": {**SAMPLING, **LENGTHS, "max_cpu_loras": COUNT_OR_NONE},
    "LoRAConfig": {"lora_rank": COUNT, "lora_alpha": COUNT},
    "TinkerConfig": {"rank": COUNT, "seed": Range(0, 2**32 - 1, whole=True, optional=True)},
    "InferenceModelConfig": {
        **SAMPLING,
        **LENGTHS,
        "engine_type": Choice(
            ("vllm", "vllm_async", "sglang", "transformers", "tinker", "external")
        ),
        "engine_num": COUNT,
        # 0 is what Trinity sets where an engine runs elsewhere.
        "tensor_parallel_size": COUNT,
        "data_parallel_size": COUNT,
        "pipeline_parallel_size": COUNT,
        "gpu_per_engine": AMOUNT,
        "gpu_memory_utilization": Range(0, 1, low_open=True),
        "dtype": Choice(("auto", "half", "float16", "bfloat16", "float", "float32")),
        "seed": SEED,
        "base_port": PORT_OR_NONE,
        "nnodes": COUNT,
        "node_rank": AMOUNT,
        "engine_id": AMOUNT,
        "weight_sync_buffer_size": COUNT,
    },
    "ClusterConfig": dict.fromkeys(
        (
            *("node_num", "gpu_per_node", "total_gpu_num", "rollout_gpu_num", "trainer_gpu_num"),
            *("auxiliary_model_gpu_num", "explorer_gpu_num", "trainer_node_num"),
            "trainer_gpu_num_per_node",
        ),
        AMOUNT,
    ),
    "BufferConfig": {
        "batch_size": COUNT,
        "train_batch_size": AMOUNT,
        "total_epochs": COUNT,
        "total_steps": COUNT_OR_NONE,
    },
    "TasksetConfig": STORAGE,
    "ExperienceBufferConfig": STORAGE,
    "StorageConfig": STORAGE,
    "DataSelectorConfig": {"seed": SEED},
    "ReplayBufferConfig": {"reuse_cooldown_time": Range(0, optional=True)},
    "TaskPipelineConfig": {"num_process": COUNT, "top_k": Range(-1, whole=True)},
    "ExplorerConfig": {
        "name": Word(),
        "runner_per_model": COUNT,
        "runner_prepare_concurrency": COUNT,
        "runner_prepare_max_retries": AMOUNT,
        "max_timeout": COUNT,
        "max_retry_times": AMOUNT,
        "concurrent_mode": Choice(("sequential", "asynchronous", "multi-threading")),
        "max_repeat_times_per_runner": COUNT_OR_NONE,
        "runner_num": COUNT_OR_NONE,
        "eval_interval": COUNT,
        "proxy_port": Range(1, 65535, whole=True),
        "service_status_check_interval": COUNT,
        "min_running_model_num": COUNT,
        "runner_state_report_interval": AMOUNT,
        "max_inflight_batches": COUNT,
    },
    "OverRolloutConfig": {"ratio": PART, "wait_after_min": NOT_NEGATIVE},
    "DynamicTimeoutConfig": {"warmup_min_steps": COUNT, "ratio": POSITIVE},
    "TrainerConfig": {
        "name": Word(),
        "trainer_type": Choice(("verl", "tinker")),
        "trainer_strategy": Choice(("fsdp", "fsdp2", "megatron")),
        "save_interval": AMOUNT,
        "total_steps": COUNT_OR_NONE,
        "save_hf_checkpoint": Choice(("last", "always", "never")),
        "grad_clip": POSITIVE,
        "critic_warmup": AMOUNT,
        "max_token_len_per_gpu": COUNT_OR_NONE,
        "ulysses_sequence_parallel_size": COUNT,
        "max_checkpoints_to_keep": AMOUNT,
    },
    "MegatronParallelConfig": {
        "tensor_model_parallel_size": COUNT,
        "pipeline_model_parallel_size": COUNT,
        "virtual_pipeline_model_parallel_size": COUNT_OR_NONE,
        "expert_model_parallel_size": COUNT,
        "expert_tensor_parallel_size": COUNT_OR_NONE,
        "context_parallel_size": COUNT,
    },
    "SynchronizerConfig": {
        "sync_interval": COUNT,
        "explorer_sync_interval": COUNT_OR_NONE,
        "trainer_sync_interval": COUNT_OR_NONE,
        "sync_offset": AMOUNT,
        "sync_timeout": COUNT,
        "group_name": Word(),
        "explorer_world_size": AMOUNT_OR_NONE,
    },
    "DataJuicerServiceConfig": {"port": PORT_OR_NONE},
    "LogConfig": {"level": Choice((*LEVELS, *map(str.lower, LEVELS)))},
}

# Above these, a value runs but is hardly meant.
UNUSUAL: Mapping[str, Mapping[str, float]] = {
    "AlgorithmConfig": {"repeat_times": 1024},
    "OptimizerConfig": {"lr": 0.1, "weight_decay": 10},
    "ModelConfig": {"max_model_len": 2**21, "temperature": 5},
    "GenerationConfig": {"temperature": 5},
    "BufferConfig": {"batch_size": 2**16, "train_batch_size": 2**20, "total_epochs": 10_000},
    "ExplorerConfig": {"runner_per_model": 1024, "max_retry_times": 100},
    "ExperienceBufferConfig": {"capacity": 10_000_000},
    "InferenceModelConfig": {"engine_num": 4096},
    "LoRAConfig": {"lora_rank": 512},
    "SynchronizerConfig": {"sync_interval": 10_000},
    "TrainerConfig": {"total_steps": 10_000_000},
}

# Arguments of Trinity's advantage functions, losses, KL terms, selectors and operators, by name.
ARGUMENTS: Mapping[str, Domain] = {
    "epsilon": NOT_NEGATIVE,
    "std_threshold": NOT_NEGATIVE,
    "rank_penalty": Range(),
    "std_cal_level": Choice(("group", "batch")),
    "kl_coef": NOT_NEGATIVE,
    "target_kl": POSITIVE,
    "horizon": POSITIVE,
    "entropy_coef": Range(),
    "gamma": SHARE,
    "lam": SHARE,
    "lambda_coef": SHARE,
    "temperature": POSITIVE,
    "chunk_size": COUNT,
    "clip_range": POSITIVE,
    "clip_range_low": SHARE,
    "clip_range_high": NOT_NEGATIVE,
    "tau": POSITIVE,
    "decay": NOT_NEGATIVE,
}
