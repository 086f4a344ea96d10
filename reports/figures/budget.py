"""A budget's money: cumulative spend, the fan of where it may go, and the budget line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from reports.figures.theme import ACCENT, BAD, BAND, BAND_95, SOFT, base, day_axis, days, money_axis, numbers
from reports.figures.traces import Figure, Trace, figure, scatter


def burn_up(
    spent: pd.DataFrame,
    projected: pd.DataFrame,
    previous: pd.DataFrame,
    budget: Decimal | None,
    currency: str,
    *,
    height: int = 340,
) -> Figure:
    """Cumulative spend of a period.

    Args:
        spent: ``day, cost``, cumulative and billed.
        projected: ``day, expected``, cumulative, from the last billed day on; with ``lower, upper, lower_95,
            upper_95`` where intervals of the sum are known.
        previous: last month's cumulative ``cost`` on the same days of this month.
        budget: the period's budget, drawn as a line to burn up to.
    """
    traces = []
    if not previous.empty:
        traces.append(
            scatter(
                x=days(previous["day"]),
                y=numbers(previous["cost"]),
                mode="lines",
                line={"color": SOFT, "width": 1.5, "dash": "dot"},
                name="Last month",
                hovertemplate="%{y:,.0f}",
            )
        )
    if not projected.empty:
        if "upper" in projected:
            traces += _band(projected, "lower_95", "upper_95", BAND_95, "95% interval")
            traces += _band(projected, "lower", "upper", BAND, "80% interval")
        traces.append(
            scatter(
                x=days(projected["day"]),
                y=numbers(projected["expected"]),
                mode="lines",
                line={"color": ACCENT, "width": 2, "dash": "dash"},
                name="Projected",
                hovertemplate="%{y:,.0f}",
            )
        )
    if not spent.empty:
        traces.append(
            scatter(
                x=days(spent["day"]),
                y=numbers(spent["cost"]),
                mode="lines",
                line={"color": ACCENT, "width": 3},
                name="Billed",
                hovertemplate="%{y:,.0f}",
            )
        )
    ends = [*spent["day"], *projected["day"]]
    if budget is not None and ends:
        traces.append(
            scatter(
                x=days([min(ends), max(ends)]),
                y=[float(budget), float(budget)],
                mode="lines",
                line={"color": BAD, "width": 2},
                name="Budget",
                hovertemplate="%{y:,.0f}",
            )
        )
    layout = base(height=height)
    layout |= {"xaxis": day_axis(), "yaxis": money_axis(currency)}
    return figure(traces, layout)


def fan(outlook: pd.DataFrame, budget: Decimal, currency: str) -> Figure:
    """Where a budget's money may stand, from the last billed day on; small, and the scale starts where the days do.

    ``outlook``: ``day, expected, lower, upper, lower_95, upper_95``, cumulative.
    """
    drawn = burn_up(pd.DataFrame({"day": [], "cost": []}), outlook, pd.DataFrame(), budget, currency, height=200)
    layout = drawn["layout"]
    layout["showlegend"] = False
    layout["yaxis"] |= {"rangemode": "normal", "nticks": 4}
    layout["xaxis"] |= {"nticks": 4}
    return drawn


def _band(rows: pd.DataFrame, lower: str, upper: str, colour: str, name: str) -> list[Trace]:
    x = days(rows["day"])
    edge: dict[str, Any] = {"x": x, "mode": "lines", "line": {"width": 0}, "legendgroup": name}
    ends = list(zip(numbers(rows[lower], 0), numbers(rows[upper], 0), strict=True))
    return [
        scatter(**edge, y=numbers(rows[upper]), showlegend=False, hoverinfo="skip"),
        scatter(
            **edge,
            y=numbers(rows[lower]),
            fill="tonexty",
            fillcolor=colour,
            name=name,
            customdata=ends,
            hovertemplate="%{customdata[0]:,.0f} to %{customdata[1]:,.0f}",
        ),
    ]
