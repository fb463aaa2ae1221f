"""The table of ranges of verl's keys; a key means the same in each of verl's dataclasses."""

from __future__ import annotations

from collections.abc import Mapping

from trinity_chord.launch.keys.domains import EachOf, Word
from trinity_chord.launch.keys.ranges import (
    AMOUNT,
    COUNT,
    COUNT_OR_NONE,
    NOT_NEGATIVE,
    PART,
    PORT_OR_NONE,
    POSITIVE,
    POSITIVE_OR_NONE,
    SECONDS,
    SEED,
    SHARE,
)
from trinity_chord.objective.ranges import Choice, Domain, Range

DTYPES = ("fp32", "float32", "fp16", "float16", "bf16", "bfloat16")
# -1 stands for "all", "not given" or "no limit".
COUNT_OR_ALL = Range(-1, whole=True)

VERL_RANGES: Mapping[str, Domain] = {
    # Sizes of batches and of their parts.
    **dict.fromkeys(
        (
            *("ppo_mini_batch_size", "ppo_epochs", "ppo_max_token_len_per_gpu", "rollout_n", "n"),
            *("ppo_infer_max_token_len_per_gpu", "forward_micro_batch_size", "prompt_length"),
            *("forward_micro_batch_size_per_gpu", "forward_max_token_len_per_gpu"),
            *("log_prob_max_token_len_per_gpu", "response_length", "max_num_batched_tokens"),
            *("max_num_seqs", "num_workers", "max_parallel_calls", "max_tool_response_length"),
            *("max_attempts", "max_connections", "update_weights_bucket_megabytes"),
        ),
        COUNT,
    ),
    **dict.fromkeys(
        (
            *("ppo_micro_batch_size", "ppo_micro_batch_size_per_gpu", "loss_scale_factor"),
            *("ppo_infer_micro_batch_size_per_gpu", "max_token_len_per_gpu", "max_model_len"),
            *("micro_batch_size_per_gpu", "infer_max_token_len_per_gpu", "num_repeat_rollouts"),
            *("infer_micro_batch_size_per_gpu", "log_prob_micro_batch_size", "max_user_turns"),
            *("log_prob_micro_batch_size_per_gpu", "max_seqlen_per_dp_cp_rank", "limit_images"),
            *("max_samples_per_step_per_worker", "max_assistant_turns"),
        ),
        COUNT_OR_NONE,
    ),
    # Parallelism.
    **dict.fromkeys(
        (
            *("ulysses_sequence_parallel_size", "tensor_model_parallel_size", "nccl_timeout"),
            *("expert_model_parallel_size", "pipeline_model_parallel_size"),
            *("context_parallel_size", "data_parallel_size", "expert_parallel_size"),
            *("moe_tensor_parallel_size", "prefill_replicas", "decode_replicas"),
        ),
        COUNT,
    ),
    **dict.fromkeys(
        (
            *("expert_tensor_parallel_size", "virtual_pipeline_model_parallel_size"),
            "decode_tensor_model_parallel_size",
        ),
        COUNT_OR_NONE,
    ),
    "fsdp_size": COUNT_OR_ALL,
    "nnodes": AMOUNT,
    "n_gpus_per_node": AMOUNT,
    # The optimizer.
    "lr": POSITIVE,
    "lr_warmup_steps": Range(-1, whole=True, optional=True),
    "lr_warmup_steps_ratio": SHARE,
    "lr_scheduler_type": Choice(("constant", "cosine")),
    "lr_warmup_init": NOT_NEGATIVE,
    "lr_decay_steps": COUNT_OR_NONE,
    "lr_wsd_decay_steps": COUNT_OR_NONE,
    "min_lr": NOT_NEGATIVE,
    "min_lr_ratio": Range(0, 1, optional=True),
    "num_cycles": POSITIVE,
    "total_training_steps": COUNT_OR_ALL,
    "weight_decay": NOT_NEGATIVE,
    "betas": EachOf(PART, 2),
    "clip_grad": POSITIVE,
    "grad_clip": POSITIVE_OR_NONE,
    "optimizer": Word(),
    # The model and the engine.
    "lora_rank": AMOUNT,
    "lora_alpha": COUNT,
    "model_dtype": Choice(DTYPES),
    "group_size": COUNT,
    "seed": SEED,
    "data_loader_seed": SEED,
    "max_dump_step": AMOUNT,
    "mtp_loss_scaling_factor": NOT_NEGATIVE,
    "speculative_num_steps": COUNT,
    "speculative_eagle_topk": COUNT,
    "speculative_num_draft_tokens": COUNT,
    "num_speculative_tokens": COUNT,
    # Losses, which Trinity computes itself.
    "clip_ratio": SHARE,
    "clip_ratio_low": SHARE,
    "clip_ratio_high": NOT_NEGATIVE,
    "clip_ratio_c": Range(1, low_open=True),
    "cliprange_value": NOT_NEGATIVE,
    "clip_cov_ratio": SHARE,
    "clip_cov_lb": NOT_NEGATIVE,
    "clip_cov_ub": NOT_NEGATIVE,
    "kl_cov_ratio": SHARE,
    "ppo_kl_coef": NOT_NEGATIVE,
    "kl_loss_coef": NOT_NEGATIVE,
    "entropy_coeff": Range(),
    "tau_pos": POSITIVE,
    "tau_neg": POSITIVE,
    # Rollouts, which Trinity makes itself.
    "temperature": NOT_NEGATIVE,
    "top_k": COUNT_OR_ALL,
    "top_p": Range(0, 1, low_open=True),
    "repetition_penalty": POSITIVE,
    "over_sample_rate": NOT_NEGATIVE,
    "gpu_memory_utilization": Range(0, 1, low_open=True),
    "timeout": SECONDS,
    "retry_delay": NOT_NEGATIVE,
    "max_start_wait_time": SECONDS,
    "port": PORT_OR_NONE,
    "bootstrap_port": PORT_OR_NONE,
}
