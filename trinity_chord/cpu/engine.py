"""A rollout engine for Trinity on `transformers`, for machines without a GPU."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from trinity.common.config import InferenceModelConfig
from trinity.common.constants import SyncMethod
from trinity.common.experience import Experience
from trinity.common.models.model import BaseInferenceModel
from trinity.common.models.utils import load_state_dict
from trinity.manager.synchronizer import Synchronizer

from trinity_chord.cpu.weights import load_weights
from trinity_chord.sampling.eos import eos_token_ids
from trinity_chord.sampling.generate import Row, SamplingParams, sample

T = TypeVar("T")

MAX_ROWS = 64
"""Rows of one `generate` call at most."""
GATHER_SECONDS = 0.005
"""Requests that arrive within this time of the first are sampled together."""
SAMPLING_KEYS = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "min_tokens", "repetition_penalty"}
    | {"ignore_eos", "n", "seed", "logprobs"}
)


@dataclass
class _Request:
    rows: list[Row]
    done: asyncio.Future

    def finish(self, error: Exception | None) -> None:
        """Wake up who waits, unless it has gone away."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class TransformersRolloutModel(BaseInferenceModel):
    """Samples rollouts by `transformers` generate, all waiting requests at once.

    All work on the model, sampling and loading weights alike, runs in one thread of its own: the
    actor answers meanwhile, and new weights never come in the middle of a sample.

    Args:
        config: as Trinity's explorer passes it to an engine.
    """

    def __init__(self, config: InferenceModelConfig) -> None:
        super().__init__(config)
        self.model_version = 0
        self.model: Any = None
        self.synchronizer: Any = None
        # One stream for each engine: a request's place in it seeds its samples.
        self._seeds = torch.Generator().manual_seed(config.seed + config.engine_id)
        self._eos_token_ids: list[int] = []
        self._waiting: asyncio.Queue[_Request] = asyncio.Queue()
        self._compute = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
        self._serving: asyncio.Task | None = None

    async def prepare(self) -> None:
        """Load the model and its tokenizer, once.

        Raises:
            ValueError: the configuration asks for what this engine does not have.
        """
        if self._prepared:
            return
        for key in ("enable_openai_api", "enable_lora", "enable_return_routed_experts"):
            if getattr(self.config, key):
                raise ValueError(
                    f"explorer.rollout_model.{key}: engine_type 'transformers' does not have it. "
                    "Unset it, or choose another engine_type on a machine with a GPU."
                )
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)
        await self._initialize_tokenizer()
        await self._run(self._load_model)
        if ray.is_initialized():
            self.synchronizer = Synchronizer.get_actor(namespace=self.config.ray_namespace)
        self._serving = asyncio.create_task(self._serve())
        self._prepared = True

    async def _initialize_tokenizer(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(
            self.config.model_path, trust_remote_code=self.config.trust_remote_code
        )
        self.tokenizer.truncation_side = "left"

    def _load_model(self) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(
            self.config.model_path,
            dtype=getattr(torch, self.config.dtype),
            attn_implementation="sdpa",
            trust_remote_code=self.config.trust_remote_code,
        ).eval()
        self._eos_token_ids = eos_token_ids(self.tokenizer, self.model.generation_config)
        # The model's own defaults, such as a temperature, are not the caller's.
        self.model.generation_config = GenerationConfig()

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._compute, work, *args)

    async def generate(
        self, prompt: str, lora_request: Any = None, **kwargs: Any
    ) -> Sequence[Experience]:
        """Sample `n` responses to a prompt.

        Args:
            prompt: text, special tokens and all.
            lora_request: Trinity passes None where LoRA is off.
            **kwargs: `n`, `seed`, `temperature`, `top_p`, `top_k`, `max_tokens`, `min_tokens`,
                `repetition_penalty`, `ignore_eos`; what is missing or None comes from the
                configuration. `logprobs` is accepted: those of the sampled tokens are always
                returned.

        Returns:
            one experience for each response; its `logprobs` are what `sampling.Row` says.

        Raises:
            ValueError: a sampling parameter is unknown, or the prompt leaves no room to answer.
        """
        given = {key: value for key, value in kwargs.items() if value is not None}
        if unknown := sorted(given.keys() - SAMPLING_KEYS):
            raise ValueError(
                f"sampling parameters {unknown}: engine_type 'transformers' does not know them. "
                f"It knows {sorted(SAMPLING_KEYS)}."
            )
        n = given.pop("n", 1)
        prompt_ids, is_valid = self._handle_prompt_truncation(prompt, n=n)
        if not is_valid:
            return prompt_ids
        rows = self._rows(prompt_ids, n, **given)
        request = _Request(rows, asyncio.get_running_loop().create_future())
        await self._waiting.put(request)
        await request.done
        return [self._experience(row) for row in rows]

    async def chat(
        self, messages: list[dict], lora_request: Any = None, **kwargs: Any
    ) -> Sequence[Experience]:
        """Sample responses to a conversation. See `generate`."""
        prompt = self.apply_chat_template(self.tokenizer, messages)
        return await self.generate(prompt, lora_request, **kwargs)

    async def logprobs(
        self,
        token_ids: list[int],
        lora_request: Any = None,
        temperature: float | None = None,
    ) -> Tensor:
        """Compute the log-probabilities of given tokens.

        Args:
            token_ids: `[length]`.
            lora_request: Trinity passes None where LoRA is off.
            temperature: divides the logits; None takes the configuration's.

        Returns:
            `[length - 1]`, float32: one for each token but the first.
        """
        if temperature is None:
            temperature = self.config.temperature
        return await self._run(self._logprobs, list(token_ids), temperature or 1.0)

    @torch.inference_mode()
    def _logprobs(self, token_ids: list[int], temperature: float) -> Tensor:
        tokens = torch.tensor([token_ids])
        logits = self.model(tokens).logits[0, :-1].float() / temperature
        return logits.log_softmax(-1).gather(-1, tokens[0, 1:, None]).squeeze(-1)

    async def get_message_token_len(self, messages: list[dict]) -> int:
        """Count the tokens of a conversation as a prompt."""
        return len(self.tokenizer(self.apply_chat_template(self.tokenizer, messages)).input_ids)

    def _rows(self, prompt: list[int], n: int, seed: int | None = None, **given: Any) -> list[Row]:
        config = self.config
        given.pop("logprobs", None)
        wanted = {
            "temperature": config.temperature,
            "top_p": config.top_p,
            "top_k": config.top_k,
            "max_tokens": config.max_response_tokens,
            "min_tokens": config.min_response_tokens,
            "repetition_penalty": config.repetition_penalty,
            "ignore_eos": config.ignore_eos,
            **given,
        }
        if config.max_model_len is not None:
            room = config.max_model_len - len(prompt)
            if room < 1 or not prompt:
                raise ValueError(
                    f"the prompt has {len(prompt)} tokens: it needs at least 1, and room to "
                    f"answer within model.max_model_len {config.max_model_len}. Set "
                    "model.enable_prompt_truncation to mask out what is too long."
                )
            wanted["max_tokens"] = min(wanted.get("max_tokens") or room, room)
        params = SamplingParams(
            **{key: value for key, value in wanted.items() if value is not None}
        )
        if seed is None:
            seed = int(torch.randint(2**31, (1,), generator=self._seeds))
        return [Row(prompt, params, seed + i) for i in range(n)]

    def _experience(self, row: Row) -> Experience:
        return Experience(
            tokens=torch.tensor(row.prompt + row.response, dtype=torch.int32),
            logprobs=torch.tensor(row.logprobs, dtype=torch.float32),
            prompt_length=len(row.prompt),
            prompt_text=self.tokenizer.decode(row.prompt),
            response_text=self.tokenizer.decode(row.response, skip_special_tokens=True),
        )

    async def _serve(self) -> None:
        """Sample what waits, batch after batch, for as long as the actor lives."""
        while True:
            requests = [await self._waiting.get()]
            try:
                await asyncio.sleep(GATHER_SECONDS)
                while not self._waiting.empty():
                    requests.append(self._waiting.get_nowait())
                rows = [row for request in requests for row in request.rows]
                for start in range(0, len(rows), MAX_ROWS):
                    batch = rows[start : start + MAX_ROWS]
                    await self._run(sample, self.model, batch, self._eos_token_ids)
            except asyncio.CancelledError:
                for request in requests:
                    request.done.cancel()
                raise
            except Exception as error:
                self.logger.exception("Sampling failed.")
                outcome: Exception | None = error
            else:
                outcome = None
            for request in requests:
                request.finish(outcome)

    async def sync_model_weights(
        self, model_version: int, method: SyncMethod, timeout: float = 1200
    ) -> int:
        """Take over the trainer's weights.

        Args:
            model_version: the trainer's step.
            method: `CHECKPOINT` reads the trainer's checkpoint, `MEMORY` asks the synchronizer.
            timeout: seconds to wait for the synchronizer.

        Returns:
            `model_version`.

        Raises:
            ValueError: the method needs a GPU, or the weights do not fit the model.
        """
        if method == SyncMethod.CHECKPOINT:
            folder = os.path.join(
                str(self.config.checkpoint_job_dir), f"global_step_{model_version}", "actor"
            )
            weights = await self._run(load_state_dict, folder, self.config.trust_remote_code)
        elif method == SyncMethod.MEMORY:
            weights, _ = await asyncio.wait_for(
                self.synchronizer.get_model_state_dict.remote(), timeout
            )
        else:
            raise ValueError(
                f"synchronizer.sync_method: {method.value} needs a GPU. Set memory or checkpoint."
            )
        await self._run(load_weights, self.model, weights)
        self.model_version = model_version
        return model_version

    def get_model_version(self) -> int:
        """Tell the trainer's step that the weights are of."""
        return self.model_version

    async def shutdown(self) -> None:
        """Stop sampling; requests that wait are cancelled."""
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None
        while not self._waiting.empty():
            self._waiting.get_nowait().done.cancel()
        self._compute.shutdown(wait=False, cancel_futures=True)
