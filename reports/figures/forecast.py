"""Forecast accuracy in backtests: each model's error per scope, beside the naive forecast."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from reports.figures.theme import INK, SERIES, SOFT, axis, base, figure, numbers

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


def accuracy(errors: pd.DataFrame, models: Sequence[str]) -> go.Figure:
    """Dots per scope and model. ``errors``: ``scope, model, error`` (mean absolute scaled error; 1: the naive one)."""
    scopes = list(dict.fromkeys(errors["scope"]))[::-1]
    traces = []
    for i, model in enumerate(models):
        part = errors[errors["model"] == model].set_index("scope")["error"]
        traces.append(
            go.Scatter(
                y=scopes,
                x=numbers([part.get(scope) for scope in scopes], 3),
                mode="markers",
                name=model,
                marker={"size": 11, "color": SERIES[i % len(SERIES)], "symbol": SYMBOLS[i % len(SYMBOLS)]},
                hovertemplate="%{x:.2f}",
            )
        )
    layout = base(height=100 + 28 * len(scopes), hover="y unified")
    layout |= {
        "xaxis": axis(rangemode="tozero", title={"text": "Error relative to the naive forecast", "font": {"size": 11}}),
        "yaxis": axis(showgrid=True, type="category", tickfont={"size": 12, "color": SOFT}),
        "shapes": [
            {
                "type": "line",
                "x0": 1,
                "x1": 1,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": INK, "width": 1, "dash": "dash"},
            }
        ],
    }
    return figure(traces, layout)
