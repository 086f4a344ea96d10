"""Pages that are one file each, in a real browser: a what-if's answer, and a card as it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from reports.marts import as_marts
from reports.messages import incident_message, preview_card, teams_card
from reports.page.document import write_page
from reports.summary import summarise
from reports.whatif import render_what_if
from tests.support import mart_factory
from tests.support.browser import as_seen, browsing, draw_all, needs_browser, overflow, overlapping_labels, requested

pytestmark = [needs_browser, pytest.mark.xdist_group("pages-alone")]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.ids("FCST-1", "BI-1")
def test_a_what_if_draws_everything_offline_at_every_width(browser: webdriver.Chrome, tmp_path: Path) -> None:
    page = write_page(render_what_if(mart_factory.what_if_answer(), title="Northwind Retail"), tmp_path / "whatif.html")
    for width in (390, 800, 1440):
        as_seen(browser, width=width, dark=False)
        browser.get(page.as_uri())
        assert draw_all(browser) == []
        charts = browser.find_elements(By.CSS_SELECTOR, "[data-figure]")
        assert {chart.get_attribute("data-figure") for chart in charts} == {"months", "effects", "swings"}
        assert overflow(browser) == 0
        assert overlapping_labels(browser) == []
    assert browser.get_log("browser") == []
    assert {url.split(":")[0] for url in requested(browser)} <= {"file", "data", "blob"}


@pytest.mark.ids("NOTIF-1")
def test_the_preview_of_a_card_opens_without_errors(browser: webdriver.Chrome, tmp_path: Path) -> None:
    marts = as_marts(mart_factory.build_marts())
    row = {str(key): value for key, value in marts["fct_incident"].to_dict("records")[0].items()}
    card = teams_card(incident_message(row, "opened", summarise(marts, as_of=mart_factory.AS_OF)))
    page = tmp_path / "card.html"
    page.write_text(preview_card(card), encoding="utf-8")
    browser.get(page.as_uri())
    assert "query-rewriter" in browser.find_element(By.CSS_SELECTOR, ".card").text
    assert browser.get_log("browser") == []
    assert overflow(browser) == 0
