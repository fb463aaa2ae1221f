"""Small Qwen2 policies, several at once: every tensor has a leading dimension of runs.

On two cores a run is trained alone (R = 1). On a GPU one small model leaves the device idle, so
many runs are trained side by side, each with its own weights, data and settings; nothing of one
run enters another. The architecture and the names of the weights are those of Qwen2 in
transformers, so that a policy can be saved, and trained by `trinity run`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

PAD, UNKNOWN, USER, ASSISTANT, END = range(5)
"""The special tokens of `trinity_chord.quickstart.tokenizer`, in its order."""
SPECIAL = 5
ROPE_BASE, EPSILON, SPREAD = 10_000.0, 1e-6, 0.06
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Size:
    """The size of a policy.

    Attributes:
        layers: Number of layers.
        width: Width of the residual stream.
        heads: Number of attention heads.
        inner: Width inside the feed-forward part.
    """

    layers: int = 3
    width: int = 128
    heads: int = 4
    inner: int = 256


def encode(text: str, characters: str) -> list[int]:
    """Return one token per character."""
    return [SPECIAL + characters.index(character) for character in text]


def decode(tokens: Sequence[int], characters: str) -> str:
    """Return the text of tokens; a special token has none."""
    return "".join(characters[token - SPECIAL] for token in tokens if token >= SPECIAL)


def chat_prompt(text: str, characters: str) -> list[int]:
    """Return the tokens of a question, up to where the answer begins."""
    return [USER, *encode(text, characters), END, ASSISTANT]


def new_weights(size: Size, characters: str, seed: int) -> Weights:
    """Draw the weights of an untrained policy (without the run dimension)."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator) * SPREAD

    vocabulary, width = SPECIAL + len(characters), size.width
    weights = {
        "model.embed_tokens.weight": drawn(vocabulary, width),
        "model.norm.weight": torch.ones(width),
        "lm_head.weight": drawn(vocabulary, width),
    }
    for i in range(size.layers):
        layer = f"model.layers.{i}"
        for name in ("q_proj", "k_proj", "v_proj"):
            weights[f"{layer}.self_attn.{name}.weight"] = drawn(width, width)
            weights[f"{layer}.self_attn.{name}.bias"] = torch.zeros(width)
        weights[f"{layer}.self_attn.o_proj.weight"] = drawn(width, width)
        weights[f"{layer}.mlp.gate_proj.weight"] = drawn(size.inner, width)
        weights[f"{layer}.mlp.up_proj.weight"] = drawn(size.inner, width)
        weights[f"{layer}.mlp.down_proj.weight"] = drawn(width, size.inner)
        weights[f"{layer}.input_layernorm.weight"] = torch.ones(width)
        weights[f"{layer}.post_attention_layernorm.weight"] = torch.ones(width)
    return weights


def stack(runs: Sequence[Weights]) -> Weights:
    """Stack the weights of R runs, shape [R, ...]; a gradient flows back to each run's own."""
    return {name: torch.stack([run[name] for run in runs]) for name in runs[0]}


class Cache:
    """The keys and values of all layers so far, each of shape [R, B, heads, T, head width]."""

    def __init__(self) -> None:
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append new keys and values of a layer and return all of them."""
        if layer in self.layers:
            before = self.layers[layer]
            key, value = torch.cat([before[0], key], -2), torch.cat([before[1], value], -2)
        self.layers[layer] = key, value
        return key, value


def logits(
    weights: Weights,
    size: Size,
    tokens: Tensor,
    seen: Tensor | None = None,
    cache: Cache | None = None,
) -> Tensor:
    """Compute the logits of the next token at each position.

    Args:
        weights: Stacked weights of R runs.
        size: The size of the policies.
        tokens: Token ids, shape [R, B, T], the last T tokens of the rows.
        seen: Which positions each new token sees, shape [R, B, T, all tokens so far]; None for
            itself and all before it.
        cache: Holds what came before, and gets what is new.

    Returns:
        Shape [R, B, T, vocabulary].
    """
    past = cache.layers[0][0].shape[-2] if cache is not None and cache.layers else 0
    cosine, sine = _rotation(size, past, tokens.shape[-1], tokens.device)
    runs = torch.arange(len(tokens), device=tokens.device)[:, None, None]
    x = weights["model.embed_tokens.weight"][runs, tokens]
    for i in range(size.layers):
        layer = f"model.layers.{i}"
        shown = _norm(x, weights[f"{layer}.input_layernorm.weight"])
        q, k, v = (
            _heads(
                _linear(shown, weights, f"{layer}.self_attn.{name}_proj"),
                size.heads,
            )
            for name in "qkv"
        )
        q, k = _rotate(q, cosine, sine), _rotate(k, cosine, sine)
        if cache is not None:
            k, v = cache.extend(i, k, v)
        mask = None if seen is None else seen.unsqueeze(2)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=seen is None)
        x = x + _linear(mixed.transpose(2, 3).flatten(-2), weights, f"{layer}.self_attn.o_proj")
        shown = _norm(x, weights[f"{layer}.post_attention_layernorm.weight"])
        gate = F.silu(_linear(shown, weights, f"{layer}.mlp.gate_proj"))
        up = _linear(shown, weights, f"{layer}.mlp.up_proj")
        x = x + _linear(gate * up, weights, f"{layer}.mlp.down_proj")
    return _linear(_norm(x, weights["model.norm.weight"]), weights, "lm_head")


def _linear(x: Tensor, weights: Weights, name: str) -> Tensor:
    weight = weights[f"{name}.weight"].transpose(-1, -2)
    flat = x.flatten(1, -2)
    bias = weights.get(f"{name}.bias")
    out = flat @ weight if bias is None else torch.baddbmm(bias.unsqueeze(1), flat, weight)
    return out.unflatten(1, x.shape[1:-1])


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    scaled = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)
    return scaled * weight[:, None, None]


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(2, 3)


def _rotation(size: Size, past: int, new: int, device: torch.device) -> tuple[Tensor, Tensor]:
    width = size.width // size.heads
    rates = ROPE_BASE ** (-torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(past, past + new, device=device)[:, None] * rates
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine


@dataclass(frozen=True)
class Rows:
    """Rows of R runs, padded on the right.

    Attributes:
        tokens: Prompts and responses, int64, shape [R, N, T].
        response: True for a response token, shape [R, N, T - 1]: position t stands for token t+1.
    """

    tokens: Tensor
    response: Tensor

    def of(self, runs: Sequence[int]) -> Rows:
        """Return the rows of some of the runs."""
        return Rows(self.tokens[runs], self.response[runs])


def pad_rows(runs: Sequence[Sequence[tuple[list[int], list[int]]]], device: torch.device) -> Rows:
    """Pad the rows (prompt, response) of R runs; a run with fewer rows gets empty ones."""
    most = max(map(len, runs))
    longest = max(len(prompt) + len(answer) for rows in runs for prompt, answer in rows)
    tokens = torch.full((len(runs), most, longest), PAD)
    response = torch.zeros((len(runs), most, longest - 1), dtype=torch.bool)
    for run, rows in enumerate(runs):
        for i, (prompt, answer) in enumerate(rows):
            total = len(prompt) + len(answer)
            tokens[run, i, :total] = torch.tensor(prompt + answer)
            response[run, i, len(prompt) - 1 : total - 1] = True
    return Rows(tokens.to(device), response.to(device))


def log_probabilities(weights: Weights, size: Size, rows: Rows) -> tuple[Tensor, Tensor]:
    """Compute log π of each token but the first, and the entropy of π there.

    Returns:
        Two tensors of shape [R, N, T - 1] in nats; only the first has a gradient.
    """
    every = logits(weights, size, rows.tokens[..., :-1]).log_softmax(-1)
    chosen = every.gather(-1, rows.tokens[..., 1:, None]).squeeze(-1)
    with torch.no_grad():
        entropy = -(every.exp() * every).sum(-1)
    return chosen, entropy


@dataclass
class Sampled:
    """A sampled response and its log-probabilities, one per token."""

    tokens: list[int]
    logprobs: list[float]

    @property
    def ended(self) -> bool:
        """Whether it ended before the limit."""
        return bool(self.tokens) and self.tokens[-1] == END


@torch.no_grad()
def sample(
    weights: Weights,
    size: Size,
    prompts: Sequence[Sequence[list[int]]],
    max_tokens: int,
    seeds: Sequence[int] | None,
) -> list[list[Sampled]]:
    """Sample one response per prompt at temperature 1, or the most probable tokens.

    Args:
        weights: Stacked weights of R runs.
        size: The size of the policies.
        prompts: The same number of prompts for each run.
        max_tokens: The longest response.
        seeds: One seed per run, for random numbers that depend on nothing else; None takes the most
            probable tokens.
    """
    device = weights["lm_head.weight"].device
    tokens, real = _left_padded(prompts, device)
    noise = None if seeds is None else _noise(seeds, tokens.shape[1], max_tokens).to(device)
    width = tokens.shape[-1]
    causal = torch.ones(width, width, dtype=torch.bool, device=device).tril()
    # A padded position sees itself: with nothing to see, attention would be NaN.
    seen = (causal & real.unsqueeze(-2)) | torch.eye(width, dtype=torch.bool, device=device)
    cache, drawn, logprobs = Cache(), [], []
    done = torch.zeros(tokens.shape[:2], dtype=torch.bool, device=device)
    for i in range(max_tokens):
        every = logits(weights, size, tokens, seen, cache)[:, :, -1].log_softmax(-1)
        token = every.argmax(-1) if noise is None else _choose(every, noise[..., i])
        logprobs.append(every.gather(-1, token.unsqueeze(-1)).squeeze(-1))
        drawn.append(token.masked_fill(done, PAD))
        done = done | (token == END)
        if done.all():
            break
        tokens = token.unsqueeze(-1)
        real = F.pad(real, (0, 1), value=True)
        seen = real.unsqueeze(-2)
    return _responses(torch.stack(drawn, -1), torch.stack(logprobs, -1))


def _left_padded(
    prompts: Sequence[Sequence[list[int]]], device: torch.device
) -> tuple[Tensor, Tensor]:
    width = max(len(prompt) for run in prompts for prompt in run)
    filled = [[[PAD] * (width - len(prompt)) + prompt for prompt in run] for run in prompts]
    tokens = torch.tensor(filled, device=device)
    return tokens, tokens != PAD


def _noise(seeds: Sequence[int], rows: int, max_tokens: int) -> Tensor:
    """Draw uniform numbers in [0, 1), shape [R, B, tokens], each run's from its own seed."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    drawn = [torch.rand(rows, max_tokens, generator=generator) for generator in generators]
    return torch.stack(drawn)


def _choose(every: Tensor, noise: Tensor) -> Tensor:
    """Return the first token whose cumulated probability exceeds the uniform number."""
    cumulated = every.exp().cumsum(-1)
    return (cumulated <= noise.unsqueeze(-1) * cumulated[..., -1:]).sum(-1)


def _responses(tokens: Tensor, logprobs: Tensor) -> list[list[Sampled]]:
    texts, values = tokens.tolist(), logprobs.tolist()
    cut = [
        [row[: row.index(END) + 1] if END in row else row for row in run_rows] for run_rows in texts
    ]
    return [
        [Sampled(row, value[: len(row)]) for row, value in zip(rows, run_values, strict=True)]
        for rows, run_values in zip(cut, values, strict=True)
    ]


def parameters(weights: Weights, device: torch.device) -> Weights:
    """Return the weights of one run as parameters of their own on a device."""
    return {name: nn.Parameter(value.to(device).clone()) for name, value in weights.items()}


def count_parameters(weights: Weights) -> int:
    """Return how many numbers the weights of one run have."""
    return sum(math.prod(value.shape) for value in weights.values())
