"""How good forecasts were: months in the maturity bands, coverage and error by days ahead, candidates' backtests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from reports.figures.theme import (
    ACCENT,
    BAND,
    BAND_95,
    INK,
    SERIES,
    SOFT,
    SURFACE,
    TONES,
    axis,
    base,
    money_axis,
    numbers,
)
from reports.figures.traces import Figure, bar, figure, scatter

_AHEAD = {"text": "Days ahead", "font": {"size": 11}}
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


_BAND_TONES = ("good", "neutral", "warn")


def variance(months: pd.DataFrame, bands: Mapping[str, Decimal]) -> Figure:
    """Each month's variance over the maturity bands; hollow where no forecast was made in time.

    Args:
        months: ``month`` (label, in order), ``ratio`` of what was billed, ``is_backcast``, ``words`` for the pointer.
        bands: how far off, at most, a practice of that name is (ratio), the best first.
    """
    traces = []
    labels = list(months["month"])
    for is_backcast, name in ((False, "Forecast made then"), (True, "Backcast")):
        part = months[months["is_backcast"] == is_backcast]
        if part.empty:
            continue
        traces.append(
            scatter(
                x=list(part["month"]),
                y=numbers(part["ratio"], 4),
                mode="markers",
                name=name,
                customdata=list(part["words"]),
                marker={
                    "size": 13,
                    "color": SURFACE if is_backcast else ACCENT,
                    "line": {"width": 2.5, "color": ACCENT},
                },
                hovertemplate="%{x}: %{customdata}<extra></extra>",
            )
        )
    widest = float(max(bands.values()))
    reach = max([widest * 1.4, *(abs(ratio) * 1.15 for ratio in months["ratio"])])
    shapes: list[dict[str, Any]] = []
    notes = []
    inner = 0.0
    for (name, most), tone in zip(bands.items(), _BAND_TONES, strict=True):
        outer = float(most)
        shapes += [
            {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": low, "y1": high, "layer": "below"}
            | {"line": {"width": 0}, "fillcolor": TONES[tone]}
            for low, high in ((inner, outer), (-outer, -inner))
        ]
        notes.append(
            {"xref": "paper", "x": 1, "xanchor": "left", "y": (inner + outer) / 2, "showarrow": False, "xshift": 4}
            | {"text": f"{name} {outer:.0%}", "font": {"size": 11, "color": SOFT}}
        )
        inner = outer
    layout = base(height=320, hover="closest")
    layout["margin"]["r"] = 68
    layout |= {
        "xaxis": axis(type="category", showgrid=False, categoryorder="array", categoryarray=labels),
        "yaxis": axis(tickformat="+.0%", range=[-reach, reach], nticks=7, zeroline=True),
        "shapes": shapes,
        "annotations": notes,
    }
    return figure(traces, layout)


def coverage(quality: pd.DataFrame, levels: Sequence[str]) -> Figure:
    """Shares of days that were inside the intervals, by days ahead, beside what the intervals promise.

    ``quality``: ``level`` (label), ``horizon`` (label, in order), ``coverage_80``, ``coverage_95``.
    """
    horizons = list(dict.fromkeys(quality["horizon"]))
    traces = []
    for column, promise, colour in (("coverage_95", 0.95, SERIES[1]), ("coverage_80", 0.8, SERIES[0])):
        for i, level in enumerate(levels):
            part = quality[quality["level"] == level]
            traces.append(
                scatter(
                    x=list(part["horizon"]),
                    y=numbers(part[column], 4),
                    mode="lines+markers",
                    name=f"{level}, {promise:.0%}",
                    line={"color": colour, "width": 2, "dash": ("solid", "dot")[i % 2]},
                    marker={"size": 9, "color": colour, "symbol": SYMBOLS[i % len(SYMBOLS)]},
                    hovertemplate="%{y:.0%}",
                )
            )
    layout = base(height=300)
    layout |= {
        "xaxis": axis(type="category", showgrid=False, categoryorder="array", categoryarray=horizons, title=_AHEAD),
        "yaxis": axis(tickformat=".0%", range=[0, 1.04], tickvals=[0, 0.25, 0.5, 0.8, 0.95]),
        "shapes": [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": promise, "y1": promise}
            | {"line": {"color": colour, "width": 1, "dash": "dash"}}
            for promise, colour in ((0.8, SERIES[0]), (0.95, SERIES[1]))
        ],
    }
    return figure(traces, layout)


def hours(rows: pd.DataFrame, currency: str) -> Figure:
    """Estimated hours solid, expected ones dotted in their bands; both where an hour was expected and is over.

    ``rows``: ``fct_usage_forecast_hourly`` of one scope, oldest first.
    """
    known = rows[rows["actual_cost"].notna()]
    expected = rows[rows["expected_cost"].notna()]
    times = [hour.isoformat() for hour in expected["usage_hour"]]
    traces = []
    for name, colour, lower, upper in (
        ("95% interval", BAND_95, "lower_95_cost", "upper_95_cost"),
        ("80% interval", BAND, "lower_cost", "upper_cost"),
    ):
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        traces += [
            scatter(x=times, y=numbers(expected[upper]), showlegend=False, **edge),
            scatter(x=times, y=numbers(expected[lower]), name=name, fill="tonexty", fillcolor=colour, **edge),
        ]
    traces += [
        scatter(
            x=[hour.isoformat() for hour in known["usage_hour"]],
            y=numbers(known["actual_cost"]),
            mode="lines",
            name="Estimated at list price",
            line={"color": ACCENT, "width": 2.5},
            hovertemplate="%{y:,.2f}",
        ),
        scatter(
            x=times,
            y=numbers(expected["expected_cost"]),
            mode="lines",
            name="Forecast",
            line={"color": INK, "width": 2, "dash": "dot"},
            customdata=list(zip(numbers(expected["lower_cost"]), numbers(expected["upper_cost"]), strict=True)),
            hovertemplate="%{y:,.2f} (%{customdata[0]:,.2f} to %{customdata[1]:,.2f})",
        ),
    ]
    layout = base(height=320)
    layout |= {
        "xaxis": axis(
            type="date", showgrid=False, nticks=6, tickformat="%-d %b<br>%H:%M", hoverformat="%a %-d %b %H:%M UTC"
        ),
        "yaxis": money_axis(currency),
    }
    return figure(traces, layout)


def errors(quality: pd.DataFrame, levels: Sequence[str]) -> Figure:
    """Absolute error as a share of what was billed (WAPE), by days ahead. ``quality``: ``level, horizon, error``."""
    horizons = list(dict.fromkeys(quality["horizon"]))
    traces = []
    for i, level in enumerate(levels):
        part = quality[quality["level"] == level]
        traces.append(
            bar(
                x=list(part["horizon"]),
                y=numbers(part["error"], 4),
                name=level,
                marker={"color": SERIES[(0, 6)[i % 2]]},
                hovertemplate="%{y:.1%}",
            )
        )
    layout = base(height=300)
    layout |= {
        "bargap": 0.35,
        "xaxis": axis(type="category", showgrid=False, categoryorder="array", categoryarray=horizons, title=_AHEAD),
        "yaxis": axis(tickformat=".0%", rangemode="tozero", nticks=6),
    }
    return figure(traces, layout)


def accuracy(errors: pd.DataFrame, models: Sequence[str]) -> Figure:
    """Dots per scope and model. ``errors``: ``scope, model, error`` (mean absolute scaled error; 1: the naive one)."""
    scopes = list(dict.fromkeys(errors["scope"]))[::-1]
    traces = []
    for i, model in enumerate(models):
        part = errors[errors["model"] == model].set_index("scope")["error"]
        traces.append(
            scatter(
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
