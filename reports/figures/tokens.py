"""Charts of token use: the mix of token classes, input from the prompt cache, how long requests are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reports.figures.theme import (
    ACCENT,
    COUNTS,
    SERIES,
    SOFT,
    SURFACE,
    axis,
    base,
    day_axis,
    days,
    log_ticks,
    numbers,
    series_colours,
    split,
)
from reports.figures.traces import Figure, bar, figure, scatter


def mix(daily: pd.DataFrame, classes: Sequence[str], *, height: int = 320) -> Figure:
    """Stacked days. ``daily``: ``day, token_class`` (label), ``tokens``."""
    colours = series_colours(classes)
    traces = []
    of_class = split(daily, "token_class", "day", "tokens")
    for name in classes:
        at, tokens = of_class[name]
        traces.append(
            bar(
                x=days(at),
                y=[int(number) for number in tokens],
                name=name,
                marker={"color": colours[name]},
                hovertemplate="%{y:,.0f}",
            )
        )
    layout = base(height=height)
    layout |= {
        "barmode": "stack",
        "bargap": 0.15,
        "xaxis": day_axis(),
        "yaxis": axis(**COUNTS, rangemode="tozero", nticks=6),
    }
    return figure(traces, layout)


def cache_hits(apps: pd.DataFrame) -> Figure:
    """Share of input tokens read from the cache. ``apps``: ``app, ratio, millions`` of input tokens, most first."""
    rows = apps.iloc[::-1]
    trace = bar(
        y=list(rows["app"]),
        x=numbers(rows["ratio"], 4),
        orientation="h",
        marker={"color": SERIES[2]},
        text=[f"{ratio:.0%}" for ratio in rows["ratio"]],
        textposition="outside",
        textfont={"color": SOFT},
        cliponaxis=False,
        customdata=numbers(rows["millions"], 1),
        hovertemplate="%{x:.1%} of %{customdata:,.1f}M input tokens<extra></extra>",
    )
    layout = base(height=max(150, 56 + 28 * len(rows)), hover="closest", legend=False)
    layout["margin"]["r"] = 36
    layout |= {
        "bargap": 0.35,
        "xaxis": axis(tickformat=".0%", range=[0, 1], nticks=5),
        "yaxis": axis(showgrid=False, tickfont={"size": 12, "color": SOFT}),
    }
    return figure([trace], layout)


def lengths(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Input tokens of a request: a line from what half of them have at most to what 95% have at most.

    ``rows``: ``app, model, half, most`` in tokens, the first on top.
    """
    # Two lines each, so that names leave room for the drawing on a phone.
    names = [f"{row['app']}<br>{row['model']}" for row in reversed(rows)]
    half = [int(row["half"]) for row in reversed(rows)]
    most = [int(row["most"]) for row in reversed(rows)]
    line_x: list[int | None] = []
    line_y: list[str | None] = []
    for name, low, high in zip(names, half, most, strict=True):
        line_x += [low, high, None]
        line_y += [name, name, None]
    dot = {"color": ACCENT, "size": 10}
    traces = [
        scatter(
            x=line_x, y=line_y, mode="lines", line={"color": ACCENT, "width": 2}, hoverinfo="skip", showlegend=False
        ),
        scatter(
            x=half, y=names, mode="markers", name="Half have at most", marker=dot, hovertemplate="half: %{x:.3s} tokens"
        ),
        scatter(
            x=most,
            y=names,
            mode="markers",
            name="95% have at most",
            marker={**dot, "color": SURFACE, "line": {"width": 2, "color": ACCENT}},
            hovertemplate="95%: %{x:.3s} tokens",
        ),
    ]
    layout = base(height=max(200, 100 + 34 * len(rows)), hover="y unified")
    layout |= {
        "xaxis": axis(type="log", **COUNTS, tickangle=0, tickvals=log_ticks([*half, *most])),
        "yaxis": axis(showgrid=False, tickfont={"size": 12, "color": SOFT}),
    }
    return figure(traces, layout)
