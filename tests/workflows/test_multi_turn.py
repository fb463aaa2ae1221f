"""The multi-turn workflow with a scripted policy: the row of a game, its reward and its limits."""

import asyncio
from types import SimpleNamespace

import pytest
import torch
from trinity.buffer.schema.formatter import TaskFormatter
from trinity.common.config import TasksetConfig
from trinity.common.experience import Experience

from tests.chat_templates import QWEN3, QWEN25
from tests.tiny_model import make_tokenizer
from trinity_chord.bfcl_package import find_package
from trinity_chord.errors import ChordConfigError
from trinity_chord.multi_turn.gold import gold_game
from trinity_chord.multi_turn.simulators import shared_simulators

CASE = "multi_turn_base_0"
CHARACTERS = "".join(map(chr, range(32, 127))) + "\n"
END = "<|im_end|>"


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer(CHARACTERS, QWEN25)


@pytest.fixture(scope="module")
def folder(tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("policy")
    tokenizer.save_pretrained(path)
    return str(path)


class Scripted:
    """A rollout model that gives scripted replies; token i of a reply has log-probability -i."""

    def __init__(self, tokenizer, folder, replies, template=None, **config):
        self._tokenizer, self._replies = tokenizer, iter(replies)
        self.prompts, self.arguments = [], []
        limits = {"max_model_len": 200_000, "max_response_tokens": 1000} | config
        self.config = SimpleNamespace(
            model_path=folder, chat_template=template, enable_thinking=None, **limits
        )

    async def generate_async(self, prompts, **arguments):
        (prompt,) = prompts
        self.prompts.append(prompt)
        self.arguments.append(arguments)
        before = self._tokenizer(prompt).input_ids
        reply = next(self._replies)
        if isinstance(reply, str):
            reply = self._tokenizer(reply).input_ids
        return [
            Experience(
                tokens=torch.tensor(before + reply, dtype=torch.int32),
                logprobs=-torch.arange(len(reply), dtype=torch.float32),
                prompt_length=len(before),
            )
        ]


@pytest.fixture
def play(tokenizer, folder):
    def with_replies(replies, case=CASE, times=1, **settings):
        config = TasksetConfig(
            default_workflow_type="trinity_chord.MultiTurnToolWorkflow",
            workflow_args={"bfcl_eval": str(find_package().folder)},
        )
        task = TaskFormatter(config).format({"id": case, "question": "?"})
        model = Scripted(tokenizer, folder, replies, **settings)
        workflow = task.to_workflow(model=model)
        workflow.set_repeat_times(times, 3)
        return asyncio.run(workflow.run_async()), model

    return with_replies


@pytest.fixture(scope="module")
def simulators():
    return shared_simulators(find_package().folder)


@pytest.fixture(scope="module")
def gold(simulators):
    return gold_game(simulators.cases[CASE], simulators)


def replies_of(game):
    return [m["content"] + END for m in game.messages if m["role"] == "assistant"]


def test_a_correct_game_has_reward_1_and_learns_the_replies_only(play, gold, tokenizer):
    (row,), _ = play(replies_of(gold))
    assert row.reward == 1.0
    assert row.eid.run == 3
    assert row.experience_type == "multi_turn"
    learned = row.tokens[row.prompt_length :][row.action_mask]
    assert tokenizer.decode(learned) == "".join(replies_of(gold))
    rendered = tokenizer.apply_chat_template(gold.messages, tokenize=False)
    assert tokenizer.decode(row.tokens) + "\n" == rendered
    assert row.metrics == {
        "accuracy": 1.0,
        "turns_passed": 1.0,
        "steps": len(gold.steps),
        "stopped": 0.0,
        "truncated_replies": 0.0,
        "tokens_left_out": 0.0,
    }


def test_each_learned_token_has_the_log_probability_it_was_sampled_with(play, gold):
    (row,), _ = play(replies_of(gold))
    lengths = [len(text) - len(END) + 1 for text in replies_of(gold)]
    expected = torch.cat([-torch.arange(length, dtype=torch.float32) for length in lengths])
    assert torch.equal(row.logprobs[row.action_mask], expected)
    assert row.logprobs[~row.action_mask].abs().sum() == 0


def test_each_prompt_continues_the_text_before_it(play, gold):
    _, model = play(replies_of(gold))
    replies = replies_of(gold)
    for number, reply in enumerate(replies[:-1]):
        assert model.prompts[number + 1].startswith(model.prompts[number] + reply)


def test_thoughts_stay_in_the_conversation_whatever_the_template_does(play, gold):
    replies = [text.replace("<think>\n", "<think>\nhm") for text in replies_of(gold)]
    (row,), model = play(replies, template=QWEN3)
    assert row.reward == 1.0
    assert model.prompts[-1].count("hm") == len(replies) - 1


def test_a_wrong_turn_has_reward_0_and_the_share_of_turns_before_it(play, gold):
    replies = replies_of(gold)
    first_turn = replies.index(next(text for text in replies if "<tool_call>" not in text)) + 1
    turns = len(gold.case.questions)
    (row,), _ = play([*replies[:first_turn], *["Done." + END] * (turns - 1)])
    assert row.reward == 0.0
    assert row.metrics["turns_passed"] == 1 / turns
    assert row.info["error_type"] == "multi_turn:empty_turn_model_response"


def test_several_games_are_played_at_once(play):
    rows, _ = play(["Done." + END] * 12, times=3)
    assert [row.eid.run for row in rows] == [3, 4, 5]


def test_a_reply_that_is_read_again_with_other_tokens_is_not_learned(play, gold, tokenizer):
    """The name of a special token, sampled letter by letter, is one token when it is read again."""
    spelled = tokenizer.convert_tokens_to_ids([*"<|im_start|>", END])
    others = ["Done." + END] * (len(gold.case.questions) - 1)
    (row,), _ = play([spelled, *others])
    learned = row.tokens[row.prompt_length :][row.action_mask]
    assert tokenizer.decode(learned) == "".join(others)
    assert row.metrics["tokens_left_out"] == pytest.approx(13 / (13 + 6 * len(others)))


def test_a_reply_that_was_cut_off_is_closed_outside_of_the_loss(play, gold, tokenizer):
    turns = len(gold.case.questions)
    replies = ["x" * 5, *["Done." + END] * (turns - 1)]
    (row,), model = play(replies, max_response_tokens=5)
    assert model.prompts[1].startswith(model.prompts[0] + "x" * 5 + END + "\n<|im_start|>user")
    learned = tokenizer.decode(row.tokens[row.prompt_length :][row.action_mask])
    assert learned == "x" * 5 + ("Done." + END) * (turns - 1)
    assert row.metrics["truncated_replies"] == 1.0


def test_a_game_that_fills_the_context_is_stopped(play, gold):
    (_, model) = play(replies_of(gold))
    first = len(model._tokenizer(model.prompts[0]).input_ids)
    (row,), model = play(replies_of(gold), max_model_len=first + 300)
    assert row.reward == 0.0
    assert row.metrics["stopped"] == 1.0
    assert len(row.tokens) <= first + 300
    assert all(arguments["max_tokens"] <= 300 for arguments in model.arguments)


def test_a_first_prompt_without_room_is_refused(play):
    with pytest.raises(ChordConfigError, match="max_model_len`: got 100, expected more than the"):
        play([], max_model_len=100)


def test_an_unknown_case_is_refused(play):
    with pytest.raises(ChordConfigError, match="got the id 'nothing'"):
        play([], case="nothing")
