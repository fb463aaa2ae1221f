"""The position of an expert stream as a value that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trinity_chord.expert_data.errors import ExpertStateError

VERSION = 1
REMEDY = (
    "The rows would come in another order than the run had. Give the stream the data and settings "
    "that the run was started with, or start a new run."
)


@dataclass(frozen=True)
class SetIdentity:
    """What a set's order depends on; a saved position is of use only where it is the same.

    Attributes:
        rows: Kept rows.
        seed: Seed of the stream.
        share: Share of the set.
        fingerprint: Fingerprint of the kept rows' content.
    """

    rows: int
    seed: int
    share: float
    fingerprint: str


def to_state(taken: Sequence[int], identities: Mapping[str, SetIdentity]) -> dict[str, Any]:
    """Return the state after ``taken`` rows of each set."""
    return {
        "version": VERSION,
        "sets": {
            name: {"epoch": count // identity.rows, "position": count % identity.rows}
            | asdict(identity)
            for count, (name, identity) in zip(taken, identities.items(), strict=True)
        },
    }


def from_state(state: Mapping[str, Any], identities: Mapping[str, SetIdentity]) -> list[int]:
    """Return how many rows of each set were taken.

    Raises:
        ExpertStateError: The state is of another layout, or of other data or settings.
    """
    if state.get("version") != VERSION or not isinstance(state.get("sets"), Mapping):
        raise ExpertStateError(
            f"the saved expert state has the keys {sorted(state)} and version "
            f"{state.get('version')!r}, expected version {VERSION} with sets, or Trinity's own "
            "current_index. It was written by another program or release: start a new run."
        )
    saved = state["sets"]
    if list(saved) != list(identities):
        raise ExpertStateError(
            f"the saved expert state has the sets {list(saved)}, this stream has "
            f"{list(identities)}. {REMEDY}"
        )
    return [_taken(name, saved[name], identity) for name, identity in identities.items()]


def _taken(name: str, saved: Mapping[str, Any], identity: SetIdentity) -> int:
    different = [
        f"{key}: saved {saved.get(key)!r}, now {now!r}"
        for key, now in asdict(identity).items()
        if saved.get(key) != now
    ]
    if different:
        raise ExpertStateError(
            f"expert set {name!r} is not what the saved state was written for: "
            f"{'; '.join(different)}. {REMEDY}"
        )
    epoch, position = saved.get("epoch", -1), saved.get("position", -1)
    whole = isinstance(epoch, int) and isinstance(position, int)
    if whole and epoch >= 0 and 0 <= position < identity.rows:
        return epoch * identity.rows + position
    raise ExpertStateError(
        f"expert set {name!r}: the saved state has epoch {epoch!r} and position {position!r}, "
        f"expected whole numbers with position below {identity.rows}. The state is damaged: resume "
        "from another checkpoint."
    )
