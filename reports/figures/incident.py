"""The days around an incident, small: what they cost, and the range of what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.figures.theme import ACCENT, BAD, BAND, base, day_axis, days, money_axis, numbers
from reports.figures.traces import Figure, figure, scatter

HEIGHT = 130


def sparkline(costs: Sequence[Mapping[str, Any]], first: str, last: str, currency: str) -> Figure:
    """``costs``: day (ISO), actual, low, high; days from ``first`` to ``last`` are marked as the incident's."""
    x = days([entry["day"] for entry in costs])
    actual = numbers([entry["actual"] for entry in costs])
    marked = [value if first <= day <= last else None for day, value in zip(x, actual, strict=True)]
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    traces = [
        scatter(x=x, y=numbers([entry["low"] for entry in costs]), **edge),
        scatter(x=x, y=numbers([entry["high"] for entry in costs]), fill="tonexty", fillcolor=BAND, **edge),
        scatter(
            x=x, y=actual, mode="lines", line={"color": ACCENT, "width": 2},
            hovertemplate=f"{currency} %{{y:,.3~f}}<extra></extra>",
        ),
        scatter(x=x, y=marked, mode="markers", marker={"color": BAD, "size": 6}, hoverinfo="skip"),
    ]  # fmt: skip
    layout = base(height=HEIGHT, legend=False)
    layout |= {"xaxis": day_axis(nticks=4), "yaxis": money_axis(currency) | {"nticks": 3}}
    return figure(traces, layout)
