"""What could be saved a month, by kind: measured on the bill, and estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.figures.theme import ACCENT, SOFT, SURFACE, axis, base, in_lines, money_across, numbers
from reports.figures.traces import Figure, bar, figure

_HATCH = {"shape": "/", "fgcolor": ACCENT, "bgcolor": SURFACE, "size": 6, "solidity": 0.45}


def by_kind(kinds: Sequence[Mapping[str, Any]], currency: str) -> Figure:
    """Bars, the largest on top. ``kinds``: ``label, billed, estimated`` in money a month that counts."""
    rows = list(reversed(kinds))
    labels = [in_lines(row["label"]) for row in rows]
    traces = [
        bar(
            y=labels,
            x=numbers(row["billed"] for row in rows),
            orientation="h",
            name="Measured on the bill",
            marker={"color": ACCENT},
            hovertemplate="%{x:,.0f}",
        ),
        bar(
            y=labels,
            x=numbers(row["estimated"] for row in rows),
            orientation="h",
            name="Estimated",
            marker={"color": SURFACE, "line": {"width": 1, "color": ACCENT}, "pattern": _HATCH},
            hovertemplate="%{x:,.0f}",
        ),
    ]
    layout = base(height=max(180, 100 + 32 * len(rows)), hover="y unified")
    layout |= {
        "barmode": "stack",
        "bargap": 0.35,
        "xaxis": money_across(currency),
        "yaxis": axis(showgrid=False, tickfont={"size": 12, "color": SOFT}),
    }
    return figure(traces, layout)
