import pytest
from trinity.common.config import Config

from trinity_chord.plugin.config.resume import CHECKPOINT, WEIGHTS, discard_weights_after_checkpoint


@pytest.fixture
def config(tmp_path):
    return Config(checkpoint_job_dir=str(tmp_path), continue_from_checkpoint=True)


def write(folder, **steps):
    for name, step in steps.items():
        (folder / {"checkpoint": CHECKPOINT, "weights": WEIGHTS}[name]).write_text(str(step))


def test_weights_after_the_checkpoint_are_discarded(config, tmp_path):
    write(tmp_path, checkpoint=2, weights=4)
    discard_weights_after_checkpoint(config)
    assert (tmp_path / WEIGHTS).read_text() == "2"


def test_weights_without_any_checkpoint_are_discarded(config, tmp_path):
    write(tmp_path, weights=4)
    discard_weights_after_checkpoint(config)
    assert not (tmp_path / WEIGHTS).exists()


def test_weights_of_the_checkpoint_are_kept(config, tmp_path):
    write(tmp_path, checkpoint=4, weights=4)
    discard_weights_after_checkpoint(config)
    assert (tmp_path / WEIGHTS).read_text() == "4"


def test_a_run_that_does_not_resume_leaves_the_folder_alone(config, tmp_path):
    config.continue_from_checkpoint = False
    write(tmp_path, checkpoint=2, weights=4)
    discard_weights_after_checkpoint(config)
    assert (tmp_path / WEIGHTS).read_text() == "4"


def test_an_explorer_alone_leaves_the_folder_alone(config, tmp_path):
    config.mode = "explore"
    write(tmp_path, checkpoint=2, weights=4)
    discard_weights_after_checkpoint(config)
    assert (tmp_path / WEIGHTS).read_text() == "4"


def test_tinkers_weights_after_the_checkpoint_are_discarded_without_a_substitute(config, tmp_path):
    config.model.tinker.enable = True
    write(tmp_path, checkpoint=2, weights=4)
    discard_weights_after_checkpoint(config)
    assert not (tmp_path / WEIGHTS).exists()


def test_tinkers_weights_of_the_checkpoint_are_kept(config, tmp_path):
    config.model.tinker.enable = True
    write(tmp_path, checkpoint=4, weights=4)
    discard_weights_after_checkpoint(config)
    assert (tmp_path / WEIGHTS).read_text() == "4"
