"""Folders of runs as `trinity-chord run` and Trinity leave them, without a run."""

from __future__ import annotations

import json
import math

from trinity_chord.report.recorder import append_metrics, config_file, metrics_file

BINS = [f"actor/expert/prob_hist/{number / 20:.2f}" for number in range(20)]


def step_metrics(step, shift=0.0):
    """Return the trainer's metrics of a step; ``shift`` is what differs between seeds."""
    share = min(step / 20, 0.9)
    histogram = dict.fromkeys(BINS, 0.0)
    histogram[BINS[0]], histogram[BINS[-1]] = 1 - share, share
    return {
        "actor/usual/reward": 0.02 * step + shift,
        "actor/usual/response_length": 10.0 + step,
        "actor/expert/response_length": 30.0,
        "actor/entropy_loss": math.exp(-step / 10),
        "actor/mu": 1 / step,
        "actor/expert/loss": 1 / step,
        "actor/usual/pg_loss": -0.1,
        "actor/expert/tokens": 300.0,
        "actor/usual/tokens": 100.0,
        "actor/expert/open_rows": 10.0,
        "actor/usual/open_rows": 30.0,
        "actor/expert/prob": share,
        "actor/expert/weight": 0.2,
        "actor/grad_norm": 1.0,
        "time/train_step": 1.0,
        **histogram,
    }


def make_run(root, name="run", steps=20, seed=0, config=None, rollouts=(), experts=()):
    """Write the folder of a run below ``root`` and return it."""
    job = root / "checkpoints" / "project" / name
    for step in range(1, steps + 1):
        append_metrics(metrics_file(job, "trainer"), step, step_metrics(step, 0.1 * seed))
    values = {
        "name": name,
        "checkpoint_root_dir": str(root / "checkpoints"),
        "checkpoint_job_dir": str(job),
        "explorer": {"rollout_model": {"seed": seed}},
        "trainer": {"total_steps": steps},
        "algorithm": {"policy_loss_fn_args": {"token_weight": "phi"}},
        **(config or {}),
    }
    if experts:
        path = root / "expert.jsonl"
        messages = (
            [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
            for q, a in experts
        )
        path.write_text("".join(json.dumps({"messages": m}) + "\n" for m in messages))
        buffers = {"sft": {"path": str(path), "format": {"messages_key": "messages"}}}
        values["buffer"] = {"trainer_input": {"auxiliary_buffers": buffers}}
    config_file(job).write_text(json.dumps(values))
    if rollouts:
        (job / "buffer").mkdir()
        lines = (json.dumps(rollout(*each)) + "\n" for each in rollouts)
        (job / "buffer" / "queue.jsonl").write_text("".join(lines))
    return job


def rollout(step, task, prompt, response, reward):
    """Return a line of Trinity's queue."""
    return {
        "eid": {"batch": step, "task": task, "run": 0},
        "prompt_text": f"<|user|>{prompt}<|end|><|assistant|>",
        "response_text": response,
        "reward": reward,
    }
