"""The page in a real browser: offline, without errors, every chart drawn, usable on a phone and on paper."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from reports.marts import read_marts
from reports.page import render_page, write_page
from reports.summary import summarise
from tests.support import mart_factory
from tests.support.browser import browsing, needs_browser, overflow

pytestmark = needs_browser
WAIT_SECONDS = 30
OPENS_WITHIN_SECONDS = 2.0
BUSY = 5
"""Room for a machine that runs other tests meanwhile; alone, two cores need about 1 s."""
ALL_DRAWN = "[...document.querySelectorAll('[data-figure]')].every(n => n.querySelector('.main-svg'))"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page made from published Parquet files."""
    folder = tmp_path_factory.mktemp("page")
    marts = read_marts(mart_factory.publish(mart_factory.build_marts(), folder / "published"), as_of=mart_factory.AS_OF)
    summary = summarise(marts, as_of=mart_factory.AS_OF)
    write_page(
        render_page(summary, marts, decisions=mart_factory.decisions(), title="Northwind Retail"), folder / "index.html"
    )
    return folder


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path / "profile") as driver:
        yield driver


def open_page(browser: webdriver.Chrome, path: Path) -> None:
    browser.get(path.as_uri())


def draw_all(browser: webdriver.Chrome) -> list[Any]:
    """Scroll through the page until every chart has been drawn, as a reader would."""

    def everything_drawn(driver: webdriver.Chrome) -> bool:
        return bool(
            driver.execute_script(
                "const next = document.querySelector('[data-figure]:not(.js-plotly-plot)');"
                "if (next) next.scrollIntoView({behavior: 'instant'});"
                f"return !next && {ALL_DRAWN}"
            )
        )

    WebDriverWait(browser, WAIT_SECONDS, poll_frequency=0.05).until(everything_drawn)
    return browser.find_elements(By.CSS_SELECTOR, "[data-figure]")


def is_at(target: str) -> Callable[[webdriver.Chrome], bool]:
    """The section is under the bar and marked in it; the last ones are marked as soon as the page ends."""
    script = (
        f"const top = document.getElementById('{target}').getBoundingClientRect().top;"
        "const end = innerHeight + scrollY >= document.body.scrollHeight - 4;"
        "const marked = document.querySelector('.bar nav a[aria-current]').getAttribute('href').slice(1);"
        f"return end || (top >= -2 && top < 120 && marked === '{target}')"
    )
    return lambda driver: bool(driver.execute_script(script))


def requested(browser: webdriver.Chrome) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.mark.ids("BI-1", "SEC-2")
def test_it_opens_offline_without_errors_and_draws_every_chart(browser: webdriver.Chrome, home: Path) -> None:
    started = time.perf_counter()
    open_page(browser, home / "index.html")
    first_chart = "return document.querySelector('#chart-daily .main-svg') !== null"
    WebDriverWait(browser, WAIT_SECONDS, poll_frequency=0.02).until(lambda d: d.execute_script(first_chart))
    opened_seconds = time.perf_counter() - started
    charts = draw_all(browser)
    assert len(charts) >= 14
    for chart in charts:
        marks = chart.find_elements(By.CSS_SELECTOR, ".point, .scatterlayer .js-line, .bars path")
        assert marks, chart.get_attribute("data-figure")
        assert chart.size["height"] > 100
        assert chart.size["width"] > 200
    assert browser.get_log("browser") == []
    assert {url.split(":")[0] for url in requested(browser)} <= {"file", "data", "blob"}
    assert opened_seconds < OPENS_WITHIN_SECONDS * BUSY


@pytest.mark.ids("BI-1")
def test_the_navigation_leads_to_each_section_and_shows_where_one_is(browser: webdriver.Chrome, home: Path) -> None:
    open_page(browser, home / "index.html")
    draw_all(browser)
    browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    links = browser.find_elements(By.CSS_SELECTOR, ".bar nav a")
    assert len(links) == 10
    for link in links:
        target = str(link.get_attribute("href")).split("#")[1]
        link.click()
        WebDriverWait(browser, WAIT_SECONDS, poll_frequency=0.02).until(is_at(target))
        assert browser.execute_script(
            f"return document.getElementById('{target}').getBoundingClientRect().top < innerHeight"
        )


@pytest.mark.ids("BI-1")
def test_the_theme_switches_page_and_charts_and_is_remembered(browser: webdriver.Chrome, home: Path) -> None:
    open_page(browser, home / "index.html")
    draw_all(browser)
    ink = "return document.querySelector('#chart-daily .xtick text').style.fill"
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(ink), browser.execute_script(ground)
    browser.execute_script("window.scrollTo(0, 0)")
    browser.find_element(By.ID, "theme").click()
    WebDriverWait(browser, WAIT_SECONDS, poll_frequency=0.05).until(lambda d: d.execute_script(ink) != before[0])
    assert browser.execute_script(ground) != before[1]
    assert browser.execute_script("return document.querySelector('#chart-daily .point path').style.fill").startswith(
        "rgb"
    )
    browser.refresh()
    assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
    assert browser.get_log("browser") == []


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize("width", [400, *(pytest.param(width, marks=pytest.mark.long) for width in (420, 768)), 1440])
def test_nothing_runs_out_of_the_window(browser: webdriver.Chrome, home: Path, width: int) -> None:
    # Chromium's window has a smallest width; the device's is set instead.
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    open_page(browser, home / "index.html")
    draw_all(browser)
    assert overflow(browser) == 0
    cut = browser.execute_script(
        "return [...document.querySelectorAll('.tile .value, .card h3, h2')]"
        ".filter(n => n.scrollWidth > n.clientWidth + 1 && getComputedStyle(n).position !== 'absolute')"
        ".map(n => n.textContent)"
    )
    assert cut == []


@pytest.mark.ids("BI-1")
def test_it_prints_light_with_all_charts(browser: webdriver.Chrome, home: Path) -> None:
    open_page(browser, home / "index.html")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    WebDriverWait(browser, WAIT_SECONDS, poll_frequency=0.05).until(lambda d: d.execute_script(f"return {ALL_DRAWN}"))
    assert not browser.find_element(By.CSS_SELECTOR, ".bar nav").is_displayed()
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.ids("FCST-2", "BI-1")
@pytest.mark.parametrize("width", [390, pytest.param(800, marks=pytest.mark.long), 1440])
def test_words_in_charts_of_forecasts_do_not_overlap(browser: webdriver.Chrome, home: Path, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    open_page(browser, home / "index.html")
    draw_all(browser)
    assert overlapping_labels(browser, "#forecast [data-figure^=forecast]") == []
    assert overlapping_labels(browser, "[data-figure^=fan], [data-figure=burn-up]") == []


def overlapping_labels(browser: webdriver.Chrome, charts: str = "[data-figure]") -> list[list[str]]:
    """Pairs of texts in the same chart whose boxes share more than a hair."""
    script = """
        return [...document.querySelectorAll(arguments[0])].flatMap(function (chart) {
          const texts = [...chart.querySelectorAll('.xtick text, .ytick text, .annotation text, .legendtext')]
            .map(n => [n.textContent, n.getBoundingClientRect()]);
          return texts.flatMap(([a, p], i) => texts.slice(i + 1)
            .filter(([, q]) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
                            && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3)
            .map(([b]) => [chart.dataset.figure, a, b]));
        })"""
    return [list(pair) for pair in browser.execute_script(script, charts)]


@pytest.mark.ids("BI-1")
def test_charts_have_a_hover_text_for_all_series_of_a_day(browser: webdriver.Chrome, home: Path) -> None:
    open_page(browser, home / "index.html")
    draw_all(browser)
    modes = browser.execute_script(
        "return [...document.querySelectorAll('[data-figure]')].map(n => n._fullLayout.hovermode)"
    )
    assert set(modes) <= {"x unified", "y unified", "closest"}
    assert modes.count("x unified") >= 8
    assert browser.find_elements(By.CSS_SELECTOR, ".modebar-btn--logo") == []
