"""Messages as people see them: cards by Microsoft's own renderer, e-mails and the page of links in a real browser."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from reports.messages import email_content, preview_message, teams_card
from tests.support.browser import as_seen, browsing, needs_browser, overflow
from tests.support.messages import links, messages

pytestmark = [needs_browser, pytest.mark.xdist_group("messages-look")]

_INSTALLED = Path(__file__).resolve().parents[2] / ".cache" / "adaptivecards"
RENDERER = Path(os.environ.get("AIFINOPS_ADAPTIVECARDS") or _INSTALLED) / "node_modules"
NAMES = sorted(messages())
# What Teams sets: https://adaptivecards.io/designer, container "Microsoft Teams".
COLOURS = {
    "light": {"back": "#FFFFFF", "ink": "#242424", "soft": "#616161", "attention": "#F7E9E9", "warning": "#FBF6D9",
              "good": "#E7F2DA", "emphasis": "#F0F0F0"},
    "dark": {"back": "#292929", "ink": "#FFFFFF", "soft": "#ADADAD", "attention": "#442726", "warning": "#463100",
             "good": "#1D3812", "emphasis": "#333333"},
}  # fmt: skip
RENDER = """
const [card, host] = arguments;
const shown = new AdaptiveCards.AdaptiveCard();
shown.hostConfig = new AdaptiveCards.HostConfig(host);
AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = markdownit({breaks: true}).render(text); result.didProcess = true;
};
const context = new AdaptiveCards.SerializationContext();
shown.parse(card, context);
const problems = [];
for (let i = 0; i < context.eventCount; i++) problems.push(context.getEventAt(i).message);
problems.push(...shown.validateProperties().validationEvents.map(one => one.message));
const place = document.getElementById('card');
place.replaceChildren(shown.render());
return problems;
"""
VISIBLE = """
const all = [...document.body.querySelectorAll('*')];
const cut = n => n.childElementCount === 0 && n.textContent.trim() && n.scrollWidth > n.clientWidth + 1;
const counts = style => style.display !== 'inline' && style.maxHeight !== '0px';
return all.filter(n => cut(n) && counts(getComputedStyle(n))).map(n => n.textContent.trim());
"""
FAINT = """
// Texts whose contrast with what is behind them is below what WCAG asks for (4.5, large ones 3).
const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = c => { const [r, g, b] = parse(c).map(v => linear(v / 255));
  return .2126*r + .7152*g + .0722*b };
const behind = n => { for (; n; n = n.parentElement) { const c = getComputedStyle(n).backgroundColor;
  const p = parse(c); if (p.length < 4 || p[3] > 0) return c } return 'rgb(255, 255, 255)' };
const found = [];
for (const n of document.body.querySelectorAll('*')) {
  const own = [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
  const style = getComputedStyle(n);
  if (!own || style.display === 'none' || n.offsetParent === null || n.offsetHeight < 2) continue;
  const a = light(style.color), b = light(behind(n));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const large = parseFloat(style.fontSize) >= 18.6 && parseInt(style.fontWeight) >= 600;
  if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${n.textContent.trim().slice(0, 60)}`);
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def host(scheme: str) -> dict[str, Any]:
    """Teams' settings of the renderer, as far as they decide about sizes and colours."""
    colour = COLOURS[scheme]
    ink = {"default": colour["ink"], "subtle": colour["soft"]}
    style = {"foregroundColors": dict.fromkeys(("default", "dark", "light", "accent", "good", "warning"), ink)}
    return {
        "fontFamily": "Segoe UI, system-ui, sans-serif",
        "spacing": {"small": 8, "default": 12, "medium": 16, "large": 20, "extraLarge": 24, "padding": 16},
        "separator": {"lineThickness": 1, "lineColor": "#88888855"},
        "fontSizes": {"small": 12, "default": 14, "medium": 14, "large": 18, "extraLarge": 24},
        "fontWeights": {"lighter": 200, "default": 400, "bolder": 600},
        "containerStyles": {
            "default": {**style, "backgroundColor": colour["back"]},
            **{
                name: {**style, "backgroundColor": colour[name]}
                for name in ("attention", "warning", "good", "emphasis")
            },
        },
        "actions": {"maxActions": 6, "spacing": "default", "buttonSpacing": 8, "actionAlignment": "left"},
        "factSet": {"title": {"weight": "bolder", "maxWidth": 150, "wrap": True}, "spacing": 16},
        "supportsInteractivity": True,
    }


@pytest.mark.ids("NOTIF-1")
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.parametrize("name", NAMES)
def test_a_card_is_shown_whole_by_microsofts_renderer(
    browser: webdriver.Chrome, tmp_path: Path, name: str, scheme: str
) -> None:
    if not RENDERER.exists():
        pytest.skip(f"{RENDERER} does not exist; `make adaptivecards` installs it")
    message = messages()[name]
    card = teams_card(message, links(message))["attachments"][0]["content"]
    page = tmp_path / "card.html"
    scripts = "".join(
        f"<script src='{(RENDERER / file).as_uri()}'></script>"
        for file in ("adaptivecards/dist/adaptivecards.js", "markdown-it/dist/browser/markdown-it.umd.min.js")
    )
    back = COLOURS[scheme]["back"]
    page.write_text(
        f"<!doctype html><meta charset=utf-8><body style='margin:0;padding:16px;background:{back}'>"
        f"<div id=card style='max-width:600px'></div>{scripts}"
    )
    for width in (360, 700):
        as_seen(browser, width=width, dark=scheme == "dark")
        browser.get(page.as_uri())
        assert browser.execute_script(RENDER, card, host(scheme)) == []
        assert overflow(browser) <= 0
        assert browser.execute_script(VISIBLE) == []
        assert browser.execute_script(FAINT) == []
    shown = browser.execute_script("return document.body.innerText").replace("\xa0", " ")
    for text in (message.title, *(figure.words for figure in message.figures)):
        assert text.replace("\xa0", " ") in shown
    buttons = browser.execute_script("return [...document.querySelectorAll('button')].map(b => b.innerText)")
    assert buttons[: len(message.offers)] == [offer.title for offer in message.offers]


@pytest.mark.ids("NOTIF-1", "SEC-2")
@pytest.mark.parametrize("name", NAMES)
def test_an_email_is_shown_whole_on_a_phone_and_a_desk_light_and_dark(
    browser: webdriver.Chrome, tmp_path: Path, name: str
) -> None:
    message = messages()[name]
    page = tmp_path / "mail.html"
    page.write_text(str(preview_message(email_content(message, links(message)))), encoding="utf-8")
    browser.get_log("performance")
    for width, dark in ((375, False), (375, True), (800, False), (800, True)):
        as_seen(browser, width=width, dark=dark)
        browser.get(page.as_uri())
        assert overflow(browser) <= 0, (width, dark)
        assert browser.execute_script(VISIBLE) == [], (width, dark)
        assert browser.execute_script(FAINT) == [], (width, dark)
    pictures = browser.execute_script("return [...document.images].map(i => [i.naturalWidth, i.alt.length > 20])")
    assert pictures == ([[1104, True]] if message.chart else [])
    shown = browser.execute_script("return document.body.innerText").replace("\xa0", " ")
    for text in (message.title, message.done, *(figure.words for figure in message.figures), *message.notes):
        assert text.replace("\xa0", " ") in shown
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == [], "a mail loads nothing"
