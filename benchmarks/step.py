"""Time of a whole train step on verl's engine: ours, `mix_chord`, GRPO, and the limit.

Run: python -m benchmarks.step [--rounds 7]

Trinity's trainer takes steps of the same rows (32 rollouts and 8 expert rows) with the same
micro-batches and a model of 12.6 million parameters, alternating in one process. Entropy is off,
except in `mix_chord` as it comes. GRPO takes all 40 rows for rollouts. The limit is a loss that is
only a sum of log-probabilities. Prints the median ratio of the rounds next to its bar, and writes
results/step.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Qwen2Config, Qwen2ForCausalLM
from trinity.algorithm.policy_loss_fn.policy_loss_fn import PolicyLossFn
from trinity.common.experience import EID, Experience

from benchmarks.results import write
from tests.exactness.policy import Policy
from tests.exactness.trainer import Case, Job, Split, run_trainer
from tests.tiny_model import make_tokenizer
from trinity_chord.plugin import names
from trinity_chord.plugin.training.stamping import as_expert, stamp

ROLLOUTS, EXPERTS, VOCABULARY = 32, 8, 32_000
PROMPT, SHORTEST, LONGEST = 32, 64, 192
SPLIT = Split(tokens=2048)
MIX_CHORD = {
    "clip_range": 0.2,
    "use_dynamic_bsz": True,
    "ppo_mini_batch_size": ROLLOUTS + EXPERTS,
    "train_batch_size_usual": ROLLOUTS,
    "train_batch_size_expert": EXPERTS,
}
# Name of the loss, its arguments, and name of the entropy loss; that of `mix_chord` is its default.
LOSSES: dict[str, tuple[str, dict[str, Any], str]] = {
    "ours": (names.POLICY_LOSS, {"token_weight": "phi"}, "none"),
    "mix_chord": ("mix_chord", MIX_CHORD, "mix"),
    "mix_chord without entropy": ("mix_chord", MIX_CHORD, "none"),
    "GRPO": ("ppo", {"clip_range": 0.2}, "none"),
    "limit": ("benchmarks.step.SumOfLogProbs", {}, "none"),
}
BARS = {"mix_chord": 0.65, "mix_chord without entropy": 1.0, "GRPO": 1.02, "limit": 1.10}


class SumOfLogProbs(PolicyLossFn):
    """A loss that costs nothing but its own gradient."""

    def __call__(  # type: ignore[override]
        self, logprob: Tensor, action_mask: Tensor, **kwargs: Any
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the sum of log π of the response tokens."""
        return -(logprob * action_mask).sum(), {}

    @classmethod
    def default_args(cls) -> dict[str, Any]:
        """Return no arguments."""
        return {}


def main() -> None:
    """Print the ratios and write them to a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    seconds = measure(rounds)
    figures = {}
    for other, bar in BARS.items():
        pairs = zip(seconds["ours"], seconds[other], strict=True)
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        middle = statistics.median(ratios)
        figures[other] = {"ratio": middle, "low": ratios[0], "high": ratios[-1], "bar": bar}
        print(f"ours / {other:<25} {middle:5.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), bar {bar}")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print("median seconds:", ", ".join(f"{name} {value:.2f}" for name, value in medians.items()))
    write("step", {"ratios": figures, "seconds": medians, "rounds": rounds})


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each loss's steps, the warm-up round left out."""
    rows = make_rows()
    with tempfile.TemporaryDirectory() as folder:
        policy = make_policy(Path(folder))
        jobs = {
            (name, i): Job(_case(f"{name} {i}", rows, *loss), SPLIT)
            for i in range(rounds + 1)
            for name, loss in LOSSES.items()
        }
        outcomes = run_trainer(policy, folder, 1, list(jobs.values()))
    return {
        name: [outcomes[jobs[name, i].key].seconds for i in range(1, rounds + 1)] for name in LOSSES
    }


def _case(name: str, rows: list[Experience], *loss: Any) -> Case:
    policy_loss, arguments, entropy = loss
    fields = {"step": 1}
    return Case(name, policy_loss, arguments, entropy_loss_fn=entropy, rows=rows, row_fields=fields)


def make_policy(folder: Path) -> Policy:
    """Write a random model of 12.6 million parameters."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=192,
        intermediate_size=384,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder / "model")
    make_tokenizer().save_pretrained(folder / "model")
    torch.save(model.state_dict(), folder / "weights.pt")
    path = str(folder / "model")
    return Policy(path, str(folder / "weights.pt"), path, [])


def make_rows() -> list[Experience]:
    """Return the rows of a batch, stamped."""
    generator = torch.Generator().manual_seed(0)
    rows = [_row(i, generator) for i in range(ROLLOUTS + EXPERTS)]
    rollouts, experts = rows[:ROLLOUTS], [as_expert(row) for row in rows[ROLLOUTS:]]
    stamp(rollouts, experts, mu=0.1, on_policy_mode="token-mean", expert_mode="token-mean")
    order = torch.randperm(len(rows), generator=generator).tolist()
    return [(*rollouts, *experts)[i] for i in order]


def _row(index: int, generator: torch.Generator) -> Experience:
    response = int(torch.randint(SHORTEST, LONGEST + 1, (1,), generator=generator))
    return Experience(
        eid=EID(task=str(index // 8), run=index),
        tokens=torch.randint(0, VOCABULARY, (PROMPT + response,), generator=generator),
        prompt_length=PROMPT,
        action_mask=torch.ones(response, dtype=torch.bool),
        logprobs=torch.full((response,), -10.4),
        reward=0.0,
        advantages=torch.randn(1, generator=generator).expand(response).clone(),
        returns=torch.zeros(response),
        info={"model_version": 0},
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
