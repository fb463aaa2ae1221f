"""The token weights `pear`, `eaft` and `margin` in a PyTorch loop of your own.

Run: python examples/own_loop_weights.py

These weights need more than log π_θ of the expert's tokens. Trinity's trainer does not provide the
tensors, but where you have the logits, each is a line or two.
"""

import torch

from trinity_chord.objective import TOKEN_WEIGHTS, expert_loss, stamp_rows, weighted_sum

torch.manual_seed(0)
VOCABULARY, ROWS, TOKENS, STEPS, K = 50, 8, 12, 60, 20


def new_model() -> torch.nn.Module:
    """Return a language model that sees one token."""
    return torch.nn.Sequential(torch.nn.Embedding(VOCABULARY, 16), torch.nn.Linear(16, VOCABULARY))


def pick(logprob: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of the targets, shape [N, T], out of [N, T, V]."""
    return logprob.gather(-1, targets.unsqueeze(-1)).squeeze(-1)


@torch.no_grad()
def own_tensors(
    logits: torch.Tensor, targets: torch.Tensor, behaviour_logits: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the tensors that the three weights need, by name, each of shape [N, T].

    Args:
        logits: Logits of the policy, shape [N, T, V].
        targets: The expert's tokens, shape [N, T].
        behaviour_logits: Logits of the model that wrote the expert data, shape [N, T, V].
    """
    # pear: log π_β of the expert's tokens.
    behaviour_logprob = pick(behaviour_logits.log_softmax(-1), targets)
    # margin: log p of the most likely token other than the expert's.
    others = logits.log_softmax(-1).scatter(-1, targets.unsqueeze(-1), -torch.inf)
    # eaft: the entropy over the k most likely tokens.
    top = logits.topk(K).values.log_softmax(-1)
    return {
        "behaviour_logprob": behaviour_logprob,
        "best_other_logprob": others.max(-1).values,
        "top_entropy": -(top.exp() * top).sum(-1),
    }


def train(name: str) -> list[float]:
    """Imitate the expert with a token weight; return the mean of -log p at each step."""
    model, history = new_model(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    weight = TOKEN_WEIGHTS.bind(name)
    for _ in range(STEPS):
        logits = model(tokens[:, :-1])
        logprob = pick(logits.log_softmax(-1), targets)
        tensors = own_tensors(logits, targets, teacher(tokens[:, :-1]))
        loss = expert_loss(logprob, weight(logprob, mask=mask, **tensors))
        optimizer.zero_grad()
        weighted_sum(loss, mask, stamps.loss_coef).backward()
        optimizer.step()
        history.append(-logprob[mask].mean().item())
    return history


teacher = new_model().requires_grad_(False)  # π_β
tokens = torch.randint(VOCABULARY, (ROWS, TOKENS + 1))
targets = tokens[:, 1:]
mask = torch.arange(TOKENS) < torch.randint(1, TOKENS + 1, (ROWS, 1))
stamps = stamp_rows(mask.sum(-1), torch.ones(ROWS, dtype=torch.bool), mu=1.0, width=TOKENS)
for name in ("pear", "eaft", "margin"):
    history = train(name)
    print(f"{name}: mean of -log p of the expert's tokens {history[0]:.3f} → {history[-1]:.3f}")
