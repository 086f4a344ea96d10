"""What the summary says, checked against numbers worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from finops.periods import BillingPeriod
from reports.measures.budgets import Projection
from reports.measures.conversion import AllCurrencies
from reports.measures.coverage import Coverage
from reports.measures.gpu import GpuUse, pool_of
from reports.measures.health import EstimatedUsage, Reconciliation
from reports.measures.missing import Missing
from reports.measures.spend import MonthSpend
from reports.measures.units import UnitCost
from reports.summary import Summary, summarise
from tests.support.mart_factory import AS_OF, BILLED_THROUGH, Organisation, build_marts, cost_row

USD = Organisation()
EUR = Organisation(currency="EUR")


def cost(rows: list[tuple[date, str | None, str]], org: Organisation = USD) -> pd.DataFrame:
    return pd.DataFrame(
        [
            cost_row(org, day, "inference", Decimal(amount), team=team, method="direct" if team else "unallocated")
            for day, team, amount in rows
        ]
    )


@pytest.fixture
def small() -> dict[str, pd.DataFrame]:
    rows: list[tuple[date, str | None, str]] = [
        *((date(2026, 8, 1) + timedelta(days=n), "search", "1") for n in range(31)),
        *((date(2026, 9, 1) + timedelta(days=n), "search", "10") for n in range(30)),
    ]
    rows += [(date(2026, 10, 1), "search", "30.10"), (date(2026, 10, 3), "fraud", "0.000000000001")]
    rows += [(date(2026, 10, 3), None, "9.90")]
    return {"fct_ai_cost_daily": cost(rows)}


@pytest.mark.ids("BI-1", "BUD-1")
def test_month_so_far_is_exact_and_compared_with_the_same_days(small: dict[str, pd.DataFrame]) -> None:
    item = summarise(small, as_of=AS_OF).currencies[0]
    month = item.month
    assert isinstance(month, MonthSpend)
    assert month.month == BillingPeriod(date(2026, 10, 1))
    assert month.billed_through == date(2026, 10, 3)
    assert month.ai_spend == Decimal("40.000000000001")
    assert month.previous_month == 300
    assert month.previous_same_days == 30
    assert month.change_ratio is not None
    assert round(month.change_ratio, 6) == Decimal("0.333333")
    assert [(line.spend.team, line.spend.ai_spend) for line in item.teams] == [
        ("search", Decimal("30.10")),
        ("fraud", Decimal("0.000000000001")),
        (None, Decimal("9.90")),
    ]
    assert sum(line.spend.ai_spend for line in item.teams) == month.ai_spend


@pytest.mark.ids("BI-1")
def test_a_whole_month_is_compared_with_a_whole_month(small: dict[str, pd.DataFrame]) -> None:
    """On 30 September all 31 days of August count, not its first 30."""
    frame = small["fct_ai_cost_daily"]
    item = summarise(
        {"fct_ai_cost_daily": frame[frame["usage_date"] < date(2026, 10, 1)]}, as_of=datetime(2026, 10, 1, tzinfo=UTC)
    ).currencies[0]
    assert isinstance(item.month, MonthSpend)
    assert item.month.is_complete
    assert item.month.previous_same_days == 31


@pytest.mark.ids("BI-1")
def test_a_month_that_the_data_does_not_reach_back_to_is_unknown_not_zero(small: dict[str, pd.DataFrame]) -> None:
    frame = small["fct_ai_cost_daily"]
    recent = {"fct_ai_cost_daily": frame[frame["usage_date"] >= date(2026, 9, 5)]}
    item = summarise(recent, as_of=AS_OF).currencies[0]
    assert isinstance(item.month, MonthSpend)
    assert item.month.previous_month is None
    assert item.month.change_ratio is None


@pytest.mark.ids("BI-1")
def test_rows_after_the_moment_reported_on_are_not_looked_at(small: dict[str, pd.DataFrame]) -> None:
    item = summarise(small, as_of=datetime(2026, 10, 2, 12, tzinfo=UTC)).currencies[0]
    assert isinstance(item.month, MonthSpend)
    assert item.month.ai_spend == Decimal("30.10")


@pytest.mark.ids("FCST-1", "BUD-1")
def test_the_month_ends_where_the_total_of_the_forecast_says_not_where_daily_bounds_sum_to(
    small: dict[str, pd.DataFrame],
) -> None:
    totals = pd.DataFrame([total_row("company", "all"), total_row("team", "search"), total_row("team", "unallocated")])
    days = pd.DataFrame([forecast_row(date(2026, 10, 4) + timedelta(days=n)) for n in range(28)])
    item = summarise({**small, "fct_forecast_total": totals, "fct_forecast_daily": days}, as_of=AS_OF).currencies[0]
    assert item.projection == Projection(Decimal("96.5"), Decimal("90.25"), Decimal("104.75"))
    projected = {line.spend.team: line.projection for line in item.teams}
    assert projected["search"] == projected[None] == item.projection
    assert projected["fraud"] == Missing("There is no forecast yet; it is made once enough days have been billed.")


@pytest.mark.ids("FCST-1", "BUD-1")
def test_a_month_end_that_no_forecast_reaches_or_that_is_past_is_said_in_words(small: dict[str, pd.DataFrame]) -> None:
    short = total_row("company", "all") | {"forecast_through": pd.Timestamp("2026-10-21"), "is_extended": True}
    item = summarise({**small, "fct_forecast_total": pd.DataFrame([short])}, as_of=AS_OF).currencies[0]
    assert item.projection == Missing("The forecast reaches only 21 Oct, not the end of the month.")
    later = total_row("company", "all") | {"period_start": pd.Timestamp("2026-11-01")}
    item = summarise(
        {**small, "fct_forecast_total": pd.DataFrame([later])}, as_of=datetime(2026, 11, 2, tzinfo=UTC)
    ).currencies[0]
    assert item.projection == Missing("October 2026 is over, and its last days are not billed yet.")


def total_row(scope_type: str, scope_value: str) -> dict[str, Any]:
    return {
        "period": "month",
        "period_start": pd.Timestamp("2026-10-01"),
        "period_end": pd.Timestamp("2026-10-31"),
        "scope_type": scope_type,
        "scope_value": scope_value,
        "currency": "USD",
        "expected_cost": Decimal("96.5"),
        "lower_cost": Decimal("90.25"),
        "upper_cost": Decimal("104.75"),
        "lower_95_cost": Decimal("88"),
        "upper_95_cost": Decimal("110"),
        "forecast_through": pd.Timestamp("2026-10-31"),
        "is_extended": False,
    }


def forecast_row(day: date) -> dict[str, Any]:
    return {
        "forecast_date": day,
        "scope_type": "company",
        "scope_value": "all",
        "currency": "USD",
        "expected_cost": Decimal(2),
        "lower_cost": Decimal(1),
        "upper_cost": Decimal(3),
        "model_name": "blend",
        "as_of": pd.Timestamp("2026-10-20"),
        "is_future": True,
        "actual_cost": None,
    }


@pytest.mark.ids("COST-1")
def test_currencies_are_told_apart_and_never_added(small: dict[str, pd.DataFrame]) -> None:
    both = pd.concat([small["fct_ai_cost_daily"], cost([(date(2026, 10, 2), "search", "7")], EUR)])
    found = summarise({"fct_ai_cost_daily": both}, as_of=AS_OF)
    assert [item.currency for item in found.currencies] == ["USD", "EUR"]
    euros = found.currencies[1].month
    assert isinstance(euros, MonthSpend)
    assert euros.ai_spend == 7
    only = summarise({"fct_ai_cost_daily": both}, as_of=AS_OF, currency="EUR")
    assert [item.currency for item in only.currencies] == ["EUR"]


@pytest.mark.ids("BI-1")
def test_nothing_at_all_is_said_in_words() -> None:
    found = summarise({}, as_of=AS_OF)
    assert found.is_empty
    assert isinstance(found.gpu, Missing)
    assert all(line.through is None and line.is_late for line in found.freshness)
    asked = summarise({}, as_of=AS_OF, currency="USD").currencies[0]
    for value in (asked.month, asked.projection, asked.coverage, asked.cost_per_1m_tokens, asked.estimated):
        assert isinstance(value, Missing)
        assert value.reason.endswith(".")
    assert asked.budget == Missing("No company budget is set; add one to config/budgets.yml.")


@pytest.mark.ids("COST-2")
def test_estimated_usage_is_what_came_after_the_bill_and_unpriced_tokens_are_told(
    marts: dict[str, pd.DataFrame], summary: Summary
) -> None:
    estimated = summary.currencies[0].estimated
    assert isinstance(estimated, EstimatedUsage)
    usage = marts["fct_usage_cost_hourly"]
    after = usage[usage["usage_hour"] >= pd.Timestamp("2026-10-19")]
    assert estimated.cost == sum((c for c in after["estimated_cost"] if c is not None), Decimal(0)) > 0
    assert estimated.since == BILLED_THROUGH + timedelta(days=1)
    assert estimated.unpriced_tokens == 184_000
    assert estimated.unpriced_models == ("new-preview-model",)


@pytest.mark.ids("COST-2")
def test_usage_that_is_counted_elsewhere_is_not_counted_again(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    usage = marts["fct_usage_cost_hourly"]
    doubled = pd.concat([usage, usage.assign(is_attributable=False)])
    again = summarise({**marts, "fct_usage_cost_hourly": doubled}, as_of=AS_OF).currencies[0]
    assert again.estimated == summary.currencies[0].estimated


@pytest.mark.ids("ALLOC-4")
def test_leftovers_are_ranked_by_money_and_add_up(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    covered = summary.currencies[0].coverage
    assert isinstance(covered, Coverage)
    assert [line.name for line in covered.resources] == ["mlw-untagged", "aoai-lab"]
    assert sum(line.cost for line in covered.resources) == covered.company.unallocated_cost
    assert covered.company.coverage_ratio is not None
    assert covered.meets_target is (covered.company.coverage_ratio >= Decimal("0.95"))


@pytest.mark.ids("UNIT-1")
def test_unit_cost_weighs_days_by_quantity(small: dict[str, pd.DataFrame]) -> None:
    rows = [
        {
            "usage_date": date(2026, 10, day),
            "unit": "1m_tokens",
            "scope_type": "company",
            "scope_value": "all",
            "currency": "USD",
            "cost": Decimal(money),
            "quantity": Decimal(quantity),
            "unit_cost": None,
            "cost_basis": basis,
        }
        for day, money, quantity, basis in (
            (1, 10, 1, "billed"),
            (2, 2, 3, "billed"),
            (3, 0, 0, "billed"),
            (3, 900, 1, "estimated"),
        )
    ]
    item = summarise({**small, "fct_unit_economics_daily": pd.DataFrame(rows)}, as_of=AS_OF).currencies[0]
    assert isinstance(item.cost_per_1m_tokens, UnitCost)
    assert item.cost_per_1m_tokens.unit_cost == 3
    assert item.cost_per_1m_tokens.cost_basis == "billed"
    assert item.cost_per_1m_tokens.change_ratio is None


@pytest.mark.ids("UNIT-1", "UNIT-4")
def test_gpu_pools_tell_allocated_busy_and_idle_apart(summary: Summary) -> None:
    use = summary.gpu
    assert isinstance(use, GpuUse)
    assert [pool.pool for pool in use.idle_pools] == ["gpua10"]
    for pool in use.pools:
        assert pool.busy_hours <= pool.allocated_hours
        assert pool.allocated_hours + pool.idle_hours == pytest.approx(pool.hours)
        assert pool.duty_cycle <= (pool.allocated_duty_cycle or 0)
    assert use.whole.hours == pytest.approx(sum(pool.hours for pool in use.pools))
    assert summary.currencies[0].idle_gpu_cost > 0


@pytest.mark.ids("UNIT-4")
def test_pool_names() -> None:
    assert pool_of("aks-gpua100-31415926-vmss00000a", "NVIDIA A100") == "gpua100"
    assert pool_of("dgx-7", "NVIDIA H100") == "NVIDIA H100"


@pytest.mark.ids("ANOM-2", "ANOM-3")
def test_incidents_are_ranked_and_expected_ones_kept_apart(summary: Summary) -> None:
    found = summary.currencies[0].incidents
    assert [a.severity for a in found.open] == ["critical", "high", "medium"]
    assert [a.event_id for a in found.silent] == ["catalog-launch"]
    assert found.open_impact == Decimal("738.21")
    impacts = [c.impact for c in found.open[0].contributors]
    assert impacts == sorted(impacts, reverse=True)
    assert len(impacts) == 3


@pytest.mark.ids("BUD-1")
def test_over_budget_and_heading_over_are_two_things(summary: Summary) -> None:
    words = {line.budget_id: line.status_words for line in summary.currencies[0].budgets}
    assert words["support-copilot"] == "Over budget"
    assert words["support"] == "Heading over"
    assert words["marketing"] == "On track"
    texts = [line.text for line in summary.currencies[0].headlines]
    assert "Over budget: support-copilot." in texts
    assert "Heading over budget: support." in texts


@pytest.mark.ids("ALLOC-5", "COST-5")
def test_a_day_that_does_not_add_up_leads_the_headlines(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    assert isinstance(summary.currencies[0].reconciliation, Reconciliation)
    assert summary.currencies[0].reconciliation.is_reconciled
    broken = marts["fct_reconciliation_daily"].copy()
    broken.loc[5, "is_reconciled"] = False
    broken.at[5, "difference"] = Decimal("-12.5")
    item = summarise({**marts, "fct_reconciliation_daily": broken}, as_of=AS_OF).currencies[0]
    assert item.headlines[0].tone == "bad"
    assert "1 day of the bill does not add up" in item.headlines[0].text
    assert isinstance(item.reconciliation, Reconciliation)
    assert item.reconciliation.difference == Decimal("-12.5")


@pytest.mark.ids("ING-10")
def test_rejected_rows_without_day_or_currency_are_not_forgotten(marts: dict[str, pd.DataFrame]) -> None:
    checked = marts["fct_reconciliation_daily"]
    nameless = checked.head(1).assign(
        usage_date=None, billing_currency=None, rejected_row_count=3, rejected_cost=Decimal(99), is_reconciled=False
    )
    item = summarise({**marts, "fct_reconciliation_daily": pd.concat([checked, nameless])}, as_of=AS_OF).currencies[0]
    found = item.reconciliation
    assert isinstance(found, Reconciliation)
    assert found.rejected_rows == 4
    assert found.rejected_cost == 0
    assert found.day_count == 120
    assert [day for _, day, _ in found.unreconciled] == [None]


@pytest.mark.ids("ING-10")
def test_late_data_and_rejected_rows_are_told(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    assert [line.name for line in summary.freshness if line.is_late] == []
    later = summarise(marts, as_of=datetime(2026, 10, 25, tzinfo=UTC))
    late = {line.name for line in later.freshness if line.is_late}
    assert {"Bill, Microsoft", "Gateway calls", "GPU metrics", "Forecast"} <= late
    assert summary.rejected.count == 1
    assert summary.rejected.reasons[0][2].startswith("Correct the cell")


@pytest.mark.ids("BI-1")
def test_order_of_rows_does_not_matter(marts: dict[str, pd.DataFrame], summary: Summary) -> None:
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in marts.items()}
    assert summarise(shuffled, as_of=AS_OF).currencies[0].teams == summary.currencies[0].teams
    assert summarise(shuffled, as_of=AS_OF).currencies[0].headlines == summary.currencies[0].headlines


@pytest.mark.ids("COST-1")
def test_a_bill_in_another_currency_reads_in_that_currency() -> None:
    found = summarise(build_marts(Organisation(days=70, currency="EUR")), as_of=AS_OF)
    assert [item.currency for item in found.currencies] == ["EUR"]
    assert any("EUR" in line.text for line in found.currencies[0].headlines)
    assert not any("USD" in line.text and "used USD" not in line.text for line in found.currencies[0].headlines)


@pytest.mark.ids("COST-1")
def test_currencies_together_are_converted_with_the_rate_of_each_day() -> None:
    first, second = date(2026, 10, 1), date(2026, 10, 2)
    both = pd.concat([cost([(first, "search", "100")]), cost([(first, "search", "7"), (second, "search", "5")], EUR)])
    rates = pd.DataFrame(
        [
            (pd.Timestamp(day), currency, "USD", Decimal(rate), source, False)
            for day, currency, rate, source in (
                (first, "USD", "1", None),
                (first, "EUR", "1.1", "ours"),
                (second, "EUR", "1.2", "ours"),
            )
        ],
        columns=["usage_date", "billing_currency", "reporting_currency", "exchange_rate", "rate_source", "is_missing"],
    )
    marts = {"fct_ai_cost_daily": both, "fct_exchange_rate_daily": rates}
    together = summarise(marts, as_of=AS_OF).together
    assert isinstance(together, AllCurrencies)
    assert (together.currency, together.ai_spend) == ("USD", Decimal("113.7"))
    assert (together.projected, together.budget) == (None, None), "no sum of some of them"
    assert together.rate_words.replace("\N{NO-BREAK SPACE}", " ") == "USD 100 + EUR 12 at 1.2000: ours"
    without = summarise(
        {**marts, "fct_exchange_rate_daily": rates[rates["usage_date"] != pd.Timestamp(second)]}, as_of=AS_OF
    )
    assert isinstance(without.together, Missing)
    assert "EUR has no exchange rate" in without.together.reason
    assert summarise(marts, as_of=AS_OF, currency="EUR").together is None
