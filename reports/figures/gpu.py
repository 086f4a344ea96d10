"""GPU time: per pool and day, against the band, in the hours of the week, packed on machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reports.figures.theme import (
    ACCENT,
    BAND,
    INK,
    LINE,
    NOBODY,
    SERIES,
    SOFT,
    SURFACE,
    axis,
    base,
    day_axis,
    days,
    numbers,
    series_colours,
)
from reports.figures.traces import Figure, bar, figure, heatmap, scatter
from reports.figures.unit import DASHES

PARTS = (
    ("busy_hours", "Busy", SERIES[0]),
    ("waiting_hours", "Allocated, not busy", SERIES[6]),
    ("idle_hours", "Idle (no pod)", NOBODY),
)
PACKING = (
    ("busy_hours", "Busy", SERIES[0], ""),
    ("waiting_hours", "Held, not busy", SERIES[6], ""),
    ("fragmented_hours", "Free beside others", SERIES[2], "/"),
    ("free_hours", "Machine without a holder", NOBODY, "."),
)
"""Hatched and dotted: nobody holds them, so that they are told apart without colour."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def pools(daily: pd.DataFrame, names: Sequence[str]) -> Figure:
    """One row per pool. ``daily``: ``day, pool, busy_hours, waiting_hours, idle_hours``."""
    rows = len(names)
    gap = min(0.1, 0.3 / max(rows, 1))
    part_height = (1 - gap * (rows - 1)) / max(rows, 1)
    # From the top down; made by hand, because Plotly's own maker of subplots takes ten times as long.
    tops = [1 - i * (part_height + gap) for i in range(rows)]
    # The lowest ends at 0, which a sum of floats may miss.
    domains = [(max(top - part_height, 0.0), top) for top in tops]
    layout = base(height=110 + 130 * rows)
    layout["margin"]["t"] = 24
    layout["legend"] = layout["legend"] | {"y": 1 + 0.16 / max(rows, 1)}
    layout["annotations"] = [
        {
            "text": pool,
            "x": 0,
            "xanchor": "left",
            "xref": "paper",
            "y": top,
            "yanchor": "bottom",
            "yref": "paper",
            "showarrow": False,
            "font": {"size": 12, "color": SOFT},
        }
        for pool, (_, top) in zip(names, domains, strict=True)
    ]
    traces = []
    for i, pool in enumerate(names):
        number = "" if i == 0 else str(i + 1)
        part = daily[daily["pool"] == pool]
        for column, label, colour in PARTS:
            traces.append(
                bar(
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
        layout[f"xaxis{number}"] = day_axis(
            domain=[0, 1], anchor=f"y{number}", showticklabels=i == rows - 1, **({"matches": "x"} if i else {})
        )
        layout[f"yaxis{number}"] = axis(
            domain=list(domains[i]), anchor=f"x{number}", ticksuffix=" h", nticks=4, rangemode="tozero"
        )
    layout |= {"barmode": "stack", "bargap": 0.12}
    return figure(traces, layout)


def against_band(
    daily: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    low: float | None,
    high: float | None,
    *,
    height: int = 320,
) -> Figure:
    """Busy share of a day, a line per pool, with the band that is aimed at.

    ``daily``: ``day, pool, ratio``, oldest first; a line breaks on days on which only other pools were measured.
    """
    colours = series_colours(names)
    traces = []
    known = list(dict.fromkeys(row["day"] for row in daily))
    for i, name in enumerate(names):
        ratios = {row["day"]: row["ratio"] for row in daily if row["pool"] == name}
        traces.append(
            scatter(
                x=days(known),
                y=numbers((ratios.get(day) for day in known), 4),
                mode="lines",
                name=name,
                line={"color": colours[name], "width": 2, "dash": DASHES[i % len(DASHES)]},
                hovertemplate="%{y:.0%} busy",
            )
        )
    layout = base(height=height)
    layout |= {"xaxis": day_axis(), "yaxis": axis(tickformat=".0%", range=[0, 1.02], nticks=6)}
    if low is not None and high is not None:
        layout["shapes"] = [
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": low,
                "y1": high,
                "fillcolor": BAND,
                "line": {"width": 0},
                "layer": "below",
            }
        ]
        layout["annotations"] = [
            {
                "text": f"aimed at: {low:.0%} to {high:.0%}",
                "xref": "paper",
                "x": 1,
                "xanchor": "right",
                "y": high,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 11, "color": SOFT},
            }
        ]
    return figure(traces, layout)


def week(shares: Sequence[Sequence[float | None]], *, height: int = 280) -> Figure:
    """Busy share by weekday (Monday first) and hour of the day, UTC: 7 rows of 24."""
    trace = heatmap(
        z=[list(row) for row in shares],
        x=list(range(24)),
        y=list(WEEKDAYS),
        zmin=0,
        zmax=1,
        colorscale=[[0, SURFACE], [1, ACCENT]],
        xgap=1,
        ygap=1,
        colorbar={
            "tickformat": ".0%",
            "thickness": 10,
            "outlinewidth": 0,
            "tickvals": [0, 0.5, 1],
            "tickfont": {"size": 11, "color": SOFT},
        },
        hovertemplate="%{y}, %{x}:00 UTC: %{z:.0%} busy<extra></extra>",
    )
    layout = base(height=height, hover="closest", legend=False)
    layout |= {
        "xaxis": axis(showgrid=False, zeroline=False, dtick=6, ticksuffix=":00"),
        "yaxis": axis(showgrid=False, zeroline=False, autorange="reversed"),
        "plot_bgcolor": LINE,
    }
    return figure([trace], layout)


def packing(nodes: Sequence[Mapping[str, Any]]) -> Figure:
    """Shares of what became of machines' GPU hours. ``nodes``: ``name`` and hours of ``PACKING``, first on top."""
    rows = list(reversed(nodes))
    whole = [sum(float(row[column]) for column, *_ in PACKING) for row in rows]
    traces = [
        bar(
            y=[row["name"] for row in rows],
            x=[round(float(row[column]) / hours, 4) if hours else None for row, hours in zip(rows, whole, strict=True)],
            customdata=[round(float(row[column]), 1) for row in rows],
            orientation="h",
            name=label,
            marker={
                "color": colour,
                "pattern": {"shape": shape, "fgcolor": INK, "bgcolor": colour, "solidity": 0.15, "size": 6},
            },
            hovertemplate="%{x:.0%}, %{customdata:,.0f} GPU-hours",
        )
        for column, label, colour, shape in PACKING
    ]
    layout = base(height=110 + 30 * len(rows), hover="y unified")
    layout["margin"]["r"] = 36
    layout |= {
        "barmode": "stack",
        "bargap": 0.3,
        "xaxis": axis(tickformat=".0%", range=[0, 1], nticks=5),
        "yaxis": axis(showgrid=False, tickfont={"size": 12, "color": SOFT}),
    }
    return figure(traces, layout)
