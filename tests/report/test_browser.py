"""The page in a real browser: everything is drawn, the controls work, nothing leaves the page."""

import shutil

import pytest

from tests.report.run_folder import make_run
from trinity_chord.report.page.build import write_page
from trinity_chord.report.reading.runs import read_runs

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
IMAGE = "<img src=x onerror='window.attacked=1'>"
ATTACK = f"</pre></script><script>window.attacked = 1</script>{IMAGE}"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None, reason=f"no browser is installed: {', '.join(BROWSERS)} are not on PATH"
    ),
]
sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """A page of two seeds and a third run, whose texts are attacks."""
    root = tmp_path_factory.mktemp("page")
    lines = [(step, 0, f"{step} {ATTACK}", f"#{ATTACK}", 1.0) for step in range(1, 5)]
    for seed in (0, 1):
        make_run(
            root / f"mu_seed{seed}",
            steps=20,
            seed=seed,
            rollouts=lines,
            experts=[(f"2 {ATTACK}", ATTACK)],
        )
    make_run(root / "other", IMAGE, steps=20, config={"lr": ATTACK})
    runs, problems = read_runs([str(root)])
    return write_page(runs, root / "report.html", problems, ATTACK)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers and the root user lack.
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page in the browser, with all that it reported."""

    def __init__(self, browser, html, scheme="light", width=1280):
        size = {"width": width, "height": 900}
        self.page = browser.new_page(viewport=size, color_scheme=scheme)
        self.page.set_default_timeout(120_000)
        self.errors, self.requests, self.blocked = [], [], []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.blocked.append(request.failure))
        self.page.goto(html.as_uri())
        self.page.wait_for_selector("html[data-ready]")

    def _on_console(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def lines(self, panel):
        """The strokes of a panel's curves that are drawn, without the faint lines under them."""
        return self.page.evaluate(
            """panel => [...document.querySelectorAll(
                `[data-panel="${panel}"] .chart svg .mark-line path`)]
                .filter(path => path.getAttribute('d') && path.getAttribute('opacity') !== '0.25')
                .map(path => path.getAttribute('stroke'))""",
            panel,
        )

    def evaluate(self, script):
        return self.page.evaluate(script)

    def settle(self):
        """Wait until every chart has been drawn."""
        self.page.wait_for_timeout(300)
        self.evaluate(
            "Promise.all(CHARTS.map(c => c.queue.then(() => c.view.runAsync()))).then(() => 0)"
        )


@pytest.fixture(scope="module")
def opened(browser, html):
    return Opened(browser, html)


@pytest.fixture
def fresh(browser, html):
    opened = Opened(browser, html)
    yield opened
    opened.page.close()


def test_every_chart_is_drawn(opened):
    panels = opened.evaluate("DATA.panels.map(panel => panel.key)")
    assert {"reward", "length", "entropy", "mu", "losses", "prob", "seconds"} <= set(panels)
    for panel in panels:
        curves = opened.evaluate(f"DATA.panels.find(p => p.key === '{panel}').curves.length")
        assert len(opened.lines(panel)) == 2 * curves, panel  # two groups: two seeds, and one run
    assert (
        opened.evaluate(
            """[...document.querySelectorAll('[data-histogram] canvas')].map(canvas => {
            const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return new Set(new Uint32Array(pixels.data.buffer)).size > 5;
        })"""
        )
        == [True] * 3
    )


def test_nothing_is_requested_and_no_error_is_logged(opened, html):
    assert {url.split(":", 1)[0] for url in opened.requests} <= {"file", "data", "blob"}
    assert [url for url in opened.requests if url.startswith("file")] == [html.as_uri()]
    assert opened.errors == []


def test_markup_in_a_run_stays_text(opened):
    assert opened.evaluate("window.attacked") is None
    assert opened.evaluate("document.querySelectorAll('img').length") == 0
    assert opened.evaluate("document.querySelector('h1').textContent") == ATTACK
    texts = opened.evaluate("[...document.querySelectorAll('pre.text')].map(e => e.textContent)")
    assert f"#{ATTACK}" in texts
    assert ATTACK in texts  # the expert's answer


def test_a_script_that_is_not_the_pages_own_cannot_run(fresh):
    fresh.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.attacked = 1';
            document.body.append(script);
        }"""
    )
    fresh.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", IMAGE)
    fresh.page.wait_for_timeout(200)
    assert fresh.evaluate("window.attacked") is None
    assert fresh.blocked == ["csp"]  # the image


def test_a_run_can_be_hidden_and_shown_again(fresh):
    first = fresh.page.locator(".chip").first
    first.click()
    fresh.settle()
    assert len(fresh.lines("reward")) == 1
    assert fresh.page.locator(".chip").first.get_attribute("aria-pressed") == "false"
    fresh.page.locator(".chip").first.click()
    fresh.settle()
    assert len(fresh.lines("reward")) == 2


def test_seeds_are_a_band_or_lines_of_their_own(fresh):
    bands = "document.querySelectorAll('[data-panel=reward] .mark-area path').length"
    assert fresh.evaluate(bands) == 2
    fresh.page.click("#bands")
    fresh.settle()
    assert fresh.evaluate(bands) == 0
    assert len(fresh.lines("reward")) == 3
    assert fresh.page.locator(".chip").count() == 3


def box_of_rewards(opened):
    """Scroll to the chart of rewards, where the pointer can reach it, and return its place."""
    chart = opened.page.locator("[data-panel=reward] .chart")
    chart.scroll_into_view_if_needed()
    return chart.bounding_box()


def test_the_values_under_the_pointer_are_those_of_the_run(fresh):
    box = box_of_rewards(fresh)
    fresh.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2)
    text = fresh.page.locator(".tip").inner_text()
    step = int(text.split("\n")[0].removeprefix("step "))
    # Rewards are 0.02·step, and 0.1 more with seed 1: the mean, and the range over the seeds.
    low = 0.02 * step
    assert f"{low + 0.05:.4g} ({low:.4g} to {low + 0.1:.4g})" in text
    fresh.page.mouse.move(5, 5)
    assert fresh.page.locator(".tip").is_hidden()


def test_smoothing_averages_neighboring_steps(fresh):
    fresh.page.click("#bands")
    fresh.page.fill("#smooth", "1")
    fresh.settle()
    mu = """CHARTS.find(c => c.data && c.data.key === 'mu').points()
        .find(p => p.step === 2 && p.run === DATA.runs[0].label).shown"""
    assert fresh.evaluate(mu) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3, abs=1e-5)


def test_the_axis_can_be_logarithmic(fresh):
    scale = "CHARTS.find(c => c.data && c.data.key === 'mu').view.scale('y').type"
    assert fresh.evaluate(scale) == "linear"
    fresh.page.click("[data-panel=mu] [data-do=log]")
    fresh.settle()
    assert fresh.evaluate(scale) == "log"


def test_dragging_shows_the_steps_under_it_in_every_chart(fresh):
    box = box_of_rewards(fresh)
    y = box["y"] + box["height"] / 2
    fresh.page.mouse.move(box["x"] + box["width"] * 0.4, y)
    fresh.page.mouse.down()
    fresh.page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=4)
    fresh.page.mouse.up()
    fresh.settle()
    assert 1 < fresh.evaluate("STATE.from") < fresh.evaluate("STATE.to") < 20
    domain = "CHARTS.map(c => c.kind === 'weights' ? null : c.view.scale('x').domain()[0])"
    assert set(fresh.evaluate(domain)) - {None} == {fresh.evaluate("STATE.from")}
    fresh.page.click("#reset")
    fresh.settle()
    assert fresh.evaluate("[STATE.from, STATE.to]") == [1, 20]


def test_a_chart_is_saved_as_a_picture_and_as_values(fresh, tmp_path):
    from PIL import Image

    with fresh.page.expect_download() as saved:
        fresh.page.click("[data-panel=losses] [data-do=png]")
    saved.value.save_as(tmp_path / "losses.png")
    assert Image.open(tmp_path / "losses.png").width > 1400
    with fresh.page.expect_download() as saved:
        fresh.page.click("[data-panel=mu] [data-do=csv]")
    saved.value.save_as(tmp_path / "mu.csv")
    lines = (tmp_path / "mu.csv").read_text().splitlines()
    assert lines[0] == "chart,run,curve,step,value"
    assert len(lines) == 1 + 3 * 20
    assert fresh.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_and_can_be_switched(browser, html, scheme):
    opened = Opened(browser, html, scheme=scheme)
    other = {"light": "dark", "dark": "light"}[scheme]
    theme = "document.documentElement.dataset.theme"
    assert opened.evaluate(theme) == scheme
    opened.page.click("#theme")
    opened.settle()
    assert opened.evaluate(theme) == other
    background = "CHARTS[0].view.background()"
    assert opened.evaluate(background) == {"light": "#ffffff", "dark": "#171d26"}[other]
    assert opened.errors == []
    opened.page.close()


def test_on_a_phone_nothing_is_wider_than_the_screen(browser, html):
    opened = Opened(browser, html, width=390)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    widths = opened.evaluate(
        "[...document.querySelectorAll('.chart svg')].map(e => e.getBoundingClientRect().width)"
    )
    assert min(widths) > 280
    opened.page.close()
