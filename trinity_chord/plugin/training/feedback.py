"""Reports what a train step found on its expert rows to where the next batch is built.

Trinity's trainer logs the metrics of a step and passes nothing to its sample strategy. So the
engine's `train_step` is wrapped, in memory and once, in the trainer's process, and only for a μ
rule that needs it. The engine is a plain object of that process. The trainer cannot be wrapped: it
is a Ray actor, and Ray copies the methods of an actor's class beforehand.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol
from weakref import WeakSet

from trinity_chord.objective import ExpertFigures
from trinity_chord.plugin.training.metrics import take_expert_figures

WRAPPED = "reports_to_trinity_chord"  # marks a wrapped `train_step`


class Subscriber(Protocol):
    """Something that uses the results of train steps."""

    def on_train_step(self, experts: ExpertFigures) -> None:
        """Take what a train step found on its expert rows."""


_SUBSCRIBERS: WeakSet[Subscriber] = WeakSet()


def subscribe(subscriber: Subscriber) -> None:
    """Call ``subscriber.on_train_step`` after each train step of this process with expert rows.

    Args:
        subscriber: Called for as long as it lives; this does not keep it alive.

    Raises:
        RuntimeError: This process has no training engine, so there would never be a call.
    """
    from trinity.trainer.trainer import TrainEngineWrapper

    engines = TrainEngineWrapper.__subclasses__()
    if not engines:
        raise RuntimeError(
            "the μ rule needs the results of each train step, but this process has no training "
            "engine: Trinity's trainer creates its engine before the sample strategy"
        )
    for engine in engines:
        if not hasattr(engine.train_step, WRAPPED):
            _wrap(engine)
    _SUBSCRIBERS.add(subscriber)


def _wrap(engine: Any) -> None:
    train_step = engine.train_step

    @functools.wraps(train_step)
    async def train_step_and_report(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        metrics: dict[str, Any] = await train_step(self, *args, **kwargs)
        experts = take_expert_figures(metrics)
        if experts is not None:
            for subscriber in list(_SUBSCRIBERS):
                subscriber.on_train_step(experts)
        return metrics

    setattr(train_step_and_report, WRAPPED, True)
    engine.train_step = train_step_and_report
