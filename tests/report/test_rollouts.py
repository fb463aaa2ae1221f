import json

from tests.report.run_folder import make_run
from trinity_chord.report.reading.experts import expert_answers, is_asked
from trinity_chord.report.reading.rollouts import Answer, read_rollouts

PROMPT = "<|user|>21+24<|end|><|assistant|>"


def test_the_rollouts_of_a_prompt_are_a_group(tmp_path):
    lines = [(1, 0, "1+1", "#2", 1.0), (1, 0, "1+1", "#3", 0.0), (1, 0, "1+1", "#2", 1.0)]
    job = make_run(tmp_path, steps=1, rollouts=lines)
    [group], notes = read_rollouts(job)
    assert notes == []
    assert (group.step, group.rollouts, group.mean_reward) == (1, 3, 2 / 3)
    assert group.prompt == "<|user|>1+1<|end|><|assistant|>"
    assert group.answers == [Answer("#2", 1.0, 2), Answer("#3", 0.0, 1)]


def test_prompts_are_spread_from_the_first_step_to_the_last(tmp_path):
    lines = [(step, 0, f"{step}+1", "#", 0.0) for step in range(1, 101)]
    groups, _ = read_rollouts(make_run(tmp_path, steps=1, rollouts=lines), prompts=3)
    assert [group.step for group in groups] == [1, 51, 100]


def test_only_parts_of_a_large_file_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("trinity_chord.report.reading.rollouts.WINDOW", 4000)
    lines = [(step, 0, f"{step}+1", "#" * 100, 0.0) for step in range(1, 1001)]
    groups, notes = read_rollouts(make_run(tmp_path, steps=1, rollouts=lines), prompts=2)
    assert [group.step for group in groups] == [1, 1000]
    assert notes == []


def test_a_damaged_rollout_is_left_out_and_noted_once(tmp_path):
    job = make_run(tmp_path, steps=1, rollouts=[(1, 0, "1+1", "#2", 1.0)])
    with (job / "buffer" / "queue.jsonl").open("a") as file:
        file.write('{"eid": {}}\nnot json\n{"unfinished')
    groups, notes = read_rollouts(job)
    assert len(groups) == 1
    assert len(notes) == 2


def test_a_rollout_without_a_reward_has_none(tmp_path):
    job = make_run(tmp_path, steps=1, rollouts=[(1, 0, "1+1", "#2", None)])
    [group], _ = read_rollouts(job)
    assert group.mean_reward is None
    assert group.answers == [Answer("#2", None, 1)]


def test_a_question_is_asked_as_a_whole_message():
    assert is_asked("21+24", PROMPT)
    assert is_asked("Add 1.", "<|im_start|>user\nAdd 1.<|im_end|>\n<|im_start|>assistant\n")
    assert is_asked("Add 1.", "[INST] Add 1. [/INST]")


def test_a_part_of_a_question_is_another_question():
    assert not is_asked("1+24", PROMPT)
    assert not is_asked("21+2", PROMPT)


def test_the_answer_to_the_prompt_is_found_in_the_expert_set(tmp_path):
    experts = [("1+2", "wrong"), ("21+24", "#45"), ("9+9", "#18")]
    make_run(tmp_path, steps=1, experts=experts)
    config = json.loads(next(tmp_path.rglob("config.json")).read_text())
    answers, examples, notes = expert_answers(config, [PROMPT, "<|user|>5+5<|end|>"])
    assert answers == {PROMPT: "#45"}
    assert examples == [("1+2", "wrong")]
    assert notes == []


def test_the_first_answer_of_a_conversation_is_that_to_its_question(tmp_path):
    path = tmp_path / "chat.jsonl"
    roles = ("system", "user", "assistant", "user", "assistant")
    messages = [{"role": role, "content": f"text {n}"} for n, role in enumerate(roles)]
    path.write_text(json.dumps({"messages": messages}) + "\n")
    buffers = {"sft": {"path": str(path), "format": {"messages_key": "messages"}}}
    config = {"buffer": {"trainer_input": {"auxiliary_buffers": buffers}}}
    assert expert_answers(config, [])[1] == [("text 1", "text 2")]


def test_an_expert_set_that_is_elsewhere_is_noted(tmp_path):
    buffers = {"sft": {"path": str(tmp_path / "none")}}
    config = {"buffer": {"trainer_input": {"auxiliary_buffers": buffers}}}
    answers, examples, [note] = expert_answers(config, [PROMPT])
    assert (answers, examples) == ({}, [])
    assert "is not on this machine" in note
