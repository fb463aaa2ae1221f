"""Drives verl's FSDP2 engine as Trinity's trainer does, in spawned gloo ranks without Ray."""

import logging
import os
import socket
from dataclasses import dataclass, field

import torch
import torch.multiprocessing as mp

from tests.exactness.reference import made_up
from tests.exactness.rows import ROWS, make_rows


@dataclass(frozen=True)
class Cut:
    """How a train batch is cut on each rank: a fixed number of rows, or a number of tokens."""

    rows: int | None = None
    tokens: int | None = None

    def __str__(self) -> str:
        return f"dynamic {self.tokens}" if self.tokens else f"fixed {self.rows}"


@dataclass
class Case:
    """A loss and the cuts to run it under."""

    name: str
    policy_loss_fn: str
    policy_loss_fn_args: dict
    on_policy_mode: str = "token-mean"
    expert_mode: str = "token-mean"
    order: str = "mixed"
    kinds: str = "both"
    entropy_loss_fn: str = "none"
    entropy_loss_fn_args: dict = field(default_factory=lambda: {"entropy_coef": 0.0})
    extra_fields: dict = field(default_factory=dict)


@dataclass
class Outcome:
    """What one optimiser step gave: gradient by parameter name, metrics, micro-batch kinds."""

    gradient: dict
    metrics: dict
    kinds: list  # (expert rows, on-policy rows) of each micro-batch of rank 0


def run_engine(model_path: str, work: str, world: int, jobs: list[tuple[Case, Cut]]) -> dict:
    """Runs each case under its cut on `world` ranks; returns {(case name, cut): Outcome}."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    out = os.path.join(work, f"outcomes_{world}.pt")
    mp.spawn(_rank, args=(world, port, model_path, work, jobs, out), nprocs=world)
    return torch.load(out, weights_only=False)


def _rank(rank, world, port, model_path, work, jobs, out):
    os.environ.update(
        RANK=str(rank),
        WORLD_SIZE=str(world),
        LOCAL_RANK="0",
        LOCAL_WORLD_SIZE="1",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        WG_BACKEND="ray",
    )
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    from trinity_chord.cpu import activate

    activate()
    engine = _Engine(model_path, work, world, rank)
    outcomes = {(case.name, str(cut)): engine.step(case, cut) for case, cut in jobs}
    if rank == 0:
        torch.save(outcomes, out)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def make_batch(case: Case):
    """The whole batch as Trinity hands it to verl's workers: a TensorDict without padding."""
    from trinity.trainer.verl.monkey_patch import left_right_2_no_padding
    from trinity.trainer.verl.utils import to_data_proto

    rows = make_rows(case.on_policy_mode, case.expert_mode, case.order, kinds=case.kinds)
    proto = to_data_proto(rows, 0, object(), logging.getLogger())
    proto.batch["old_log_probs"] = proto.batch["rollout_log_probs"].clone()
    _bring(proto.batch, rows)
    for name, value in case.extra_fields.items():
        proto.batch[name] = torch.full((len(rows),), value)
    return left_right_2_no_padding(proto.to_tensordict())


def _bring(batch, rows):
    """Adds what a trainer would compute for a weight that needs it, in every row."""
    shape = batch["responses"].shape
    batch["ref_log_prob"], batch["entropys"] = torch.zeros(shape), torch.zeros(shape)
    for i, row in enumerate(rows):
        brought, width = made_up(row), len(row.tokens) - row.prompt_length
        batch["ref_log_prob"][i, :width] = brought["ref_logprob"]
        batch["entropys"][i, :width] = brought["entropy"]
        if row.info["is_expert"]:
            batch["old_log_probs"][i, :width] = brought["expert_old_logprob"]


def make_loss(case: Case):
    """Trinity's loss for verl's workers."""
    from trinity.common.config import AlgorithmConfig
    from trinity.trainer.verl.losses import build_trinity_loss

    return build_trinity_loss(
        AlgorithmConfig(
            policy_loss_fn=case.policy_loss_fn,
            policy_loss_fn_args=case.policy_loss_fn_args,
            entropy_loss_fn=case.entropy_loss_fn,
            entropy_loss_fn_args=case.entropy_loss_fn_args,
            kl_loss_fn="none",
            kl_loss_fn_args={},
            loss_agg_mode=case.on_policy_mode,
        )
    )


class _Engine:
    """verl's actor worker with its optimiser step replaced by a look at the gradient."""

    def __init__(self, model_path, work, world, rank):
        from trinity.common.config import Config

        from trinity_chord.cpu import adapt

        self.world, self.rank = world, rank
        config = Config(checkpoint_root_dir=os.path.join(work, f"rank{rank}"))
        config.model.model_path = model_path
        config.model.max_model_len = 64
        config.algorithm.algorithm_type = "trinity_chord.CHORDAlgorithm"
        config.algorithm.kl_loss_fn = "none"
        config.buffer.train_batch_size = ROWS
        config.trainer.max_token_len_per_gpu = 128
        config.explorer.rollout_model.engine_type = "transformers"
        adapt(config)
        self.config = config
        self.worker = self._build_worker()
        self.engine = self.worker.actor.engine
        self.gradient = None
        self.engine.optimizer_step = self._keep_gradient
        self.engine.lr_scheduler_step = lambda: 0.0

    def _build_worker(self):
        from trinity.trainer.verl.config import build_verl_config
        from trinity.trainer.verl.workers import TrinityActorRolloutRefWorker

        worker = TrinityActorRolloutRefWorker(config=build_verl_config(self.config), role="actor")
        worker.init_model()
        return worker

    def _keep_gradient(self):
        self.gradient = {
            name: (p.grad.full_tensor() if hasattr(p.grad, "full_tensor") else p.grad).clone()
            for name, p in self.engine.module.named_parameters()
        }
        return 1.0

    def step(self, case: Case, cut: Cut) -> Outcome:
        from verl.utils import tensordict_utils as tu
        from verl.utils.metric import reduce_metrics
        from verl.utils.py_functional import rename_dict

        data = make_batch(case)
        size = data.batch_size[0]
        part = tu.chunk_tensordict(data, self.world)[self.rank]
        tu.assign_non_tensor(
            part,
            calculate_entropy=case.entropy_loss_fn != "none",
            global_batch_size=size,
            mini_batch_size=size,
            epochs=1,
            seed=42,
            dataloader_kwargs={"shuffle": False},
            temperature=1.0,
            compute_loss=True,
            use_dynamic_bsz=cut.tokens is not None,
        )
        if cut.tokens:
            tu.assign_non_tensor(part, max_token_len_per_gpu=cut.tokens)
        else:
            rows = min(cut.rows, size // self.world)
            tu.assign_non_tensor(part, micro_batch_size_per_gpu=rows)
        kinds = []
        self.worker.actor.set_loss_fn(self._counting(make_loss(case), kinds))
        output = self.worker.actor.train_mini_batch(part)
        metrics = reduce_metrics(rename_dict(tu.get(output, "metrics"), "actor/"))
        return Outcome(self.gradient, {k: float(v) for k, v in metrics.items()}, kinds)

    @staticmethod
    def _counting(loss, kinds):
        def counted(model_output, data, dp_group=None):
            experts = int(data["expert_mask"].sum())
            kinds.append((experts, data.batch_size[0] - experts))
            return loss(model_output, data, dp_group)

        return counted
