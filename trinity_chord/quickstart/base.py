"""Pre-train the base model of the quickstart: ``python -m trinity_chord.quickstart.base``.

The base model answers in its own style (``#105``), which works for one and two digits and fails for
five. It has also seen the expert's column-by-column style, with mistakes and never at level 5. RL
on its rollouts makes it use that style; the expert demonstrates it at level 5. The shipped weights
come from seed 0.
"""

import argparse
import math
import random
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from trinity_chord.quickstart.evaluate import evaluate_model
from trinity_chord.quickstart.task import (
    LEVELS,
    direct_answer,
    held_out,
    make_training_problem,
    worked_answer,
)
from trinity_chord.quickstart.tokenizer import MAX_LENGTH, build_tokenizer

STEPS = 600
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
WARMUP_STEPS = 50

# At levels 1 to 4 a worked answer is rarer than a direct one (0.4/4 < 0.6/5), so the base model
# answers directly although it knows the columns; at level 5 it has to generalize them.
WORKED_SHARE = 0.4
WORKED_LEVELS = (1, 2, 3, 4)
WORKED_NOISE = 0.1

IGNORED = -100


def build_model(tokenizer: PreTrainedTokenizerBase) -> Qwen2ForCausalLM:
    """Build the untrained model (0.5 M parameters) from torch's global random state."""
    special = {
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MAX_LENGTH,
        tie_word_embeddings=False,
        initializer_range=0.06,
        **special,
    )
    model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(**special)  # type: ignore[no-untyped-call]  # unannotated in transformers
    return model


def draw_conversation(rng: random.Random) -> list[dict[str, str]]:
    """Draw one row of the pre-training data: a question, answered in one of the two styles."""
    if rng.random() < WORKED_SHARE:
        question = make_training_problem(rng, rng.choice(WORKED_LEVELS)).question
        answer = worked_answer(question, rng, WORKED_NOISE)
    else:
        question = make_training_problem(rng, rng.choice(LEVELS)).question
        answer = direct_answer(question)
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def encode(
    tokenizer: PreTrainedTokenizerBase, conversations: list[list[dict[str, str]]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tokens ``[B, T]``, padded on the right, and the labels ``[B, T]``, both int64.

    A label is the token itself within an assistant's answer and -100 elsewhere.
    """
    rows: Any = tokenizer.apply_chat_template(
        conversations,
        padding=True,
        return_tensors="pt",
        return_dict=True,
        return_assistant_tokens_mask=True,
        tokenizer_kwargs={"padding_side": "right"},
    )
    tokens: torch.Tensor = rows["input_ids"]
    answer = torch.as_tensor(rows["assistant_masks"], dtype=torch.bool)
    return tokens, tokens.masked_fill(~answer, IGNORED)


def learning_rate(step: int, steps: int) -> float:
    """Return the rate of a step, counted from 0: linear warm-up times a cosine down to 1/20."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS) * (0.05 + 0.95 * cosine)


def pretrain(
    seed: int, steps: int = STEPS, progress_every: int = 50
) -> tuple[Qwen2ForCausalLM, PreTrainedTokenizerBase]:
    """Train a base model. The same seed gives the same weights on the same machine.

    Args:
        seed: Seed of the initial weights and of the data.
        steps: Number of updates of 128 rows each; the learning rate decays over them.
        progress_every: Number of steps between two printed losses (in nats per token).
    """
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = build_tokenizer()
    model = build_model(tokenizer).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01
    )
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        loss = _batch_loss(model, tokenizer, [draw_conversation(rng) for _ in range(BATCH_SIZE)])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % progress_every == 0:
            seconds = time.monotonic() - started
            print(f"step {step + 1}/{steps}  loss {loss.item():.3f}  {seconds:.0f} s", flush=True)
    return model.eval(), tokenizer


def _batch_loss(
    model: Qwen2ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    conversations: list[list[dict[str, str]]],
) -> torch.Tensor:
    """Return the mean cross-entropy over the answer tokens of the batch, a scalar in nats."""
    # Worked answers are long. In a forward pass of their own they cause no padding in short rows.
    worked = [c for c in conversations if ";" in c[1]["content"]]
    direct = [c for c in conversations if ";" not in c[1]["content"]]
    total, count = torch.zeros(()), 0
    for group in (direct, worked):
        if group:
            tokens, labels = encode(tokenizer, group)
            # Padding is on the right, out of sight of causal attention.
            logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
            targets = labels[:, 1:]
            total = total + F.cross_entropy(
                logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
            )
            count += int((targets != IGNORED).sum())
    return total / count


def main() -> None:
    """Pre-train, save and evaluate a base model."""
    parser = argparse.ArgumentParser(description="Pre-train the base model of the quickstart.")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights and the data")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--steps", type=int, default=STEPS, help="number of updates")
    args = parser.parse_args()

    model, tokenizer = pretrain(args.seed, args.steps)
    model.save_pretrained(args.out)
    # A new tokenizer: the one used in training remembers its padding side.
    build_tokenizer().save_pretrained(args.out)
    result = evaluate_model(model, tokenizer, held_out())
    levels = "  ".join(f"level {n}: {acc:.2f}" for n, acc in result.by_level.items())
    print(f"held-out accuracy {result.accuracy:.3f}  ({levels})")
    print(f"written to {args.out}")


if __name__ == "__main__":
    main()
