"""Hands what a train step found back to where the next batch is put together.

Trinity's trainer logs what a step gave and tells its sample strategy nothing. So the engine's
`train_step` is wrapped, in memory and once, in the trainer's process, and only where a μ rule
asks. The engine is a plain object of that process; the trainer itself is a Ray actor, and Ray
copies the methods of an actor's class before anyone could wrap them.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol
from weakref import WeakSet

from trinity_chord.objective import ExpertFigures
from trinity_chord.plugin.training.metrics import take_expert_figures

WRAPPED = "told_by_trinity_chord"


class Listener(Protocol):
    """Wants to know what each train step gave."""

    def hear(self, experts: ExpertFigures) -> None:
        """Takes what a train step found on its expert rows."""


_LISTENERS: WeakSet[Listener] = WeakSet()


def listen(listener: Listener) -> None:
    """Calls ``listener.hear`` after each train step of this process that had expert rows.

    Args:
        listener: Is called for as long as it lives, and not kept alive by this.

    Raises:
        RuntimeError: This process has no training engine, so that nothing would ever be heard.
    """
    from trinity.trainer.trainer import TrainEngineWrapper

    engines = TrainEngineWrapper.__subclasses__()
    if not engines:
        raise RuntimeError(
            "the μ rule needs what each train step gave, and this process has no training engine: "
            "Trinity's trainer makes its engine before the sample strategy"
        )
    for engine in engines:
        if not hasattr(engine.train_step, WRAPPED):
            _wrap(engine)
    _LISTENERS.add(listener)


def _wrap(engine: Any) -> None:
    train_step = engine.train_step

    @functools.wraps(train_step)
    async def told(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        metrics = await train_step(self, *args, **kwargs)
        experts = take_expert_figures(metrics)
        if experts is not None:
            for listener in list(_LISTENERS):
                listener.hear(experts)
        return metrics

    setattr(told, WRAPPED, True)
    engine.train_step = told
