"""What usage was estimated to cost, day by day, beside what was billed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.figures.theme import ACCENT, SURFACE, base, day_axis, days, money_axis, numbers
from reports.figures.traces import Figure, bar, figure


def estimate_and_bill(daily: Sequence[Mapping[str, Any]], currency: str) -> Figure:
    """Two bars a day, the estimate hatched, the bill solid. ``daily``: ``day, estimated, billed``, oldest first."""
    x = days(row["day"] for row in daily)
    hatch = {"shape": "/", "fgcolor": ACCENT, "bgcolor": SURFACE, "size": 6, "solidity": 0.45}
    traces = [
        bar(
            x=x,
            y=numbers(row["estimated"] for row in daily),
            name="Estimated",
            marker={"color": SURFACE, "line": {"width": 1, "color": ACCENT}, "pattern": hatch},
            hovertemplate="%{y:,.0f}",
        ),
        bar(
            x=x,
            y=numbers(row["billed"] for row in daily),
            name="Billed",
            marker={"color": ACCENT},
            hovertemplate="%{y:,.0f}",
        ),
    ]
    layout = base(height=300)
    layout |= {"barmode": "group", "bargap": 0.25, "xaxis": day_axis(), "yaxis": money_axis(currency)}
    return figure(traces, layout)
