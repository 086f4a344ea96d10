"""Azure's actual and amortised cost from delivery to the lake: headers, modes, restatement, what is not whole."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.storage.blob import BlobServiceClient

import ingestion
from finops import azure_cost, lake
from finops.config.bill_sources import AzureExportsSource, BillFilesSource, FocusFilesSource
from finops.paths import Home
from ingestion import LandingError, LandingResult
from tests.support.azure_deliveries import COLUMNS, covered, detail, write_cost_run
from tests.support.azurite import Azurite, UnavailableError, azurite
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query, readable, write_run

pytestmark = pytest.mark.ids("ING-1", "ING-10")

DETAIL = lake.AZURE_COST_DETAIL.name
FOCUS = lake.FOCUS_COST_AND_USAGE.name
SCOPE = "/providers/Microsoft.Billing/billingAccounts/100"
DAY = date(2026, 9, 1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "container"
    folder.mkdir()
    return folder


def land(home: Home, root: Path, as_of: datetime = AS_OF) -> LandingResult:
    source = AzureExportsSource(id="exports", type="azure_exports", url=str(root))
    return ingestion.land(source, home, as_of=as_of, environ={})


def land_files(home: Home, path: Path, **settings: str) -> LandingResult:
    source = BillFilesSource(id="bill", type="bill_files", url=str(path), **settings)  # type: ignore[arg-type]
    return ingestion.land(source, home, as_of=AS_OF, environ={})


# ── headers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-1", "COST-1")
def test_every_version_of_every_cost_export_lands(home: Home, root: Path, real_data: Path) -> None:
    """Tiny runs with the headers of Microsoft's own export schemas: five of FOCUS, one of each other dataset."""
    schemas = sorted((real_data / "billing" / "azure-open-data" / "export-schemas").glob("*cost*.json"))
    assert len(schemas) == 7
    for number, path in enumerate(schemas):
        dataset, _, version = path.stem.partition("_")
        mappings = json.loads(path.read_text(encoding="utf-8-sig"))["translator"]["mappings"]
        header = [mapping["source"]["name"] for mapping in mappings]
        assert len(header) > 40
        kind = {"focuscost": "FocusCost", "actualcost": "ActualCost", "amortizedcost": "AmortizedCost"}[dataset]
        values = {"BilledCost": "1.5", "BillingCurrency": "USD", "ChargePeriodStart": "2026-10-01", "Cost": "1.5"}
        config = {"type": kind, "exportName": path.stem, "dataVersion": version, "resourceId": f"{SCOPE}/exports/x"}
        row = tuple(values.get(name, name.lower()) for name in header)
        write_run(root / str(number), path.stem, [row], submitted="2026-10-03T04:30:00Z", header=header, config=config)
    result = land(home, root)
    assert (result.rows, result.incomplete, result.ignored) == ({FOCUS: 5, DETAIL: 2}, [], [])
    versions = query(home, "landing__snapshot", "select format_version from rows order by 1")
    assert [row[0] for row in versions] == [
        "ActualCost c360-2025-04",
        "AmortizedCost c360-2025-04",
        "FOCUS 1.0",
        "FOCUS 1.0-preview(v1)",
        "FOCUS 1.0r2",
        "FOCUS 1.2",
        "FOCUS 1.2-preview",
    ]
    found = query(home, DETAIL, "select CostInBillingCurrency, ProductName, InvoiceSectionName, x_dataset from rows")
    assert sorted(found) == [
        ("1.5", "product", "invoicesection", "ActualCost"),
        ("1.5", "product", "invoicesection", "AmortizedCost"),
    ]


@pytest.mark.ids("ING-1", "COST-1")
def test_enterprise_and_customer_agreements_have_one_spelling(home: Home, tmp_path: Path, real_data: Path) -> None:
    listed = real_data.parent / "focus" / "azure_export_columns.csv"
    headers: dict[tuple[str, str], list[str]] = defaultdict(list)
    with listed.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["dataset"].startswith("ActualCost/AmortizedCost"):
                headers[row["dataset"][-3:].strip(), row["version"]].append(row["column"])
    assert len(headers) == 3
    for (agreement, version), header in headers.items():
        assert azure_cost.guess_agreement(header) == agreement
        values = {"costinbillingcurrency": "2.50", "billingcurrency": "EUR", "billingcurrencycode": "EUR"}
        for spelling in (str, str.upper):
            table = [spelling(name) for name in header]
            folder = tmp_path / f"{agreement}-{version}-{spelling.__name__}"
            folder.mkdir()
            row = [values.get(name.lower(), f"{name.lower()} {spelling.__name__}") for name in header]
            (folder / "actual.csv").write_bytes(csv_bytes([*table, "New Column"], [[*row, "new"]]))
            result = ingestion.land(
                BillFilesSource(id=folder.name.lower(), type="bill_files", url=str(folder)),
                home, as_of=AS_OF, environ={},
            )  # fmt: skip
            assert result.rows == {DETAIL: 1}
    found = query(
        home, DETAIL, 'select CostInBillingCurrency, BillingCurrency, "New Column", count(*) from rows group by 1, 2, 3'
    )
    assert found == [("2.50", "EUR", "new", 6)]
    columns = {row[0] for row in query(home, DETAIL, "describe select * from rows")}
    assert columns == {column.name for column in lake.AZURE_COST_DETAIL.columns} | {"New Column", "load_id"}


def test_parquet_is_the_same_as_csv(home: Home, root: Path) -> None:
    from decimal import Decimal

    table = pa.table(
        {
            "date": pa.array([datetime(2026, 9, 1)], pa.timestamp("ms")),  # noqa: DTZ001
            "chargeType": ["Usage"],
            "meterCategory": ["Storage"],
            "billingCurrency": ["USD"],
            "costInBillingCurrency": pa.array([Decimal("1.000000000000000001")], pa.decimal128(38, 18)),
            "AccountOwnerId": ["someone@example.com"],
        }
    )
    pq.write_table(table, root / "amortized.snappy.parquet")
    assert land_files(home, root).rows == {DETAIL: 1}
    row = query(home, DETAIL, "select Date, CostInBillingCurrency, x_dataset, x_row, AccountOwnerId, x_file from rows")[
        0
    ]
    assert row[:4] == ("2026-09-01 00:00:00", "1.000000000000000001", "AmortizedCost", 1)
    assert "@" not in row[4]
    assert len(row[4]) == 32
    assert row[5].endswith("amortized.snappy.parquet")


# ── which dataset a plain file is of ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "rows", "settings", "expected"),
    [
        ("costs.csv", [detail(DAY, "1")], {}, "ActualCost"),
        ("EA_AmortizedCost.csv", [detail(DAY, "1")], {}, "AmortizedCost"),
        ("costs.csv", [detail(DAY, "1")], {"dataset": "AmortizedCost"}, "AmortizedCost"),
        ("costs.csv", [covered(DAY, "1")], {}, "AmortizedCost"),
        # What the rows say is more than a name.
        ("amortised.csv", [covered(DAY, "9", ChargeType="Purchase"), covered(DAY, "0")], {}, "ActualCost"),
        ("actual.csv", [covered(DAY, "1", ChargeType="UnusedSavingsPlan")], {}, "AmortizedCost"),
        ("actual.csv", [], {}, "ActualCost"),
    ],
)
def test_a_plain_file_is_of_the_dataset_that_its_rows_or_its_name_say(
    home: Home, root: Path, name: str, rows: list[dict[str, str]], settings: dict[str, str], expected: str
) -> None:
    table = [[row.get(column, "") for column in COLUMNS] for row in rows]
    (root / name).write_bytes(csv_bytes(COLUMNS, table))
    result = land_files(home, root, **settings)
    assert result.snapshots == 1
    versions = query(home, "landing__snapshot", "select format_version, row_count from rows")
    assert versions == [(f"{expected} EA", len(rows))]
    assert query(home, DETAIL, "select distinct x_dataset from rows") == [(expected,)][: len(rows)]


def test_bills_of_several_kinds_share_a_folder(home: Home, root: Path) -> None:
    (root / "aws-focus.csv").write_bytes(csv_bytes(HEADER, charges("2026-10-01", ["4"])))
    (root / "actual.csv.gz").write_bytes(
        gzip.compress(csv_bytes(COLUMNS, [[detail(DAY, "1").get(name, "") for name in COLUMNS]]))
    )
    (root / "both.csv").write_bytes(
        csv_bytes(
            COLUMNS,
            [
                [row.get(name, "") for name in COLUMNS]
                for row in (covered(DAY, "9", ChargeType="Refund"), covered(DAY, "1"))
            ],
        )
    )
    (root / "notes.csv").write_text("name,amount\nx,1\n")
    with pytest.raises(LandingError) as error:
        land_files(home, root)
    assert "both.csv has rows of the actual and of the amortized dataset" in str(error.value)
    assert "notes.csv is no bill that is known here" in str(error.value)
    assert query(home, FOCUS, "select BilledCost from rows") == [("4",)]
    assert query(home, DETAIL, "select CostInBillingCurrency from rows") == [("1",)]
    before = readable(home)
    (root / "both.csv").unlink()
    (root / "notes.csv").unlink()
    assert land_files(home, root).skipped == 2
    assert readable(home) == before
    assert ingestion.newest_moment(home) == datetime(2026, 10, 1, 23, 59, 59, tzinfo=UTC)


# ── runs of exports ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_runs_are_kept_until_the_fifth_day_and_landing_again_changes_nothing(home: Home, root: Path) -> None:
    runs = [
        ("2026-09-10", ["1"]),
        ("2026-09-30", ["1", "2"]),
        ("2026-10-03", ["1", "2.5"]),
        ("2026-10-05", ["1", "2.75"]),
    ]
    for submitted, costs in runs:
        rows = [detail(DAY, cost) for cost in costs]
        for dataset in azure_cost.DATASETS:
            write_cost_run(
                root, dataset, f"{dataset}-{submitted}", rows, scope=SCOPE, submitted=f"{submitted}T04:30:00Z"
            )
    assert land(home, root, datetime(2026, 10, 4, tzinfo=UTC)).snapshots == 6
    result = land(home, root)
    assert (result.snapshots, result.skipped, result.rows, result.notes) == (2, 6, {DETAIL: 4}, [])
    before = readable(home)
    assert land(home, root).snapshots == 0
    assert readable(home) == before
    newest = query(
        home,
        "landing__snapshot",
        """select format_version, period_start, row_count, manifest->>'$.exportConfig.dataVersion'
           from rows where submitted_at = (select max(submitted_at) from rows) order by 1""",
    )
    assert newest == [(f"{name} 2024-08-01", DAY, 2, "2024-08-01") for name in azure_cost.DATASETS]


def test_a_report_that_overwrites_the_one_before_is_landed_as_a_new_run(home: Home, root: Path) -> None:
    folder = write_cost_run(root, "ActualCost", "r1", [detail(DAY, "1")], scope=SCOPE, submitted="2026-09-10T04:30:00Z")
    assert land(home, root).rows == {DETAIL: 1}
    shutil.rmtree(folder)
    newer = write_cost_run(
        root, "ActualCost", "r2", [detail(DAY, "1"), detail(DAY, "3")], scope=SCOPE, submitted="2026-09-11T04:30:00Z"
    )
    # Azure writes the new files into the old folder; for a moment the old part is still there.
    newer.rename(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["blobs"][0]["blobName"] = manifest["blobs"][0]["blobName"].replace("/r2/", "/r1/")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    part = folder / "part_0_0001.csv.gz"
    new_content = part.read_bytes()
    part.write_bytes(new_content[:-7])
    assert "bytes" in land(home, root).incomplete[0]
    part.write_bytes(new_content)
    assert land(home, root).rows == {DETAIL: 2}
    assert query(home, "landing__snapshot", "select snapshot_id, row_count from rows order by 1") == [
        ("r1", 1),
        ("r2", 2),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dataRowCount": 9}, "its files have 2 of 9 rows"),
        ({"blobCount": 2}, "the manifest names 1 of 2 files"),
    ],
)
def test_a_run_with_fewer_rows_or_files_than_announced_waits(
    home: Home, root: Path, change: dict[str, int], said: str
) -> None:
    rows = [detail(DAY, "1"), detail(DAY, "2")]
    folder = write_cost_run(
        root, "AmortizedCost", "r1", rows, scope=SCOPE, submitted="2026-09-10T04:30:00Z", manifest=change
    )
    result = land(home, root)
    assert (result.snapshots, len(result.incomplete)) == (0, 1)
    assert said in result.incomplete[0]
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "dataRowCount": 2, "blobCount": 1}))
    assert land(home, root).rows == {DETAIL: 2}


def test_an_empty_month_is_a_zero_also_without_any_file(home: Home, root: Path) -> None:
    folder = write_cost_run(root, "ActualCost", "r1", [], scope=SCOPE, submitted="2026-09-10T04:30:00Z")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "part_0_0001.csv.gz").unlink()
    (folder / "manifest.json").write_text(json.dumps({**manifest, "blobs": [], "blobCount": 0, "dataRowCount": 0}))
    assert land(home, root).snapshots == 1
    snapshots = query(home, "landing__snapshot", "select period_start, row_count, file_count, format_version from rows")
    assert snapshots == [(DAY, 0, 0, "ActualCost 2024-08-01")]


def test_several_scopes_share_a_container_and_overlaps_are_said(home: Home, root: Path) -> None:
    for scope in (SCOPE, "/subscriptions/s1", "/subscriptions/s2"):
        name = scope.rsplit("/", 1)[-1]
        write_cost_run(root, "ActualCost", f"run-{name}", [detail(DAY, "1")], scope=scope, name=f"actual-{name}",
                       submitted="2026-09-10T04:30:00Z")  # fmt: skip
    write_cost_run(root, "AmortizedCost", "half", [detail(DAY, "1")], scope=SCOPE, submitted="2026-09-10T04:30:00Z")
    result = land(home, root)
    assert (result.snapshots, result.notes) == (4, []), "two halves of one bill are no overlap"
    write_cost_run(root, "ActualCost", "again", [detail(DAY, "1")], scope=SCOPE, name="last-month",
                   submitted="2026-10-02T04:30:00Z")  # fmt: skip
    [note] = land(home, root).notes
    assert note.startswith(f"{SCOPE.lower()}: actual-100 (ActualCost) and ")
    assert "last-month (ActualCost)" in note
    assert "2026-09" in note
    assert "s1" not in note


# ── broken files ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-10", "ING-4")
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("is_mixed", [True, False])
def test_a_carriage_return_inside_a_value_stays_in_it(
    home: Home, root: Path, line_end: str, zipped: bool, is_mixed: bool
) -> None:
    lines = [
        "BilledCost,BillingCurrency,ChargePeriodStart,ChargeDescription",
        "1,USD,2026-10-01,two\rlines",
        '2,USD,2026-10-01,"a\r\nb\rc"',
        "3,USD",
        "4,USD,2026-10-01,plain",
        "5,USD,2026-10-01,last\rone",
    ]
    content = (line_end.join(lines) + ("\r\n" if is_mixed else line_end)).encode()
    (root / f"bill.csv{'.gz' if zipped else ''}").write_bytes(gzip.compress(content) if zipped else content)
    source = FocusFilesSource(id="bills", type="focus_files", url=str(root))
    result = ingestion.land(source, home, as_of=AS_OF, environ={})
    assert (result.rows, result.rejected) == ({FOCUS: 4}, 1)
    assert query(home, FOCUS, "select x_row, BilledCost, ChargeDescription from rows order by 1") == [
        (1, "1", "two\rlines"),
        (2, "2", "a\r\nb\rc"),
        (4, "4", "plain"),
        (5, "5", "last\rone"),
    ]
    assert query(home, "landing__rejected", "select x_row from rows") == [(3,)]


# ── storage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Azurite]:
    try:
        with azurite(tmp_path / "azurite") as running:
            yield running
    except UnavailableError as error:
        pytest.skip(f"no Azurite: {error}")


@pytest.mark.ids("ING-1", "OPS-2")
def test_exports_and_the_lake_in_azure_storage(home: Home, root: Path, storage: Azurite) -> None:
    """Azure Storage as Microsoft's own emulator plays it, written with Microsoft's client, read as users read it."""
    rows = [detail(DAY, "1"), detail(DAY, "2")]
    first = write_cost_run(root, "ActualCost", "r1", rows, scope=SCOPE, parts=2, submitted="2026-09-10T04:30:00Z")
    focus = write_run(root, "f1", charges("2026-10-01", ["4"]), submitted="2026-10-03T04:30:00Z")
    # A run whose second file has not arrived yet; that of the run before is no substitute.
    late = write_cost_run(root, "ActualCost", "r2", rows, scope=SCOPE, parts=2, submitted="2026-09-11T04:30:00Z")
    last_part = late / "part_1_0001.csv.gz"
    source = AzureExportsSource(id="exports", type="azure_exports", url="az://costs/exports")
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        service.create_container("lake")
        costs = service.create_container("costs")

        def upload(*paths: Path) -> None:
            for path in paths:
                costs.upload_blob(f"exports/{path.relative_to(root).as_posix()}", path.read_bytes())

        def landed(lake_url: str | None = None) -> LandingResult:
            return ingestion.land(source, home, as_of=AS_OF, environ=storage.environ, lake_url=lake_url)

        upload(*first.iterdir(), *focus.iterdir())
        assert landed().rows == {DETAIL: 2, FOCUS: 1}
        assert landed().skipped == 2
        assert query(home, DETAIL, "select CostInBillingCurrency from rows order by 1") == [("1",), ("2",)]
        addresses = query(home, DETAIL, "select distinct x_file from rows order by 1")
        assert [Path(address).name for (address,) in addresses] == ["part_0_0001.csv.gz", "part_1_0001.csv.gz"]
        assert all(address.startswith("abfs://costs/exports/") for (address,) in addresses)

        upload(*(path for path in late.iterdir() if path != last_part))
        waiting = landed()
        assert waiting.snapshots == 0
        assert "part_1_0001.csv.gz is missing" in waiting.incomplete[0]
        upload(last_part)
        assert landed().rows == {DETAIL: 2}

        assert landed("az://lake/home").rows == {DETAIL: 4, FOCUS: 1}
        before = sorted(blob.name for blob in service.get_container_client("lake").list_blobs())
        assert landed("az://lake/home").skipped == 3
        assert sorted(blob.name for blob in service.get_container_client("lake").list_blobs()) == before
