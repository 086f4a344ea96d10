"""Subscriptions from files and tables to the bill: exact, corrected, cancelled, and nothing twice."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion
from finops.config.bill_sources import SaasSubscriptionsSource
from finops.paths import Home
from ingestion import LandingError, LandingResult
from ingestion.probe import ProbeContext, probe
from tests.support.lake_builder import DbtResult, run_dbt
from tests.support.landed import query, readable
from tests.support.record_homes import landing_home, write_csv

pytestmark = pytest.mark.xdist_group("saas")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
TABLE = "saas__subscription"
COPILOT = {
    "vendor": "GitHub", "product": "Copilot Business", "seats": 7, "unit_price": "19.00", "currency": "USD",
    "billing_cadence": "monthly", "start_date": "2026-01-31", "end_date": "", "team": "search", "cost_center": "CC-1",
    "service_category": "AI and Machine Learning",
}  # fmt: skip
DESIGN = {
    "vendor": "Figma", "product": "Figma", "seats": 3, "unit_price": "144.01", "currency": "EUR",
    "billing_cadence": "annual", "start_date": "2025-10-01", "team": "support",
}  # fmt: skip
CHAT = {
    "vendor": "Chat Ltd", "product": "Chat Pro", "seats": 1, "unit_price": "100", "currency": "USD",
    "billing_cadence": "quarterly", "start_date": "2026-04-10", "cancelled_on": "2026-08-01", "refund_amount": "75.55",
}  # fmt: skip


def land(home: Home, url: Path, **settings: object) -> LandingResult:
    source = SaasSubscriptionsSource.model_validate(
        {"id": "saas", "type": "saas_subscriptions", "url": str(url), **settings}
    )
    return ingestion.land(source, home, as_of=AS_OF, environ={})


def reasons(home: Home) -> dict[str, str]:
    return dict(query(home, "landing__rejected", "select column_name, reason from rows"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    folder = tmp_path_factory.mktemp("saas")
    home = landing_home(folder / "home", AS_OF)
    write_csv(folder / "delivered" / "one.csv", [COPILOT, DESIGN, CHAT])
    # The same subscription in a second file: it counts once, and the newest delivery counts.
    older = write_csv(folder / "delivered" / "other.csv", [{**COPILOT, "seats": 700}])
    os.utime(older, (0, 0))
    land(home, folder / "delivered")
    result = run_dbt(
        home, "build", "--indirect-selection", "cautious",
        "--select", "+fct_ai_cost_daily", "+fct_reconciliation_daily", "+fct_rejected_row",
    )  # fmt: skip
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("ING-4", "COST-1", "ING-10")
def test_purchases_are_billed_and_days_amortised_exactly(built: DbtResult) -> None:
    rows = built.query(
        "select usage_date, billed_cost, effective_cost from marts.fct_ai_cost_daily "
        "where provider_name = 'GitHub' and charge_category = 'Purchase' order by 1"
    )
    # The 31st is the last day of a shorter month.
    assert [f"{day:%m-%d}" for day, _, _ in rows][:4] == ["01-31", "02-28", "03-31", "04-30"]
    assert {billed for _, billed, _ in rows} == {Decimal("133")}
    assert {effective for _, _, effective in rows} == {Decimal(0)}
    # A year of Figma is over: its 365 days sum to the price, which no number of equal parts does.
    year = built.query(
        "select sum(effective_cost), count(*), count(distinct effective_cost) from marts.fct_ai_cost_daily "
        "where provider_name = 'Figma' and charge_category = 'Usage' and usage_date < '2026-10-01'"
    )
    assert year == [(Decimal("432.03"), 365, 2)]
    # The second year is billed as a whole and used for twenty days so far.
    assert built.value(
        "select sum(billed_cost) from marts.fct_ai_cost_daily where provider_name = 'Figma'"
    ) == 2 * Decimal("432.03")
    assert built.value("select max(usage_date) from marts.fct_ai_cost_daily") == AS_OF.date()


@pytest.mark.ids("ING-4", "COST-1")
def test_a_refund_is_a_correction_and_ends_the_cost(built: DbtResult) -> None:
    billed, effective, last = built.query(
        "select sum(billed_cost), sum(effective_cost), max(usage_date) filter (where effective_cost > 0) "
        "from marts.fct_ai_cost_daily where provider_name = 'Chat Ltd'"
    )[0]
    assert billed == effective == Decimal("200") - Decimal("75.55")
    assert last == date(2026, 7, 31)
    assert built.query(
        "select usage_date, billed_cost from staging.stg_focus__cost_and_usage where charge_class = 'Correction'"
    ) == [(date(2026, 8, 1), Decimal("-75.55"))]


@pytest.mark.ids("ING-4", "ING-10")
def test_the_bill_reconciles_and_tells_the_copy(built: DbtResult) -> None:
    assert built.value("select count(*) from marts.fct_reconciliation_daily where not is_reconciled") == 0
    assert built.value("select sum(lake_row_count) from marts.fct_reconciliation_daily") == 9 + 2 + 2 + 1
    assert built.query("select x_file like '%other.csv', column_name from marts.fct_rejected_row") == [
        (True, "subscription_id")
    ]
    cost = "select distinct team, is_ai from marts.fct_ai_cost_daily where provider_name = 'GitHub'"
    assert built.query(cost) == [("search", False)]


@pytest.mark.ids("ING-4", "ING-10")
def test_landing_twice_lands_once_and_a_changed_file_replaces(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = write_csv(tmp_path / "in" / "saas.csv", [COPILOT, DESIGN])
    assert land(home, file).rows == {TABLE: 2}
    before = readable(home)
    assert land(home, file).skipped == 1
    assert readable(home) == before
    write_csv(file, [{**COPILOT, "seats": 8}])
    assert land(home, file).rows == {TABLE: 1}
    assert query(home, TABLE, "select seats, tags from rows order by load_id, seats desc") == [
        (7, '{"cost_center": "CC-1", "team": "search"}'),
        (3, '{"team": "support"}'),
        (8, '{"cost_center": "CC-1", "team": "search"}'),
    ]


@pytest.mark.ids("ING-4", "ING-10")
@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"seats": "2.5"}, "seats", "2.5 is not a whole number"),
        ({"seats": "0"}, "seats", "a subscription without seats"),
        ({"unit_price": "-4"}, "unit_price", "-4 is negative"),
        ({"unit_price": "1,900"}, "unit_price", "'1,900' is not a number"),
        ({"currency": "dollars"}, "currency", "'DOLLARS' is not a currency"),
        ({"billing_cadence": "weekly"}, "billing_cadence", "'weekly' is no billing cadence"),
        ({"start_date": "31/01/2026"}, "start_date", "'31/01/2026' is not a day"),
        ({"end_date": "2025-01-01"}, "end_date", "end_date 2025-01-01 is before start_date 2026-01-31"),
        ({"refund_amount": "5"}, "refund_amount", "a refund without the day it was cancelled on"),
        ({"service_category": "AI"}, "service_category", "'AI' is no FOCUS service category"),
        ({"vendor": ""}, "vendor", "vendor is missing"),
    ],
)
def test_what_cannot_be_used_is_kept_with_its_reason(
    tmp_path: Path, change: dict[str, str], column: str, reason: str
) -> None:
    home = Home(tmp_path / "home")
    result = land(home, write_csv(tmp_path / "saas.csv", [{**COPILOT, **change}, DESIGN]))
    assert (result.rejected, result.rows) == (1, {TABLE: 1})
    assert reasons(home) == {column: reason}


@pytest.mark.ids("ING-4", "ING-10")
def test_two_rows_for_the_same_days_and_broken_lines(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = write_csv(tmp_path / "saas.csv", [COPILOT, {**COPILOT, "start_date": "2026-03-01", "seats": 9}])
    file.write_text(file.read_text() + "GitHub,ann@example.com\n")
    assert land(home, file).rejected == 2
    found = query(home, "landing__rejected", "select x_row, reason, raw_row from rows order by x_row")
    assert found[0][:2] == (2, "github/copilot business has another row for the same days")
    assert found[1] == (3, "the line has fewer fields than the header", "GitHub,[e-mail]")
    # With an end, the second price is a new term of the same subscription.
    write_csv(file, [{**COPILOT, "end_date": "2026-02-28"}, {**COPILOT, "start_date": "2026-03-01", "seats": 9}])
    assert land(home, file).rejected == 0


@pytest.mark.ids("ING-4")
def test_yaml_says_the_same_as_csv(tmp_path: Path) -> None:
    yaml = tmp_path / "saas.yml"
    lines = [f"{'  - ' if i == 0 else '    '}{name}: {value}" for i, (name, value) in enumerate(COPILOT.items())]
    yaml.write_text("subscriptions:\n" + "\n".join(lines) + "\n")
    assert land(Home(tmp_path / "a"), yaml).rows == {TABLE: 1}
    assert land(Home(tmp_path / "b"), write_csv(tmp_path / "saas.csv", [COPILOT])).rows == {TABLE: 1}
    columns = "select * exclude (load_id, snapshot_id, x_file) from rows"
    assert query(Home(tmp_path / "a"), TABLE, columns) == query(Home(tmp_path / "b"), TABLE, columns)


@pytest.mark.ids("ING-4", "SEC-2")
def test_a_table_is_landed_where_it_changed_and_its_address_stays_secret(tmp_path: Path) -> None:
    home, database = Home(tmp_path / "home"), tmp_path / "finance.db"
    environ = {"FINANCE_DB": f"sqlite:///{database}"}
    source = SaasSubscriptionsSource(
        id="saas", type="saas_subscriptions", connection_env="FINANCE_DB", table="subscriptions",
        columns={"unit_price": "price_per_seat"},
    )  # fmt: skip
    source = source.model_copy(update={"columns": {**{n: n for n in CHAT if n != "unit_price"}, **source.columns}})
    rows = [tuple(CHAT.values()), tuple({**CHAT, "product": "Chat Team"}.values())]
    names = ", ".join("price_per_seat" if name == "unit_price" else name for name in CHAT)
    with sqlite3.connect(database) as connection:
        connection.execute(f"create table subscriptions ({names}, buyer_email)")
        connection.executemany(
            f"insert into subscriptions values ({', '.join('?' * len(CHAT))}, 'ann@example.com')", rows
        )
    connection.close()

    def landed() -> LandingResult:
        return ingestion.land(source, home, as_of=AS_OF, environ=environ)

    assert landed().rows == {TABLE: 2}
    assert landed().skipped == 1
    with sqlite3.connect(database) as connection:
        connection.execute("delete from subscriptions where product = 'Chat Pro'")
    connection.close()
    assert landed().rows == {TABLE: 1}
    assert query(
        home, TABLE, "select x_file, product, unit_price from rows order by load_id desc, product limit 1"
    ) == [("FINANCE_DB/subscriptions", "Chat Team", "100")]
    findings = list(probe(source, ProbeContext(AS_OF, environ)))
    assert [(f.check, f.status) for f in findings] == [("reachable", "ok"), ("permitted", "unknown")]
    # What is wrong is said without the address.
    environ["FINANCE_DB"] = "postgresql://reader:hunter2@127.0.0.1:1/finance"
    with pytest.raises(LandingError, match="FINANCE_DB names cannot be read") as caught:
        landed()
    assert "hunter2" not in str(caught.value)
    environ["FINANCE_DB"] = f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(LandingError, match="there is no subscriptions of the database"):
        landed()
