"""Reading published marts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reports.dashboards.access import Published
from reports.marts import MARTS, MartError, conform, empty, from_rows, read_marts, reported_moment
from tests.support.mart_factory import AS_OF, publish


@pytest.mark.ids("BI-1", "COST-1")
def test_published_money_arrives_exactly(published: Path, marts: dict[str, pd.DataFrame]) -> None:
    read = read_marts(published)["fct_ai_cost_daily"]
    assert len(read) == len(marts["fct_ai_cost_daily"]) > 1000
    assert all(type(amount) is Decimal for amount in read["effective_cost"])
    assert sum(read["effective_cost"], Decimal(0)) == sum(marts["fct_ai_cost_daily"]["effective_cost"], Decimal(0))


@pytest.mark.ids("BI-1")
def test_a_mart_that_is_not_published_is_an_empty_frame_with_types(tmp_path: Path) -> None:
    marts = read_marts(tmp_path)
    for name, mart in MARTS.items():
        assert marts[name].empty
        assert list(marts[name].columns) == list(mart.columns)
        assert list(marts[name].dtypes) == list(conform(name, empty(name)).dtypes), name


@pytest.mark.ids("BI-1")
def test_only_rows_that_reports_look_back_on_are_read(published: Path) -> None:
    later = datetime(2027, 1, 1, tzinfo=UTC)
    everything = read_marts(published)["fct_usage_cost_hourly"]
    recent = read_marts(published, as_of=later)["fct_usage_cost_hourly"]
    assert 0 < len(recent) < len(everything)
    assert recent["usage_hour"].min() >= pd.Timestamp(later).tz_localize(None) - pd.Timedelta(days=100)


@pytest.mark.ids("BI-1")
def test_a_missing_column_is_named_with_what_to_do(tmp_path: Path, marts: dict[str, pd.DataFrame]) -> None:
    publish({"fct_incident": marts["fct_incident"].drop(columns=["severity", "impact"])}, tmp_path)
    with pytest.raises(MartError, match=r"fct_incident lacks the columns severity, impact: .* publish the marts again"):
        read_marts(tmp_path)["fct_incident"]


@pytest.mark.ids("COST-1")
def test_money_read_as_floating_point_is_refused(marts: dict[str, pd.DataFrame]) -> None:
    frame = marts["fct_budget_status"].assign(budget_amount=[0.1] * len(marts["fct_budget_status"]))
    with pytest.raises(MartError, match="budget_amount was read as floating point"):
        conform("fct_budget_status", frame)


@pytest.mark.ids("BI-1")
def test_times_with_a_zone_become_utc(marts: dict[str, pd.DataFrame]) -> None:
    frame = marts["fct_gpu_hourly"].head(3).copy()
    frame["usage_hour"] = pd.to_datetime(["2026-10-01T02:00+02:00"] * 3)
    assert set(conform("fct_gpu_hourly", frame)["usage_hour"]) == {pd.Timestamp("2026-10-01T00:00")}


@pytest.mark.ids("OPS-1")
def test_the_moment_reported_on_is_known_from_the_marts(published: Path, tmp_path: Path) -> None:
    assert reported_moment(read_marts(published)) == AS_OF
    with pytest.raises(MartError, match="run the pipeline first"):
        reported_moment(read_marts(tmp_path))


@pytest.mark.ids("OPS-1")
def test_a_swap_while_reading_does_not_mix_two_runs(published: Path, tmp_path: Path) -> None:
    link = tmp_path / "published"
    link.symlink_to(published, target_is_directory=True)
    marts = read_marts(link)
    newer = tmp_path / "newer"
    newer.mkdir()
    link.unlink()
    link.symlink_to(newer, target_is_directory=True)
    assert not marts["fct_ai_cost_daily"].empty


@pytest.mark.ids("BI-1")
def test_rows_of_a_query_are_the_frame_of_their_mart(published: Path) -> None:
    with Published(published) as marts:
        for name in sorted(marts.marts & MARTS.keys()):
            rows = marts.rows(f"select * from {name}")
            assert_frame_equal(from_rows(name, rows), conform(name, pd.DataFrame(rows)), obj=name)
        assert len(marts.marts & MARTS.keys()) > 15
    assert from_rows("fct_incident", []).empty
    with pytest.raises(MartError, match="budget_amount was read as floating point"):
        from_rows("fct_budget_status", [{"budget_amount": 0.1}])
