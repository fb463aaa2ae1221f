"""Adapts a run to a machine without a GPU, where it is meant to run on one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trinity.utils.log import get_logger

from trinity_chord.errors import ChordConfigError

if TYPE_CHECKING:
    from trinity.common.config import Config

_elsewhere: ContextVar[bool] = ContextVar("checked for another cluster", default=False)


@contextmanager
def for_another_cluster() -> Iterator[None]:
    """Within it, a configuration is checked for a cluster that this machine need not be part of."""
    token = _elsewhere.set(True)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def prepare_machine(config: Config) -> None:
    """Mends and adapts Trinity where there is no GPU and the configuration asks for none.

    A machine that only launches a run on a cluster's GPUs has none either: the rollout engine
    tells the two apart, and in `train` mode the running Ray does. Tinker trains and samples
    elsewhere and needs none.

    Args:
        config: Trinity's configuration; changed in place.

    Raises:
        ChordConfigError: The rollout engine cannot run here.
    """
    from trinity_chord.cpu import activate, adapt
    from trinity_chord.cpu.machine import ENGINE_TYPE, has_gpu

    if config.model.tinker.enable:
        activate()  # Trinity's model for Tinker and its reader of expert data want names of vLLM
        return
    engine = config.explorer.rollout_model.engine_type
    explores = config.mode != "train"
    if has_gpu():
        if explores and engine == ENGINE_TYPE:
            raise ChordConfigError(
                f"`explorer.rollout_model.engine_type`: got {engine!r}, which is for machines "
                "without a GPU; expected 'vllm' or another of Trinity's engines"
            )
        return
    no_vllm = engine.startswith("vllm") and find_spec("vllm") is None
    if explores and no_vllm and not _elsewhere.get():
        activate()  # the rest is checked too; reading expert data wants names of vLLM
        raise ChordConfigError(
            f"`explorer.rollout_model.engine_type`: got {engine!r}, but there is neither a GPU "
            f"nor vLLM here; expected {ENGINE_TYPE!r} to run on this machine, or "
            "`pip install 'trinity-chord[gpu]'` to launch on a cluster with GPUs"
        )
    if engine != ENGINE_TYPE and _elsewhere.get():
        activate()  # Trinity's reader of expert data wants names of vLLM
        return
    if engine != ENGINE_TYPE and (explores or _ray_has_gpus(config)):
        return
    activate()
    logger = get_logger(__name__)
    for line in adapt(config):
        logger.info("Without a GPU: %s", line)


def _ray_has_gpus(config: Config) -> bool:
    """Whether the running Ray has real GPUs: those have an accelerator type, stand-ins have not."""
    import ray

    connected = ray.is_initialized()
    if not connected:
        try:
            ray.init(address=config.cluster.ray_address, log_to_driver=False)
        except ConnectionError:
            return False
    try:
        return any(name.startswith("accelerator_type:") for name in ray.cluster_resources())
    finally:
        if not connected:
            ray.shutdown()
