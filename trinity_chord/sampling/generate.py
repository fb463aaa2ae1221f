"""One `generate` call for a batch whose rows have different sampling parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)

from trinity_chord.errors import Problems

TOKEN_KINDS = "mm_token_type_ids"  # [1, length]: 0 for text.


@dataclass(frozen=True)
class SamplingParams:
    """Sampling parameters of one row.

    Attributes:
        max_tokens: Most tokens in the response, including the end-of-sequence token.
        min_tokens: The response does not end before it has this many tokens.
        temperature: Divides the logits; 0 takes the most probable token.
        top_p: Sample from the smallest set of tokens with at least this total probability.
        top_k: Sample from this many most probable tokens; from all of them if 0 or less.
        repetition_penalty: Divides the positive logits, and multiplies the negative ones, of tokens
            that occur in the prompt or the response; 1 has no effect.
        ignore_eos: Continue after an end-of-sequence token.

    Raises:
        ChordConfigError: A value is out of its range; every one is listed.
    """

    max_tokens: int
    min_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    repetition_penalty: float = 1.0
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        problems = Problems()
        for key, in_range, expected in (
            ("max_tokens", self.max_tokens >= 1, "at least 1"),
            ("temperature", self.temperature >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("repetition_penalty", self.repetition_penalty > 0, "above 0"),
        ):
            if not in_range:
                problems.add(key, getattr(self, key), f"a number {expected}")
        problems.raise_if_any("Sampling parameters out of range")


@dataclass
class Row:
    """One sequence to sample, and its sampled response.

    Attributes:
        prompt: Token ids, at least one.
        params: The sampling parameters.
        seed: Seed of the row's random numbers. The sample depends on neither the other rows nor
            torch's global generator.
        images: What the model's processor makes of the prompt's images; empty if it has none.
        response: The sampled token ids.
        logprobs: One per token of ``response``, in nats: its log-probability under
            softmax(logits / temperature) over the whole vocabulary (with temperature 1 if it is 0).
            That is what the trainer computes for the same token; top_p, top_k and the penalty
            change which token is sampled, but not this.
    """

    prompt: list[int]
    params: SamplingParams
    seed: int
    images: Mapping[str, Tensor] = field(default_factory=dict)
    response: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class _Sampler(LogitsProcessor):
    """Samples each row by its own parameters and forces `generate` to take the sampled token.

    `generate` takes the token with the highest score; this sets all other scores to -inf. Sampling
    here keeps one float per token, whereas `output_logits` would keep the whole vocabulary.
    """

    def __init__(
        self, rows: Sequence[Row], eos_token_ids: Sequence[int], device: torch.device
    ) -> None:
        self.rows = rows
        self.eos = list(eos_token_ids)
        self.generators = [torch.Generator(device).manual_seed(row.seed) for row in rows]
        self.done = [False] * len(rows)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Choose the next token of each row.

        Args:
            input_ids: `[rows, length]`: the left-padded prompts and the responses so far.
            scores: `[rows, vocabulary]`, float32: the raw logits.

        Returns:
            `[rows, vocabulary]`: 0 for the chosen token, -inf for the others.
        """
        chosen = torch.zeros(len(self.rows), dtype=torch.long, device=scores.device)
        for i, row in enumerate(self.rows):
            if not self.done[i]:
                chosen[i] = self._choose(row, self.generators[i], scores[i])
                self.done[i] = self._is_finished(row)
        forced = torch.full_like(scores, -torch.inf)
        return forced.scatter_(1, chosen[:, None], 0.0)

    def _choose(self, row: Row, generator: torch.Generator, logits: Tensor) -> int:
        params = row.params
        temperature = params.temperature or 1.0
        logprobs = (logits / temperature).log_softmax(-1)
        token = _pick(self._allowed(row, logits), params, generator)
        row.response.append(token)
        row.logprobs.append(logprobs[token].item())
        return token

    def _allowed(self, row: Row, logits: Tensor) -> Tensor:
        """Return `[vocabulary]` logits with the penalty and the minimum length applied."""
        penalty = row.params.repetition_penalty
        if penalty != 1.0:
            seen = torch.tensor(sorted({*row.prompt, *row.response}), device=logits.device)
            values = logits[seen]
            values = torch.where(values > 0, values / penalty, values * penalty)
            logits = logits.index_copy(0, seen, values)
        if len(row.response) < row.params.min_tokens:
            eos = torch.tensor(self.eos, dtype=torch.long, device=logits.device)
            logits = logits.index_fill(0, eos, -torch.inf)
        return logits

    def _is_finished(self, row: Row) -> bool:
        if len(row.response) >= row.params.max_tokens:
            return True
        return not row.params.ignore_eos and row.response[-1] in self.eos


def _pick(logits: Tensor, params: SamplingParams, generator: torch.Generator) -> int:
    """Sample one token id from `[vocabulary]` logits."""
    if params.temperature == 0:
        return int(logits.argmax())
    logits = logits / params.temperature
    if 0 < params.top_k < logits.numel():
        smallest = logits.topk(params.top_k).values[-1]
        logits = logits.masked_fill(logits < smallest, -torch.inf)
    probabilities = logits.softmax(-1)
    if params.top_p < 1.0:
        ordered, order = probabilities.sort(descending=True)
        before = ordered.cumsum(-1) - ordered
        probabilities = probabilities.index_fill(0, order[before >= params.top_p], 0.0)
    return int(torch.multinomial(probabilities, 1, generator=generator))


class _AllRowsDone(StoppingCriteria):
    def __init__(self, sampler: _Sampler) -> None:
        self.sampler = sampler

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: object) -> Tensor:
        return torch.tensor(self.sampler.done, device=input_ids.device)


@torch.inference_mode()
def sample(model: PreTrainedModel, rows: Sequence[Row], eos_token_ids: Sequence[int]) -> None:
    """Sample a response for each row, in one `generate` call, and write it into the row.

    Args:
        model: A causal language model, in evaluation mode.
        rows: Prompts and parameters; the call fills ``response`` and ``logprobs``.
        eos_token_ids: Each of these ends a sequence and is its last token.
    """
    width = max(len(row.prompt) for row in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    attention_mask = torch.zeros_like(input_ids)
    for i, row in enumerate(rows):
        input_ids[i, width - len(row.prompt) :] = torch.tensor(row.prompt)
        attention_mask[i, width - len(row.prompt) :] = 1
    sampler = _Sampler(rows, eos_token_ids, model.device)
    longest = max(row.params.max_tokens for row in rows)
    generation_config = GenerationConfig(do_sample=False, max_new_tokens=longest)  # type: ignore[no-untyped-call]  # unannotated in transformers
    generate: Any = model.generate
    generate(
        input_ids.to(model.device),
        attention_mask=attention_mask.to(model.device),
        **{key: value.to(model.device) for key, value in _images(rows, width).items()},
        generation_config=generation_config,
        logits_processor=LogitsProcessorList([sampler]),
        stopping_criteria=StoppingCriteriaList([_AllRowsDone(sampler)]),
    )


def _images(rows: Sequence[Row], width: int) -> dict[str, Tensor]:
    """Return the images of all rows as one batch: in their order, one after the other."""
    batch = {}
    for key in dict.fromkeys(key for row in rows for key in row.images):
        if key == TOKEN_KINDS:
            kinds = torch.zeros(len(rows), width, dtype=torch.long)
            for i, row in enumerate(rows):
                if key in row.images:
                    kinds[i, width - len(row.prompt) :] = row.images[key][0]
            batch[key] = kinds
        else:
            batch[key] = torch.cat([row.images[key] for row in rows if key in row.images])
    return batch
