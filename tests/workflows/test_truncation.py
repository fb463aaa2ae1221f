"""Truncated rollouts of the real CPU engine."""

import asyncio
from types import SimpleNamespace

import pytest

from tests.tiny_model import make_model_folder
from trinity_chord.cpu import activate

activate()

from trinity.common.config import InferenceModelConfig  # noqa: E402

from trinity_chord.cpu.engine import TransformersRolloutModel  # noqa: E402
from trinity_chord.workflows.truncation import closing_tokens, is_truncated  # noqa: E402

END = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_model_folder(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize(("limit", "whole"), [(16, 64), (64, 40)])
def test_exactly_the_rollouts_without_the_closing_token_are_truncated(folder, limit, whole):
    config = InferenceModelConfig(
        model_path=str(folder),
        engine_type="transformers",
        dtype="float32",
        temperature=1.0,
        max_model_len=whole,
        max_prompt_tokens=24,
        max_response_tokens=limit,
    )

    async def chat():
        engine = TransformersRolloutModel(config)
        await engine.prepare()
        try:
            return await engine.chat([{"role": "user", "content": "1"}], n=60)
        finally:
            await engine.shutdown()

    rollouts = asyncio.run(chat())
    model = SimpleNamespace(config=config)
    found = [is_truncated(each, model) for each in rollouts]
    assert found == [int(each.tokens[-1]) != END for each in rollouts]
    assert set(found) == {True, False}
    assert {each.truncate_status for each in rollouts} == {None}


def test_closing_tokens_are_those_of_model_and_tokenizer(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [5, 6]}')
    assert closing_tokens(str(tmp_path)) == {END, 5, 6}
    assert closing_tokens(str(folder)) == {END}
