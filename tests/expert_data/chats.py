"""A character-level tokenizer with a chat template, and rows to tokenize."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerFast

from tests.tiny_model import make_tokenizer

CHARACTERS = "".join(map(chr, range(32, 127))) + "\n"
CHAT_TEMPLATE = (
    "{% if enable_thinking %}/think\n{% endif %}"
    "{% if tools %}{{ tools | tojson }}\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ m['content'] }}<|im_end|>{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build a tokenizer with one token for each printable character and for each special token."""
    return make_tokenizer(CHARACTERS, CHAT_TEMPLATE)


def chat(prompt: str, response: str) -> dict[str, Any]:
    """Return a row of one question and one answer."""
    return {
        "message": [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": response},
        ]
    }
