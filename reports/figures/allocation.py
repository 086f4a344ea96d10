"""How each team's AI cost found its owner."""

from __future__ import annotations

import pandas as pd

from reports.figures.theme import BAD, SERIES, SOFT, axis, base, money_across, numbers
from reports.figures.traces import Figure, bar, figure

METHODS = (
    ("direct", "Tagged or named", SERIES[0]),
    ("allocated", "Split from shared pools", SERIES[6]),
    ("unowned", "Nobody's", BAD),
)


def by_team(teams: pd.DataFrame, currency: str) -> Figure:
    """Stacked bars. ``teams``: ``team, direct, allocated, unowned`` in money, most first."""
    rows = teams.iloc[::-1]
    traces = [
        bar(
            y=list(rows["team"]),
            x=numbers(rows[column]),
            orientation="h",
            name=label,
            marker={"color": colour, "pattern": {"shape": "/" if column == "unowned" else "", "solidity": 0.3}},
            hovertemplate="%{x:,.0f}",
        )
        for column, label, colour in METHODS
    ]
    layout = base(height=90 + 30 * len(rows), hover="y unified")
    layout |= {
        "barmode": "stack",
        "bargap": 0.35,
        "xaxis": money_across(currency),
        "yaxis": axis(showgrid=False, tickfont={"size": 12, "color": SOFT}),
    }
    return figure(traces, layout)
