"""A chart of models against each other: what a request costs and how good its answers are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.figures.theme import SOFT, axis, base, numbers, series_colours
from reports.figures.traces import Figure, figure
from reports.figures.traces import scatter as scatter_trace

_SYMBOLS = {True: "circle", False: "circle-open"}


def scatter(variants: pd.DataFrame, apps: Sequence[str], currency: str, *, height: int = 360) -> Figure:
    """One point for each model of an app, joined by app; filled on the frontier, open off it.

    ``variants``: ``app, model, cost`` of 1,000 requests, ``quality`` with ``low`` and ``high``, ``is_on_frontier``.
    """
    colours = series_colours(apps)
    traces = []
    for app in apps:
        part = variants[variants["app"] == app].sort_values("cost")
        quality = numbers(part["quality"], 4)
        traces.append(
            scatter_trace(
                x=numbers(part["cost"], 4),
                y=quality,
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": numbers(part["high"] - part["quality"], 4),
                    "arrayminus": numbers(part["quality"] - part["low"], 4),
                    "thickness": 1,
                    "width": 3,
                },
                mode="lines+markers+text",
                name=app,
                text=list(part["model"]),
                textposition="top center",
                textfont={"size": 11, "color": SOFT},
                cliponaxis=False,
                line={"color": colours[app], "width": 1, "dash": "dot"},
                marker={
                    "color": colours[app],
                    "size": 10,
                    "symbol": [_SYMBOLS[bool(on)] for on in part["is_on_frontier"]],
                },
                hovertemplate=f"%{{text}}: {currency} %{{x:,.4~r}} for 1,000 requests, quality %{{y:.1%}}",
            )
        )
    layout = base(height=height, hover="closest")
    layout["margin"]["r"] = 48
    layout |= {
        "xaxis": axis(
            type="log",
            tickprefix=f"{currency} ",
            tickformat=",~r",
            dtick="D2",
            title={"text": "Cost of 1,000 requests"},
        ),
        "yaxis": axis(tickformat=".1~%", nticks=6, title={"text": "Quality"}),
    }
    return figure(traces, layout)
