"""A tiny model that has learned a few chats by heart, so that a real engine gives known answers."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from tests.tiny_model import SPECIAL, TEMPLATE

Chat = list[dict[str, str]]
TAGS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
CONTEXT = 2048
VOCABULARY = 1000
MOST_STEPS = 400
LEARNED = 0.005  # Mean loss per token, in nats.


def make_tokenizer(texts: list[str], folder: Path) -> Any:
    """Write a tokenizer of Qwen's kind, trained on the texts, and return it as loaded again."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    # As in Qwen3: one token each, which is kept when special tokens are dropped from a text.
    bpe.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in TAGS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token="<pad>",
        eos_token="<|im_end|>",
        unk_token="<unk>",
        additional_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    Qwen2Config().save_pretrained(folder)  # `AutoTokenizer` chooses Qwen's class by it.
    return AutoTokenizer.from_pretrained(folder)


def make_model(tokenizer: Any, seed: int = 0) -> Qwen2ForCausalLM:
    """Return a random model. vLLM's attention on CPUs needs heads of 32 or more."""
    torch.manual_seed(seed)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=0,
        )
    )


def teach(folder: Path, chats: list[Chat]) -> Path:
    """Write a model that has learned the last message of each chat; return the folder."""
    texts = [text for chat in chats for message in chat for text in message.values()]
    tokenizer = make_tokenizer(texts, folder)
    model = make_model(tokenizer)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rows = [_row(tokenizer, chat) for chat in chats]
    for _ in range(MOST_STEPS):
        losses = [model(input_ids=tokens, labels=labels).loss for tokens, labels in rows]
        if max(losses) < LEARNED:
            break
        torch.stack(losses).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert max(losses) < LEARNED, losses
    model.save_pretrained(folder)
    return folder


def _row(tokenizer: Any, chat: Chat) -> tuple[torch.Tensor, torch.Tensor]:
    prompt = tokenizer.apply_chat_template(chat[:-1], tokenize=False, add_generation_prompt=True)
    answer = chat[-1]["content"] + "<|im_end|>"
    start, end = (tokenizer(text, return_tensors="pt").input_ids for text in (prompt, answer))
    tokens = torch.cat([start, end], dim=1)
    labels = tokens.clone()
    labels[:, : start.shape[1]] = -100
    return tokens, labels
