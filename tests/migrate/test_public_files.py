"""Public YAMLs of Trinity 0.2 to 0.6 become files that pass `check`."""

import re

import pytest

from tests.migrate.conftest import EXPERTS
from tests.migrate.public import PUBLIC, SOURCES, WITH_IMAGES
from tests.vision_folder import make_vision_folder
from trinity_chord.migrate.diff import diff

# Rows of a train batch: on-policy, expert. The trainer's, which the explorer then has to make.
ROWS = {
    "prototype of mix": (128, 128),
    "mix of 0.2.0": (240, 80),
    "mix of 0.2.1": (240, 80),
    "mix of 0.3": (256, 64),
    "mix of 0.4": (256, 64),
    "mix_chord of 0.2.1": (256, 64),
    "mix_chord of 0.3": (256, 64),
    "mix_chord of 0.3.1": (256, 64),
    "mix_chord for tools of 0.3.1": (768, 96),
    "mix_chord for tools of 0.4": (768, 96),
    "mix_chord of 0.5": (256, 64),
}
# Where the migrated file has another meaning than its numbers said.
WRONG = {
    "prototype of mix": ["batch_size"],
    "mix of 0.2.0": [
        "read_batch_size_usual",
        "read_batch_size_expert",
        "ppo_mini_batch_size",
        "use_dynamic_bsz",
        "batch_size",
    ],
    "mix of 0.2.1": [
        "train_batch_size_usual",
        "train_batch_size_expert",
        "ppo_mini_batch_size",
        "use_dynamic_bsz",
        "batch_size",
    ],
    "mix_chord of 0.2.1": ["batch_size"],
}


def test_there_are_files_of_eight_ages_or_more():
    assert set(PUBLIC) == set(SOURCES) == set(ROWS)
    assert len({commit for _, _, commit in SOURCES.values()}) >= 8


@pytest.mark.parametrize("name", PUBLIC)
def test_the_result_passes_its_check_with_the_trainers_batch(migrate, checked, name):
    migration = migrate(name)
    report = checked(migration)
    assert report.problems == []
    assert (report.derived["on_policy_rows"], report.derived["expert_rows"]) == ROWS[name]
    assert migration.lost == []


@pytest.mark.parametrize("name", PUBLIC)
def test_every_changed_line_has_a_reason(migrate, name):
    lines = diff(migrate(name))
    assert [line for line in lines if not line.reason] == []
    assert len(lines) > 5


@pytest.mark.parametrize("name", PUBLIC)
def test_every_comment_stays_unless_its_line_goes(migrate, name):
    migration = migrate(name)
    before = re.findall(r"#.*", migration.document.original)
    removed = [line.text for line in diff(migration) if line.sign == "-"]
    gone = [c for c in before if c not in migration.document.text()]
    assert [comment for comment in gone if not any(comment in line for line in removed)] == []
    kept = {"# A comment above the first key.", "# the name of the run", "# rollouts per prompt"}
    assert kept <= set(re.findall(r"#.*", migration.document.text()))


@pytest.mark.parametrize("name", PUBLIC)
def test_wrong_batch_numbers_are_pointed_out(migrate, name):
    found = [re.match(r"`([\w.]+)`", text)[1] for text in migrate(name).wrong]
    assert [key.rpartition(".")[2] for key in found] == WRONG.get(name, [])


def test_expert_rows_with_images_are_carried_over(migrate, checked, tmp_path):
    migration = migrate(WITH_IMAGES)
    assert migration.lost == []
    places = make_vision_folder(tmp_path)
    report = checked(
        migration,
        [
            f"model.model_path={places['TRINITY_MODEL_PATH']}",
            f"buffer.explorer_input.taskset.path={places['TRINITY_TASKSET_PATH']}",
            f"{EXPERTS}={places['TRINITY_SFT_DATASET_PATH']}",
        ],
    )
    assert report.problems == []


def test_expert_rows_with_videos_are_listed_and_refused(migrate, checked):
    migration = migrate(WITH_IMAGES.replace("image_key: 'images'", "video_key: 'clips'"))
    (lost,) = migration.lost
    assert "video_key`: got 'clips'" in lost
    (problem,) = checked(migration).problems
    assert "video_key" in problem


def test_a_migrated_file_is_not_migrated_twice(migrate):
    once = migrate("mix_chord of 0.5").document.text()
    with pytest.raises(ValueError, match="this package's own"):
        migrate(once)
