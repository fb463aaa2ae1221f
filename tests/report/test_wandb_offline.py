"""Offline folders of wandb: a log written here by the format's definition, and a real one."""

import os
import subprocess
import sys

import pytest
from wandb.proto.wandb_internal_pb2 import Record

from trinity_chord.report.reading.wandb_offline import BLOCK, read_wandb, run_name

PROGRAM = """
import wandb
run = wandb.init(project="p", group="g", name="run1_trainer", config={"lr": 0.5}, mode="offline")
for step in range(1, 4):
    run.log({"actor/mu": 1 / step, "table": wandb.Table(columns=["a"], data=[["x"]])}, step=step)
run.log({"actor/mu": float("nan")}, step=4)
run.finish()
"""


def run_record(name="run1_trainer"):
    record = Record()
    record.run.project, record.run.display_name, record.run.run_id = "p", name, "id"
    record.run.config.update.add(key="lr", value_json="0.5")
    record.run.config.update.add(key="_wandb", value_json="{}")
    return record.SerializeToString()


def history_record(step, **metrics):
    record = Record()
    for key, value in {"_step": step, "_timestamp": 100.0 + step, **metrics}.items():
        record.history.item.add(nested_key=[key], value_json=str(value))
    return record.SerializeToString()


def log_of(records):
    """Return a log: LevelDB's records in blocks of 32 KiB, after a header of 7 bytes."""
    content = b":W&B\xe1\xbe\x00"
    for record in records:
        first = True
        while record or first:
            left = BLOCK - len(content) % BLOCK
            if left < 7:
                content += bytes(left)
                continue
            piece, record = record[: left - 7], record[left - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}
            header = bytes(4) + len(piece).to_bytes(2, "little")
            content += header + bytes([kind[first, not record]]) + piece
            first = False
    return content


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "run-id.wandb"
    path.write_bytes(log_of([run_record(), history_record(1, mu=0.5), history_record(2, mu=0.25)]))
    return path


def test_metrics_times_and_configuration_are_read(log):
    reading = read_wandb([log])
    assert reading.metrics == {"mu": {1: 0.5, 2: 0.25}}
    assert reading.times == {1: 101.0, 2: 102.0}
    assert reading.config == {"lr": 0.5}


def test_a_record_longer_than_a_block_is_joined(tmp_path):
    long = '"' + "x" * (3 * BLOCK) + '"'
    path = tmp_path / "run-id.wandb"
    records = [run_record(), history_record(1, text=long, mu=1.0), history_record(2, mu=2.0)]
    path.write_bytes(log_of(records))
    assert read_wandb([path]).metrics == {"mu": {1: 1.0, 2: 2.0}}


@pytest.mark.parametrize("cut", [1, 30])
def test_a_log_that_is_cut_short_gives_what_it_has(log, cut):
    log.write_bytes(log.read_bytes()[:-cut])
    assert read_wandb([log]).metrics["mu"][1] == 0.5


def test_a_file_with_other_content_is_noted(tmp_path):
    path = tmp_path / "run-id.wandb"
    path.write_bytes(b"something else")
    reading = read_wandb([path])
    assert reading.metrics == {}
    assert "run-id.wandb is cut short or damaged" in reading.notes[0]


def test_the_role_is_no_part_of_the_name(log):
    assert run_name(log) == "p/run1"


@pytest.mark.slow
def test_a_folder_that_wandb_wrote_is_read(tmp_path):
    env = {**os.environ, "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, cwd=tmp_path, env=env)
    [log] = tmp_path.rglob("run-*.wandb")
    reading = read_wandb([log])
    assert reading.metrics["actor/mu"][2] == 0.5
    assert reading.metrics["actor/mu"][4] != reading.metrics["actor/mu"][4]  # NaN
    assert "table" not in reading.metrics
    assert reading.config == {"lr": 0.5}
    assert run_name(log) == "p/run1"
