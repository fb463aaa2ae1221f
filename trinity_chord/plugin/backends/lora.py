"""Settings of LoRA with which Trinity would train or sample something else than one expects."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trinity_chord.cpu.machine import ENGINE_TYPE
from trinity_chord.plugin.backends.tinker import backend_of
from trinity_chord.plugin.backends.verl import actor_settings

if TYPE_CHECKING:
    from trinity.common.config import Config, LoRAConfig

    from trinity_chord.errors import Problems

KEY = "model.lora_configs"
ADAPTER = "adapter_config.json"
# What vLLM accepts as its largest rank, which Trinity sets to `lora_rank`.
VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
# A number in bfloat16 keeps 8 bits: an optimizer step below its 1/256 can be rounded away. Matrix A
# starts with numbers up to 1/√hidden size, which is 0.026 for a hidden size of 1536.
SMALLEST_LR = 1e-4


def check_lora(config: Config, problems: Problems) -> None:
    """Refuse what would fail later, and what Trinity would ignore without a message.

    Args:
        config: Trinity's configuration.
        problems: Collects what is wrong.
    """
    _check_model(config, problems)
    lora = lora_of(config)
    if lora is None:
        return
    _check_parts(config, problems)
    if lora.lora_rank < 1:
        problems.add(f"{KEY}.lora_rank", lora.lora_rank, "1 or more", "0 trains all weights")
    elif _engine(config).startswith("vllm") and lora.lora_rank not in VLLM_RANKS:
        ranks = ", ".join(map(str, VLLM_RANKS))
        problems.add(f"{KEY}.lora_rank", lora.lora_rank, f"one of {ranks}, which vLLM accepts")
    if lora.path and not lora.is_dummy:
        _check_adapter(lora, problems)


def adapt_lora(config: Config) -> list[str]:
    """Sync weights by `checkpoint` if vLLM samples from an adapter, in place.

    Trinity's vLLM model reads each new adapter from the folder that only this method writes.
    Trinity itself replaces `nccl`, but by `memory` on a single GPU.

    Args:
        config: Trinity's configuration.

    Returns:
        The messages for the user.
    """
    lora = lora_of(config)
    if lora is None:
        return []
    return [*_sync_by_checkpoint(config), *_notices(config, lora)]


def lora_of(config: Config) -> LoRAConfig | None:
    """Return the adapter that verl trains, None if all weights are trained."""
    if backend_of(config) != "verl" or not config.model.lora_configs:
        return None
    return config.model.lora_configs[0]


def _engine(config: Config) -> str:
    return "none" if config.mode == "train" else config.explorer.rollout_model.engine_type


def _check_model(config: Config, problems: Problems) -> None:
    """Refuse the model folder of a LoRA run's checkpoint.

    verl writes the weights there under PEFT's names, and `transformers`, which does not find them,
    starts from random ones.
    """
    path = Path(config.model.model_path or "")
    if path.name == "huggingface" and (path.parent / "lora_adapter" / ADAPTER).is_file():
        problems.add(
            "model.model_path",
            str(path),
            "another folder: the checkpoint of a LoRA run holds no weights that can be loaded from "
            f"there; keep the `model_path` of that run and set `{KEY}: [{{path: "
            f"{path.parent / 'lora_adapter'}}}]`",
        )


def _check_parts(config: Config, problems: Problems) -> None:
    """Refuse the trainer, the engine and the version of PEFT that do not handle adapters."""
    strategy, engine = config.trainer.trainer_strategy, _engine(config)
    if not strategy.startswith("fsdp"):
        problems.add(
            "trainer.trainer_strategy",
            strategy,
            f"'fsdp2' with `{KEY}`",
            "Trinity does not pass the adapter on to Megatron, which would train all weights",
        )
    if engine not in ("none", ENGINE_TYPE) and not engine.startswith("vllm"):
        problems.add(
            "explorer.rollout_model.engine_type",
            engine,
            f"'vllm' with `{KEY}`",
            "Trinity's other engines would sample from the model without its adapter",
        )
    installed = version("peft")
    if _release(installed) >= (0, 21):
        problems.add_text(
            f"peft: got version {installed}, expected 0.18 to 0.20 with `{KEY}`: with a later one, "
            "verl 0.8 saves an adapter without weights; pip install 'peft>=0.18,<0.21'"
        )


def _release(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def _check_adapter(lora: LoRAConfig, problems: Problems) -> None:
    """Compare a start adapter with what the configuration says of it."""
    file = Path(str(lora.path)) / ADAPTER
    if not file.is_file():
        problems.add(f"{KEY}.path", lora.path, f"a folder with {ADAPTER}")
        return
    adapter: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if adapter.get("r") != lora.lora_rank:
        problems.add(
            f"{KEY}.lora_rank", lora.lora_rank, f"{adapter.get('r')}, the rank of {lora.path}"
        )
    if adapter.get("lora_dropout"):
        problems.add_text(
            f"`{KEY}.path`: got an adapter with lora_dropout {adapter['lora_dropout']}, expected "
            f"0: the trainer would drop parts of the policy at random; change it in {file}"
        )


def _sync_by_checkpoint(config: Config) -> list[str]:
    from trinity.common.constants import SyncMethod

    synchronizer = config.synchronizer
    old = synchronizer.sync_method
    if not _engine(config).startswith("vllm") or old == SyncMethod.CHECKPOINT:
        return []
    synchronizer.sync_method = SyncMethod.CHECKPOINT
    return [
        f"`synchronizer.sync_method`: got {old.value}, set to checkpoint, because vLLM reads each "
        "new adapter from there."
    ]


def _notices(config: Config, lora: LoRAConfig) -> list[str]:
    from trinity.algorithm import ALGORITHM_TYPE

    notices = []
    lr = config.algorithm.optimizer.lr
    if config.trainer.trainer_strategy == "fsdp2" and not _in_float32(config) and lr < SMALLEST_LR:
        notices.append(
            f"`algorithm.optimizer.lr`: got {lr}; with fsdp2 Trinity keeps the adapter in "
            f"bfloat16, in which many steps below {SMALLEST_LR} are rounded away."
        )
    uses_reference = ALGORITHM_TYPE.get(config.algorithm.algorithm_type).use_reference
    if uses_reference and lora.path and not lora.is_dummy:
        notices.append(
            f"`{KEY}.path`: the reference policy is the model without any adapter, not the policy "
            "at the start."
        )
    return notices


def _in_float32(config: Config) -> bool:
    """Return whether the trainer computes in float32, as it does without a GPU."""
    precision = (actor_settings(config).get("fsdp_config") or {}).get("mixed_precision") or {}
    return precision.get("param_dtype") == "fp32"
