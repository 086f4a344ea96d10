"""What pages say of forecasts: totals, how good they have been, how likely a budget is overrun."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from finops.periods import BillingPeriod
from reports.dashboards.parts.forecast_charts import fans, hours_chart, months_chart, quality_charts
from reports.marts import as_marts
from reports.measures.budgets import budget_lines
from reports.measures.forecasts import forecasts
from reports.measures.hours import scope_hours
from reports.summary import Summary, summarise
from tests.support.mart_factory import AS_OF, BILLED_THROUGH

MARTS = ("fct_forecast_total", "fct_forecast_variance_monthly", "fct_forecast_quality", "fct_budget_outlook_daily")


@pytest.mark.ids("FCST-1", "BI-1")
def test_totals_of_the_company_come_first_then_teams_with_the_dearest_first(summary: Summary) -> None:
    found = summary.currencies[0].forecasts
    assert found.totals[0].name == "Company"
    expected = [scope.totals["next_month"].expected for scope in found.totals[1:]]
    assert len(expected) == 8
    assert expected == sorted(expected, reverse=True)
    month = found.totals[0].totals["month"]
    assert month.lower_95 < month.lower < month.expected < month.upper < month.upper_95
    assert found.extended_periods == {"quarter"}


@pytest.mark.ids("FCST-2", "BI-1")
def test_months_are_told_from_backcasts_and_from_months_not_over(summary: Summary) -> None:
    months = summary.currencies[0].forecasts.company_months
    assert [(str(month.month), month.maturity, month.is_backcast, month.is_complete) for month in months] == [
        ("2026-08-01", "crawl", True, True),
        ("2026-09-01", "walk", True, True),
        ("2026-10-01", "run", False, False),
    ]
    assert months[0].forecast == (months[0].actual * Decimal("1.17")).quantize(Decimal("1e-12"))


@pytest.mark.ids("FCST-2")
def test_only_company_and_teams_together_are_judged_by_days_ahead(marts: dict[str, pd.DataFrame]) -> None:
    known = as_marts(marts)
    found = forecasts(*(known[name] for name in MARTS[:3]))
    assert [(line.level, line.horizon) for line in found.quality] == [
        (level, horizon) for level in ("company", "team") for horizon in ("1–7", "8–14", "15–28", "29+")
    ]
    assert found.quality[0].coverage_80 == 0.72


@pytest.mark.ids("FCST-2", "BI-1")
def test_backcasts_are_hollow_and_every_mark_lies_in_its_band(summary: Summary) -> None:
    chart = months_chart(summary.currencies[0].forecasts, "USD")
    assert chart.figure is not None
    made, backcast = chart.figure["data"]
    assert (made["name"], made["x"], made["y"]) == ("Forecast made then", ["Oct 2026 so far"], [0.04])
    assert (backcast["name"], backcast["x"], backcast["y"]) == ("Backcast", ["Aug 2026", "Sep 2026"], [0.17, -0.13])
    assert made["marker"]["color"] != backcast["marker"]["color"]
    layout = chart.figure["layout"]
    upper = sorted({shape["y1"] for shape in layout["shapes"] if shape["y1"] > 0})
    assert upper == [0.12, 0.15, 0.2]
    reach = layout["yaxis"]["range"]
    assert reach[0] < -0.2 < 0.2 < reach[1]
    assert "Aug 2026 forecast USD" in chart.label.replace("\xa0", " ")


@pytest.mark.ids("FCST-2", "BI-1")
def test_coverage_is_drawn_beside_what_the_intervals_promise(summary: Summary) -> None:
    charts = {chart.key: chart.figure for chart in quality_charts(summary.currencies[0].forecasts)}
    coverage, error = charts["forecast-coverage"], charts["forecast-error"]
    assert coverage is not None
    assert error is not None
    drawn = {trace["name"]: trace["y"] for trace in coverage["data"]}
    assert drawn["Company, 80%"] == [0.72, 0.77, 0.82, 0.87]
    assert {shape["y0"] for shape in coverage["layout"]["shapes"]} == {0.8, 0.95}
    assert {trace["name"]: trace["y"][0] for trace in error["data"]} == {"Company": 0.055, "Teams": 0.1155}


@pytest.mark.ids("BUD-1")
@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        (0.88, "88% of the forecast's paths end above the budget."),
        (1.0, "Every path of the forecast ends above the budget."),
        (0.0, "No path of the forecast ends above the budget."),
        (0.999, "99.9% of the forecast's paths end above the budget."),
        (None, None),
    ],
)
def test_the_chance_of_an_overrun_is_words(
    marts: dict[str, pd.DataFrame], probability: float | None, expected: str | None
) -> None:
    frame = as_marts({"fct_budget_status": marts["fct_budget_status"].assign(exceed_probability=probability)})
    assert {line.chance_words for line in budget_lines(frame["fct_budget_status"])} == {expected}


@pytest.mark.ids("BUD-1", "BI-1")
def test_budgets_that_may_be_overrun_have_a_fan_the_likeliest_first(
    marts: dict[str, pd.DataFrame], summary: Summary
) -> None:
    lines = summary.currencies[0].budgets
    outlooks = as_marts(marts)["fct_budget_outlook_daily"]
    charts = fans(lines, outlooks, BillingPeriod.containing(BILLED_THROUGH), "USD")
    chances = {line.name: line.exceed_probability or 0 for line in lines}
    shown = [chances[chart.title] for chart in charts]
    assert shown
    assert min(shown) > 0
    assert shown == sorted(shown, reverse=True)
    assert "Company" not in [chart.title for chart in charts]
    assert fans(lines, outlooks.iloc[:0], BillingPeriod.containing(BILLED_THROUGH), "USD") == []


@pytest.mark.ids("FCST-1", "FCST-2", "BI-1")
def test_without_a_forecast_the_charts_are_words(marts: dict[str, pd.DataFrame]) -> None:
    bare = {name: frame for name, frame in marts.items() if name not in MARTS}
    found = summarise(bare, as_of=AS_OF).currencies[0].forecasts
    charts = [months_chart(found, "USD"), *quality_charts(found)]
    assert [chart.figure for chart in charts] == [None, None, None]
    assert [chart.empty for chart in charts] == [
        "No month has been billed that a forecast was made for in its first days.",
        "No day that a forecast was made for has been billed yet.",
        "No day that a forecast was made for has been billed yet.",
    ]


@pytest.mark.ids("FCST-1", "BI-1")
def test_the_next_hours_are_told_apart_from_those_that_are_known(marts: dict[str, pd.DataFrame]) -> None:
    frame = as_marts(marts)["fct_usage_forecast_hourly"]
    chart = hours_chart(frame, "USD")
    assert chart.figure is not None
    traces = {trace["name"]: trace for trace in chart.figure["data"] if "name" in trace}
    known, expected = traces["Estimated at list price"], traces["Forecast"]
    assert (known["line"].get("dash"), expected["line"]["dash"]) == (None, "dot")
    assert len(known["x"]) == 48, "two days before"
    assert expected["x"][0] < known["x"][-1] < expected["x"][-1], "the last day was expected before it was known"
    assert len(traces["80% interval"]["x"]) == len(expected["x"]) == 72
    (company,) = scope_hours(frame, "company")
    assert f"{company.next_day:,.0f}" in chart.caption
    ahead = frame[(frame["scope_type"] == "company") & frame["is_future"]].sort_values("usage_hour")
    assert company.next_day == ahead["expected_cost"].head(24).sum()
    assert company.two_days == ahead["expected_cost"].sum()
    assert (company.busiest, company.busiest_hour.hour) == (ahead["expected_cost"].max(), 15)
    assert [one.scope_value for one in scope_hours(frame, "team")] == sorted(
        {*frame.loc[frame["scope_type"] == "team", "scope_value"]}
    )
    nothing = hours_chart(frame.iloc[:0], "USD")
    assert nothing.figure is None
    assert nothing.empty in nothing.caption
