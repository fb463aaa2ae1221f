import json

from trinity_chord.report.history import MetricsTail, read_history
from trinity_chord.report.recorder import metrics_file


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_tail_returns_each_line_once(tmp_path):
    path = tmp_path / "trainer.jsonl"
    tail = MetricsTail(path)
    assert tail.new_lines() == []
    write(path, '{"step": 1}\n')
    assert tail.new_lines() == [{"step": 1}]
    assert tail.new_lines() == []


def test_an_unfinished_line_is_returned_later(tmp_path):
    path = tmp_path / "trainer.jsonl"
    tail = MetricsTail(path)
    write(path, '{"step": 1}\n{"st')
    assert tail.new_lines() == [{"step": 1}]
    write(path, 'ep": 2}\n')
    assert tail.new_lines() == [{"step": 2}]


def test_history_merges_the_lines_of_a_step(tmp_path):
    path = metrics_file(tmp_path, "explorer")
    for line in ({"step": 2, "a": 1.0}, {"step": 1, "a": 5.0}, {"step": 2, "b": 3.0}):
        write(path, json.dumps(line) + "\n")
    assert read_history(tmp_path, "explorer") == [
        {"step": 1, "a": 5.0},
        {"step": 2, "a": 1.0, "b": 3.0},
    ]


def test_after_a_resume_the_later_line_of_a_step_is_kept(tmp_path):
    path = metrics_file(tmp_path, "trainer")
    write(path, '{"step": 3, "a": 1.0}\n{"step": 3, "a": 2.0}\n')
    assert read_history(tmp_path, "trainer") == [{"step": 3, "a": 2.0}]
