"""A training engine of Trinity's kind that trains nothing."""

import asyncio

from trinity.trainer.trainer import TrainEngineWrapper


class Engine(TrainEngineWrapper):
    """Its `train_step` gives the metrics that it is handed."""

    async def train_step(self, batch_exps):
        return batch_exps


def trained(rows=2.0, nll=3.0, squares=5.0, weight=0.25, **others):
    """Does a train step; by default of two expert rows of 1 and 2 nats: 3/2 ± 1/4."""
    metrics = {
        "actor/expert/seq_rows": rows,
        "actor/expert/seq_nll_sum": nll,
        "actor/expert/seq_nll_squares": squares,
        "actor/expert/weight": weight,
        **others,
    }
    return asyncio.run(Engine.train_step(None, metrics))
