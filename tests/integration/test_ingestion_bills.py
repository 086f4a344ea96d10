"""Bills from delivery to the lake: Azure exports and FOCUS files."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingestion
from finops import lake
from finops.config.bill_sources import AzureExportsSource, FocusFilesSource
from finops.paths import Home
from finops.periods import BillingPeriod
from ingestion import LandingError, LandingResult
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query, readable, write_run

FOCUS = lake.FOCUS_COST_AND_USAGE.name
CURRENT = """
    select sum(BilledCost::decimal(38,12)), count(*) from rows
    where load_id = (select max(load_id) from rows)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "container" / "finops"
    folder.mkdir(parents=True)
    return folder


def land_exports(home: Home, root: Path, as_of: datetime = AS_OF, months: set[str] | None = None) -> LandingResult:
    source = AzureExportsSource(id="azure-exports", type="azure_exports", url=str(root))
    periods = None if months is None else {BillingPeriod.parse(month) for month in months}
    return ingestion.land(source, home, as_of=as_of, environ={}, periods=periods)


def land_focus(home: Home, path: Path) -> LandingResult:
    return ingestion.land(
        FocusFilesSource(id="bills", type="focus_files", url=str(path)), home, as_of=AS_OF, environ={}
    )


@pytest.mark.ids("ING-1", "ING-10", "COST-5")
def test_every_run_is_one_load_with_its_snapshot_and_landing_again_changes_nothing(home: Home, exports: Path) -> None:
    write_run(exports, "r1", charges("2026-10-01", ["1.10", "2.20"]), submitted="2026-10-03T04:30:00Z", parts=2)
    write_run(exports, "r2", charges("2026-10-01", ["1.10", "2.25", "9"]), submitted="2026-10-04T04:30:00Z")
    first = land_exports(home, exports)
    assert (first.snapshots, first.rows, first.skipped) == (2, {FOCUS: 5}, 0)
    before = readable(home)
    again = land_exports(home, exports)
    assert (again.snapshots, again.rows, again.skipped) == (0, {}, 2)
    assert readable(home) == before

    snapshots = query(
        home,
        "landing__snapshot",
        """select snapshot_id, period_start, period_end, row_count, file_count, format_version, load_id
           from rows order by 1""",
    )
    assert [row[:6] for row in snapshots] == [
        ("r1", date(2026, 10, 1), date(2026, 11, 1), 2, 2, "FOCUS 1.2"),
        ("r2", date(2026, 10, 1), date(2026, 11, 1), 3, 1, "FOCUS 1.2"),
    ]
    sums = dict(query(home, FOCUS, "select load_id, sum(BilledCost::decimal(38,12)) from rows group by 1"))
    assert [sums[row[6]] for row in snapshots] == [Decimal("3.30"), Decimal("12.35")]


@pytest.mark.ids("ING-10")
def test_deleting_local_state_lands_nothing_twice(home: Home, exports: Path) -> None:
    write_run(exports, "r1", charges("2026-10-01", ["1"]), submitted="2026-10-03T04:30:00Z")
    land_exports(home, exports)
    before = readable(home)
    shutil.rmtree(home.pipelines)
    assert land_exports(home, exports).snapshots == 0
    assert readable(home) == before


@pytest.mark.ids("ING-1", "ING-10")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "part_1_0001.csv.gz").unlink(), "part_1_0001.csv.gz is missing"),
        (
            lambda folder: (folder / "part_0_0001.csv.gz").write_bytes(
                (folder / "part_0_0001.csv.gz").read_bytes()[:-3]
            ),
            "bytes",
        ),
        (
            lambda folder: (folder / "manifest.json").write_text(
                (folder / "manifest.json").read_text().replace('"dataRowCount": 1', '"dataRowCount": 7')
            ),
            "has 1 of 7 rows",
        ),
        (lambda folder: (folder / "manifest.json").write_text('{"blobs": ['), "not whole JSON yet"),
    ],
)
def test_a_run_that_is_not_all_there_waits(home: Home, exports: Path, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    folder = write_run(exports, "r1", charges("2026-10-01", ["1", "2"]), submitted="2026-10-03T04:30:00Z", parts=2)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    damage(folder)
    result = land_exports(home, exports)
    assert result.snapshots == 0
    assert len(result.incomplete) == 1
    assert said in result.incomplete[0]
    assert query(home, FOCUS, "select count(*) from rows") == [(0,)]
    for name, content in whole.items():
        (folder / name).write_bytes(content)
    assert land_exports(home, exports).rows == {FOCUS: 2}


@pytest.mark.ids("ING-1")
@pytest.mark.parametrize("prefix", ["", "finops/", "/container/finops/"])
@pytest.mark.parametrize("below", ["", "focus", "focus/daily"])
def test_blob_names_may_be_relative_to_anything_above(home: Home, exports: Path, prefix: str, below: str) -> None:
    for run in ("r1", "r2"):
        write_run(
            exports,
            run,
            charges("2026-10-01", ["1"]),
            submitted=f"2026-10-0{run[1]}T04:30:00Z",
            blob_prefix=prefix,
        )
    assert land_exports(home, exports / below).snapshots == 2


@pytest.mark.ids("ING-1", "OPS-1")
def test_a_backfill_lands_only_its_months(home: Home, exports: Path) -> None:
    for month, end in (("08", "31"), ("09", "30"), ("10", "31")):
        write_run(
            exports,
            f"r{month}",
            charges(f"2026-{month}-01", ["1"]),
            submitted="2026-10-03T04:30:00Z",
            period=(f"2026-{month}-01", f"2026-{month}-{end}"),
        )
    assert land_exports(home, exports, months={"2026-09"}).snapshots == 1
    assert query(home, FOCUS, "select distinct ChargePeriodStart from rows") == [("2026-09-01T00:00:00Z",)]
    assert land_exports(home, exports).snapshots == 2


@pytest.mark.ids("COST-5")
def test_runs_after_as_of_do_not_exist_yet(home: Home, exports: Path) -> None:
    write_run(exports, "r1", charges("2026-10-01", ["1"]), submitted="2026-10-03T04:30:00Z")
    write_run(exports, "r2", charges("2026-10-01", ["5"]), submitted="2026-10-04T04:30:00Z")
    assert land_exports(home, exports, as_of=datetime(2026, 10, 4, 4, tzinfo=UTC)).snapshots == 1
    assert query(home, FOCUS, CURRENT) == [(Decimal(1), 1)]


@pytest.mark.ids("ING-1")
def test_other_exports_in_the_folder_are_left_out_and_reported(home: Home, exports: Path) -> None:
    write_run(exports, "r1", charges("2026-10-01", ["1"]), submitted="2026-10-03T04:30:00Z")
    write_run(exports, "r2", [], submitted="2026-10-03T04:30:00Z", config={"type": "PriceSheet"})
    write_run(exports, "r3", [], submitted="2026-10-03T05:30:00Z", period=("2026-10-05", "2026-10-11"))
    result = land_exports(home, exports)
    assert result.snapshots == 1
    assert len(result.ignored) == 2
    assert "type PriceSheet" in result.ignored[0]
    assert "no single billing month" in result.ignored[1]


@pytest.mark.ids("ING-1")
def test_an_empty_run_restates_its_month_to_nothing(home: Home, exports: Path) -> None:
    write_run(exports, "r1", [], submitted="2026-10-03T04:30:00Z")
    assert land_exports(home, exports).snapshots == 1
    assert query(home, "landing__snapshot", "select snapshot_id, row_count from rows") == [("r1", 0)]


@pytest.mark.ids("ING-10")
def test_broken_lines_of_a_run_are_kept_beside_its_rows(home: Home, exports: Path) -> None:
    folder = write_run(exports, "r1", [], submitted="2026-10-03T04:30:00Z")
    rows = csv_bytes(HEADER, charges("2026-10-01", ["1", "2"]))
    content = gzip.compress(rows + b"3,USD\n" + rows.splitlines()[1] + b"\n")
    (folder / "part_0_0001.csv.gz").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["blobs"][0] |= {"byteCount": len(content), "dataRowCount": 4}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    result = land_exports(home, exports)
    assert (result.rows, result.rejected) == ({FOCUS: 3}, 1)
    found = query(home, "landing__rejected", "select x_row, reason, remedy, raw_row, source_id, table_name from rows")
    assert found[0][0] == 3
    assert found[0][3:] == ("3,USD", "azure-exports", FOCUS)
    assert all(found[0][1:3])
    assert query(home, FOCUS, "select x_row from rows order by 1") == [(1,), (2,), (4,)]


@pytest.mark.ids("ING-4", "COST-1")
def test_real_focus_sample_sums_to_the_cent_of_a_cent(home: Home, real_data: Path) -> None:
    path = real_data / "billing" / "focus-sample" / "focus_sample.csv"
    assert land_focus(home, path).rows == {FOCUS: 1000}
    totals = query(home, FOCUS, "select ProviderName, sum(BilledCost::decimal(38,12)) from rows group by 1 order by 1")
    assert totals == [
        ("AWS", Decimal("18.00663861840")),
        ("Microsoft", Decimal("1.97651418586")),
        ("Oracle", Decimal("0.53707392473")),
    ]
    nulls = query(home, FOCUS, "select count(*) filter (AvailabilityZone = 'NULL'), count(distinct Id) from rows")
    assert nulls[0][0] > 0, "a literal NULL stays as delivered"
    assert nulls[0][1] > 1, "a column that FOCUS does not know keeps its name"


@pytest.mark.ids("ING-4")
def test_headers_match_in_any_case_and_any_delimiter(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_bytes(
        b'\xef\xbb\xbf billedcost ;"BILLINGCURRENCY";chargeperiodstart;My Own\r\n007.10;USD;2026-10-01;"a;b"\r\n'
    )
    assert land_focus(home, path).rows == {FOCUS: 1}
    row = query(home, FOCUS, 'select BilledCost, BillingCurrency, ChargePeriodStart, "My Own", x_file from rows')
    assert row == [("007.10", "USD", "2026-10-01", "a;b", str(path))]


@pytest.mark.ids("ING-4")
def test_what_is_no_focus_file_is_named_with_what_it_lacks_and_stops_no_other(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "bills"
    folder.mkdir()
    (folder / "a.csv").write_text("Date,Cost\n2026-10-01,1\n")
    (folder / "b.csv").write_bytes(csv_bytes(HEADER, charges("2026-10-01", ["4"])))
    (folder / "c.csv").write_text("")
    (folder / "d.csv").write_text("BilledCost,billedcost,BillingCurrency,ChargePeriodStart\n1,1,USD,2026-10-01\n")
    (folder / "notes.txt").write_text("no bill")
    with pytest.raises(LandingError) as error:
        land_focus(home, folder)
    text = str(error.value)
    assert "a.csv is not a FOCUS file, because it lacks BilledCost and BillingCurrency and ChargePeriodStart" in text
    assert "c.csv is empty" in text
    assert "d.csv has two columns named 'BilledCost'" in text
    assert "b.csv" not in text
    assert query(home, FOCUS, CURRENT) == [(Decimal(4), 1)]


@pytest.mark.ids("ING-4", "ING-10")
def test_the_same_content_counts_once_and_new_content_replaces_the_old(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "bills"
    folder.mkdir()
    first = csv_bytes(HEADER, charges("2026-10-01", ["4"]))
    second = csv_bytes(HEADER, charges("2026-10-01", ["5"]))
    (folder / "a.csv").write_bytes(first)
    (folder / "copy.csv").write_bytes(first)
    result = land_focus(home, folder)
    assert (result.snapshots, result.skipped) == (1, 1)
    (folder / "a.csv").write_bytes(second)
    # The copy still holds what a.csv held, so that is landed for it now.
    assert land_focus(home, folder).snapshots == 2
    (folder / "copy.csv").unlink()
    (folder / "a.csv").rename(folder / "renamed.csv")
    assert land_focus(home, folder).snapshots == 0
    # Back to the first content: its old landing is no longer current, so it comes again, as the newest.
    (folder / "renamed.csv").unlink()
    (folder / "a.csv").write_bytes(csv_bytes(HEADER, charges("2026-10-01", ["6"])))
    land_focus(home, folder)
    (folder / "a.csv").write_bytes(second)
    assert land_focus(home, folder).snapshots == 1
    newest = query(
        home,
        "landing__snapshot",
        "select row_count, load_id from rows where scope like '%/a.csv' order by submitted_at",
    )[-1][1]
    assert query(home, FOCUS, f"select BilledCost from rows where load_id = '{newest}'") == [("5",)]


def _parquet(path: Path, **columns: pa.Array) -> Path:
    defaults = {
        "BilledCost": pa.array([Decimal("1.000000000001"), Decimal("-2.5")], pa.decimal128(38, 12)),
        "BillingCurrency": pa.array(["USD", "USD"]),
        "ChargePeriodStart": pa.array([datetime(2026, 10, 1), datetime(2026, 10, 2)], pa.timestamp("us")),  # noqa: DTZ001
    }
    pq.write_table(pa.table({**defaults, **columns}), path)
    return path


@pytest.mark.ids("ING-1", "ING-4")
def test_parquet_with_exact_columns_is_taken_as_it_is(home: Home, tmp_path: Path) -> None:
    path = _parquet(tmp_path / "bill.parquet", SkuId=pa.array(["a", None]))
    assert land_focus(home, path).rows == {FOCUS: 2}
    landed = [file for file in (home.lake / "raw" / FOCUS).glob("*.parquet") if file.name != lake.SCHEMA_FILE]
    assert [file.read_bytes() for file in landed] == [path.read_bytes()]
    assert query(home, FOCUS, "select BilledCost, ChargePeriodStart, x_row from rows order by 1 desc") == [
        ("1.000000000001", "2026-10-01 00:00:00", None),
        ("-2.500000000000", "2026-10-02 00:00:00", None),
    ]


@pytest.mark.ids("ING-1", "ING-4")
def test_parquet_that_would_change_as_text_is_rewritten(home: Home, tmp_path: Path) -> None:
    tags = pa.array([[("team", "search")], None], pa.map_(pa.string(), pa.string()))
    path = _parquet(
        tmp_path / "bill.parquet",
        ListCost=pa.array([0.1, 1e-7]),
        Tags=tags,
        ChargePeriodEnd=pa.array([datetime(2026, 10, 1, 2, tzinfo=UTC)] * 2, pa.timestamp("us", tz="Europe/Berlin")),
        skuid=pa.array(["a", "b"]),
    )
    assert land_focus(home, path).rows == {FOCUS: 2}
    rows = query(
        home, FOCUS, "select BilledCost, ListCost, Tags, ChargePeriodEnd, SkuId, x_row from rows order by x_row"
    )
    assert rows == [
        ("1.000000000001", "0.1", '{"team":"search"}', "2026-10-01T02:00:00Z", "a", 1),
        ("-2.500000000000", "1e-07", None, "2026-10-01T02:00:00Z", "b", 2),
    ]


@pytest.mark.ids("ING-10")
def test_a_missing_folder_and_a_damaged_file_say_so(home: Home, tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="nowhere does not exist"):
        land_exports(home, tmp_path / "nowhere")
    broken = tmp_path / "bill.parquet"
    broken.write_bytes(b"PAR1 not really")
    with pytest.raises(LandingError, match=r"bill\.parquet is no readable Parquet file"):
        land_focus(home, broken)
    cut = tmp_path / "bill.csv.gz"
    cut.write_bytes(gzip.compress(csv_bytes(HEADER, charges("2026-10-01", ["4"] * 50)))[:-20])
    with pytest.raises(LandingError, match=r"bill\.csv\.gz cannot be read"):
        land_focus(home, cut)
    assert query(home, FOCUS, "select count(*) from rows") == [(0,)]


@pytest.mark.ids("OPS-2")
def test_every_table_is_readable_before_it_has_data(home: Home) -> None:
    ingestion.prepare_lake(home)
    ingestion.prepare_lake(home)
    for table in lake.TABLES:
        names = [row[0] for row in query(home, table.name, "describe rows")]
        assert [c.name for c in table.columns] == names[: len(table.columns)]
        assert query(home, table.name, "select count(*) from rows") == [(0,)]


@pytest.mark.ids("ING-4")
def test_file_names_are_no_patterns(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "bills"
    folder.mkdir()
    for name, cost in (("bill[1].csv", "1"), ("bill1.csv", "2"), ("it's *.csv", "3")):
        (folder / name).write_bytes(csv_bytes(HEADER, charges("2026-10-01", [cost])))
    assert land_focus(home, folder).rows == {FOCUS: 3}
    assert query(home, FOCUS, "select sum(BilledCost::int) from rows") == [(6,)]


@pytest.mark.ids("SEC-2", "ING-1")
def test_addresses_are_hashed_in_small_and_large_files_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["", "Ann@Example.com and ann@example.com", "a @ b", 'a "quoted" bo@example.com', "nobody"]
    rows = [(*row, text) for row, text in zip(charges("2026-10-01", list("12345")), said, strict=True)]
    bill = tmp_path / "bill.csv"
    bill.write_bytes(csv_bytes((*HEADER, "x_Owner"), rows) + b"6,USD\n")
    found = []
    for name in ("small", "large"):
        home = Home(tmp_path / name)
        home.path.mkdir()
        (home.path / "hash.key").write_text("0123456789abcdef" * 4)
        assert land_focus(home, bill).rejected == 1
        found.append(query(home, FOCUS, "select * exclude (load_id) from rows order by x_row"))
        monkeypatch.setattr("ingestion.focus_rows._SMALL_BYTES", 0)
    small, large = found
    assert small == large
    owners = [row[len(HEADER)] for row in small]
    assert owners[::2] == [None, "a @ b", "nobody"]
    assert owners[1].count("e-mail:") == 2, "each address on its own"
    assert not any("example.com" in str(value).lower() for row in small for value in row)


@pytest.mark.ids("ING-10")
def test_a_source_never_lands_the_lake_itself(home: Home, tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="is in there"):
        land_focus(home, tmp_path)
