"""Distance of a gradient from the whole batch's per micro-batch split: ours and `mix_chord`'s.

Run: python -m benchmarks.exactness [--ranks 1 2]

Runs Trinity's trainer with verl's FSDP2 engine over gloo, with a tiny model whose tokens have
probabilities from 0 to 1, on 16 rows, 8 of them expert rows. Prints, in float32,
|g - g_whole| / |g_whole| for trinity-chord, with g_whole of the batch that is not split and of the
paper's equations in float64, and |g| / |g of one micro-batch| for Trinity's `mix_chord` with all
six of its batch numbers correct.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from tests.exactness.policy import Policy, make_policy
from tests.exactness.test_comparison import mix_chord
from tests.exactness.test_exactness import CASES, norm, relative_difference, whole_batch
from tests.exactness.trainer import Job, Split, run_trainer

SPLITS = [
    Split(rows=16),
    Split(rows=4),
    Split(rows=2),
    Split(rows=1),
    Split(tokens=128),
    Split(tokens=64),
]
CASE = "phi, token-mean"


def main() -> None:
    """Print one table per number of ranks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    ranks = parser.parse_args().ranks
    with tempfile.TemporaryDirectory() as folder:
        policy = make_policy(Path(folder))
        for number in ranks:
            print_table(policy, folder, number)


def print_table(policy: Policy, folder: str, ranks: int) -> None:
    """Run every split on `ranks` ranks, and print the table."""
    case = CASES[CASE]
    _, equations, _ = whole_batch(case, policy)
    jobs = [Job(case, split) for split in SPLITS]
    jobs += [Job(mix_chord("theirs", "token-mean", "mixed", each, ranks), each) for each in SPLITS]
    outcomes = run_trainer(policy, folder, ranks, jobs)
    gradients = {(name, split): each.gradient for (name, split, _), each in outcomes.items()}
    unsplit = str(SPLITS[0])
    print(f"\n{ranks} rank(s)")
    print(f"{'micro-batches':>16}  {'unsplit':>9}  {'float64':>9}  {'mix_chord':>9}")
    for split in map(str, SPLITS):
        ours, theirs = gradients[CASE, split], gradients["theirs", split]
        of_unsplit = relative_difference(ours, gradients[CASE, unsplit])
        of_equations = relative_difference(ours, equations)
        growth = norm(theirs) / norm(gradients["theirs", unsplit])
        print(f"{split:>16}  {of_unsplit:9.1e}  {of_equations:9.1e}  {growth:8.2f}×")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
