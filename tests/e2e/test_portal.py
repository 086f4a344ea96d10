"""What each kind of person does in the portal, in a real browser, signed on by a real issuer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from guardrails import feedback_given, questions
from tests.support.accessibility import AXE, findings
from tests.support.browser import as_seen, browsing, needs_browser, overflow
from tests.support.issuer import TestIssuer, issuing
from tests.support.portal import TestPortal, serving_portal
from tests.support.sent_documents import EXECUTIVES

pytestmark = [needs_browser, pytest.mark.xdist_group("portal"), pytest.mark.ids("SEC-1", "BI-1")]

PEOPLE = {
    "lead@example.com": "Search",
    "finance@example.com": "Finance",
    "executive@example.com": "Admin",
    "oncall@example.com": "OnCall",
    "stranger@example.com": "Sales",
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    with issuing() as found:
        for name, role in PEOPLE.items():
            found.account(name, role)
        yield found


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory, published_folder: Path, sent_folder: Path, issuer: TestIssuer
) -> Iterator[TestPortal]:
    with serving_portal(tmp_path_factory.mktemp("portal"), published_folder, issuer=issuer.url) as found:
        shutil.copytree(sent_folder, found.office.gate.home.digests)
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(autouse=True)
def nobody_is_signed_on(browser: webdriver.Chrome, portal: TestPortal) -> None:
    browser.get(f"{portal.url}/healthz")
    browser.delete_all_cookies()
    browser.get_log("browser")


def sign_on(browser: webdriver.Chrome, portal: TestPortal, name: str, path: str = "/") -> None:
    """Open a page of the portal, and agree at the issuer, where it leads first."""
    browser.get(portal.url + path)
    field = browser.find_element(By.NAME, "sub")
    assert not browser.current_url.startswith(portal.url)
    field.send_keys(name)
    field.submit()
    WebDriverWait(browser, 20).until(lambda driver: driver.current_url.startswith(portal.url))


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "main").text


def says(browser: webdriver.Chrome, words: str) -> bool:
    """Whether the page that a click leads to says so: a click need not wait for it."""
    passing = (NoSuchElementException, StaleElementReferenceException)
    return bool(WebDriverWait(browser, 20, ignored_exceptions=passing).until(lambda driver: words in text(driver)))


def faults(browser: webdriver.Chrome) -> list[str]:
    """What the checker of accessibility finds, where it is installed (make axe)."""
    return findings(browser) if AXE.exists() else []


def test_a_team_lead_sees_the_own_team_and_looks_into_an_incident(
    browser: webdriver.Chrome, portal: TestPortal
) -> None:
    sign_on(browser, portal, "lead@example.com")
    assert browser.current_url == f"{portal.url}/p/team/search"
    assert "You see the figures of search only" in text(browser)
    assert "robotics" not in browser.page_source
    pages = [link.text for link in browser.find_elements(By.CSS_SELECTOR, "nav[aria-label=Pages] a")]
    assert "Teams" in pages
    assert "Finance" not in pages
    browser.find_element(By.LINK_TEXT, "Incidents").click()
    assert says(browser, "who looks into it?")
    item = browser.find_element(By.CLASS_NAME, "item")
    assert "App query-rewriter" in item.text
    assert "robotics" not in browser.page_source
    item.find_element(By.CSS_SELECTOR, "button[value=acknowledge]").click()
    assert says(browser, "Recorded.")
    assert "Acknowledged" in browser.find_element(By.CLASS_NAME, "item").text
    said = feedback_given(portal.office.gate.ledger)[-1]
    assert (said.who, said.kind) == ("lead@example.com", "acknowledge")
    browser.get(f"{portal.url}/p/team/robotics")
    assert "There is nothing here" in text(browser)
    page = f"/incidents/{said.occasion.incident_id}"
    browser.get(portal.url + page)
    assert "lead@example.com looks into it." in text(browser)
    for width in (1440, 390):
        for path in ("/incidents", page, "/approvals", "/policies", "/documents", "/account", "/nope"):
            browser.get(portal.url + path)
            as_seen(browser, width=width, dark=width < 1000)
            assert overflow(browser) == 0, (path, width)
            assert path == "/account" or faults(browser) == [], (path, width)
    as_seen(browser, width=1440, dark=False)
    browser.get(f"{portal.url}/account")
    browser.find_element(By.CSS_SELECTOR, "button.do").click()
    WebDriverWait(browser, 20).until(lambda driver: not driver.current_url.startswith(f"{portal.url}/account"))
    browser.get(f"{portal.url}/incidents")
    assert not browser.current_url.startswith(portal.url), "signed out: the issuer is asked again"


def test_finance_reads_the_company_and_downloads_a_mart(
    browser: webdriver.Chrome, portal: TestPortal, tmp_path: Path
) -> None:
    sign_on(browser, portal, "finance@example.com", "/p/gpu?period=last-30-days")
    assert browser.current_url == f"{portal.url}/p/gpu?period=last-30-days"
    chosen = Select(browser.find_element(By.NAME, "period")).first_selected_option
    assert chosen.get_attribute("value") == "last-30-days"
    drawn = (By.CSS_SELECTOR, ".plot .main-svg")
    WebDriverWait(browser, 30).until(lambda driver: driver.find_elements(*drawn))
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in severe if portal.url in entry["message"] and "favicon" not in entry["message"]]
    # Choosing asks the portal, and the address says what was chosen.
    Select(browser.find_element(By.NAME, "period")).select_by_value("2026-09")
    WebDriverWait(browser, 20).until(lambda driver: "period=2026-09" in driver.current_url)
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.get(f"{portal.url}/api/v1/marts/fct_invoice_monthly?format=csv")
    WebDriverWait(browser, 20).until(lambda _: (tmp_path / "fct_invoice_monthly.csv").exists())
    assert (tmp_path / "fct_invoice_monthly.csv").read_text(encoding="utf-8-sig").startswith("billing_period_start,")
    browser.get(f"{portal.url}/documents")
    browser.find_element(By.CSS_SELECTOR, f"a[href='/documents/{EXECUTIVES.path}/document.html']").click()
    assert says(browser, "About")
    drawn = browser.find_element(By.CSS_SELECTOR, "img.plot-drawn")
    assert browser.execute_script("return arguments[0].naturalWidth", drawn) > 500
    assert drawn.value_of_css_property("border-radius") == "6px", "its own looks hold"
    assert not [entry for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]
    browser.get(f"{portal.url}/approvals")
    assert "oncall@example.com" in text(browser)
    assert not browser.find_elements(By.CSS_SELECTOR, "button.do"), "finance reads what waits, and answers nothing"


def test_an_executive_goes_from_the_company_to_one_charge_and_says_what_was_planned(
    browser: webdriver.Chrome, portal: TestPortal
) -> None:
    sign_on(browser, portal, "executive@example.com")
    assert browser.current_url == f"{portal.url}/p/executive"
    assert browser.find_element(By.CSS_SELECTOR, ".tile .value").text.startswith("USD ")
    team = browser.find_element(By.CSS_SELECTOR, "main a[href^='/p/team/search']")
    # Charts that are still being drawn move it away from under a click.
    browser.execute_script("arguments[0].click()", team)
    WebDriverWait(browser, 20).until(lambda driver: driver.current_url.startswith(f"{portal.url}/p/team/search"))
    why = WebDriverWait(browser, 20).until(lambda driver: driver.find_element(By.CSS_SELECTOR, "#table-charges .why"))
    reason = browser.find_element(By.ID, str(why.get_attribute("aria-controls")))
    assert not reason.is_displayed()
    browser.execute_script("arguments[0].click()", why)
    assert reason.is_displayed()
    assert "The largest of them: USD " in reason.text
    browser.get(f"{portal.url}/incidents")
    browser.find_element(By.PARTIAL_LINK_TEXT, "say what it was").click()
    verdict = WebDriverWait(browser, 20).until(lambda driver: driver.find_element(By.CSS_SELECTOR, "[value=planned]"))
    verdict.find_element(By.XPATH, "ancestor::form").find_element(By.NAME, "why").send_keys(
        "The board agreed to the load test"
    )
    browser.execute_script("arguments[0].click()", verdict)
    assert says(browser, "Recorded.")
    said = feedback_given(portal.office.gate.ledger)[-1]
    assert (said.who, said.verdict) == ("executive@example.com", "planned")


def test_whoever_is_on_call_approves_an_order(browser: webdriver.Chrome, portal: TestPortal) -> None:
    sign_on(browser, portal, "oncall@example.com", "/policies/monthly-budget")
    assert "It has decided nothing about your teams yet." in text(browser)
    as_seen(browser, width=390, dark=True)
    assert (overflow(browser), faults(browser)) == (0, [])
    as_seen(browser, width=1440, dark=False)
    browser.get(f"{portal.url}/approvals")
    item = browser.find_element(By.CLASS_NAME, "item")
    assert "Pause team search" in item.text
    item.find_element(By.NAME, "why").send_keys("Agreed with the team")
    item.find_element(By.CSS_SELECTOR, "button[value=approve]").click()
    assert says(browser, "Approved.")
    assert "Nothing waits for approval." in text(browser)
    [asked] = questions(portal.office.gate.ledger, only_open=False)
    assert [(vote.who, vote.verdict, vote.why) for vote in asked.votes] == [
        ("oncall@example.com", "approve", "Agreed with the team")
    ]


def test_a_stranger_is_told_whom_to_ask(browser: webdriver.Chrome, portal: TestPortal) -> None:
    sign_on(browser, portal, "stranger@example.com")
    assert "nothing was granted to you here" in text(browser)
    assert "search" not in text(browser)
