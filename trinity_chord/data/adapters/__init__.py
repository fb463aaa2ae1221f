"""The public sources: one module each, and a line here."""

from trinity_chord.data.adapters import openr1, s1k, toolace
from trinity_chord.data.public_source import PublicSource

PUBLIC_SOURCES: dict[str, PublicSource] = {
    source.name: source
    for source in (
        openr1.SOURCE,
        s1k.SOURCE,
        toolace.SOURCE,
    )
}
