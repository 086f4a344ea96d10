"""Statements of a small organisation in three currencies, issued, restated by its vendors, and issued again."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.paths import Home
from finops.periods import BillingPeriod
from orchestration import statements
from tests.support.lake_builder import LakeBuilder, charge, publish_built, run_dbt, write_config

pytestmark = [pytest.mark.ids("ALLOC-5", "COST-5"), pytest.mark.xdist_group("statements")]

AUGUST, SEPTEMBER = date(2026, 8, 10), date(2026, 9, 10)
GATEWAY = "/subscriptions/s/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-gateway"
CENT = Decimal("0.01")


def _bill(day: date, restated: bool = False) -> dict[str, list[dict[str, object]]]:
    """Bills by scope; one currency each. Restated: a charge moves to another team, one is refunded, one appears."""

    def tagged(team: str | None, billed: str, **columns: str | None) -> dict[str, object]:
        tags = json.dumps({"team": team}) if team else "{}"
        return charge(day, billed, Tags=tags, InvoiceId=f"INV-{day:%m}", **columns)

    dollars = [
        tagged("search" if not restated else "support", "100.000000000001", ResourceId="/a"),
        tagged("search", "33.333333333333", ResourceId="/b", ServiceName="Azure OpenAI"),
        tagged("support", "7", ResourceId="/c", ChargeCategory="Purchase"),
        tagged("support", "-2.5" if not restated else "-4.75", ResourceId="/c", ChargeCategory="Credit"),
        tagged(None, "11.1", ResourceId="/nobody"),
        tagged(None, "19.99", ResourceId="/microsoft.support/plan", ServiceName="Support", ChargeCategory="Purchase"),
    ]
    if restated:
        dollars.append(tagged("robotics", "0.005", ResourceId="/late"))
    euros = [
        tagged("search", "10.005", BillingCurrency="EUR", BillingAccountId="eu", ResourceId="/e"),
        tagged("robotics", "0.333", BillingCurrency="EUR", BillingAccountId="eu", ResourceId="/f"),
    ]
    yen = [tagged("search", "1234.5", BillingCurrency="JPY", BillingAccountId="jp", ResourceId="/y")]
    return {"dollars": dollars, "euros": euros, "yen": yen}


@dataclass
class Organisation:
    home: Home
    lake: LakeBuilder
    config: Path

    def deliver(self, day: date, submitted_at: datetime, restated: bool = False) -> None:
        for scope, rows in _bill(day, restated).items():
            self.lake.snapshot(
                "focus__cost_and_usage",
                rows,
                scope=scope,
                snapshot_id=f"{scope}-{day}-{submitted_at:%m%d}",
                period_start=day.replace(day=1),
                submitted_at=submitted_at,
            )

    def report(self, as_of: datetime) -> None:
        self.lake.configure(as_of, self.config)
        result = run_dbt(
            self.home, "build", "--quiet", "--select", "+fct_statement_line_monthly", "+fct_invoice_monthly",
            "--indirect-selection", "cautious",
        )  # fmt: skip
        assert result.returncode == 0, result.output
        publish_built(self.home, "fct_statement_line_monthly", "fct_invoice_monthly", version=f"{as_of:%Y%m%d}")

    def run(self, *arguments: str) -> tuple[int, str]:
        places = ["--home", str(self.home.path)]
        if arguments[0] in ("issue", "preview"):
            places += ["--config", str(self.config)]
        done = CliRunner().invoke(app, ["statements", *arguments, *places])
        return done.exit_code, " ".join(done.output.split())

    def rows(self, month: str, file: str) -> list[dict[str, str]]:
        with (self.home.statements / month / file).open(encoding="utf-8-sig", newline="") as source:
            return list(csv.DictReader(source))


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """August issued; then August is restated and September is issued."""
    home = Home(tmp_path_factory.mktemp("statements") / "home")
    config = write_config(home.path / "settings")
    allocation = config / "allocation.yml"
    allocation.write_text(
        allocation.read_text(encoding="utf-8")
        + 'statements: {issuer: "Test & Co", expense_account: "6540", unowned_cost_center: CC-9}\n',
        encoding="utf-8",
    )
    organisation = Organisation(home, LakeBuilder(home), config)
    organisation.deliver(AUGUST, datetime(2026, 9, 3, tzinfo=UTC))
    organisation.lake.configure(datetime(2026, 9, 4, tzinfo=UTC), config)
    assert "closes on 06 Sep 2026" in organisation.run("issue", "2026-08")[1]
    organisation.report(datetime(2026, 9, 6, tzinfo=UTC))
    assert organisation.run("issue", "2026-08")[0] == 0
    organisation.deliver(SEPTEMBER, datetime(2026, 10, 3, tzinfo=UTC))
    organisation.deliver(AUGUST, datetime(2026, 10, 4, tzinfo=UTC), restated=True)
    organisation.report(datetime(2026, 10, 7, tzinfo=UTC))
    code, output = organisation.run("issue", "2026-09")
    assert code == 0, output
    return organisation


def _sums(rows: list[dict[str, str]], *by: str) -> dict[tuple[str, ...], Decimal]:
    sums: dict[tuple[str, ...], Decimal] = {}
    for row in rows:
        key = tuple(row[name] for name in by)
        sums[key] = sums.get(key, Decimal(0)) + Decimal(row["billed_cost"])
    return sums


def _delivered(day: date, restated: bool = False) -> dict[tuple[str, ...], Decimal]:
    sums: dict[tuple[str, ...], Decimal] = {}
    for rows in _bill(day, restated).values():
        for row in rows:
            key = (str(row["BillingCurrency"]),)
            sums[key] = sums.get(key, Decimal(0)) + Decimal(str(row["BilledCost"]))
    return sums


def test_a_month_ties_to_what_was_delivered_in_three_currencies(organisation: Organisation) -> None:
    assert _sums(organisation.rows("2026-08", "lines.csv"), "currency") == _delivered(AUGUST)
    september = organisation.rows("2026-09", "lines.csv")
    own = [row for row in september if row["of_month"] == "2026-09"]
    assert _sums(own, "currency") == _delivered(SEPTEMBER)
    everything = _sums(organisation.rows("2026-08", "lines.csv") + september, "currency")
    restated = _delivered(AUGUST, restated=True)
    assert everything == {key: restated[key] + amount for key, amount in _delivered(SEPTEMBER).items()}


def test_a_restated_month_moves_only_through_true_ups(organisation: Organisation) -> None:
    true_ups = [row for row in organisation.rows("2026-09", "lines.csv") if row["of_month"] == "2026-08"]
    by_team = _sums([row for row in true_ups if row["section"] in ("usage", "credit")], "team", "section")
    assert by_team == {
        ("search", "usage"): Decimal("-100.000000000001"),
        ("support", "usage"): Decimal("100.000000000001"),
        ("support", "credit"): Decimal("-2.25"),
        ("robotics", "usage"): Decimal("0.005"),
    }
    shared = _sums([row for row in true_ups if row["attribution_rule"] == "support-plan"], "currency")
    assert shared == {("USD",): 0}, "the support plan is split anew between the teams, and stays what it is"
    assert {row["currency"] for row in true_ups} == {"USD"}, "nothing else has changed"


def test_balances_go_on_and_the_summary_adds_up(organisation: Organisation) -> None:
    august = {(row["team"], row["currency"]): row for row in organisation.rows("2026-08", "summary.csv")}
    september = {(row["team"], row["currency"]): row for row in organisation.rows("2026-09", "summary.csv")}
    assert {"search", "support", "No owner"} <= {team for team, _ in september}
    for key, row in september.items():
        opening, closing = Decimal(row["opening"]), Decimal(row["closing"])
        assert opening == (Decimal(august[key]["closing"]) if key in august else 0)
        assert closing == opening + Decimal(row["charges"]) + Decimal(row["true_ups"])
    assert august["search", "USD"]["cost_center"] == "CC-1"
    assert [row["statement"] for row in organisation.rows("2026-09", "summary.csv")] == [
        f"2026-09-{number:03d}" for number in range(1, len(september) + 1)
    ]


def test_the_journal_can_be_booked(organisation: Organisation) -> None:
    totals: dict[tuple[str, str, str], Decimal] = {}
    for month in ("2026-08", "2026-09"):
        rows = organisation.rows(month, "journal.csv")
        for currency in ("USD", "EUR", "JPY"):
            of_currency = [row for row in rows if row["currency"] == currency]
            debit, credit = (sum(Decimal(row[side]) for row in of_currency) for side in ("debit", "credit"))
            assert debit == credit > 0, (month, currency)
        for row in rows:
            unit = Decimal(1) if row["currency"] == "JPY" else CENT
            assert Decimal(row["debit"]) % unit == Decimal(row["credit"]) % unit == 0
            key = (row["cost_center"], row["account"], row["currency"])
            totals[key] = totals.get(key, Decimal(0)) + Decimal(row["debit"]) - Decimal(row["credit"])
    # 10.005 twice is 20.01: rounded month by month it would be 20.00.
    assert totals["CC-1", "6540", "EUR"] == Decimal("20.01")
    assert totals["CC-1", "6540", "JPY"] == Decimal(2469)
    assert totals["CC-9", "6540", "USD"] == Decimal("22.2")


def test_workbook_and_pages_say_the_same(organisation: Organisation) -> None:
    book = openpyxl.load_workbook(organisation.home.statements / "2026-09" / "statements.xlsx", read_only=True)
    assert book.sheetnames == ["Summary", "Lines", "True-ups", "Invoices", "Journal"]
    rows = list(book["Summary"].iter_rows(min_row=2, values_only=True))
    summary = organisation.rows("2026-09", "summary.csv")
    assert [row[0] for row in rows] == [row["statement"] for row in summary]
    assert [row[7] for row in rows] == [pytest.approx(float(row["closing"])) for row in summary]
    invoices = list(book["Invoices"].iter_rows(min_row=2, values_only=True))
    assert {(row[3], row[4]) for row in invoices} == {("INV-09", "USD"), ("INV-09", "EUR"), ("INV-09", "JPY")}
    [search] = [row for row in summary if (row["team"], row["currency"]) == ("search", "USD")]
    page = (organisation.home.statements / "2026-09" / f"{search['statement']}.html").read_text(encoding="utf-8")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Test &amp; Co" in page
    assert "Changed since 2026-08 was stated" in text
    assert f"{Decimal(search['closing']).quantize(CENT):,f}".replace("-", "\N{MINUS SIGN}") in text
    index = (organisation.home.statements / "2026-09" / "index.html").read_text(encoding="utf-8")
    assert all(f"{row['statement']}.html" in index for row in summary)


def test_months_are_issued_once_and_in_order(organisation: Organisation) -> None:
    before = {path: path.read_bytes() for path in organisation.home.statements.rglob("*") if path.is_file()}
    assert "true-up of the statements of 2026-09" in organisation.run("issue", "2026-08")[1]
    assert "true-up of the statements of 2026-10" in organisation.run("issue", "2026-09")[1]
    assert "statements of 2026-10 come first" in organisation.run("preview", "2026-11")[1]
    assert "Nothing was billed in 2026-10" in organisation.run("preview", "2026-10")[1]
    assert organisation.run("issue", "September")[0] == 2
    assert {path: path.read_bytes() for path in organisation.home.statements.rglob("*") if path.is_file()} == before
    code, listed = organisation.run("list")
    assert code == 0
    assert listed.count("2026-08") == listed.count("2026-09") == 3, "a line per month and currency"


def test_an_issue_that_was_stopped_is_finished_and_a_changed_one_is_found(
    organisation: Organisation, tmp_path: Path
) -> None:
    code, output = organisation.run("verify")
    assert code == 0, output
    document = organisation.home.statements / "2026-09" / "issue.json"
    kept = document.read_text(encoding="utf-8")
    try:
        document.write_text(kept.replace("33.333333333333", "33.333333333334", 1), encoding="utf-8")
        code, output = organisation.run("verify")
        assert code == 1
        assert "does not add up" in output
        document.write_text(kept.replace("INV-09", "INV-10", 1), encoding="utf-8")
        assert "2026-09: issue.json was changed after it was issued" in organisation.run("verify")[1]
    finally:
        document.write_text(kept, encoding="utf-8")
    moved = organisation.home.statements / "2026-09"
    moved.rename(tmp_path / "2026-09")
    try:
        assert "2026-09 was issued, but its folder is gone" in organisation.run("verify")[1]
    finally:
        (tmp_path / "2026-09").rename(moved)
    assert organisation.run("verify")[0] == 0


def test_a_run_that_died_before_its_audit_entry_is_completed(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    for folder in ("published", ".published", "config"):
        source = organisation.home.path / folder
        shutil.copytree(source, home.path / folder, symlinks=True)
    place = Organisation(home, organisation.lake, organisation.config)

    def died(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(statements, "_vouch", died)
        with pytest.raises(KeyboardInterrupt):
            statements.issue(home, organisation.config, BillingPeriod(date(2026, 9, 1)))
    assert "has no entry in the audit trail" in place.run("verify")[1]
    first = (home.statements / "2026-09" / "issue.json").read_bytes()
    assert place.run("issue", "2026-09")[0] == 0
    assert place.run("verify")[0] == 0
    assert (home.statements / "2026-09" / "issue.json").read_bytes() == first
    (home.statements / ".2026-10.part").mkdir()
    assert place.run("list")[0] == 0, "what a stopped run left behind is nobody's statement"
