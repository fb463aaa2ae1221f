"""`trinity-chord eval math` and `eval bfcl` with vLLM."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.evaluation.math.sets import write_rows
from tests.vllm import chats
from trinity_chord.evaluation.engines.interface import Request, Sampling

pytestmark = [pytest.mark.vllm, pytest.mark.slow]

TIMEOUT = 600
MATH = ("--sets", "amc23", "--k", "3", "--max-tokens", "12", "--temperature", "1", "--seed", "7")
BFCL = ("--categories", "simple_python", "--limit", "6", "--max-tokens", "8", "--temperature", "1")


@pytest.fixture(scope="module")
def long_context(folder, tmp_path_factory):
    """The learned model with room for the benchmarks' prompts."""
    copied = tmp_path_factory.mktemp("long")
    for file in folder.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 8192}))
    return copied


@pytest.fixture(scope="module")
def engine(folder):
    """Return a function that gives vLLM's engine other sampling settings."""
    from trinity_chord.evaluation.engines.vllm import VLLMEngine

    loaded = VLLMEngine(str(folder), 256, Sampling(1.0, 1.0, 16, 0))

    # At a high temperature even a model that is sure of itself gives different answers.
    def with_settings(temperature: float = 20.0, top_p: float = 1.0) -> VLLMEngine:
        other = copy.copy(loaded)
        other._sampling = Sampling(temperature, top_p, 16, 0)
        return other

    return with_settings


@pytest.fixture(scope="module")
def tokens(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda chat: list(
        tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
    )


@pytest.fixture(scope="module")
def free(tokens):
    """Return requests for an answer that the model has not learned, one per seed."""
    prompt = tokens([{"role": "user", "content": "Name four sums, step by step."}])
    return lambda *seeds, limit=16: [Request(0, prompt, seed, limit) for seed in seeds]


def texts(samples) -> list[str]:
    return [sample.text for sample in samples]


def test_an_answer_depends_on_its_seed_alone(engine, free):
    alone = [texts(engine().answer(free(seed)))[0] for seed in (1, 2, 3)]
    assert texts(engine().answer(free(3, 1, 2, 1))) == [alone[2], alone[0], alone[1], alone[0]]
    assert len(set(alone)) == 3


def test_a_small_top_p_leaves_the_most_probable_token(engine, free):
    (greedy,) = texts(engine(temperature=0.0).answer(free(1)))
    assert set(texts(engine(top_p=1e-6).answer(free(1, 2, 3)))) == {greedy}


def test_an_answer_ends_at_its_own_limit_and_counts_as_truncated(engine, tokens):
    prompt = tokens(chats.math_chat(chats.QUESTION))
    requests = [Request(0, prompt, 0, limit) for limit in (3, 200)]
    short, whole = engine(temperature=0.0).answer(requests)
    assert (short.tokens, short.truncated) == (3, True)
    assert chats.ANSWER.startswith(short.text)
    assert (whole.text, whole.truncated) == (chats.ANSWER, False)


def start(command: str, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "trinity_chord.cli", "eval", command, "--backend", "vllm", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(command: str, *words: str) -> str:
    done = start(command, *words)
    output, _ = done.communicate(timeout=TIMEOUT)
    assert done.returncode == 0, output
    return output


def kill_once_written(path: Path, lines: int, command: str, *words: str) -> int:
    """Kill an evaluation as soon as a file has some lines; return how many it has."""
    child = start(command, *words)
    deadline = time.monotonic() + TIMEOUT
    try:
        while not path.exists() or path.read_text().count("\n") < lines:
            assert child.poll() is None, child.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return path.read_text().count("\n")


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("command", "words", "samples", "expected"),
    [("math", MATH, "samples/amc23.jsonl", 24), ("bfcl", BFCL, "samples.jsonl", 6)],
)
def test_a_killed_evaluation_resumes_with_the_same_answers(
    command, words, samples, expected, long_context, tmp_path
):
    words = (*words, "--model", str(long_context), "--batch-size", "1")
    if command == "math":
        rows = [{"id": i, "question": f"What is {i} + 2?", "answer": "4"} for i in range(8)]
        write_rows(tmp_path / "amc23.jsonl", rows)
        words = (*words, "--data-dir", str(tmp_path))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish(command, *words, "--out", str(whole))
    kept = kill_once_written(broken / samples, 2, command, *words, "--out", str(broken))
    before = (broken / samples).read_text().splitlines()[:2]
    assert not (broken / "summary.json").exists()
    finish(command, *words, "--out", str(broken))
    assert (broken / samples).read_text().splitlines()[:2] == before
    assert 2 <= kept < expected
    assert read(broken / samples) == read(whole / samples)
    summaries = [json.loads((each / "summary.json").read_text()) for each in (whole, broken)]
    assert summaries[0] == summaries[1]
