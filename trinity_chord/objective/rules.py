"""Rules and their registries: every named choice of the objective is found and checked here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, ClassVar, Generic, TypeVar

from trinity_chord.dotted import load_dotted
from trinity_chord.errors import ChordConfigError
from trinity_chord.objective.ranges import Domain, domain_problems

Parameter = inspect.Parameter


@dataclass(frozen=True)
class Rule:
    """A function or class with its name, formula, source and arguments.

    Attributes:
        name: The name used in YAML.
        function: The function or class. Its keyword-only parameters are the rule's arguments.
        formula: The rule as an equation.
        source: The paper and its equation.
        accepts: The domain of each argument.
        arguments: The bound arguments.
    """

    kind: ClassVar[str] = "rule"  # For messages.
    argument_kinds: ClassVar[tuple[Any, ...]] = (Parameter.KEYWORD_ONLY,)

    name: str
    function: Callable[..., Any]
    formula: str = "your own"
    source: str = "your own"
    accepts: Mapping[str, Domain] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        """The default of each argument; `inspect.Parameter.empty` for a required one."""
        return {
            parameter.name: parameter.default
            for parameter in self._parameters()
            if parameter.kind in self.argument_kinds
        }

    def definition_problems(self) -> list[str]:
        """Return what is wrong with the function itself, an empty list if nothing is."""
        try:
            self._parameters()
        except (TypeError, ValueError) as error:
            return [f"its signature cannot be read: {error}"]
        return []

    def argument_problems(self) -> list[str]:
        """Return what is wrong with the bound arguments, an empty list if nothing is."""
        known, given = self.defaults, self.arguments
        problems = []
        takes_any = any(each.kind is Parameter.VAR_KEYWORD for each in self._parameters())
        unexpected = [] if takes_any else sorted(set(given) - set(known))
        if unexpected:
            problems.append(f"got the arguments {unexpected}, expected {sorted(known) or 'none'}")
        problems += [
            f"{name}: got nothing, expected {self.accepts.get(name, 'a value')}"
            for name, default in known.items()
            if default is Parameter.empty and name not in given
        ]
        return problems + (domain_problems(self.accepts, given) or self._order_problems())

    def _order_problems(self) -> list[str]:
        """Return the problem of a rule with bounds `low` and `high` that contradict each other."""
        bounds = [{**self.defaults, **self.arguments}.get(name) for name in ("low", "high")]
        low, high = (each if isinstance(each, (int, float)) else None for each in bounds)
        if low is None or high is None or low <= high:
            return []
        return [f"low: got {low!r}, expected at most high, which is {high!r}"]

    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.function).parameters.values())


RuleT = TypeVar("RuleT", bound=Rule)
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Registry(Mapping[str, RuleT], Generic[RuleT]):
    """The rules of one kind by name.

    Args:
        rule: The class of the rules.
    """

    def __init__(self, rule: type[RuleT]) -> None:
        self.kind = rule.kind
        self._rule = rule
        self._known: dict[str, RuleT] = {}
        self._aliases: dict[str, str] = {}

    def add(
        self,
        name: str,
        *,
        formula: str,
        source: str,
        aliases: tuple[str, ...] = (),
        rule: type[RuleT] | None = None,
        **accepts: Domain,
    ) -> Callable[[FunctionT], FunctionT]:
        """Return the decorator that registers a function or class.

        Args:
            name: The name used in YAML.
            formula: The rule as an equation.
            source: The paper and its equation.
            aliases: Other names for it.
            rule: The class of the rule if not the registry's.
            **accepts: The domain of each argument.
        """
        make = rule or self._rule

        def register(function: FunctionT) -> FunctionT:
            self._known[name] = make(name, function, formula, source, accepts)
            self._aliases.update(dict.fromkeys(aliases, name))
            return function

        return register

    def bind(self, rule: str | Callable[..., Any] | RuleT, /, **arguments: Any) -> RuleT:
        """Return a rule with its arguments bound.

        Args:
            rule: A registered name, the dotted path of your own function or class, that function
                or class itself, or a rule that is bound already.
            **arguments: The rule's arguments.

        Raises:
            ChordConfigError: The name is unknown (the message lists the known names and the
                closest one), the dotted path cannot be imported, or an argument is missing,
                unexpected or outside its domain.
        """
        found = self._find(rule)
        bound = replace(found, arguments={**found.arguments, **arguments})
        problems = bound.definition_problems() or bound.argument_problems()
        if problems:
            title = f"{self.kind} {bound.name!r}: "
            raise ChordConfigError(
                title + "; ".join(problems), [title + problem for problem in problems]
            )
        return bound

    def aliases_of(self, name: str) -> list[str]:
        """Return the other names of a rule."""
        return sorted(alias for alias, known in self._aliases.items() if known == name)

    def _find(self, rule: str | Callable[..., Any] | RuleT) -> RuleT:
        if isinstance(rule, self._rule):
            return rule
        if not isinstance(rule, str) and callable(rule):
            return self._rule(getattr(rule, "__qualname__", repr(rule)), rule)
        name = str(rule)
        known = self._aliases.get(name, name)
        if known in self._known:
            return self._known[known]
        if "." in name:
            return self._rule(name, load_dotted(self.kind, name))
        near = get_close_matches(name, [*self._known, *self._aliases], n=1)
        raise ChordConfigError(
            f"unknown {self.kind} {name!r}: expected one of {sorted(self._known)} or the dotted "
            "path of your own" + (f"; did you mean {near[0]!r}?" if near else "")
        )

    def __getitem__(self, name: str) -> RuleT:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
