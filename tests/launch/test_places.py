"""Names of runs and stages, and the folder of the checkpoints."""

import pytest
from trinity.common.config import Config, StageConfig

from trinity_chord.errors import Problems
from trinity_chord.launch.places import check_places


def problems(here=True, **values):
    found = Problems()
    check_places(Config(**{"checkpoint_root_dir": "/tmp/none/yet", **values}), found, here=here)
    return found.lines


@pytest.mark.parametrize("key", ["project", "name"])
@pytest.mark.parametrize("name", ["", " ", ".", "..", "../../x", "a/b", "/abs", "a\0b", "x" * 201])
def test_a_name_is_the_name_of_one_folder(key, name):
    (problem,) = problems(**{key: name})
    assert problem.startswith(f"`{key}`: got {name!r}, expected a name of one folder")


def test_ordinary_names_pass():
    assert problems(project="Trinity-RFT", name="math 2.5 (μ)", group="") == []
    assert problems(group="../x") != []


def test_two_stages_of_one_name_are_refused():
    stages = [StageConfig(stage_name=name) for name in ("sft", "grpo", "sft")]
    (problem,) = problems(stages=stages)
    assert problem.startswith("`stages.2.stage_name`: got 'sft', expected a name of its own")


def test_a_stage_needs_a_name():
    (problem,) = problems(stages=[StageConfig(stage_name="")])
    assert problem.startswith("`stages.0.stage_name`: got ''")


def test_a_checkpoint_folder_that_is_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for root in (file, file / "below"):
        (problem,) = problems(checkpoint_root_dir=str(root))
        assert problem.endswith(f"expected a folder; {file} is a file")


def test_a_folder_that_cannot_be_written_is_refused_only_if_the_run_writes_here(
    monkeypatch, tmp_path
):
    monkeypatch.setattr("os.access", lambda *_: False)
    (problem,) = problems(checkpoint_root_dir=str(tmp_path / "new"))
    assert f"expected a folder that can be written; {tmp_path} cannot" in problem
    assert problems(here=False, checkpoint_root_dir=str(tmp_path / "new")) == []
