"""Samples answers from a chat model with `transformers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One answer: its text, its tokens, and whether it was cut off."""

    text: str
    tokens: int
    truncated: bool


def sample(
    model: str,
    prompts: list[list[dict]],
    *,
    n: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
    seed: int,
    backend: str,
    batch_size: int,
    on_result: Callable[[int, list[Sample]], None],
) -> None:
    """Samples answers to chats; calls `on_result` with the place of a chat and its answers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    loaded = AutoModelForCausalLM.from_pretrained(model)
    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    chosen = {"temperature": temperature, "top_p": top_p} if temperature else {}
    for place, prompt in enumerate(prompts):
        inputs = tokenizer.apply_chat_template(
            prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        tokens = loaded.generate(
            **inputs,
            do_sample=bool(temperature),
            max_new_tokens=max_tokens,
            num_return_sequences=n,
            pad_token_id=tokenizer.pad_token_id,
            **chosen,
        )[:, inputs["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        ended = [tokenizer.eos_token_id in row for row in tokens]
        lengths = [int((row != tokenizer.pad_token_id).sum()) for row in tokens]
        answers = zip(texts, lengths, ended, strict=True)
        on_result(place, [Sample(text, length, not end) for text, length, end in answers])
