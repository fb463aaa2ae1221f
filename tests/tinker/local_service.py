"""Tinker's service replaced by a tiny model in this process.

All else is real: Trinity's trainer, its conversion of rows, the `tinker` package's types, its
training client with the chunks it sends, and its way from a custom loss to weights of a
cross-entropy. Only what would go over the network is answered here.
"""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest
import torch
from transformers import AutoModelForCausalLM

pytest.importorskip(
    "tinker", reason="wants the `tinker` package: pip install 'trinity-chord[tinker]'"
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

ROWS_A_REQUEST = 5  # so that a batch takes several requests
STATE_PATH = "tinker://local/weights/state"


class _NoConnection:
    """Stands in for the connection to the service: what would use it is not there."""

    _client_config = ClientConfigResponse(fwdbwd_max_chunk_len=ROWS_A_REQUEST)

    def get_telemetry(self):
        return None

    def run_coroutine_threadsafe(self, coroutine):
        return _run(coroutine)


class LocalForwardBackward(TrainingClient):
    """The real training client, its forward and backward requests answered by a local model.

    The model is in float64 and what goes to and fro in float32, as over the network.

    Attributes:
        gradient: Of the last optimiser step, by parameter name.
        requests: Rows of each request, in the order in which they came.
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
    """The reference model of tests/exactness/reference.py, as Tinker's sampling client tells it.

    Attributes:
        asked: How often.
    """

    def __init__(self):
        self.asked = 0

    async def compute_logprobs_async(self, prompt):
        self.asked += 1
        tokens = torch.tensor(prompt.to_ints(), dtype=torch.float64)
        return [None, *(-4.0 - 0.01 * tokens[1:]).tolist()]


class LocalService:
    """Stands in for `tinker.ServiceClient`: one model, one training client.

    Args:
        model_path: The folder of the model.
    """

    def __init__(self, model_path):
        self.model_path = model_path
        self.training = LocalForwardBackward(model_path)
        self.reference = LocalReferenceModel()

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
    """Makes a local service that of Trinity's trainer, and of its check of a configuration."""
    monkeypatch.setattr(tinker, "ServiceClient", lambda **kwargs: service)


def make_trainer(config):
    """Trinity's trainer, prepared; without Ray, where its synchronizer would live."""
    from trinity.trainer.tinker.tinker_trainer import Synchronizer, TinkerTrainerWrapper

    with mock.patch.object(Synchronizer, "get_actor", return_value=None):
        trainer = TinkerTrainerWrapper(config)
    asyncio.run(trainer.prepare())
    return trainer


def _run(coroutine):
    """In the loop in which the client runs custom losses: one at a time, turns in order."""
    return AwaitableConcurrentFuture(
        asyncio.run_coroutine_threadsafe(coroutine, _get_custom_loss_loop())
    )
