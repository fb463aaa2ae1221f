"""Stand-ins for the four names of vLLM that one module of Trinity imports, used or not.

`trinity.common.models.mm_utils` begins with imports from `vllm.config`, `vllm.inputs` and
`vllm.entrypoints.chat_utils`, and every rollout engine imports `mm_utils`. Where vLLM is not
installed, these imports, and no others, are answered with names that fail when they are used.
The stand-ins are gone as soon as `mm_utils` is there: to the rest of the process, such as the
checks of transformers and verl for an installed vLLM, vLLM stays what it is, not installed.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from trinity_chord.cpu.machine import has_gpu

IMPORTER = "trinity.common.models.mm_utils"
NAMES: dict[str, tuple[str, ...]] = {
    "vllm": (),
    "vllm.config": ("ModelConfig",),
    "vllm.inputs": ("MultiModalDataDict",),
    "vllm.entrypoints": (),
    "vllm.entrypoints.chat_utils": (
        "ChatTemplateContentFormat",
        "ConversationMessage",
        "parse_chat_messages",
        "parse_chat_messages_async",
    ),
}
PACKAGES = frozenset({"vllm", "vllm.entrypoints"})


def _message(name: str) -> str:
    return (
        f"{name} was asked for, but vLLM is not installed: only a stand-in for its name exists, so "
        "that Trinity can be imported. Multi-modal models need vLLM: pip install trinity-rft[vllm]"
    )


def _stand_in(module: str, name: str) -> type:
    def refuse(cls: type, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(_message(f"{module}.{name}"))

    return type(name, (), {"__module__": module, "__new__": refuse, "__doc__": _message(name)})


class _StandInLoader(Loader):
    """Fills a module with the stand-ins that `NAMES` lists for it."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        for name in NAMES[module.__name__]:
            setattr(module, name, _stand_in(module.__name__, name))

        def refuse(attribute: str) -> NoReturn:
            raise AttributeError(_message(f"{module.__name__}.{attribute}"))

        module.__getattr__ = refuse  # type: ignore[method-assign]


class StandInFinder(MetaPathFinder):
    """Finds the stand-ins while `IMPORTER` is being imported, and at no other time."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname not in NAMES or not _is_being_imported(IMPORTER) or has_gpu():
            return None
        return importlib.util.spec_from_loader(
            fullname, _StandInLoader(), is_package=fullname in PACKAGES
        )


def _is_being_imported(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return getattr(spec, "_initializing", False)


def install() -> None:
    """Put the finder last, behind everything that could find a real vLLM. Twice is once."""
    if not any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        sys.meta_path.append(StandInFinder())


def remove_modules() -> None:
    """Take the stand-ins out of `sys.modules`; who imported a name from them keeps it."""
    for name in NAMES:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if isinstance(getattr(spec, "loader", None), _StandInLoader):
            del sys.modules[name]
