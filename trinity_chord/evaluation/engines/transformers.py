"""Samples answers with `transformers`, on one GPU if there is one, otherwise on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from trinity_chord.evaluation.engines.interface import Request, Sample, Sampling
from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.sampling import generate
from trinity_chord.sampling.eos import eos_token_ids


class TransformersEngine:
    """A causal language model of `transformers`.

    Args:
        path: A Hugging Face folder or hub id.
        tokenizer: Its tokenizer.
        sampling: `temperature` and `top_p` are used; the rest is in each request.

    Raises:
        EvaluationError: The model cannot be loaded.
    """

    def __init__(self, path: str, tokenizer: Any, sampling: Sampling) -> None:
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
        except (OSError, ValueError) as error:
            raise EvaluationError(f"model {path!r} cannot be loaded: {error}") from error
        model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        self._closing = eos_token_ids(tokenizer, model.generation_config)
        # The model's own defaults, such as a repetition penalty, must not apply. `transformers` has
        # no annotations for this constructor.
        model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
        self._model = model
        self._tokenizer = tokenizer
        self._sampling = sampling

    def answer(self, requests: Sequence[Request]) -> list[Sample]:
        """Return one answer per request, sampled in one batch."""
        rows = [
            generate.Row(request.tokens, self._params(request), request.seed)
            for request in requests
        ]
        generate.sample(self._model, rows, self._closing)
        return [
            Sample(
                text=self._tokenizer.decode(row.response, skip_special_tokens=True),
                tokens=len(row.response),
                truncated=row.response[-1] not in self._closing,
            )
            for row in rows
        ]

    def _params(self, request: Request) -> generate.SamplingParams:
        return generate.SamplingParams(
            request.max_tokens,
            temperature=self._sampling.temperature,
            top_p=self._sampling.top_p,
        )
