"""A real browser without a window, for tests of what people look at.

Here: starting and ending it, waiting, what it shows of charts, what it asked for.
Not here: what a page must look like.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

WAIT_SECONDS = 30
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs chromium and chromedriver (Debian: apt-get install chromium-driver)"
)


@contextmanager
def browsing(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile, which logs what it requests and what goes wrong."""
    options = Options()
    options.binary_location = str(BROWSER)
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--force-prefers-reduced-motion",
        f"--user-data-dir={profile}",
        "--window-size=1440,900",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.get("about:blank")
    driver.get_log("performance")  # the browser's own start page
    try:
        yield driver
    finally:
        driver.quit()


def as_seen(driver: webdriver.Chrome, *, width: int, dark: bool, height: int = 800) -> None:
    """A window of so many pixels, of somebody who likes it light or dark."""
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def overflow(driver: webdriver.Chrome) -> int:
    """Pixels by which the page is wider than the window."""
    widths = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
    return int(driver.execute_script(widths))


def until(browser: webdriver.Chrome, condition: Callable[[webdriver.Chrome], Any]) -> Any:
    return WebDriverWait(browser, WAIT_SECONDS, poll_frequency=0.02).until(condition)


def script(browser: webdriver.Chrome, expression: str, *values: Any) -> Any:
    return browser.execute_script(f"return {expression}", *values)


def draw_all(browser: webdriver.Chrome) -> list[str]:
    """Let every chart come into view, as a reader would; what is wrong with any."""
    until(
        browser,
        lambda driver: script(
            driver,
            "(() => { const next = document.querySelector('[data-figure]:not(.js-plotly-plot)');"
            " if (next) next.scrollIntoView({behavior: 'instant'});"
            " return !next && [...document.querySelectorAll('[data-figure]')].every(n => n.querySelector('.main-svg'))"
            "})()",
        ),
    )
    return list(
        script(
            browser,
            "[...document.querySelectorAll('[data-figure]')].filter(n => n.clientHeight < 60 || n.clientWidth < 200 ||"
            " !n.querySelector('.point, .scatterlayer .js-line, .bars path, .heatmaplayer image, .scatterlayer path'))"
            ".map(n => n.closest('figure').id)",
        )
    )


def overlapping_labels(browser: webdriver.Chrome) -> list[list[str]]:
    """Pairs of texts in the same chart whose boxes share more than a hair."""
    found = """[...document.querySelectorAll('[data-figure]')].flatMap(function (chart) {
          const texts = [...chart.querySelectorAll('.xtick text, .ytick text, .annotation text, .legendtext')]
            .map(n => [n.textContent, n.getBoundingClientRect()]);
          return texts.flatMap(([a, p], i) => texts.slice(i + 1)
            .filter(([, q]) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
                            && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 3)
            .map(([b]) => [chart.closest('figure').id, a, b]));
        })"""
    return [list(pair) for pair in script(browser, found)]


def requested(browser: webdriver.Chrome) -> set[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
