import pytest
import torch

from trinity_chord.quickstart import base_model_path
from trinity_chord.quickstart.evaluate import Evaluation, evaluate, evaluate_model
from trinity_chord.quickstart.task import Problem, held_out
from trinity_chord.quickstart.tokenizer import build_tokenizer


class Scripted:
    """Replaces a model: answers each prompt of a batch with the next of the given texts."""

    def __init__(self, tokenizer, texts):
        self.tokenizer = tokenizer
        self.texts = list(texts)

    def generate(self, input_ids, **_):
        batch, self.texts = self.texts[: len(input_ids)], self.texts[len(input_ids) :]
        answers = self.tokenizer(batch, padding=True, padding_side="right", return_tensors="pt")
        return torch.cat([input_ids, answers["input_ids"]], dim=1)


@pytest.fixture(scope="module")
def scripted_evaluation():
    tokenizer = build_tokenizer()
    problems = [
        Problem(1, "1+2", "3"),
        Problem(1, "2+2", "4"),
        Problem(2, "10+20", "30"),
        Problem(2, "10+30", "40"),
    ]
    # Right, wrong, right, cut off.
    model = Scripted(tokenizer, ["#3<|end|>", "#5<|end|>", "#30<|end|>", "1+1=;"])
    return evaluate_model(model, tokenizer, problems, batch_size=2)


def test_accuracy_is_the_share_of_correct_answers(scripted_evaluation):
    assert scripted_evaluation.accuracy == 2 / 4


def test_accuracy_is_given_for_each_level(scripted_evaluation):
    assert scripted_evaluation.by_level == {1: 1 / 2, 2: 1 / 2}


def test_mean_length_counts_the_end_and_no_padding(scripted_evaluation):
    assert scripted_evaluation.mean_length == (3 + 3 + 4 + 5) / 4


def test_a_response_without_end_is_truncated(scripted_evaluation):
    assert scripted_evaluation.truncated == 1 / 4


def test_no_problems_is_an_error():
    with pytest.raises(ValueError, match="problems: got none"):
        evaluate(base_model_path(), [])


def test_the_result_does_not_depend_on_the_batch_size():
    problems = held_out(20)
    assert evaluate(base_model_path(), problems, 20) == evaluate(base_model_path(), problems, 3)


def test_the_shipped_base_adds_one_digit_and_fails_at_five():
    by_level = evaluate(base_model_path(), held_out(500)).by_level
    assert by_level[1] > 0.95
    assert by_level[5] < 0.05


def test_the_metrics_are_those_that_a_report_shows_as_held_out_scores():
    by_level = {1: 1.0, 2: 0.5}
    assert Evaluation(0.75, by_level, mean_length=3.0, truncated=0.0).metrics() == {
        "eval/held_out/accuracy/mean": 0.75,
        "eval/held_out/hardest_level/mean": 0.5,
    }
