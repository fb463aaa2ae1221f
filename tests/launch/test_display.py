"""What `trinity-chord run` shows while a run is in progress."""

import io
import json

from rich.console import Console

from trinity_chord.launch.display import RunDisplay
from trinity_chord.launch.jobs import Job
from trinity_chord.report.live import duration_text
from trinity_chord.report.recorder import config_file


def job(folder, steps=10):
    return Job(folder, True, steps, "trainer", "explorer")


def show(folder, metrics, terminal=False, steps=10):
    """Return what is shown of steps that take 60 s each."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=120, color_system=None)
    with RunDisplay(console) as display:
        for step, values in enumerate(metrics, 1):
            display.step(job(folder, steps), {"step": step, "time": 60.0 * step, **values})
    return output.getvalue()


def test_a_file_gets_one_plain_line_per_step(tmp_path):
    text = show(tmp_path, [{"actor/usual/reward": 0.5}] * 3)
    assert "\x1b" not in text
    assert text.splitlines()[1:] == [
        "step  1/10  reward  0.500",
        "step  2/10  reward  0.500   60.0 s  8 min left",
        "step  3/10  reward  0.500   60.0 s  7 min left",
    ]


def test_a_terminal_also_gets_progress_and_curves(tmp_path):
    metrics = [{"actor/usual/reward": n / 7, "actor/entropy_loss": 1 - n / 7} for n in range(8)]
    text = show(tmp_path, metrics, terminal=True)
    assert "8/10 about 2 min left" in text
    assert "reward ▁▂▃▄▅▆▇█" in text
    assert "entropy █▇▆▅▄▃▂▁" in text


def test_the_number_of_steps_may_be_unknown(tmp_path):
    text = show(tmp_path, [{}, {}], terminal=True, steps=None)
    assert "step 2" in text
    assert "left" not in text


def test_a_warning_follows_the_step_at_which_it_arises(tmp_path):
    path = config_file(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"model": {"max_response_tokens": 64}}))
    metrics = {"actor/usual/response_length_max": 64.0, "actor/usual/at_response_length_max": 0.5}
    lines = show(tmp_path, [metrics] * 6).splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("!"))
    assert lines[number - 1].startswith("step  5/10")
    assert lines[number].startswith(
        "! step 5: 50% of the responses have the 64 tokens of the limit."
    )
    assert "max_response_tokens" in lines[number]


def test_durations_are_short():
    texts = [duration_text(seconds) for seconds in (7.4, 59.4, 90, 3600, 12_010)]
    assert texts == ["7 s", "59 s", "2 min", "1 h 0 min", "3 h 20 min"]
