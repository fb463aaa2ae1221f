"""Fixtures of the tests with vLLM; nothing is collected if it is not installed."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trinity_chord.cpu.machine import cpu_vllm_version

# Read by Ray when it is imported: without it, Ray ignores the address 127.0.0.1.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

collect_ignore_glob = ["test_*.py"] if cpu_vllm_version() is None else []

Wait = Callable[[Awaitable[Any]], Any]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned `tests.vllm.chats`."""
    from tests.vllm import chats, taught

    return taught.teach(tmp_path_factory.mktemp("model"), chats.learned())


@pytest.fixture(scope="session")
def wait() -> Iterator[Wait]:
    """Run a coroutine to its end, always in the same event loop."""
    with asyncio.Runner() as runner:
        yield lambda awaitable: runner.run(_result(awaitable))


async def _result(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


@pytest.fixture(scope="session")
def model(folder: Path, tmp_path_factory: pytest.TempPathFactory, wait: Wait) -> Iterator[Any]:
    """Trinity's model with its vLLM engine in a Ray actor, as its explorer creates it."""
    import ray
    from trinity.common.config import Config
    from trinity.common.constants import SyncMethod
    from trinity.common.models.allocator import Allocator

    from trinity_chord.cpu import activate, adapt

    activate()
    config = Config(mode="explore")
    config.explorer.name = "explorer"
    rollout = config.explorer.rollout_model
    rollout.model_path = str(folder)
    rollout.engine_type = "vllm"
    rollout.max_prompt_tokens, rollout.max_response_tokens = 1024, 48
    rollout.max_model_len = 1088
    rollout.enable_prompt_truncation = True
    rollout.min_response_tokens = 1
    rollout.temperature, rollout.top_p, rollout.top_k = 1.0, 1.0, -1
    rollout.logprobs = 0
    rollout.enable_openai_api = rollout.enable_auto_tool_choice = True
    rollout.tool_call_parser, rollout.reasoning_parser = "hermes", "deepseek_r1"
    rollout.sync_method = SyncMethod.CHECKPOINT
    rollout.checkpoint_job_dir = str(tmp_path_factory.mktemp("job"))
    rollout.ray_namespace = "tests"
    adapt(config)
    rollout.engine_num = 1
    ray.init(
        address="local",
        num_gpus=1,  # Not a real one; Ray only counts it.
        num_cpus=8,
        namespace=rollout.ray_namespace,
        runtime_env={"env_vars": config.get_envs()},
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
    )
    try:
        (created,), _ = wait(Allocator(config.explorer).create_all_models())
        yield created
        wait(created.shutdown())
    finally:
        ray.shutdown()
