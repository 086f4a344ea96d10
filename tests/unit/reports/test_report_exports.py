"""Exports: the CSV dialect, the guard against formulas, the atomic swap, the dictionary."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.dictionary import Dictionary, DictionaryColumn, DictionaryError, DictionaryMart, read_dictionary
from reports.exports import ExportedFile, ExportError, export_marts

MART = "fct_sample"
KNOWN_AT = datetime(2026, 10, 20, 6, tzinfo=UTC)
TEXTS = [
    "=1+1",
    "+x",
    "-y",
    "@z",
    "\ttab",
    "\rreturn",
    "\uff1d1",
    "plain",
    'a "quoted", text',
    "two\r\nlines",
    "",
    None,
]
TEXTS.append("é—漢")
ROWS = len(TEXTS)


def sample() -> pa.Table:
    amounts = [Decimal("-1234.5"), Decimal("0.000000000001"), Decimal("12345678901234567890.5"), Decimal("-0.25")]
    return pa.table(
        {
            "usage_date": pa.array([date(2026, 10, 20)] * ROWS),
            "usage_hour": pa.array([datetime(2026, 10, 20, 6, 5, 7)] * ROWS, pa.timestamp("us")),  # noqa: DTZ001
            "team": pa.array(TEXTS),
            "billed_cost": pa.array([*amounts, *[Decimal(7)] * (ROWS - 5), None], pa.decimal128(38, 12)),
            "ratio": pa.array([1e-7, -2.5, 1e15, 0.1, float("nan"), float("inf"), *[1.0] * (ROWS - 6)]),
            "tokens": pa.array([-3, 2**53 + 1, *range(ROWS - 2)], pa.int64()),
            "is_ai": pa.array([True, False, None, *[True] * (ROWS - 3)]),
        }
    )


def dictionary_of(table: pa.Table, name: str = MART) -> DictionaryMart:
    return DictionaryMart(
        name, "one sample", "A sample.", tuple(DictionaryColumn(c, "text", f"What {c} is.") for c in table.column_names)
    )


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, list[ExportedFile]]:
    published = tmp_path / "published"
    published.mkdir()
    pq.write_table(sample(), published / f"{MART}.parquet")
    out = tmp_path / "exports"
    files = export_marts(published, out, Dictionary((dictionary_of(sample()),)), known_at=KNOWN_AT)
    return out, files


def cells(out: Path) -> list[dict[str, str]]:
    raw = (out / "csv" / f"{MART}.csv").read_bytes()
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.ids("BI-2")
def test_every_value_survives_the_csv_file(exported: tuple[Path, list[ExportedFile]]) -> None:
    rows = cells(exported[0])
    assert len(rows) == ROWS
    source = sample().to_pylist()
    for row, original in zip(rows, source, strict=True):
        amount = original["billed_cost"]
        assert (Decimal(row["billed_cost"]) if row["billed_cost"] else None) == amount
        assert int(row["tokens"]) == original["tokens"]
        assert row["usage_date"] == "2026-10-20"
        assert row["usage_hour"] == "2026-10-20T06:05:07Z"
        assert row["is_ai"] == {True: "true", False: "false", None: ""}[original["is_ai"]]


@pytest.mark.ids("BI-2")
def test_formulas_are_guarded_and_numbers_are_not(exported: tuple[Path, list[ExportedFile]]) -> None:
    rows = cells(exported[0])
    texts = [row["team"] for row in rows]
    assert texts[:7] == ["'=1+1", "'+x", "'-y", "'@z", "'\ttab", "'\rreturn", "'\uff1d1"]
    assert texts[7:10] == ["plain", 'a "quoted", text', "two\r\nlines"]
    assert texts[12] == "é—漢"
    assert rows[0]["billed_cost"] == "-1234.5"
    assert rows[0]["tokens"] == "-3"
    assert rows[1]["ratio"] == "-2.5"


@pytest.mark.ids("BI-2")
def test_dialect(exported: tuple[Path, list[ExportedFile]]) -> None:
    raw = (exported[0] / "csv" / f"{MART}.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfusage_date,")
    assert raw.endswith(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    numbers = [row[name] for row in cells(exported[0]) for name in ("billed_cost", "ratio")]
    assert not any("e" in number.lower() for number in numbers)
    assert "0.000000000001" in numbers
    assert "0.0000001" in numbers
    text = raw.decode("utf-8-sig")
    assert ',"",' in text  # an empty text is not a null
    assert [row["ratio"] for row in cells(exported[0])][4:6] == ["", ""]


@pytest.mark.ids("BI-2")
def test_parquet_is_the_published_file_and_everything_is_listed(
    exported: tuple[Path, list[ExportedFile]], tmp_path: Path
) -> None:
    out, files = exported
    copied, source = out / "parquet" / f"{MART}.parquet", tmp_path / "published" / f"{MART}.parquet"
    assert copied.read_bytes() == source.read_bytes()
    on_disk = {path for path in out.rglob("*") if path.is_file()}
    assert {file.path for file in files} == on_disk
    assert all(file.byte_count == file.path.stat().st_size for file in files)
    assert {file.row_count for file in files if file.mart} == {ROWS}
    assert f"| `{MART}` | one sample | {ROWS} |" in (out / "README.md").read_text(encoding="utf-8")


@pytest.mark.ids("BI-2")
def test_the_folder_is_swapped_as_a_whole(exported: tuple[Path, list[ExportedFile]], tmp_path: Path) -> None:
    out, _ = exported
    (out / "csv" / "removed_mart.csv").write_text("old")
    export_marts(tmp_path / "published", out, Dictionary((dictionary_of(sample()),)), known_at=KNOWN_AT)
    assert not (out / "csv" / "removed_mart.csv").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exports", "published"]


@pytest.mark.ids("BI-2")
def test_a_failed_export_leaves_the_former_one(exported: tuple[Path, list[ExportedFile]], tmp_path: Path) -> None:
    out, _ = exported
    before = (out / "csv" / f"{MART}.csv").read_bytes()
    renamed = sample().rename_columns(["surprise", *sample().column_names[1:]])
    pq.write_table(renamed, tmp_path / "published" / f"{MART}.parquet")
    with pytest.raises(ExportError, match=r"fct_sample has columns that its dbt model does not describe \(surprise\)"):
        export_marts(tmp_path / "published", out, Dictionary((dictionary_of(sample()),)), known_at=KNOWN_AT)
    assert (out / "csv" / f"{MART}.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exports", "published"]


@pytest.mark.ids("BI-2")
def test_a_run_that_died_between_the_renames_is_repaired(
    exported: tuple[Path, list[ExportedFile]], tmp_path: Path
) -> None:
    out, _ = exported
    out.rename(tmp_path / ".exports.old")
    export_marts(tmp_path / "published", out, Dictionary((dictionary_of(sample()),)), known_at=KNOWN_AT)
    assert (out / "README.md").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exports", "published"]


@pytest.mark.ids("BI-2")
def test_marts_that_are_not_published_yet_are_named(tmp_path: Path) -> None:
    published = tmp_path / "published"
    published.mkdir()
    both = Dictionary((dictionary_of(sample()), dictionary_of(sample(), "fct_later")))
    with pytest.raises(ExportError, match="run the pipeline first"):
        export_marts(published, tmp_path / "exports", both, known_at=KNOWN_AT)
    pq.write_table(sample(), published / f"{MART}.parquet")
    export_marts(published, tmp_path / "exports", both, known_at=KNOWN_AT)
    assert "not been published yet: fct_later" in (tmp_path / "exports" / "README.md").read_text(encoding="utf-8")


@pytest.mark.ids("BI-2")
def test_all_synthetic_marts_export_with_equal_totals(published: Path, tmp_path: Path) -> None:
    marts = tuple(
        dictionary_of(pq.read_schema(path).empty_table(), path.stem) for path in sorted(published.glob("*.parquet"))
    )
    files = export_marts(published, tmp_path / "exports", Dictionary(marts), known_at=KNOWN_AT)
    assert len([file for file in files if file.format == "csv" and file.mart]) == len(marts) > 8
    for file in files:
        if file.mart != "fct_ai_cost_daily" or file.format != "csv":
            continue
        read = pd.read_csv(file.path, dtype=str)
        total = sum((Decimal(value) for value in read["billed_cost"]), Decimal(0))
        assert total == sum(
            pq.read_table(published / "fct_ai_cost_daily.parquet")["billed_cost"].to_pylist(), Decimal(0)
        )
        assert total > 0


@pytest.mark.ids("BI-2")
def test_the_same_rows_have_the_same_version(tmp_path: Path) -> None:
    """Else every run would bring everything to every destination again."""
    (tmp_path / "published").mkdir()
    table = pa.table({"n": range(200_000), "team": [f"team {number % 977}" for number in range(200_000)]})
    pq.write_table(table, tmp_path / "published" / f"{MART}.parquet", row_group_size=20_000)
    versions = set()
    for _ in range(2):
        export_marts(
            tmp_path / "published", tmp_path / "exports", Dictionary((dictionary_of(table),)), known_at=KNOWN_AT
        )
        versions.add(json.loads((tmp_path / "exports" / "manifest.json").read_text(encoding="utf-8"))["version"])
    assert len(versions) == 1
    numbers = pd.read_csv(tmp_path / "exports" / "csv" / f"{MART}.csv")["n"]
    assert numbers.is_monotonic_increasing


@pytest.mark.ids("BI-2")
def test_a_large_mart_lies_there_by_month_too(tmp_path: Path) -> None:
    published = tmp_path / "published"
    published.mkdir()
    hours = [datetime(2026, month, day, hour) for month in (8, 10) for day in (1, 31) for hour in (0, 23)]  # noqa: DTZ001
    table = pa.table({"usage_hour": pa.array(hours, pa.timestamp("us")), "n": range(len(hours))})
    pq.write_table(table, published / f"{MART}.parquet")
    mart = dataclasses.replace(dictionary_of(table), month_column="usage_hour")
    export_marts(published, tmp_path / "exports", Dictionary((mart,)), known_at=KNOWN_AT)
    manifest = json.loads((tmp_path / "exports" / "manifest.json").read_text(encoding="utf-8"))
    months = [file for file in manifest["files"] if file["format"] == "parquet_by_month"]
    assert [(file["path"], file["rows"], file["first_day"], file["end_day"]) for file in months] == [
        (f"parquet_by_month/{MART}/2026-08.parquet", 4, "2026-08-01", "2026-09-01"),
        (f"parquet_by_month/{MART}/2026-10.parquet", 4, "2026-10-01", "2026-11-01"),
    ]
    found = pa.concat_tables([pq.read_table(tmp_path / "exports" / file["path"]) for file in months])
    assert found.to_pylist() == table.to_pylist()
    pq.write_table(
        pa.table({"usage_hour": pa.array([*hours, None], pa.timestamp("us")), "n": range(9)}),
        published / f"{MART}.parquet",
    )
    with pytest.raises(ExportError, match="rows without usage_hour"):
        export_marts(published, tmp_path / "exports", Dictionary((mart,)), known_at=KNOWN_AT)


@pytest.mark.ids("BI-2", "ALLOC-5")
def test_workbooks_of_issued_statements_go_along(exported: tuple[Path, list[ExportedFile]], tmp_path: Path) -> None:
    out, _ = exported
    issued = tmp_path / "statements" / "2026-09"
    issued.mkdir(parents=True)
    (issued / "statements.xlsx").write_bytes(b"a workbook")
    (issued / "issue.json").write_text("{}")
    export_marts(
        tmp_path / "published",
        out,
        Dictionary((dictionary_of(sample()),)),
        known_at=KNOWN_AT,
        statements_dir=issued.parent,
    )
    assert (out / "xlsx" / "statements_2026-09.xlsx").read_bytes() == b"a workbook"
    files = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    [entry] = [file for file in files if file["format"] == "xlsx"]
    assert entry["path"] == "xlsx/statements_2026-09.xlsx"
    assert entry["sha256"] == hashlib.sha256(b"a workbook").hexdigest()


# ── the dictionary ────────────────────────────────────────────────────────────────────────────────────────────────────


def node(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "resource_type": "model",
        "tags": ["public"],
        "description": "Cost per day. Grain: day and team. Null team is nobody's.",
        "config": {},
        "columns": {
            "usage_date": {"name": "usage_date", "data_type": "date", "description": "UTC day\nof use."},
            "cost": {"name": "cost", "data_type": "decimal(38,12)", "description": "=Cost | effective."},
        },
        **more,
    }


def manifest(folder: Path, *nodes: dict[str, Any]) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps({"nodes": {f"model.x.{n['name']}": n for n in nodes}}), encoding="utf-8")
    return path


@pytest.mark.ids("BI-2")
def test_dictionary_comes_from_the_manifest(tmp_path: Path) -> None:
    found = read_dictionary(
        manifest(
            tmp_path,
            node("fct_b"),
            node("fct_a", config={"meta": {"grain": "one day", "month_column": "usage_date"}}),
            node("int_private", tags=[]),
            node("a_test", resource_type="test"),
        )
    )
    assert [mart.name for mart in found.marts] == ["fct_a", "fct_b"]
    assert [mart.grain for mart in found.marts] == ["one day", "day and team"]
    assert [mart.month_column for mart in found.marts] == ["usage_date", ""]
    assert found.marts[1].description == "Cost per day. Null team is nobody's."
    markdown = found.to_markdown()
    assert "| `cost` | decimal(38,12) | =Cost \\| effective. |" in markdown
    assert "| `usage_date` | date | UTC day of use. |" in markdown
    rows = list(csv.DictReader(io.StringIO(found.to_csv().removeprefix("\ufeff"))))
    assert [(row["mart"], row["column_name"], row["column_position"]) for row in rows][:2] == [
        ("fct_a", "usage_date", "1"),
        ("fct_a", "cost", "2"),
    ]


@pytest.mark.ids("BI-2")
def test_a_mart_without_a_contract_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match="fct_b declares no columns"):
        read_dictionary(manifest(tmp_path, node("fct_b", columns={})))
    with pytest.raises(DictionaryError, match="no model tagged 'public'"):
        read_dictionary(manifest(tmp_path, node("fct_b", tags=[])))
    with pytest.raises(DictionaryError, match="fct_b has no column day"):
        read_dictionary(manifest(tmp_path, node("fct_b", config={"meta": {"month_column": "day"}})))
    with pytest.raises(DictionaryError, match="run `dbt parse` first"):
        read_dictionary(tmp_path / "absent.json")
