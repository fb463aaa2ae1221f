"""Where a user says that rows are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A dataset as a user names it.

    Attributes:
        path: Hub id, folder or file.
        split: Split of a dataset; a single file holds whatever split is asked for.
        subset: Subset (configuration) of a dataset; None for its only or default one.
        revision: Branch, tag or commit of a hub dataset; None for the newest.
    """

    path: str
    split: str = "train"
    subset: str | None = None
    revision: str | None = None

    def __str__(self) -> str:
        subset = f", subset {self.subset!r}" if self.subset else ""
        return f"{self.path!r} (split {self.split!r}{subset})"
