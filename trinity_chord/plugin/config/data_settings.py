"""What a batch is made of: `SampleArgs` with every name resolved, and the expert buffers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trinity_chord.errors import ChordConfigError, Problems
from trinity_chord.objective import GATES
from trinity_chord.plugin.config.batch_plan import exact_share
from trinity_chord.plugin.config.sample_args import UNPAIRED, SampleArgs
from trinity_chord.plugin.config.settings import add_unknown_key, read_settings
from trinity_chord.plugin.contract import RowSettings
from trinity_chord.plugin.names import AUXILIARY_BUFFERS, SAMPLE_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config, ExperienceBufferConfig


@dataclass(frozen=True)
class DataSettings:
    """Where the expert rows come from, how many there are, and which of them count.

    Attributes:
        share: Expert rows / all rows; None if only a number of rows is given.
        expert_rows: Expert rows of a batch; None if only a share is given.
        sets: The auxiliary buffers of expert rows, each with its share of the expert rows.
        seed: Seed of the order of the expert rows.
        at_end: What happens when the expert rows are exhausted.
        overlong: What happens to rows longer than the model's context.
        thoughts: Whether the thoughts in the assistant's turns are kept.
        rows: Pairing with the prompts of the batch, and the gate.
        quality: The arguments of `Quality` for each set that has scores.
    """

    share: Fraction | None
    expert_rows: int | None
    sets: dict[str, float]
    seed: int
    at_end: str
    overlong: str
    thoughts: str
    rows: RowSettings
    quality: dict[str, dict[str, Any]]

    @property
    def wants_experts(self) -> bool:
        """Whether a batch has expert rows."""
        return self.share != 0 and self.expert_rows != 0


def read_data(values: Any, problems: Problems) -> DataSettings:
    """Read and check `algorithm.sample_strategy_args`.

    Args:
        values: What YAML holds there.
        problems: Collects what is wrong.

    Returns:
        The settings, valid only if no problem was added.
    """
    args = read_settings(SampleArgs, SAMPLE_ARGS, values, problems)
    only_rows = args.has("expert_rows") and not args.has("expert_data_ratio")
    _check_sets(args, problems)
    return DataSettings(
        share=None if only_rows else exact_share(args.expert_data_ratio),
        expert_rows=args.expert_rows,
        sets=args.sets(),
        seed=args.expert_seed,
        at_end=args.expert_at_end,
        overlong=args.expert_overlong,
        thoughts=args.expert_thoughts,
        rows=_read_rows(args, problems),
        quality={
            name: each.model_dump(exclude_unset=True) for name, each in args.expert_quality.items()
        },
    )


def check_buffers(config: Config, data: DataSettings, problems: Problems) -> None:
    """Check that every expert set is an auxiliary buffer that points at a data set.

    Sets in each buffer what Trinity does not: the schema, and the model's chat template and
    thinking switch unless the buffer has its own.

    Args:
        config: Trinity's configuration; its auxiliary buffers are completed in place.
        data: The settings that name the sets.
        problems: Collects what is wrong.
    """
    if not data.wants_experts:
        return
    buffers = config.buffer.trainer_input.auxiliary_buffers or {}
    template = _chat_template(config, problems)
    for name in data.sets:
        if name not in buffers:
            problems.add(
                AUXILIARY_BUFFERS,
                sorted(buffers),
                f"an expert buffer `{name}`",
                "add it with `storage_type: file`, a `path` and a `format`",
            )
            continue
        buffer = buffers[name]
        _check_buffer(f"{AUXILIARY_BUFFERS}.{name}", buffer, problems)
        buffer.schema_type = "sft"
        if buffer.format.chat_template is None:
            buffer.format.chat_template = template
        if buffer.format.enable_thinking is None:
            buffer.format.enable_thinking = config.model.enable_thinking


def _check_buffer(key: str, buffer: ExperienceBufferConfig, problems: Problems) -> None:
    if buffer.storage_type != "file":
        problems.add(f"{key}.storage_type", buffer.storage_type, "'file'")
    if buffer.schema_type not in (None, "sft"):
        problems.add(f"{key}.schema_type", buffer.schema_type, "'sft'")
    if not buffer.path:
        problems.add(f"{key}.path", buffer.path, "a file, a folder or a hub id")


def _chat_template(config: Config, problems: Problems) -> str | None:
    """Return the model's template; Trinity reads `chat_template_path` only after this check."""
    model = config.model
    if model.custom_chat_template is not None or model.chat_template_path is None:
        return model.custom_chat_template
    if not os.path.isfile(model.chat_template_path):
        problems.add("model.chat_template_path", model.chat_template_path, "a file that exists")
        return None
    with open(model.chat_template_path, encoding="utf-8") as file:
        return file.read()


def _check_sets(args: SampleArgs, problems: Problems) -> None:
    if args.has("expert_sets") and args.has("sft_dataset_name"):
        problems.add(
            f"{SAMPLE_ARGS}.sft_dataset_name",
            args.sft_dataset_name,
            "no value, because `expert_sets` names the sets",
        )
    for name, quality in args.expert_quality.items():
        if name not in args.sets() and not problems.concern(f"{SAMPLE_ARGS}.expert_sets"):
            key = f"{SAMPLE_ARGS}.expert_quality.{name}"
            add_unknown_key(
                key, quality.model_dump(exclude_unset=True), list(args.sets()), problems
            )


def _read_rows(args: SampleArgs, problems: Problems) -> RowSettings:
    gate_args = dict(args.gate_args)
    try:
        gate = GATES.bind(args.gate, **args.gate_args)
        gate_args = {**gate.defaults, **gate.arguments}
    except ChordConfigError as error:
        problems.add_error(f"{SAMPLE_ARGS}.gate", error)
    pairing = args.pairing()
    if pairing is None and not problems.concern(f"{SAMPLE_ARGS}.expert_pairing"):
        _check_without_pairing(args, problems)
    return RowSettings(pairing, args.unpaired or UNPAIRED[0], args.gate, gate_args)


def _check_without_pairing(args: SampleArgs, problems: Problems) -> None:
    if args.gate != "all" and args.unpaired != "random":
        problems.add(
            f"{SAMPLE_ARGS}.expert_pairing",
            None,
            f"a value, because the gate {args.gate!r} gives expert rows to single prompts",
            "set `task_index`, or {expert_key: COLUMN, task_key: COLUMN}; or set "
            f"`{SAMPLE_ARGS}.unpaired: random`, and they get any expert rows",
        )
    elif args.gate == "all" and args.unpaired is not None:
        problems.add(
            f"{SAMPLE_ARGS}.unpaired",
            args.unpaired,
            "no value, because there is neither `expert_pairing` nor a `gate`",
        )
