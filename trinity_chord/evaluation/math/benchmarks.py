"""The benchmarks: where their problems are, what their columns are called, how they are asked."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.json_lines import read_json_lines, tell

SUFFIXES = (".jsonl", ".parquet")
LETTERS = string.ascii_uppercase


@dataclass(frozen=True)
class Benchmark:
    """A set of problems.

    Attributes:
        name: In `--sets`, and of its file in `--data-dir`.
        title: In tables.
        hub: Its id on the Hugging Face hub.
        split: There.
        question: The column of the problem.
        id: The column of the id; rows without one are counted from 0.
        k: Answers to each problem in the paper.
        choices: The answer is the letter of an option.
    """

    name: str
    title: str
    hub: str
    split: str
    question: str
    id: str
    k: int
    choices: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that each row must have."""
        options = ("options", "answer_index", "category") if self.choices else ()
        return (self.question, "answer", *options)


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("amc23", "AMC23", "math-ai/amc23", "test", "question", "id", 8),
        Benchmark("aime24", "AIME24", "HuggingFaceH4/aime_2024", "train", "problem", "id", 32),
        Benchmark("aime25", "AIME25", "math-ai/aime25", "test", "problem", "id", 32),
        Benchmark(
            "mmlu-pro",
            "MMLU-Pro",
            "TIGER-Lab/MMLU-Pro",
            "test",
            "question",
            "question_id",
            1,
            choices=True,
        ),
    )
}


@dataclass(frozen=True)
class Problem:
    """A problem and its right answer.

    Attributes:
        id: Unique in its benchmark.
        question: What the model is asked, options and all.
        answer: A number or an expression; of a choice, its letter.
        category: Of a choice.
    """

    id: str
    question: str
    answer: str
    category: str | None = None


def load_sets(names: Sequence[str], data_dir: Path | None) -> dict[str, list[Problem]]:
    """Return the problems of several benchmarks; see `load_problems`.

    Raises:
        EvaluationError: As `load_problems` does: for all sets at once where there are files, for
            the first where the hub, which takes its time to fail, cannot be reached.
    """
    found: dict[str, list[Problem]] = {}
    errors: list[str] = []
    for name in names:
        try:
            found[name] = load_problems(BENCHMARKS[name], data_dir)
        except EvaluationError as error:
            if data_dir is None:
                raise
            errors.append(str(error))
    if errors:
        raise EvaluationError("\n".join(errors))
    return found


def load_problems(benchmark: Benchmark, data_dir: Path | None) -> list[Problem]:
    """Return the problems of a benchmark.

    Args:
        benchmark: One of `BENCHMARKS`.
        data_dir: A folder with `NAME.jsonl` or `NAME.parquet`; None: the hub, or its cache.

    Raises:
        EvaluationError: The file is not there, the hub cannot be reached, or rows do not fit; all
            such rows at once.
    """
    where, rows = _from_hub(benchmark) if data_dir is None else _from_file(benchmark, data_dir)
    problems: list[Problem] = []
    wrong: list[str] = []
    seen: set[str] = set()
    for place, (name, row) in enumerate(rows):
        found = _problems_of_row(benchmark, row)
        key = str(row.get(benchmark.id, place))
        if key in seen:
            found.append(f"{benchmark.id} {key!r} stands in an earlier row, too")
        seen.add(key)
        if found:
            wrong += [f"{name}: {each}" for each in found]
        else:
            problems.append(_problem(benchmark, key, row))
    if wrong:
        raise EvaluationError(tell(f"{benchmark.name} ({where})", wrong))
    if not problems:
        raise EvaluationError(f"{benchmark.name} ({where}) holds no problem")
    return problems


def _problem(benchmark: Benchmark, key: str, row: dict[str, Any]) -> Problem:
    question = row[benchmark.question]
    if not benchmark.choices:
        return Problem(key, question, str(row["answer"]))
    options = "\n".join(
        f"{letter}. {option}" for letter, option in zip(LETTERS, row["options"], strict=False)
    )
    asked = (
        f"{question}\n\n{options}\n\nPut the letter of the right option, and nothing else, in "
        "\\boxed{}."
    )
    return Problem(key, asked, row["answer"], row["category"])


def _problems_of_row(benchmark: Benchmark, row: dict[str, Any]) -> list[str]:
    missing = [key for key in benchmark.columns if row.get(key) is None]
    if missing:
        return [f"no {', '.join(missing)} (its columns are {', '.join(row) or 'none'})"]
    question = row[benchmark.question]
    if not isinstance(question, str):
        return [f"{benchmark.question} is {question!r}, expected a text"]
    found = [
        f"{key} is empty" for key in (benchmark.question, "answer") if not str(row[key]).strip()
    ]
    if benchmark.choices and not found:
        found = _problems_of_choice(row["options"], row["answer"], row["answer_index"])
    return found


def _problems_of_choice(options: Any, answer: Any, index: Any) -> list[str]:
    if not isinstance(options, Sequence) or isinstance(options, str) or len(options) < 2:
        return [f"options is {options!r}, expected a list of at least two"]
    if not isinstance(index, int) or not 0 <= index < len(options):
        return [f"answer_index is {index!r}, expected 0 to {len(options) - 1}"]
    if answer != LETTERS[index]:
        return [f"answer is {answer!r}, but answer_index {index} is {LETTERS[index]!r}"]
    return []


Rows = tuple[str, list[tuple[str, dict[str, Any]]]]


def _from_file(benchmark: Benchmark, folder: Path) -> Rows:
    path = next(
        (
            folder / (benchmark.name + suffix)
            for suffix in SUFFIXES
            if (folder / (benchmark.name + suffix)).is_file()
        ),
        None,
    )
    if path is None:
        raise EvaluationError(
            f"{benchmark.name}: expected {folder / (benchmark.name + '.jsonl')} (or .parquet) with "
            f"the columns {', '.join(benchmark.columns)}, as {benchmark.hub} has them"
        )
    if path.suffix == ".jsonl":
        return str(path), read_json_lines(path)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error
    return str(path), [(f"row {i}", row) for i, row in enumerate(rows)]


def _from_hub(benchmark: Benchmark) -> Rows:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        rows = load_dataset(benchmark.hub, split=benchmark.split)
    except (DatasetsError, OSError, ValueError) as error:
        raise EvaluationError(
            f"{benchmark.name}: {benchmark.hub} (split {benchmark.split}) cannot be had from the "
            f"hub: {error}. Where there is no hub, give --data-dir DIR with DIR/{benchmark.name}"
            f".jsonl (or .parquet) of the columns {', '.join(benchmark.columns)}."
        ) from error
    return benchmark.hub, [(f"row {i}", row) for i, row in enumerate(rows)]
