"""Dashboards in a real browser, as files: offline, without errors, every chart drawn; keyboard, phone and paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from reports.dashboards.site import Site, build_site
from tests.support import mart_factory
from tests.support.accessibility import AXE, findings
from tests.support.browser import (
    as_seen,
    browsing,
    draw_all,
    needs_browser,
    overflow,
    overlapping_labels,
    requested,
    script,
    until,
)
from tests.support.sample_dashboard import HOSTILE, write_sample

pytestmark = [needs_browser, pytest.mark.xdist_group("dashboards")]


@pytest.fixture(scope="module")
def site(published_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Every page of the product, of few periods, and of a few teams and apps."""
    out = tmp_path_factory.mktemp("site") / "reports"
    return build_site(
        published_folder,
        out,
        as_of=mart_factory.AS_OF,
        title="Northwind Retail",
        months=1,
        about=("search", "product-search", "query-rewriter", "robotics", "vision-train"),
    )


@pytest.fixture(scope="module")
def sample(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    plotly = next(site.folder.glob("assets/plotly-*.js"))
    return write_sample(tmp_path_factory.mktemp("sample"), plotly.as_uri())


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(one_browser: webdriver.Chrome) -> webdriver.Chrome:
    """The module's browser, as somebody with a wide window who likes it light; it must not have complained."""
    one_browser.get("about:blank")
    as_seen(one_browser, width=1440, dark=False)
    one_browser.get_log("browser")
    one_browser.get_log("performance")
    return one_browser


def opened(browser: webdriver.Chrome, page: Path, choice: str = "") -> None:
    browser.get("about:blank")  # only the fragment would change otherwise
    browser.get(f"{page.as_uri()}{choice}")


def tile(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.CSS_SELECTOR, ".tile .value").text


def rows(browser: webdriver.Chrome, column: int = 0) -> list[str]:
    return list(
        script(
            browser,
            "[...document.querySelectorAll('#table-rows tbody tr:not(.details)')].filter(r => !r.hidden)"
            ".map(r => r.cells[arguments[0]].textContent)",
            column,
        )
    )


def errors(browser: webdriver.Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser")]


@pytest.mark.ids("BI-1", "SEC-2")
def test_every_page_opens_offline_without_errors_and_draws_its_charts(browser: webdriver.Chrome, site: Site) -> None:
    one_of_each = {page.split("/")[0]: page for page in reversed(site.pages)}
    for page in one_of_each.values():
        opened(browser, site.folder / page)
        assert draw_all(browser) == [], page
        assert overflow(browser) == 0, page
        assert errors(browser) == [], page
        assert script(browser, "document.querySelectorAll('.tile').length") >= 1, page
        assert overlapping_labels(browser) == [], page
        modes = "[...document.querySelectorAll('[data-figure]')].map(n => n._fullLayout.hovermode)"
        assert set(script(browser, modes)) <= {"x unified", "y unified", "closest"}, page
    assert {url.split(":")[0] for url in requested(browser)} <= {"file", "data", "blob", "about"}


@pytest.mark.ids("BI-1")
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make axe")
def test_pages_are_accessible_light_and_dark(browser: webdriver.Chrome, site: Site, sample: Path) -> None:
    one_of_each = [site.folder / page for page in {page.split("/")[0]: page for page in site.pages}.values()]
    for page, dark in [(sample, True), *((page, False) for page in (sample, *one_of_each))]:
        as_seen(browser, width=1440, dark=dark)
        opened(browser, page)
        assert findings(browser) == [], page.name


@pytest.mark.ids("BI-1")
def test_period_and_currency_change_the_page_and_the_way_back_leads_back(
    browser: webdriver.Chrome, sample: Path
) -> None:
    opened(browser, sample)
    assert tile(browser) == "USD 2026-10"
    period = Select(browser.find_element(By.NAME, "period"))
    assert [option.text for option in period.options][:2] == ["October 2026 so far", "Last 30 days"]
    period.select_by_visible_text("September 2026")
    until(browser, lambda b: tile(b) == "USD 2026-09")
    assert browser.current_url.endswith("#period=2026-09&currency=USD")
    assert browser.find_element(By.ID, "page-told").get_attribute("textContent") == "Shown: September 2026 in USD"
    assert draw_all(browser) == []

    # EUR has no September: the page says so, and shows what it has.
    Select(browser.find_element(By.NAME, "currency")).select_by_visible_text("EUR")
    until(browser, lambda b: tile(b) == "EUR 2026-10")
    assert "no figures of 2026-09 in EUR" in browser.find_element(By.ID, "page-missed").text
    period = Select(browser.find_element(By.NAME, "period"))
    assert [option.text for option in period.options] == ["October 2026 so far", "Last 30 days"]
    browser.back()
    until(browser, lambda b: tile(b) == "USD 2026-09")
    browser.back()
    until(browser, lambda b: tile(b) == "USD 2026-10")
    assert browser.find_elements(By.ID, "page-missed") == []
    assert errors(browser) == []


@pytest.mark.ids("BI-1")
def test_links_carry_the_choice_to_other_pages_and_sections(browser: webdriver.Chrome, sample: Path) -> None:
    opened(browser, sample, "#period=last-30-days&currency=EUR")
    until(browser, lambda b: tile(b) == "EUR last-30-days")
    browser.find_element(By.LINK_TEXT, "Always the same").click()
    until(browser, lambda b: browser.current_url.endswith("#period=last-30-days&currency=EUR&at=same"))
    top = "document.getElementById('same').getBoundingClientRect().top"
    until(browser, lambda b: 0 < script(b, top) < 200)
    assert tile(browser) == "EUR last-30-days"
    browser.find_element(By.LINK_TEXT, "Finance").click()
    until(browser, lambda b: "/finance.html#" in b.current_url)
    until(browser, lambda b: tile(b) == "EUR last-30-days")
    assert script(browser, "document.querySelector('a[href^=http]').href") == "https://example.com/run?a=1&b=2"


@pytest.mark.ids("BI-1", "SEC-2")
def test_tables_sort_filter_and_unfold_by_keyboard(browser: webdriver.Chrome, sample: Path) -> None:
    opened(browser, sample)
    assert script(browser, "document.title") == "Sample"
    heads = browser.find_elements(By.CSS_SELECTOR, "#table-rows button.sort")
    before = rows(browser)
    assert [head.text.split("\n")[0] for head in heads] == ["Name", "Money", "State", "Share", "Since"]
    heads[1].send_keys(Keys.ENTER)
    money = rows(browser, 1)
    # Exact values sort, not their words: 1,250.75 before 1,250.50; what has none comes last.
    assert money[:3] == ["USD 1,251", "USD 1,250", "USD 98"]
    assert money[-2:] == ["USD -40", "–"]
    assert script(browser, "document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "descending"
    heads[1].send_keys(Keys.ENTER)
    assert rows(browser, 1)[0] == "USD -40"
    assert rows(browser, 1)[-1] == "–"
    heads[1].send_keys(Keys.ENTER)
    assert rows(browser) == before

    why = browser.find_element(By.CSS_SELECTOR, "#table-rows .why")
    details = browser.find_element(By.CSS_SELECTOR, "#table-rows tr.details")
    assert not details.is_displayed()
    why.send_keys(Keys.SPACE)
    assert details.is_displayed()
    assert details.text == f"because {HOSTILE}\nand more"
    heads[0].send_keys(Keys.ENTER)
    assert script(browser, "document.querySelector('tr.details').previousElementSibling.contains(arguments[0])", why)

    field = browser.find_element(By.CSS_SELECTOR, "#table-rows .filter")
    field.send_keys("ROW 24")
    assert [row.split()[:2] for row in rows(browser)] == [["row", "24"]]
    assert browser.find_element(By.CSS_SELECTOR, "#table-rows .found").text.startswith("1 of 25 rows")
    assert browser.find_element(By.CSS_SELECTOR, "#table-rows tfoot").text.split()[0] == "All"
    assert browser.find_elements(By.CSS_SELECTOR, "#table-short .filter") == []
    assert script(browser, "document.querySelectorAll('img').length") == 0
    assert errors(browser) == []


@pytest.mark.ids("BI-1")
def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser: webdriver.Chrome, sample: Path) -> None:
    opened(browser, sample)
    seen = []
    for _ in range(9):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(script(browser, "document.activeElement.name || document.activeElement.textContent.trim()"))
    assert seen[0] == "Skip to the figures"
    assert seen[1:7] == ["Sample", "Finance", "", "Overview", "period", "currency"]
    assert seen[7:] == ["Figures", "Always the same"]


@pytest.mark.ids("BI-1")
def test_the_theme_switches_page_and_charts_and_is_remembered(browser: webdriver.Chrome, sample: Path) -> None:
    opened(browser, sample)
    draw_all(browser)
    bar, ground = "document.querySelector('.point path').style.fill", "getComputedStyle(document.body).backgroundColor"
    before = script(browser, bar), script(browser, ground)
    script(browser, "window.scrollTo(0, 0)")
    browser.find_element(By.ID, "theme").click()
    until(browser, lambda b: script(b, bar) != before[0])
    assert script(browser, ground) != before[1]
    browser.refresh()
    assert script(browser, "document.documentElement.dataset.theme") == "dark"
    browser.find_element(By.ID, "theme").click()
    assert script(browser, ground) == before[1]


@pytest.mark.ids("BI-1")
def test_no_page_is_wider_than_a_phone(browser: webdriver.Chrome, site: Site, sample: Path) -> None:
    told: list[list[str]] = []
    one_of_each = {page.split("/")[0]: site.folder / page for page in reversed(site.pages)}
    for page in (sample, *one_of_each.values()):
        as_seen(browser, width=390, dark=False)
        opened(browser, page)
        assert overflow(browser) == 0, page
        cut = script(
            browser,
            "[...document.querySelectorAll('.tile .value, .card h3, h1, h2, #page-choices select')]"
            ".filter(n => n.scrollWidth > n.clientWidth + 1).map(n => n.textContent)",
        )
        assert cut == [], page
        # What does not fit is read downwards, each value with its heading; the open page is among those in sight.
        stacked = "[...document.querySelectorAll('table.stacked')]"
        told += script(
            browser,
            f"{stacked}.map(t => [...t.querySelectorAll('tbody tr:first-child td[data-label]')]"
            ".map(c => c.dataset.label))",
        )
        wide = f"{stacked}.map(t => t.parentElement).filter(n => n.scrollWidth > n.clientWidth + 1)"
        assert script(browser, f"{wide}.map(n => n.ariaLabel)") == [], page
        here = "document.querySelector('nav[aria-label=Pages] [aria-current]').getBoundingClientRect()"
        assert script(browser, f"{here}.left >= 0 && {here}.right <= innerWidth"), page
    assert ["Severity", "Since", "State", "Impact", "By month's end"] in told


@pytest.mark.ids("BI-1")
def test_it_prints_light_a_section_a_page_with_all_charts(browser: webdriver.Chrome, sample: Path) -> None:
    opened(browser, sample)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    until(
        browser,
        lambda b: script(b, "[...document.querySelectorAll('[data-figure]')].every(n => n.querySelector('.main-svg'))"),
    )
    hidden = ".bar nav[aria-label=Pages], #page-choices, .tools, #theme, .on-page"
    assert [one.is_displayed() for one in browser.find_elements(By.CSS_SELECTOR, hidden)].count(True) == 0
    assert script(browser, "getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert max(script(browser, "[...document.querySelectorAll('.main-svg')].map(n => n.clientWidth)")) <= 660
    breaks = "[...document.querySelectorAll('section.part')].map(n => getComputedStyle(n).breakBefore)"
    assert script(browser, breaks) == ["auto", "page", "page"]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    wide = "Math.min(...[...document.querySelectorAll('.main-svg')].map(n => n.clientWidth))"
    until(browser, lambda b: script(b, wide) == script(b, "document.querySelector('.plot').clientWidth"))


@pytest.mark.ids("BI-1")
def test_every_link_of_every_page_leads_to_a_file_and_a_place_in_it(browser: webdriver.Chrome, site: Site) -> None:
    targets: dict[Path, set[str]] = {}
    for page in site.pages:
        file = site.folder / page
        browser.get("about:blank")
        html = file.read_text(encoding="utf-8")
        for href in set(_hrefs(html)):
            where, _, anchor = href.partition("#")
            target = (file.parent / where).resolve() if where else file
            assert target.is_file(), (page, href)
            targets.setdefault(target, set()).add(anchor)
    for target, anchors in targets.items():
        text = target.read_text(encoding="utf-8")
        missing = {anchor for anchor in anchors if anchor and f'id="{anchor}"' not in text}
        assert missing == set(), target.name


def _hrefs(html: str) -> Iterator[str]:
    for href in re.findall(r'<a [^>]*?href="([^"]+)"', re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)):
        if not href.startswith(("http:", "https:", "mailto:")):
            yield href
