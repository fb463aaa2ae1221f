"""The sample strategy on Trinity's real queue and database; run by `test_queue` under a Ray."""

import asyncio
import json
import time

import pytest
import ray
from trinity.algorithm import SAMPLE_STRATEGY
from trinity.buffer import get_buffer_writer

from tests.plugin.rows import row

STRATEGY = "algorithm.sample_strategy_args"
BUFFER = "buffer.trainer_input.experience_buffer"


@pytest.fixture(scope="module", autouse=True)
def _ray():
    """Connect this process to the Ray that its environment names."""
    ray.init(namespace="tests", log_to_driver=False)
    yield
    ray.shutdown()


class Run:
    """A checked configuration, with Trinity's writer of its experience buffer."""

    def __init__(self, config):
        self.config = config
        self.loop = asyncio.new_event_loop()
        self.writer = get_buffer_writer(config.buffer.trainer_input.experience_buffer)
        self.do(self.writer.acquire())
        self.strategy = self.new_strategy()

    def do(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    def new_strategy(self):
        algorithm = self.config.algorithm
        return SAMPLE_STRATEGY.get(algorithm.sample_strategy)(
            buffer_config=self.config.buffer, **algorithm.sample_strategy_args
        )

    def write(self, *numbers):
        self.do(self.writer.write([row(2, number) for number in numbers]))

    def sample(self, step=1):
        return self.do(self.strategy.sample(step))


@pytest.fixture
def run(checked):
    """A run with batches of 4 rollouts and 3 expert rows that waits one second for rollouts."""
    runs = []

    def start(changes=None, **args):
        settings = {
            "name": f"run-{time.time_ns()}",  # the queue's actor is named after the run
            "buffer.batch_size": 1,
            STRATEGY: {"expert_rows": 3, **args},
            f"{BUFFER}.max_read_timeout": 1,
            f"{BUFFER}.name": f"rollouts-{time.time_ns()}",
        }
        runs.append(Run(checked({**settings, **(changes or {})})))
        return runs[-1]

    yield start
    for each in runs:
        each.loop.close()


def on_policy(rows):
    return [row.info["number"] for row in rows if not row.info["is_expert"]]


def experts(rows):
    return [row.info["expert_index"] for row in rows if row.info["is_expert"]]


def test_a_batch_is_mixed_and_stamped(run):
    job = run()
    job.write(0, 1, 2, 3)
    rows, metrics, _ = job.sample()
    assert on_policy(rows) == [0, 1, 2, 3]
    assert len(experts(rows)) == 3
    assert {row.info["loss_norm"] for row in rows[:4]} == {1 / 8}
    assert (metrics["actor/usual/rows"], metrics["actor/expert/rows"]) == (4.0, 3.0)


def test_an_incomplete_batch_loses_no_row(run):
    job = run()
    job.write(0, 1)
    before = job.strategy.state_dict()
    with pytest.raises(TimeoutError, match="max_read_timeout"):
        job.sample()
    assert job.strategy.state_dict() == before
    job.write(2)
    job.write(3, 4)
    first = job.sample()[0]
    assert on_policy(first) == [0, 1, 2, 3]
    other = run()
    other.write(0, 1, 2, 3)
    assert experts(first) == experts(other.sample()[0])
    job.write(5, 6, 7)
    assert on_policy(job.sample(2)[0]) == [4, 5, 6, 7]


def test_trinitys_own_reader_loses_them(run):
    from trinity.buffer.reader.queue_reader import QueueReader

    job = run()
    storage = job.config.buffer.trainer_input.experience_buffer.to_storage_config()
    storage.batch_size = 4
    reader = QueueReader(storage)
    job.write(0, 1)
    with pytest.raises(TimeoutError):
        job.do(reader.read())
    job.write(2, 3)
    with pytest.raises(TimeoutError):
        job.do(reader.read())


def test_the_run_ends_after_the_last_batch_of_a_finished_explorer(run):
    job = run()
    job.write(0, 1, 2, 3)
    job.do(job.writer.release())
    assert on_policy(job.sample()[0]) == [0, 1, 2, 3]
    with pytest.raises(StopAsyncIteration):
        job.sample(2)


def test_experts_that_end_leave_the_rollouts_unread(run):
    job = run(expert_at_end="stop")
    for start in (0, 4, 8):
        job.write(*range(start, start + 4))
    job.sample()
    job.sample(2)
    with pytest.raises(StopAsyncIteration):
        job.sample(3)
    assert [row.info["number"] for row in job.strategy.rollouts.kept] == [8, 9, 10, 11]


def test_expert_rows_are_read_while_waiting_for_rollouts(run):
    job = run()
    read = job.strategy.experts.read
    moments = {}

    async def timed(n):
        batch = await read(n)
        moments["experts"] = time.monotonic()
        return batch

    async def sampled():
        job.strategy.experts.read = timed
        task = asyncio.create_task(job.strategy.sample(1))
        await asyncio.sleep(0.5)
        moments["rollouts"] = time.monotonic()
        await job.writer.write([row(2, number) for number in range(4)])
        return await task

    assert len(job.do(sampled())[0]) == 7
    assert moments["experts"] < moments["rollouts"]


def test_a_resumed_run_continues_with_the_next_expert_rows(run):
    job = run()
    job.write(*range(8))
    job.sample()
    state = json.loads(json.dumps(job.strategy.state_dict()))
    resumed = job.new_strategy()
    resumed.load_state_dict(state)
    job.write(*range(8, 16))
    assert experts(job.do(resumed.sample(2))[0]) == experts(job.sample(2)[0])


def test_stored_rollouts_are_trained_on_with_expert_rows(run):
    train = {
        "mode": "train",
        "cluster.gpu_per_node": 1,
        f"{BUFFER}.storage_type": "sql",
        "buffer.train_batch_size": 7,
    }
    job = run(train)
    job.write(*range(8))
    batches = [job.sample(step)[0] for step in (1, 2)]
    assert sorted(on_policy([*batches[0], *batches[1]])) == list(range(8))
    assert [len(experts(batch)) for batch in batches] == [3, 3]
    with pytest.raises(StopAsyncIteration):
        job.sample(3)
