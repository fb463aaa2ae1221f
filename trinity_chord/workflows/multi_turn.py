"""Trinity's workflow for the multi-turn tasks of BFCL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trinity.common.workflows.workflow import Workflow

from trinity_chord.bfcl_package import VARIABLE
from trinity_chord.errors import ChordConfigError
from trinity_chord.multi_turn.game import Game
from trinity_chord.multi_turn.simulators import SimulatorError, shared_simulators
from trinity_chord.turns import Message
from trinity_chord.workflows.conversation import Conversation
from trinity_chord.workflows.truncation import is_truncated

if TYPE_CHECKING:
    from trinity.common.experience import Experience
    from trinity.common.models.model import ModelWrapper
    from trinity.common.workflows.workflow import Task

CASE = "id"


class MultiTurnToolWorkflow(Workflow):
    """Plays a multi-turn case of BFCL with the policy; the reward is the verdict of its checker.

    In YAML: `default_workflow_type: trinity_chord.MultiTurnToolWorkflow`, for tasks with the id of
    a case in the column `id`, as `trinity-chord prepare bfcl-multi-turn` writes them. bfcl-eval
    must be installed as for `trinity-chord eval bfcl`; `workflow_args: {bfcl_eval: FOLDER}` names
    its folder.

    A rollout is one row: the whole conversation, of which the policy's tokens are learned with the
    log-probabilities that they were sampled with. The conversation only grows: earlier turns stay
    as they were sampled, thoughts included, whatever the chat template would make of them. Its
    reward is 1 if bfcl-eval's state and response checkers accept every turn, else 0. Each rollout
    gets the metrics `turns_passed` (the share of turns before the first wrong one), `steps`,
    `stopped` (by the limit of steps, of time or of `max_model_len`), `truncated_replies` and
    `tokens_left_out` (the share of sampled tokens that are not learned, because the text of their
    reply has other tokens when it is read again).

    Raises:
        ChordConfigError: There is no such case, or its first prompt leaves no room for a reply.
        BfclError: bfcl-eval is not installed.
    """

    is_async = True
    can_reset = True
    can_repeat = True

    def __init__(
        self,
        *,
        task: Task,
        model: ModelWrapper,
        auxiliary_models: list[ModelWrapper] | None = None,
    ) -> None:
        super().__init__(task=task, model=model, auxiliary_models=auxiliary_models)
        self.repeat_times = 1
        self.reset(task)

    def reset(self, task: Task) -> None:
        """Start the next task."""
        self.task = task
        self.simulators = shared_simulators(_folder(task.workflow_args))
        found = (task.raw_task or {}).get(CASE)
        if found not in self.simulators.cases:
            raise ChordConfigError(
                f"task for BFCL's multi-turn cases: got the {CASE} {found!r}, expected one such as "
                "'multi_turn_base_0'; `trinity-chord prepare bfcl-multi-turn` writes such tasks"
            )
        self.case = self.simulators.cases[found]

    def set_repeat_times(self, repeat_times: int, run_id_base: int) -> None:
        """Set the number of rollouts."""
        self.repeat_times = repeat_times
        self.run_id_base = run_id_base

    async def run_async(self) -> list[Experience]:
        """Play the case several times at once, and return one row for each."""
        return list(await asyncio.gather(*(self._play(run) for run in range(self.repeat_times))))

    async def _play(self, run: int) -> Experience:
        game = Game(self.case, self.simulators.texts)
        conversation = Conversation(_tokenizer(self.model.config.model_path), self._render)
        conversation.begin(game.messages)
        truncated = 0
        while not game.over:
            room = self._room(conversation)
            if room < 1:
                game.stop()
                break
            arguments = {**asdict(self.task.rollout_args), "n": 1, "max_tokens": room}
            (sampled,) = await self.model.generate_async([conversation.text], **arguments)
            truncated += is_truncated(sampled, self.model, room)
            before = list(game.messages)
            written = conversation.add_reply(sampled)
            await self._step(game, written)
            if not game.over:
                conversation.add_messages(before, game.messages[len(before) + 1 :])
        return await self._row(game, conversation, run, truncated)

    async def _step(self, game: Game, reply: str) -> None:
        if not game.reply(reply):
            return
        try:
            results = await asyncio.to_thread(self.simulators.play, self.case, game.steps)
        except SimulatorError as error:
            self.logger.warning("%s: %s", self.case.id, error)
            game.stop()
            return
        game.results(results[-1])

    async def _row(
        self, game: Game, conversation: Conversation, run: int, truncated: int
    ) -> Experience:
        judgment = await asyncio.to_thread(self.simulators.judge, self.case, game.turns)
        row, left_out = conversation.as_row()
        row.reward = float(judgment.valid)
        row.eid.run = run + self.run_id_base
        row.info = {"case": self.case.id, "error_type": judgment.error_type}
        row.metrics = {
            "accuracy": row.reward,
            "turns_passed": judgment.passed / len(self.case.gold),
            "steps": float(len(game.steps)),
            "stopped": float(game.stopped),
            "truncated_replies": float(truncated),
            "tokens_left_out": left_out,
        }
        return row

    def _room(self, conversation: Conversation) -> int:
        """Return how many tokens the next reply may have."""
        config = self.model.config
        limit = self.task.rollout_args.max_tokens or config.max_response_tokens
        if config.max_model_len is None:
            return limit or 1
        tokens = conversation.tokens()
        left: int = config.max_model_len - tokens
        if left < 1 and not conversation.replies:
            raise ChordConfigError(
                f"`model.max_model_len`: got {config.max_model_len}, expected more than the "
                f"{tokens} tokens of the first prompt of {self.case.id}"
            )
        return min(left, limit or left)

    def _render(self, messages: Sequence[Message], prompt: bool) -> str:
        config = self.model.config
        text: str = _tokenizer(config.model_path).apply_chat_template(
            list(messages),
            chat_template=config.chat_template,
            enable_thinking=config.enable_thinking,
            add_generation_prompt=prompt,
            tokenize=False,
        )
        return text


def _folder(workflow_args: dict[str, Any]) -> Path | None:
    folder = workflow_args.get("bfcl_eval") or os.environ.get(VARIABLE)
    return Path(folder) if folder else None


@cache
def _tokenizer(model_path: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model_path)
