"""Samples answers to chats: with vLLM if it can run here, otherwise with `transformers`."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

from trinity_chord.evaluation.checkpoint import resolve_model
from trinity_chord.evaluation.engines.interface import Engine, Request, Sample, Sampling
from trinity_chord.evaluation.errors import EvaluationError

__all__ = ["Backend", "Chat", "Sample", "Sampler", "Sampling", "sample"]

logger = logging.getLogger(__name__)

Backend = Literal["auto", "vllm", "transformers"]
Chat = list[dict[str, str]]
"""Messages, each `{"role", "content"}`."""
OnResult = Callable[[int, list[Sample]], None]
BATCH_SIZE = {"transformers": 16, "vllm": 1024}
"""Answers per batch if the caller does not choose."""


def sample(
    model: str,
    prompts: Sequence[Chat],
    sampling: Sampling,
    *,
    n: int | Sequence[int],
    backend: Backend,
    batch_size: int,
    on_result: OnResult,
) -> None:
    """Sample answers to chats.

    The random numbers of an answer depend only on the seed, the chat and the answer's index among
    the `n`. Leaving out prompts or changing the batch size therefore changes no answer, except by
    rounding. A chat that leaves no room in the model's context gets empty, truncated answers and
    a warning.

    Args:
        model: See `resolve_model`.
        prompts: The chats.
        sampling: How to sample. An answer has fewer than `max_tokens` if the model's context ends.
        n: Answers per chat: one number for all, or one per chat.
        backend: "auto" takes vLLM if it is installed and there is a GPU.
        batch_size: Answers per batch; results arrive between batches. 0 takes 16 for
            `transformers` and 1024 for vLLM, which schedules within a batch by itself.
        on_result: Called with the index of a chat and all its answers once they are complete.

    Raises:
        EvaluationError: The model cannot be loaded, has no chat template, or its template rejects
            a chat; or vLLM is requested and not installed.
    """
    Sampler(model, sampling, backend=backend, batch_size=batch_size).sample(
        prompts, n=n, on_result=on_result
    )


class Sampler:
    """A model that answers chats; it is loaded with the first chat. See `sample`.

    Args:
        model: See `resolve_model`.
        sampling: How to sample.
        backend: See `sample`.
        batch_size: See `sample`.
        whole_context: Load the model for chats as long as its context, because later chats may be
            longer than the first ones.

    Attributes:
        batch_size: Answers per batch.
    """

    def __init__(
        self,
        model: str,
        sampling: Sampling,
        *,
        backend: Backend,
        batch_size: int,
        whole_context: bool = False,
    ) -> None:
        self._model = model
        self._sampling = sampling
        self._backend = _choose(backend)
        self._path = resolve_model(model)
        self._tokenizer, self._context = _load_tokenizer(self._path)
        self._whole_context = whole_context
        self._engine: Engine | None = None
        self.batch_size = batch_size or BATCH_SIZE[self._backend]

    def sample(
        self, prompts: Sequence[Chat], *, n: int | Sequence[int], on_result: OnResult
    ) -> None:
        """Sample answers to chats. See the function `sample`."""
        context, max_tokens = self._context, self._sampling.max_tokens
        encoded = _encode(self._tokenizer, prompts, self._model)
        counts = [n] * len(prompts) if isinstance(n, int) else list(n)
        room = [max_tokens if context is None else context - len(tokens) for tokens in encoded]
        too_long = [i for i, left in enumerate(room) if left < 1]
        if too_long:
            logger.warning(
                "%d of %d prompts leave no room for an answer in the model's context of %d tokens "
                "(the first is prompt %d): their answers are empty and count as truncated.",
                *(len(too_long), len(prompts), context, too_long[0]),
            )
            for i in too_long:
                on_result(i, [Sample("", 0, truncated=True)] * counts[i])
        requests = [
            Request(
                prompt=i,
                tokens=encoded[i],
                seed=_seed(self._sampling.seed, prompts[i], k),
                max_tokens=min(max_tokens, room[i]),
            )
            for i in range(len(prompts))
            if room[i] >= 1
            for k in range(counts[i])
        ]
        if requests:
            engine = self._engine = self._engine or self._load(requests)
            _answer_all(engine, requests, counts, self.batch_size, on_result)

    def _load(self, requests: Sequence[Request]) -> Engine:
        longest = max(len(request.tokens) + request.max_tokens for request in requests)
        if self._whole_context and self._context is not None:
            longest = self._context
        return _load_engine(self._backend, self._path, self._tokenizer, longest, self._sampling)


def _answer_all(
    engine: Engine,
    requests: Sequence[Request],
    counts: Sequence[int],
    batch_size: int,
    on_result: OnResult,
) -> None:
    """Answer the requests batch by batch; report each chat once it has `counts[i]` answers."""
    incomplete: dict[int, list[Sample]] = {}
    for start in range(0, len(requests), batch_size):
        batch = requests[start : start + batch_size]
        for request, answer in zip(batch, engine.answer(batch), strict=True):
            samples = incomplete.setdefault(request.prompt, [])
            samples.append(answer)
            if len(samples) == counts[request.prompt]:
                on_result(request.prompt, incomplete.pop(request.prompt))


def _choose(backend: Backend) -> Backend:
    """Return "vllm" or "transformers"."""
    installed = importlib.util.find_spec("vllm") is not None
    if backend == "vllm" and not installed:
        raise EvaluationError(
            "backend 'vllm': vLLM is not installed. Install it (pip install 'trinity-chord[gpu]') "
            "or use backend 'transformers'."
        )
    if backend != "auto":
        return backend
    import torch

    return "vllm" if installed and torch.cuda.is_available() else "transformers"


def _load_engine(
    backend: Backend, path: str, tokenizer: Any, longest: int, sampling: Sampling
) -> Engine:
    if backend == "vllm":
        from trinity_chord.evaluation.engines.vllm import VLLMEngine

        return VLLMEngine(path, longest, sampling)
    from trinity_chord.evaluation.engines.transformers import TransformersEngine

    return TransformersEngine(path, tokenizer, sampling)


def _load_tokenizer(path: str) -> tuple[Any, int | None]:
    """Return the tokenizer and the context length of the model, None if it has no limit."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(path)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise EvaluationError(f"model {path!r} cannot be loaded: {error}") from error
    if not tokenizer.chat_template:
        raise EvaluationError(
            f"model {path!r}: its tokenizer has no chat template. Use a chat model, or add "
            "chat_template.jinja to the folder."
        )
    return tokenizer, getattr(config.get_text_config(), "max_position_embeddings", None)


def _encode(tokenizer: Any, prompts: Sequence[Chat], model: str) -> list[list[int]]:
    """Return the token ids of each chat, including the generation prompt."""
    from jinja2 import TemplateError

    encoded = []
    for i, messages in enumerate(prompts):
        try:
            tokens = tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=True, return_dict=True
            )
        except TemplateError as error:
            raise EvaluationError(
                f"model {model!r}: its chat template rejects prompt {i}, whose roles are "
                f"{[message.get('role') for message in messages]}: {error}"
            ) from error
        encoded.append(list(tokens["input_ids"]))
    return encoded


def _seed(seed: int, messages: Chat, k: int) -> int:
    """Return 62 bits that depend on the chat's content and not on its index."""
    text = json.dumps([seed, messages, k], sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2
