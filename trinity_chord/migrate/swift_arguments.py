"""ms-swift's arguments: what each one is in Trinity's keys, or why it is nothing there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trinity_chord.plugin.names import LOSS_ARGS

OPTIMIZER = "algorithm.optimizer"
ENGINE = "explorer.rollout_model"


def whole(text: str) -> int:
    """Read a whole number, also if it is written as a float."""
    return int(float(text))


def truth(text: str) -> bool:
    """Read a truth value."""
    return text.lower() in ("true", "1", "yes")


# Argument: key, how to read it, and ms-swift's default if that is not what Trinity does without the
# key. Arguments that need more than that are in `swift.py`.
TRANSLATED: dict[str, tuple[str, Callable[[str], Any], str | None]] = {
    "model": ("model.model_path", str, None),
    "max_completion_length": ("model.max_response_tokens", whole, "512"),
    "num_generations": ("algorithm.repeat_times", whole, "8"),
    "learning_rate": (f"{OPTIMIZER}.lr", float, None),
    "warmup_ratio": (f"{OPTIMIZER}.lr_warmup_steps_ratio", float, None),
    "lr_scheduler_type": (f"{OPTIMIZER}.lr_scheduler_type", str, "cosine"),
    "weight_decay": (f"{OPTIMIZER}.weight_decay", float, "0.1"),
    "max_grad_norm": (f"{OPTIMIZER}.clip_grad", float, None),
    "chord_mu_warmup_steps": (f"{LOSS_ARGS}.mu_warmup_steps", whole, None),
    "chord_mu_decay_steps": (f"{LOSS_ARGS}.mu_decay_steps", whole, None),
    "chord_mu_peak": (f"{LOSS_ARGS}.mu_peak", float, None),
    "chord_mu_valley": (f"{LOSS_ARGS}.mu_valley", float, None),
    "chord_enable_phi_function": (f"{LOSS_ARGS}.enable_phi_function", truth, "false"),
    "epsilon": (f"{LOSS_ARGS}.clip_range_low", float, "0.2"),
    "max_steps": ("buffer.total_steps", whole, None),
    "temperature": ("buffer.explorer_input.taskset.rollout_args.temperature", float, "0.9"),
    "top_p": ("buffer.explorer_input.taskset.rollout_args.top_p", float, None),
    "top_k": ("buffer.explorer_input.taskset.rollout_args.top_k", whole, None),
    "system": ("buffer.explorer_input.taskset.format.system_prompt", str, None),
    "vllm_enforce_eager": (f"{ENGINE}.enforce_eager", truth, None),
    "vllm_enable_prefix_caching": (f"{ENGINE}.enable_prefix_caching", truth, None),
    "torch_dtype": (f"{ENGINE}.dtype", str, None),
    "seed": (f"{ENGINE}.seed", whole, None),
    "save_steps": ("trainer.save_interval", whole, "500"),
    "save_total_limit": ("trainer.max_checkpoints_to_keep", whole, None),
    "eval_steps": ("explorer.eval_interval", whole, None),
    "output_dir": ("checkpoint_root_dir", str, "output"),
    "run_name": ("name", str, None),
}
# How ms-swift aggregates the loss of rollouts, by `--loss_type`.
LOSS_TYPES = {
    "grpo": "seq-mean-token-mean",
    "bnpo": "token-mean",
    "dapo": "token-mean",
    "dr_grpo": "seq-mean-token-sum-norm",
}
REWARDS = {"accuracy": "trinity_chord.MathReward"}
MONITORS = ("tensorboard", "wandb", "mlflow", "swanlab")

NOT_NEEDED = {
    *("rlhf_type", "use_vllm", "vllm_gpu_memory_utilization", "sleep_level"),
    *("offload_model", "offload_optimizer", "move_model_batches", "deepspeed"),
    *("fsdp", "logging_steps", "log_completions", "load_from_cache_file"),
    *(
        "dataset_num_proc",
        "dataloader_num_workers",
        "dataloader_pin_memory",
        "gradient_checkpointing",
    ),
    *("attn_impl", "ddp_timeout", "save_only_model", "bf16"),
    *("split_dataset_ratio", "dataset_shuffle", "model_type", "per_device_eval_batch_size"),
    *("vllm_max_num_seqs", "vllm_server_host", "vllm_server_port", "vllm_server_base_url"),
    *("vllm_server_timeout", "use_hf", "check_model", "save_strategy"),
    *("eval_strategy", "logging_dir", "add_version", "packing"),
}
NO_COUNTERPART = {
    "overlong_filter": "truncated rollouts count here; `trinity_chord.MathReward` gives them -1",
    "dynamic_sample": "groups of equal rewards are not replaced here",
    "num_iterations": "set `trainer.trainer_config.actor.ppo_epochs`, which repeats a whole batch",
    "external_plugins": "write the reward as a Trinity reward function, and name it by its dotted "
    "path in `default_reward_fn_type`",
    "reward_weights": "one reward function returns the weighted sum",
    "reward_model": "see Trinity's `explorer.auxiliary_models`",
    "loss_scale": "expert tokens are weighed by `token_weight` alone",
    "delta": "set `clip_ratio_c`, which clips rows of negative advantage",
    "columns": "rename the columns, or set `format.prompt_key` and `format.response_key`",
    "template": "the tokenizer's chat template is used; set `model.chat_template_path`",
    "truncation_strategy": "see `expert_overlong` for expert rows, and "
    "`model.enable_prompt_truncation` for prompts",
    "importance_sampling_level": "set `rl_loss`, for instance `gspo`",
    "top_entropy_quantile": "every token of a rollout counts",
    "multi_turn_scheduler": "write a Trinity workflow",
    "freeze_vit": "expert rows are text only",
    "freeze_llm": "the whole model is trained",
    "freeze_aligner": "expert rows are text only",
    "val_dataset": "add it to `buffer.explorer_input.eval_tasksets`",
    "resume_from_checkpoint": "a run continues from its own folder; `continue_from_checkpoint`",
    "adapters": "start from a merged model: `swift export --merge_lora true`",
}
