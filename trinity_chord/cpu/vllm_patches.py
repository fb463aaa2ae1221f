"""Patches of Trinity's vLLM engine; `trinity_chord.cpu.patches` lists where each applies."""

from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any
from unittest import mock

WORKER = "trinity_chord.cpu.vllm_worker.CPURolloutWorker"


def use_cpu_worker(vllm_model: ModuleType) -> None:
    """Start vLLM with a worker for the CPU.

    Problem: `vLLMRolloutModel.prepare` asks for Trinity's worker by name, a subclass of vLLM's GPU
    worker, which refuses to start: "Not support device type: cpu".

    vLLM's processes inherit this one's environment. `RAY_ADDRESS` leads the worker, which asks
    the synchronizer for the trainer's weights, to this Ray; without it, the worker starts a Ray of
    its own. `TORCHDYNAMO_DISABLE` is for what vLLM compiles in spite of `enforce_eager`, which
    takes 20 s at the first prompts.
    """
    original = vllm_model.vLLMRolloutModel.prepare

    # A plain function: Ray copies the methods of an actor's class and drops wrapt's wrappers.
    @functools.wraps(original)
    async def prepare(self: Any) -> None:
        import ray
        import vllm

        if ray.is_initialized():
            os.environ.setdefault("RAY_ADDRESS", ray.get_runtime_context().gcs_address)
        if self.config.enforce_eager:
            os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
        engine_args = vllm.AsyncEngineArgs

        def with_cpu_worker(**kwargs: Any) -> Any:
            return engine_args(**{**kwargs, "worker_cls": WORKER})

        with mock.patch.object(vllm, "AsyncEngineArgs", with_cpu_worker):
            await original(self)

    vllm_model.vLLMRolloutModel.prepare = prepare
