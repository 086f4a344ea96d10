"""Estimates that become bills, months that close, sources that fall behind, in an organisation with planted faults."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops.config import load_configuration
from finops.config.tables import KnownAt, write_tables
from finops.paths import Home
from orchestration.assets.checks import every_row_is_usable, sources_are_complete, sources_are_fresh
from orchestration.workspace import Workspace
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, span, write_config

pytestmark = pytest.mark.xdist_group("reconciliation")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
FIRST, LAST_BILLED, LAST_USED = date(2026, 9, 10), date(2026, 10, 17), date(2026, 10, 19)
DEARER_FROM = date(2026, 10, 1)
ODD_DAY = date(2026, 10, 13)
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
BILL = "focus__cost_and_usage"
ROOT = "/subscriptions/1/resourcegroups/rg-ai/providers/microsoft.cognitiveservices/accounts"
TOKENS_A_DAY = 10_000_000
"""At USD 2 per 1M tokens: USD 20 a day and account."""

PRICES = """
models:
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-01-01, source: test,
     per_1m_tokens: {input_uncached: 2, cache_read: 0.5, output: 8}}
"""
SOURCES = """
fiscal_year_first_month: 7
sources:
  - {id: export, type: azure_exports, url: /x, expected_from: 2026-08-01}
  - {id: vendor-file, type: focus_files, url: /x, freshness_hours: 1000}
  - {id: spans, type: otel_spans, url: /x}
  - {id: metrics, type: azure_monitor, region: x, resources: [/a], freshness_hours: 3}
  - {id: outcomes, type: outcomes, url: /x, freshness_hours: 48}
  - {id: silent, type: focus_files, url: /x}
  - {id: switched-off, type: focus_files, url: /x, enabled: false}
"""


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _billed(name: str, day: date, *, unit_price: str = "2", tokens: int = TOKENS_A_DAY) -> dict[str, str | None]:
    millions = Decimal(tokens) / 1_000_000
    return charge(
        day,
        str(millions * Decimal(unit_price)),
        ResourceId=f"{ROOT}/{name}",
        SubAccountId="/subscriptions/1",
        ServiceName="Azure OpenAI",
        x_SkuMeterName="gpt 4.1 Inp glbl 1M Tokens",
        PricingQuantity=str(millions),
        PricingUnit="1M",
        ConsumedQuantity=str(tokens),
        ConsumedUnit="Tokens",
    )


def _october() -> list[dict[str, str | None]]:
    rows = []
    for day in _days(OCTOBER, LAST_BILLED):
        rows += [
            _billed("dearer", day, unit_price="2.16"),
            _billed("exact", day, unit_price="20" if day == ODD_DAY else "2"),
            _billed("more", day, tokens=TOKENS_A_DAY * 6 // 5),
            charge(
                day, "100", ResourceId=f"{ROOT}/rented", ServiceName="Azure OpenAI", SubAccountId="/subscriptions/1",
                x_SkuMeterName="Provisioned Managed Global Unit",
            ),
        ]  # fmt: skip
    rows.append(_billed("dark", date(2026, 10, 8)))
    rows.append(_billed("nameless", date(2026, 10, 9), tokens=3_000_000))
    return rows


def _september(*, is_restated: bool) -> list[dict[str, str | None]]:
    rows = [_billed(name, day) for day in _days(FIRST, date(2026, 9, 30)) for name in ("dearer", "exact")]
    storage = charge(date(2026, 9, 12), "50", ServiceName="Storage Accounts", SubAccountId="/subscriptions/1")
    vault = charge(date(2026, 9, 12), "7", ServiceName="Key Vault", SubAccountId="/subscriptions/2")
    machine = charge(date(2026, 9, 12), "31" if is_restated else "30", SubAccountId="/subscriptions/1")
    return [*rows, machine, vault if is_restated else storage]


def _usage() -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []

    def used(name: str | None, day: date, tokens: int = TOKENS_A_DAY) -> None:
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        account = f"{ROOT}/{name}" if name else None
        spans.append(
            span(
                at,
                len(spans) + 1,
                app="query-rewriter",
                resource_id=account,
                input_tokens=tokens,
                output_tokens=0,
            )
        )

    for day in _days(FIRST, LAST_USED):
        used("dearer", day)
        used("exact", day)
        if day >= OCTOBER:
            used("more", day)
            used("rented", day)
    used("unbilled", date(2026, 10, 8))
    used("dark", date(2026, 10, 6))
    used(None, date(2026, 10, 9), 3_000_000)
    return spans


def _window(start: datetime, hours: int) -> dict[str, Any]:
    return {
        "source_id": "metrics", "table_name": "azure_monitor__metric", "scope": "/a", "window_start": start,
        "window_end": start + timedelta(hours=hours), "requested_at": AS_OF, "row_count": 0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("reconciliation"))
    lake = LakeBuilder(home)
    config = write_config(home.path / "settings")
    (config / "prices.yml").write_text(PRICES)
    (config / "sources.yml").write_text(SOURCES)
    (config / "reconciliation.yml").write_text("close_after_days_by_provider: {Slow: 60}\n")
    lake.configure(AS_OF, config)

    def deliver(
        table: str,
        rows: list[Any],
        scope: str,
        made: str,
        month: date | None = None,
        source: str = "export",
        **more: Any,
    ) -> None:
        at = datetime.fromisoformat(made).replace(tzinfo=UTC)
        lake.snapshot(table, rows, scope=scope, period_start=month, submitted_at=at, source_id=source, **more)

    deliver(BILL, _september(is_restated=False)[:10], "e1", "2026-09-20T04:00", SEPTEMBER)
    deliver(BILL, _september(is_restated=False), "e1", "2026-10-05T04:00", SEPTEMBER, snapshot_id="closing-run")
    deliver(BILL, _september(is_restated=True), "e1", "2026-10-12T04:00", SEPTEMBER, snapshot_id="restating-run")
    deliver(BILL, _october(), "e1", "2026-10-19T04:00", OCTOBER)
    july = date(2026, 7, 15)
    vendor = {"ProviderName": "Vendor", "ServiceName": "Seats"}
    for content, made, amount in (("v1", "2026-08-01T00:00", "70"), ("v2", "2026-09-15T00:00", "77")):
        deliver(BILL, [charge(july, amount, **vendor)], "seats.csv", made, source="vendor-file", snapshot_id=content)
    # A copy of the first version came later: the same content, replaced by nobody.
    deliver(
        BILL,
        [charge(july, "70", **vendor)],
        "copy/seats.csv",
        "2026-10-02T00:00",
        source="vendor-file",
        snapshot_id="v1",
    )
    slow = {"ProviderName": "Slow", "ServiceName": "Seats"}
    deliver(BILL, [charge(date(2026, 9, 2), "5", **slow)], "slow.csv", "2026-10-01T00:00", source="vendor-file")
    late = {"ProviderName": "Backfilled", "ServiceName": "Seats"}
    deliver(BILL, [charge(date(2026, 6, 2), "9", **late)], "back.csv", "2026-10-03T00:00", source="vendor-file")

    deliver("otel__genai_span", _usage(), "spans.jsonl", "2026-10-20T05:00", source="spans")
    outcomes = [
        {
            "outcome_date": date(2026, 10, 1),
            "outcome": "ticket_resolved",
            "app": "ticket-triage",
            "quantity": Decimal(8),
        },
        {"outcome_date": date(2026, 10, 1), "outcome": "ticket_resolved", "app": "ticket-triage", "quantity": None},
    ]
    deliver("outcomes__record", outcomes, "outcomes.csv", "2026-10-01T00:00", source="outcomes")
    day = datetime(2026, 10, 19, tzinfo=UTC)
    lake.load({"landing__window": [_window(day, 6), _window(day + timedelta(hours=8), 21)]})
    return home


@pytest.fixture(scope="module")
def built(home: Home) -> DbtResult:
    marts = (
        "fct_budget_status", "fct_closed_month", "fct_cost_to_date_daily", "fct_estimate_drift_daily",
        "fct_rejected_row", "fct_source_health", "fct_true_up_monthly",
    )  # fmt: skip
    result = run_dbt(home, "build", "--indirect-selection", "cautious", "--select", *(f"+{mart}" for mart in marts))
    assert result.returncode == 0, result.output
    return result


def _drift(built: DbtResult, account: str, day: date) -> dict[str, Any]:
    columns = (
        "status, cause, estimated_cost, billed_cost, drift_cost, price_drift_cost, quantity_drift_cost, "
        "estimated_tokens, billed_tokens"
    )
    where = f"account_id = '{ROOT}/{account}'" if account else "account_id is null"
    [row] = built.query(
        f"select {columns} from marts.fct_estimate_drift_daily where {where} and usage_date = '{day}'"
        " and (estimated_tokens > 0 or billed_cost is not null)"
    )
    return dict(zip(columns.split(", "), row, strict=True))


# ── Estimate and bill ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("COST-2")
def test_drift_says_whether_price_or_quantity_moved(built: DbtResult) -> None:
    day = date(2026, 10, 8)
    dearer = _drift(built, "dearer", day)
    assert (dearer["cause"], dearer["status"]) == ("price", "billed")
    assert (dearer["estimated_cost"], dearer["billed_cost"]) == (Decimal(20), Decimal("21.6"))
    assert (dearer["price_drift_cost"], dearer["quantity_drift_cost"]) == (Decimal("1.6"), Decimal(0))
    more = _drift(built, "more", day)
    assert (more["cause"], more["drift_cost"]) == ("quantity", Decimal(4))
    assert (more["price_drift_cost"], more["quantity_drift_cost"]) == (Decimal(0), Decimal(4))
    assert (more["estimated_tokens"], more["billed_tokens"]) == (TOKENS_A_DAY, TOKENS_A_DAY * 6 // 5)
    assert _drift(built, "exact", day)["cause"] == "within_tolerance"
    assert _drift(built, "dark", day)["cause"] == "billed_without_usage"
    free = _drift(built, "dark", date(2026, 10, 6))
    assert (free["cause"], free["drift_cost"], free["billed_cost"]) == ("usage_without_bill", Decimal(-20), None)
    assert _drift(built, "rented", day)["cause"] == "billed_otherwise"


@pytest.mark.ids("COST-2")
def test_an_estimate_lives_until_its_bill_comes(built: DbtResult) -> None:
    assert _drift(built, "exact", LAST_BILLED)["status"] == "partly"
    assert _drift(built, "exact", LAST_USED)["status"] == "estimated"
    # An account that no bill knows keeps its estimate, however old: nothing says that it was free.
    assert _drift(built, "unbilled", date(2026, 10, 8))["status"] == "estimated"
    rows = built.query(
        "select usage_date, sum(estimated_cost), count(*) from marts.fct_cost_to_date_daily "
        "where basis = 'estimated' group by 1 order by 1"
    )
    assert [(day, cost) for day, cost, _ in rows] == [
        (date(2026, 10, 8), Decimal(20)),
        (date(2026, 10, 18), Decimal(80)),
        (date(2026, 10, 19), Decimal(80)),
    ]
    assert (
        built.value(
            "select count(*) from marts.fct_cost_to_date_daily where (billed_cost is null) = (estimated_cost is null)"
        )
        == 0
    )


@pytest.mark.ids("COST-2")
def test_usage_that_names_no_account_meets_what_its_provider_bills(built: DbtResult) -> None:
    row = _drift(built, "", date(2026, 10, 9))
    assert (row["cause"], row["estimated_cost"], row["billed_cost"]) == ("within_tolerance", Decimal(6), Decimal(6))


@pytest.mark.ids("COST-2")
def test_calibration_follows_a_new_price_and_ignores_an_odd_day(built: DbtResult) -> None:
    factors = dict(
        built.query(
            "select split_part(account_id, '/', -1), calibration_factor from marts.fct_estimate_drift_daily "
            f"where usage_date = '{LAST_USED}' and estimated_cost > 0"
        )
    )
    assert factors["dearer"] == Decimal("1.08")
    assert factors["exact"] == Decimal(1), "one day at ten times the price moves nothing"
    assert factors["more"] == Decimal("1.2")
    # Too few billed days to say anything.
    assert built.value(
        "select calibration_factor from intermediate.int_reconcile__calibration "
        f"where account_id like '%/more' and usage_date = '{date(2026, 10, 5)}'"
    ) == Decimal(1)


@pytest.mark.ids("COST-2")
def test_calibrated_estimates_would_have_been_nearer_to_the_bill(built: DbtResult) -> None:
    """The factor of a day comes from days before it, so the newest billed days are a fair test."""
    errors = built.query(
        "select split_part(account_id, '/', -1), sum(abs(billed_cost - estimated_cost)), "
        "sum(abs(billed_cost - calibrated_estimated_cost)) from marts.fct_estimate_drift_daily "
        f"where status = 'billed' and usage_date between '{LAST_BILLED - timedelta(days=4)}' and '{LAST_BILLED}' "
        "and estimated_cost > 0 and billed_cost is not null group by 1"
    )
    by_account = {account: (raw, calibrated) for account, raw, calibrated in errors}
    for account in ("dearer", "more"):
        raw, calibrated = by_account[account]
        assert raw > 4
        assert calibrated < raw / 100
    raw, calibrated = by_account["exact"]
    assert calibrated <= raw


@pytest.mark.ids("COST-2", "BUD-1")
def test_a_budget_has_the_estimate_as_it_is_and_as_calibrated(built: DbtResult) -> None:
    [(plain, calibrated)] = built.query(
        "select estimated_since_billed, calibrated_estimated_since_billed from marts.fct_budget_status "
        "where budget_id = 'company'"
    )
    assert plain == Decimal(160)
    # 18 and 19 October: dearer 21.6, exact 20, more 24, rented 20.
    assert calibrated == Decimal("171.2")


@pytest.mark.ids("COST-2")
def test_the_check_warns_of_models_and_days_that_miss_the_bill(built: DbtResult) -> None:
    assert "WARN" in next(
        line for line in built.output.splitlines() if "estimate_meets_bill" in line and "START" not in line
    )


# ── Closed months ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("COST-5", "ING-10")
def test_a_closed_month_moves_by_rows_that_name_their_cause(built: DbtResult) -> None:
    rows = built.query(
        "select service_name, row_kind, billed_cost, snapshot_id, reported_month, charge_count_change "
        f"from marts.fct_true_up_monthly where provider_name = 'Microsoft' and billing_period_start = '{SEPTEMBER}' "
        "order by service_name, true_up_number"
    )
    tokens = Decimal(20) * 2 * len(_days(FIRST, date(2026, 9, 30)))
    assert rows == [
        ("Azure OpenAI", "closing", tokens, None, SEPTEMBER, 42),
        ("Key Vault", "true_up", Decimal(7), "restating-run", OCTOBER, 1),
        ("Storage Accounts", "closing", Decimal(50), None, SEPTEMBER, 1),
        # A charge that disappeared is a true-up like any other.
        ("Storage Accounts", "true_up", Decimal(-50), "restating-run", OCTOBER, -1),
        ("Virtual Machines", "closing", Decimal(30), None, SEPTEMBER, 1),
        ("Virtual Machines", "true_up", Decimal(1), "restating-run", OCTOBER, 0),
    ]


@pytest.mark.ids("COST-5")
def test_closed_months_say_what_they_closed_with(built: DbtResult) -> None:
    columns = (
        "closing_basis, closing_billed_cost, true_up_count, true_up_billed_cost, current_billed_cost, snapshot_ids"
    )
    months = {
        (provider, month): rest
        for provider, month, *rest in built.query(
            f"select provider_name, billing_period_start, {columns} from marts.fct_closed_month"
        )
    }
    assert set(months) == {
        ("Microsoft", SEPTEMBER), ("Vendor", date(2026, 7, 1)), ("Backfilled", date(2026, 6, 1)),
    }, "October is open, and Slow closes later"  # fmt: skip
    basis, closing, count, true_ups, current, snapshots = months["Microsoft", SEPTEMBER]
    assert (basis, closing, true_ups, current) == ("known_at_close", Decimal(920), Decimal(-42), Decimal(878))
    assert (count, json.loads(snapshots)) == (3, ["closing-run"])
    # A file that was replaced, and a copy of its first version that counts again beside the second.
    assert months["Vendor", date(2026, 7, 1)][:5] == ["known_at_close", Decimal(70), 2, Decimal(77), Decimal(147)]
    assert months["Backfilled", date(2026, 6, 1)][:4] == ["first_known", Decimal(9), 0, Decimal(0)]
    assert current + 147 == built.value(
        "select sum(billed_cost) from marts.fct_ai_cost_daily where provider_name in ('Microsoft', 'Vendor') "
        f"and billing_period_start < '{OCTOBER}'"
    )


# ── Sources ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-10", "OPS-1")
def test_every_source_says_how_it_is(built: DbtResult) -> None:
    health = {
        source: rest
        for source, *rest in built.query(
            "select source_id, status, unit, expected_count, landed_count, missing, rejected_rows "
            "from marts.fct_source_health"
        )
    }
    assert {source: row[0] for source, row in health.items()} == {
        "export": "incomplete", "vendor-file": "fresh", "spans": "fresh", "metrics": "incomplete", "outcomes": "late",
        "silent": "missing", "switched-off": "disabled",
    }  # fmt: skip
    assert health["export"][1:5] == ["month", 3, 2, '["e1: 2026-08"]']
    assert health["metrics"][1:5] == ["hour", 29, 27, '["/a: 2026-10-19T06:00Z to 2026-10-19T08:00Z"]']
    assert health["outcomes"][5] == 1


@pytest.mark.ids("ING-10", "OPS-1")
def test_asset_checks_name_the_sources_at_fault(built: DbtResult, home: Home) -> None:
    workspace = Workspace(home_path=str(home.path))
    fresh = sources_are_fresh(workspace)
    assert not fresh.passed
    assert set(fresh.metadata) == {"sources_checked", "outcomes", "silent"}
    complete = sources_are_complete(workspace)
    assert set(complete.metadata) == {"sources_checked", "export", "metrics"}
    rejected = every_row_is_usable(workspace)
    assert rejected.metadata["outcomes/outcomes__record"].value == 1
    assert "quantity is missing" in str(rejected.metadata["reasons"].value)


@pytest.mark.ids("COST-5")
def test_what_this_lake_held_is_told_by_when_its_loads_were_complete(tmp_path: Path) -> None:
    home = Home(tmp_path)
    lake = LakeBuilder(home)
    config = write_config(tmp_path / "settings")
    early, late = datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 10, 9, tzinfo=UTC)
    for number, loaded_at in enumerate((early, late)):
        lake.snapshot(
            BILL, [charge(OCTOBER, "1")], scope="e", snapshot_id=f"run-{number}", period_start=OCTOBER,
            submitted_at=datetime(2026, 10, 2 + number, tzinfo=UTC), loaded_at=loaded_at,
        )  # fmt: skip
    at = datetime(2026, 10, 5, tzinfo=UTC)
    write_tables(load_configuration(config), home.config_tables, at, KnownAt(at, "landed"))
    result = run_dbt(home, "run", "--select", "+stg_lake__snapshot")
    assert result.returncode == 0, result.output
    assert result.query("select snapshot_id from staging.stg_lake__snapshot") == [("run-0",)], "run-1 was made by then"
