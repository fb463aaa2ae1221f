"""Problems that also occur in an evaluation set are found, dropped and reported."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.data.sources import openr1_row, write_rows
from trinity_chord.data.decontaminate import Decontaminator
from trinity_chord.data.errors import PrepareError

WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
]


@pytest.fixture
def evaluation(tmp_path):
    def written(*problems, name="eval.jsonl", column="problem"):
        rows = [{"id": f"E{n}", column: problem} for n, problem in enumerate(problems)]
        return str(write_rows(tmp_path / name, rows))

    return written


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" ".join(WORDS), True),
        ("Before it, " + " ".join(WORDS).upper() + ", and after.", True),
        ("one, two (three) four-five six: seven; eight nine ten eleven twelve $thirteen$", True),
        (" ".join(WORDS[:12]), False),
        (" ".join([*WORDS[:6], "other", *WORDS[6:]]), False),
    ],
)
def test_thirteen_consecutive_words_are_an_overlap(evaluation, text, found):
    path = evaluation("Let be: " + " ".join(WORDS) + " then")
    assert (Decontaminator((path,), 13).match(text) is not None) == found


def test_shorter_texts_match_only_as_a_whole(evaluation):
    decontaminator = Decontaminator((evaluation("What is $2+2$?"),), 13)
    assert decontaminator.match("what is  $2+2$?") == "eval.jsonl: E0"
    assert decontaminator.match("What is $2-2$?") is None
    assert decontaminator.match("Tell: What is $2+2$?") is None


def test_the_number_of_words_is_an_option(evaluation):
    path = evaluation("a b c d")
    assert Decontaminator((path,), 3).match("x b c d") == "eval.jsonl: E0"
    assert Decontaminator((path,), 4).match("x b c d") is None


def test_all_files_of_a_folder_are_read_whatever_their_column(tmp_path, evaluation):
    evaluation("first one here", name="sets/a.jsonl")
    evaluation("second one here", name="sets/deep/b.json", column="Question")
    evaluation(
        [[{"role": "user", "content": "third one here"}]], name="sets/c.json", column="question"
    )
    (tmp_path / "sets" / "README.md").write_text("words")
    decontaminator = Decontaminator((str(tmp_path / "sets"),), 3)
    names = [decontaminator.match(f"{n} one here") for n in ("first", "second", "third", "no")]
    assert names == ["a.jsonl: E0", "b.json: E0", "c.json: E0", None]


def test_the_manifest_lists_dropped_rows_with_the_matching_problem(make, evaluation):
    path = evaluation("unlike all others", openr1_row(2)["problem"].upper())
    made = make(
        "openr1-math", [openr1_row(n) for n in range(4)], sft=0, rl=9, decontaminate=(path,)
    )
    assert made.dropped() == {"contaminated": 1}
    source = made.manifest["sources"][0]["path"]
    assert made.manifest["contaminated"] == [
        {"source": source, "row": 2, "overlaps_with": "eval.jsonl: E1"}
    ]
    content = Path(path).read_bytes()
    assert made.manifest["decontamination"] == {
        "ngram": 13,
        "sets": [
            {
                "path": path,
                "sha256": hashlib.sha256(content).hexdigest(),
                "problems": 2,
                "matched_only_whole": 1,
            }
        ],
    }
    assert openr1_row(2)["problem"] not in {row["problem"] for row in made.rows("rl")}


def test_without_evaluation_sets_the_step_is_off(make):
    made = make("openr1-math", [openr1_row(n) for n in range(4)])
    assert "contaminated" not in json.dumps(made.manifest["filters"])
    assert made.manifest["decontamination"] is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "x"}], "has the columns text, expected one of problem, question"),
        ([{"problem": "x"}, {"problem": ""}], "line 2: problem holds no text"),
        ([], "has no rows"),
    ],
)
def test_evaluation_sets_that_cannot_be_used_are_refused(tmp_path, rows, message):
    path = write_rows(tmp_path / "eval.jsonl", rows)
    with pytest.raises(PrepareError, match=message):
        Decontaminator((str(path),), 13)


def test_a_missing_evaluation_set_is_refused(tmp_path):
    with pytest.raises(PrepareError, match=r"`--decontaminate`: got .*nowhere"):
        Decontaminator((str(tmp_path / "nowhere"),), 13)
