"""Small policies: a character-level Qwen2, its log-probabilities and its sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from transformers import DynamicCache, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

PAD, UNKNOWN, USER, ASSISTANT, END = range(5)
"""The special tokens of `trinity_chord.quickstart.tokenizer`, in its order."""
SPECIAL = 5
MAX_LENGTH = 256
ALIKE = 16
"""Rows of similar lengths that are computed together: with fewer, less is padding."""
Row = tuple[list[int], list[int]]
"""The tokens of a prompt and of a response."""


@dataclass(frozen=True)
class Size:
    """The size of a policy.

    Attributes:
        layers: Number of layers.
        width: Width of the residual stream.
        heads: Number of attention heads.
        inner: Width inside the feed-forward part.
    """

    layers: int
    width: int
    heads: int
    inner: int


SIZES = {"small": Size(3, 128, 4, 256), "large": Size(6, 512, 8, 1024)}


def new_policy(size: str, characters: str) -> Qwen2ForCausalLM:
    """Build an untrained policy from torch's global random state."""
    wanted = SIZES[size]
    special = {"bos_token_id": None, "eos_token_id": END, "pad_token_id": PAD}
    config = Qwen2Config(
        vocab_size=SPECIAL + len(characters),
        hidden_size=wanted.width,
        intermediate_size=wanted.inner,
        num_hidden_layers=wanted.layers,
        num_attention_heads=wanted.heads,
        num_key_value_heads=wanted.heads,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=False,
        initializer_range=0.06,
        **special,
    )
    policy = Qwen2ForCausalLM(config)
    policy.generation_config = GenerationConfig(**special)
    return policy


def encode(text: str, characters: str) -> list[int]:
    """Return one token per character."""
    return [SPECIAL + characters.index(character) for character in text]


def decode(tokens: Sequence[int], characters: str) -> str:
    """Return the text of tokens; a special token has none."""
    return "".join(characters[token - SPECIAL] for token in tokens if token >= SPECIAL)


def chat_prompt(question: str, characters: str) -> list[int]:
    """Return the tokens of a question, up to where the answer begins."""
    return [USER, *encode(question, characters), END, ASSISTANT]


def chat_row(question: str, answer: str, characters: str) -> Row:
    """Return the tokens of a question and its answer."""
    return chat_prompt(question, characters), [*encode(answer, characters), END]


@dataclass(frozen=True)
class Scored:
    """What a policy gives each token of some rows, shape [N, T]; position t is token t + 1.

    Attributes:
        logprob: log π in nats, with a gradient.
        entropy: The entropy of π in nats, without one.
        response: Whether it is a token of the response.
    """

    logprob: Tensor
    entropy: Tensor
    response: Tensor

    def mean(self, values: Tensor) -> float:
        """Return the mean of values over the tokens of the responses."""
        return float(values[self.response].mean())


def score_rows(policy: Qwen2ForCausalLM, rows: Sequence[Row]) -> Scored:
    """Compute log π of each token of some rows, at least one."""
    lengths = [len(prompt) + len(answer) for prompt, answer in rows]
    order = sorted(range(len(rows)), key=lengths.__getitem__)
    parts = [
        _score(policy, [rows[i] for i in order[first : first + ALIKE]], max(lengths) - 1)
        for first in range(0, len(rows), ALIKE)
    ]
    place = torch.tensor(order, device=policy.device).argsort()
    logprob, entropy, response = (torch.cat(each)[place] for each in zip(*parts, strict=True))
    return Scored(logprob, entropy, response)


def _score(
    policy: Qwen2ForCausalLM, rows: Sequence[Row], width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute what `Scored` holds of rows of similar lengths, padded to a width."""
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    tokens = torch.full((len(rows), longest), PAD)
    response = torch.zeros((len(rows), longest - 1), dtype=torch.bool)
    for i, (prompt, answer) in enumerate(rows):
        total = len(prompt) + len(answer)
        tokens[i, :total] = torch.tensor(prompt + answer)
        response[i, len(prompt) - 1 : total - 1] = True
    tokens, response = tokens.to(policy.device), response.to(policy.device)
    # Padding is on the right, out of sight of causal attention.
    every = policy(input_ids=tokens[:, :-1], use_cache=False).logits.log_softmax(-1)
    chosen = every.gather(-1, tokens[:, 1:, None]).squeeze(-1)
    with torch.no_grad():
        entropy = -(every.exp() * every).sum(-1)
    padding = (0, width - response.shape[-1])
    return F.pad(chosen, padding), F.pad(entropy, padding), F.pad(response, padding)


@dataclass(frozen=True)
class Response:
    """A sampled response and its log-probabilities, one per token."""

    tokens: list[int]
    logprobs: list[float]

    @property
    def ended(self) -> bool:
        """Whether it ended before the limit."""
        return bool(self.tokens) and self.tokens[-1] == END


@torch.inference_mode()
def sample(
    policy: Qwen2ForCausalLM,
    prompts: Sequence[list[int]],
    max_tokens: int,
    seed: int | None,
) -> list[Response]:
    """Sample one response per prompt.

    Args:
        policy: The policy.
        prompts: Token ids.
        max_tokens: The longest response.
        seed: Seed of responses at temperature 1; None takes the most probable tokens.
    """
    width = max(map(len, prompts))
    tokens = torch.tensor([[PAD] * (width - len(each)) + each for each in prompts])
    tokens = tokens.to(policy.device)
    mask, cache = (tokens != PAD).long(), DynamicCache(config=policy.config)
    # Drawn on the CPU, one number per token, the samples depend on the seed and not on the device.
    generator = torch.Generator().manual_seed(seed or 0)
    noise = torch.rand(len(prompts), max_tokens, generator=generator).to(policy.device)
    shape, device = (len(prompts), max_tokens), policy.device
    texts, logprobs = torch.full(shape, END, device=device), torch.zeros(shape, device=device)
    rows = torch.arange(len(prompts), device=device)
    going = torch.ones_like(rows, dtype=torch.bool)
    for i in range(max_tokens):
        given = policy(input_ids=tokens, attention_mask=mask, past_key_values=cache)
        every = given.logits[:, -1].log_softmax(-1)
        token = every.argmax(-1) if seed is None else _choose(every, noise[rows, i])
        texts[rows, i], logprobs[rows, i] = token, every.gather(-1, token[:, None]).squeeze(-1)
        going &= token != END
        if not going.any():
            break
        tokens, mask = token[:, None], F.pad(mask, (0, 1), value=1)
        if 2 * going.sum() <= len(rows):
            # Rows that have ended are left out, once they are half of the batch.
            left = going.nonzero().squeeze(-1)
            cache.batch_select_indices(left)
            rows, tokens, mask, going = (each[left] for each in (rows, tokens, mask, going))
    found, values = texts.tolist(), logprobs.tolist()
    lengths = [row.index(END) + 1 if END in row else len(row) for row in found]
    return [
        Response(row[:length], value[:length])
        for row, value, length in zip(found, values, lengths, strict=True)
    ]


def _choose(every: Tensor, noise: Tensor) -> Tensor:
    """Return the first token whose cumulative probability exceeds the uniform number."""
    cumulative = every.exp().cumsum(-1)
    return (cumulative <= noise[:, None] * cumulative[:, -1:]).sum(-1)
