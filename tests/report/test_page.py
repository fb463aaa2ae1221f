"""The page as text: what is in it, and that nothing from a run becomes markup."""

import json
import re
from html.parser import HTMLParser

import pytest

from tests.report.run_folder import make_run
from trinity_chord.report.page import build
from trinity_chord.report.page.build import build_page
from trinity_chord.report.reading.runs import read_runs
from trinity_chord.report.recorder import append_metrics, metrics_file

ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;{{ 7*7 }}"


class Parsed(HTMLParser):
    """The elements of a page, and its text outside scripts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.addresses, self.handlers = [], "", [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action", "srcset")]
        self.handlers += [k for k, _ in attrs if k.startswith("on")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(autouse=True)
def vega(monkeypatch):
    """Spare the tests of this file the second that it takes to bundle Vega."""
    monkeypatch.setattr(build, "_vega", lambda: "window.vegaEmbed = null;")


def page(*folders, title=""):
    runs, problems = read_runs([str(each) for each in folders])
    return build_page(runs, problems, title)


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def notes_of(html):
    return re.findall(r"<li>(.*?)</li>", html, re.DOTALL)


@pytest.fixture
def attacked(tmp_path):
    """A page of a run in which every text that can reach it is an attack."""
    make_run(
        tmp_path,
        "name",
        steps=2,
        config={"algorithm": {"policy_loss_fn_args": {"token_weight": ATTACK}, ATTACK: ATTACK}},
        rollouts=[(1, 0, ATTACK, ATTACK, 1.0), (1, 0, ATTACK, f"\x1b[2J\u202e{ATTACK}", 0.0)],
        experts=[(ATTACK, ATTACK)],
    )
    other = make_run(tmp_path / "b", "other", steps=2)
    append_metrics(metrics_file(other, "trainer"), 3, {f"eval/{ATTACK}/{ATTACK}/mean": 1.0})
    return page(f"{ATTACK}={tmp_path / 'checkpoints'}", other, title=ATTACK)


def test_markup_in_a_run_stays_text(attacked, tmp_path):
    make_run(tmp_path / "plain", steps=2, rollouts=[(1, 0, "a", "b", 1.0)], experts=[("a", "b")])
    plain = Parsed(page(tmp_path / "plain"))
    parsed = Parsed(attacked)
    assert parsed.tags.count("script") == plain.tags.count("script")
    assert "img" not in parsed.tags
    assert parsed.handlers == []
    assert parsed.text.count("<img src=x onerror=alert(1)>&lt;b&gt;{{ 7*7 }}") >= 6


def test_control_characters_are_shown_as_escapes(attacked):
    assert "\x1b" not in attacked
    assert "\u202e" not in attacked
    assert "\\x1b[2J\\u202e" in attacked


def test_the_page_names_no_address(attacked):
    assert Parsed(attacked).addresses == ["data:,"]


def test_only_the_scripts_of_the_page_may_run(attacked):
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', attacked)[1]
    parts = dict(part.strip().split(" ", 1) for part in policy.replace("&#39;", "'").split(";"))
    assert parts["default-src"] == "'none'"
    assert len(parts["script-src"].split()) == 4
    assert all(each.startswith("'sha256-") for each in parts["script-src"].split())
    assert "connect-src" not in parts


def test_the_data_cannot_end_their_element(attacked):
    assert "<" not in re.search(r'id="data">(.*?)</script>', attacked, re.DOTALL)[1]
    assert data_of(attacked)["runs"][0]["label"].startswith("</script>")


def test_secrets_are_not_on_the_page(tmp_path):
    for number in (1, 2):
        config = {"monitor": {"monitor_args": {"api_key": f"abc{number}"}}, "lr": number}
        make_run(tmp_path / str(number), steps=1, config=config)
    html = page(tmp_path)
    assert "abc1" not in html
    assert '<td class="mono">lr</td>' in html


def test_a_metric_that_is_not_a_number_is_a_gap_and_a_note(tmp_path):
    job = make_run(tmp_path, steps=2)
    append_metrics(metrics_file(job, "trainer"), 3, {"actor/mu": float("nan")})
    html = page(job)
    [mu] = [panel for panel in data_of(html)["panels"] if panel["key"] == "mu"]
    assert mu["data"][0]["values"] == [1.0, 0.5, None]
    assert "run: `actor/mu` is not a finite number at 1 steps, from step 3 on" in notes_of(html)


def test_a_run_in_progress_says_how_far_it_is(tmp_path):
    job = make_run(tmp_path, steps=2, config={"trainer": {"total_steps": 60}})
    assert "run: 2 of 60 steps so far" in notes_of(page(job))


def test_what_no_run_recorded_is_named(tmp_path):
    notes = notes_of(page(make_run(tmp_path, steps=2)))
    assert any(n.startswith("Not recorded by any run: ") and "Staleness" in n for n in notes)


def test_ten_runs_with_different_metrics_say_what_each_lacks(tmp_path):
    names = ("actor/mu", "actor/grad_norm", "actor/usual/reward", "unknown/metric")
    for number in range(10):
        job = tmp_path / f"r{number}"
        append_metrics(metrics_file(job, "trainer"), 1, {names[number % 4]: 1.0})
    html = page(tmp_path)
    assert len(data_of(html)["runs"]) == 10
    assert any("r0, r2, r3, r4" in note and "Gradient norm" in note for note in notes_of(html))
    assert any("r3: its configuration is not in its" in note for note in notes_of(html))


def test_runs_that_differ_by_seed_share_a_group(tmp_path):
    for seed in (0, 1):
        make_run(tmp_path / f"mu_seed{seed}", steps=2, seed=seed)
    html = page(tmp_path)
    assert data_of(html)["groups"] == ["mu, 2 seeds"]
    assert data_of(html)["seeds"] is True
    assert re.findall(r'<td class="mono">(.*?)</td>', html) == [
        "explorer.rollout_model.seed",
        "0",
        "1",
    ]


def test_rollouts_stand_next_to_the_expert_answer_to_their_prompt(tmp_path):
    lines = [(1, 0, "1+1", "#3", 0.0), (1, 0, "1+1", "#2", 1.0)]
    html = page(make_run(tmp_path, steps=1, rollouts=lines, experts=[("1+1", "one and one, #2")]))
    texts = re.findall(r'<pre class="text[^>]*>(.*?)</pre>', html)
    assert texts == [
        "&lt;|user|&gt;1+1&lt;|end|&gt;&lt;|assistant|&gt;",
        "#2",
        "#3",
        "one and one, #2",
    ]
    assert "2 rollouts, mean reward 0.5" in html


def test_a_run_without_rollouts_says_so(tmp_path):
    notes = notes_of(page(make_run(tmp_path, steps=1)))
    assert any("no rollouts are shown" in note for note in notes)


def test_the_summary_has_the_first_and_the_last_values(tmp_path):
    job = make_run(tmp_path, steps=20)
    for step, score in ((0, 0.25), (20, 0.75)):
        metrics = {"eval/held_out/accuracy/mean": score}
        append_metrics(metrics_file(job, "evaluation"), step, metrics)
    cells = re.findall(r'<td class="number">(.*?)</td>', page(job))
    plain = [re.sub("<.*?>", "", cell) for cell in cells]
    # Rewards of 0.02·step: means over the steps 1 to 5 and 16 to 20.
    assert plain[:3] == ["20", "0.25→0.75", "0.06→0.36"]
