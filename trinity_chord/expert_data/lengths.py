"""Selection of the encoded rows that fit into ``max_model_len``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trinity_chord.errors import LISTED
from trinity_chord.expert_data.errors import ExpertDataError

Lengths = npt.NDArray[np.integer[Any]]


def select_rows(
    lengths: Lengths,
    prompt_lengths: Lengths,
    max_model_len: int,
    overlong: str,
    subject: str,
) -> npt.NDArray[np.int64]:
    """Select the rows that fit into ``max_model_len``, whole or cut.

    Args:
        lengths: Tokens of each row, int ``[rows]``.
        prompt_lengths: Tokens of each row's prompt, int ``[rows]``.
        max_model_len: Maximum tokens per row.
        overlong: ``'drop'``, ``'cut'`` or ``'error'``.
        subject: What an error is about.

    Returns:
        Source row numbers, int64 ``[kept]``, ascending.

    Raises:
        ExpertDataError: No row fits, or ``overlong`` is ``'error'`` and some row does not.
    """
    too_long = lengths > max_model_len
    if overlong == "error" and too_long.any():
        raise _overlong_error(lengths, too_long, max_model_len, subject)
    fits = ~too_long
    if overlong == "cut":
        fits |= prompt_lengths < max_model_len
    kept = np.flatnonzero(fits)
    if len(kept) == 0:
        raise _nothing_fits(lengths, prompt_lengths, max_model_len, overlong, subject)
    return kept


def _overlong_error(
    lengths: Lengths, too_long: npt.NDArray[np.bool_], max_model_len: int, subject: str
) -> ExpertDataError:
    rows = np.flatnonzero(too_long)
    listed = [
        f"row {row} (counted from 0): got {lengths[row]} tokens, expected at most {max_model_len}"
        for row in rows[:LISTED]
    ]
    return ExpertDataError.from_problems(
        f"{subject}: rows longer than `max_model_len`",
        listed,
        f"Raise `max_model_len` to {lengths.max()}, or set `overlong` to 'drop' or 'cut'.",
        total=len(rows),
    )


def _nothing_fits(
    lengths: Lengths,
    prompt_lengths: Lengths,
    max_model_len: int,
    overlong: str,
    subject: str,
) -> ExpertDataError:
    if overlong == "cut":
        shortest = prompt_lengths.min()
        return ExpertDataError(
            f"`max_model_len`: got {max_model_len}, expected at least {shortest + 1} for "
            f"{subject}: the shortest prompt of its {len(lengths):,} rows has {shortest} tokens, "
            "which leaves no room for a response"
        )
    return ExpertDataError(
        f"`max_model_len`: got {max_model_len}, expected at least {lengths.min()} for {subject}: "
        f"all {len(lengths):,} rows are longer ({lengths.min()} to {lengths.max()} tokens); raise "
        f"it ({lengths.max()} keeps all rows), or set `overlong` to 'cut'"
    )
