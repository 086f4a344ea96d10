"""A real browser without a window, for tests of what people look at.

Here: starting and ending it.
Not here: what a page must look like.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

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
