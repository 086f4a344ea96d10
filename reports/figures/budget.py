"""The month against its budget: cumulative spend, projection and the budget line."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import plotly.graph_objects as go

from reports.figures.theme import ACCENT, BAD, BAND, SOFT, base, day_axis, days, figure, money_axis, numbers


def burn_up(
    spent: pd.DataFrame, projected: pd.DataFrame, previous: pd.DataFrame, budget: Decimal | None, currency: str
) -> go.Figure:
    """Cumulative spend of the month.

    Args:
        spent: ``day, cost``, cumulative and billed.
        projected: ``day, expected, lower, upper``, cumulative, from the last billed day on.
        previous: last month's cumulative ``cost`` on the same days of this month.
        budget: the month's budget, drawn as a line to burn up to.
    """
    traces = []
    if not previous.empty:
        traces.append(
            go.Scatter(
                x=days(previous["day"]),
                y=numbers(previous["cost"]),
                mode="lines",
                line={"color": SOFT, "width": 1.5, "dash": "dot"},
                name="Last month",
                hovertemplate="%{y:,.0f}",
            )
        )
    if not projected.empty:
        x = days(projected["day"])
        traces += [
            go.Scatter(
                x=x, y=numbers(projected["upper"]), mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"
            ),
            go.Scatter(
                x=x,
                y=numbers(projected["lower"]),
                mode="lines",
                line={"width": 0},
                fill="tonexty",
                fillcolor=BAND,
                name="80% interval",
                hoverinfo="skip",
            ),
            go.Scatter(
                x=x,
                y=numbers(projected["expected"]),
                mode="lines",
                line={"color": ACCENT, "width": 2, "dash": "dash"},
                name="Projected",
                hovertemplate="%{y:,.0f}",
            ),
        ]
    traces.append(
        go.Scatter(
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
            go.Scatter(
                x=days([min(ends), max(ends)]),
                y=[float(budget), float(budget)],
                mode="lines",
                line={"color": BAD, "width": 2},
                name="Budget",
                hovertemplate="%{y:,.0f}",
            )
        )
    layout = base(height=340)
    layout |= {"xaxis": day_axis(), "yaxis": money_axis(currency)}
    return figure(traces, layout)
