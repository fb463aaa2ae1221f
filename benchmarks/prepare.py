"""Rows per second and peak memory of `trinity-chord prepare openr1-math`, on synthetic rows.

Run: python -m benchmarks.prepare [--rows 220000] [--without length] [--folder FOLDER]

Writes Parquet files with the columns of OpenR1-Math-220k, prepares them with the default settings
(all steps on, 5,000 SFT rows, 20,000 RL rows) in a separate process, prints the time and memory of
that process, and removes everything it wrote. The folder needs about 27 kB per row.

Lengths in characters: problems have 120 to 400; generations are log-normal with a median of 12,000
and a σ of 0.7, limited to 1,500 to 60,000, with a mean of about 15,000. 40% of the rows have one
generation, 50% have two, 10% have four. 75% of the verdicts are true, and one row in eight has
verdicts of the judging model only. 60% of the answers are integers. The text is drawn from 4,000
synthetic words with the frequencies of Zipf's law, every third one a number or a sign. The
tokenizer is a byte-level BPE of 8,000 tokens trained on that text, splitting words as Qwen does.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.data.sources import OPENR1_FEATURES, openr1_row

WORDS = 4000
ROWS_IN_FILE = 22_000
ROWS_IN_GROUP = 1000
POLL_SECONDS = 0.05
MEDIAN, SIGMA, SHORTEST, LONGEST = 12_000, 0.7, 1_500, 60_000
QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Rows:
    """Synthetic rows of OpenR1-Math, determined by the seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        letters = "etaoinshrdlucmfwypvbgkqjxz"
        lengths = self._random.choices(range(1, 9), weights=range(8, 0, -1), k=WORDS)
        self._words = ["".join(self._random.choices(letters[:20], k=n)) for n in lengths]
        # Every third word is a number or a sign, as in a worked solution.
        signs = ["=", "+", "$x$", "^2", "\n\n", "\\frac{1}{2}", "(a, b)", "Wait,"]
        numbers = [str(self._random.randrange(100)) for _ in range(200)]
        weights = [1 / (rank + 5) for rank in range(WORDS)]
        self._words += signs + numbers
        weights += [sum(weights) / 2 / 208] * 208
        self._weights = list(accumulate(weights))
        self._pool = self.text(4_000_000)

    def text(self, characters: int) -> str:
        """Return new text of about this many characters."""
        count = characters // 5
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=count))

    def generation(self) -> str:
        """Return a thought, taken from a long text, and an answer."""
        length = int(self._random.lognormvariate(0, SIGMA) * MEDIAN)
        length = min(max(length, SHORTEST), LONGEST)
        start = self._random.randrange(len(self._pool) - LONGEST)
        thought = self._pool[start : start + length]
        return f"<think>\n{thought}\n</think>\n\nThe answer is \\boxed{{{length}}}."

    def row(self, number: int) -> dict[str, Any]:
        """Return the row with a number."""
        count = self._random.choices((1, 2, 4), weights=(4, 5, 1))[0]
        verdicts = [self._random.random() < 0.75 for _ in range(count)]
        judged = self._random.random() < 1 / 8
        start = self._random.randrange(len(self._pool) - LONGEST)
        problem = self._pool[start : start + self._random.randrange(120, 400)]
        generations = [self.generation() for _ in range(count)]
        return openr1_row(
            number,
            problem=f"Problem {number}: {problem}",
            solution=self._pool[start : start + 1500],
            answer=str(number) if self._random.random() < 0.6 else f"\\frac{{{number}}}{{7}}",
            generations=generations,
            correctness_math_verify=None if judged else verdicts,
            correctness_llama=verdicts if judged else None,
            messages=[
                {"role": "user", "content": problem},
                {"role": "assistant", "content": generations[0]},
            ],
        )


def main() -> None:
    """Run the benchmark and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=220_000)
    parser.add_argument("--without", nargs="*", default=[], help="steps to leave out")
    parser.add_argument("--folder", type=Path, default=Path("runs/prepare"))
    args = parser.parse_args()
    args.folder.mkdir(parents=True)
    try:
        rows = Rows()
        write_tokenizer(args.folder / "tokenizer", rows)
        size = write_source(args.folder / "source", rows, args.rows)
        print(f"{args.rows:,} rows, {size / 1e9:.2f} GB of Parquet", flush=True)
        seconds, busy, peak = measure(args.folder, args.rows, args.without)
        print(f"{args.rows / seconds:,.0f} rows/s: {seconds:.0f} s, {busy:.0f} CPU seconds")
        print(f"peak memory {peak / 2**20:,.0f} MiB")
        manifest = json.loads((args.folder / "out/manifest.json").read_text())
        for name, draw in manifest["draws"].items():
            print(f"{name}: {draw['rows']:,} rows of {draw['available']:,}")
    finally:
        shutil.rmtree(args.folder)


def write_tokenizer(folder: Path, rows: Rows) -> None:
    """Train a byte-level BPE on the text of the rows."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(QWEN_WORDS), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, as_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=8000, initial_alphabet=alphabet, special_tokens=["<eos>"], show_progress=False
    )
    tokenizer.train_from_iterator([rows.text(1_000_000)], trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>").save_pretrained(folder)


def write_source(folder: Path, rows: Rows, count: int) -> int:
    """Write the Parquet files and return their size in bytes."""
    folder.mkdir()
    made = map(rows.row, range(count))
    for number in range(-(-count // ROWS_IN_FILE)):
        path = folder / f"train-{number:05d}.parquet"
        with pq.ParquetWriter(path, OPENR1_FEATURES.arrow_schema, compression="snappy") as writer:
            for group in groups(islice(made, ROWS_IN_FILE)):
                writer.write_table(pa.Table.from_pylist(group, OPENR1_FEATURES.arrow_schema))
    return sum(path.stat().st_size for path in folder.iterdir())


def groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each row group."""
    while group := list(islice(rows, ROWS_IN_GROUP)):
        yield group


def measure(folder: Path, rows: int, without: list[str]) -> tuple[float, float, int]:
    """Run the command; return its wall-clock and CPU seconds and its peak memory in bytes."""
    command = [sys.executable, "-m", "trinity_chord.cli", "prepare", "openr1-math"]
    command += ["--sft", str(min(5000, rows // 44)), "--rl", str(min(20_000, rows // 11))]
    command += ["--source", str(folder / "source"), "--tokenizer", str(folder / "tokenizer")]
    command += [word for step in without for word in ("--without", step)]
    started = time.perf_counter()
    peak = 0
    with psutil.Popen([*command, "--out", str(folder / "out")]) as process:
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                peak = max(peak, process.memory_info().rss)
            time.sleep(POLL_SECONDS)
    if process.returncode:
        raise SystemExit(process.returncode)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, peak


if __name__ == "__main__":
    main()
