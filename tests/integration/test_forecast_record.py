"""Forecasts against what was billed, and budgets over the forecast's paths, each computed once more in plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, write_config

pytestmark = [pytest.mark.ids("FCST-1", "BUD-1"), pytest.mark.xdist_group("forecast-record")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
FIRST, BILLED_THROUGH = date(2026, 6, 1), date(2026, 10, 18)
COST = {"search": Decimal(10), "support": Decimal(4)}
BUDGETS = """
budgets:
- {id: company, scope: {level: company}, amount: 400}
- {id: search, scope: {level: team, value: search}, amount: 365, period: month}
- {id: support, scope: {level: team, value: support}, amount: 60, period: month}
- {id: quarter, scope: {level: team, value: search}, amount: 925, period: quarter}
"""
PATHS = 20
SEPTEMBER = datetime(2026, 9, 1)  # noqa: DTZ001 - as ml tables keep UTC
MIDWAY = datetime(2026, 9, 15)  # noqa: DTZ001


def actual(team: str, day: date) -> Decimal:
    """Search costs twice as much on Mondays and more every other week; support costs nothing on Sundays."""
    if team == "search":
        return COST[team] * (2 if day.weekday() == 0 else 1) + day.isocalendar().week % 2
    return Decimal(0) if day.weekday() == 6 else COST[team]


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def made(as_of: datetime, *, is_backcast: bool, factor: str, half_width: str) -> list[dict[str, Any]]:
    """Forty days ahead of both teams and the company."""
    rows = []
    for day in days(as_of.date(), as_of.date() + timedelta(days=39)):
        of_teams = {team: actual(team, day) * Decimal(factor) for team in COST}
        scopes = [("team", team, amount) for team, amount in of_teams.items()]
        for kind, value, amount in (*scopes, ("company", "all", sum(of_teams.values(), Decimal(0)))):
            rows.append(
                {
                    "as_of": as_of, "is_backcast": is_backcast, "scope_type": kind, "scope_value": value,
                    "currency": "USD", "forecast_date": day, "expected_cost": amount,
                    "lower_cost": amount - Decimal(half_width), "upper_cost": amount + Decimal(half_width),
                    "lower_95_cost": amount - 2 * Decimal(half_width),
                    "upper_95_cost": amount + 2 * Decimal(half_width), "model_name": "naive",
                }
            )  # fmt: skip
    return rows


def future() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Forecast and its paths through November: path p costs (9 + p ÷ 10) ÷ 10 of what the team's day costs."""
    daily, paths = [], []
    for day in days(BILLED_THROUGH + timedelta(days=1), date(2026, 11, 30)):
        of_teams = {("team", team): actual(team, day) for team in COST}
        for (kind, value), amount in {**of_teams, ("company", "all"): sum(of_teams.values())}.items():
            scope = {"scope_type": kind, "scope_value": value, "currency": "USD", "forecast_date": day}
            stamp = {"as_of": AS_OF.replace(tzinfo=None)}
            daily.append(
                {
                    **scope, **stamp, "expected_cost": amount, "lower_cost": amount, "upper_cost": amount,
                    "lower_95_cost": amount, "upper_95_cost": amount, "model_name": "naive", "is_future": True,
                }
            )  # fmt: skip
            paths += [{**scope, **stamp, "path": p, "cost": on_path(amount, p)} for p in range(PATHS)]
    return daily, paths


def on_path(amount: Decimal, path: int) -> Decimal:
    return amount * (90 + path) / 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("record") / "home")
    config = write_config(home.path / "settings")
    (config / "budgets.yml").write_text(BUDGETS, encoding="utf-8")
    lake = LakeBuilder(home)
    lake.configure(AS_OF, config)
    bill = [
        charge(
            day, str(actual(team, day)), Tags=f'{{"team": "{team}"}}',
            ResourceId=f"/subscriptions/s/providers/microsoft.cognitiveservices/accounts/{team}",
        )
        for day in days(FIRST, BILLED_THROUGH)
        for team in COST
        if actual(team, day)
    ]  # fmt: skip
    lake.snapshot("focus__cost_and_usage", bill, scope="bill.csv")
    daily, paths = future()
    names = set(ML_COLUMNS())
    lake.ml("forecast_daily", [{key: value for key, value in row.items() if key in names} for row in daily])
    lake.ml("forecast_path", paths)
    lake.ml(
        "forecast_made",
        [
            *made(SEPTEMBER, is_backcast=True, factor="1.14", half_width="1.5"),
            *made(MIDWAY, is_backcast=False, factor="0.9", half_width="0.6"),
        ],
    )
    marts = ("fct_budget_outlook_daily", "fct_forecast_total", "fct_forecast_quality", "fct_forecast_variance_monthly")
    result = run_dbt(
        home, "build", "--quiet", "--indirect-selection", "cautious", "--select", *(f"+{mart}" for mart in marts),
    )  # fmt: skip
    assert result.returncode == 0, result.output
    return result


def ML_COLUMNS() -> list[str]:  # noqa: N802
    from models.tables import SCHEMAS

    return list(SCHEMAS["forecast_daily"].names)


def test_every_forecast_of_a_billed_day_is_set_beside_what_it_cost(built: DbtResult) -> None:
    rows = built.query(
        """select cast(made_at as date), forecast_date, horizon_days, scope_value, expected_cost, actual_cost,
                  error_cost, is_within_80, is_within_95
           from marts.fct_forecast_result_daily where scope_type = 'team'"""
    )
    expected = set()
    for as_of, factor, width in ((SEPTEMBER, "1.14", "1.5"), (MIDWAY, "0.9", "0.6")):
        for ahead, day in enumerate(days(as_of.date(), min(as_of.date() + timedelta(days=39), BILLED_THROUGH)), 1):
            for team in COST:
                cost = actual(team, day)
                error = cost * Decimal(factor) - cost
                near = (abs(error) <= Decimal(width), abs(error) <= 2 * Decimal(width))
                expected.add((as_of.date(), day, ahead, team, cost + error, cost, error, *near))
    assert set(rows) == expected
    assert len(rows) == len(expected)
    assert {row[7] for row in rows} == {True, False}


def test_quality_by_horizon_is_what_plain_python_makes_of_it(built: DbtResult) -> None:
    rows = built.query(
        """select scope_value, horizon_days, error_cost, actual_cost, scale_cost, is_within_80
           from marts.fct_forecast_result_daily where scope_type = 'team'"""
    )
    assert {(row[0], row[4]) for row in rows} == {("search", 1), ("support", None)}, "support is the same every week"
    groups: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        band = "01-07" if row[1] <= 7 else "08-14" if row[1] <= 14 else "15-28" if row[1] <= 28 else "29+"
        groups[row[0], band].append(row)
        groups["(all)", band].append(row)
    found = built.query(
        """select scope_value, horizon_band, day_count, weighted_absolute_error_ratio, bias_ratio, coverage_80,
                  mean_absolute_scaled_error
           from marts.fct_forecast_quality where scope_type = 'team'"""
    )
    assert {(row[0], row[1]) for row in found} == set(groups)
    assert len(found) == len(groups) == 12
    for name, band, count, wape, bias, coverage, mase in found:
        of_group = groups[name, band]
        spent = float(sum(row[3] for row in of_group))
        assert count == len(of_group)
        assert wape == pytest.approx(float(sum(abs(row[2]) for row in of_group)) / spent)
        assert bias == pytest.approx(float(sum(row[2] for row in of_group)) / spent)
        assert coverage == pytest.approx(sum(row[5] for row in of_group) / len(of_group))
        of_search = [float(abs(row[2])) for row in of_group if row[0] == "search"]
        assert mase == (pytest.approx(sum(of_search) / len(of_search)) if of_search else None)


def test_months_are_judged_by_the_forecast_of_their_first_days(built: DbtResult) -> None:
    rows = built.query(
        """select usage_month, scope_value, is_backcast, is_complete, first_day, last_day, forecast_cost, actual_cost,
                  variance_ratio, maturity
           from marts.fct_forecast_variance_monthly where scope_type = 'team' order by 1, 2"""
    )
    september = days(date(2026, 9, 1), date(2026, 9, 30))
    assert [row[:2] for row in rows] == [(date(2026, 9, 1), "search"), (date(2026, 9, 1), "support")]
    for _, team, is_backcast, is_complete, first, last, forecast, cost, ratio, maturity in rows:
        spent = sum(actual(team, day) for day in september)
        assert (is_backcast, is_complete, first, last) == (True, True, september[0], september[-1])
        assert (forecast, cost) == (spent * Decimal("1.14"), spent)
        assert (ratio, maturity) == (pytest.approx(0.14), "walk"), "14% is more than 12 and less than 15"


def test_how_likely_a_budget_is_used_up_and_by_when(built: DbtResult) -> None:
    month = days(BILLED_THROUGH + timedelta(days=1), date(2026, 10, 31))
    for budget, team, amount in (("search", "search", 365), ("support", "support", 60)):
        spent = sum(actual(team, day) for day in days(date(2026, 10, 1), BILLED_THROUGH))
        ends = sorted(spent + sum(on_path(actual(team, day), p) for day in month) for p in range(PATHS))
        ((low, high, low_95, high_95, probability),) = built.query(
            f"""select projected_lower, projected_upper, projected_lower_95, projected_upper_95, exceed_probability
                from marts.fct_budget_status where budget_id = '{budget}'"""
        )
        assert (low, high) == (ends[1], ends[17]), "two of twenty lie below, two above"
        assert (low_95, high_95) == (ends[0], ends[19])
        assert probability == sum(end > amount for end in ends) / PATHS
    rows = built.query(
        "select forecast_date, exceed_probability, median_cost from marts.fct_budget_outlook_daily "
        "where budget_id = 'search' order by 1"
    )
    assert [row[0] for row in rows] == month
    so_far = sum(actual("search", day) for day in days(date(2026, 10, 1), BILLED_THROUGH))
    for number, (_, probability, median) in enumerate(rows, start=1):
        sums = sorted(so_far + sum(on_path(actual("search", day), p) for day in month[:number]) for p in range(PATHS))
        assert probability == sum(end > 365 for end in sums) / PATHS
        assert median == sums[9]
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert 0 < rows[-1][1] < 1


def test_a_period_beyond_the_forecast_goes_on_like_it(built: DbtResult) -> None:
    ((basis, low, high, projected),) = built.query(
        """select projection_basis, projected_lower, projected_upper, projected_cost from marts.fct_budget_status
           where budget_id = 'quarter'"""
    )
    assert basis == "forecast_extended"
    assert low < projected < high


def test_months_and_quarters_end_where_their_paths_do(built: DbtResult) -> None:
    rows = built.query(
        """select period, period_start, period_end, billed_cost, expected_cost, lower_cost, upper_95_cost, is_extended
           from marts.fct_forecast_total where scope_value = 'search' order by period"""
    )
    ahead = BILLED_THROUGH + timedelta(days=1)
    periods = {
        "month": (date(2026, 10, 1), date(2026, 10, 31)),
        "next_month": (date(2026, 11, 1), date(2026, 11, 30)),
        "quarter": (date(2026, 10, 1), date(2026, 12, 31)),
    }
    assert [row[0] for row in rows] == list(periods)
    for period, first, last, billed, expected, low, high_95, is_extended in rows:
        assert (first, last) == periods[period]
        spent = sum(actual("search", day) for day in days(first, BILLED_THROUGH))
        rest = days(max(first, ahead), min(last, date(2026, 11, 30)))
        assert billed == spent
        if not is_extended:
            sums = sorted(spent + sum(on_path(actual("search", day), p) for day in rest) for p in range(PATHS))
            assert expected == spent + sum(actual("search", day) for day in rest)
            assert (low, high_95) == (sums[1], sums[19])
        else:
            longer = Decimal((last - rest[0]).days + 1) / len(rest)
            assert float(expected) == pytest.approx(
                float(spent + sum(actual("search", day) for day in rest) * longer), rel=1e-12
            )
    assert [row[7] for row in rows] == [False, False, True]
