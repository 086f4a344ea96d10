"""Nothing is lost and nothing invented between a CSV file and the lake, however broken some of its lines are."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.config.bill_sources import FocusFilesSource
from finops.paths import Home
from ingestion.files import list_files, open_location
from ingestion.focus_rows import convert
from ingestion.lake import Lake
from ingestion.tabular import connect

pytestmark = pytest.mark.ids("ING-10", "ING-4")
HEADER = ("BilledCost", "BillingCurrency", "ChargePeriodStart", "ChargeDescription", "Tags")
# Control characters are left out: a carriage return alone is a line end to some readers and none to others.
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
fields = st.one_of(
    texts, st.sampled_from(["NULL", '{"team": "a,b"}', "two\nlines", 'say ""quoted"', "007", " padded "])
)
good_rows = st.tuples(st.decimals(-9, 9, places=11).map(str), st.just("USD"), st.just("2026-10-01"), fields, fields)
# Each is one line that can be no row: too few fields, too many, not UTF-8, text after a closing quote.
broken_lines = st.sampled_from(
    [b"1,USD", b"1,USD,2026-10-01,a,b,c", b"1,USD,2026-10-01,\xff\xfe,b", b'1,USD,2026-10-01,"a"b,c']
)
lines = st.lists(st.one_of(good_rows, broken_lines), max_size=40)


def _encode(content: list[tuple[str, ...] | bytes], line_end: str) -> bytes:
    out = [_line(HEADER, line_end)]
    out += [line + line_end.encode() if isinstance(line, bytes) else _line(line, line_end) for line in content]
    return b"".join(out)


def _line(row: tuple[str, ...], line_end: str) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerow(row)
    return buffer.getvalue().encode()


@settings(max_examples=40)
@given(lines, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_every_line_is_a_row_or_a_reject(
    content: list[tuple[str, ...] | bytes], line_end: str, zipped: bool, marked: bool
) -> None:
    data = (b"\xef\xbb\xbf" if marked else b"") + _encode(content, line_end)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("bill.csv.gz" if zipped else "bill.csv")
        path.write_bytes(gzip.compress(data) if zipped else data)
        lake = Lake(Home(Path(folder) / "home"), None, {})
        source = FocusFilesSource(id="s", type="focus_files", url=str(path))
        with lake.writer(source) as writer, connect(writer.work) as connection:
            converted = convert(connection, writer, list_files(open_location(str(path), {}))[0])
            rows = pq.read_table(converted.part.path).to_pylist() if converted.part else []
            # Where no line was refused, a row's number is its place in the lake's file.
            rows = [{"x_row": place, **row} for place, row in enumerate(rows, 1)]

    expected = {number: line for number, line in enumerate(content, 1) if not isinstance(line, bytes)}
    broken = {number for number, line in enumerate(content, 1) if isinstance(line, bytes)}
    assert {reject.x_row for reject in converted.rejects} == broken
    assert len(converted.rejects) == len(broken)
    assert Counter(row["x_row"] for row in rows) == Counter(expected.keys())
    for row in rows:
        delivered = dict(zip(HEADER, expected[row["x_row"]], strict=True))
        assert {name: row[name] or "" for name in HEADER} == delivered
    assert sum(Decimal(row["BilledCost"]) for row in rows) == sum(Decimal(line[0]) for line in expected.values())
    assert all(reject.reason and reject.remedy and reject.raw_row for reject in converted.rejects)
