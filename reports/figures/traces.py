"""Figures as Plotly's own schema has them: traces and a layout, as plain data.

Here: the kinds of traces that our charts use, and a figure of them.
Not here: looks that charts share (``theme``), and whether a figure is valid: tests put each to Plotly's schema.

Plotly.py takes and writes such data as it is (https://plotly.com/python/figure-structure/). Its ``graph_objects`` check
every property of every trace again each time that one is drawn, which took most of the time of a page.
"""

from __future__ import annotations

from typing import Any, TypedDict

Trace = dict[str, Any]
"""``type`` and the properties of https://plotly.com/javascript/reference/ that differ from its defaults."""


class Figure(TypedDict):
    """What the browser draws. Values are what JSON can say: texts, numbers, lists and mappings of them."""

    data: list[Trace]
    layout: dict[str, Any]


def figure(traces: list[Trace], layout: dict[str, Any]) -> Figure:
    return {"data": traces, "layout": layout}


def bar(**properties: Any) -> Trace:
    return {"type": "bar", **properties}


def scatter(**properties: Any) -> Trace:
    """Lines, points, or both."""
    return {"type": "scatter", **properties}


def heatmap(**properties: Any) -> Trace:
    return {"type": "heatmap", **properties}


def waterfall(**properties: Any) -> Trace:
    return {"type": "waterfall", **properties}
