"""Drives verl's Megatron engine in spawned gloo ranks, without a GPU.

Real: verl's `MegatronEngineWithLMHead.forward_backward_batch` and `postprocess_micro_batch_func`,
the way it splits sequences for context parallelism and joins log-probabilities again, and from
Megatron the process groups, the schedules with and without a pipeline, the data-parallel wrapper
and the last steps of a gradient. Replaced: the model (`LocalStage`, one of transformers), because
Megatron's own needs a GPU; the distributed optimizer, because gloo has no reduce-scatter.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import torch
import torch.multiprocessing as mp
from torch.overrides import TorchFunctionMode

from tests.exactness.rows import make_rows
from tests.exactness.trainer import Case, Split

# Not in the environment itself, where verl would import it in every process of every run.
FOLDER = Path(sys.prefix) / "megatron"
LAYERS = 2


def has_megatron() -> bool:
    """Return whether Megatron is installed, in the environment or in its own folder."""
    return find_spec("megatron") is not None or FOLDER.is_dir()


@dataclass(frozen=True)
class Layout:
    """How the ranks work together; the rest is data parallelism.

    Attributes:
        pipeline: The number of stages.
        context: The number of parts of a row.
        per_token_loss: Megatron's `calculate_per_token_loss`, which this package refuses.
    """

    pipeline: int = 1
    context: int = 1
    per_token_loss: bool = False

    def __str__(self) -> str:
        refused = ", per-token loss" if self.per_token_loss else ""
        return f"pipeline {self.pipeline}, context {self.context}{refused}"


def run_megatron(
    model_path: str,
    work: str,
    world: int,
    layouts: list[Layout],
    cases: list[Case],
    splits: list[Split],
) -> dict:
    """Return {(layout, case name, split): {parameter name: gradient}} on ``world`` ranks."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    out = os.path.join(work, f"gradients_{world}.pt")
    mp.spawn(_rank, args=(world, port, model_path, layouts, cases, splits, out), nprocs=world)
    return torch.load(out, weights_only=False)


def _rank(rank, world, port, model_path, layouts, cases, splits, out):
    if find_spec("megatron") is None:
        sys.path.append(str(FOLDER))
    os.environ.update(
        RANK=str(rank), WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    from trinity_chord.cpu import activate

    activate()
    torch.distributed.init_process_group("gloo")
    gradients = {}
    with _without_cuda():
        for layout in layouts:
            step = _make_engine(model_path, layout)
            for case in cases:
                for split in splits:
                    gradients[str(layout), case.name, str(split)] = step(case, split)
    if rank == 0:
        torch.save(gradients, out)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def make_batch(case: Case):
    """Return the whole batch as Trinity passes it to verl's workers: a TensorDict, not padded."""
    from trinity.trainer.verl.monkey_patch import left_right_2_no_padding
    from trinity.trainer.verl.utils import to_data_proto

    rows = make_rows(case.on_policy_mode, case.expert_mode, case.order, kinds=case.kinds)
    proto = to_data_proto(rows, 0, object(), logging.getLogger())
    proto.batch["old_log_probs"] = proto.batch["rollout_log_probs"]
    return left_right_2_no_padding(proto.to_tensordict())


class _CpuForCuda(TorchFunctionMode):
    """Creates tensors on the CPU that are requested on "cuda"."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if str(kwargs.get("device", "")).startswith("cuda"):
            kwargs["device"] = "cpu"
        return func(*args, **kwargs)


@contextmanager
def _without_cuda():
    with (
        _CpuForCuda(),
        mock.patch.object(torch.cuda, "current_device", return_value="cpu"),
        mock.patch.object(torch.cuda, "synchronize"),
    ):
        yield


class LocalStage(torch.nn.Module):
    """A pipeline stage's layers of a tiny model of transformers, in float32.

    Each rank of a context-parallel group runs whole sequences and keeps its own part of the
    log-probabilities, so that its gradient is that part's.
    """

    def __init__(self, model_path, config, first, last):
        from megatron.core.enums import ModelType
        from transformers import AutoModelForCausalLM

        super().__init__()
        self.config, self.model_type = config, ModelType.encoder_or_decoder
        self.pre_process, self.post_process = first, last
        self.share_embeddings_and_output_weights = False
        self.hf = AutoModelForCausalLM.from_pretrained(
            model_path, dtype=torch.float32, attn_implementation="sdpa"
        )
        layers = self.hf.model.layers
        assert len(layers) == LAYERS
        size = config.pipeline_model_parallel_size
        rank = 0 if first else 1
        self.mine = range(LAYERS) if size == 1 else range(rank, rank + 1)
        for i in set(range(LAYERS)) - set(self.mine):
            layers[i] = torch.nn.Identity()
        if not first:
            self.hf.model.embed_tokens = torch.nn.Identity()
        if not last:
            self.hf.model.norm, self.hf.lm_head = torch.nn.Identity(), torch.nn.Identity()

    def set_input_tensor(self, tensors):
        """Take the hidden states of the previous stage; Megatron's schedule calls it."""
        self.before = tensors[0] if isinstance(tensors, list) else tensors

    def forward(self, sequences):
        """Return hidden states [N, T, H]; in the last stage, each row's log-probabilities [T_i]."""
        tokens = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        hidden = self.hf.model.embed_tokens(tokens) if self.pre_process else self.before
        rope = self.hf.model.rotary_emb(hidden, torch.arange(tokens.shape[1])[None])
        for i in self.mine:
            hidden = self.hf.model.layers[i](hidden, position_embeddings=rope)
        if not self.post_process:
            return hidden
        logits = self.hf.lm_head(self.hf.model.norm(hidden)).log_softmax(-1)
        return [
            logits[i, : len(row)].gather(1, row.roll(-1)[:, None])[:, 0]
            for i, row in enumerate(sequences)
        ]


def _make_engine(model_path, layout):
    """Return a function of a case and a split that returns the gradient of a step."""
    from megatron.core import parallel_state as mpu
    from megatron.core.distributed import (
        DistributedDataParallel,
        DistributedDataParallelConfig,
        finalize_model_grads,
    )
    from megatron.core.transformer import TransformerConfig
    from trinity.trainer.verl.losses import build_trinity_loss
    from verl.models.mcore.util import postprocess_thd_engine, preprocess_thd_engine
    from verl.utils import tensordict_utils as tu
    from verl.workers.config import McoreEngineConfig
    from verl.workers.engine.megatron.transformer_impl import MegatronEngineWithLMHead

    class LocalModelEngine(MegatronEngineWithLMHead):
        """verl's engine around `LocalStage`."""

        def __init__(self):
            self.engine_config = McoreEngineConfig(
                pipeline_model_parallel_size=layout.pipeline, context_parallel_size=layout.context
            )
            self.model_config = SimpleNamespace(mtp=SimpleNamespace(enable=False))
            mpu.destroy_model_parallel()
            self._init_device_mesh()
            self.tf_config = TransformerConfig(
                num_layers=LAYERS,
                hidden_size=64,
                num_attention_heads=4,
                pipeline_model_parallel_size=layout.pipeline,
                context_parallel_size=layout.context,
                pipeline_dtype=torch.float32,
                variable_seq_lengths=True,
                moe_token_dispatcher_type="alltoall",
                finalize_model_grads_func=finalize_model_grads,
                calculate_per_token_loss=layout.per_token_loss,
            )
            stage = LocalStage(
                model_path,
                self.tf_config,
                mpu.is_pipeline_first_stage(),
                mpu.is_pipeline_last_stage(),
            )
            # As verl creates it, except for the distributed optimizer.
            ddp_config = DistributedDataParallelConfig(
                grad_reduce_in_fp32=True, overlap_grad_reduce=False
            )
            self.module = [DistributedDataParallel(self.tf_config, ddp_config, stage)]

        def forward_step(
            self, batch_iter, model, logits_processor_func, postprocess_micro_batch_func
        ):
            batch = next(batch_iter)
            sequences = batch["input_ids"]
            output = model(list(sequences.unbind()))
            if mpu.is_pipeline_last_stage():
                whole = torch.nested.as_nested_tensor(output, layout=torch.jagged)
                # This rank's part of each row, then the rows with all ranks' parts.
                part, packed, _ = preprocess_thd_engine(whole)
                output = {
                    "log_probs": postprocess_thd_engine(part, packed, sequences, len(sequences))
                }
            return output, partial(postprocess_micro_batch_func, data=batch)

    engine = LocalModelEngine()

    def step(case, split):
        size, rank = engine.get_data_parallel_size(), engine.get_data_parallel_rank()
        part = tu.chunk_tensordict(make_batch(case), size)[rank]
        tu.assign_non_tensor(part, use_dynamic_bsz=split.tokens is not None, temperature=1.0)
        if split.tokens:
            tu.assign_non_tensor(part, max_token_len_per_gpu=split.tokens)
        else:
            tu.assign_non_tensor(part, micro_batch_size_per_gpu=min(split.rows, len(part)))
        [module] = engine.module
        module.zero_grad_buffer()
        engine.forward_backward_batch(part, build_trinity_loss(case.algorithm()))
        mine = {
            name.removeprefix("module.hf."): parameter.main_grad.clone()
            for name, parameter in module.named_parameters()
        }
        stages = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(stages, mine)
        return {name: grad for stage in stages for name, grad in stage.items()}

    return step
