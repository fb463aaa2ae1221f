"""A tiny random vision model and its processor on disk, from a seed: a Qwen2.5-VL of 2 layers."""

from pathlib import Path

import torch
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.tiny_model import CHARACTERS, make_tokenizer
from trinity_chord.cpu import activate

activate()

PATCH, MERGE = 4, 2
UNIT = PATCH * MERGE  # One token stands for a square of this many pixels.
VISION_TOKENS = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
VISION_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}"
    "{% else %}{% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_vision_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token per character and those that mark an image."""
    tokenizer = make_tokenizer(CHARACTERS, VISION_TEMPLATE)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", *VISION_TOKENS]})
    return tokenizer


def make_processor(max_tokens: int = 16) -> Qwen2_5_VLProcessor:
    """Return a processor that makes at most ``max_tokens`` tokens of an image."""
    tokenizer = make_vision_tokenizer()
    image_processor = Qwen2VLImageProcessorPil(
        patch_size=PATCH,
        merge_size=MERGE,
        size={"shortest_edge": UNIT**2, "longest_edge": UNIT**2 * max_tokens},
    )
    return Qwen2_5_VLProcessor(image_processor, tokenizer, chat_template=VISION_TEMPLATE)


def make_vision_model_folder(folder: Path, seed: int = 0) -> Path:
    """Write a random Qwen2.5-VL and its processor; return the folder."""
    processor = make_processor()
    tokenizer = processor.tokenizer
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2**15,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 3, 3],
            },
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": 0,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
            "window_size": 2 * UNIT,
            "fullatt_block_indexes": [1],
            "out_hidden_size": 64,
        },
        tie_word_embeddings=False,
        **{
            f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
            for name, token in (
                ("image", "image_pad"),
                ("video", "video_pad"),
                ("vision_start", "vision_start"),
                ("vision_end", "vision_end"),
            )
        },
    )
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
