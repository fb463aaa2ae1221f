"""The batch numbers that `mix` and `mix_chord` needed by hand, compared with the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trinity_chord.errors import Problems
from trinity_chord.migrate.document import Document, MigrateError
from trinity_chord.migrate.migration import Migration
from trinity_chord.plugin.backends.cluster import trainer_gpus
from trinity_chord.plugin.config.batch_plan import exact_share, expert_rows_of
from trinity_chord.plugin.names import LOSS_ARGS, SAMPLE_ARGS

PROMPTS, ROWS = "buffer.batch_size", "buffer.train_batch_size"
DERIVED = "derived"
# The names of the same numbers in Trinity 0.2.0 and since.
USUAL = ("read_batch_size_usual", "train_batch_size_usual")
EXPERT = ("read_batch_size_expert", "train_batch_size_expert")
MICRO_BATCH = "ppo_micro_batch_size_per_gpu"
ENGINE = (
    "engine_type",
    "engine_num",
    "tensor_parallel_size",
    "data_parallel_size",
    "pipeline_parallel_size",
)


@dataclass(frozen=True)
class Batch:
    """The rows of a train batch, as Trinity's `mix` sample strategy takes them.

    Attributes:
        prompts: Prompts that the explorer takes per step.
        repeat_times: Rollouts per prompt.
        rows: All rows of a train batch.
        expert_rows: Expert rows of it.
        share: The expert share as it is written.
    """

    prompts: int
    repeat_times: int
    rows: int
    expert_rows: int
    share: float

    @property
    def usual_rows(self) -> int:
        """On-policy rows of a train batch."""
        return self.rows - self.expert_rows

    @property
    def rollouts(self) -> int:
        """Rollouts that the explorer makes per step."""
        return self.prompts * self.repeat_times


def read_batch(document: Document) -> Batch:
    """Read the numbers of a file, with Trinity's defaults for those that it lacks.

    Raises:
        MigrateError: One of them is not a number that fits.
    """
    problems = Problems()
    prompts = _whole(document, PROMPTS, 1, problems)
    repeat_times = _whole(document, "algorithm.repeat_times", 8, problems)
    rows = _whole(document, ROWS, 0, problems) or prompts * repeat_times
    key = f"{SAMPLE_ARGS}.expert_data_ratio"
    share = document.given(key, document.given("buffer.expert_data_ratio", 0.5))
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        problems.add(key, share, "a number in [0, 1]")
    if problems.lines:
        raise MigrateError.from_problems("The batch cannot be read", problems.lines)
    return Batch(prompts, repeat_times, rows, expert_rows_of(exact_share(share), rows), share)


def _whole(document: Document, key: str, default: int, problems: Problems) -> int:
    value = document.given(key, default)
    if value == default or (isinstance(value, int) and value is not True and value > 0):
        return int(value)
    problems.add(key, value, "a whole number of at least 1")
    return 1


def migrate_batch(migration: Migration, batch: Batch, dynamic: bool) -> None:
    """Remove the numbers that are derived, report those that are wrong, and fix the batch.

    Args:
        migration: The migration.
        batch: The numbers of the file.
        dynamic: Whether the trainer's micro-batches have a number of tokens, not of rows.
    """
    document = migration.document
    right = {
        **dict.fromkeys(USUAL, batch.usual_rows),
        **dict.fromkeys(EXPERT, batch.expert_rows),
        "ppo_mini_batch_size": batch.rows,
        "repeat_times": batch.repeat_times,
        "ngpus_trainer": _trainer_gpus(document),
        "use_dynamic_bsz": dynamic,
        MICRO_BATCH: None,
        "gradient_accumulation": None,
    }
    for name, value in right.items():
        key = f"{LOSS_ARGS}.{name}"
        given = document.given(key)
        if given is None or value is None or given == value:
            migration.remove(key, DERIVED)
            continue
        migration.wrong.append(f"`{key}`: got {given!r}, but it is {value!r}")
        migration.remove(key, f"{DERIVED}; it was wrong, the right value is {value!r}")
    if batch.rollouts != batch.usual_rows:
        _fit_explorer(migration, batch)


def _fit_explorer(migration: Migration, batch: Batch) -> None:
    """Give the explorer as many prompts as the trainer takes, or derive the train batch."""
    taken = (
        f"the explorer made {batch.prompts} × {batch.repeat_times} = {batch.rollouts} rollouts "
        f"per step, and the trainer took {batch.usual_rows}"
    )
    if batch.usual_rows and batch.usual_rows % batch.repeat_times == 0:
        prompts = batch.usual_rows // batch.repeat_times
        migration.wrong.append(f"`{PROMPTS}`: got {batch.prompts}, but it is {prompts}: {taken}")
        migration.set(
            PROMPTS, prompts, f"{prompts} × {batch.repeat_times} = {batch.usual_rows}; {taken}"
        )
        return
    migration.wrong.append(
        f"`{ROWS}`: got {batch.rows}, which {batch.repeat_times} rollouts per prompt do not "
        f"divide after {batch.expert_rows} expert rows: {taken}"
    )
    migration.remove(ROWS, f"{DERIVED} from the rollouts and the expert share; {taken}")


def _trainer_gpus(document: Document) -> int | None:
    """Return the GPUs that Trinity gives to the trainer; None if the file does not say."""
    from trinity.common.config import Config, InferenceModelConfig

    config = Config(mode=document.given("mode", "both"))
    config.cluster.node_num = document.given("cluster.node_num", 0)
    config.cluster.gpu_per_node = document.given("cluster.gpu_per_node", 0)
    if not (config.cluster.node_num and config.cluster.gpu_per_node):
        return None
    explorer = config.explorer
    explorer.rollout_model = InferenceModelConfig(**_engine(document, "explorer.rollout_model"))
    auxiliary = document.given("explorer.auxiliary_models", [])
    explorer.auxiliary_models = [
        InferenceModelConfig(**_engine(document, f"explorer.auxiliary_models.{number}"))
        for number in range(len(auxiliary))
    ]
    try:
        return trainer_gpus(config)
    except (ValueError, TypeError):
        return None  # `check` explains it.


def _engine(document: Document, key: str) -> dict[str, Any]:
    values = {name: document.given(f"{key}.{name}") for name in ENGINE}
    return {name: value for name, value in values.items() if value is not None}
