"""Tinker's service, replaced by a tiny model in this process.

All else is real: Trinity's trainer, its conversion of rows, the `tinker` package's types, its
training client with the chunks it sends, and its conversion of a custom loss to weights of a
cross-entropy. Only requests that would go over the network are answered here.
"""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest
import torch
from transformers import AutoModelForCausalLM

pytest.importorskip(
    "tinker", reason="needs the `tinker` package: pip install 'trinity-chord[tinker]'"
)

import tinker
from tinker import types
from tinker.lib.chunked_fwdbwd_helpers import combine_fwd_bwd_output_results
from tinker.lib.public_interfaces.api_future import AwaitableConcurrentFuture
from tinker.lib.public_interfaces.training_client import TrainingClient, _get_custom_loss_loop
from tinker.types.client_config_response import ClientConfigResponse
from tinker.types.get_server_capabilities_response import (
    GetServerCapabilitiesResponse,
    SupportedModel,
)

ROWS_PER_REQUEST = 5  # so that a batch takes several requests
STATE_PATH = "tinker://local/weights/state"


class _NoConnection:
    """A stand-in for the connection to the service, which nothing uses."""

    _client_config = ClientConfigResponse(fwdbwd_max_chunk_len=ROWS_PER_REQUEST)

    def get_telemetry(self):
        return None

    def run_coroutine_threadsafe(self, coroutine):
        return _run(coroutine)


class LocalForwardBackward(TrainingClient):
    """The real training client, whose forward and backward requests a local model answers.

    The model is in float64; requests and answers are in float32, as over the network.

    Attributes:
        gradient: The gradient of the last optimizer step, by parameter name.
        requests: The number of rows of each request, in order of arrival.
    """

    def __init__(self, model_path):
        info = types.GetInfoResponse(model_data=types.ModelData(), model_id="local")
        super().__init__(_NoConnection(), 0, "local", info=info)
        self.model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float64)
        self.gradient = None
        self.requests = []

    def _run_fwd_bwd(self, requests, loss_fn, loss_fn_config, *, forward_only):
        assert (loss_fn, loss_fn_config) == ("cross_entropy", None), "not what a custom loss sends"

        async def answer():
            answers = []
            for request in requests:
                async with self._take_turn(request.request_id):
                    self.requests.append(len(request.data))
                    answers.append(self._answer(request.data, forward_only))
            return combine_fwd_bwd_output_results(answers)

        return _run(answer())

    def _answer(self, data, forward_only):
        loss, outputs = 0.0, []
        for datum in data:
            logprobs = self._logprobs(datum)
            row_loss = -(datum.loss_fn_inputs["weights"].to_torch().double() * logprobs).sum()
            if not forward_only:
                row_loss.backward()
            loss += row_loss.item()
            outputs.append({"logprobs": types.TensorData.from_torch(logprobs.detach().float())})
        return types.ForwardBackwardOutput("ArrayRecord", outputs, {"loss:sum": loss})

    def _logprobs(self, datum):
        tokens = torch.tensor(datum.model_input.to_ints())
        targets = datum.loss_fn_inputs["target_tokens"].to_torch()
        logits = self.model(tokens[None]).logits[0].log_softmax(-1)
        return logits.gather(1, targets[:, None])[:, 0]

    def optim_step(self, optim_params=None, *, adam_params=None):
        assert isinstance(optim_params, types.AdamParams)
        request_id = self._get_request_id()

        async def keep_gradient():
            async with self._take_turn(request_id):
                self.gradient = {name: p.grad.clone() for name, p in self.model.named_parameters()}
                self.model.zero_grad()
            return types.OptimStepResponse()

        return _run(keep_gradient())


class LocalReferenceModel:
    """The reference model, as Tinker's sampling client presents it.

    Attributes:
        requests: The number of requests.
    """

    def __init__(self, path):
        self.requests = 0
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float64)

    @torch.no_grad()
    async def compute_logprobs_async(self, prompt):
        self.requests += 1
        tokens = torch.tensor(prompt.to_ints())
        logprobs = self.model(tokens[None, :-1]).logits[0].log_softmax(-1)
        return [None, *logprobs.gather(1, tokens[1:, None])[:, 0].tolist()]


class LocalService:
    """A stand-in for `tinker.ServiceClient` with one model and one training client.

    Args:
        model_path: The folder of the model.
        reference_path: The folder of the reference model.
    """

    def __init__(self, model_path, reference_path):
        self.model_path = model_path
        self.training = LocalForwardBackward(model_path)
        self.reference = LocalReferenceModel(reference_path)

    def get_server_capabilities(self):
        models = [SupportedModel(model_name=self.model_path)]
        return GetServerCapabilitiesResponse(supported_models=models)

    def create_rest_client(self):
        return None  # only deletes weights, which are not tested here

    async def create_lora_training_client_async(self, base_model, **lora):
        assert base_model == self.model_path
        return self.training

    async def create_training_client_from_state_with_optimizer_async(self, path):
        assert path == STATE_PATH
        return self.training

    async def create_sampling_client_async(self, base_model):
        assert base_model == self.model_path
        return self.reference


def use(service, monkeypatch):
    """Let Trinity's trainer, and its check of a configuration, use a local service."""
    monkeypatch.setattr(tinker, "ServiceClient", lambda **kwargs: service)


def make_trainer(config):
    """Return Trinity's trainer, prepared, without the synchronizer, which would need Ray."""
    from trinity.trainer.tinker.tinker_trainer import Synchronizer, TinkerTrainerWrapper

    with mock.patch.object(Synchronizer, "get_actor", return_value=None):
        trainer = TinkerTrainerWrapper(config)
    asyncio.run(trainer.prepare())
    return trainer


def _run(coroutine):
    """Run a coroutine in the loop of the client's custom losses, one at a time and in order."""
    return AwaitableConcurrentFuture(
        asyncio.run_coroutine_threadsafe(coroutine, _get_custom_loss_loop())
    )
