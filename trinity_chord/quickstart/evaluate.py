"""Greedy accuracy of a model on addition problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from trinity_chord.quickstart.task import CORRECT, Problem, score

MAX_RESPONSE_TOKENS = 64


@dataclass(frozen=True)
class Evaluation:
    """The result of greedy decoding on a set of problems.

    Attributes:
        accuracy: Fraction of correct answers.
        by_level: The same for each level.
        mean_length: Mean tokens per response, including the end-of-sequence token.
        truncated: Fraction of responses cut off at 64 tokens.
    """

    accuracy: float
    by_level: dict[int, float]
    mean_length: float
    truncated: float

    def metrics(self) -> dict[str, float]:
        """Return the accuracies under the names in which Trinity logs those of a test set."""
        return {
            "eval/held_out/accuracy/mean": self.accuracy,
            "eval/held_out/hardest_level/mean": self.by_level[max(self.by_level)],
        }


def evaluate(
    model_dir: str | Path, problems: Sequence[Problem], batch_size: int = 250
) -> Evaluation:
    """Evaluate the model and tokenizer in a Hugging Face folder.

    Raises:
        ValueError: ``problems`` is empty.
    """
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    tokenizer = AutoTokenizer.from_pretrained(model_dir, padding_side="left")
    return evaluate_model(model, tokenizer, problems, batch_size)


def evaluate_model(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    batch_size: int = 250,
) -> Evaluation:
    """Evaluate a model in memory; the tokenizer must pad on the left.

    Raises:
        ValueError: ``problems`` is empty.
    """
    if not problems:
        raise ValueError("problems: got none, expected at least one, such as task.held_out(500)")
    responses: list[torch.Tensor] = []
    for start in range(0, len(problems), batch_size):
        batch = problems[start : start + batch_size]
        responses.extend(_generate(model, tokenizer, [problem.question for problem in batch]))

    texts = tokenizer.batch_decode([each.tolist() for each in responses], skip_special_tokens=True)
    correct = [
        score(text, problem.answer) == CORRECT
        for text, problem in zip(texts, problems, strict=True)
    ]
    lengths = [int((response != tokenizer.pad_token_id).sum()) for response in responses]
    truncated = [tokenizer.eos_token_id not in response for response in responses]
    levels = [problem.level for problem in problems]
    return Evaluation(
        accuracy=_mean(correct),
        by_level={
            level: _mean([c for c, at in zip(correct, levels, strict=True) if at == level])
            for level in sorted(set(levels))
        },
        mean_length=_mean(lengths),
        truncated=_mean(truncated),
    )


@torch.no_grad()
def _generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, questions: Sequence[str]
) -> torch.Tensor:
    """Return the response tokens ``[questions, at most 64]``, padded after the end of sequence."""
    prompts: Any = tokenizer.apply_chat_template(
        [[{"role": "user", "content": question}] for question in questions],
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
    )
    generate: Any = model.generate
    tokens: torch.Tensor = generate(
        input_ids=prompts["input_ids"],
        attention_mask=prompts["attention_mask"],
        do_sample=False,
        max_new_tokens=MAX_RESPONSE_TOKENS,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return tokens[:, prompts["input_ids"].shape[1] :]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
