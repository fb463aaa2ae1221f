from torch.utils.tensorboard import SummaryWriter

from tests.report.run_folder import make_run
from tests.report.test_wandb_offline import history_record, log_of, run_record
from trinity_chord.report.reading.find import find_runs, unique_labels


def labels(*arguments):
    found, problems = find_runs([str(each) for each in arguments])
    assert problems == []
    return unique_labels(found)


def test_a_run_is_found_from_above_and_from_inside_its_folder(tmp_path):
    job = make_run(tmp_path, steps=1)
    for path in (tmp_path, job, job / "monitor", job / "monitor" / "metrics" / "trainer.jsonl"):
        [found], _ = find_runs([str(path)])
        assert found.folder.resolve() == job.resolve()


def test_all_runs_below_a_folder_are_found_once(tmp_path):
    make_run(tmp_path, "a", steps=1)
    make_run(tmp_path, "b", steps=1)
    assert labels(tmp_path, tmp_path / "checkpoints") == ["a", "b"]


def test_a_label_is_what_only_this_run_has_in_its_path(tmp_path):
    for seed in (0, 1):
        make_run(tmp_path / f"seed{seed}", "quickstart", steps=1)
    assert labels(tmp_path) == ["seed0", "seed1"]


def test_a_label_of_the_user_is_kept(tmp_path):
    make_run(tmp_path / "x", steps=1)
    assert labels(f"mine={tmp_path / 'x'}") == ["mine"]


def test_equal_labels_are_numbered(tmp_path):
    for name in ("x", "y"):
        make_run(tmp_path / name, steps=1)
    assert len(set(labels(f"a={tmp_path / 'x'}", f"a={tmp_path / 'y'}"))) == 2


def test_tensorboard_files_without_a_recorder_are_a_run(tmp_path):
    for role in ("trainer", "explorer"):
        writer = SummaryWriter(str(tmp_path / "job" / "monitor" / "tensorboard" / role))
        writer.add_scalar("actor/mu", 1.0, 1)
        writer.close()
    assert labels(tmp_path) == ["job"]
    [found], _ = find_runs([str(tmp_path)])
    assert found.read().source == "tensorboard"


def test_the_trainer_and_the_explorer_of_wandb_are_one_run(tmp_path):
    for role in ("trainer", "explorer"):
        folder = tmp_path / f"offline-run-{role}"
        folder.mkdir()
        records = [run_record(f"run1_{role}"), history_record(1, **{f"{role}/a": 1.0})]
        (folder / "run-id.wandb").write_bytes(log_of(records))
    [found], _ = find_runs([str(tmp_path)])
    assert sorted(found.read().metrics) == ["explorer/a", "trainer/a"]


def test_a_folder_that_does_not_exist_is_a_problem_that_names_its_neighbors(tmp_path):
    (tmp_path / "quickstart").mkdir()
    found, [problem] = find_runs([str(tmp_path / "quickstrat")])
    assert found == []
    assert "does not exist" in problem
    assert "quickstart/" in problem


def test_an_empty_folder_is_a_problem(tmp_path):
    found, [problem] = find_runs([str(tmp_path)])
    assert found == []
    assert "has no metrics yet" in problem


def test_equals_signs_are_allowed_in_a_label_and_in_a_path(tmp_path):
    make_run(tmp_path / "lr=1", steps=1)
    assert labels(f"a=b={tmp_path / 'lr=1'}") == ["a=b"]
    assert labels(tmp_path / "lr=1") == ["run"]
