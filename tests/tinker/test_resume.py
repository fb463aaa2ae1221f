"""A run with Tinker that was killed two steps after its last checkpoint."""

import pytest

from tests.tinker.local_service import STATE_PATH, make_trainer

pytestmark = pytest.mark.filterwarnings("ignore:DEPRECATED:FutureWarning")


@pytest.fixture
def trainer(checked_for_tinker, root):
    folder = root / "project" / "run"
    for step, name, path in (
        (2, "remote_checkpoint_path.txt", STATE_PATH),
        (4, "remote_sampler_path.txt", "tinker://local/sampler_weights/lost"),
    ):
        (folder / f"global_step_{step}").mkdir(parents=True)
        (folder / f"global_step_{step}" / name).write_text(path)
    (folder / "latest_checkpointed_iteration.txt").write_text("2")
    (folder / "latest_state_dict_iteration.txt").write_text("4")
    return make_trainer(checked_for_tinker({"continue_from_checkpoint": True}))


def test_it_resumes_from_the_checkpoint(trainer):
    assert trainer.train_step_num == 2


def test_the_explorers_weights_will_be_written_again(trainer):
    assert trainer.latest_remote_sampler_step is None
