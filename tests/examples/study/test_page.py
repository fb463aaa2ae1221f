"""The page of the study, from synthetic results whose differences are known."""

import json

import pytest

from examples.study import grid, page
from examples.study.cells import STEPS
from examples.study.methods import METHODS
from examples.study.results import Results, load

START, GAIN = 0.25, 0.125


def made_up(cell):
    """Return a run: GRPO ends at a half, the other methods an eighth above it."""
    end = 0.5 + (0 if cell.method == "grpo" else GAIN)
    figures = ("entropy", "kl", "validation_loss", "sampled", "expert_p", "expert_weight")
    curve = [
        {
            **dict.fromkeys(figures, 1.0),
            "clip_share": 0.25,
            "step": step,
            "accuracy": START + (end - START) * step / STEPS,
        }
        for step in range(0, STEPS + 1, 10)
    ]
    scores = {"test": end, "test_greedy": end, "far": 0.0, "seconds": 30.0}
    return {"cell": vars(cell), "curve": curve, **scores}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    setting = {"rate": 3e-4, "decay": True, "value": 0.3, "settings": 8, "validation": 0.5}
    (folder / "tuned.json").write_text(json.dumps(dict.fromkeys(METHODS, setting)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "TUNED", folder / "tuned.json")
        patch.setattr(page, "TUNED", folder / "tuned.json")
        for part, cells in grid.PARTS.items():
            lines = [json.dumps(made_up(cell)) for cell in cells()]
            (folder / f"{part}.jsonl").write_text("\n".join(lines))
        yield folder


@pytest.fixture(scope="module")
def written(folder):
    return page.text(page.Page(Results(folder)))


def test_a_constant_difference_is_the_effect_and_its_interval(written):
    [row] = [line for line in written.splitlines() if line.startswith("| CHORD-μ | 62.5 ± 0.0")]
    assert row.split(" | ")[-2:] == ["+12.5 [+12.5, +12.5]", "+0.0 [+0.0, +0.0] |"]


def test_every_method_has_a_row_in_both_tables_and_its_setting(written):
    for method in METHODS.values():
        assert sum(line.startswith(f"| {method.label} | ") for line in written.splitlines()) >= 3


def test_every_row_of_a_table_has_the_columns_of_its_head(written):
    head = None
    for line in written.splitlines():
        if not line.startswith("|"):
            head = None
            continue
        head = head or line.count("|")
        assert line.count("|") == head, line


def test_every_table_follows_its_head_at_once(written):
    lines = written.splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("|---")]
    assert all(lines[i - 1].startswith("|") and lines[i + 1].startswith("|") for i in rules)


def test_the_pictures_of_the_page_are_drawn(written, folder):
    page.draw(page.Page(Results(folder)), folder / "study")
    drawn = {each.name for each in (folder / "study").glob("*.svg")}
    shown = {line.split("(study/")[1][:-1] for line in written.splitlines() if line[:2] == "!["}
    assert shown == drawn


def test_a_missing_run_is_named_with_what_to_do(folder, tmp_path):
    for part in grid.PARTS:
        lines = [json.dumps(run) for run in load(part, folder)]
        (tmp_path / f"{part}.jsonl").write_text("\n".join(lines[part == "clip" :]))
    with pytest.raises(ValueError, match=r"'clip': 1.*make study"):
        Results(tmp_path)
