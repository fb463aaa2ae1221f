"""Checks a configuration in the same way as a run, without Ray, a GPU or an actor."""

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

from trinity_chord.errors import Problems
from trinity_chord.launch.diagnose import find_problems, without
from trinity_chord.launch.estimates import estimate
from trinity_chord.launch.keys.findings import Findings, dotted
from trinity_chord.launch.keys.judge import judge
from trinity_chord.launch.keys.relations import check_completed
from trinity_chord.launch.places import check_places
from trinity_chord.launch.tasks import task_problems
from trinity_chord.plugin.backends.cluster import data_parallel_ranks
from trinity_chord.plugin.backends.machine import for_another_cluster
from trinity_chord.plugin.config.stream_args import cache_folder
from trinity_chord.plugin.contract import is_derived

# Keys that count rows and GPUs, and words of problems with numbers that follow from them.
COUNTS = {
    *("batch_size", "train_batch_size", "repeat_times", "node_num", "gpu_per_node", "engine_num"),
    *("tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size", "sync_interval"),
    *("explorer_sync_interval", "trainer_sync_interval", "ulysses_sequence_parallel_size"),
    *("tensor_model_parallel_size", "pipeline_model_parallel_size", "context_parallel_size"),
}
COUNTED = ("train_batch_size", "GPU", "`cluster`", "expert_rows", "ranks")


@dataclass
class CheckReport:
    """The result of a check.

    Attributes:
        problems: The problems that keep the configuration from running, each as text.
        warnings: What runs, but is probably not meant.
        derived: The derived numbers, by stage name if there are stages; empty if there are
            problems.
        estimates: Estimates of the run's needs, as `estimate` returns them, by stage name if there
            are stages; empty if there are problems.
        stages: The names of the stages; empty for a run without stages.
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    derived: dict[str, Any] = field(default_factory=dict)
    estimates: dict[str, Any] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the configuration can be run."""
        return not self.problems

    def sections(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the derived numbers and the estimates, each with a title."""
        if not self.ok:
            return []
        both = [("derived", self.derived), ("estimates", self.estimates)]
        if not self.stages:
            return both
        return [(f"{what}, stage {name}", of[name]) for name in self.stages for what, of in both]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {"ok": self.ok, **asdict(self)}


def check(
    config: Config,
    *,
    nodes: int | None = None,
    gpus_per_node: int | None = None,
    before_run: bool = False,
) -> CheckReport:
    """Run Trinity's validators, which include the plugin's, on a copy of a configuration.

    Args:
        config: The configuration as loaded, with or without stages; it is not changed.
        nodes: Number of nodes of the target cluster; `cluster.node_num` if None.
        gpus_per_node: GPUs per node; `cluster.gpu_per_node` if None.
        before_run: Whether a run on this machine follows. If so, the machine must be able to run
            the configuration, and the tokenized expert rows are kept under `checkpoint_root_dir`.
            If not, this machine need not be part of the cluster, and no files are left behind.

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
                "`cluster`: got no `node_num` or no `gpu_per_node`, expected both, because a check "
                "does not start Ray; set them, or give --nodes and --gpus-per-node"
            ]
        )
    places = Problems()
    check_places(config, places, here=before_run)
    in_place = before_run and not places.lines
    scratch = None if in_place else tempfile.mkdtemp(prefix="chord-check-")
    probe.name = f".check-{uuid.uuid4().hex[:8]}"
    if scratch:
        tokens = cache_folder(probe)
        probe.checkpoint_root_dir, probe.project, probe.group = scratch, "check", ""
        _borrow_tokens(tokens, cache_folder(probe))
    _leave_adapters_out(probe)
    try:
        os.makedirs(probe.checkpoint_root_dir, exist_ok=True)
        with nullcontext() if before_run else for_another_cluster():
            report = _check_stages(probe) if probe.stages else _check_one(probe)
    finally:
        shutil.rmtree(scratch or probe.get_checkpoint_job_dir(), ignore_errors=True)
    if places.lines:
        return CheckReport([*places.lines, *report.problems], report.warnings)
    return report


def _borrow_tokens(of_runs: str, folder: str) -> None:
    """Link the expert tokens that runs have kept, so that a check need not encode them again."""
    if not os.path.isdir(of_runs):
        return
    os.makedirs(folder)
    for name in os.listdir(of_runs):
        if name.endswith((".arrow", ".json")):
            os.symlink(os.path.abspath(os.path.join(of_runs, name)), os.path.join(folder, name))


def check_keys(config: Config) -> CheckReport:
    """Judge the keys of a configuration that is about to run here, without Trinity's validators.

    Args:
        config: The configuration as loaded; it is not changed.
    """
    places = Problems()
    check_places(config, places, here=True)
    findings = [judge(each) for each in (config if config.stages else [config])]
    problems = [text for each in findings for text in each.problems.values()]
    warnings = [text for each in findings for text in each.warnings]
    return CheckReport([*places.lines, *dict.fromkeys(problems)], list(dict.fromkeys(warnings)))


def _check_one(probe: Config) -> CheckReport:
    """Judge every key, and run the validators on what is left if wrong values are replaced."""
    findings = judge(probe)
    sane = without(probe, findings.problems)
    found, completed = find_problems(sane)
    # The plugin opens the tasks as well if expert rows are paired with them.
    found += [text for text in task_problems(sane) if text not in found]
    if not findings.problems and not found:
        check_completed(completed, findings)
    problems = [*findings.problems.values(), *_independent(found, findings)]
    if problems:
        return CheckReport(problems, findings.warnings)
    return CheckReport(
        warnings=findings.warnings, derived=_derived(completed), estimates=estimate(completed)
    )


def _independent(found: list[str], findings: Findings) -> list[str]:
    """Return the problems that cannot be consequences of values that were replaced."""
    wrong = [dotted(path) for path in findings.problems]
    replaced_count = any(key in COUNTS for path in findings.problems for key in path)
    return [
        text
        for text in found
        if not any(f"`{key}`" in text for key in wrong)
        and not (replaced_count and any(word in text for word in COUNTED))
    ]


def _check_stages(probe: Config) -> CheckReport:
    """Check every stage; a problem of several stages is listed once, with their names."""
    names = [stage.stage_name for stage in probe.stages]
    if len(names) > 1 and probe.model.lora_configs:
        return CheckReport(
            [
                f"`stages`: got {len(names)} with `model.lora_configs`, expected none: Trinity "
                "starts a stage from the model folder of the last one, and with LoRA that folder "
                "holds no weights that can be loaded; run the stages one by one, and pass the "
                "adapter on as `path`"
            ]
        )
    reports = dict(zip(names, map(_check_one, probe), strict=True))
    stages_of: dict[str, list[str]] = {}
    for name, report in reports.items():
        for problem in report.problems:
            stages_of.setdefault(problem, []).append(name)
    warnings = list(dict.fromkeys(text for report in reports.values() for text in report.warnings))
    if stages_of:
        return CheckReport(
            [f"stage {', '.join(stages)}: {text}" for text, stages in stages_of.items()], warnings
        )
    return CheckReport(
        warnings=warnings,
        derived={name: report.derived for name, report in reports.items()},
        estimates={name: report.estimates for name, report in reports.items()},
        stages=names,
    )


def _leave_adapters_out(probe: Config) -> None:
    """Keep Trinity from building a whole model only to write the adapter that a run starts from."""
    for lora in probe.model.lora_configs or []:
        if lora.path is None:
            lora.path, lora.is_dummy = "not-written", True


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
