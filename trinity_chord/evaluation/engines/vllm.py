"""Samples answers with vLLM, on one GPU.

vLLM is optional: it is imported when an engine is created, not with this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trinity_chord.evaluation.engines.interface import Request, Sample, Sampling


class VLLMEngine:
    """A model loaded by vLLM.

    Args:
        path: A Hugging Face folder or hub id.
        max_model_len: Maximum tokens of a chat and its answer. The model's whole context may not
            fit into the GPU's memory.
        sampling: `temperature` and `top_p` are used; the rest is in each request.
    """

    def __init__(self, path: str, max_model_len: int, sampling: Sampling) -> None:
        from vllm import LLM

        self._llm = LLM(model=path, max_model_len=max_model_len, enable_prefix_caching=True)
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
