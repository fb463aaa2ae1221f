"""Calls the methods of bfcl-eval's simulators; runs inside the process of `worker`.

bfcl-eval evaluates each call as Python text. Here a call is data: its name is looked up among the
public methods of the simulators of a case, and its arguments are JSON values.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trinity_chord.multi_turn.calls import SimulatorCall

LOAD = "_load_scenario"


class Simulation:
    """The simulators of a case, in the state that its calls so far have led to.

    Args:
        classes: The simulators' classes by name, in the order of the case.
        stateless: Names of the classes that have no initial state.
        initial_config: The initial state by class.
        long_context: Whether results are padded to be long.
    """

    def __init__(
        self,
        classes: Mapping[str, type],
        stateless: Sequence[str],
        initial_config: Mapping[str, Any],
        long_context: bool,
    ) -> None:
        self.instances: dict[str, Any] = {}
        self._methods: dict[str, Callable[..., Any]] = {}
        for name, simulator in classes.items():
            instance = simulator()
            if name not in stateless:
                state = copy.deepcopy(initial_config.get(name, {}))
                getattr(instance, LOAD)(state, long_context=long_context)
            self.instances[name] = instance
            for method, bound in inspect.getmembers(instance, inspect.ismethod):
                if not method.startswith("_"):
                    self._methods[method] = bound

    def call(self, call: SimulatorCall) -> str:
        """Return the result of a call, or its error, as the text that bfcl-eval makes of it."""
        method = self._methods.get(call["name"])
        if method is None:
            return f"Error during execution: name '{call['name']}' is not defined"
        try:
            return _as_text(method(*call.get("positional", ()), **call["arguments"]))
        except Exception as error:  # A simulator may raise anything on a model's arguments.
            return f"Error during execution: {error}"


def _as_text(result: Any) -> str:
    if isinstance(result, dict):
        try:
            return json.dumps(result)
        except (TypeError, ValueError):
            return str(result)
    return str(result)
