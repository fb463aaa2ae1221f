"""Drives Trinity's `VERLTrainer` in spawned gloo ranks, without Ray.

Real: the trainer's `train_step` with its conversion of rows, its split over ranks, its passes for
the reference policy and for old log-probabilities, verl's workers and FSDP2 engine, the losses and
the optimizer step. Each rank runs the trainer and its own worker, where Ray would run one trainer
and send the workers their parts (`GlooWorkerGroup`).

The optimizer is SGD with a learning rate of 2^20, so the gradient of a step is the difference of
the parameters before and after it: nothing that is tested is wrapped or replaced.
"""

import asyncio
import gc
import logging
import os
import pickle
import socket
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from unittest import mock

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.exactness.rows import ROWS, make_rows

LEARNING_RATE = 2.0**20


@dataclass(frozen=True)
class Split:
    """How each rank splits its rows into micro-batches: by a number of rows, or of tokens."""

    rows: int | None = None
    tokens: int | None = None

    def __str__(self) -> str:
        return f"dynamic {self.tokens}" if self.tokens else f"fixed {self.rows}"


WHOLE = Split(rows=ROWS)


@dataclass
class Case:
    """A loss, the rows to compute it on, and what of Trinity's algorithm it needs.

    Attributes:
        name: Identifies the case.
        policy_loss_fn: Trinity's name of the loss.
        policy_loss_fn_args: Arguments of the loss.
        on_policy_mode: Aggregation mode of the on-policy rows.
        expert_mode: Aggregation mode of the expert rows.
        order: See `make_rows`.
        kinds: See `make_rows`.
        reference: Whether the trainer has a reference policy.
        recompute: Whether the trainer computes old log-probabilities and entropies itself.
        balance: Whether the trainer reorders the rows, so that ranks get as many tokens each.
        entropy_loss_fn: Trinity's name of the entropy loss.
        entropy_coef: Argument of the entropy loss.
        row_fields: Whole numbers that each row carries for the loss, by name.
        temperature: `model.temperature`.
        rows: Stamped rows to train on, instead of those of `make_rows`.
    """

    name: str
    policy_loss_fn: str
    policy_loss_fn_args: dict
    on_policy_mode: str = "token-mean"
    expert_mode: str = "token-mean"
    order: str = "mixed"
    kinds: str = "both"
    reference: bool = False
    recompute: bool = False
    balance: bool = False
    entropy_loss_fn: str = "none"
    entropy_coef: float = 0.0
    row_fields: dict = field(default_factory=dict)
    temperature: float = 1.0
    rows: list | None = None

    def algorithm(self):
        """Return Trinity's configuration of the algorithm."""
        from trinity.common.config import AlgorithmConfig

        from trinity_chord.plugin import names

        return AlgorithmConfig(
            algorithm_type=names.ALGORITHM_WITH_REFERENCE if self.reference else names.ALGORITHM,
            policy_loss_fn=self.policy_loss_fn,
            policy_loss_fn_args=self.policy_loss_fn_args,
            entropy_loss_fn=self.entropy_loss_fn,
            entropy_loss_fn_args={"entropy_coef": self.entropy_coef},
            kl_loss_fn="none",
            kl_loss_fn_args={},
            loss_agg_mode=self.on_policy_mode,
            bypass_old_logprobs=not self.recompute,
        )


@dataclass
class Outcome:
    """What a train step did.

    Attributes:
        gradient: By parameter name, float64.
        metrics: What the trainer returns.
        kinds: The numbers of expert and of on-policy rows of each micro-batch of rank 0.
        seconds: How long the train step took.
    """

    gradient: dict
    metrics: dict
    kinds: list = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """A train step: a case under a split, in float32 or float64."""

    case: Case
    split: Split
    dtype: str = "fp32"

    @property
    def key(self):
        """What identifies its outcome."""
        return (self.case.name, str(self.split), self.dtype)


def run_trainer(policy, work: str, world: int, jobs: list[Job]) -> dict:
    """Run each job on ``world`` ranks and return {job's key: Outcome}.

    Args:
        policy: The weights to train and the log-probabilities of the rollouts, see `policy.py`.
        work: A folder to write to.
        world: The number of ranks.
        jobs: The train steps.
    """
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    out = os.path.join(work, f"outcomes_{world}.pt")
    mp.spawn(_rank, args=(world, port, policy, work, jobs, out), nprocs=world)
    return torch.load(out, weights_only=False)


def _rank(rank, world, port, policy, work, jobs, out):
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
    outcomes = {}
    for dtype in ("fp32", "fp64"):
        steps = [job for job in jobs if job.dtype == dtype]
        with _float64() if dtype == "fp64" else nullcontext():
            run = _Run(policy, work, world, dtype) if steps else None
            gc.freeze()  # verl collects garbage before and after each step: now of the step alone
            outcomes.update({job.key: run.step(job) for job in steps})
    if rank == 0:
        torch.save(outcomes, out)
    dist.barrier()
    dist.destroy_process_group()


def _float64():
    """Let verl know float64 by a name; its engine then runs in it."""
    from verl.utils.torch_dtypes import PrecisionType

    known = PrecisionType.to_dtype
    return mock.patch.object(
        PrecisionType, "to_dtype", lambda name: torch.float64 if name == "fp64" else known(name)
    )


def trainer_config(policy, work, world, dtype):
    """Return Trinity's configuration of the trainer, adapted to a machine without a GPU."""
    from trinity.common.config import Config

    from trinity_chord.cpu import adapt

    config = Config(checkpoint_root_dir=work)
    config.model.model_path = policy.reference_path
    config.model.max_model_len = 64
    config.algorithm.algorithm_type = "trinity_chord.CHORDWithReferenceAlgorithm"
    config.algorithm.kl_loss_fn = "none"
    config.algorithm.optimizer.optimizer_type = "sgd"
    config.algorithm.optimizer.lr = LEARNING_RATE
    config.algorithm.optimizer.weight_decay = 0.0
    config.algorithm.optimizer.clip_grad = 1e9
    config.buffer.train_batch_size = ROWS
    config.model.lora_configs = policy.lora_configs
    config.cluster.trainer_node_num, config.cluster.trainer_gpu_num_per_node = 1, world
    config.continue_from_checkpoint = False
    config.trainer.max_token_len_per_gpu = 128
    config.explorer.rollout_model.engine_type = "transformers"
    adapt(config)
    for role in ("actor", "ref"):
        settings = config.trainer.trainer_config[role]["fsdp_config"]
        settings["model_dtype"] = dtype
        settings["mixed_precision"] = dict.fromkeys(settings["mixed_precision"], dtype)
    return config


def gloo_worker_group(worker):
    """Return a stand-in for Ray's group of workers, of which each process holds one.

    All processes call a method together. The real dispatch function splits the arguments, each
    process runs its own worker's method on its part, and the real collect function joins the
    results.
    """
    from verl.single_controller.base.worker_group import WorkerGroup

    class GlooWorkerGroup(WorkerGroup):
        world_size = property(lambda self: dist.get_world_size())

        def __init__(self):
            super().__init__(resource_pool=None)
            self._bind_worker_method(type(worker), self._bind)

        def execute_all(self, method_name, *args, **kwargs):
            rank = dist.get_rank()
            mine = [arg[rank] for arg in args], {key: arg[rank] for key, arg in kwargs.items()}
            args, kwargs = pickle.loads(pickle.dumps(mine))  # as Ray passes them
            output = getattr(worker, method_name)(*args, **kwargs)
            outputs = [None] * self.world_size
            dist.all_gather_object(outputs, output)
            return outputs

        execute_rank_zero = execute_all  # not used by the trainer

        def _bind(self, _, method_name, dispatch_fn, collect_fn, execute_fn, blocking):
            def call(*args, **kwargs):
                args, kwargs = dispatch_fn(self, *args, **kwargs)
                return collect_fn(self, execute_fn(method_name, *args, **kwargs))

            return call

    return GlooWorkerGroup()


class _Run:
    """Trinity's trainer in this rank, with a worker in the same process."""

    def __init__(self, policy, work, world, dtype):
        from trinity.trainer.verl import trainer as module
        from verl.utils import ray_utils

        class Trainer(module.VERLTrainer):
            def _init_workers(self):
                [role] = self.role_worker_mapping
                self.worker = module.TrinityActorRolloutRefWorker(
                    config=self.config, role=str(role)
                )
                self.worker.init_model()
                self.actor_rollout_wg = self.ref_policy_wg = gloo_worker_group(self.worker)

        self.policy = policy
        ray_utils.parallel_put = lambda parts, max_workers: parts  # there is no object store
        with mock.patch.object(module.CheckpointMonitor, "get_actor", return_value=None):
            self.trainer = Trainer(trainer_config(policy, work, world, dtype))
        self.actor = self.trainer.worker.actor
        self.parameters = dict(self.actor.engine.module.named_parameters())
        self.start = _sharded_like(self.parameters, torch.load(policy.weights_path))

    def step(self, job: Job) -> Outcome:
        from trinity.common.experience import CustomField

        case = job.case
        rows = case.rows or make_rows(
            case.on_policy_mode,
            case.expert_mode,
            case.order,
            kinds=case.kinds,
            old_logprobs=self.policy.old_logprobs,
            images=self.policy.images,
        )
        for row in rows:
            row.info.update(case.row_fields)
            row.custom_fields = [
                *row.custom_fields,
                *(CustomField(name, name, torch.int32) for name in case.row_fields),
            ]
        kinds = self._configure(case, job.split, len(rows))
        self._load(self.start)
        began = time.perf_counter()
        metrics = asyncio.run(self.trainer.train_step(rows))
        seconds = time.perf_counter() - began
        gradient = {
            name: (self.start[name] - parameter.detach().double()).full_tensor() / LEARNING_RATE
            for name, parameter in self.parameters.items()
        }
        numbers = {key: float(value) for key, value in metrics.items()}
        return Outcome(gradient, numbers, kinds, seconds)

    def _configure(self, case, split, rows):
        """Set what a configuration of the case and the split would, and return `Outcome.kinds`."""
        from trinity.algorithm import ALGORITHM_TYPE

        trainer, algorithm = self.trainer, case.algorithm()
        trainer.algorithm_config = trainer.global_config.algorithm = algorithm
        trainer.algorithm = ALGORITHM_TYPE.get(algorithm.algorithm_type)
        trainer.use_reference_policy = trainer.algorithm.use_reference
        trainer.global_config.trainer.balance_batch = case.balance
        trainer.global_config.model.temperature = case.temperature
        trainer.config.actor.ppo_mini_batch_size = rows
        engine = self.actor.engine_config
        engine.use_dynamic_bsz = split.tokens is not None
        size = min(split.rows or rows, rows // dist.get_world_size())
        engine.micro_batch_size_per_gpu = engine.infer_micro_batch_size_per_gpu = size
        engine.max_token_len_per_gpu = engine.infer_max_token_len_per_gpu = split.tokens
        asyncio.run(trainer.prepare())
        loss, kinds = self.actor.loss_fn, []

        def counting(model_output, data, dp_group=None):
            experts = int(data["expert_mask"].sum())
            kinds.append((experts, data.batch_size[0] - experts))
            return loss(model_output, data, dp_group)

        self.actor.set_loss_fn(counting)
        return kinds

    @torch.no_grad()
    def _load(self, state):
        for name, parameter in self.parameters.items():
            parameter.copy_(state[name])


def _sharded_like(parameters, state):
    """Return whole tensors, by name, as each rank's parts of them."""
    from torch.distributed.tensor import distribute_tensor

    return {
        name: distribute_tensor(
            state[name].to(parameter.dtype), parameter.device_mesh, parameter.placements
        )
        for name, parameter in parameters.items()
    }
