"""Geometry3K: problems with figures, and the expert's answers from a source of their own."""

import base64
import io

import datasets
import pytest
from PIL import Image

from tests.data.sources import write_rows
from trinity_chord.data.errors import PrepareError
from trinity_chord.data.place import Place

FEATURES = datasets.Features(
    {
        "images": datasets.List(datasets.Image()),
        "problem": datasets.Value("string"),
        "answer": datasets.Value("string"),
    }
)


def figure(number, kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", (20 + number, 20), (number, 0, 0)).save(file, kind)
    return file.getvalue()


def address(number, kind="PNG"):
    data = base64.b64encode(figure(number, kind)).decode()
    return f"data:image/{kind.lower()};base64,{data}"


def task(number, **changes):
    """A row of hiyouga/geometry3k."""
    image = {"bytes": figure(number), "path": None}
    return {"images": [image], "problem": "<image>Find $x$.", "answer": f"{number}", **changes}


def solved(number, **changes):
    """A row of datajuicer/geometry_sft, as JSON lines."""
    return {
        "images": [address(number)],
        "problem": f"<image>Find $y_{number}$.",
        "response": f"So \\boxed{{{number}}}",
        **changes,
    }


@pytest.fixture
def source(tmp_path):
    rows = [task(number) for number in range(4)]
    return write_rows(tmp_path / "train.parquet", rows, FEATURES)


@pytest.fixture
def made(make, source, tmp_path):
    def prepared(experts, **settings):
        path = write_rows(tmp_path / "expert.jsonl", experts)
        return make("geometry3k", source, expert=Place(str(path)), **{"rl": 9, **settings})

    return prepared


def test_problems_that_differ_in_their_figure_only_are_different(made):
    rows = made([solved(9)]).rows("rl")
    assert {row["answer"] for row in rows} == {"0", "1", "2", "3"}
    assert len({row["id"] for row in rows}) == 4


def test_a_figure_is_kept_byte_by_byte(made):
    rows = {row["answer"]: row for row in made([solved(9)]).rows("rl")}
    assert rows["2"]["images"] == [address(2)]
    assert rows["2"]["problem"] == "<image>Find $x$."


def test_an_answer_becomes_a_chat_with_its_figure(made):
    (row,) = made([solved(9)]).rows("sft")
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][1]["content"] == "<image>Find $y_9$."
    assert row["messages"][2]["content"] == "So \\boxed{9}"
    assert row["images"] == [address(9)]


def test_figures_without_a_mark_come_first(made):
    (row,) = made([solved(9, problem="Find $y$.")]).rows("sft")
    assert row["problem"] == "<image>Find $y$."


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"problem": "<image>"}, "incomplete"),
        ({"response": " "}, "incomplete"),
        ({"images": []}, "image"),
        ({"images": ["lost.png"]}, "image"),
        ({"images": ["http://example.com/a.png"]}, "image"),
        ({"images": ["data:image/png;base64," + address(1)[60:]]}, "image"),
        ({"problem": "<image><image>?"}, "places"),
        ({"response": "It is 9."}, "boxed"),
    ],
)
def test_what_is_dropped(made, changes, step):
    assert made([solved(0), solved(9, **changes)]).dropped("sft", 0) == {step: 1}


def test_a_problem_of_the_sft_set_is_not_in_the_rl_set(made):
    same = solved(2, problem="<image>Find $x$.")
    assert {row["answer"] for row in made([same]).rows("rl")} == {"0", "1", "3"}


def test_a_source_without_answers_names_the_option(made):
    with pytest.raises(PrepareError, match="--expert-source"):
        made([{"images": [address(9)], "problem": "x"}])
