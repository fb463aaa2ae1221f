"""Stand-ins for the few names of vLLM that one module of Trinity always imports.

`trinity.common.models.mm_utils` starts with imports from `vllm.config`, `vllm.inputs` and
`vllm.entrypoints.chat_utils`, and every rollout engine imports `mm_utils`. If vLLM is not
installed, these imports, and no others, get stand-ins that raise an error when they are used.
The stand-ins are removed as soon as `mm_utils` has been imported: the rest of the process, such as
the checks of transformers and verl for an installed vLLM, sees that vLLM is not installed.
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
        f"{name} was used, but vLLM is not installed: only a stand-in exists, so that Trinity can "
        "be imported. Multi-modal models need vLLM: pip install 'trinity-rft[vllm]'"
    )


def _stand_in(module: str, name: str) -> type:
    def refuse(cls: type, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(_message(f"{module}.{name}"))

    return type(name, (), {"__module__": module, "__new__": refuse, "__doc__": _message(name)})


class _StandInLoader(Loader):
    """Loads a module that consists of the stand-ins in `NAMES`."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the creation of the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with its stand-ins."""
        for name in NAMES[module.__name__]:
            setattr(module, name, _stand_in(module.__name__, name))

        def refuse(attribute: str) -> NoReturn:
            raise AttributeError(_message(f"{module.__name__}.{attribute}"))

        module.__getattr__ = refuse  # type: ignore[method-assign]


class StandInFinder(MetaPathFinder):
    """Finds the stand-ins, but only while `IMPORTER` is being imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a stand-in module; None leaves the import to the other finders."""
        if fullname not in NAMES or not _is_being_imported(IMPORTER) or has_gpu():
            return None
        return importlib.util.spec_from_loader(
            fullname, _StandInLoader(), is_package=fullname in PACKAGES
        )


def _is_being_imported(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return getattr(spec, "_initializing", False)


def install() -> None:
    """Add the finder after every other, so that a real vLLM is found first. Idempotent."""
    if not any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        sys.meta_path.append(StandInFinder())


def remove_modules() -> None:
    """Remove the stand-ins from `sys.modules`; names already imported from them stay valid."""
    for name in NAMES:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if isinstance(getattr(spec, "loader", None), _StandInLoader):
            del sys.modules[name]
