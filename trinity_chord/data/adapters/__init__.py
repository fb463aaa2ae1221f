"""The public sources of `trinity-chord prepare`.

A new source is a module here, with an adapter and a `SOURCE`, and a line in `PUBLIC_SOURCES`. Its
command follows from that.
"""

from trinity_chord.data.adapters import geometry3k, openr1, s1k, toolace
from trinity_chord.data.public_source import PublicSource

PUBLIC_SOURCES: dict[str, PublicSource] = {
    source.name: source
    for source in (
        openr1.SOURCE,
        s1k.SOURCE,
        toolace.SOURCE,
        geometry3k.SOURCE,
    )
}
