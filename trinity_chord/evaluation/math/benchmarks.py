"""The benchmarks: the source of their problems, their columns, and the prompt of a choice."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trinity_chord.evaluation.errors import EvaluationError
from trinity_chord.evaluation.json_files import Rows, read_json_lines

SUFFIXES = (".jsonl", ".parquet")
LETTERS = string.ascii_uppercase


@dataclass(frozen=True)
class Benchmark:
    """A set of problems.

    Attributes:
        name: Name in `--sets` and of the file in `--data-dir`.
        title: Name in tables.
        hub: Id on the Hugging Face hub.
        split: Split on the hub.
        question: Column of the question.
        id: Column of the id; rows without one are numbered from 0.
        k: Answers per problem in the paper.
        choices: Whether the answer is the letter of an option.
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
        """The columns that every row must have."""
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
        id: Unique within its benchmark.
        question: The text given to the model, including the options of a choice.
        answer: A number or expression, or the letter of a choice.
        category: Category of a choice, otherwise None.
    """

    id: str
    question: str
    answer: str
    category: str | None = None


def load_sets(names: Sequence[str], data_dir: Path | None) -> dict[str, list[Problem]]:
    """Return the problems of several benchmarks; see `load_problems`.

    Raises:
        EvaluationError: See `load_problems`. With `data_dir` it lists the problems of all sets;
            without, only those of the first, since each failed download takes long.
    """
    found: dict[str, list[Problem]] = {}
    wrong: list[str] = []
    for name in names:
        try:
            found[name] = load_problems(BENCHMARKS[name], data_dir)
        except EvaluationError as error:
            if data_dir is None:
                raise
            wrong += [f"{name}: {problem}" for problem in error.problems]
    if wrong:
        raise EvaluationError.from_problems(f"--data-dir {data_dir}", wrong)
    return found


def load_problems(benchmark: Benchmark, data_dir: Path | None) -> list[Problem]:
    """Return the problems of a benchmark.

    Args:
        benchmark: One of `BENCHMARKS`.
        data_dir: A folder with `NAME.jsonl` or `NAME.parquet`; None loads from the hub or its
            cache.

    Raises:
        EvaluationError: The file is missing, the hub cannot be reached, or rows are wrong; all
            wrong rows are listed.
    """
    source, rows = _from_hub(benchmark) if data_dir is None else _from_file(benchmark, data_dir)
    problems: list[Problem] = []
    wrong: list[str] = []
    seen: set[str] = set()
    for index, (place, row) in enumerate(rows):
        complaints = _complaints(benchmark, row)
        key = str(row.get(benchmark.id, index))
        if key in seen:
            complaints.append(f"{benchmark.id} {key!r} is already in an earlier row")
        seen.add(key)
        if complaints:
            wrong += [f"{place}: {complaint}" for complaint in complaints]
        else:
            problems.append(_problem(benchmark, key, row))
    if wrong:
        raise EvaluationError.from_problems(source, wrong)
    if not problems:
        raise EvaluationError(f"{source} holds no problems")
    return problems


def _problem(benchmark: Benchmark, key: str, row: dict[str, Any]) -> Problem:
    question = row[benchmark.question]
    if not benchmark.choices:
        return Problem(key, question, str(row["answer"]))
    options = "\n".join(
        f"{letter}. {option}" for letter, option in zip(LETTERS, row["options"], strict=False)
    )
    text = (
        f"{question}\n\n{options}\n\nPut the letter of the right option, and nothing else, in "
        "\\boxed{}."
    )
    return Problem(key, text, row["answer"], row["category"])


def _complaints(benchmark: Benchmark, row: dict[str, Any]) -> list[str]:
    """Return what is wrong with a row, nothing if it is a problem of the benchmark."""
    missing = [key for key in benchmark.columns if row.get(key) is None]
    if missing:
        return [f"no {', '.join(missing)} (its columns are {', '.join(row) or 'none'})"]
    question = row[benchmark.question]
    if not isinstance(question, str):
        return [f"{benchmark.question}: got {question!r}, expected text"]
    found = [
        f"{key}: got empty text"
        for key in (benchmark.question, "answer")
        if not str(row[key]).strip()
    ]
    if benchmark.choices and not found:
        found = _complaints_about_choice(row["options"], row["answer"], row["answer_index"])
    return found


def _complaints_about_choice(options: Any, answer: Any, index: Any) -> list[str]:
    if not isinstance(options, Sequence) or isinstance(options, str) or len(options) < 2:
        return [f"options: got {options!r}, expected a list of at least two"]
    if not isinstance(index, int) or not 0 <= index < len(options):
        return [f"answer_index: got {index!r}, expected 0 to {len(options) - 1}"]
    if answer != LETTERS[index]:
        return [f"answer: got {answer!r}, expected {LETTERS[index]!r} for answer_index {index}"]
    return []


def _from_file(benchmark: Benchmark, folder: Path) -> tuple[str, Rows]:
    """Return the path of a benchmark's file, and its rows."""
    paths = [folder / (benchmark.name + suffix) for suffix in SUFFIXES]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise EvaluationError(
            f"got no file, expected {paths[0]} (or .parquet) with the columns "
            f"{', '.join(benchmark.columns)}, as in {benchmark.hub}"
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


def _from_hub(benchmark: Benchmark) -> tuple[str, Rows]:
    """Return the hub id of a benchmark, and its rows."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        rows = load_dataset(benchmark.hub, split=benchmark.split)
    except (DatasetsError, OSError, ValueError) as error:
        raise EvaluationError(
            f"{benchmark.hub} (split {benchmark.split}) could not be downloaded: {error}. Without "
            f"access to the hub, use --data-dir DIR with DIR/{benchmark.name}.jsonl (or .parquet) "
            f"and the columns {', '.join(benchmark.columns)}."
        ) from error
    return benchmark.hub, [(f"row {i}", row) for i, row in enumerate(rows)]
