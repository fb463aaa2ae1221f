import json

from trinity.common.config import Config, StageConfig

from trinity_chord.launch.jobs import jobs_of, rename_if_taken


def config(tmp_path, **keys):
    made = Config(checkpoint_root_dir=str(tmp_path), project="p", name="n")
    for key, value in keys.items():
        setattr(made, key, value)
    return made


def write_meta(job, role, step):
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / f"{role}_meta.json").write_text(json.dumps({"latest_iteration": step}))


def test_missing_steps_are_reported(tmp_path):
    made = config(tmp_path)
    made.trainer.total_steps = 80
    (job,) = jobs_of(made)
    assert job.missing() == "n: 0 of 80 steps done"
    write_meta(job, "trainer", 79)
    assert job.missing() == "n: 79 of 80 steps done"
    write_meta(job, "trainer", 80)
    assert job.missing() is None


def test_planned_steps_follow_the_explorer_and_the_sync_intervals(tmp_path):
    made = config(tmp_path)
    made.buffer.total_steps = 10
    made.synchronizer.explorer_sync_interval = 1
    made.synchronizer.trainer_sync_interval = 2
    assert jobs_of(made)[0].planned_steps == 20


def test_without_a_number_the_trainer_must_reach_the_explorer(tmp_path):
    (job,) = jobs_of(config(tmp_path))
    write_meta(job, "explorer", 5)
    write_meta(job, "trainer", 4)
    assert job.missing() == "n: 4 of 5 steps done"
    write_meta(job, "trainer", 5)
    assert job.missing() is None


def test_a_run_without_a_trainer_has_no_missing_steps(tmp_path):
    assert jobs_of(config(tmp_path, mode="bench"))[0].missing() is None


def test_every_stage_is_a_job_of_its_own(tmp_path):
    made = config(tmp_path, stages=[StageConfig(stage_name="sft"), StageConfig(stage_name="rl")])
    assert [job.folder.name for job in jobs_of(made)] == ["sft", "rl"]


def test_a_taken_name_is_changed_only_if_the_run_must_not_continue(tmp_path):
    made = config(tmp_path, continue_from_checkpoint=False)
    rename_if_taken(made)
    assert made.name == "n"
    write_meta(jobs_of(made)[0], "trainer", 1)
    resumed = config(tmp_path, continue_from_checkpoint=True)
    rename_if_taken(resumed)
    assert resumed.name == "n"
    rename_if_taken(made)
    assert made.name.startswith("n_20")
