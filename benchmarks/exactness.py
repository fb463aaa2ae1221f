"""Distance of a gradient from the whole batch's per micro-batch split: ours and `mix_chord`'s.

Run: python -m benchmarks.exactness [--ranks 1 2]

Runs verl's FSDP2 engine over gloo with a tiny random model on 16 rows, 8 of them expert rows.
Prints |g - g_whole| / |g_whole| for trinity-chord, with g_whole from the paper's equations in
float64, and |g| / |g of one micro-batch| for Trinity's `mix_chord` with all six of its batch
numbers correct.
"""

from __future__ import annotations

import argparse
import tempfile

import torch

from tests.exactness.engine import Cut, run_engine
from tests.exactness.reference import reference
from tests.exactness.rows import MU, make_rows
from tests.exactness.test_comparison import gradient_norm, mix_chord
from tests.exactness.test_exactness import CASES, relative_difference
from tests.tiny_model import make_model_folder

CUTS = [Cut(rows=16), Cut(rows=4), Cut(rows=2), Cut(rows=1), Cut(tokens=128), Cut(tokens=64)]
CASE = "phi, token-mean"


def main() -> None:
    """Print one table per number of ranks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    with tempfile.TemporaryDirectory() as folder:
        model = str(make_model_folder(folder))
        for ranks in parser.parse_args().ranks:
            print_table(model, folder, ranks)


def print_table(model: str, folder: str, ranks: int) -> None:
    """Run every split on `ranks` ranks, and print the table."""
    case = CASES[CASE]
    rows = make_rows(case.on_policy_mode, case.expert_mode, case.order)
    modes = {"on_policy_mode": case.on_policy_mode, "expert_mode": case.expert_mode}
    _, whole, _ = reference(model, rows, mu=MU, weight="phi", **modes)
    jobs = [(case, cut) for cut in CUTS]
    jobs += [(mix_chord("theirs", "token-mean", "mixed", cut, ranks), cut) for cut in CUTS]
    outcomes = run_engine(model, folder, ranks, jobs)
    one = gradient_norm(outcomes["theirs", str(CUTS[0])])
    print(f"\n{ranks} rank(s)\n{'micro-batches':>16}  {'trinity-chord':>14}  {'mix_chord':>9}")
    for cut in CUTS:
        off = relative_difference(outcomes[CASE, str(cut)].gradient, whole)
        factor = gradient_norm(outcomes["theirs", str(cut)]) / one
        print(f"{cut!s:>16}  {off:14.1e}  {factor:8.2f}×")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
