"""Reads the metrics of a run: our recorder's files, or Trinity's tensorboard files."""

from __future__ import annotations

import logging
from pathlib import Path

from trinity_chord.json_lines import parse_object
from trinity_chord.report.history import MetricsTail
from trinity_chord.report.reading.metrics import Reading
from trinity_chord.report.recorder import config_file, metrics_file

EVENTS = "*tfevents*"
# Metrics that the trainer logs at the end of each step; one of them dates a step.
OF_THE_TRAINER = ("time/train_step", "actor/loss", "actor/grad_norm")


def read_recorded(job_dir: Path) -> Reading:
    """Read what `RecordingMonitor` wrote into a job's folder."""
    reading = Reading("trinity-chord")
    for path in sorted(metrics_file(job_dir, "trainer").parent.glob("*.jsonl")):
        tail = MetricsTail(path)
        for line in tail.new_lines():
            step, time = int(line.pop("step")), line.pop("time", None)
            reading.add(step, line)
            if path.stem == "trainer" and isinstance(time, (int, float)):
                reading.times[step] = time
        reading.notes += tail.problems
    path = config_file(job_dir)
    if path.exists():
        try:
            reading.config = parse_object(path.read_bytes())
        except ValueError as error:
            reading.notes.append(f"{path.name} cannot be read: {error}")
    return reading


def read_tensorboard(folder: Path) -> Reading:
    """Read every tensorboard file below a folder; a damaged end of a file is left out."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    reading = Reading("tensorboard")
    written: dict[tuple[str, int], float] = {}
    for path in sorted(folder.rglob(EVENTS)):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0})
        try:
            events.Reload()
        except Exception as error:  # A damaged file may raise anything; the page says so.
            reading.notes.append(f"{path.name} cannot be read: {error}")
            continue
        for tag in events.Tags()["scalars"]:
            for event in events.Scalars(tag):
                if event.wall_time >= written.get((tag, event.step), 0.0):
                    written[tag, event.step] = event.wall_time
                    reading.add(event.step, {tag: event.value})
    dating = next((name for name in OF_THE_TRAINER if name in reading.metrics), None)
    if dating is not None:
        reading.times = {step: written[dating, step] for step in reading.metrics[dating]}
    return reading
