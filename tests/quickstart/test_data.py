import json

import pytest

from trinity_chord.quickstart.data import write_data
from trinity_chord.quickstart.task import held_out


def read(folder, split):
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), seed=0)


def test_a_task_row_has_question_answer_and_level(paths):
    row = read(paths.tasks, "train")[0]
    assert set(row) == {"question", "answer", "level"}


def test_there_are_tasks_for_128_steps_of_8_prompts(paths):
    assert len(read(paths.tasks, "train")) == 128 * 8


def test_there_are_256_demonstrations(paths):
    assert len(read(paths.expert, "train")) == 256


def test_a_demonstration_answers_the_user_in_the_worked_style(paths):
    for row in read(paths.expert, "train"):
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        assert assistant["content"].endswith(f"#{sum(map(int, user['content'].split('+')))}")
        assert assistant["content"].count(";") == len(user["content"]) // 2


def test_the_held_out_file_is_the_held_out_set(paths):
    rows = read(paths.held_out, "test")
    assert [row["question"] for row in rows] == [problem.question for problem in held_out(500)]


def test_no_expert_or_task_question_above_level_1_is_held_out(paths):
    questions = {row["question"] for row in read(paths.held_out, "test")}
    tasks = {row["question"] for row in read(paths.tasks, "train")}
    experts = {row["messages"][0]["content"] for row in read(paths.expert, "train")}
    # A level 1 question is three characters long.
    assert all(len(question) == 3 for question in questions & (tasks | experts))


def test_the_same_seed_writes_the_same_files(paths, tmp_path):
    again = write_data(tmp_path, seed=0)
    assert read(again.tasks, "train") == read(paths.tasks, "train")
    assert read(again.expert, "train") == read(paths.expert, "train")


def test_another_seed_changes_tasks_and_expert_but_not_the_held_out_set(paths, tmp_path):
    other = write_data(tmp_path, seed=1)
    assert read(other.tasks, "train") != read(paths.tasks, "train")
    assert read(other.expert, "train") != read(paths.expert, "train")
    assert read(other.held_out, "test") == read(paths.held_out, "test")
