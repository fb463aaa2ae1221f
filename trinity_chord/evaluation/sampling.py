"""Samples answers from a chat model: by vLLM where it can run, by `transformers` otherwise."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trinity_chord.evaluation.checkpoint import resolve_model
from trinity_chord.evaluation.errors import EvaluationError

logger = logging.getLogger(__name__)

Backend = Literal["auto", "vllm", "transformers"]
BATCH_SIZE = {"transformers": 16, "vllm": 1024}
"""Answers sampled together where the caller leaves it open."""


@dataclass(frozen=True)
class Sampling:
    """How a model is asked; see `sample`."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int


@dataclass(frozen=True)
class Sample:
    """One answer.

    Attributes:
        text: The answer without special tokens.
        tokens: Its tokens, the closing one included.
        truncated: It was cut off before the closing token.
    """

    text: str
    tokens: int
    truncated: bool


@dataclass(frozen=True)
class _Request:
    """One answer to sample.

    Attributes:
        prompt: The place of its chat.
        tokens: The chat's tokens.
        seed: Of the answer's own random numbers.
        max_tokens: Of the answer.
    """

    prompt: int
    tokens: list[int]
    seed: int
    max_tokens: int


Answer = Callable[[Sequence[_Request]], list[Sample]]


def sample(
    model: str,
    prompts: list[list[dict]],
    *,
    n: int | Sequence[int],
    temperature: float,
    top_p: float,
    max_tokens: int,
    seed: int,
    backend: Backend,
    batch_size: int,
    on_result: Callable[[int, list[Sample]], None],
) -> None:
    """Sample answers to chats.

    The random numbers of an answer come from `seed`, the chat and the answer's place among the
    `n`: leaving out prompts, or another batch size, changes no answer but by rounding. A chat
    that leaves no room in the model's context gets empty, truncated answers, and a warning.

    Args:
        model: What `resolve_model` takes.
        prompts: Chats, each a list of `{"role", "content"}`.
        n: Answers to each chat: one number, or one for each.
        temperature: 0 takes the most probable token.
        top_p: Sample from the smallest set of tokens with at least this probability.
        max_tokens: Tokens of an answer, the closing one included; fewer where the context ends.
        seed: Of all answers.
        backend: "auto" takes vLLM where it is installed and there is a GPU.
        batch_size: Answers sampled together; results come in between. 0 takes 16 with
            `transformers` and 1024 with vLLM, which schedules within them by itself.
        on_result: Called with the place of a chat and its answers as soon as all are there.

    Raises:
        EvaluationError: The model cannot be loaded, has no chat template, or its template refuses
            a chat; or vLLM is asked for and is not installed.
    """
    chosen = _choose(backend)
    path = resolve_model(model)
    tokenizer, context = _load_tokenizer(path)
    encoded = _encode(tokenizer, prompts, model)
    wanted = [n] * len(prompts) if isinstance(n, int) else list(n)
    room = [max_tokens if context is None else context - len(tokens) for tokens in encoded]
    too_long = [i for i, left in enumerate(room) if left < 1]
    if too_long:
        logger.warning(
            "%d of %d prompts leave no room for an answer in the model's context of %d tokens "
            "(the first is prompt %d): their answers are empty and count as truncated.",
            *(len(too_long), len(prompts), context, too_long[0]),
        )
        for i in too_long:
            on_result(i, [Sample("", 0, truncated=True)] * wanted[i])
    requests = [
        _Request(i, encoded[i], _seed(seed, prompts[i], k), min(max_tokens, room[i]))
        for i in range(len(prompts))
        if room[i] >= 1
        for k in range(wanted[i])
    ]
    if requests:
        load = {"vllm": _load_vllm, "transformers": _load_transformers}[chosen]
        answer = load(path, tokenizer, requests, temperature, top_p)
        _answer_all(answer, requests, wanted, batch_size or BATCH_SIZE[chosen], on_result)


def _answer_all(
    answer: Answer,
    requests: Sequence[_Request],
    wanted: Sequence[int],
    batch_size: int,
    on_result: Callable[[int, list[Sample]], None],
) -> None:
    waiting: dict[int, list[Sample]] = {}
    for start in range(0, len(requests), batch_size):
        batch = requests[start : start + batch_size]
        for request, answered in zip(batch, answer(batch), strict=True):
            samples = waiting.setdefault(request.prompt, [])
            samples.append(answered)
            if len(samples) == wanted[request.prompt]:
                on_result(request.prompt, waiting.pop(request.prompt))


def _choose(backend: Backend) -> str:
    installed = importlib.util.find_spec("vllm") is not None
    if backend == "vllm" and not installed:
        raise EvaluationError(
            "backend 'vllm': vLLM is not installed. Install it (pip install 'trinity-chord[gpu]'), "
            "or take backend 'transformers'."
        )
    if backend != "auto":
        return backend
    import torch

    return "vllm" if installed and torch.cuda.is_available() else "transformers"


def _load_tokenizer(path: str) -> tuple[Any, int | None]:
    """Return the tokenizer and the length of the model's context, None where it has no limit."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(path)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise EvaluationError(f"model {path!r} cannot be loaded: {error}") from error
    if not tokenizer.chat_template:
        raise EvaluationError(
            f"model {path!r}: its tokenizer has no chat template. Give a chat model, or add "
            "chat_template.jinja to the folder."
        )
    return tokenizer, getattr(config.get_text_config(), "max_position_embeddings", None)


def _encode(tokenizer: Any, prompts: list[list[dict]], model: str) -> list[list[int]]:
    from jinja2 import TemplateError

    encoded = []
    for i, messages in enumerate(prompts):
        try:
            tokens = tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=True, return_dict=True
            )
        except TemplateError as error:
            raise EvaluationError(
                f"model {model!r}: its chat template refuses prompt {i}, whose roles are "
                f"{[message.get('role') for message in messages]}: {error}"
            ) from error
        encoded.append(list(tokens["input_ids"]))
    return encoded


def _seed(seed: int, messages: list[dict], k: int) -> int:
    """Return 62 bits that depend on the chat and not on its place."""
    text = json.dumps([seed, messages, k], sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2


def _load_transformers(
    path: str, tokenizer: Any, requests: Sequence[_Request], temperature: float, top_p: float
) -> Answer:
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    from trinity_chord.sampling.eos import eos_token_ids
    from trinity_chord.sampling.generate import Row, SamplingParams
    from trinity_chord.sampling.generate import sample as sample_rows

    try:
        model = AutoModelForCausalLM.from_pretrained(path, dtype="auto").eval()
    except (OSError, ValueError) as error:
        raise EvaluationError(f"model {path!r} cannot be loaded: {error}") from error
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    closing = eos_token_ids(tokenizer, model.generation_config)
    # The model's own defaults, such as a repetition penalty, are not the caller's.
    model.generation_config = GenerationConfig()

    def answer(batch: Sequence[_Request]) -> list[Sample]:
        rows = [
            Row(
                request.tokens,
                SamplingParams(request.max_tokens, temperature=temperature, top_p=top_p),
                request.seed,
            )
            for request in batch
        ]
        sample_rows(model, rows, closing)
        return [
            Sample(
                tokenizer.decode(row.response, skip_special_tokens=True),
                len(row.response),
                truncated=row.response[-1] not in closing,
            )
            for row in rows
        ]

    return answer


def _load_vllm(
    path: str, tokenizer: Any, requests: Sequence[_Request], temperature: float, top_p: float
) -> Answer:
    from vllm import LLM, SamplingParams

    # Room for the longest of these requests: that of the whole context may not fit on the GPU.
    longest = max(len(request.tokens) + request.max_tokens for request in requests)
    engine = LLM(model=path, max_model_len=longest, enable_prefix_caching=True)

    def answer(batch: Sequence[_Request]) -> list[Sample]:
        outputs = engine.generate(
            [{"prompt_token_ids": request.tokens} for request in batch],
            [
                SamplingParams(
                    temperature=temperature,
                    top_p=top_p,
                    max_tokens=request.max_tokens,
                    seed=request.seed,
                )
                for request in batch
            ],
            use_tqdm=False,
        )
        completions = [output.outputs[0] for output in outputs]
        return [
            Sample(each.text, len(each.token_ids), truncated=each.finish_reason == "length")
            for each in completions
        ]

    return answer
