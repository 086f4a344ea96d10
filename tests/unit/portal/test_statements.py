"""The portal's list of issued statements: whose each is, what it charges, its files in words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops.paths import Home
from finops.periods import BillingPeriod
from portal.html import page
from portal.knowledge import files_in_words, issued_months
from portal.people import Person
from reports.dashboards.access import Role
from reports.statements.model import Issue, Line, LineKey, Party, Statement
from reports.statements.store import write_issue

pytestmark = pytest.mark.ids("BI-1")
FILES = ("2026-09-001.html", "index.html", "journal.csv", "lines.csv", "statements.xlsx", "summary.csv")


def issue(month: str) -> Issue:
    period = BillingPeriod.parse(month)
    key = LineKey("usage", "Microsoft", None, "Azure OpenAI", "gpt-4.1", "Usage", "direct", None, None)
    statement = Statement(
        number=f"{month}-001",
        period=period,
        party=Party("search", "CC-1010", "USD"),
        opening=Decimal(100),
        lines=(Line(key, Decimal("17506.864")),),
        true_ups=(),
    )
    return Issue(period, datetime(2026, 10, 20, 6, tzinfo=UTC), date(2026, 1, 1), (statement,), ())


def test_statements_are_named_by_who_is_charged(tmp_path: Path) -> None:
    def write_files(folder: Path) -> None:
        for name in FILES:
            (folder / name).touch()

    home = Home(tmp_path)
    for month in ("2026-08", "2026-09"):
        write_issue(home.statements, issue(month), write_files)
    months = issued_months(home)
    shown = [{**one, "files_in_words": files_in_words(one)} for one in months]
    finance = Person("t/2", "finance@example.com", frozenset({Role.FINANCE}))
    text = bytes(page("statements.html", person=finance, months=shown).body).decode()
    said = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL))
    assert said.index("September 2026") < said.index("August 2026"), "the newest first"
    assert "1 statement, issued as of 20 Oct 2026, 06:00 UTC." in said
    assert "search , statement 2026-09-001" in said
    assert "USD\u00a017,506.86" in text
    assert "USD\u00a017,606.86" in text, "with what the fiscal year charged before"
    words = [name for _, name, _ in files_in_words(months[0])]
    assert words == [
        "Overview to print",
        "Workbook (Excel)",
        "Sums (CSV)",
        "Lines (CSV)",
        "Journal for the ledger (CSV)",
        "All of it (JSON)",
    ]
