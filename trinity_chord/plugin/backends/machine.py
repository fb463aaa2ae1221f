"""Adapts a run to a machine without a GPU, if it is meant to run there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING

from trinity.utils.log import get_logger

from trinity_chord.errors import ChordConfigError

if TYPE_CHECKING:
    from trinity.common.config import Config

_ENGINE_KEY = "explorer.rollout_model.engine_type"
_for_another_cluster: ContextVar[bool] = ContextVar("for_another_cluster", default=False)


@contextmanager
def for_another_cluster() -> Iterator[None]:
    """Check configurations, inside the block, for a cluster that this machine is not part of."""
    token = _for_another_cluster.set(True)
    try:
        yield
    finally:
        _for_another_cluster.reset(token)


def prepare_machine(config: Config) -> None:
    """Patch Trinity and adapt the configuration if the run is meant for a machine without a GPU.

    A machine that only launches a run on a cluster's GPUs has no GPU either. The rollout engine
    decides between the two: "transformers", and vLLM if the installed one is for CPUs, sample
    here. In `train` mode, which has none, the running Ray does. Tinker trains and samples elsewhere
    and needs no GPU.

    Args:
        config: Trinity's configuration; changed in place.

    Raises:
        ChordConfigError: The rollout engine cannot run here.
    """
    from trinity_chord.cpu import activate, adapt
    from trinity_chord.cpu.machine import ENGINE_TYPE, has_gpu, samples_here

    if config.model.tinker.enable:
        activate()  # Trinity's model for Tinker and its reader of expert data import from vLLM
        return
    engine = config.explorer.rollout_model.engine_type
    explores = config.mode != "train"
    if has_gpu():
        if explores and engine == ENGINE_TYPE:
            raise ChordConfigError(
                f"`{_ENGINE_KEY}`: got {engine!r}, which is for machines without a GPU; expected "
                "'vllm' or another of Trinity's engines"
            )
        return
    if not samples_here(engine):
        if _for_another_cluster.get():
            activate()  # Trinity's reader of expert data imports from vLLM
            return
        if explores:
            _require_vllm(engine)
            return
        if _ray_has_gpus(config):
            return
    activate()
    logger = get_logger(__name__)
    for line in adapt(config):
        logger.info("Without a GPU: %s", line)


def _require_vllm(engine: str) -> None:
    """Refuse to launch a vLLM engine from a machine without vLLM."""
    from trinity_chord.cpu import activate
    from trinity_chord.cpu.machine import ENGINE_TYPE

    if not engine.startswith("vllm") or find_spec("vllm") is not None:
        return
    activate()  # for the checks that follow: Trinity's reader of expert data imports from vLLM
    raise ChordConfigError(
        f"`{_ENGINE_KEY}`: got {engine!r}, but this machine has neither a GPU nor vLLM; expected "
        f"{ENGINE_TYPE!r} to run here, or `pip install 'trinity-chord[gpu]'` to launch on a "
        "cluster with GPUs"
    )


def _ray_has_gpus(config: Config) -> bool:
    """Return whether the running Ray has real GPUs, which, unlike simulated ones, have a type."""
    import ray

    connected = ray.is_initialized()
    if not connected:
        try:
            ray.init(address=config.cluster.ray_address, log_to_driver=False)
        except ConnectionError:
            return False
    cluster_resources: Callable[[], dict[str, float]] = ray.cluster_resources
    try:
        return any(name.startswith("accelerator_type:") for name in cluster_resources())
    finally:
        if not connected:
            ray.shutdown()
