"""Write everything in docs/ and configs/ that follows from the code.

Run: make generate
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tools import (
    command_tables,
    concept_pictures,
    config_files,
    configuration_tables,
    family_page,
    recipe_files,
)

ROOT = Path(__file__).parents[1]
# What the generators read and write.
FOLDERS = ("docs", "configs")
GENERATORS = (
    family_page,
    concept_pictures,
    configuration_tables,
    command_tables,
    config_files,
    recipe_files,
)


def main() -> None:
    """Update the files of the checkout that are stale, and print their names."""
    with TemporaryDirectory() as folder:
        generated = generate(Path(folder))
        changed = [path for path, content in generated.items() if content != _content(path)]
    for path in changed:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(generated[path])
        print(path)
    print(f"{len(generated)} files generated, {len(changed)} changed")


def generate(folder: Path) -> dict[Path, bytes]:
    """Generate everything in a copy of the checkout's documents and configurations.

    Args:
        folder: An empty folder for the copy. A generator may replace only a part of a file, so it
            starts from the file as it is.

    Returns:
        The content of each generated file, by its path in the checkout.
    """
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    written = [path for generator in GENERATORS for path in generator.write(folder)]
    return {path.relative_to(folder): path.read_bytes() for path in written}


def _content(path: Path) -> bytes | None:
    return (ROOT / path).read_bytes() if (ROOT / path).is_file() else None


if __name__ == "__main__":
    main()
