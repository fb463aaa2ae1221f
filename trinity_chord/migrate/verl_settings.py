"""verl's settings, which Trinity 0.2 to 0.4 read from a file of their own or from the YAML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trinity_chord.migrate.document import Document
from trinity_chord.migrate.migration import Migration

PATH, INLINE = "trainer.trainer_config_path", "trainer.trainer_config"
OLD_LAYOUT = "actor_rollout_ref"
OPTIMIZER = "algorithm.optimizer"

# verl's key: Trinity's key, and its default in Trinity 0.6.
MOVED: dict[str, tuple[str, Any]] = {
    "actor.optim.lr": (f"{OPTIMIZER}.lr", None),  # Written out even if it is the default.
    "actor.optim.lr_warmup_steps": (f"{OPTIMIZER}.lr_warmup_steps", -1),
    "actor.optim.lr_warmup_steps_ratio": (f"{OPTIMIZER}.lr_warmup_steps_ratio", 0.0),
    "actor.optim.min_lr_ratio": (f"{OPTIMIZER}.min_lr_ratio", 0.01),
    "actor.optim.warmup_style": (f"{OPTIMIZER}.lr_scheduler_type", "constant"),
    "actor.optim.lr_scheduler_type": (f"{OPTIMIZER}.lr_scheduler_type", "constant"),
    "actor.optim.weight_decay": (f"{OPTIMIZER}.weight_decay", 0.01),
    "actor.optim.betas": (f"{OPTIMIZER}.betas", [0.9, 0.999]),
    "actor.grad_clip": (f"{OPTIMIZER}.clip_grad", 1.0),
    "actor.use_dynamic_bsz": ("trainer.use_dynamic_bsz", True),
    "actor.ppo_max_token_len_per_gpu": ("trainer.max_token_len_per_gpu", None),
    "actor.ulysses_sequence_parallel_size": ("trainer.ulysses_sequence_parallel_size", 1),
    "actor.fsdp_config.param_offload": ("trainer.param_offload", False),
    "actor.fsdp_config.optimizer_offload": ("trainer.optimizer_offload", False),
    "actor.fsdp_config.offload_policy": ("trainer.offload_policy", False),
    "model.use_remove_padding": ("trainer.use_remove_padding", True),
    "trainer.balance_batch": ("trainer.balance_batch", True),
    "trainer.max_actor_ckpt_to_keep": ("trainer.max_checkpoints_to_keep", 0),
}
# Settings that Trinity 0.6 passes on to verl under the same name, and their defaults.
PASSED_ON: dict[str, Any] = {
    "actor.ppo_epochs": 1,
    "actor.shuffle": False,
    "actor.use_torch_compile": True,
    "actor.entropy_from_logits_with_chunking": False,
    "actor.entropy_checkpointing": False,
    "actor.fsdp_config.fsdp_size": -1,
    "actor.fsdp_config.forward_prefetch": False,
    "actor.fsdp_config.reshard_after_forward": True,
    "model.enable_gradient_checkpointing": True,
    "model.enable_activation_offload": False,
    "model.external_lib": None,
    "model.override_config": None,
}
MICRO_BATCH = "actor.ppo_micro_batch_size_per_gpu"
INFER_MICRO_BATCH = f"{INLINE}.rollout.log_prob_micro_batch_size_per_gpu"
# Settings that Trinity 0.6 sets itself, or that only other algorithms read.
SET_BY_TRINITY = (
    *("hybrid_engine", "actor.strategy", "actor.optim.total_training_steps", "ref", "rollout"),
    *("data", "critic", "reward_model", "custom_reward_function", "algorithm", "ray_init"),
    *("trainer.resume_mode", "trainer.default_hdfs_dir", "trainer.remove_previous_ckpt_in_save"),
    *("trainer.del_local_ckpt_after_load", "trainer.val_before_train", "trainer.logger"),
    *("actor.ppo_mini_batch_size", "actor.use_kl_loss", "actor.kl_loss_coef", "actor.clip_ratio"),
    *("actor.entropy_coeff", "actor.kl_loss_type", "actor.loss_agg_mode", "actor.checkpoint"),
    *("actor.fsdp_config.wrap_policy", "actor.use_remove_padding", "model.path"),
)


def find_trainer_file(document: Document, near: Path, given: Path | None) -> Document | None:
    """Return verl's settings that a file names, None if it names none or they are not here.

    Args:
        document: The file.
        near: The file's folder. A relative path holds from the folder in which Trinity was
            started, so it is tried from there and from each folder above.
        given: Where the settings are, if the user says.
    """
    named = document.given(PATH)
    if given is not None:
        return Document.read(given)
    if not named:
        return None
    places = [Path.cwd(), *(folder for folder in (near, *near.resolve().parents))]
    candidates = [*(place / named for place in places), near / Path(named).name]
    return next((Document.read(path) for path in candidates if path.is_file()), None)


def migrate_verl(migration: Migration, trainer_file: Document | None) -> None:
    """Carry verl's settings over to Trinity's own keys, or list them.

    Args:
        migration: The migration.
        trainer_file: The file that `trainer.trainer_config_path` names; None without one.
    """
    document = migration.document
    inline = dict(_settings(document, INLINE))
    for key, value in inline.items():
        _carry(migration, inline[key][0], key, value[1], _is_dynamic(inline))
    if document.given(PATH):
        if trainer_file is None:
            migration.lose(PATH, "the file is not here; give it with --trainer-config")
            return
        migration.remove(PATH, "Trinity 0.6 has its own keys, and ignores this file")
    if trainer_file is not None:
        found = dict(_settings(trainer_file, ""))
        for key, (_, value) in found.items():
            _carry(migration, None, key, value, _is_dynamic(found))


def uses_dynamic_batches(migration: Migration, trainer_file: Document | None) -> bool:
    """Return whether the trainer's micro-batches have a number of tokens, as the file was run."""
    document = migration.document
    for source, root in ((document, INLINE), (trainer_file, "")):
        if source is not None and (root == "" or root in source):
            found = dict(_settings(source, root))
            if "actor.use_dynamic_bsz" in found:
                return _is_dynamic(found)
    return bool(document.given("trainer.use_dynamic_bsz", True))


def _settings(document: Document, root: str) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield each of verl's settings by its key in the flat layout, with its place and value."""
    if root and root not in document:
        return
    for leaf in document.leaves(root):
        key = leaf.removeprefix(f"{root}.").removeprefix(f"{OLD_LAYOUT}.")
        yield key, (leaf, document.given(leaf))


def _is_dynamic(settings: dict[str, tuple[str, Any]]) -> bool:
    return bool(settings.get("actor.use_dynamic_bsz", ("", True))[1])


def _carry(migration: Migration, place: str | None, key: str, value: Any, dynamic: bool) -> None:
    """Carry one setting over.

    Args:
        migration: The migration.
        place: The setting's dotted key in the document; None if it is from a file of its own.
        key: Its key in verl's flat layout.
        value: Its value.
        dynamic: Whether micro-batches have a number of tokens.
    """
    if key in MOVED:
        to, default = MOVED[key]
        _to(migration, place, key, to, value, default)
    elif key in PASSED_ON:
        _to(migration, place, key, f"{INLINE}.{key}", value, PASSED_ON[key])
    elif key == MICRO_BATCH and not dynamic:
        _to(migration, place, key, f"{INLINE}.{key}", value, None)
        if value and INFER_MICRO_BATCH not in migration.document:
            migration.set(INFER_MICRO_BATCH, value, "verl 0.8 needs both sizes if they are fixed")
    elif key == MICRO_BATCH:
        _drop(migration, place, "micro-batches have a number of tokens here, not of rows")
    elif any(key == name or key.startswith(f"{name}.") for name in SET_BY_TRINITY):
        _drop(migration, place, "Trinity 0.6 sets it, or another algorithm reads it")
    elif place is not None:
        migration.lose(place, "no key of verl that is known here; check whether you need it")
    else:
        migration.lost.append(
            f"verl's `{key}`: got {value!r}; not known here, check whether you need it"
        )


def _to(
    migration: Migration, place: str | None, key: str, to: str, value: Any, default: Any
) -> None:
    """Set Trinity's key, unless the value is its default or the key is set already."""
    if value == default or (default is None and not value):
        _drop(migration, place, f"the default of `{to}`")
    elif place == to:
        return
    elif to in migration.document:
        _drop(migration, place, f"`{to}` takes precedence")
    elif place is None:
        migration.set(to, value, f"verl's `{key}`, from the file of trainer settings")
    else:
        migration.replace(place, to, value, "Trinity's own key since 0.4")


def _drop(migration: Migration, place: str | None, reason: str) -> None:
    if place is not None:
        migration.remove(place, reason)
