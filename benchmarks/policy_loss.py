"""Time of the policy loss, forward and backward, against Trinity's `mix_chord` in one run.

Run: python -m benchmarks.policy_loss [--device cuda] [--rows 32] [--tokens 4096]

Prints the ratio ours / theirs (below 1: ours is faster), the median over alternating pairs of
calls. The forward and backward pass of a model, which is not included, takes far longer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from trinity.algorithm.policy_loss_fn.chord_policy_loss import MIXCHORDPolicyLossFn

from trinity_chord.objective import stamp_rows
from trinity_chord.plugin.training.policy_loss import CHORDPolicyLossFn

PAIRS = 30


def main() -> None:
    """Print the ratio and both medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=4096)
    args = parser.parse_args()
    ours, theirs = calls(args.rows, args.tokens, args.device)
    pairs = [(timed(ours, args.device), timed(theirs, args.device)) for _ in range(PAIRS)][3:]
    ratio = statistics.median(a / b for a, b in pairs)
    mine, other = (statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
    print(f"{args.rows} rows × {args.tokens} tokens on {args.device}")
    print(f"trinity-chord {mine:.2f} ms, mix_chord {other:.2f} ms, ratio {ratio:.2f}")


def calls(rows: int, width: int, device: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return calls of both losses on the same batch, a fifth of it expert rows."""
    generator = torch.Generator().manual_seed(0)
    logprob = -torch.rand(rows, width, generator=generator) * 3
    expert = torch.arange(rows) >= rows - max(rows // 5, 1)
    lengths = torch.randint(width // 4, width + 1, (rows,), generator=generator)
    mask = torch.arange(width) < lengths[:, None]
    stamps = stamp_rows(mask.sum(-1), expert, mu=0.1, width=width)
    tensors = {
        "old_log_probs": logprob + 0.01 * torch.randn(rows, width, generator=generator),
        "response_mask": mask,
        "advantages": torch.randn(rows, 1, generator=generator).expand(rows, width).contiguous(),
        "expert_mask": expert,
    }
    tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    logprob = logprob.to(device).requires_grad_()
    stamped = {name: value.float().to(device) for name, value in vars(stamps).items()}
    step = torch.ones(rows, dtype=torch.int32, device=device)
    experts = int(expert.sum())
    ours = CHORDPolicyLossFn()
    theirs = MIXCHORDPolicyLossFn(
        clip_range=0.2,
        ppo_mini_batch_size=rows,
        ppo_micro_batch_size_per_gpu=rows,
        train_batch_size_usual=rows - experts,
        train_batch_size_expert=experts,
    )

    def run_ours() -> None:
        ours(logprob=logprob, **tensors, **stamped, dp_size=1)[0].backward()

    def run_theirs() -> None:
        theirs(logprob=logprob, **tensors, step=step)[0].backward()

    return run_ours, run_theirs


def timed(call: Callable[[], None], device: str) -> float:
    """Return the seconds of one call, including the device's work."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    started = time.perf_counter()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
