"""A chart of models against each other: what a request costs and how good its answers are.

Here: the points, and where their names stand so that they do not cover each other.
Not here: which models are on the frontier (dbt).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from reports.figures.theme import SOFT, axis, base, log_ticks, numbers, series_colours
from reports.figures.traces import Figure, figure
from reports.figures.traces import scatter as scatter_trace

_SYMBOLS = {True: "circle", False: "circle-open"}
_NARROW = (230, 180)
"""Pixels of the drawing itself on a phone: names that stand apart there do so everywhere."""
_LETTER = (6.2, 14)
_GAP = 7
_MARGIN = 24
_Box = tuple[float, float, float, float]


def scatter(variants: pd.DataFrame, apps: Sequence[str], currency: str, *, height: int = 360) -> Figure:
    """One point for each model of an app, joined by app; filled on the frontier, open off it.

    ``variants``: ``app, model, cost`` of 1,000 requests, ``quality`` with ``low`` and ``high``, ``is_on_frontier``.
    """
    colours = series_colours(apps)
    variants = variants.sort_values(["app", "cost", "model"], kind="stable")
    variants = variants.assign(place=_places(variants))
    traces = []
    for app in apps:
        part = variants[variants["app"] == app]
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
                textposition=list(part["place"]),
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
            tickformat=",~r",
            tickangle=0,
            tickvals=log_ticks(variants["cost"]),
            title={"text": f"{currency} for 1,000 requests"},
        ),
        "yaxis": axis(tickformat=".1~%", nticks=6, title={"text": "Quality"}),
    }
    return figure(traces, layout)


def _places(variants: pd.DataFrame) -> list[str]:
    """For each point, on which side of it its name covers least of other names and points."""
    across = _pixels([math.log10(max(cost, 1e-9)) for cost in variants["cost"]], _NARROW[0])
    # Quality grows upwards, pixels downwards.
    down = _pixels([-quality for quality in variants["quality"]], _NARROW[1])
    points: list[_Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in zip(across, down, strict=True)]
    names: list[_Box] = []
    found = []
    for i, (x, y, name) in enumerate(zip(across, down, variants["model"], strict=True)):
        others = [*points[:i], *points[i + 1 :], *names]
        boxes = _around(x, y, len(name) * _LETTER[0], _LETTER[1])
        costs = {place: sum(_covered(box, other) for other in others) + _cut_off(box) for place, box in boxes.items()}
        best = min(costs, key=lambda place: costs[place])
        names.append(boxes[best])
        found.append(best)
    return found


def _around(x: float, y: float, wide: float, high: float) -> dict[str, _Box]:
    """Where a name can stand, the preferred place first."""
    return {
        "top center": (x - wide / 2, y - _GAP - high, x + wide / 2, y - _GAP),
        "bottom center": (x - wide / 2, y + _GAP, x + wide / 2, y + _GAP + high),
        "middle right": (x + _GAP, y - high / 2, x + _GAP + wide, y + high / 2),
        "middle left": (x - _GAP - wide, y - high / 2, x - _GAP, y + high / 2),
    }


def _pixels(values: Sequence[float], length: int) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [length / 2 if high == low else (value - low) / (high - low) * length for value in values]


def _covered(one: _Box, other: _Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0


def _cut_off(box: _Box) -> float:
    """What would be beyond the left and right edge; above and below there is room."""
    return (max(-box[0] - _MARGIN, 0.0) + max(box[2] - _NARROW[0] - _MARGIN, 0.0)) * _LETTER[1]
