"""The keys that hold a name of one of Trinity's registries, or the dotted path of a class."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from trinity.common.constants import PLUGIN_DIRS_ENV_VAR

from trinity_chord.dotted import load_dotted
from trinity_chord.errors import LISTED, ChordConfigError, did_you_mean
from trinity_chord.launch.keys.findings import Findings, dotted
from trinity_chord.launch.keys.walk import Entry
from trinity_chord.plugin import names


@dataclass(frozen=True)
class Named:
    """What a key names.

    Attributes:
        what: The kind of part, for messages.
        registry: Dotted path of the registry.
        bases: Dotted paths of the classes, of which the part must be a subclass of one.
    """

    what: str
    registry: str
    bases: tuple[str, ...]

    def known(self) -> dict[str, str]:
        """Return the dotted path of each registered name."""
        registry = _load(self.registry)
        loaded = {
            name: f"{part.__module__}.{part.__qualname__}"
            for name, part in registry.modules.items()
        }
        return {**loaded, **registry._default_mapping}

    def find(self, name: str) -> type:
        """Return the class of a registered name or dotted path.

        Raises:
            ChordConfigError: There is no such class.
        """
        loaded = _load(self.registry).modules.get(name)
        part: Any = loaded or load_dotted(self.what, self.known().get(name, name))
        bases = tuple(map(_load, self.bases))
        if not (isinstance(part, type) and issubclass(part, bases)):
            expected = " or ".join(base.rpartition(".")[2] for base in self.bases)
            raise ChordConfigError(f"{self.what} {name!r}: expected a subclass of {expected}")
        return part


def _of_algorithm(what: str, key: str, base: str) -> Named:
    return Named(what, f"trinity.algorithm.{key.upper()}", (f"trinity.algorithm.{key}.{base}",))


WORKFLOW = Named(
    "workflow", "trinity.common.workflows.WORKFLOWS", ("trinity.common.workflows.Workflow",)
)
REWARD = Named(
    "reward function",
    "trinity.common.rewards.REWARD_FUNCTIONS",
    ("trinity.common.rewards.RewardFn",),
)
OPERATOR = Named(
    "operator",
    "trinity.buffer.operators.EXPERIENCE_OPERATORS",
    (
        "trinity.buffer.operators.ExperienceOperatorV1",
        "trinity.buffer.operators.ExperienceOperator",
    ),
)
KL = Named("KL function", "trinity.algorithm.KL_FN", ("trinity.algorithm.kl_fn.KLFn",))

# What each key names, by the dataclass that has it.
NAMED: dict[tuple[str, str], Named] = {
    ("AlgorithmConfig", "algorithm_type"): Named(
        "algorithm",
        "trinity.algorithm.ALGORITHM_TYPE",
        ("trinity.algorithm.algorithm.AlgorithmType",),
    ),
    ("AlgorithmConfig", "advantage_fn"): _of_algorithm(
        "advantage function", "advantage_fn", "AdvantageFn"
    ),
    ("AlgorithmConfig", "policy_loss_fn"): _of_algorithm(
        "policy loss", "policy_loss_fn", "PolicyLossFn"
    ),
    ("AlgorithmConfig", "entropy_loss_fn"): _of_algorithm(
        "entropy loss", "entropy_loss_fn", "EntropyLossFn"
    ),
    ("AlgorithmConfig", "sample_strategy"): _of_algorithm(
        "sample strategy", "sample_strategy", "SampleStrategy"
    ),
    ("AlgorithmConfig", "kl_loss_fn"): KL,
    ("AlgorithmConfig", "kl_penalty_fn"): KL,
    ("ExplorerInput", "default_workflow_type"): WORKFLOW,
    ("ExplorerInput", "default_eval_workflow_type"): WORKFLOW,
    ("ExplorerInput", "default_reward_fn_type"): REWARD,
    ("TasksetConfig", "default_workflow_type"): WORKFLOW,
    ("TasksetConfig", "default_reward_fn_type"): REWARD,
    ("DataSelectorConfig", "selector_type"): Named(
        "selector", "trinity.buffer.selector.SELECTORS", ("trinity.buffer.selector.BaseSelector",)
    ),
    ("ReplayBufferConfig", "priority_fn"): Named(
        "priority function",
        "trinity.buffer.storage.PRIORITY_FUNC",
        ("trinity.buffer.storage.PriorityFunction",),
    ),
    ("MonitorConfig", "monitor_type"): Named(
        "monitor", "trinity.utils.monitor.MONITOR", ("trinity.utils.monitor.Monitor",)
    ),
}
# The operators of the task pipeline are Data-Juicer's, whose names only its service knows.
OPERATOR_LISTS = ("experience_pipeline", "operators")


def named_by(entry: Entry) -> Named | None:
    """Return what a key names, None if it holds no name."""
    if entry.owner.__name__ == "OperatorConfig" and entry.key == "name":
        return OPERATOR if entry.path[-4:-2] == OPERATOR_LISTS else None
    return NAMED.get((entry.owner.__name__, entry.key))


def check_name(entry: Entry, findings: Findings) -> None:
    """Add a problem if a key names a class that does not exist or is of another kind."""
    named = named_by(entry)
    if named is None or entry.value is None:
        return
    name = str(entry.value)
    if "." in name:
        try:
            named.find(name)
        except ChordConfigError as error:
            findings.problems.setdefault(entry.path, f"`{dotted(entry.path)}`: {error}")
        return
    known = [*named.known(), *_short_names(entry.key)]
    if name not in known and not os.environ.get(PLUGIN_DIRS_ENV_VAR):
        findings.add(entry.path, name, _expected(known), did_you_mean(name, known))


def _short_names(key: str) -> Iterable[str]:
    """Return the names that this package's plugin folder adds."""
    if key == "algorithm_type":
        return names.SHORT_ALGORITHMS
    return names.SHORT_PARTS.get(key, {})


def _expected(known: Iterable[str]) -> str:
    short = sorted(name for name in known if "." not in name)
    listed = ", ".join(map(repr, short[:LISTED]))
    more = f" (and {len(short) - LISTED} more)" if len(short) > LISTED else ""
    return f"one of {listed}{more}, or the dotted path of a class"


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
