"""Each check of `make lint` also runs on a commit."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_hooks_run_what_make_lint_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE).group(1)
    linted = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook["entry"].removeprefix(".venv/bin/") for hook in config["repos"][0]["hooks"]]
    # `make lint` reports what the formatter would change and covers the whole tree.
    plain = [re.sub(r" (--check|--force-exclude|\.)(?= |$)", "", line) for line in linted + hooks]
    assert plain[: len(linted)] == plain[len(linted) :]
