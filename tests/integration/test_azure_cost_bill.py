"""Azure's actual and amortised cost become one bill, counted once, through the real landing and the real dbt."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion
import simulator
from finops.config.bill_sources import AzureCostApiSource, AzureExportsSource, BillFilesSource
from finops.paths import Home
from simulator.azure_cost import EXPORT_NAMES, write_cost_exports
from simulator.billing_accounts import GROUP
from simulator.server import SimulatorServer
from tests.support.azure_deliveries import RESERVATION, covered, detail, read_csv, totals_per_day, write_cost_run
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt
from tests.support.landed import HEADER, charges, write_run

pytestmark = [pytest.mark.xdist_group("azure-cost"), pytest.mark.ids("ING-1", "ING-10", "COST-1")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
MODELS = ("+fct_bill_overlap", "+fct_reconciliation_daily")
GUARDS = (
    "assert_bill_reconciles",
    "assert_snapshots_are_whole",
    "assert_every_charge_once",
    "assert_azure_datasets_agree",
)
D1, D2, D3 = date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3)


def prepared(folder: Path) -> Home:
    home = Home(folder)
    LakeBuilder(home).configure(AS_OF)
    shutil.rmtree(home.lake)  # the real landing makes its own
    return home


def build(home: Home) -> DbtResult:
    """Only what these tests look at, with the tests that guard it; the whole project is built elsewhere."""
    result = run_dbt(home, "build", "--indirect-selection", "empty", "--select", *MODELS, *GUARDS)
    assert result.returncode == 0, result.output
    return result


def export(root: Path, home: Home, name: str = "exports") -> ingestion.LandingResult:
    source = AzureExportsSource(id=name, type="azure_exports", url=str(root))
    return ingestion.land(source, home, as_of=AS_OF, environ={})


# ── one lake with every case ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> DbtResult:
    folder = tmp_path_factory.mktemp("azure-cost")
    home = prepared(folder / "home")
    root = folder / "container"

    def scope(account: str) -> str:
        return f"/providers/Microsoft.Billing/billingAccounts/{account}"

    def of(account: str, rows: list[dict[str, str]], **more: str) -> list[dict[str, str]]:
        return [{**row, "BillingAccountId": account, "SubscriptionId": f"sub-{account}", **more} for row in rows]

    bought = covered(D1, "31", ChargeType="Purchase", Frequency="Recurring")
    actual = [detail(D1, "5"), covered(D1, "0"), bought, detail(D2, "-2", ChargeType="Refund")]
    actual += [detail(D2, "1.5", ChargeType="Tax"), detail(D2, "-3", ChargeType="Credit"), detail(D3, "6")]
    amortized = [detail(D1, "5"), covered(D1, "0.75"), covered(D2, "0.25", ChargeType="UnusedReservation")]
    amortized += [detail(D2, "-2", ChargeType="Refund"), detail(D2, "1.5", ChargeType="Tax")]
    amortized += [detail(D2, "-3", ChargeType="Credit")]
    submitted = "2026-10-06T04:30:00Z"
    for account, halves in {
        "both": {"ActualCost": actual, "AmortizedCost": amortized},
        "actual": {"ActualCost": actual},
        "amortized": {"AmortizedCost": amortized},
        # The first run is replaced: it said something else.
        "empty": {"ActualCost": [], "AmortizedCost": []},
    }.items():
        for dataset, rows in halves.items():
            names = {"scope": scope(account), "name": f"{account}-{dataset}"}
            write_cost_run(root, dataset, f"{account}-{dataset}-0", of(account, [detail(D1, "99")]),
                           submitted="2026-09-05T04:30:00Z", **names)  # fmt: skip
            write_cost_run(root, dataset, f"{account}-{dataset}-1", of(account, rows), submitted=submitted, **names)
    # The same account by subscription, by a second export of the same dataset, and for August in FOCUS as well.
    write_cost_run(root, "ActualCost", "narrow", of("both", [detail(D1, "5")]), submitted=submitted,
                   scope="/subscriptions/sub-both", name="narrow")  # fmt: skip
    write_cost_run(root, "ActualCost", "second", of("actual", [detail(D1, "4")]), submitted="2026-10-02T04:30:00Z",
                   scope=scope("actual"), name="second")  # fmt: skip
    focus_config = {
        "exportName": "focus",
        "resourceId": f"{scope('both')}/providers/Microsoft.CostManagement/exports/focus",
    }
    header = (*HEADER, "BillingAccountId", "SubAccountId")
    august = ("2026-08-01", "2026-08-31")
    rows = [(*row, scope("both"), "/subscriptions/sub-BOTH") for row in charges("2026-08-01", ["7", "0.5"])]
    write_run(root / "focus", "focus", rows, submitted=submitted, period=august, config=focus_config, header=header)
    write_cost_run(root, "ActualCost", "august", of("both", [detail(date(2026, 8, 1), "7.5")]), scope=scope("both"),
                   name="both-ActualCost", submitted=submitted, month=august)  # fmt: skip
    result = export(root, home)
    assert (result.incomplete, result.ignored) == ([], [])
    assert [note for note in result.notes if "billingaccounts/both" in note and "2026-08" in note], result.notes
    with contextlib.suppress(pytest.skip.Exception):  # then only the test of real files is skipped
        real = request.getfixturevalue("real_data") / "billing" / "azure-ea"
        source = BillFilesSource(id="real", type="bill_files", url=str(real))
        landed = ingestion.land(source, home, as_of=AS_OF, environ={})
        assert (landed.snapshots, landed.rows, landed.rejected) == (3, {"azure_cost__detail": 39}, 0)
    return build(home)


def costs(built: DbtResult, account: str, month: str = "2026-09-01") -> list[tuple[object, ...]]:
    return built.query(
        f"""select usage_date, charge_category, charge_class, commitment_discount_status, billed_cost, effective_cost,
                   x_repairs
            from staging.stg_focus__cost_and_usage
            where billing_account_id like '%/{account}' and billing_period_start = date '{month}'
            order by usage_date, billed_cost desc, effective_cost desc"""
    )


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


def test_both_datasets_make_one_bill(built: DbtResult) -> None:
    assert costs(built, "both") == [
        (D1, "Purchase", None, None, *money("31", "0"), None),
        (D1, "Usage", None, None, *money("5", "5"), None),
        (D1, "Usage", None, "Used", *money("0", "0.75"), None),
        (D2, "Tax", None, None, *money("1.5", "1.5"), None),
        (D2, "Usage", None, "Unused", *money("0", "0.25"), None),
        (D2, "Purchase", "Correction", None, *money("-2", "-2"), None),
        (D2, "Credit", None, None, *money("-3", "-3"), None),
        # The amortised run ends a day earlier: the newest day is not lost until the next one.
        (D3, "Usage", None, None, *money("6", "6"), None),
    ]


def test_what_one_dataset_cannot_tell_is_said_and_a_commitment_is_never_counted_twice(built: DbtResult) -> None:
    assert costs(built, "actual")[:3] == [
        (D1, "Purchase", None, None, *money("31", "31"), "EffectiveCost"),
        (D1, "Usage", None, None, *money("5", "5"), None),
        (D1, "Usage", None, "Used", *money("0", "0"), "EffectiveCost"),
    ]
    found = costs(built, "amortized")
    assert [row for row in found if row[3]] == [
        (D1, "Usage", None, "Used", *money("0", "0.75"), "BilledCost"),
        (D2, "Usage", None, "Unused", *money("0", "0.25"), "BilledCost"),
    ]
    assert sum(row[5] for row in found) == Decimal("2.5")


def test_an_empty_run_is_an_explicit_zero(built: DbtResult) -> None:
    assert costs(built, "empty") == []
    assert built.query(
        "select has_actual, has_amortized, last_actual_date from staging.stg_azure_cost__dataset "
        "where delivery_id like '%/empty|%'"
    ) == [(True, True, None)]


def test_a_month_that_is_delivered_twice_counts_once_and_the_rest_is_shown(built: DbtResult) -> None:
    # FOCUS before cost details of the same scope; both are there for August only.
    assert [row[4] for row in costs(built, "both", "2026-08-01")] == [Decimal(7), Decimal("0.5")]
    left_out = built.query(
        """select source_id, delivery_kind, billing_account, sub_account, billing_month, row_count, billed_cost,
                  kept_delivery_kind, kept_billing_scope
           from marts.fct_bill_overlap order by all"""
    )
    account = "/providers/microsoft.billing/billingaccounts"
    assert left_out == [
        (
            "exports",
            "cost_export",
            "actual",
            "sub-actual",
            "2026-09",
            1,
            Decimal(4),
            "cost_export",
            f"{account}/actual",
        ),
        ("exports", "cost_export", "both", "sub-both", "2026-08", 1, Decimal("7.5"), "focus_export", f"{account}/both"),
        ("exports", "cost_export", "both", "sub-both", "2026-09", 1, Decimal(5), "cost_export", f"{account}/both"),
    ]
    assert built.value("select bool_and(is_reconciled) from marts.fct_reconciliation_daily") is True


def test_ids_dates_and_commitments_are_focus_rows(built: DbtResult) -> None:
    row = built.query(
        """select distinct billing_account_id, sub_account_id, billing_period_start, billing_period_end,
                  charge_period_end - charge_period_start, commitment_discount_id, commitment_discount_type,
                  commitment_discount_category, pricing_category, pricing_unit, consumed_unit, provider_name
           from staging.stg_focus__cost_and_usage
           where billing_account_id like '%/both' and commitment_discount_status = 'Used'"""
    )
    assert row[0][:4] == (
        "/providers/microsoft.billing/billingaccounts/both",
        "/subscriptions/sub-both",
        D1,
        date(2026, 10, 1),
    )
    assert row[0][4].days == 1
    assert row[0][5:] == (
        RESERVATION.lower(), "Reservation", "Usage", "Committed", "1 Hour", "Hours", "Microsoft",
    )  # fmt: skip


# ── real files ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("COST-1")
def test_real_enterprise_files_reconcile_to_the_last_digit(built: DbtResult, real_data: Path) -> None:
    folder = real_data / "billing" / "azure-ea"
    actual = read_csv(folder / "EA_ActualCost_Small.csv")
    amortized = read_csv(folder / "EA_AmortizedCost_Small.csv")
    expected = totals_per_day(actual, amortized)
    assert (len(actual), len(amortized), len(expected)) == (11, 28, 10)
    assert sum(day[0] for day in expected.values()) == Decimal("19.047780136169")
    assert sum(day[1] for day in expected.values()) == Decimal("16.296932136637")

    rows = "staging.stg_focus__cost_and_usage where source_id = 'real'"
    found = built.query(f"select usage_date, sum(billed_cost), sum(effective_cost) from {rows} group by 1")
    assert {day: [billed, effective] for day, billed, effective in found} == expected
    mart = "marts.fct_reconciliation_daily where usage_date < date '2024-01-01'"
    assert built.total("mart_billed_cost", mart) == Decimal("19.047780136169")
    tagged = sum('"org"' in row["Tags"] for row in amortized)
    assert tagged > 10
    assert built.value(f"select count(*) from {rows} and tags like '{{%\"org\"%}}'") == tagged
    services = {row[0] for row in built.query(f"select distinct service_name from {rows}")}
    assert {"Azure Machine Learning", "Virtual Machine Scale Sets", "Storage Accounts", "SQL Database"} <= services
    # The files are excerpts: what they disagree on is a warning, not a guess.
    assert built.query(
        "select actual_plain_cost, amortized_plain_cost from staging.stg_azure_cost__dataset "
        "where delivery_id like '%files of real%'"
    ) == [(Decimal("5.295007786742"), Decimal("15.797780136169"))]
    assert "WARN 1 assert_azure_datasets_agree" in built.output or "WARN=1" in built.output


# ── the simulated organisation, through every way in ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("organisation") / "org"
    simulator.generate(folder, scale=0.05, days=22)
    with SimulatorServer(folder) as server:
        yield folder, server.url


@pytest.mark.ids("ING-1", "COST-1")
@pytest.mark.long
def test_exports_and_api_tell_the_same_bill_to_the_last_digit(organisation: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = organisation
    write_cost_exports(folder, tmp_path / "ea", agreement="EA")
    write_cost_exports(folder, tmp_path / "mca", agreement="MCA", overwrite=True)
    home = prepared(tmp_path / "home")
    export(folder / "azure-exports", home, "focus")
    ea = export(tmp_path / "ea", home, "ea")
    assert ea.snapshots > 40
    assert any(EXPORT_NAMES["ActualCost"] in note for note in ea.notes), "the overlap is said when it lands"
    assert export(tmp_path / "mca", home, "mca").snapshots == 4
    for method in ("report", "query"):
        source = AzureCostApiSource(
            id=method, type="azure_cost_api", scopes=[GROUP.profile_id], method=method, months=2, endpoint=url,
            credential="static",
        )  # fmt: skip
        api = ingestion.land(source, home, as_of=AS_OF, environ={"AIFINOPS_AZURE_TOKEN": "simulated"})
        assert (api.snapshots, api.windows, api.incomplete) == (4, 4, [])
        assert ingestion.land(source, home, as_of=AS_OF, environ={"AIFINOPS_AZURE_TOKEN": "simulated"}).windows == 0
    built = build(home)

    per_day = """
        select cast(left(ChargePeriodStart, 10) as date), sum(cast(BilledCost as decimal(38, 12))),
               sum(cast(EffectiveCost as decimal(38, 12)))
        from staging.{model} where source_id = '{source}' group by 1 order by 1"""
    expected = built.query(per_day.format(model="base_focus__delivered", source="focus"))
    assert len(expected) >= 19
    assert any(billed != effective for _, billed, effective in expected), "there are commitments"
    for source in ("ea", "mca", "report", "query"):
        found = built.query(per_day.format(model="base_azure_cost__focus", source=source))
        assert found == expected, source
    assert built.query("select distinct x_repairs from staging.base_azure_cost__focus") == [(None,)]

    # All five tell the same months; FOCUS is counted, the others are shown.
    total = sum(billed for _, billed, _ in expected)
    assert built.query("select distinct source_id from staging.stg_focus__cost_and_usage") == [("focus",)]
    assert built.total("mart_billed_cost", "marts.fct_reconciliation_daily") == total
    assert built.query("select source_id, sum(billed_cost) from marts.fct_bill_overlap group by 1 order by 1") == [
        (source, total) for source in ("ea", "mca", "query", "report")
    ]
