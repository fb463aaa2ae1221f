"""Reads what the batch is made of from `algorithm.sample_strategy_args` and the buffers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trinity_chord.errors import Problems
from trinity_chord.expert_data.settings import AT_END, OVERLONG
from trinity_chord.plugin.config.batch_plan import BatchPlanError, parse_share
from trinity_chord.plugin.config.checks import check_known, is_count, is_number
from trinity_chord.plugin.config.row_settings import KNOWN_KEYS as ROW_KEYS
from trinity_chord.plugin.config.row_settings import read_quality, read_rows
from trinity_chord.plugin.contract import RowSettings
from trinity_chord.plugin.names import AUXILIARY_BUFFERS, SAMPLE_ARGS

if TYPE_CHECKING:
    from trinity.common.config import Config

KNOWN_KEYS = (
    "expert_data_ratio",
    "expert_rows",
    "sft_dataset_name",
    "expert_sets",
    "expert_seed",
    "expert_at_end",
    "expert_overlong",
    *ROW_KEYS,
)


@dataclass(frozen=True)
class DataSettings:
    """Where the expert rows come from and how many there are.

    Attributes:
        share: Expert rows / all rows, None where only a row count is given.
        expert_rows: Expert rows of a batch, None where only a share is given.
        sets: The auxiliary buffers that hold expert data, each with its share of the expert rows.
        seed: Seed of the order of the expert rows.
        at_end: What happens when the expert rows are used up.
        overlong: What happens to rows longer than the model's context.
        rows: Pairing with the prompts of the batch, and the gate.
        quality: The arguments of `Quality` for each set that has scores.
    """

    share: Fraction | None
    expert_rows: int | None
    sets: dict[str, float]
    seed: int
    at_end: str
    overlong: str
    rows: RowSettings
    quality: dict[str, dict[str, Any]]

    @property
    def wants_experts(self) -> bool:
        """Whether a batch has expert rows at all."""
        return self.share != 0 and self.expert_rows != 0


def read_data(args: Mapping[str, Any], problems: Problems) -> DataSettings:
    """Reads and checks `algorithm.sample_strategy_args`.

    Args:
        args: What YAML gives.
        problems: Collects what is wrong.

    Returns:
        The settings; to be used only if ``problems`` stays empty.
    """
    check_known(SAMPLE_ARGS, args, KNOWN_KEYS, problems)
    share, rows = _amount(args, problems)
    sets = _sets(args, problems)
    return DataSettings(
        share=share,
        expert_rows=rows,
        sets=sets,
        seed=_whole_number(args, "expert_seed", 42, problems),
        at_end=_choice(args, "expert_at_end", AT_END, problems),
        overlong=_choice(args, "expert_overlong", OVERLONG, problems),
        rows=read_rows(args, SAMPLE_ARGS, problems),
        quality=read_quality(args, sets, SAMPLE_ARGS, problems),
    )


def check_buffers(config: Config, data: DataSettings, problems: Problems) -> None:
    """Checks that every expert set is an auxiliary buffer that points at a data set.

    Fills what Trinity leaves out of auxiliary buffers: the schema, and the chat template and
    thinking switch of the model.

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
        buffer = buffers.get(name)
        if buffer is None:
            problems.add(
                AUXILIARY_BUFFERS,
                sorted(buffers),
                f"an expert buffer `{name}`",
                "add it with `storage_type: file`, a `path` and a `format`",
            )
            continue
        if buffer.storage_type != "file":
            problems.add(f"{AUXILIARY_BUFFERS}.{name}.storage_type", buffer.storage_type, "'file'")
        if buffer.schema_type not in (None, "sft"):
            problems.add(f"{AUXILIARY_BUFFERS}.{name}.schema_type", buffer.schema_type, "'sft'")
        if not buffer.path:
            problems.add(
                f"{AUXILIARY_BUFFERS}.{name}.path", buffer.path, "a file, a folder or a hub id"
            )
        buffer.schema_type = "sft"
        if buffer.format.chat_template is None:
            buffer.format.chat_template = template
        if buffer.format.enable_thinking is None:
            buffer.format.enable_thinking = config.model.enable_thinking


def _chat_template(config: Config, problems: Problems) -> str | None:
    """The model's template; Trinity reads `chat_template_path` only after the algorithm's check."""
    model = config.model
    if model.custom_chat_template is not None or model.chat_template_path is None:
        return model.custom_chat_template
    if not os.path.isfile(model.chat_template_path):
        problems.add("model.chat_template_path", model.chat_template_path, "a file that exists")
        return None
    with open(model.chat_template_path, encoding="utf-8") as file:
        return file.read()


def _amount(args: Mapping[str, Any], problems: Problems) -> tuple[Fraction | None, int | None]:
    rows = args.get("expert_rows")
    if rows is not None and not is_count(rows):
        problems.add(f"{SAMPLE_ARGS}.expert_rows", rows, "a whole number, 0 or more")
        rows = None
    ratio = args.get("expert_data_ratio")
    if ratio is None:
        return (None, rows) if args.get("expert_rows") is not None else (Fraction(1, 2), None)
    try:
        return parse_share(ratio), rows
    except BatchPlanError as error:
        problems.add_text(f"`{SAMPLE_ARGS}.expert_data_ratio`: {error}")
        return Fraction(1, 2), rows


def _sets(args: Mapping[str, Any], problems: Problems) -> dict[str, float]:
    sets = args.get("expert_sets")
    name = args.get("sft_dataset_name")
    if sets is None:
        return {name or "sft_dataset": 1.0}
    if name is not None:
        problems.add(f"{SAMPLE_ARGS}.sft_dataset_name", name, "nothing beside `expert_sets`")
    if not isinstance(sets, Mapping) or not sets:
        problems.add(f"{SAMPLE_ARGS}.expert_sets", sets, "a mapping of buffer names to shares")
        return {"sft_dataset": 1.0}
    for key, value in sets.items():
        if not (is_number(value) and value > 0):
            problems.add(f"{SAMPLE_ARGS}.expert_sets.{key}", value, "a share above 0")
    return dict(sets)


def _whole_number(args: Mapping[str, Any], key: str, default: int, problems: Problems) -> int:
    value = args.get(key)
    if value is not None and not is_count(value):
        problems.add(f"{SAMPLE_ARGS}.{key}", value, "a whole number, 0 or more")
    return default if value is None else value


def _choice(args: Mapping[str, Any], key: str, known: tuple[str, ...], problems: Problems) -> str:
    value = args.get(key)
    if value is not None and value not in known:
        problems.add(f"{SAMPLE_ARGS}.{key}", value, f"one of {list(known)}")
    return known[0] if value is None else value
