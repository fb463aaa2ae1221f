"""`trinity run` with 1 and 2 trainer ranks: checkpoint, kill, resume."""

import pytest

from tests.e2e.runs import CONFIGS, Run, make_folder, small

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

STEPS, SAVED_EVERY, KILLED_AT = 7, 3, 4
DEMONSTRATIONS, EXPERT_ROWS = 10, 4


@pytest.fixture(
    scope="module",
    params=[(1, "checkpoint"), (2, "memory")],
    ids=["1 rank, by checkpoint", "2 ranks, by memory"],
)
def killed_and_resumed(request, tmp_path_factory):
    ranks, sync_method = request.param
    run = Run(
        make_folder(tmp_path_factory.mktemp("run")),
        CONFIGS / "quickstart_cpu.yaml",
        *small(steps=STEPS, ranks=ranks),
        f"algorithm.sample_strategy_args.expert_rows={EXPERT_ROWS}",
        "algorithm.repeat_times=2",
        "algorithm.policy_loss_fn_args.mu_decay_steps=4",
        "buffer.batch_size=2",
        "continue_from_checkpoint=true",
        # The explorer's position is saved at every sync, the trainer's at every checkpoint. After a
        # kill the explorer is therefore ahead and needs more tasks than the steps themselves.
        f"buffer.total_steps={2 * STEPS}",
        f"trainer.save_interval={SAVED_EVERY}",
        f"synchronizer.sync_method={sync_method}",
    )
    processes = run.until(KILLED_AT)
    saved = run.trainer_state()["latest_iteration"]
    before = {row["step"]: row for row in run.history()}
    return run, processes, saved, before, run.finish()


def test_a_kill_leaves_no_process_behind(killed_and_resumed):
    _, processes, *_ = killed_and_resumed
    assert len(processes) > 5
    assert [process for process in processes if process.is_running()] == []


def test_the_resumed_run_reaches_the_last_step(killed_and_resumed):
    run, _, saved, _, finished = killed_and_resumed
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert saved in (SAVED_EVERY, 2 * SAVED_EVERY)
    assert run.trainer_state()["latest_iteration"] == STEPS


def test_only_the_steps_after_the_checkpoint_are_repeated(killed_and_resumed):
    _, _, saved, _, finished = killed_and_resumed
    shown = [line for line in finished.stdout.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in shown] == [
        f"{s}/{STEPS}" for s in range(saved + 1, STEPS + 1)
    ]


def test_expert_rows_resume_at_the_checkpoint(killed_and_resumed):
    run, _, _, before, _ = killed_and_resumed
    rows = {row["step"]: row["expert_data/rows_read"] for row in run.history()}
    assert rows == {step: EXPERT_ROWS * step for step in range(1, STEPS + 1)}
    assert before[1]["expert_data/rows_read"] == EXPERT_ROWS


def test_expert_rows_start_a_new_epoch_instead_of_ending_the_run(killed_and_resumed):
    run, *_ = killed_and_resumed
    assert run.history()[-1]["expert_data/epoch"] == pytest.approx(
        EXPERT_ROWS * STEPS / DEMONSTRATIONS
    )


def test_mu_follows_the_step(killed_and_resumed):
    run, *_ = killed_and_resumed
    # From 0.9 to 0.05 over 4 steps: halfway at step 2, at the valley from step 4.
    mu = {row["step"]: row["actor/mu"] for row in run.history()}
    assert mu[2] == pytest.approx(0.475)
    assert [mu[4], mu[5], mu[6], mu[7]] == [0.05] * 4


def test_rollouts_come_from_the_latest_weights(killed_and_resumed):
    run, *_ = killed_and_resumed
    for row in run.history():
        assert row["sample/model_version/min"] == row["step"] - 1
        assert abs(row["actor/usual/ppo_kl"]) < 1e-6


def test_the_last_checkpoint_is_a_model_that_transformers_loads(killed_and_resumed):
    run, *_ = killed_and_resumed
    folder = run.job / f"global_step_{STEPS}" / "actor" / "huggingface"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        p.name for p in folder.iterdir()
    }
