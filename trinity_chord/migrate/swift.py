"""Migrates a command line of ms-swift's CHORD into a configuration for Trinity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trinity_chord.errors import Problems
from trinity_chord.migrate.document import MigrateError, read_text
from trinity_chord.migrate.migration import Migration
from trinity_chord.migrate.swift_arguments import (
    ENGINE,
    LOSS_TYPES,
    MONITORS,
    NO_COUNTERPART,
    NOT_NEEDED,
    OPTIMIZER,
    REWARDS,
    TRANSLATED,
)
from trinity_chord.migrate.swift_command import SwiftCommand, parse_swift_command
from trinity_chord.migrate.swift_writer import NAME, SwiftWriter
from trinity_chord.plugin.names import ALGORITHM, AUXILIARY_BUFFERS, KL_ARGS, LOSS_ARGS, SAMPLE_ARGS

TASKSET = "buffer.explorer_input.taskset"
NEEDED = (
    "model",
    "dataset",
    "chord_sft_dataset",
    "chord_sft_per_device_train_batch_size",
    *("chord_mu_warmup_steps", "chord_mu_decay_steps", "chord_mu_peak", "chord_mu_valley"),
)


def migrate_command(path: Path) -> Migration:
    """Migrate the call of `swift rlhf` in a shell script.

    Args:
        path: The script.

    Returns:
        The configuration, and what could not be carried over.

    Raises:
        MigrateError: The script has no such call, or it is not CHORD.
    """
    command = parse_swift_command(read_text(path), str(path))
    problems = Problems()
    if command.one("rlhf_type") != "grpo":
        problems.add("--rlhf_type", command.one("rlhf_type"), "'grpo'")
    for name in NEEDED:
        if not command.arguments.get(name):
            problems.add(f"--{name}", None, "a value, as CHORD needs it")
    if problems.lines:
        raise MigrateError.from_problems(f"{path} is not CHORD", problems.lines)
    writer = SwiftWriter(command)
    for part in PARTS:
        part(writer)
    _list_the_rest(writer)
    return writer.migration()


def _algorithm(writer: SwiftWriter) -> None:
    writer.write("project", "chord")
    writer.write("name", NAME)
    writer.write("mode", "both")
    writer.write("algorithm.algorithm_type", ALGORITHM, "CHORD, exact over any micro-batch split")


def _translated(writer: SwiftWriter) -> None:
    """Write what only has another name, and defaults of ms-swift that Trinity does not share."""
    for name, (key, read, default) in TRANSLATED.items():
        given = writer.command.arguments.get(name)
        if given:
            text = writer.take(name)
            try:
                value = text if "${" in text else read(text)
            except ValueError as error:
                raise MigrateError(f"`--{name}`: got {text!r}, expected a number") from error
            writer.write(key, value, f"--{name}")
        elif default is not None:
            writer.write(key, read(default), f"ms-swift's default of --{name}")


def _optimizer(writer: SwiftWriter) -> None:
    if not writer.command.arguments.get("learning_rate"):
        rate = 1e-5 if _is_full(writer.command) else 1e-4
        writer.write(f"{OPTIMIZER}.lr", rate, "ms-swift's default of --learning_rate")
    betas = [
        writer.number("adam_beta1", "0.9", float),
        writer.number("adam_beta2", "0.95", float),
    ]
    writer.write(f"{OPTIMIZER}.betas", betas, "--adam_beta1 and --adam_beta2")
    if not _is_full(writer.command):
        _lora(writer)
    for name in ("tuner_type", "train_type"):
        writer.used.add(name)


def _is_full(command: SwiftCommand) -> bool:
    return command.one("tuner_type", command.one("train_type", "lora")) == "full"


def _lora(writer: SwiftWriter) -> None:
    lora = {
        "name": "lora",
        "lora_rank": writer.number("lora_rank", "8"),
        "lora_alpha": writer.number("lora_alpha", "32"),
    }
    writer.write("model.lora_configs", [lora], "--tuner_type lora")
    if writer.take("target_modules", "all-linear") != "all-linear":
        writer.lost.append("`--target_modules`: Trinity trains all linear layers")


def _rows(writer: SwiftWriter) -> None:
    """Write prompts and expert rows per step, from the sizes per GPU."""
    command = writer.command
    steps = command.processes * command.nodes * writer.number("gradient_accumulation_steps", "1")
    rollouts = steps * writer.number("per_device_train_batch_size", "1")
    per_prompt = writer.number("num_generations", "8")
    if rollouts % per_prompt:
        raise MigrateError(
            f"`--num_generations`: got {per_prompt}, expected a divisor of the {rollouts} rollouts "
            "per step (GPUs × --per_device_train_batch_size × --gradient_accumulation_steps)"
        )
    writer.write("buffer.batch_size", rollouts // per_prompt, f"prompts: {rollouts} rollouts")
    experts = steps * writer.number("chord_sft_per_device_train_batch_size", "")
    source = "GPUs × --chord_sft_per_device_train_batch_size × --gradient_accumulation_steps"
    writer.write(f"{SAMPLE_ARGS}.expert_rows", experts, source)
    if not command.arguments.get("max_steps"):
        epochs = writer.number("num_train_epochs", "3")
        writer.write("buffer.total_epochs", epochs, "--num_train_epochs")
    writer.used.add("num_train_epochs")
    for name in ("steps_per_generation", "generation_batch_size"):
        if command.arguments.get(name):
            writer.lost.append(f"`--{name}`: rollouts are made for each step here, and used once")
            writer.used.add(name)


def _terms(writer: SwiftWriter) -> None:
    """Write the clip, the aggregation and the KL term."""
    high = writer.number("epsilon_high", writer.command.one("epsilon", "0.2"), float)
    writer.write(f"{LOSS_ARGS}.clip_range_high", high, "--epsilon_high, --epsilon if not set")
    loss = writer.take("loss_type", "grpo")
    if loss in LOSS_TYPES:
        writer.write(f"{LOSS_ARGS}.grpo_loss_agg_mode", LOSS_TYPES[loss], f"--loss_type {loss}")
    else:
        writer.lost.append(f"`--loss_type`: got {loss!r}; set `rl_loss` to your own")
    writer.write(f"{LOSS_ARGS}.sft_loss_agg_mode", "token-mean", "a mean over expert tokens")
    beta = writer.number("beta", "0.04", float)
    if beta:
        writer.write("algorithm.kl_loss_fn", "k3", "ms-swift's estimator")
        writer.write(f"{KL_ARGS}.kl_coef", beta, "--beta")


def _lengths(writer: SwiftWriter) -> None:
    response = writer.number("max_completion_length", "512")
    for name in ("vllm_max_model_len", "max_model_len"):
        if writer.command.arguments.get(name):
            writer.write("model.max_model_len", writer.number(name, ""), f"--{name}")
            writer.used.add("max_length")
            return
    prompt = writer.number("max_length", "2048")
    writer.write("model.max_model_len", prompt + response, "--max_length and the response")


def _cluster(writer: SwiftWriter) -> None:
    """Write which GPUs train and which make rollouts: ms-swift's colocated GPUs are shared out."""
    command = writer.command
    gpus, nodes = command.processes, command.nodes
    parallel = writer.number("vllm_tensor_parallel_size", "1")
    server = writer.take("vllm_mode") == "server"
    if server:
        engines, gpus = 1, gpus + parallel
        writer.notes.append(
            "the vLLM server becomes one engine of this cluster: set `cluster.gpu_per_node` and "
            f"`{ENGINE}.engine_num` to your GPUs"
        )
    elif gpus * nodes == 1:
        engines = 1
        writer.write("mode", "colocate", "one GPU for rollouts and training")
        writer.write("synchronizer.sync_method", "memory", "one GPU")
    else:
        engines = max(gpus * nodes // 2 // parallel, 1)
    writer.write("cluster.node_num", nodes, "NNODES")
    writer.write("cluster.gpu_per_node", gpus, "NPROC_PER_NODE" + " and the server" * server)
    writer.write(f"{ENGINE}.engine_type", "vllm")
    writer.write(f"{ENGINE}.engine_num", engines, "the other GPUs train")
    writer.write(f"{ENGINE}.tensor_parallel_size", parallel, "--vllm_tensor_parallel_size")


def _data(writer: SwiftWriter) -> None:
    _dataset(writer, TASKSET, writer.command.arguments["dataset"][0], "--dataset")
    for other in writer.command.arguments["dataset"][1:]:
        writer.lost.append(f"`--dataset`: got {other!r} too; merge the data sets")
    writer.write(f"{TASKSET}.format.prompt_key", "problem", "the column of the problems")
    writer.write(f"{TASKSET}.format.response_key", "answer", "the column of the right answers")
    writer.write("buffer.explorer_input.default_workflow_type", "trinity_chord.MathWorkflow")
    experts = writer.command.arguments["chord_sft_dataset"]
    names = (
        ["sft_dataset"] if len(experts) == 1 else [f"experts_{n + 1}" for n in range(len(experts))]
    )
    for name, given in zip(names, experts, strict=True):
        buffer = f"{AUXILIARY_BUFFERS}.{name}"
        _dataset(writer, buffer, given, "--chord_sft_dataset")
        writer.write(f"{buffer}.format.messages_key", "messages", "the column of the chats")
    if len(experts) > 1:
        rows = [given.partition("#")[2] for given in experts]
        known = all(each.isdigit() for each in rows)
        shares = [float(each) if known else 1.0 for each in rows]
        source = "rows of each set" if known else "equal; ms-swift: by the rows of each set"
        writer.write(f"{SAMPLE_ARGS}.expert_sets", dict(zip(names, shares, strict=True)), source)
    writer.used |= {"dataset", "chord_sft_dataset"}
    writer.notes.append(
        f"`{TASKSET}` needs one column of problems and one of answers; ms-swift reads `messages` "
        "and `solution`. Name your columns in `format`"
    )


def _dataset(writer: SwiftWriter, key: str, given: str, source: str) -> None:
    """Write a data set as ms-swift names it: `hub::name:subset#rows`."""
    name, _, rows = given.partition("#")
    name = name.rpartition("::")[2]
    subset = ""
    if not name.startswith(("/", ".", "$")):
        name, _, subset = name.partition(":")
    writer.write(f"{key}.storage_type", "file")
    writer.write(f"{key}.path", name, source)
    if subset:
        writer.write(f"{key}.subset_name", subset, source)
    if rows:
        writer.lost.append(f"`{source}`: got {given!r}; all rows are used, not {rows}")


def _rewards(writer: SwiftWriter) -> None:
    names = writer.command.arguments.get("reward_funcs", [])
    writer.used.add("reward_funcs")
    known = [name for name in names if name in REWARDS]
    if known:
        key = "buffer.explorer_input.default_reward_fn_type"
        writer.write(key, REWARDS[known[0]], f"--reward_funcs {known[0]}")
    for name in names:
        if name not in REWARDS:
            writer.lost.append(
                f"`--reward_funcs`: got {name!r}; {NO_COUNTERPART['external_plugins']}"
            )


def _monitor(writer: SwiftWriter) -> None:
    names = writer.command.arguments.get("report_to", ["tensorboard"])
    writer.used.add("report_to")
    first = next((name for name in names if name in MONITORS), MONITORS[0])
    writer.write("monitor.monitor_type", first, "--report_to")
    for name in names:
        if name != first:
            writer.lost.append(f"`--report_to`: got {name!r} too; there is one monitor")


def _list_the_rest(writer: SwiftWriter) -> None:
    """List the arguments that are not carried over, apart from those that have no use here."""
    for name, words in writer.command.arguments.items():
        if name in writer.used or name in NOT_NEEDED:
            continue
        reason = NO_COUNTERPART.get(name, "no counterpart is known here")
        writer.lost.append(f"`--{name}`: got {' '.join(words)!r}; {reason}")


PARTS: tuple[Callable[[SwiftWriter], None], ...] = (
    _algorithm,
    _translated,
    _optimizer,
    _rows,
    _terms,
    _lengths,
    _cluster,
    _data,
    _rewards,
    _monitor,
)
