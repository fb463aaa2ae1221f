"""Each patch: what fails without it, and that it does not fail with it.

All cases run once in a process without the patches and once in a process with them.
"""

import json
import subprocess
import sys
import textwrap

import pytest

from trinity_chord.cpu.patches import PATCHES

HARNESS = """
import json, sys, traceback
outcomes = {}
for name, code in json.load(sys.stdin).items():
    try:
        exec(compile(code, name, "exec"), {})
    except BaseException:
        outcomes[name] = traceback.format_exc()
    else:
        outcomes[name] = None
print("OUTCOMES" + json.dumps(outcomes))
"""

CASES = {
    "remove_stand_ins": ("import trinity.common.models.mm_utils", "No module named 'vllm'"),
    "load_processors_without_video": (
        """
        import tempfile
        from tokenizers import Tokenizer, models
        from transformers import AutoProcessor, PreTrainedTokenizerFast, Qwen2_5_VLProcessor
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
            Qwen2VLImageProcessorPil,
        )
        tokens = Tokenizer(models.WordLevel({"<|image_pad|>": 0, "<|video_pad|>": 1, "x": 2}, "x"))
        parts = Qwen2VLImageProcessorPil(), PreTrainedTokenizerFast(tokenizer_object=tokens)
        with tempfile.TemporaryDirectory() as folder:
            Qwen2_5_VLProcessor(*parts).save_pretrained(folder)
            found = AutoProcessor.from_pretrained(folder)
        assert type(found) is Qwen2_5_VLProcessor
        assert type(found.image_processor) is Qwen2VLImageProcessorPil
        """,
        "has no attribute '_extra_content'",
    ),
    "activate_in_workers": (
        """
        from trinity.common.config import Config
        envs = Config().get_envs()
        assert envs["__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"] == "trinity_chord.cpu.activate"
        """,
        "KeyError",
    ),
    "add_transformers_engine": (
        """
        import asyncio, sys, types
        if "trinity.common.models.mm_utils" not in sys.modules:
            for name in ("vllm.config", "vllm.inputs", "vllm.entrypoints.chat_utils"):
                sys.modules[name] = types.SimpleNamespace(
                    ModelConfig=object, MultiModalDataDict=dict, ChatTemplateContentFormat=str,
                    ConversationMessage=dict, parse_chat_messages=None,
                    parse_chat_messages_async=None,
                )
        from trinity.common.config import ExplorerConfig, InferenceModelConfig
        from trinity.common.models import allocator
        asked = []
        async def get_model_wrapper(model_cls, config, pg, actors):
            asked.append((model_cls.__name__, config.engine_id, actors))
        allocator.get_model_wrapper = get_model_wrapper
        a = allocator.Allocator(ExplorerConfig())
        a.pg, a.bundle_result = None, types.SimpleNamespace(
            actor_bundle_map={"explorer_rollout_model_1_0": 7}
        )
        config = InferenceModelConfig(engine_type="transformers")
        asyncio.run(a.create_engine(config, "rollout", 1))
        assert asked == [("TransformersRolloutModel", 1, [("explorer_rollout_model_1_0", 7)])]
        assert config.engine_id == 0
        try:
            asyncio.run(a.create_engine(InferenceModelConfig(engine_type="x"), "rollout", 1))
        except ValueError as error:
            assert "Unsupported engine type: x" in str(error)
        else:
            raise AssertionError("an unknown engine was accepted")
        """,
        "Unsupported engine type: transformers",
    ),
    "pad_without_flash_attn": (
        """
        import torch
        from verl.utils.attention_utils import index_first_axis, pad_input, unpad_input
        x = torch.arange(12.0).view(2, 3, 2)
        mask = torch.tensor([[0, 1, 1], [1, 0, 0]])
        tokens, indices, offsets, longest, lengths = unpad_input(x, mask)
        assert tokens.tolist() == [[2, 3], [4, 5], [6, 7]]
        assert indices.tolist() == [1, 2, 3]
        assert offsets.tolist() == [0, 2, 3] and offsets.dtype == torch.int32
        assert longest == 2 and lengths.tolist() == [2, 1]
        assert torch.equal(pad_input(tokens, indices, 2, 3), x * mask[..., None])
        assert torch.equal(index_first_axis(x.flatten(0, 1), indices), tokens)
        """,
        "No module named 'flash_attn'",
    ),
    "count_process_memory": (
        """
        from verl.utils.device import get_torch_device
        from verl.utils.memory_utils import aggressive_empty_cache
        aggressive_empty_cache()
        device = get_torch_device()
        assert 2**26 < device.memory_allocated() <= device.max_memory_allocated() < 2**36
        """,
        "has no attribute 'memory_reserved'",
    ),
    "use_gloo": (
        """
        import os
        os.environ.update(RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
        import torch
        from verl.workers.engine_workers import initialize_global_process_group_ray
        initialize_global_process_group_ray(timeout_second=None)
        assert torch.distributed.get_backend() == "gloo"
        torch.distributed.destroy_process_group()
        """,
        "ValueError",
    ),
    "register_fsdp_engine": (
        """
        from verl.workers.engine import EngineRegistry
        from verl.workers.engine.fsdp.transformer_impl import FSDPEngineWithLMHead
        found = EngineRegistry.get_engine_cls("language_model", "fsdp2")
        assert found is FSDPEngineWithLMHead
        """,
        "Unknown device: cpu",
    ),
    "wait_for_resumed_weights": (
        """
        import asyncio, os, tempfile
        from trinity.common.config import Config
        from trinity.common.constants import SyncMethod
        from trinity.manager.synchronizer import Synchronizer
        import ray
        copied = ray.remote(Synchronizer).__ray_metadata__.modified_class
        as_sent = ray.cloudpickle.loads(ray.cloudpickle.dumps(copied))
        with tempfile.TemporaryDirectory() as folder:
            config = Config(checkpoint_job_dir=folder, continue_from_checkpoint=True)
            config.synchronizer.sync_method = SyncMethod.MEMORY
            async def version():
                return as_sent(config, None).model_version
            assert asyncio.run(version()) == 0
            with open(os.path.join(folder, "latest_checkpointed_iteration.txt"), "w") as file:
                file.write("2")
            found = asyncio.run(version())
            assert found == -1, f"version {found}"
        """,
        "AssertionError: version 0",
    ),
    "skip_device_capability": (
        """
        import types, torch
        from trinity.trainer.verl import monkey_patch
        class Reached(Exception): pass
        class Engine:
            engine_config = types.SimpleNamespace(model_dtype="fp32", strategy="fsdp2")
            rank, device_mesh = 0, None
            @property
            def model_config(self):
                raise Reached
        try:
            monkey_patch._build_module(Engine())
        except Reached:
            pass
        """,
        "CUDA|NVIDIA",
    ),
    "offload_without_pinned_memory": (
        """
        from verl.workers.engine.fsdp import transformer_impl
        assert transformer_impl.CPUOffloadPolicy(pin_memory=True).pin_memory is False
        """,
        "AssertionError",
    ),
    "save_adapter_without_cuda": (
        """
        import os, pathlib, tempfile, types
        os.environ.update(RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
        import torch
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("gloo")
        from peft import LoraConfig, TaskType, get_peft_model
        from safetensors.torch import load_file
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        from transformers import Qwen2Config, Qwen2ForCausalLM
        from trinity.trainer.verl.workers import TrinityActorRolloutRefWorker as Worker
        sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, vocab_size=9,
                     num_attention_heads=1, num_key_value_heads=1)
        lora = LoraConfig(task_type=TaskType.CAUSAL_LM, r=2, target_modules="all-linear")
        model = get_peft_model(Qwen2ForCausalLM(Qwen2Config(**sizes)), lora)
        expected = {name.replace(".default", ""): parameter.detach().clone()
                    for name, parameter in model.named_parameters() if "lora_" in name}
        mesh = init_device_mesh("cpu", (1,))
        fully_shard(model.base_model.model.model.layers[0], mesh=mesh)
        fully_shard(model, mesh=mesh)
        worker = Worker.__new__(Worker)
        worker.logger = types.SimpleNamespace(info=print, error=print)
        worker.actor = types.SimpleNamespace(engine=types.SimpleNamespace(module=model))
        with tempfile.TemporaryDirectory() as folder:
            worker._save_lora(folder)
            path = pathlib.Path(folder, "lora_adapter", "adapter_model.safetensors")
            assert path.exists(), "no adapter"
            saved = load_file(path)
        assert saved.keys() == expected.keys()
        assert all(torch.equal(saved[name], expected[name]) for name in expected)
        """,
        "no adapter",
    ),
    "sync_weights_unrounded": (
        """
        import os
        os.environ.update(RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
        import torch, types
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("gloo")
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        from verl.workers.engine.fsdp.transformer_impl import FSDPEngine
        module = torch.nn.Linear(3, 2)
        expected = module.weight.detach().clone()
        fully_shard(module, mesh=init_device_mesh("cpu", (1,)))
        engine = FSDPEngine.__new__(FSDPEngine)
        vars(engine).update(
            module=module, _uses_fsdp2_cpu_offload_policy=True, _is_offload_param=False,
            _qat_enabled=False, model_config=types.SimpleNamespace(lora={}),
        )
        weights = dict(engine.get_per_tensor_param()[0])
        assert torch.equal(weights["weight"], expected), weights["weight"].dtype
        """,
        "AssertionError: torch.bfloat16",
    ),
    "use_cpu_worker": (
        """
        import asyncio, sys, types
        class Stop(Exception): pass
        def engine_args(**kwargs):
            asked.update(kwargs)
            raise Stop
        asked, any_name = {}, dict.fromkeys(
            ("ModelConfig", "MultiModalDataDict", "ChatTemplateContentFormat",
             "ConversationMessage", "parse_chat_messages", "parse_chat_messages_async"), dict)
        sys.modules["vllm"] = types.SimpleNamespace(AsyncEngineArgs=engine_args)
        for name in ("vllm.config", "vllm.inputs", "vllm.entrypoints.chat_utils"):
            sys.modules[name] = types.SimpleNamespace(WeightTransferConfig=dict, **any_name)
        sys.modules["trinity.common.models.vllm_patch"] = types.SimpleNamespace(
            get_vllm_version=None)
        from trinity.common.config import InferenceModelConfig
        from trinity.common.models.vllm_model import vLLMRolloutModel
        async def prepare():
            model = object.__new__(vLLMRolloutModel)
            model.config, model._prepared = InferenceModelConfig(), False
            model.async_lock = asyncio.Lock()
            await model.prepare()
        try:
            asyncio.run(prepare())
        except Stop:
            pass
        assert asked["worker_cls"] == "trinity_chord.cpu.vllm_worker.CPURolloutWorker"
        """,
        "AssertionError",
    ),
    "load_saved_models_unrounded": (
        """
        import json, pathlib, tempfile
        import torch
        from transformers import Qwen2Config, Qwen2ForCausalLM
        from trinity.common.models.utils import load_state_dict
        sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, vocab_size=9,
                     num_attention_heads=1, num_key_value_heads=1)
        model = Qwen2ForCausalLM(Qwen2Config(dtype="bfloat16", **sizes)).float()
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder + "/huggingface")
            path = pathlib.Path(folder, "huggingface", "config.json")
            path.write_text(json.dumps({**json.loads(path.read_text()), "dtype": "bfloat16"}))
            found = load_state_dict(folder)
        for key, value in model.state_dict().items():
            assert torch.equal(found[key], value), found[key].dtype
        """,
        "AssertionError: torch.bfloat16",
    ),
    "merge_weights_unrounded": (
        """
        import os, tempfile, types
        os.environ.update(RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
        import torch
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("gloo")
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        from verl.model_merger.fsdp_model_merger import FSDPModelMerger
        module = torch.nn.Linear(3, 2)
        expected = {key: value.detach().clone() for key, value in module.state_dict().items()}
        fully_shard(module, mesh=init_device_mesh("cpu", (1,)))
        merger = FSDPModelMerger.__new__(FSDPModelMerger)
        with tempfile.TemporaryDirectory() as folder:
            merger.config = types.SimpleNamespace(local_dir=folder)
            path = os.path.join(folder, "model_world_size_1_rank_0.pt")
            torch.save(module.state_dict(), path)
            merged = merger._load_and_merge_state_dicts(1, 1, (1,), ("fsdp",))
        assert set(merged) == set(expected)
        for key in expected:
            assert torch.equal(merged[key], expected[key]), merged[key].dtype
        """,
        "AssertionError: torch.bfloat16",
    ),
}


def outcomes(*, patched: bool) -> dict[str, str | None]:
    """Run all cases in one process; return the traceback of each, None if it succeeded."""
    head = "from trinity_chord.cpu import activate; activate()\n" if patched else ""
    done = subprocess.run(
        [sys.executable, "-c", head + HARNESS],
        input=json.dumps({name: textwrap.dedent(code) for name, (code, _) in CASES.items()}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.split("OUTCOMES")[-1])


@pytest.fixture(scope="module")
def without_patches() -> dict[str, str | None]:
    return outcomes(patched=False)


@pytest.fixture(scope="module")
def with_patches() -> dict[str, str | None]:
    return outcomes(patched=True)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_it_fails_without_the_patch(case, without_patches):
    message = CASES[case][1]
    assert any(part in (without_patches[case] or "") for part in message.split("|"))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_it_works_with_the_patch(case, with_patches):
    assert with_patches[case] is None


def test_every_patch_has_a_case():
    assert {patch.function.__name__ for patch in PATCHES} == set(CASES)
