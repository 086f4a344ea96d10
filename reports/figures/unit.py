"""Charts of unit costs over time."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.figures.theme import ACCENT, base, day_axis, days, money_axis, numbers, series_colours, split
from reports.figures.traces import Figure, figure, scatter

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Lines differ by dash too, so that they can be told apart without colour."""


def lines(trend: pd.DataFrame, names: Sequence[str], currency: str, *, height: int = 320) -> Figure:
    """One line per series. ``trend``: ``day, series, value``; a null value is a gap."""
    colours = series_colours(names)
    traces = []
    of_name = split(trend, "series", "day", "value")
    for i, name in enumerate(names):
        at, value = of_name[name]
        traces.append(
            scatter(
                x=days(at),
                y=numbers(value, 4),
                mode="lines",
                name=name,
                line={"color": colours[name], "width": 2, "dash": DASHES[i % len(DASHES)]},
                hovertemplate="%{y:,.3~f}",
            )
        )
    layout = base(height=height)
    layout |= {"xaxis": day_axis(), "yaxis": money_axis(currency)}
    return figure(traces, layout)


def single(trend: pd.DataFrame, currency: str) -> Figure:
    """One series on its own scale, small. ``trend``: ``day, value``."""
    trace = scatter(
        x=days(trend["day"]),
        y=numbers(trend["value"], 6),
        mode="lines",
        line={"color": ACCENT, "width": 2},
        hovertemplate=f"{currency} %{{y:,.4~f}}<extra></extra>",
    )
    layout = base(height=190, legend=False)
    layout |= {"xaxis": day_axis(nticks=4), "yaxis": money_axis(currency) | {"nticks": 4}}
    return figure([trace], layout)
