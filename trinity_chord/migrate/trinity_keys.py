"""Keys that Trinity-RFT 0.2 to 0.5 had in other places than 0.6, and keys that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from trinity_chord.migrate.document import Document
from trinity_chord.migrate.migration import Migration

INPUT = "buffer.explorer_input"
TRAINER_INPUT = "buffer.trainer_input"
AUXILIARY = f"{TRAINER_INPUT}.auxiliary_buffers"
OPTIMIZER = "algorithm.optimizer"

# From key to key. `{taskset}` is every taskset, `{buffer}` every buffer of the trainer.
MOVED = {
    "trainer.actor_grad_clip": (f"{OPTIMIZER}.clip_grad", "where verl 0.8 reads it"),
    "trainer.grad_clip": (f"{OPTIMIZER}.clip_grad", "where verl 0.8 reads it"),
    "trainer.ppo_max_token_len_per_gpu": ("trainer.max_token_len_per_gpu", "renamed in 0.4"),
    f"{OPTIMIZER}.warmup_style": (f"{OPTIMIZER}.lr_scheduler_type", "renamed in 0.4.1"),
    f"{OPTIMIZER}.lr_decay_style": (f"{OPTIMIZER}.lr_scheduler_type", "renamed in 0.4.1"),
    "{taskset}.task_selector": ("{taskset}.data_selector", "renamed in 0.6"),
    "{buffer}.use_priority_queue": ("{buffer}.replay_buffer.enable", "renamed in 0.4"),
    "{buffer}.reuse_cooldown_time": (
        "{buffer}.replay_buffer.reuse_cooldown_time",
        "moved in 0.4",
    ),
    "{buffer}.replay_buffer_kwargs.priority_fn": (
        "{buffer}.replay_buffer.priority_fn",
        "moved in 0.4",
    ),
    "{buffer}.replay_buffer_kwargs.decay": (
        "{buffer}.replay_buffer.priority_fn_args.decay",
        "moved in 0.4",
    ),
}
SET_BY_TRINITY = "Trinity sets it"
NO_COLUMN = "no part of Trinity reads this column"
REMOVED = {
    "buffer.read_batch_size": "derived",
    "buffer.explore_batch_size": "the explorer takes `buffer.batch_size` prompts per step",
    "buffer.pad_token_id": "Trinity takes it from the tokenizer",
    "buffer.tokenizer_path": "Trinity takes it from the model",
    "explorer.runner_num": "has no effect since 0.2; `runner_per_model`, 8 if left out, has",
    "explorer.collect_experiences": SET_BY_TRINITY,
    "algorithm.use_token_level_loss": "had no effect on this algorithm",
    "{taskset}.task_type": SET_BY_TRINITY,
    "{taskset}.algorithm_type": SET_BY_TRINITY,
    "{taskset}.raw": NO_COLUMN,
    "{taskset}.format.reward_key": NO_COLUMN,
    "{taskset}.format.solution_key": NO_COLUMN,
    "{taskset}.format.label_key": NO_COLUMN,
    "{buffer}.task_type": SET_BY_TRINITY,
    "{buffer}.algorithm_type": SET_BY_TRINITY,
    "{buffer}.raw": NO_COLUMN,
}
LOST = {
    f"{TRAINER_INPUT}.sft_warmup_steps": "SFT before RL is a stage of its own: see the preset "
    "`sft_then_grpo` of `trinity-chord presets`",
    f"{TRAINER_INPUT}.read_experience_strategy": "Trinity has a `replay_buffer` in its place",
    "algorithm.add_strategy": "it became an operator of `data_processor.experience_pipeline`",
    "algorithm.add_strategy_args": "it became an operator of `data_processor.experience_pipeline`",
    f"{OPTIMIZER}.min_lr": "give `min_lr_ratio`, the last learning rate / the first",
    f"{OPTIMIZER}.lr_warmup_init": "warm-up starts at 0",
    f"{OPTIMIZER}.lr_decay_steps": "the schedule ends with the run",
}
WORKFLOWS = {"toolcall_workflow": "tool_call_workflow"}


def migrate_keys(migration: Migration) -> None:
    """Rename, move and remove the keys that changed between Trinity 0.2 and 0.6."""
    document = migration.document
    for key, (to, reason) in MOVED.items():
        for filled, filled_to in _filled(document, key, to):
            migration.move(filled, filled_to, reason)
    for key, reason in REMOVED.items():
        for filled, _ in _filled(document, key, ""):
            migration.remove(filled, reason)
    for key, reason in LOST.items():
        if document.given(key):
            migration.lose(key, reason)
        else:
            migration.remove(key, "0 or nothing, as without it")
    _migrate_retries(migration)
    _migrate_prompts(migration)
    _migrate_names(migration)


def tasksets(document: Document) -> list[str]:
    """Return the dotted key of each taskset."""
    lists = [f"{INPUT}.{name}" for name in ("tasksets", "eval_tasksets")]
    items = [f"{key}.{n}" for key in lists if key in document for n in document.keys(key)]
    single = f"{INPUT}.taskset"
    return [single, *items] if single in document else items


def buffers(document: Document) -> list[str]:
    """Return the dotted key of each buffer of the trainer."""
    single = f"{TRAINER_INPUT}.experience_buffer"
    named = document.keys(AUXILIARY) if AUXILIARY in document else []
    return [*([single] if single in document else []), *(f"{AUXILIARY}.{name}" for name in named)]


def _filled(document: Document, key: str, to: str) -> Iterator[tuple[str, str]]:
    """Yield a key and its destination for every taskset or buffer that they stand for."""
    for place, found in (("{taskset}", tasksets), ("{buffer}", buffers)):
        if place in key:
            for each in found(document):
                yield key.replace(place, each), to.replace(place, each)
            return
    yield key, to


def _migrate_retries(migration: Migration) -> None:
    """Move the retries to the experience buffer if it is a database; no other buffer retries."""
    buffer = f"{TRAINER_INPUT}.experience_buffer"
    for name in ("max_retry_times", "max_retry_interval"):
        if migration.given(f"{buffer}.storage_type") == "sql":
            migration.move(f"buffer.{name}", f"{buffer}.{name}", "a key of the buffer since 0.3")
        migration.remove(f"buffer.{name}", "only a buffer of `storage_type: sql` retries")


def _migrate_prompts(migration: Migration) -> None:
    """Copy the prompts that all tasksets shared into the format of each."""
    for name in ("system_prompt", "reply_prefix"):
        key = f"{INPUT}.{name}"
        value = migration.given(key)
        migration.remove(key, "a key of each taskset's `format` since 0.4")
        if value is not None:
            for taskset in tasksets(migration.document):
                migration.set(f"{taskset}.format.{name}", value, f"from `{key}`")


def _migrate_names(migration: Migration) -> None:
    """Replace names of engines and workflows, and report the prompt type that is gone."""
    document = migration.document
    engine = "explorer.rollout_model.engine_type"
    if document.given(engine) == "vllm_async":
        migration.set(engine, "vllm", "the two vLLM engines are one since 0.4")
    places = [INPUT, *tasksets(document)]
    for key in [f"{place}.default_workflow_type" for place in places]:
        if new := WORKFLOWS.get(str(migration.given(key))):
            migration.set(key, new, "renamed in 0.4")
    for key in [
        f"{place}.format.prompt_type" for place in [*tasksets(document), *buffers(document)]
    ]:
        if str(migration.given(key, "")).lower() == "chatpair":
            migration.lose(key, "rows have one list of `messages` since 0.2.1; convert the data")
