"""What is told again by load and by month is, after any sequence of runs, what one build of everything would tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finops.azure_cost import Dataset, canonical_headers
from finops.paths import Home
from tests.support.azure_deliveries import covered, detail
from tests.support.lake_builder import CONFIG_FILES, LakeBuilder, Row, charge, run_dbt, span, write_config

pytestmark = [pytest.mark.ids("ING-10", "COST-5", "ALLOC-2"), pytest.mark.xdist_group("bill-partitions")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
MODELS = ("+fct_allocated_charge", "+fct_ai_cost_daily", "+int_history__change", "+fct_bill_overlap", "+fct_tag_gap")
AUGUST, SEPTEMBER, OCTOBER = (date(2026, month, 1) for month in (8, 9, 10))
GATEWAY = "/x/microsoft.cognitiveservices/accounts/aoai-gateway"
OPENAI = {"ServiceName": "Azure OpenAI", "ServiceCategory": "AI and Machine Learning"}
BILL, DETAILS = "focus__cost_and_usage", "azure_cost__detail"
ACCOUNT = "/providers/microsoft.billing/billingaccounts/100"


def bill(month: date, days: int, factor: int = 1) -> list[Row]:
    """A month of a bill with every kind of split: by usage, by cost, evenly, not at all, and rows that are refused."""
    rows: list[Row] = []
    for day in (month + timedelta(days=n) for n in range(days)):
        rows += [
            charge(day, f"{10 * factor}.01", ResourceId=GATEWAY, x_SkuMeterName="gpt 4.1 Inp glbl Tokens", **OPENAI),
            charge(day, f"{factor}", ResourceId=GATEWAY, x_SkuMeterName="gpt 4.1 Outp glbl Tokens", **OPENAI),
            charge(day, "1", ResourceId="/x/searchServices/shared", ServiceName="Azure AI Search"),
            charge(day, "4", ResourceId="/x/vm-ea", Tags='{"team": "Search", "app": "query-rewriter"}'),
            charge(day, "6", ResourceId="/x/vm-list", Tags='[{"key": "app", "value": "vision-train"}]'),
            charge(day, "2", ResourceId="/x/rg-moved/vm"),
            charge(day, "5", ResourceId="/x/vm-nobody"),
        ]
    refused = [charge(month, "1,234.5"), charge(month, "13", ChargePeriodStart=f"the {days}th")]
    return [*rows, charge(month, "30", ResourceId="/providers/Microsoft.Support/plan"), *refused]


def details(month: date, days: int, dataset: Dataset, factor: int = 1) -> list[Row]:
    """A month of one of Azure's two datasets: what both have, usage of a commitment, its purchase, and refused rows."""
    is_actual = dataset == "ActualCost"
    rows = []
    for day in (month + timedelta(days=n) for n in range(days)):
        rows += [
            detail(day, f"{2 * factor}.01", ResourceId=GATEWAY, MeterCategory="Azure OpenAI",
                   MeterName="gpt 4.1 Inp glbl Tokens"),
            detail(day, f"{factor}.5", ResourceId="/x/vm-ea", Tags='"team": "Search"'),
            covered(day, "0" if is_actual else f"0.{75 * factor}", ResourceId="/x/vm-reserved"),
        ]  # fmt: skip
    bought = [covered(month, "31", ChargeType="Purchase", Frequency="Recurring")] if is_actual else []
    refused = [
        detail(month, "1,5"),
        detail(month, "4", Date="the first"),
        detail(month, "3", Date="", BillingPeriodStartDate=""),
    ]
    return [
        {**dict(zip(canonical_headers(list(row)), row.values(), strict=True)), "x_dataset": dataset}
        for row in [*rows, *bought, *refused]
    ]


def calls(month: date, days: int, first: int, app: str) -> list[Row]:
    at = datetime.combine(month, datetime.min.time(), UTC) + timedelta(hours=9)
    return [
        span(at + timedelta(days=n), first + n, app=app, resource_id=GATEWAY, input_tokens=1000 + first + n)
        for n in range(days)
    ]


class TwoHomes:
    """One lake, told again run by run in one warehouse, and as a whole in a new one.

    ``by_month`` is the last table of months that ``models`` build, which has all that is billed.
    """

    def __init__(self, folder: Path, *models: str, by_month: str = "int_cost__union") -> None:
        self.home = Home(folder / "again")
        self._models, self._by_month = models or MODELS, f"intermediate.{by_month}"
        # Where a mark of the test is put in a table of loads and in one of months.
        self._marked = {"staging.base_focus__cost_and_usage": "invoice_id", self._by_month: "region_id"}
        self.lake = LakeBuilder(self.home)
        self._folder, self._wholes = folder, 0
        self.settings = dict(CONFIG_FILES)
        self.configure()

    def configure(self, **files: str) -> None:
        self.settings |= files
        folder = write_config(self.home.path / "settings")
        for name, text in self.settings.items():
            (folder / f"{name}.yml").write_text(text, encoding="utf-8")
        self.lake.configure(AS_OF, folder)

    def export(self, month: date, rows: list[Row], submitted: datetime, **columns: Any) -> str:
        return self.lake.snapshot(BILL, rows, scope="export", period_start=month, submitted_at=submitted, **columns)

    def cost_export(
        self,
        month: date,
        dataset: Dataset,
        rows: Sequence[Row],
        submitted: datetime,
        name: str = "",
        source_id: str = "costs",
    ) -> str:
        """One run of an export of actual or amortised cost, of all of the month so far. Returns the load id."""
        return self.lake.snapshot(
            DETAILS, rows, scope=f"{ACCOUNT}/providers/microsoft.costmanagement/exports/{name or dataset.lower()}",
            source_id=source_id, format_version=f"{dataset} 2024-08-01", period_start=month, submitted_at=submitted,
        )  # fmt: skip

    def withdraw(self, load_id: str) -> None:
        """Take a load out of the lake."""
        (self.home.lake / "raw" / "_dlt_loads" / f"test__{load_id}.jsonl").unlink()

    def run(self, *arguments: str) -> None:
        result = run_dbt(self.home, "run", "--quiet", *(arguments or ("--select", *self._models)))
        assert result.returncode == 0, result.output

    def mark(self) -> None:
        with duckdb.connect(str(self.home.warehouse)) as connection:
            for table, column in self._marked.items():
                connection.execute(f"update {table} set {column} = 'marked'")

    def marked(self) -> dict[str, list[int]]:
        """The months that were not told since `mark`, by table."""
        with duckdb.connect(str(self.home.warehouse)) as connection:
            return {
                table.partition("__")[2]: [
                    row[0]
                    for row in connection.execute(
                        f"select distinct month(usage_date) from {table} "
                        f"where {column} = 'marked' and usage_date is not null order by 1"
                    ).fetchall()
                ]
                for table, column in self._marked.items()
            }

    def check(self) -> int:
        """Run, and compare every table with those of a new warehouse; the number of tables."""
        self.run()
        self._wholes += 1
        whole = Home(self._folder / f"whole-{self._wholes}")
        whole.path.mkdir()
        for name in ("lake", "config", "ml"):
            (whole.path / name).symlink_to(self.home.path / name)
        result = run_dbt(whole, "run", "--quiet", "--select", *self._models)
        assert result.returncode == 0, result.output
        with duckdb.connect() as connection:
            connection.execute(f"attach '{self.home.warehouse}' as again (read_only)")
            connection.execute(f"attach '{whole.warehouse}' as whole (read_only)")
            tables = connection.execute(
                "select schema_name || '.' || table_name from duckdb_tables() "
                "where database_name = 'whole' and schema_name <> 'partitions' order by 1"
            ).fetchall()
            for (table,) in tables:
                unlike = connection.execute(
                    f"(from again.{table} except all from whole.{table}) union all "
                    f"(from whole.{table} except all from again.{table})"
                ).fetchall()
                assert unlike == [], (table, unlike[:3])
            [(rows, money)] = connection.execute(
                f"select count(*), sum(billed_cost) from again.{self._by_month}"
            ).fetchall()
            assert rows > 0
            assert money > 0
        return len(tables)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> TwoHomes:
    """Three months of a bill with their calls, a file of several months, and a bill of a vendor.

    Charges of days without calls are split as those of the 40 days before, which are of another month too.
    """
    two = TwoHomes(tmp_path_factory.mktemp("partitions"))
    two.configure(allocation=CONFIG_FILES["allocation"].replace("usage_cost}", "usage_cost, look_back_days: 40}"))
    for month, days in ((AUGUST, 9), (SEPTEMBER, 12), (OCTOBER, 14)):
        two.export(month, bill(month, days), datetime(2026, month.month, 28, tzinfo=UTC) - timedelta(days=10))
        spans = calls(month, days - 2, 100 * month.month, "query-rewriter")
        two.lake.snapshot("otel__genai_span", spans, scope=f"{month}")
    elsewhere = {"ProviderName": "AWS", "BillingCurrency": "EUR", "ServiceName": "Amazon Bedrock"}
    two.lake.snapshot(
        BILL, [charge(month + timedelta(days=3), "7", **elsewhere) for month in (AUGUST, OCTOBER)], scope="aws.csv"
    )
    two.lake.load({"openai__cost": [vendor(OCTOBER, "12.5")], "landing__window": [asked(OCTOBER)]})
    deliver_both(two, AUGUST, 6)
    two.cost_export(SEPTEMBER, "ActualCost", details(SEPTEMBER, 7, "ActualCost"), datetime(2026, 9, 8, tzinfo=UTC))
    deliver_both(two, OCTOBER, 8)
    two.run()
    return two


def deliver_both(two: TwoHomes, month: date, days: int, factor: int = 1) -> dict[Dataset, str]:
    """Runs of both datasets on a day of the month, the amortised one a day behind. Their loads."""
    at = datetime.combine(month + timedelta(days=days + 1), datetime.min.time(), UTC)
    return {
        "ActualCost": two.cost_export(month, "ActualCost", details(month, days, "ActualCost", factor), at),
        "AmortizedCost": two.cost_export(month, "AmortizedCost", details(month, days - 1, "AmortizedCost", factor), at),
    }


def vendor(day: date, amount: str, requested_at: datetime = AS_OF) -> Row:
    start = datetime.combine(day, datetime.min.time(), UTC)
    return {
        "source_id": "openai", "bucket_start": start, "bucket_end": start + timedelta(days=1),
        "requested_at": requested_at, "line_item": "gpt-4.1, input", "amount": amount, "currency": "usd",
        "project_id": "p",
    }  # fmt: skip


def asked(day: date, requested_at: datetime = AS_OF) -> Row:
    start = datetime.combine(day, datetime.min.time(), UTC)
    return {
        "source_id": "openai", "table_name": "openai__cost", "scope": "costs", "window_start": start,
        "window_end": start + timedelta(days=1), "requested_at": requested_at, "row_count": 1,
    }  # fmt: skip


def new_day(two: TwoHomes) -> None:
    two.export(OCTOBER, bill(OCTOBER, 15), datetime(2026, 10, 19, tzinfo=UTC))
    two.lake.snapshot("otel__genai_span", calls(OCTOBER + timedelta(days=13), 2, 7000, "ticket-triage"), scope="day")


def restated_month(two: TwoHomes) -> None:
    two.export(SEPTEMBER, bill(SEPTEMBER, 12, factor=3), datetime(2026, 10, 19, 1, tzinfo=UTC))


def late_calls(two: TwoHomes) -> None:
    two.lake.snapshot("otel__genai_span", calls(AUGUST, 3, 8000, "ticket-triage"), scope="late")


def late_answer(two: TwoHomes) -> None:
    later = AS_OF + timedelta(hours=1)
    two.lake.load({"openai__cost": [vendor(SEPTEMBER, "3.25", later)], "landing__window": [asked(SEPTEMBER, later)]})


def late_load(two: TwoHomes) -> None:
    """A load that was interrupted is complete at last, and a file that another one replaces."""
    late = two.export(AUGUST, bill(AUGUST, 5), datetime(2026, 10, 19, 2, tzinfo=UTC), complete=False)
    two.run()
    entry = f'{{"load_id": "{late}", "schema_name": "test", "status": 0, "inserted_at": "2026-10-20T00:00:00+00:00"}}\n'
    (two.home.lake / "raw" / "_dlt_loads" / f"test__{late}.jsonl").write_text(entry)
    two.lake.snapshot(BILL, [charge(SEPTEMBER, "9", ProviderName="AWS", BillingCurrency="EUR")], scope="aws.csv")


def changed_rules(two: TwoHomes) -> None:
    """A rule that begins within September, and another business unit."""
    rules = CONFIG_FILES["tags"].replace(
        "teams:\n", "  - {id: nobody, dimension: team, match: resource_id, pattern: vm-nobody, value: platform, "
        "valid_from: 2026-09-05}\nteams:\n", 1,
    )  # fmt: skip
    two.configure(
        tags=rules.replace("business_unit: commerce, cost_center: CC-2", "business_unit: sales, cost_center: X")
    )


def changed_pools(two: TwoHomes) -> None:
    pools = two.settings["allocation"].replace("driver: even", "driver: direct_cost")
    two.configure(allocation=pools.replace("category: vector_store", "category: inference"))


def killed(two: TwoHomes) -> None:
    """A run that ended after tagging, and the next delivery already there."""
    two.export(OCTOBER, bill(OCTOBER, 16, factor=2), datetime(2026, 10, 19, 3, tzinfo=UTC))
    two.run("--select", "+int_focus__tagged")
    two.export(OCTOBER, bill(OCTOBER, 17, factor=2), datetime(2026, 10, 19, 4, tzinfo=UTC))
    two.run("--select", "+int_allocation__step_1")
    two.export(SEPTEMBER, bill(SEPTEMBER, 2), datetime(2026, 10, 19, 5, tzinfo=UTC))


def removed_source(two: TwoHomes) -> None:
    """The file of AWS is taken out of the lake."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select distinct filename from read_parquet('{two.home.lake}/raw/{BILL}/*.parquet', union_by_name = true) "
            "where ProviderName = 'AWS'"
        ).fetchall()
    for (file,) in found:
        two.withdraw(".".join(Path(file).name.split(".")[:2]))


def cost_of_a_new_day(two: TwoHomes) -> None:
    deliver_both(two, OCTOBER, 9)


def cost_restated(two: TwoHomes) -> None:
    deliver_both(two, AUGUST, 7, factor=2)


def amortized_cost_arrives(two: TwoHomes) -> None:
    """Weeks after the actual cost: what a commitment covers now has its share, and the purchase costs nothing."""
    rows = details(SEPTEMBER, 5, "AmortizedCost")
    two.cost_export(SEPTEMBER, "AmortizedCost", rows, datetime(2026, 10, 18, tzinfo=UTC))


def cost_withdrawn(two: TwoHomes) -> None:
    """October's amortised cost is taken out, so that an older run of it counts, and all of August's actual cost."""
    october = deliver_both(two, OCTOBER, 10, factor=3)
    two.run("--select", "+stg_focus__cost_and_usage")
    two.withdraw(october["AmortizedCost"])
    with duckdb.connect(str(two.home.warehouse), read_only=True) as connection:
        loads = connection.execute(
            "select load_id from staging.stg_lake__snapshot_version where table_name = ? and period_start = ? "
            "and scope like '%/actualcost'", [DETAILS, AUGUST]
        ).fetchall()  # fmt: skip
    assert loads
    for (load_id,) in loads:
        two.withdraw(load_id)


def empty_amortized_run(two: TwoHomes) -> None:
    """No rows, which says that there is nothing: the actual cost has all of the month."""
    two.cost_export(SEPTEMBER, "AmortizedCost", [], datetime(2026, 10, 19, tzinfo=UTC))


def source_renamed(two: TwoHomes) -> None:
    """September's export is landed again by a source of another name: the newer twin counts."""
    rows, at = details(SEPTEMBER, 8, "ActualCost"), datetime(2026, 10, 19, 6, tzinfo=UTC)
    two.cost_export(SEPTEMBER, "ActualCost", rows, at, source_id="costs-of-azure")


def cost_in_files(two: TwoHomes) -> None:
    """Of two months in one file, and the amortised half of one of them after a run."""
    rows = [
        {**row, "BillingAccountId": "200"} for month in (SEPTEMBER, OCTOBER) for row in details(month, 3, "ActualCost")
    ]
    two.lake.snapshot(DETAILS, rows, scope="actual.csv", source_id="files")
    two.run()
    rows = [{**row, "BillingAccountId": "200"} for row in details(SEPTEMBER, 2, "AmortizedCost")]
    two.lake.snapshot(DETAILS, rows, scope="amortized.csv", source_id="files")


def the_same_as_focus(two: TwoHomes) -> None:
    """A FOCUS export of the account tells August as well, so the cost details of August are left out."""
    account = {"BillingAccountId": ACCOUNT, "SubAccountId": "/subscriptions/sub-1"}
    two.lake.snapshot(
        BILL, [{**row, **account} for row in bill(AUGUST, 4)], period_start=AUGUST,
        scope=f"{ACCOUNT}/providers/microsoft.costmanagement/exports/focus",
    )  # fmt: skip


def killed_on_the_way(two: TwoHomes) -> None:
    """Runs that ended after details were read, summed and compared, with the next delivery there each time."""
    at = datetime(2026, 10, 19, 12, tzinfo=UTC)
    deliver_both(two, OCTOBER, 11)
    two.run("--select", "+stg_azure_cost__detail")
    deliver_both(two, OCTOBER, 12)
    two.cost_export(SEPTEMBER, "AmortizedCost", details(SEPTEMBER, 6, "AmortizedCost"), at)
    two.run("--select", "+stg_azure_cost__counterpart")
    two.cost_export(SEPTEMBER, "ActualCost", details(SEPTEMBER, 9, "ActualCost", factor=2), at)
    two.run("--select", "+stg_bill__left_out")
    deliver_both(two, OCTOBER, 13)


@pytest.mark.long
@pytest.mark.parametrize(
    "happens",
    [
        (new_day, late_answer),
        (restated_month, late_calls, late_load),
        (changed_rules,),
        (changed_pools, removed_source),
        (killed,),
        (cost_of_a_new_day, amortized_cost_arrives),
        (cost_restated, empty_amortized_run, cost_in_files),
        (source_renamed, the_same_as_focus),
        (cost_withdrawn,),
        (killed_on_the_way,),
    ],
    ids=lambda happens: " and ".join(what.__name__ for what in happens),
)
def test_any_sequence_of_runs_ends_with_what_the_whole_would_tell(
    two: TwoHomes, happens: Sequence[Callable[[TwoHomes], None]]
) -> None:
    for what in happens:
        what(two)
    assert two.check() > 60


def test_a_new_day_and_a_new_rule_end_with_what_the_whole_would_tell(tmp_path: Path) -> None:
    """As far as tagging; what else can happen, and what follows, is in the longer tests."""
    two = TwoHomes(tmp_path, "+int_focus__tagged", by_month="int_focus__tagged")
    for month in (SEPTEMBER, OCTOBER):
        two.export(month, bill(month, 4), datetime(2026, 10, 18, tzinfo=UTC))
    two.run()
    new_day(two)
    changed_rules(two)
    assert two.check() > 30
    two.mark()
    two.run()
    assert two.marked() == {"cost_and_usage": [9, 10], "tagged": [9, 10]}, "nothing is new"


@pytest.mark.long
def test_only_what_can_have_changed_is_told_again(tmp_path: Path) -> None:
    two = TwoHomes(tmp_path)
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        two.export(month, bill(month, 9), datetime(2026, 10, 18, tzinfo=UTC))
        two.lake.snapshot("otel__genai_span", calls(month, 9, 100 * month.month, "query-rewriter"), scope=f"{month}")
    two.run("--select", "+int_cost__union")
    two.mark()
    two.run("--select", "+int_cost__union")
    assert two.marked() == {"cost_and_usage": [8, 9, 10], "union": [8, 9, 10]}, "nothing is new"

    new_day(two)
    two.run("--select", "+int_cost__union")
    assert two.marked() == {"cost_and_usage": [8, 9], "union": [8, 9]}, "the open month was delivered again"
    late_calls(two)
    with duckdb.connect(str(two.home.warehouse)) as connection:
        connection.execute("update partitions.base_focus__cost_and_usage set basis = 'of other code'")
    two.run("--select", "+int_cost__union")
    assert two.marked() == {"cost_and_usage": [], "union": [9]}, "August is split by other calls; staging by other code"

    two.mark()
    changed_rules(two)
    two.run("--select", "+int_cost__union")
    assert two.marked() == {"cost_and_usage": [8, 9, 10], "union": []}, "tagged anew, but not read from the lake"


@pytest.mark.long
def test_of_cost_details_only_loads_that_something_changed_for_are_told_again(tmp_path: Path) -> None:
    two = TwoHomes(tmp_path)
    august = deliver_both(two, AUGUST, 4)
    september = two.cost_export(
        SEPTEMBER, "ActualCost", details(SEPTEMBER, 4, "ActualCost"), datetime(2026, 9, 8, tzinfo=UTC)
    )
    deliver_both(two, OCTOBER, 4)
    marked = {"stg_azure_cost__detail": '"Term"', "base_focus__cost_and_usage": "invoice_id"}

    def kept() -> list[set[str]]:
        """The loads that a run did not tell again, as details and as FOCUS rows."""
        with duckdb.connect(str(two.home.warehouse)) as connection:
            for table, column in marked.items():
                connection.execute(f"update staging.{table} set {column} = 'marked'")
        two.run("--select", "+base_focus__cost_and_usage")
        with duckdb.connect(str(two.home.warehouse), read_only=True) as connection:
            return [
                {
                    str(load_id)
                    for (load_id,) in connection.execute(
                        f"select distinct load_id from staging.{table} where {column} = 'marked'"
                    ).fetchall()
                }
                for table, column in marked.items()
            ]

    two.run("--select", "+base_focus__cost_and_usage")
    details_kept, rows_kept = kept()
    assert len(details_kept) == len(rows_kept) == 5, "nothing is new"
    october = deliver_both(two, OCTOBER, 5)
    assert kept() == [{*august.values(), september}] * 2, "the open month was delivered again"
    amortized_cost_arrives(two)
    details_kept, rows_kept = kept()
    assert details_kept == {*august.values(), september, *october.values()}
    assert rows_kept == {*august.values(), *october.values()}, "September's actual cost has a counterpart now"
    two.withdraw(august["AmortizedCost"])
    details_kept, rows_kept = kept()
    assert august["ActualCost"] in details_kept
    assert august["ActualCost"] not in rows_kept, "August's has none any more"
    assert {september, *october.values()} <= rows_kept
