"""Configurations with the keys and numbers of public YAMLs of Trinity 0.2 to 0.6.

Written by hand, section by section; only keys and values are those of the files. `SOURCES` names
each file: repository, path, commit.
"""

HEAD = """\
# A comment above the first key.
project: "public"
name: "{name}"  # the name of the run
checkpoint_root_dir: {root}
algorithm:
  algorithm_type: {algorithm}
  repeat_times: 8 # rollouts per prompt
"""
KL_OFF = """\
  kl_loss_fn_args:
    kl_coef: 0.0
"""
ENTROPY = """\
  entropy_loss_fn: mix
"""
OPTIMIZER = """\
  optimizer:
    lr: 1e-6 # written without a dot
"""
SHARE = """\
  sample_strategy_args:
    expert_data_ratio: {share}
"""
MIX = """\
  policy_loss_fn_args:
    mu: 0.1
    clip_range: 0.2
"""
CHORD = """\
  policy_loss_fn_args: # a comment after a mapping's key
    mu_warmup_steps: {warmup}  # two spaces before
    mu_decay_steps: {decay}
    mu_peak: {peak} # the highest
    mu_valley: {valley}
    enable_phi_function: {phi}
    clip_range: 0.2
"""
NUMBERS = """\
    use_dynamic_bsz: {dynamic}
    ppo_mini_batch_size: {mini}
    ppo_micro_batch_size_per_gpu: 4
    ngpus_trainer: 4
    {prefix}_batch_size_expert: {expert}
    {prefix}_batch_size_usual: {usual} # prompts × rollouts
"""
MODEL = """\
model:
  model_path: {model}
  max_response_tokens: 10240
  max_model_len: 11264
cluster:
  node_num: 1
  gpu_per_node: {gpus}
"""
RETRIES = """\
  max_retry_times: 3
  max_retry_interval: 1
"""
TASKS = """\
  explorer_input:
    taskset:
      name: tasks
      storage_type: file
      path: {tasks}
      split: 'train'
{format}\
      rollout_args:
        temperature: 1.0
        logprobs: 0
    eval_tasksets: [] # none
    default_workflow_type: '{workflow}'
  trainer_input:
    experience_buffer:
      name: rollouts
      storage_type: queue
      path: 'sqlite:///rollouts.db'
"""
COLUMNS = """\
      format:
        prompt_key: 'problem'
        response_key: 'answer'
"""
WARMUP = """\
    sft_warmup_dataset:
{extra}\
      name: experts
      storage_type: file
      path: {experts}
      split: 'train'
      format:
        prompt_type: messages
        messages_key: 'messages'
"""
AUXILIARY = """\
    auxiliary_buffers:
      sft_dataset:
        total_epochs: 25
        name: experts
        storage_type: file
        schema_type: sft
        path: {experts}
        split: 'train'
        format:
          prompt_type: {kind}
{columns}\
"""
MESSAGES = """\
          messages_key: 'messages'
"""
IMAGES = """\
          prompt_key: 'problem'
          response_key: 'response'
          image_key: 'images'
"""
EXPLORER = """\
explorer:
  eval_interval: 10
{runners}\
  rollout_model:
{engine}\
    engine_num: {engines}
    tensor_parallel_size: 1
    enforce_eager: true
    dtype: bfloat16
    seed: 42
synchronizer:
  sync_method: 'nccl'
  sync_interval: 1
  sync_timeout: 1200
"""
OLD_RUNNERS = "  runner_num: 16\n"
RUNNERS = "  runner_per_model: 8\n"
ASYNC = "    engine_type: vllm_async\n"
TRAINER_FILE = """\
trainer:
  trainer_type: 'verl'
  trainer_config_path: 'examples/trainer.yaml'
  save_interval: 50
"""
TRAINER_NESTED = """\
trainer:
  save_interval: 50
  trainer_config:
    actor_rollout_ref:
      model:
        use_remove_padding: true
      actor:
        use_dynamic_bsz: true
        ppo_max_token_len_per_gpu: 25600
        ulysses_sequence_parallel_size: 2
        optim:
          lr: 1e-6 # of the actor
      ref:
        log_prob_use_dynamic_bsz: ${trainer.trainer_config.actor_rollout_ref.actor.use_dynamic_bsz}
"""
TRAINER_FLAT = """\
trainer:
  save_interval: 50
  grad_clip: 1.0
  use_dynamic_bsz: true
  {tokens}: 25600
  ulysses_sequence_parallel_size: {sequence}
"""
MONITOR = """\
# A comment before the last section.
monitor:
  monitor_type: wandb
"""
# What `trainer.trainer_config_path` leads to.
TRAINER = """\
actor_rollout_ref:
  hybrid_engine: True
  model:
    external_lib: null
    override_config: { }
    enable_gradient_checkpointing: True
    use_remove_padding: True
  actor:
    strategy: fsdp
    ppo_micro_batch_size_per_gpu: 4
    use_dynamic_bsz: True
    ppo_max_token_len_per_gpu: 25600
    grad_clip: 1.0
    ppo_epochs: 1
    shuffle: False
    ulysses_sequence_parallel_size: 2
    optim:
      lr: 1e-6
      lr_warmup_steps_ratio: 0.
      warmup_style: constant
      total_training_steps: -1
    fsdp_config:
      wrap_policy:
        min_num_params: 0
      param_offload: False
      optimizer_offload: False
      fsdp_size: -1
  ref:
    log_prob_micro_batch_size_per_gpu: 4
    log_prob_use_dynamic_bsz: ${actor_rollout_ref.actor.use_dynamic_bsz}
trainer:
  balance_batch: True
  resume_mode: auto
  default_hdfs_dir: null
"""

OLD_PATHS = {"root": "/PATH/TO/CHECKPOINT/", "model": "/PATH/TO/MODEL/", "gpus": 8}
PATHS = {
    "root": "${oc.env:TRINITY_CHECKPOINT_ROOT_DIR,./checkpoints}",
    "model": "${oc.env:TRINITY_MODEL_PATH,Qwen/Qwen2.5-1.5B-Instruct}",
    "gpus": 8,
}
TASKSET = "${oc.env:TRINITY_TASKSET_PATH}"
EXPERTS = "${oc.env:TRINITY_SFT_DATASET_PATH}"
DECAY = {"warmup": 200, "decay": 400, "peak": 0.5, "valley": 0.02, "phi": "true"}
CONSTANT = {"warmup": 0, "decay": 0, "peak": 0.1, "valley": 0.1, "phi": "true"}
OF_320 = {"prefix": "train", "dynamic": "true", "mini": 320, "expert": 64, "usual": 256}


def _buffer(epochs="total_epochs: 4", prompts=32, rows=None):
    lines = ["buffer:", f"  {epochs}", f"  batch_size: {prompts}"]
    return "\n".join([*lines, *([f"  train_batch_size: {rows}"] if rows else [])]) + "\n"


def _tasks(path=TASKSET, workflow="math_boxed_workflow", columns=COLUMNS):
    return TASKS.format(tasks=path, workflow=workflow, format=columns)


def _warmup(extra=""):
    return WARMUP.format(extra=extra, experts="/PATH/TO/SFT_DATASET")


def _explorer(runners=RUNNERS, engine="", engines=4):
    return EXPLORER.format(runners=runners, engine=engine, engines=engines)


OLD_EXPLORER = _explorer(OLD_RUNNERS, ASYNC)
OLD_TASKS = _tasks("/PATH/TO/RL_DATASET")
EXPERT_ROWS = AUXILIARY.format(experts=EXPERTS, kind="messages", columns=MESSAGES)
FLAG = "    use_token_level_loss_in_sft: {}\n"
MODE = '    sft_loss_agg_mode: "token-mean"\n'
SCHEMA = "      algorithm_type: sft\n"
EPOCHS = "      total_epochs: 25\n"
TOOL_NUMBERS = {**OF_320, "mini": 864, "expert": 96, "usual": 768}

PUBLIC = {
    "prototype of mix": HEAD.format(name="a", algorithm="mix", **OLD_PATHS)
    + "  mu: 0.5 # the weight of imitation\n"
    + MODEL.format(**{**OLD_PATHS, "gpus": 4})
    + _buffer("total_epochs: 1")
    + "  expert_data_ratio: 0.5\n"
    + RETRIES
    + OLD_TASKS
    + _warmup(SCHEMA)
    + _explorer("  runner_num: 32\n", ASYNC, 2)
    + TRAINER_FILE
    + MONITOR,
    "mix of 0.2.0": HEAD.format(name="b", algorithm="mix", **OLD_PATHS)
    + SHARE.format(share=0.25)
    + MIX
    + FLAG.format("False")
    + "    repeat_times: 8\n"
    + NUMBERS.format(prefix="read", dynamic="False", mini=32, expert=64, usual=192)
    + MODEL.format(**OLD_PATHS).replace("  max_model_len: 11264", "  max_prompt_tokens: 1024")
    + _buffer("total_epochs: 1", 40)
    + "  explore_batch_size: 36\n"
    + RETRIES
    + OLD_TASKS
    + _warmup(SCHEMA)
    + OLD_EXPLORER
    + TRAINER_FILE
    + MONITOR,
    "mix of 0.2.1": HEAD.format(name="c", algorithm="mix", **OLD_PATHS)
    + SHARE.format(share=0.25)
    + MIX
    + FLAG.format("False")
    + "    repeat_times: 8\n"
    + NUMBERS.format(prefix="train", dynamic="False", mini=256, expert=64, usual=192)
    + MODEL.format(**OLD_PATHS)
    + _buffer("total_epochs: 1", 40)
    + RETRIES
    + OLD_TASKS
    + _warmup(SCHEMA)
    + OLD_EXPLORER
    + TRAINER_FILE
    + MONITOR,
    "mix of 0.3": HEAD.format(name="d", algorithm="mix", **OLD_PATHS)
    + SHARE.format(share="0.20")
    + MIX
    + FLAG.format("true")
    + NUMBERS.format(**OF_320)
    + MODEL.format(**OLD_PATHS)
    + _buffer("total_epochs: 10", 32, 320)
    + RETRIES
    + OLD_TASKS
    + _warmup(EPOCHS)
    + OLD_EXPLORER
    + TRAINER_FILE
    + MONITOR,
    "mix of 0.4": HEAD.format(name="e", algorithm="mix", **PATHS)
    + OPTIMIZER
    + SHARE.format(share="0.20")
    + MIX
    + MODE
    + NUMBERS.format(**OF_320)
    + MODEL.format(**PATHS)
    + _buffer("total_epochs: 10", 32, 320)
    + _tasks()
    + EXPERT_ROWS
    + _explorer()
    + TRAINER_FLAT.format(tokens="ppo_max_token_len_per_gpu", sequence=1)
    + MONITOR,
    "mix_chord of 0.2.1": HEAD.format(name="f", algorithm="mix_chord", **OLD_PATHS)
    + KL_OFF
    + SHARE.format(share="0.20")
    + CHORD.format(**DECAY)
    + FLAG.format("true")
    + NUMBERS.format(**OF_320)
    + MODEL.format(**OLD_PATHS)
    + _buffer("total_epochs: 25", 40)
    + RETRIES
    + OLD_TASKS
    + _warmup(SCHEMA)
    + OLD_EXPLORER
    + TRAINER_FILE
    + MONITOR,
    "mix_chord of 0.3": HEAD.format(name="g", algorithm="mix_chord", **OLD_PATHS)
    + KL_OFF
    + SHARE.format(share="0.20")
    + CHORD.format(**DECAY)
    + FLAG.format("true")
    + NUMBERS.format(**OF_320)
    + MODEL.format(**OLD_PATHS)
    + _buffer(prompts=32, rows=320)
    + RETRIES
    + OLD_TASKS
    + _warmup(EPOCHS + SCHEMA)
    + OLD_EXPLORER
    + TRAINER_FILE
    + MONITOR,
    "mix_chord of 0.3.1": HEAD.format(name="h", algorithm="mix_chord", **PATHS)
    + KL_OFF
    + ENTROPY
    + SHARE.format(share="0.20")
    + CHORD.format(**DECAY)
    + MODE
    + NUMBERS.format(**OF_320)
    + MODEL.format(**PATHS)
    + _buffer(prompts=32, rows=320)
    + _tasks()
    + EXPERT_ROWS
    + _explorer()
    + TRAINER_NESTED
    + MONITOR,
    "mix_chord for tools of 0.3.1": HEAD.format(name="i", algorithm="mix_chord", **PATHS)
    + KL_OFF
    + ENTROPY
    + SHARE.format(share="0.11 # 96/864")
    + CHORD.format(**CONSTANT)
    + MODE
    + NUMBERS.format(**TOOL_NUMBERS)
    + MODEL.format(**PATHS)
    + _buffer("total_steps: 100", 96, 864)
    + _tasks(workflow="toolcall_workflow", columns="")
    + EXPERT_ROWS
    + _explorer()
    + TRAINER_NESTED
    + MONITOR,
    "mix_chord for tools of 0.4": HEAD.format(name="j", algorithm="mix_chord", **PATHS)
    + OPTIMIZER
    + KL_OFF
    + ENTROPY
    + SHARE.format(share="0.11 # 96/864")
    + CHORD.format(**CONSTANT)
    + MODE
    + NUMBERS.format(**TOOL_NUMBERS)
    + MODEL.format(**PATHS)
    + _buffer("total_steps: 100", 96, 864)
    + _tasks(workflow="toolcall_workflow", columns="")
    + EXPERT_ROWS
    + _explorer()
    + TRAINER_FLAT.format(tokens="ppo_max_token_len_per_gpu", sequence=2)
    + MONITOR,
    "mix_chord of 0.5": HEAD.format(name="k", algorithm="mix_chord", **PATHS)
    + OPTIMIZER
    + KL_OFF
    + ENTROPY
    + SHARE.format(share="0.20")
    + CHORD.format(**DECAY)
    + MODE
    + NUMBERS.format(**OF_320)
    + MODEL.format(**PATHS)
    + _buffer(prompts=32, rows=320)
    + _tasks()
    + EXPERT_ROWS
    + _explorer()
    + TRAINER_FLAT.format(tokens="max_token_len_per_gpu", sequence=2)
    + "#monitor:\n#  monitor_type: wandb\n",
}
# Its expert rows have images.
WITH_IMAGES = PUBLIC["mix_chord of 0.5"].replace(
    EXPERT_ROWS, AUXILIARY.format(experts=EXPERTS, kind="plaintext", columns=IMAGES)
)

MIX_FILE, CHORD_FILE = "examples/mix_math/mix_math.yaml", "examples/mix_chord/mix_chord.yaml"
TOOL_FILE = "examples/mix_chord/mix_chord_toolace.yaml"
SOURCES = {
    "prototype of mix": ("modelscope/Trinity-RFT", "examples/grpo_math/math_mix.yaml", "a1bd519"),
    "mix of 0.2.0": ("modelscope/Trinity-RFT", MIX_FILE, "18960d4"),
    "mix of 0.2.1": ("yaochaorui/Trinity-RFT", MIX_FILE, "952c2d3"),
    "mix of 0.3": ("pan-x-c/Trinity-RFT", MIX_FILE, "1acb722"),
    "mix of 0.4": ("yanxi-chen/Trinity-RFT", MIX_FILE, "35772d7"),
    "mix_chord of 0.2.1": ("modelscope/Trinity-RFT", CHORD_FILE, "0414330"),
    "mix_chord of 0.3": ("yaochaorui/Trinity-RFT", CHORD_FILE, "2783593"),
    "mix_chord of 0.3.1": ("Helicoplacoidea/AgeMem", CHORD_FILE, "57326cd"),
    "mix_chord for tools of 0.3.1": ("Helicoplacoidea/AgeMem", TOOL_FILE, "57326cd"),
    "mix_chord for tools of 0.4": ("yanxi-chen/Trinity-RFT", TOOL_FILE, "35772d7"),
    "mix_chord of 0.5": ("yufang67/Trinity-RFT", CHORD_FILE, "87ebd5f"),
}
