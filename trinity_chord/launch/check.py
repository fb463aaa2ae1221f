"""Checks a configuration as a run would, without Ray, a GPU or an actor."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

from trinity.common.config import Config

from trinity_chord.launch.diagnose import find_problems
from trinity_chord.launch.estimates import estimate
from trinity_chord.launch.tasks import task_problems
from trinity_chord.plugin.backends.cluster import data_parallel_ranks
from trinity_chord.plugin.backends.machine import for_another_cluster
from trinity_chord.plugin.contract import is_derived


@dataclass
class CheckReport:
    """What a check found.

    Attributes:
        problems: What keeps the configuration from running, one text each.
        derived: The numbers that were worked out; with stages, those of each by its name. Empty
            where there are problems.
        estimates: What the run will roughly take, see `estimate`; in the same way.
        stages: The names of the stages, none for a run without.
    """

    problems: list[str] = field(default_factory=list)
    derived: dict[str, Any] = field(default_factory=dict)
    estimates: dict[str, Any] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the configuration can be run."""
        return not self.problems

    def sections(self) -> list[tuple[str, dict[str, Any]]]:
        """What was worked out and estimated, a title and its values each."""
        if not self.ok:
            return []
        if not self.stages:
            return [("derived", self.derived), ("estimates", self.estimates)]
        both = (("derived", self.derived), ("estimates", self.estimates))
        return [(f"{what}, stage {name}", of[name]) for name in self.stages for what, of in both]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {"ok": self.ok, **asdict(self)}


def check(
    config: Config,
    *,
    nodes: int | None = None,
    gpus_per_node: int | None = None,
    before_run: bool = False,
) -> CheckReport:
    """Runs Trinity's validators, and with them ours, on a copy of a configuration.

    Args:
        config: The configuration as loaded, with or without stages; it is not changed.
        nodes: Nodes of the cluster that it is checked for; `cluster.node_num` if None.
        gpus_per_node: GPUs of each; `cluster.gpu_per_node` if None.
        before_run: Whether a run on this machine follows: it must then be able to run here, and
            tokenised expert rows stay under `checkpoint_root_dir` for it. Else the machine need not
            be part of the cluster, and nothing is left on the disk.

    Returns:
        The report.
    """
    probe = deepcopy(config)
    probe.cluster.node_num = nodes or probe.cluster.node_num
    probe.cluster.gpu_per_node = gpus_per_node or probe.cluster.gpu_per_node
    probe.ignore_validator_suggestions = True
    counted = probe.cluster.node_num and probe.cluster.gpu_per_node
    if not counted and not probe.model.tinker.enable:
        return CheckReport(
            [
                "`cluster`: node_num and gpu_per_node are not set, and no Ray is asked here; give "
                "--nodes and --gpus-per-node"
            ]
        )
    scratch = None if before_run else tempfile.mkdtemp(prefix="chord-check-")
    probe.checkpoint_root_dir = scratch or probe.checkpoint_root_dir
    probe.name = f".check-{uuid.uuid4().hex[:8]}"
    try:
        os.makedirs(probe.checkpoint_root_dir, exist_ok=True)
        with nullcontext() if before_run else for_another_cluster():
            return _check_stages(probe) if probe.stages else _check_one(probe)
    finally:
        shutil.rmtree(scratch or probe.get_checkpoint_job_dir(), ignore_errors=True)


def _check_one(probe: Config) -> CheckReport:
    problems, completed = find_problems(probe)
    problems += task_problems(probe)
    if problems:
        return CheckReport(problems)
    return CheckReport(derived=_derived(completed), estimates=estimate(completed))


def _check_stages(probe: Config) -> CheckReport:
    """Checks every stage; what several of them have wrong is told once, with their names."""
    names = [stage.stage_name for stage in probe.stages]
    reports = dict(zip(names, map(_check_one, probe), strict=True))
    stages_of: dict[str, list[str]] = {}
    for name, report in reports.items():
        for problem in report.problems:
            stages_of.setdefault(problem, []).append(name)
    if stages_of:
        return CheckReport(
            [f"stage {', '.join(stages)}: {text}" for text, stages in stages_of.items()]
        )
    return CheckReport(
        derived={name: report.derived for name, report in reports.items()},
        estimates={name: report.estimates for name, report in reports.items()},
        stages=names,
    )


def _derived(config: Config) -> dict[str, Any]:
    algorithm = config.algorithm
    numbers = {
        "mode": config.mode,
        "algorithm": algorithm.algorithm_type,
        "train_batch_size": config.buffer.train_batch_size,
        "trainer_ranks": data_parallel_ranks(config),
        "total_steps": config.trainer.total_steps or config.buffer.total_steps,
    }
    if is_derived(config):
        args = algorithm.sample_strategy_args or {}
        keys = ("on_policy_rows", "expert_rows", "mu_schedule", "mu_schedule_args")
        numbers.update({key: args[key] for key in (*keys, "on_policy_mode", "expert_mode")})
        numbers["token_weight"] = (algorithm.policy_loss_fn_args or {})["token_weight"]
    return numbers
