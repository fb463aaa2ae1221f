"""The reference: the paper's equations on the whole batch, with transformers alone, in float64.

Uses neither verl nor Trinity's losses nor stamps; loops over rows.
"""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from tests.aggregation import aggregate

SUMS = ("loss", "kl", "clip", "clip_lower", "nll", "p", "w", "ref_kl", "entropy")


def token_weights(name, logprob, old):
    """Return w(p) of each token."""
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


def row_weight(name, logprob, ref_logprob, entropy, mask):
    """Return v of a row, which has tokens."""
    if name == "iw_sft":
        return (logprob - ref_logprob)[mask].mean().exp().clamp(0, 16)
    return 0.5 * (-entropy[mask].mean()).exp() if name == "srft" else 1.0


def policy_gradient(name, logprob, old, a, mask):
    """Return the on-policy loss of each token, and whether PPO's clips are active."""
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


def load_model(path, dtype):
    """Load the model of a folder, whether it reads images or not."""
    vision = hasattr(AutoConfig.from_pretrained(path), "vision_config")
    auto_class = AutoModelForImageTextToText if vision else AutoModelForCausalLM
    return auto_class.from_pretrained(path, dtype=dtype)


def response_logprobs(model, row, temperature=1.0):
    """Return the log-probabilities of the vocabulary at each token of a row's response, [T, V]."""
    inputs = dict(row.multi_modal_inputs or {})
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = inputs["mm_token_type_ids"][:, :-1]
    logits = model(row.tokens.long()[None, :-1], **inputs).logits[0] / temperature
    return logits.log_softmax(-1)[row.prompt_length - 1 :]


def of_response(logprobs, row):
    """Return the log-probability of each token of a row's response."""
    return logprobs.gather(1, row.tokens.long()[row.prompt_length :, None])[:, 0]


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
    reference_path=None,
    recompute=False,
    temperature=1.0,
):
    """Return the whole batch's loss, gradient (by parameter name) and metrics.

    Args:
        model_path: The folder of π_θ.
        rows: The whole batch.
        mu: μ.
        weight: Name of the token weight.
        on_policy_mode: Aggregation mode of the on-policy rows.
        expert_mode: Aggregation mode of the expert rows.
        kl_coef: β of the KL term; no term if 0.
        entropy: Coefficient of the entropy bonus; no bonus if 0.
        row_rule: Name of the row weight.
        rl_loss: Name of the on-policy term.
        reference_path: The folder of π_ref; needed by the KL term and by some row weights.
        recompute: Whether π_old is π_θ, as it is if the trainer computes its log-probabilities.
        temperature: T; π_θ and π_ref are softmax(logits / T).

    A kind of row that the batch lacks adds 0, and its metrics are 0.
    """
    model = load_model(model_path, torch.float64)
    ref_model = reference_path and load_model(reference_path, torch.float64)
    kinds = {kind: {name: [] for name in (*SUMS, "count")} for kind in (False, True)}
    width = max(len(row.tokens) - row.prompt_length for row in rows)
    tokens_in_bins = torch.zeros(20, dtype=torch.float64)
    for row in rows:
        logits = response_logprobs(model, row, temperature)
        logprob = of_response(logits, row)
        fixed = logprob.detach()
        with torch.no_grad():
            ref = fixed
            if ref_model:
                ref = of_response(response_logprobs(ref_model, row, temperature), row)
        token_entropy = -(logits.exp() * logits).sum(-1)
        mask, is_expert = row.action_mask, row.info["is_expert"]
        old = fixed if recompute else row.logprobs.double()
        pg, clips = policy_gradient(rl_loss, logprob, old, row.advantages.double(), mask)
        w = token_weights(weight, fixed, old)
        v = row_weight(row_rule, fixed, ref, token_entropy.detach(), mask) if mask.any() else 1.0
        figures = {
            "loss": -v * w * logprob if is_expert else pg,
            "kl": old - logprob,
            **clips,
            "nll": -logprob,
            "p": fixed.exp(),
            "w": w,
            "ref_kl": 0.5 * (logprob - ref) ** 2,
            "entropy": token_entropy,
        }
        for name, value in figures.items():
            kinds[is_expert][name].append(value[mask].sum())
        kinds[is_expert]["count"].append(int(mask.sum()))
        if is_expert:
            tokens_in_bins += torch.histc(fixed.exp()[mask], bins=20, min=0, max=1)
    on_policy, expert = kinds[False], kinds[True]

    def term(kind, name, mode):
        none = torch.zeros((), dtype=torch.float64)
        return aggregate(kind[name], kind["count"], mode, width) if kind["count"] else none

    def mean(kind, name):
        return term(kind, name, "token-mean").item()

    grpo, sft = term(on_policy, "loss", on_policy_mode), term(expert, "loss", expert_mode)
    kl, bonus = (term(on_policy, name, on_policy_mode) for name in ("ref_kl", "entropy"))
    loss = (1 - mu) * grpo + mu * sft + kl_coef * kl - entropy * bonus
    loss.backward()
    metrics = {
        "actor/usual/pg_loss": grpo.item(),
        "actor/usual/ppo_kl": mean(on_policy, "kl"),
        "actor/expert/loss": sft.item(),
        "actor/expert/nll": mean(expert, "nll"),
        "actor/expert/prob": mean(expert, "p"),
        "actor/expert/weight": mean(expert, "w"),
    }
    for number, count in enumerate(tokens_in_bins.tolist()):
        name = f"actor/expert/prob_hist/{number / 20:.2f}"
        metrics[name] = count / max(sum(expert["count"]), 1)
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
