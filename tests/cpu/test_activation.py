"""When the patches are applied, and when not."""

import subprocess
import sys
import textwrap


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_activating_imports_neither_torch_nor_ray_nor_trinity():
    run(
        """
        import sys
        from trinity_chord.cpu import activate
        activate()
        activate()
        assert not {"torch", "ray", "trinity", "verl", "transformers"} & set(sys.modules)
        """
    )


def test_a_module_that_is_already_imported_is_patched_at_once():
    run(
        """
        from trinity.common.config import Config
        from trinity_chord.cpu import activate
        activate()
        activate()
        assert "trinity_chord.cpu.activate" in Config().get_envs().values()
        """
    )


def test_with_a_gpu_nothing_changes():
    run(
        """
        import torch
        torch.cuda.is_available = lambda: True
        from trinity_chord.cpu import activate
        activate()
        from trinity.common.config import Config
        assert "trinity_chord.cpu.activate" not in Config().get_envs().values()
        import verl.utils.attention_utils as patched
        assert patched._get_attention_functions.__module__ == patched.__name__
        try:
            import trinity.common.models.mm_utils
        except ModuleNotFoundError as error:
            assert "vllm" in str(error)
        else:
            raise AssertionError("a stand-in was found on a machine with a GPU")
        """
    )


def test_the_stand_ins_exist_for_one_module_only_and_fail_when_used():
    out = run(
        """
        import importlib.util
        from trinity_chord.cpu import activate
        activate()
        assert importlib.util.find_spec("vllm") is None
        from trinity.common.models import mm_utils
        assert importlib.util.find_spec("vllm") is None
        for name in ("ModelConfig", "parse_chat_messages"):
            try:
                getattr(mm_utils, name)("x", y=1)
            except NotImplementedError as error:
                print(error)
        """
    )
    assert out.count("vLLM is not installed") == 2


def test_a_real_vllm_wins(tmp_path):
    for name, content in {
        "__init__": "",
        "config": "class ModelConfig: real = True",
        "inputs": "MultiModalDataDict = dict",
        "entrypoints/__init__": "",
        "entrypoints/chat_utils": "ChatTemplateContentFormat = ConversationMessage = str\n"
        "parse_chat_messages = parse_chat_messages_async = print",
    }.items():
        path = tmp_path / "vllm" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    run(
        f"""
        import sys
        from trinity_chord.cpu import activate
        activate()
        sys.path.append({str(tmp_path)!r})
        from trinity.common.models import mm_utils
        assert mm_utils.ModelConfig.real
        assert "vllm.config" in sys.modules
        """
    )
