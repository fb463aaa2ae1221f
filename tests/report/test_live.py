from trinity_chord.report.live import step_line


def test_a_line_shows_the_figures_of_its_step():
    metrics = {
        "step": 7,
        "actor/usual/reward": 0.4375,
        "actor/mu": 0.7312,
        "actor/expert/loss": 1.2345,
        "actor/usual/pg_loss": -0.01234,
        "actor/entropy_loss": 0.5,
        "actor/usual/response_length": 23.14,
    }
    assert step_line(metrics, 80, 1.94) == (
        "step  7/80  reward  0.438  μ 0.731  expert  1.234  on-policy -0.0123  "
        "entropy 0.500  length   23.1    1.9 s"
    )


def test_missing_metrics_are_left_out():
    assert step_line({"step": 3, "actor/mu": 0.1}, None, None) == "step 3  μ 0.100"
