"""The columns of an expert set that are read in addition to its messages: scores and keys."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pyarrow as pa

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.pairs import as_keys
from trinity_chord.expert_data.quality import score_problems
from trinity_chord.expert_data.settings import ExpertSet
from trinity_chord.expert_data.source import ExpertSource


def read_scores(expert_set: ExpertSet, column: str) -> npt.NDArray[Any]:
    """Return the score of each row of a set that has been encoded.

    Args:
        expert_set: The set.
        column: The column of the scores.

    Returns:
        int or float array ``[rows]``, finite.

    Raises:
        ExpertDataError: There is no such column, or the score of a row is not a finite number.
    """
    source = ExpertSource(expert_set)
    scores: pa.ChunkedArray = source.column(column)
    problems = score_problems(scores)
    if problems:
        source.load()  # Reads the line numbers of the rows.
        raise ExpertDataError.from_problems(
            f"scores of expert set {expert_set.name!r}",
            [f"{source.where(row)}: `{column}`: {text}" for row, text in problems],
            "Fix or remove these rows, or choose another column.",
        )
    values: npt.NDArray[Any] = scores.to_numpy()
    return values


def read_keys(expert_set: ExpertSet, column: str) -> list[str]:
    """Return the key of each row of a set that has been encoded.

    Args:
        expert_set: The set.
        column: The column of the keys.

    Raises:
        ExpertDataError: There is no such column, or its values cannot be keys.
    """
    values = ExpertSource(expert_set).column(column)
    try:
        return as_keys(values)
    except ExpertDataError as error:
        raise ExpertDataError(
            f"{expert_set} cannot be paired by its column {column!r}: {error}"
        ) from error
