"""Time and memory of the policy loss, forward and backward, against Trinity's `mix_chord`.

Run: python -m benchmarks.policy_loss [--device cuda] [--rows 64 --tokens 8192 --share 0.2]

Prints the ratio ours / theirs (below 1: ours takes less) for several sizes and shares of expert
rows: the median over alternating pairs of calls, and the peak of the memory that a call adds. The
forward and backward pass of a model, which is not included, takes far longer.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from trinity.algorithm.policy_loss_fn.chord_policy_loss import MIXCHORDPolicyLossFn

from trinity_chord.objective import stamp_rows
from trinity_chord.plugin.training.policy_loss import CHORDPolicyLossFn

SIZES, SHARES = ((64, 1024), (64, 8192), (320, 8192)), (0.0, 0.2, 1.0)
M_MMAP_THRESHOLD = -3  # of mallopt(3)
SECONDS, FEWEST_PAIRS, WARM_UP = 8.0, 5, 2
BAR = 1.0
Call = Callable[[], None]


def main() -> None:
    """Print a line for each size and share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--share", type=float)
    args = parser.parse_args()
    sizes = ((args.rows, args.tokens),) if args.rows and args.tokens else SIZES
    shares = SHARES if args.share is None else (args.share,)
    cases = [(*size, share) for size in sizes for share in shares]
    times = {case: alternate(*calls(*case, args.device), args.device) for case in cases}
    # Afterwards: it changes how memory is allocated.
    peaks = {case: [peak(c, args.device) for c in calls(*case, args.device)] for case in cases}
    print(f"policy loss on {args.device}, ours / mix_chord; the bar is {BAR}")
    print("  rows × tokens  expert rows   time  memory    ours, ms  mix_chord, ms")
    for (rows, width, share), pairs in times.items():
        ratio = statistics.median(a / b for a, b in pairs)
        mine, other = (statistics.median(side) * 1e3 for side in zip(*pairs, strict=True))
        memory = peaks[rows, width, share]
        print(
            f"{rows:>6} × {width:<6} {share:>11.0%} {ratio:>7.2f} {memory[0] / memory[1]:>7.2f}"
            f" {mine:>11.2f} {other:>14.2f}"
        )


def calls(rows: int, width: int, share: float, device: str) -> tuple[Call, Call]:
    """Return calls of both losses on the same batch with a share of expert rows."""
    generator = torch.Generator().manual_seed(0)
    logprob = -torch.rand(rows, width, generator=generator) * 3
    expert = torch.arange(rows) >= rows - round(share * rows)
    # Experts among the rollouts, as in a batch that is split by length.
    expert = expert[torch.randperm(rows, generator=generator)]
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
        train_batch_size_usual=max(rows - experts, 1),
        train_batch_size_expert=max(experts, 1),
    )

    def run_ours() -> None:
        logprob.grad = None
        ours(logprob=logprob, **tensors, **stamped, dp_size=1)[0].backward()

    def run_theirs() -> None:
        logprob.grad = None
        theirs(logprob=logprob, **tensors, step=step)[0].backward()

    return run_ours, run_theirs


def alternate(ours: Call, theirs: Call, device: str) -> list[tuple[float, float]]:
    """Return the seconds of pairs of calls, as many as fit into `SECONDS`."""
    pairs: list[tuple[float, float]] = []
    began = time.perf_counter()
    while len(pairs) < FEWEST_PAIRS + WARM_UP or time.perf_counter() - began < SECONDS:
        pairs.append((timed(ours, device), timed(theirs, device)))
    return pairs[WARM_UP:]


def timed(call: Call, device: str) -> float:
    """Return the seconds of one call, including the device's work."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    started = time.perf_counter()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started


def peak(call: Call, device: str) -> float:
    """Return the bytes that a call adds at its peak, the gradient included."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return torch.cuda.max_memory_allocated() - before
    libc = ctypes.CDLL(None)
    # Every tensor is memory of its own, which comes from the system and goes back.
    libc.mallopt(M_MMAP_THRESHOLD, 65536)
    call()
    libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = _resident("VmRSS")
    call()
    return _resident("VmHWM") - before


def _resident(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise OSError(f"/proc/self/status has no {name}")
    return int(found[1]) * 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
