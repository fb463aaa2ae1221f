"""One CHORD step in plain PyTorch: a split batch has the same gradient as the whole batch.

Run: python examples/one_step.py

The loss is L = (1-μ)·L_GRPO + μ·L_SFT. L_GRPO is a mean over the tokens of all rollouts, L_SFT a
mean over those of all expert answers. A mean over a micro-batch depends on the split, so each row
gets one coefficient while the whole batch is known, and the loss of a micro-batch is a plain sum.
"""

import torch

from trinity_chord.objective import (
    TOKEN_WEIGHTS,
    clipped_policy_gradient,
    expert_loss,
    get_schedule,
    split_mask,
    stamp_rows,
    weighted_sum,
)

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
VOCABULARY, ROWS, TOKENS = 50, 8, 12
MICRO_BATCHES = [[0, 5], [1, 2, 3, 7], [4], [6]]


def log_probabilities(model: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Return log π_θ of each token but the first, given the token before, shape [N, T]."""
    logprob = model(tokens[:, :-1]).log_softmax(-1)
    return logprob.gather(-1, tokens[:, 1:].unsqueeze(-1)).squeeze(-1)


# A model that sees one token, and a batch: six rollouts and two expert answers.
model = torch.nn.Sequential(torch.nn.Embedding(VOCABULARY, 16), torch.nn.Linear(16, VOCABULARY))
tokens = torch.randint(VOCABULARY, (ROWS, TOKENS + 1))
lengths = torch.randint(1, TOKENS + 1, (ROWS,))
mask = torch.arange(TOKENS) < lengths.unsqueeze(-1)  # the response tokens of each row
expert = torch.arange(ROWS) >= 6
reward = torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 0])  # not used for the expert answers
with torch.no_grad():
    old_logprob = log_probabilities(model, tokens) + 0.1 * torch.randn(ROWS, TOKENS)
advantages = ((reward - reward[:6].mean()) / reward[:6].std()).unsqueeze(-1).expand(ROWS, TOKENS)
mu = get_schedule("cosine", peak=0.9, valley=0.05, decay_steps=200)(step=120)

# 1. The whole batch is known: stamp one coefficient on each row.
coefficient = stamp_rows(mask.sum(-1), expert, mu=mu, width=TOKENS).loss_coef

# 2. Each micro-batch adds its part to the gradient. There is no mean in here, and no batch size.
phi = TOKEN_WEIGHTS.bind("phi")  # CHORD-φ: p(1-p)
for rows in MICRO_BATCHES:
    logprob = log_probabilities(model, tokens[rows])
    on_policy, on_expert = split_mask(mask[rows], expert[rows])
    rl = clipped_policy_gradient(logprob, old_logprob[rows], advantages[rows]).loss
    imitation = expert_loss(logprob, phi(logprob))
    part = weighted_sum(rl, on_policy, coefficient[rows])
    part = part + weighted_sum(imitation, on_expert, coefficient[rows])
    part.backward()
split = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

# 3. The same step without a split, as the equation says; `chord_loss` does it in one call.
model.zero_grad()
logprob = log_probabilities(model, tokens)
on_policy, on_expert = split_mask(mask, expert)
grpo = clipped_policy_gradient(logprob, old_logprob, advantages).loss[on_policy].mean()
sft = expert_loss(logprob, phi(logprob))[on_expert].mean()
loss = (1 - mu) * grpo + mu * sft
loss.backward()
whole = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

print(f"μ = {mu:.3f}, loss = {loss.item():.6f}")
print(f"gradient, whole batch:          {whole.norm():.15f}")
print(f"gradient, {len(MICRO_BATCHES)} micro-batches:      {split.norm():.15f}")
print(f"relative distance of the two:   {(split - whole).norm() / whole.norm():.1e}")
