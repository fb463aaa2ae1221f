"""What is taken from bfcl-eval, which this module imports; only `worker` imports it.

The checkers are bfcl-eval's own. They execute calls through one function, which evaluates Python
text; that function is replaced by `dispatch` in the checkers' module.
"""

from __future__ import annotations

import importlib
from typing import Any

from trinity_chord.multi_turn.calls import SimulatorCall, parse_call
from trinity_chord.multi_turn.cases import CLASSES
from trinity_chord.multi_turn.dispatch import Simulation

JSON = dict[str, Any]
CHECKER = "bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker"
ANY_CASE = "multi_turn_base_0"


class Official:
    """bfcl-eval's texts, simulators and checkers."""

    def __init__(self) -> None:
        backend = importlib.import_module("bfcl_eval.constants.executable_backend_config")
        self._docs = backend.MULTI_TURN_FUNC_DOC_FILE_MAPPING
        self._classes: dict[str, type] = {
            name: getattr(importlib.import_module(backend.CLASS_FILE_PATH_MAPPING[name]), name)
            for name in CLASSES
        }
        self._stateless = backend.STATELESS_CLASSES
        self._prompts = importlib.import_module("bfcl_eval.constants.default_prompts")
        self._utils = importlib.import_module("bfcl_eval.utils")
        self._settings = importlib.import_module("bfcl_eval.constants.eval_config")
        self._checker: Any = importlib.import_module(CHECKER)

    def answer(self, request: JSON) -> JSON:
        """Answer a request: `about`, `play` or `judge`, by its key `do`."""
        if request["do"] == "about":
            return self.about()
        if request["do"] == "play":
            return {"results": self.play(request["case"], request["steps"])}
        return self.judge(request["case"], request["turns"])

    def about(self) -> JSON:
        """Return the functions of each class, the texts of prompts, and the limit of steps."""
        style = self._prompts.PROMPT_STYLE_TEMPLATES["classic"]
        return {
            "functions": {name: self._functions(name) for name in CLASSES},
            "role": f"{style['persona']} {style['task']}",
            "behavior": style["multiturn_behavior"],
            "more_functions": self._prompts.DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC,
            "max_steps": self._prompts.MAXIMUM_STEP_LIMIT,
        }

    def play(self, case: JSON, steps: list[list[SimulatorCall]]) -> list[list[str]]:
        """Return the results of each step's calls."""
        simulation = self._simulation(case)
        return [[simulation.call(call) for call in step] for step in steps]

    def judge(self, case: JSON, turns: list[list[list[SimulatorCall]]]) -> JSON:
        """Return the verdict of bfcl-eval on the calls of each step of each turn.

        Args:
            case: The case with its correct calls.
            turns: The calls. If a turn is missing, the model was stopped, as bfcl-eval stops it.

        Returns:
            `valid`, `error_type`, `error` and `passed`, the number of leading turns that are
            valid.
        """
        found = self._check(case, turns, case["gold"])
        passed = len(case["gold"]) if found["valid"] else 0
        while not found["valid"] and passed < min(len(turns), len(case["gold"])):
            upto = passed + 1
            if not self._check(case, turns[:upto], case["gold"][:upto])["valid"]:
                break
            passed = upto
        return {
            "valid": found["valid"],
            "error_type": found.get("error_type"),
            "error": found.get("error_message"),
            "passed": passed,
        }

    def _check(
        self, case: JSON, turns: list[list[list[SimulatorCall]]], gold: list[list[str]]
    ) -> JSON:
        if len(turns) != len(gold):
            return {
                "valid": False,
                "error_type": "multi_turn:force_terminated",
                "error_message": f"{len(turns)} of {len(gold)} turns were played",
            }
        simulations: dict[str, Simulation] = {}

        def execute(
            func_call_list: list[Any], *, model_name: str, **_: Any
        ) -> tuple[list[str], JSON]:
            if model_name not in simulations:
                simulations[model_name] = self._simulation(case)
            simulation = simulations[model_name]
            parsed = [
                parse_call(call) if isinstance(call, str) else call for call in func_call_list
            ]
            return [simulation.call(call) for call in parsed], simulation.instances

        self._checker.execute_multi_turn_func_call = execute
        steps = [[step for step in turn if step] for turn in turns]
        category = case["id"].rsplit("_", 1)[0]
        found: JSON = self._checker.multi_turn_checker(steps, gold, case, category, "model")
        return found

    def _simulation(self, case: JSON) -> Simulation:
        classes = {name: self._classes[name] for name in case["involved_classes"]}
        long_context = "long_context" in case["id"] or "composite" in case["id"]
        return Simulation(classes, self._stateless, case["initial_config"], long_context)

    def _functions(self, name: str) -> list[JSON]:
        path = self._settings.MULTI_TURN_FUNC_DOC_PATH / self._docs[name]
        entry = {"id": ANY_CASE, "function": self._utils.load_file(path, use_lock=False)}
        functions: list[JSON] = self._utils.add_language_specific_hint_to_function_doc([entry])[0][
            "function"
        ]
        return functions
