"""Patches of Trinity's vLLM engine; `trinity_chord.cpu.patches` lists where each applies."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any
from unittest import mock

WORKER = "trinity_chord.cpu.vllm_worker.CPURolloutWorker"


def use_cpu_worker(vllm_model: ModuleType) -> None:
    """Start vLLM with a worker for the CPU.

    Problem: `vLLMRolloutModel.prepare` asks for Trinity's worker by name, a subclass of vLLM's GPU
    worker, which refuses to start: "Not support device type: cpu".
    """
    original = vllm_model.vLLMRolloutModel.prepare

    # A plain function: Ray copies the methods of an actor's class and drops wrapt's wrappers.
    @functools.wraps(original)
    async def prepare(self: Any) -> None:
        import vllm

        engine_args = vllm.AsyncEngineArgs

        def with_cpu_worker(**kwargs: Any) -> Any:
            return engine_args(**{**kwargs, "worker_cls": WORKER})

        with mock.patch.object(vllm, "AsyncEngineArgs", with_cpu_worker):
            await original(self)

    vllm_model.vLLMRolloutModel.prepare = prepare
