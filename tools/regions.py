"""Replaces the generated regions of a page: `<!-- generated: NAME -->` to `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

REGION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write_regions(path: Path, regions: Mapping[str, Callable[[], str]]) -> Path:
    """Rewrite the generated regions of a page.

    Args:
        path: The page.
        regions: What makes the text of each region, by its name.

    Returns:
        The path.

    Raises:
        KeyError: A region has an unknown name.
    """
    page = path.read_text(encoding="utf-8")
    written = REGION.sub(lambda found: f"{found[1]}\n{regions[found[2]]()}\n{found[3]}", page)
    path.write_text(written, encoding="utf-8")
    return path


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )
