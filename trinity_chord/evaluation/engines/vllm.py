"""Samples answers with vLLM, on one GPU, or without one if the installed vLLM is for CPUs.

vLLM is optional: it is imported when an engine is created, not with this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trinity_chord.evaluation.engines.interface import Request, Sample, Sampling

# Without a GPU, vLLM would take most of the machine's memory for its cache, and compiling takes
# longer than it saves. `VLLM_CPU_KVCACHE_SPACE`, in GiB, overrides the size of the cache.
WITHOUT_GPU = {"kv_cache_memory_bytes": 2**30, "enforce_eager": True}


class VLLMEngine:
    """A model loaded by vLLM.

    Args:
        path: A Hugging Face folder or hub id.
        max_model_len: Maximum tokens of a chat and its answer. The model's whole context may not
            fit into the GPU's memory.
        sampling: `temperature` and `top_p` are used; the rest is in each request.
    """

    def __init__(self, path: str, max_model_len: int, sampling: Sampling) -> None:
        import torch
        from vllm import LLM

        self._llm = LLM(
            model=path,
            max_model_len=max_model_len,
            enable_prefix_caching=True,
            **({} if torch.cuda.is_available() else WITHOUT_GPU),
        )
        self._sampling = sampling

    def answer(self, requests: Sequence[Request]) -> list[Sample]:
        """Return one answer per request; vLLM schedules the requests itself."""
        outputs = self._llm.generate(
            [{"prompt_token_ids": request.tokens} for request in requests],
            [self._params(request) for request in requests],
            use_tqdm=False,
        )
        completions = [output.outputs[0] for output in outputs]
        return [
            Sample(
                text=completion.text,
                tokens=len(completion.token_ids),
                truncated=completion.finish_reason == "length",
            )
            for completion in completions
        ]

    def _params(self, request: Request) -> Any:
        # Parameters given explicitly: vLLM then ignores the model's own sampling defaults.
        from vllm import SamplingParams

        return SamplingParams(
            temperature=self._sampling.temperature,
            top_p=self._sampling.top_p,
            max_tokens=request.max_tokens,
            seed=request.seed,
        )
