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

from trinity_chord.plugin.cluster import data_parallel_ranks
from trinity_chord.plugin.machine import for_another_cluster
from trinity_chord.plugin.validator import is_derived


@dataclass
class CheckReport:
    """What a check found.

    Attributes:
        problems: What keeps the configuration from running, one text each.
        derived: The numbers that were worked out; empty where there are problems.
    """

    problems: list[str] = field(default_factory=list)
    derived: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the configuration can be run."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {"ok": self.ok, **asdict(self)}


def check(
    config: Config,
    *,
    nodes: int | None = None,
    gpus_per_node: int | None = None,
    keep_cache: bool = False,
) -> CheckReport:
    """Runs Trinity's validators, and with them ours, on a copy of a configuration.

    Args:
        config: The configuration as loaded; it is not changed.
        nodes: Nodes of the cluster that it is checked for; `cluster.node_num` if None.
        gpus_per_node: GPUs of each; `cluster.gpu_per_node` if None.
        keep_cache: Whether tokenised expert rows stay under `checkpoint_root_dir`, for the run
            that follows; else nothing is left on the disk.

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
    scratch = None if keep_cache else tempfile.mkdtemp(prefix="chord-check-")
    probe.checkpoint_root_dir = scratch or probe.checkpoint_root_dir
    probe.name = f".check-{uuid.uuid4().hex[:8]}"
    elsewhere = nodes is not None or gpus_per_node is not None
    try:
        with for_another_cluster() if elsewhere else nullcontext():
            return _validate(probe)
    finally:
        shutil.rmtree(scratch or probe.get_checkpoint_job_dir(), ignore_errors=True)


def _validate(probe: Config) -> CheckReport:
    from trinity.common.config_validator import validators

    os.makedirs(probe.checkpoint_root_dir, exist_ok=True)
    report = CheckReport()
    for validator in list(validators):
        try:
            validator.validate(probe)
        except Exception as error:
            # Any error is a finding here; those after it would only follow from it.
            report.problems.append(str(error) or type(error).__name__)
            break
    if report.ok:
        report.derived = _derived(probe)
    return report


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
        keys = ("usual_rows", "expert_rows", "mu_schedule", "mu_schedule_args")
        numbers.update({key: args[key] for key in (*keys, "usual_mode", "expert_mode")})
        numbers["token_weight"] = (algorithm.policy_loss_fn_args or {})["token_weight"]
    return numbers
