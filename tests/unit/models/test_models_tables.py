"""The ``ml`` tables on disk."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from models.tables import SCHEMAS, build_frame, read_table, write_table

pytestmark = pytest.mark.ids("FCST-1", "ANOM-1")

ROW = {
    "forecast_date": date(2026, 10, 21),
    "scope_type": "team",
    "scope_value": "search",
    "currency": "USD",
    "expected_cost": Decimal("12.340000000000"),
    "lower_cost": Decimal("10.000000000001"),
    "upper_cost": Decimal("15.000000000000"),
    "lower_95_cost": Decimal("9.000000000000"),
    "upper_95_cost": Decimal("17.500000000000"),
    "model_name": "prophet",
    "as_of": datetime(2026, 10, 20, 6),  # noqa: DTZ001 - the tables keep UTC without a zone
    "is_future": True,
}


def test_money_survives_the_file_exactly(tmp_path: Path) -> None:
    write_table("forecast_daily", build_frame("forecast_daily", [ROW]), tmp_path)
    back = read_table("forecast_daily", tmp_path).to_dict("records")
    assert back == [ROW]


@pytest.mark.parametrize("table", SCHEMAS)
def test_an_empty_table_is_a_file_without_rows(table: str, tmp_path: Path) -> None:
    path = write_table(table, build_frame(table, []), tmp_path)
    content = pq.read_table(path)
    assert content.num_rows == 0
    assert content.schema.remove_metadata() == SCHEMAS[table]


def test_empty_and_filled_frames_have_the_same_types() -> None:
    empty, filled = build_frame("forecast_daily", []), build_frame("forecast_daily", [ROW])
    assert list(empty.columns) == list(filled.columns) == SCHEMAS["forecast_daily"].names
    assert empty.dtypes.to_dict() == filled.dtypes.to_dict()


def test_a_failed_write_leaves_the_old_table_and_no_draft(tmp_path: Path) -> None:
    write_table("forecast_daily", build_frame("forecast_daily", [ROW]), tmp_path)
    broken = build_frame("forecast_daily", [ROW]).assign(expected_cost=["much"])
    with pytest.raises(ValueError, match="forecast_daily does not fit its schema"):
        write_table("forecast_daily", broken, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["forecast_daily.parquet"]
    assert len(read_table("forecast_daily", tmp_path)) == 1


def test_missing_columns_are_named(tmp_path: Path) -> None:
    frame = build_frame("anomaly", []).drop(columns=["severity"])
    with pytest.raises(ValueError, match="anomaly lacks the columns severity"):
        write_table("anomaly", frame, tmp_path)
