"""Reads a stream from code without an event loop."""

from __future__ import annotations

import asyncio

from trinity.common.experience import Experience

from trinity_chord.expert_data import ExpertStream


def read(stream: ExpertStream, n: int) -> list[Experience]:
    """Return the next ``n`` rows."""
    return asyncio.run(stream.read(n))
