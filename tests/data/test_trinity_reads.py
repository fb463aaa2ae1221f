"""The written files are read by `datasets`, by Trinity's readers and by the expert stream."""

import asyncio

import datasets
import pytest

from tests.data.sources import openr1_row, s1k_row, sft_split_row, toolace_row, write_rows
from trinity_chord.cpu import activate
from trinity_chord.data.place import Place

activate()


@pytest.fixture(params=["openr1-math", "toolace", "s1k"])
def made(request, make, tmp_path):
    if request.param == "toolace":
        expert = write_rows(tmp_path / "expert.jsonl", [sft_split_row(n) for n in range(4)])
        return make("toolace", [toolace_row(n) for n in range(9)], expert=Place(str(expert)))
    row = openr1_row if request.param == "openr1-math" else s1k_row
    return make(request.param, [row(n) for n in range(9)])


@pytest.mark.parametrize("name", ["sft", "rl"])
def test_datasets_reads_the_rows_unchanged(made, name):
    assert datasets.load_dataset(str(made.folder / name), split="train").to_list() == made.rows(
        name
    )


def test_trinitys_task_reader_makes_tasks_for_its_workflows(made):
    from trinity.buffer.reader.file_reader import TaskFileReader
    from trinity.common.config import FormatConfig, StorageConfig

    tool = made.manifest["arguments"]["recipe"] == "toolace"
    prompt, workflow = (
        ("conversations", "tool_call_workflow") if tool else ("problem", "math_boxed_workflow")
    )
    reader = TaskFileReader(
        StorageConfig(
            name="rl",
            path=str(made.folder / "rl"),
            split="train",
            batch_size=3,
            format=FormatConfig(prompt_key=prompt, response_key="answer"),
            default_workflow_type=workflow,
            is_eval=False,
        )
    )
    tasks = asyncio.run(reader.read(3))
    assert [task.raw_task for task in tasks] == made.rows("rl")
    assert [task.truth for task in tasks] == [row["answer"] for row in made.rows("rl")]


def test_the_expert_stream_reads_the_sft_set(made, tmp_path, tokenizer_path):
    from trinity.common.config import FormatConfig
    from trinity.common.constants import PromptType

    from trinity_chord.expert_data import ExpertSet, ExpertStream, StreamSettings

    form = FormatConfig(prompt_type=PromptType.MESSAGES, messages_key="messages", tools_key="none")
    rows = made.rows("sft")
    expert_set = ExpertSet("sft", str(made.folder / "sft"), format=form)
    settings = StreamSettings(tokenizer_path, max_model_len=100_000, cache_dir=tmp_path / "cache")
    (report,) = ExpertStream([expert_set], settings).report.sets
    assert (report.rows_read, report.kept) == (len(rows), len(rows))
