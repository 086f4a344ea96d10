"""Charts of AI spend: by day and team with estimate and forecast, by month and category, ranked lists."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.figures.theme import (
    ACCENT,
    BAND,
    INK,
    NOBODY,
    SOFT,
    SURFACE,
    axis,
    base,
    day_axis,
    days,
    money_across,
    money_axis,
    numbers,
    series_colours,
    split,
)
from reports.figures.traces import Figure, Trace, bar, figure, scatter

NO_OWNER = "No owner"


def daily_by_team(
    billed: pd.DataFrame, estimated: pd.DataFrame, forecast: pd.DataFrame, teams: Sequence[str], currency: str
) -> Figure:
    """Stacked days by team: billed solid, estimated usage hatched, forecast of the total as a line with its 80% band.

    Args:
        billed: ``day, team, cost``; ``team`` is a label.
        estimated: the same columns for days after the bill.
        forecast: ``day, expected, lower, upper`` of the company.
        teams: labels from the bottom of the stack to its top.
    """
    colours = {**series_colours([team for team in teams if team != NO_OWNER]), NO_OWNER: NOBODY}
    traces: list[Trace] = []
    of_team = split(billed, "team", "day", "cost")
    for team in teams:
        at, cost = of_team[team]
        traces.append(
            bar(
                x=days(at),
                y=numbers(cost),
                name=team,
                legendgroup=team,
                marker={"color": colours[team], "line": {"width": 0}},
                hovertemplate="%{y:,.0f}",
            )
        )
    of_team = split(estimated, "team", "day", "cost")
    for team in teams:
        at, cost = of_team[team]
        if not at:
            continue
        traces.append(
            bar(
                x=days(at),
                y=numbers(cost),
                name=f"{team} (estimated)",
                legendgroup=team,
                showlegend=False,
                marker={
                    "color": SURFACE,
                    "line": {"width": 1, "color": colours[team]},
                    "pattern": {
                        "shape": "/",
                        "fgcolor": colours[team],
                        "bgcolor": SURFACE,
                        "size": 6,
                        "solidity": 0.45,
                    },
                },
                hovertemplate="%{y:,.0f}",
            )
        )
    if not forecast.empty:
        x = days(forecast["day"])
        traces += [
            scatter(
                x=x, y=numbers(forecast["upper"]), mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"
            ),
            scatter(
                x=x,
                y=numbers(forecast["lower"]),
                mode="lines",
                line={"width": 0},
                fill="tonexty",
                fillcolor=BAND,
                name="80% interval",
                hoverinfo="skip",
            ),
            scatter(
                x=x,
                y=numbers(forecast["expected"]),
                mode="lines",
                line={"color": INK, "width": 2, "dash": "dot"},
                name="Forecast",
                customdata=list(zip(numbers(forecast["lower"], 0), numbers(forecast["upper"], 0), strict=True)),
                hovertemplate="%{y:,.0f} (%{customdata[0]:,.0f} to %{customdata[1]:,.0f})",
            ),
        ]
    layout = base(height=400)
    layout |= {"barmode": "stack", "bargap": 0.18, "xaxis": day_axis(), "yaxis": money_axis(currency)}
    return figure(traces, layout)


def monthly_by_category(monthly: pd.DataFrame, categories: Sequence[str], currency: str) -> Figure:
    """Stacked months. ``monthly``: ``month`` (label, in order), ``category`` (label), ``cost``."""
    colours = series_colours(categories)
    months = list(dict.fromkeys(monthly["month"]))
    traces = []
    of_category = split(monthly, "category", "month", "cost")
    for category in categories:
        costs = dict(zip(*of_category[category], strict=True))
        traces.append(
            bar(
                x=months,
                y=numbers(costs.get(month) for month in months),
                name=category,
                marker={"color": colours[category]},
                hovertemplate="%{y:,.0f}",
            )
        )
    layout = base(height=340)
    layout |= {
        "barmode": "stack",
        "bargap": 0.35,
        "xaxis": axis(type="category", showgrid=False),
        "yaxis": money_axis(currency),
    }
    return figure(traces, layout)


def ranked(
    items: pd.DataFrame, currency: str, *, now: str = "This month", before: str = "Same days last month"
) -> Figure:
    """Horizontal bars, most first, with what they are compared with as a tick.

    Args:
        items: ``label, now, before``.
        now: what the bars are of; ``before``: what the ticks are of.
    """
    rows = items.iloc[::-1]
    traces: list[Trace] = [
        bar(
            y=list(rows["label"]),
            x=numbers(rows["now"]),
            orientation="h",
            name=now,
            marker={"color": ACCENT},
            hovertemplate="%{x:,.0f}",
        )
    ]
    if rows["before"].notna().any():
        traces.append(
            scatter(
                y=list(rows["label"]),
                x=numbers(rows["before"]),
                mode="markers",
                name=before,
                marker={"symbol": "line-ns-open", "size": 16, "color": INK, "line": {"width": 2, "color": INK}},
                hovertemplate="%{x:,.0f}",
            )
        )
    layout = base(height=max(150, 64 + 32 * len(rows)), hover="y unified")
    layout |= {
        "bargap": 0.35,
        "xaxis": money_across(currency),
        "yaxis": axis(showgrid=False, tickfont={"size": 12, "color": SOFT}),
    }
    return figure(traces, layout)
