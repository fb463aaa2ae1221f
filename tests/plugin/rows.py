"""Experiences of chosen lengths."""

import torch
from trinity.common.experience import EID, Experience

PROMPT = 3


def row(tokens, number=0, mask=None, reward=1.0):
    """Return a rollout with a prompt of 3 tokens and a response of ``tokens`` tokens."""
    return Experience(
        eid=EID(task=f"task {number}", run=number),
        tokens=torch.arange(PROMPT + tokens, dtype=torch.int32),
        prompt_length=PROMPT,
        logprobs=torch.full((tokens,), -0.5),
        advantages=torch.ones(tokens),
        action_mask=torch.ones(tokens, dtype=torch.bool) if mask is None else torch.tensor(mask),
        reward=reward,
        info={"model_version": 0, "number": number},
    )
