"""The position of an expert stream as a value that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trinity_chord.expert_data.errors import ExpertDataError

VERSION = 1
REMEDY = (
    "The rows would come in a different order: resume with the data and settings that the run was "
    "started with, or start a new run."
)
DAMAGED = "The state is damaged: resume from another checkpoint."


@dataclass(frozen=True)
class SetIdentity:
    """Everything that the order of a set depends on; a saved position applies only to the same.

    Attributes:
        rows: Number of kept rows.
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
    """Return the number of rows that had been read from each set.

    Raises:
        ExpertDataError: The state has another layout, or belongs to other data or settings.
    """
    if state.get("version") != VERSION or not isinstance(state.get("sets"), Mapping):
        raise ExpertDataError(
            f"saved expert state: got the keys {sorted(state)} and version "
            f"{state.get('version')!r}, expected version {VERSION} with `sets`, or Trinity's "
            "`current_index`. Another program or release wrote it: start a new run."
        )
    saved = state["sets"]
    if list(saved) != list(identities):
        raise ExpertDataError(
            f"saved expert state: got the sets {list(saved)}, expected {list(identities)}. {REMEDY}"
        )
    return [_taken(name, saved[name], identity) for name, identity in identities.items()]


def _taken(name: str, saved: Mapping[str, Any], identity: SetIdentity) -> int:
    subject = f"saved state of expert set {name!r}"
    different = [
        f"`{key}`: got {saved.get(key)!r}, expected {now!r}"
        for key, now in asdict(identity).items()
        if saved.get(key) != now
    ]
    if different:
        raise ExpertDataError.from_problems(subject, different, REMEDY)
    epoch, position = saved.get("epoch", -1), saved.get("position", -1)
    if not (isinstance(epoch, int) and isinstance(position, int)) or (
        epoch < 0 or not 0 <= position < identity.rows
    ):
        raise ExpertDataError(
            f"{subject}: got epoch {epoch!r} and position {position!r}, expected whole numbers "
            f"with position below {identity.rows}. {DAMAGED}"
        )
    return epoch * identity.rows + position
