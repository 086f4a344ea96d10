"""GPU time per pool and day: busy, allocated without work, idle."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from reports.figures.theme import NOBODY, SERIES, SOFT, axis, base, day_axis, days, figure, numbers

PARTS = (
    ("busy_hours", "Busy", SERIES[0]),
    ("waiting_hours", "Allocated, not busy", SERIES[6]),
    ("idle_hours", "Idle (no pod)", NOBODY),
)


def pools(daily: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """One row per pool. ``daily``: ``day, pool, busy_hours, waiting_hours, idle_hours``."""
    rows = len(names)
    shell = make_subplots(
        rows=rows,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=min(0.1, 0.3 / max(rows, 1)),
        subplot_titles=list(names),
    )
    layout = base(height=110 + 130 * rows)
    layout["margin"]["t"] = 24
    layout["legend"] = layout["legend"] | {"y": 1 + 0.16 / rows}
    layout["annotations"] = [
        {**note.to_plotly_json(), "x": 0, "xanchor": "left", "font": {"size": 12, "color": SOFT}}
        for note in shell.layout.annotations
    ]
    traces = []
    for i, pool in enumerate(names):
        number = "" if i == 0 else str(i + 1)
        part = daily[daily["pool"] == pool]
        for column, label, colour in PARTS:
            traces.append(
                go.Bar(
                    x=days(part["day"]),
                    y=numbers(part[column], 1),
                    name=label,
                    legendgroup=label,
                    showlegend=i == 0,
                    marker={"color": colour},
                    hovertemplate="%{y:,.0f} GPU-hours",
                    xaxis=f"x{number}",
                    yaxis=f"y{number}",
                )
            )
        place = shell.layout[f"xaxis{number}"], shell.layout[f"yaxis{number}"]
        layout[f"xaxis{number}"] = day_axis(
            domain=place[0].domain, anchor=f"y{number}", showticklabels=i == rows - 1, matches="x" if i else None
        )
        layout[f"yaxis{number}"] = axis(
            domain=place[1].domain, anchor=f"x{number}", ticksuffix=" h", nticks=4, rangemode="tozero"
        )
    layout |= {"barmode": "stack", "bargap": 0.12}
    return figure(traces, layout)
