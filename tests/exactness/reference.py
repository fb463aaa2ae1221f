"""The reference: the paper's equations on the whole batch, with transformers alone, in float64.

Knows nothing of verl, of Trinity's losses or of stamps; loops over rows.
"""

import torch
from transformers import AutoModelForCausalLM

from tests.aggregation import aggregate


def made_up(row):
    """Tensors that a trainer would bring, as functions of the tokens alone."""
    tokens = row.tokens[row.prompt_length :].double()
    return {
        "ref_logprob": -4.0 - 0.01 * tokens,
        "expert_old_logprob": -4.9 + 0.01 * tokens,
        "entropy": 3.0 + 0.01 * tokens,
    }


def token_weights(name, logprob, old):
    """w(p) of each token."""
    p = logprob.exp()
    ratio = (logprob - old).exp()
    return {
        "sft": torch.ones_like(p),
        "is": p,
        "dft": p,
        "phi": p * (1 - p),
        "luffy": 0.1 * p / (p + 0.1) ** 2,
        "trsft": torch.clamp(p / 0.1, max=1),
        "psft": torch.where(ratio > 1.28, 0.0, ratio),
    }[name]


def row_weight(name, logprob, mask, brought):
    """v of a row, which has tokens."""
    if name == "iw_sft":
        return (logprob - brought["ref_logprob"])[mask].mean().exp().clamp(0, 16)
    return 0.5 * (-brought["entropy"][mask].mean()).exp() if name == "srft" else 1.0


def policy_gradient(name, logprob, old, a, mask):
    """The on-policy loss of each token, and PPO's clips."""
    ratio = (logprob - old).exp()
    upper = torch.maximum(-a * ratio, -a * ratio.clamp(0.8, 1.2))
    clips = {
        "clip": (-a * ratio.clamp(0.8, 1.2) > -a * ratio).double(),
        "clip_lower": ((upper > -3 * a) & (a < 0)).double(),
    }
    if name == "gspo":
        of_row = (logprob - logprob.detach() + (logprob - old)[mask].mean().detach()).exp()
        return torch.maximum(-a * of_row, -a * of_row.clamp(0.8, 1.2)), clips
    if name == "opmd":
        return -a * logprob / 2, clips
    return torch.where(a < 0, torch.minimum(upper, -3 * a), upper), clips


def reference(
    model_path,
    rows,
    *,
    mu,
    weight,
    on_policy_mode,
    expert_mode,
    kl_coef=0.0,
    entropy=0.0,
    row_rule="all",
    rl_loss="ppo",
):
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
        mask, kind, brought = row.action_mask, kinds[row.info["is_expert"]], made_up(row)
        old = row.logprobs.double()
        pg, clips = policy_gradient(rl_loss, logprob, old, row.advantages.double(), mask)
        w = token_weights(weight, logprob.detach(), brought["expert_old_logprob"])
        v = row_weight(row_rule, logprob.detach(), mask, brought) if mask.any() else 1.0
        token_loss = -v * w * logprob if row.info["is_expert"] else pg
        figures = {
            "loss": token_loss,
            "kl": old - logprob,
            **clips,
            "nll": -logprob,
            "p": p,
            "w": w,
            "ref_kl": 0.5 * (logprob - brought["ref_logprob"]) ** 2,
            "entropy": -(logits.exp() * logits).sum(-1),
        }
        for name, value in figures.items():
            kind[name].append(value[mask].sum())
        kind["count"].append(int(mask.sum()))
    on_policy, expert = kinds[False], kinds[True]

    def term(kind, name, mode):
        none = torch.zeros((), dtype=torch.float64)
        return aggregate(kind[name], kind["count"], mode, width) if kind["count"] else none

    grpo, sft = term(on_policy, "loss", on_policy_mode), term(expert, "loss", expert_mode)
    kl, bonus = (
        term(on_policy, "ref_kl", on_policy_mode),
        term(on_policy, "entropy", on_policy_mode),
    )
    loss = (1 - mu) * grpo + mu * sft + kl_coef * kl - entropy * bonus
    loss.backward()
    mean = lambda kind, name: term(kind, name, "token-mean").item()  # noqa: E731
    metrics = {
        "actor/usual/pg_loss": grpo.item(),
        "actor/usual/ppo_kl": mean(on_policy, "kl"),
        "actor/expert/loss": sft.item(),
        "actor/expert/nll": mean(expert, "nll"),
        "actor/expert/prob": mean(expert, "p"),
        "actor/expert/weight": mean(expert, "w"),
    }
    if rl_loss == "ppo":
        metrics["actor/usual/pg_clipfrac"] = mean(on_policy, "clip")
        metrics["actor/usual/pg_clipfrac_lower"] = mean(on_policy, "clip_lower")
    if kl_coef:
        metrics["actor/kl_loss"] = kl.item()
    if entropy:
        metrics["actor/entropy_loss"] = bonus.item()
        metrics["actor/expert/entropy"] = mean(expert, "entropy")
    gradient = {name: parameter.grad for name, parameter in model.named_parameters()}
    return loss.item(), gradient, metrics
