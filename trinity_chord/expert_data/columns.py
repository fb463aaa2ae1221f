"""Columns of an expert set that are read beside its messages: scores and keys."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from trinity_chord.expert_data.errors import ExpertDataError
from trinity_chord.expert_data.pairs import as_keys
from trinity_chord.expert_data.quality import score_problems
from trinity_chord.expert_data.settings import ExpertSet
from trinity_chord.expert_data.source import ExpertSource


def read_scores(expert_set: ExpertSet, column: str) -> np.ndarray:
    """Return the score of each row of a set that has been encoded.

    Args:
        expert_set: The set.
        column: The column of the scores.

    Returns:
        int or float array ``[rows]``, finite.

    Raises:
        ExpertDataError: There is no such column, or a row of it holds no finite number.
    """
    source = ExpertSource(expert_set)
    scores: pa.ChunkedArray = source.column(column)
    problems = score_problems(scores)
    if problems:
        source.load()  # Only to know the rows' lines.
        raise ExpertDataError.from_problems(
            f"scores of expert set {expert_set.name!r}",
            [f"{source.where(row)}: {column} is {text}" for row, text in problems],
            "Fix or remove these rows, or name another column.",
        )
    return scores.to_numpy()


def read_keys(expert_set: ExpertSet, column: str) -> list[str]:
    """Return the key of each row of a set that has been encoded.

    Raises:
        ExpertDataError: There is no such column, or it holds no keys.
    """
    values = ExpertSource(expert_set).column(column)
    try:
        return as_keys(values)
    except ExpertDataError as error:
        raise ExpertDataError(
            f"expert set {expert_set.name!r} ({expert_set.path}) cannot be paired by its column "
            f"{column!r}: {error}"
        ) from error
