"""The reference: the paper's equations on the whole batch, with transformers alone, in float64.

Knows nothing of verl, of Trinity's losses or of stamps; loops over rows.
"""

import torch
from transformers import AutoModelForCausalLM

from tests.aggregation import aggregate


def reference(model_path, rows, *, mu, weight, usual_mode, expert_mode, kl_coef=0.0, entropy=0.0):
    """The whole batch's loss, gradient (parameter name -> tensor) and metrics.

    A kind of row that the batch lacks adds 0, and its metrics are 0.
    """
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float64)
    kinds = {False: {}, True: {}}
    for name in ("loss", "count", "kl", "clip", "clip_lower", "nll", "p", "w", "ref_kl", "entropy"):
        kinds[False][name], kinds[True][name] = [], []
    width = max(len(row.tokens) - row.prompt_length for row in rows)
    for row in rows:
        start = row.prompt_length
        tokens = row.tokens.long()
        logits = model(tokens[None, :-1]).logits[0].log_softmax(-1)[start - 1 :]
        logprob = logits.gather(1, tokens[start:, None])[:, 0]
        p = logprob.detach().exp()
        mask, kind = row.action_mask, kinds[row.info["is_expert"]]
        a, old = row.advantages.double(), row.logprobs.double()
        ratio = (logprob - old).exp()
        upper = torch.maximum(-a * ratio, -a * ratio.clamp(0.8, 1.2))
        pg = torch.where(a < 0, torch.minimum(upper, -3 * a), upper)
        w = {"sft": torch.ones_like(p), "is": p, "phi": p * (1 - p)}[weight]
        token_loss = -w * logprob if row.info["is_expert"] else pg
        ref = reference_logprob(row)
        figures = {
            "loss": token_loss,
            "kl": old - logprob,
            "clip": (-a * ratio.clamp(0.8, 1.2) > -a * ratio).double(),
            "clip_lower": ((upper > -3 * a) & (a < 0)).double(),
            "nll": -logprob,
            "p": p,
            "w": w,
            "ref_kl": 0.5 * (logprob - ref) ** 2,
            "entropy": -(logits.exp() * logits).sum(-1),
        }
        for name, value in figures.items():
            kind[name].append(value[mask].sum())
        kind["count"].append(int(mask.sum()))
    usual, expert = kinds[False], kinds[True]

    def term(kind, name, mode):
        none = torch.zeros((), dtype=torch.float64)
        return aggregate(kind[name], kind["count"], mode, width) if kind["count"] else none

    grpo, sft = term(usual, "loss", usual_mode), term(expert, "loss", expert_mode)
    kl, bonus = term(usual, "ref_kl", usual_mode), term(usual, "entropy", usual_mode)
    loss = (1 - mu) * grpo + mu * sft + kl_coef * kl - entropy * bonus
    loss.backward()
    mean = lambda kind, name: term(kind, name, "token-mean").item()  # noqa: E731
    metrics = {
        "actor/usual/pg_loss": grpo.item(),
        "actor/usual/ppo_kl": mean(usual, "kl"),
        "actor/usual/pg_clipfrac": mean(usual, "clip"),
        "actor/usual/pg_clipfrac_lower": mean(usual, "clip_lower"),
        "actor/expert/loss": sft.item(),
        "actor/expert/nll": mean(expert, "nll"),
        "actor/expert/prob": mean(expert, "p"),
        "actor/expert/weight": mean(expert, "w"),
    }
    if kl_coef:
        metrics["actor/kl_loss"] = kl.item()
    if entropy:
        metrics["actor/entropy_loss"] = bonus.item()
        metrics["actor/expert/entropy"] = mean(expert, "entropy")
    gradient = {name: parameter.grad for name, parameter in model.named_parameters()}
    return loss.item(), gradient, metrics


def reference_logprob(row):
    """A made-up reference model's log-probabilities, a function of the tokens alone."""
    return -4.0 - 0.01 * row.tokens[row.prompt_length :].double()
