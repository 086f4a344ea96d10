"""A group billed in USD and its subsidiaries billed in EUR and GBP: from the exports' files to statements.

What the files say is added up here by ``csv`` and ``Decimal`` alone.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ingestion
import simulator
from cli.main import app
from finops.config.bill_sources import AzureExportsSource
from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import DbtResult, LakeBuilder, publish_built, run_dbt

# By night: statements in three currencies tie by day too, on a smaller organisation (test_statements).
pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("three-currencies"),
    pytest.mark.ids("ALLOC-5", "COST-4", "COST-1"),
]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
CURRENCIES = ("EUR", "GBP", "USD")
MARTS = ("fct_allocated_charge", "fct_exchange_rate_daily", "fct_invoice_monthly", "fct_statement_line_monthly")
GUARDS = ("assert_bill_reconciles", "assert_every_charge_once")
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Done:
    home: Home
    marts: DbtResult
    delivered: Rows

    def statement(self, file: str) -> Rows:
        with (self.home.statements / "2026-09" / file).open(encoding="utf-8-sig", newline="") as source:
            return list(csv.DictReader(source))


def newest_rows(container: Path) -> Rows:
    """The rows of the newest run of every export and month."""
    newest: dict[tuple[str, str], dict[str, object]] = {}
    for path in container.rglob("manifest.json"):
        manifest = json.loads(path.read_text())
        key = (manifest["exportConfig"]["exportName"], manifest["runInfo"]["startDate"])
        if key not in newest or manifest["runInfo"]["submittedTime"] > newest[key]["runInfo"]["submittedTime"]:  # type: ignore[index]
            newest[key] = manifest
    rows: Rows = []
    for manifest in newest.values():
        for blob in manifest["blobs"]:  # type: ignore[attr-defined]
            with gzip.open(container / blob["blobName"], "rt", encoding="utf-8", newline="") as file:
                rows += csv.DictReader(file)
    return rows


def sums(rows: Rows, currency: str, amount: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row[currency]] += Decimal(row[amount])
    return dict(found)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    home = Home(tmp_path_factory.mktemp("three-currencies") / "home")
    made = simulator.generate(home.simulator, scale=0.05, days=60)
    LakeBuilder(home).configure(AS_OF, PROJECT_DIR / "config")
    shutil.rmtree(home.lake)  # the real landing makes its own
    for name, folder in (("group", made.exports), ("subsidiaries", made.subsidiary_exports)):
        source = AzureExportsSource(id=name, type="azure_exports", url=str(folder))
        landed = ingestion.land(source, home, as_of=AS_OF, environ={})
        assert (landed.incomplete, landed.rejected, landed.notes) == ([], 0, [])
    built = run_dbt(
        home, "build", "--quiet", "--indirect-selection", "empty",
        "--select", *(f"+{mart}" for mart in MARTS), "+fct_reconciliation_daily", "int_signals__priced_cost", *GUARDS,
    )  # fmt: skip
    assert built.returncode == 0, built.output
    publish_built(home, *MARTS)
    places = ["--home", str(home.path), "--config", str(PROJECT_DIR / "config")]
    issued = CliRunner().invoke(app, ["statements", "issue", "2026-09", *places])
    assert issued.exit_code == 0, issued.output
    return Done(home, built, newest_rows(made.exports) + newest_rows(made.subsidiary_exports))


def test_statements_are_the_exports_to_the_last_decimal_in_every_currency(done: Done) -> None:
    september = [row for row in done.delivered if row["BillingPeriodStart"].startswith("2026-09")]
    delivered = sums(september, "BillingCurrency", "BilledCost")
    assert tuple(sorted(delivered)) == CURRENCIES
    assert all(amount > 10 for amount in delivered.values())
    assert any(len(str(amount).partition(".")[2]) == 12 for amount in delivered.values()), "every digit is needed"
    assert sums(done.statement("lines.csv"), "currency", "billed_cost") == delivered
    assert sums(done.statement("summary.csv"), "currency", "closing") == delivered


@pytest.mark.ids("FCST-1")
def test_what_follows_an_exchange_rate_is_known_with_the_rate_of_its_month(done: Done) -> None:
    """Prices are in USD: all AI spend of the subsidiaries follows a rate, none of the group's."""
    rates = {
        (row["BillingCurrency"], row["BillingPeriodStart"][:7], row["x_BillingExchangeRate"]) for row in done.delivered
    }
    abroad = {(code, month, Decimal(rate)) for code, month, rate in rates if code != "USD"}
    assert len(abroad) > 2 * 2
    found = done.marts.query(
        "select distinct currency, strftime(usage_date, '%Y-%m'), exchange_rate, pricing_currency "
        "from intermediate.int_signals__priced_cost"
    )
    assert {row[:3] for row in found} == abroad
    assert {row[3] for row in found} == {"USD"}
    spent = "select billing_currency, sum(effective_cost) from intermediate.int_cost__union where is_ai group by all"
    whole = {code: cost for code, cost in done.marts.query(spent) if code != "USD"}
    assert whole == dict(
        done.marts.query(
            "select currency, sum(cost) from intermediate.int_signals__priced_cost "
            "where scope_type = 'company' group by all"
        )
    )


def test_each_currency_is_invoiced_by_an_account_of_its_own(done: Done) -> None:
    september = [row for row in done.delivered if row["BillingPeriodStart"].startswith("2026-09")]
    ours = done.marts.query(
        "select billing_account_id, invoice_id, billing_currency, sum(billed_cost) from marts.fct_invoice_monthly "
        "where billing_period_start = '2026-09-01' group by all"
    )
    theirs: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in september:
        theirs[row["BillingAccountId"].lower(), row["InvoiceId"], row["BillingCurrency"]] += Decimal(row["BilledCost"])
    assert {tuple(row[:3]): row[3] for row in ours} == theirs
    assert len(theirs) == len(CURRENCIES)


def test_cost_is_split_in_every_currency_and_its_parts_are_the_charge(done: Done) -> None:
    split = done.marts.query(
        "select billing_currency, count(distinct pool_id), count(distinct team) from marts.fct_allocated_charge "
        "where attribution_method = 'allocated' group by all order by all"
    )
    assert [row[0] for row in split] == list(CURRENCIES)
    # The vector store by fixed shares, the support plan by what teams spend in that currency.
    assert all(pools >= 2 and teams >= 4 for _, pools, teams in split)
    parts = done.marts.query(
        "select billing_currency, sum(billed_cost), sum(effective_cost) from marts.fct_allocated_charge group by all"
    )
    costs = ("BilledCost", "EffectiveCost")
    billed, effective = (sums(done.delivered, "BillingCurrency", amount) for amount in costs)
    assert {row[0]: (row[1], row[2]) for row in parts} == {code: (billed[code], effective[code]) for code in billed}
    [(unlike,)] = done.marts.query(
        "select count(*) from (select charge_id, any_value(charge_billed_cost) as whole, sum(billed_cost) as parts "
        "from marts.fct_allocated_charge group by charge_id) where whole <> parts"
    )
    assert unlike == 0


def test_dollars_are_told_beside_them_at_the_rates_of_the_invoices(done: Done) -> None:
    rates = done.marts.query(
        "select billing_currency, bool_or(is_missing), any_value(rate_source), sum(reporting_billed_cost) "
        "from marts.fct_exchange_rate_daily group by all"
    )
    microsofts = sums(done.delivered, "BillingCurrency", "x_BilledCostInUsd")
    for currency, is_missing, source, converted in rates:
        assert not is_missing, currency
        assert source == (None if currency == "USD" else "Group treasury, monthly booking rates")
        assert abs(converted - microsofts[currency]) < Decimal("0.000001") * microsofts[currency]


def test_an_account_in_another_currency_prices_as_it_bills(done: Done) -> None:
    """FOCUS: a unit price is in the billing currency, and times the quantity it is the cost."""
    abroad = [row for row in done.delivered if row["BillingCurrency"] != "USD"]
    assert {row["PricingCurrency"] for row in abroad} == {"USD"}
    for row in abroad:
        rate = Decimal(row["x_BillingExchangeRate"])
        assert Decimal(row["ContractedUnitPrice"]) * Decimal(row["PricingQuantity"]) == Decimal(row["ContractedCost"])
        assert abs(Decimal(row["x_BilledCostInUsd"]) * rate - Decimal(row["BilledCost"])) < Decimal("1e-12")
