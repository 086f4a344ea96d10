"""A replay's timeline: what stood on each target when, and what was decided."""

from __future__ import annotations

import pandas as pd

from reports.figures.theme import ACCENT, BAD, GOOD, INK, NOBODY, SERIES, SOFT, axis, base, day_axis
from reports.figures.traces import Figure, figure, scatter

_LEVELS = {"throttle": SERIES[1], "pause": ACCENT, "stop": BAD}
_MARKS = {
    "warned": ("triangle-up", SERIES[3]),
    "refused": ("x-thin", NOBODY),
    "released": ("circle-open", GOOD),
}
_ROW = 26
"""Pixels a row."""


def timeline(orders: pd.DataFrame, marks: pd.DataFrame, rows: list[str], first: str, last: str) -> Figure:
    """A row a policy and target: bars while an order stood, marks for warnings, refusals and releases.

    ``orders``: ``row, level, begins, ends`` (ISO moments), ``words``. ``marks``: ``row, what, at, words``. ``rows`` go
    from top to bottom.
    """
    traces = []
    for level, colour in _LEVELS.items():
        own = orders[orders["level"] == level]
        if own.empty:
            continue
        x: list[str | None] = []
        y: list[str | None] = []
        words: list[str | None] = []
        for row, begins, ends, said in zip(own["row"], own["begins"], own["ends"], own["words"], strict=True):
            x += [begins, ends, None]
            y += [row, row, None]
            words += [said, said, None]
        traces.append(
            scatter(
                x=x, y=y, text=words, name=level, mode="lines", line={"color": colour, "width": 11},
                hovertemplate="%{text}<extra></extra>",
            )
        )  # fmt: skip
    for what, (symbol, colour) in _MARKS.items():
        own = marks[marks["what"] == what]
        if own.empty:
            continue
        traces.append(
            scatter(
                x=list(own["at"]), y=list(own["row"]), text=list(own["words"]), name=what, mode="markers",
                marker={"symbol": symbol, "color": colour, "size": 9, "line": {"color": colour or INK, "width": 2}},
                hovertemplate="%{text}<extra></extra>",
            )
        )  # fmt: skip
    layout = base(height=110 + _ROW * len(rows), hover="closest")
    layout |= {
        "xaxis": day_axis(range=[first, last]),
        "yaxis": axis(
            type="category", categoryorder="array", categoryarray=rows[::-1], range=[-0.6, len(rows) - 0.4],
            tickfont={"size": 12, "color": SOFT},
        ),
    }  # fmt: skip
    return figure(traces, layout)
