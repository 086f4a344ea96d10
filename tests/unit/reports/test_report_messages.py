"""Teams cards: valid, small, safe, and what they say first."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

from reports.marts import as_marts
from reports.messages import (
    MAX_BYTES,
    UnsupportedElementError,
    decision_message,
    failure_message,
    incident_message,
    preview_card,
    teams_card,
)
from reports.messages.cards import byte_count, escape
from reports.summary import Summary
from tests.support.mart_factory import decisions


def incident_card(row: dict[str, Any], *about: Any, **more: Any) -> dict[str, Any]:
    return teams_card(incident_message(row, *about, **more))


def decision_card(decision: dict[str, Any]) -> dict[str, Any]:
    return teams_card(decision_message(decision))


SCHEMA = json.loads((Path(__file__).parent / "adaptive_card.schema.json").read_text(encoding="utf-8"))
HOSTILE = "**bold** [click](https://evil.example) <at>all</at> {{DATE(2026)}} _x_ `code`\n# title"


def check(message: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(message)
    assert byte_count(message) <= MAX_BYTES


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("text", "title", "value") and isinstance(item, str):
                yield item
            else:
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def said(message: dict[str, Any]) -> str:
    return " ".join(texts(message["attachments"][0]["content"]["body"])).replace("\xa0", " ")


@pytest.fixture
def row(marts: dict[str, pd.DataFrame]) -> dict[str, Any]:
    return {str(key): value for key, value in as_marts(marts)["fct_incident"].to_dict("records")[0].items()}


@pytest.mark.ids("NOTIF-1", "ANOM-2")
def test_an_anomaly_is_told_with_money_first_and_contributors_ranked(row: dict[str, Any], summary: Summary) -> None:
    message = incident_card(row, "opened", summary, {"Open the report": "https://finops.example.com/report"})
    check(message)
    text = said(message)
    assert "App query-rewriter: USD 738 more than expected" in text
    assert "USD 55,322 through 18 Oct" in text
    assert text.index("gpt-4.1-mini") < text.index("+USD 18.40") < text.index("+USD 3.71")
    card = message["attachments"][0]["content"]
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Open the report", "url": "https://finops.example.com/report"}
    ]
    assert "query-rewriter" in card["fallbackText"]


@pytest.mark.ids("NOTIF-1")
def test_no_button_without_a_link(row: dict[str, Any]) -> None:
    message = incident_card(row)
    check(message)
    assert "actions" not in message["attachments"][0]["content"]


@pytest.mark.ids("NOTIF-1")
@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "report.html"])
def test_a_button_only_opens_web_addresses(row: dict[str, Any], address: str) -> None:
    with pytest.raises(ValueError, match="no http or https address"):
        incident_card(row, links={"Open": address})


@pytest.mark.ids("NOTIF-1")
def test_contributors_are_trimmed_first_and_the_rest_is_counted(row: dict[str, Any]) -> None:
    many = [
        {"dimension": "team", "value": f"{HOSTILE * 3}{n}", "impact": str(1000 - n), "share": "0.01"}
        for n in range(400)
    ]
    message = incident_card({**row, "contributors": many, "explanation": "漢" * 5000})
    check(message)
    text = said(message)
    assert "+USD 1,000" in text
    assert "and 390 more" in text


@pytest.mark.ids("NOTIF-1", "SEC-2")
def test_names_cannot_format_link_or_mention(row: dict[str, Any]) -> None:
    message = incident_card(
        {
            **row,
            "scope_value": HOSTILE,
            "owner": HOSTILE,
            "contributors": [{"dimension": "app", "value": HOSTILE, "impact": 1}],
        }
    )
    check(message)
    for text in texts(message["attachments"][0]["content"]["body"]):
        unescaped = re.sub(r"\\.", "", text)
        assert "[" not in unescaped
        assert "<" not in unescaped
        assert "{{" not in unescaped
        assert "`" not in unescaped
        assert "\n" not in text
    page = preview_card(message)
    assert "<at>" not in page
    assert html.escape("<at>all</at>") in page


@pytest.mark.ids("NOTIF-1")
@pytest.mark.parametrize(
    ("name", "text"),
    [("support-copilot", "support-copilot"), ("gpt-4.1", "gpt-4.1"), ("- list", "\\- list"), ("1. one", "\\1. one")],
)
def test_ordinary_names_stay_readable(name: str, text: str) -> None:
    assert escape(name) == text


@pytest.mark.ids("GUARD-3", "NOTIF-1")
def test_a_dry_run_is_marked_before_anything_else(summary: Summary) -> None:
    decision = decisions()[0]
    message = decision_card(decision)
    check(message)
    body = message["attachments"][0]["content"]["body"]
    assert next(texts(body)).startswith("**DRY RUN** Nobody was asked to act")
    assert message["attachments"][0]["content"]["fallbackText"].startswith("Dry run.")
    text = said(message)
    assert "103% used" in text
    assert "USD 11,330" in text
    assert "never-touch list" in text

    acting = {"mode": "enforce", "action_kinds": ["notify", "pause"], "withheld_kinds": [], "suppressed_because": None}
    enforced = decision_card({**decision, **acting})
    check(enforced)
    assert "DRY RUN" not in said(enforced)
    assert "What follows Pause was asked for." in said(enforced)


@pytest.mark.ids("NOTIF-1")
def test_a_runbook_on_the_web_is_a_button_another_is_named() -> None:
    web = decision_card({**decisions()[1], "runbook": "https://wiki.example.com/runbook"})
    check(web)
    assert web["attachments"][0]["content"]["actions"][0]["title"] == "Runbook"
    file = decision_card({**decisions()[1], "runbook": "docs/runbooks/budget.md"})
    check(file)
    assert "actions" not in file["attachments"][0]["content"]
    assert "docs/runbooks/budget.md" in said(file)
    assert "8.1 times" in said(file)


@pytest.mark.ids("NOTIF-1")
def test_a_decision_with_little_in_it_is_still_told() -> None:
    message = decision_card(
        {"decision_id": "x", "policy_id": "p", "level": "warn", "scope_type": "company", "reason": "r"}
    )
    check(message)
    assert "not known" in said(message)


@pytest.mark.ids("OPS-1")
def test_a_failed_run_says_where_and_why() -> None:
    message = teams_card(failure_message(job_name="everything", run_id="a1", message=HOSTILE * 100))
    check(message)
    assert "everything" in said(message)


@pytest.mark.ids("NOTIF-1")
def test_the_preview_shows_what_the_card_says_and_loads_nothing(row: dict[str, Any], summary: Summary) -> None:
    message = incident_card(row, "opened", summary, {"Report": "https://finops.example.com/"})
    page = preview_card(message)
    for words in ("query-rewriter", "What contributed", "Report", "USD"):
        assert words in page
    assert re.findall(r'(?:src|href)="(?!data:|https://finops\.example\.com/")', page) == []
    assert "\\" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


@pytest.mark.ids("NOTIF-1")
@pytest.mark.parametrize(
    "element",
    [
        {"type": "Image", "url": "x"},
        {"type": "TextBlock", "text": "x", "color": "Attention"},
        {"type": "ColumnSet", "columns": [{"type": "Column", "width": "2", "items": []}]},
    ],
)
def test_the_preview_refuses_what_it_cannot_show(row: dict[str, Any], element: dict[str, Any]) -> None:
    message = incident_card(row)
    message["attachments"][0]["content"]["body"].append(element)
    with pytest.raises(UnsupportedElementError):
        preview_card(message)


@pytest.mark.ids("ANOM-2")
def test_a_fall_in_cost_reads_as_less(row: dict[str, Any]) -> None:
    message = incident_card({**row, "impact": Decimal(-100)})
    check(message)
    assert "USD 100 less than expected" in said(message)
