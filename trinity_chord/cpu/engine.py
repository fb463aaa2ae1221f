"""A rollout engine for Trinity that runs `transformers` on a machine without a GPU."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
import torch
from torch import Tensor
from transformers import AutoTokenizer, GenerationConfig
from trinity.common.config import InferenceModelConfig
from trinity.common.constants import SyncMethod
from trinity.common.experience import Experience
from trinity.common.models.mm_utils import should_use_processor
from trinity.common.models.model import BaseInferenceModel
from trinity.manager.synchronizer import Synchronizer

from trinity_chord.cpu.adapter import load_checkpoint, with_adapter
from trinity_chord.cpu.image_prompts import (
    ImagePrompts,
    Prompt,
    has_images,
    model_class,
    with_response,
)
from trinity_chord.cpu.machine import ENGINE_TYPE
from trinity_chord.cpu.weights import load_weights
from trinity_chord.errors import ChordConfigError, ChordError, Problems
from trinity_chord.sampling.eos import eos_token_ids
from trinity_chord.sampling.generate import Row, SamplingParams, sample

T = TypeVar("T")

MAX_ROWS = 64  # Most rows in one `generate` call of transformers.
GATHER_SECONDS = 0.005  # Requests that arrive within this time of the first share its batch.
UNSUPPORTED = ("enable_openai_api", "enable_return_routed_experts")
SAMPLING_KEYS = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "min_tokens", "repetition_penalty"}
    | {"ignore_eos", "n", "seed", "logprobs"}
)


@dataclass
class _Request:
    rows: list[Row]
    done: asyncio.Future[None]

    def finish(self, error: Exception | None) -> None:
        """Wake up the caller, unless it has stopped waiting."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class TransformersRolloutModel(BaseInferenceModel):
    """Samples rollouts with the `generate` of `transformers`, all waiting requests in one batch.

    Sampling and loading weights share one separate thread: the actor stays responsive, and new
    weights never arrive in the middle of a sample.

    Args:
        config: The configuration that Trinity's explorer passes to an engine.
    """

    _prepared: bool  # Set by the base class.

    def __init__(self, config: InferenceModelConfig) -> None:
        super().__init__(config)
        self.model_version = 0
        self.model: Any = None
        self.synchronizer: Any = None
        self._image_prompts: ImagePrompts | None = None
        # Each engine has its own stream of seeds; a request takes the next one.
        self._seeds = torch.Generator().manual_seed(config.seed + config.engine_id)
        self._eos_token_ids: list[int] = []
        self._waiting: asyncio.Queue[_Request] = asyncio.Queue()
        self._compute = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
        self._serving: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Load the model and its tokenizer, once.

        Raises:
            ChordConfigError: The configuration enables a feature that this engine does not have.
        """
        if self._prepared:
            return
        problems = Problems()
        for key in UNSUPPORTED:
            if getattr(self.config, key):
                problems.add(f"explorer.rollout_model.{key}", True, "false")
        problems.raise_if_any(f"Not supported by engine_type {ENGINE_TYPE!r}")
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
        if should_use_processor(self.config.model_path):
            self._image_prompts = ImagePrompts(
                self.config.model_path, self.config.trust_remote_code
            )

    def _load_model(self) -> None:
        trust = self.config.trust_remote_code
        model: Any = model_class(self.config.model_path, trust).from_pretrained(
            self.config.model_path,
            dtype=getattr(torch, self.config.dtype),
            attn_implementation="sdpa",
            trust_remote_code=trust,
        )
        self.model = model.eval()
        if self.config.enable_lora:
            self.model = with_adapter(model, self.config.lora_modules[0]["lora_path"])
        self._eos_token_ids = eos_token_ids(self.tokenizer, self.model.generation_config)
        # Drop the model's own defaults, such as a temperature: the caller sets them all.
        model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]  # unannotated in transformers

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._compute, work, *args)

    async def generate(
        self, prompt: str, lora_request: Any = None, **kwargs: Any
    ) -> Sequence[Experience]:
        """Sample `n` responses to a prompt.

        Args:
            prompt: The text, including special tokens.
            lora_request: Unused; see `get_lora_request`.
            **kwargs: `n`, `seed`, `temperature`, `top_p`, `top_k`, `max_tokens`, `min_tokens`,
                `repetition_penalty`, `ignore_eos`; the configuration supplies what is missing or
                None. `logprobs` is accepted and ignored: the sampled tokens' are always returned.

        Returns:
            One experience per response; for its `logprobs` see `trinity_chord.sampling.generate`.

        Raises:
            ChordError: A sampling parameter is unknown, or the prompt leaves no room to answer.
            ValueError: A sampling parameter is out of range.
        """
        # The token ids if valid, else one masked-out experience per response.
        prompt_ids, is_valid = self._handle_prompt_truncation(prompt, n=kwargs.get("n") or 1)
        if not is_valid:
            masked: Sequence[Experience] = prompt_ids
            return masked
        return await self._sample(Prompt(prompt_ids), **kwargs)

    async def _sample(self, prompt: Prompt, **kwargs: Any) -> Sequence[Experience]:
        given = {key: value for key, value in kwargs.items() if value is not None}
        if unknown := sorted(given.keys() - SAMPLING_KEYS):
            raise ChordError(
                f"sampling parameters of engine_type {ENGINE_TYPE!r}: got {unknown}, expected some "
                f"of {sorted(SAMPLING_KEYS)}"
            )
        n = given.pop("n", 1)
        rows = self._rows(prompt, n, **given)
        request = _Request(rows, asyncio.get_running_loop().create_future())
        await self._waiting.put(request)
        await request.done
        return [self._experience(row) for row in rows]

    async def chat(
        self, messages: list[dict[str, Any]], lora_request: Any = None, **kwargs: Any
    ) -> Sequence[Experience]:
        """Sample responses to a conversation, which may have images. See `generate`."""

        def render(messages: list[dict[str, Any]]) -> str:
            text: str = self.apply_chat_template(self.tokenizer, messages)
            return text

        if not has_images(messages):
            return await self.generate(render(messages), lora_request, **kwargs)
        if self._image_prompts is None:
            raise ChordError(
                f"images in a prompt: got some, expected none, because {self.config.model_path!r} "
                "has no image processor"
            )
        prompt = await self._run(self._image_prompts.prompt, messages, render)
        return await self._sample(prompt, **kwargs)

    async def logprobs(
        self,
        token_ids: list[int],
        lora_request: Any = None,
        temperature: float | None = None,
    ) -> Tensor:
        """Return the log-probabilities of given tokens.

        Args:
            token_ids: The token ids, `length` of them.
            lora_request: Unused; see `get_lora_request`.
            temperature: Divides the logits; the configuration's if None.

        Returns:
            `[length - 1]`, float32, in nats: one for each token but the first.
        """
        if temperature is None:
            temperature = self.config.temperature
        return await self._run(self._logprobs, list(token_ids), temperature or 1.0)

    @torch.inference_mode()
    def _logprobs(self, token_ids: list[int], temperature: float) -> Tensor:
        tokens = torch.tensor([token_ids])
        logits = self.model(tokens).logits[0, :-1].float() / temperature
        chosen: Tensor = logits.log_softmax(-1).gather(-1, tokens[0, 1:, None])
        return chosen.squeeze(-1)

    async def get_message_token_len(self, messages: list[dict[str, Any]]) -> int:
        """Return the number of tokens of a conversation as a prompt."""
        return len(self.tokenizer(self.apply_chat_template(self.tokenizer, messages)).input_ids)

    def _rows(self, prompt: Prompt, n: int, seed: int | None = None, **given: Any) -> list[Row]:
        config, length = self.config, len(prompt.tokens)
        given.pop("logprobs", None)
        settings = {
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
            room = config.max_model_len - length
            if room < 1 or not length:
                raise ChordError(
                    f"prompt: got {length} tokens, expected at least 1 and fewer than "
                    f"`model.max_model_len`, {config.max_model_len}; set "
                    "`model.enable_prompt_truncation` to mask out prompts that are too long"
                )
            settings["max_tokens"] = min(settings.get("max_tokens") or room, room)
        params = SamplingParams(
            **{key: value for key, value in settings.items() if value is not None}
        )
        if seed is None:
            seed = int(torch.randint(2**31, (1,), generator=self._seeds))
        return [Row(prompt.tokens, params, seed + i, prompt.images) for i in range(n)]

    def _experience(self, row: Row) -> Experience:
        return Experience(
            tokens=torch.tensor(row.prompt + row.response, dtype=torch.int32),
            logprobs=torch.tensor(row.logprobs, dtype=torch.float32),
            prompt_length=len(row.prompt),
            prompt_text=self.tokenizer.decode(row.prompt),
            response_text=self.tokenizer.decode(row.response, skip_special_tokens=True),
            multi_modal_inputs=with_response(dict(row.images), len(row.response)),
        )

    async def _serve(self) -> None:
        """Sample the waiting requests, batch after batch, until the actor shuts down."""
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
        """Load the trainer's weights.

        Args:
            model_version: The trainer's step.
            method: `CHECKPOINT` reads the trainer's checkpoint, `MEMORY` asks the synchronizer.
            timeout: Seconds to wait for the synchronizer.

        Returns:
            ``model_version``.

        Raises:
            ChordConfigError: The method needs a GPU, or the weights do not fit the model.
        """
        if method == SyncMethod.CHECKPOINT:
            folder = os.path.join(
                str(self.config.checkpoint_job_dir), f"global_step_{model_version}", "actor"
            )
            trust = self.config.trust_remote_code
            await self._run(load_checkpoint, self.model, folder, trust)
        elif method == SyncMethod.MEMORY:
            weights, _ = await asyncio.wait_for(
                self.synchronizer.get_model_state_dict.remote(), timeout
            )
            await self._run(load_weights, self.model, weights)
        else:
            raise ChordConfigError(
                f"`synchronizer.sync_method`: got {method.value!r}, expected 'memory' or "
                "'checkpoint': the others need a GPU"
            )
        self.model_version = model_version
        return model_version

    def get_lora_request(self) -> None:
        """Return what Trinity passes on as `lora_request`: nothing, there is one adapter."""

    def get_model_version(self) -> int:
        """Return the trainer's step that the weights come from."""
        return self.model_version

    async def shutdown(self) -> None:
        """Stop sampling and cancel the waiting requests."""
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None
        while not self._waiting.empty():
            self._waiting.get_nowait().done.cancel()
        self._compute.shutdown(wait=False, cancel_futures=True)
