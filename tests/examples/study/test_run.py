"""The study in short form: two methods, two seeds, a few steps, in two processes."""

from dataclasses import replace

import pytest

from examples.study.cells import Cell
from examples.study.grid import missing
from examples.study.results import load
from examples.study.run import run

pytestmark = pytest.mark.slow

STEPS = 10
CELLS = [
    Cell("main", "chain", method, seed, 3, rate=1e-4, value=0.5, steps=STEPS)
    for method in ("chord_phi", "sft_light_grpo")
    for seed in (0, 1)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(CELLS[:1], folder / "main.jsonl", processes=1)
    run(missing(CELLS, load("main", folder)), folder / "main.jsonl", processes=2)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return {Cell(**each["cell"]): each for each in load("main", folder)}


def test_every_cell_has_one_line(folder, results):
    assert set(results) == set(CELLS)
    assert len(load("main", folder)) == len(CELLS)


def test_a_study_with_all_results_has_nothing_to_do(folder):
    assert missing(CELLS, load("main", folder)) == []


def test_a_cell_gives_the_same_curve_again(results, tmp_path):
    run(CELLS[:1], tmp_path / "main.jsonl", processes=1)
    [again] = load("main", tmp_path)
    assert again["curve"] == results[CELLS[0]]["curve"]


def test_seeds_differ(results):
    assert results[CELLS[0]]["curve"][-1] != results[CELLS[1]]["curve"][-1]


def test_all_cells_of_a_start_begin_alike(results):
    assert len({str(result["curve"][0]) for result in results.values()}) == 1


def test_imitation_samples_no_tokens(tmp_path):
    cell = replace(CELLS[0], method="sft_light", steps=STEPS * 4)
    run([cell], tmp_path / "main.jsonl", processes=1)
    [result] = load("main", tmp_path)
    assert [point["sampled"] for point in result["curve"]] == [0, 0]
    assert result["curve"][-1]["step"] == STEPS
    assert result["curve"][-1]["expert"] > 0


def test_a_mixed_run_notes_figures_of_both_kinds_of_rows(results):
    point = results[CELLS[0]]["curve"][-1]
    assert point["mu"] == 0.5
    assert 0 < point["expert_p"] < 1
    assert 0 < point["expert_weight"] <= 0.25
    assert point["sampled"] > 0
    assert point["clip_share"] == 0
