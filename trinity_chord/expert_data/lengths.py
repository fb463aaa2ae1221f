"""Applies ``max_model_len`` to the encoded rows of a set."""

from __future__ import annotations

import numpy as np

from trinity_chord.errors import LISTED
from trinity_chord.expert_data.errors import ExpertDataError


def select_rows(
    lengths: np.ndarray,
    prompt_lengths: np.ndarray,
    max_model_len: int,
    overlong: str,
    subject: str,
) -> np.ndarray:
    """Select the rows that fit into ``max_model_len``, whole or cut.

    Args:
        lengths: Tokens of each row, int ``[rows]``.
        prompt_lengths: Tokens of each row's prompt, int ``[rows]``.
        max_model_len: The most tokens of a row.
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
    lengths: np.ndarray, too_long: np.ndarray, max_model_len: int, subject: str
) -> ExpertDataError:
    rows = np.flatnonzero(too_long)
    listed = [f"row {row} (counted from 0): {lengths[row]} tokens" for row in rows[:LISTED]]
    return ExpertDataError.from_problems(
        f"{subject}: rows longer than max_model_len ({max_model_len})",
        listed,
        f"Raise max_model_len to {lengths.max()}, or set overlong to 'drop' or 'cut'.",
        total=len(rows),
    )


def _nothing_fits(
    lengths: np.ndarray,
    prompt_lengths: np.ndarray,
    max_model_len: int,
    overlong: str,
    subject: str,
) -> ExpertDataError:
    if overlong == "cut":
        return ExpertDataError(
            f"{subject}: all {len(lengths):,} rows have a prompt that leaves no room for a "
            f"response: the shortest prompt has {prompt_lengths.min()} tokens, max_model_len is "
            f"{max_model_len}. Raise max_model_len above {prompt_lengths.min()}."
        )
    return ExpertDataError(
        f"{subject}: all {len(lengths):,} rows are longer than max_model_len: the shortest has "
        f"{lengths.min()} tokens, the longest {lengths.max()}, max_model_len is {max_model_len}. "
        f"Raise max_model_len ({lengths.max()} keeps all rows), or set overlong to 'cut'."
    )
