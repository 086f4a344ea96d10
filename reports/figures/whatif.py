"""A what-if's answer: months without and with the changes, what each change does, what the difference hangs on."""

from __future__ import annotations

import textwrap

import pandas as pd

from reports.figures.theme import (
    ACCENT,
    BAD,
    GOOD,
    INK,
    NOBODY,
    SERIES,
    SOFT,
    axis,
    base,
    money_axis,
    numbers,
)
from reports.figures.traces import Figure, bar, figure
from reports.figures.traces import waterfall as waterfall_trace

_LABEL = 26
"""Characters of a line beside a bar, so that a phone has room for the bar."""


def months(rows: pd.DataFrame, currency: str) -> Figure:
    """Bars of each month's money with its 80% interval, without and with the changes.

    ``rows``: ``month`` (label, in order), and for ``without`` and ``after`` the money, ``_lower`` and ``_upper``.
    """
    traces = []
    for column, name, colour in (("without", "Without", NOBODY), ("after", "With the changes", ACCENT)):
        expected, lower, upper = (rows[f"{column}{end}"] for end in ("", "_lower", "_upper"))
        traces.append(
            bar(
                x=list(rows["month"]),
                y=numbers(expected),
                name=name,
                marker={"color": colour},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": numbers([high - middle for high, middle in zip(upper, expected, strict=True)]),
                    "arrayminus": numbers([middle - low for low, middle in zip(lower, expected, strict=True)]),
                    "color": INK,
                    "thickness": 1.5,
                    "width": 5,
                },
                customdata=list(zip(numbers(lower, 0), numbers(upper, 0), strict=True)),
                hovertemplate="%{y:,.0f} (%{customdata[0]:,.0f} to %{customdata[1]:,.0f})",
            )
        )
    layout = base(height=340)
    layout |= {
        "bargap": 0.35,
        "bargroupgap": 0.08,
        "xaxis": axis(type="category", showgrid=False, tickfont={"size": 12, "color": SOFT}),
        "yaxis": money_axis(currency),
    }
    return figure(traces, layout)


def waterfall(effects: pd.DataFrame, currency: str) -> Figure:
    """What each change adds after those before it, down to the difference. ``effects``: ``change, effect``."""
    labels = [_wrapped(change) for change in effects["change"]]
    total = sum(effects["effect"])
    trace = waterfall_trace(
        orientation="h",
        y=[*range(len(labels)), len(labels)],
        x=numbers([*effects["effect"], total]),
        measure=[*("relative" for _ in labels), "total"],
        increasing={"marker": {"color": BAD}},
        decreasing={"marker": {"color": GOOD}},
        totals={"marker": {"color": ACCENT}},
        connector={"line": {"color": SOFT, "width": 1, "dash": "dot"}},
        hovertemplate="%{delta:+,.0f}<extra></extra>",
        showlegend=False,
    )
    return figure([trace], _ranked([*labels, "Difference"], currency))


def tornado(swings: pd.DataFrame, expected: float, currency: str) -> Figure:
    """The difference with one number at either end and all else as expected, from the difference as expected on.

    ``swings``: ``what, low, high`` with the difference at the low and at the high end, the widest first.
    """
    labels = [_wrapped(what) for what in swings["what"]]
    places = list(range(len(labels)))
    traces = []
    for column, name, colour in (("low", "At its low end", SERIES[0]), ("high", "At its high end", SERIES[1])):
        ends = numbers(swings[column])
        traces.append(
            bar(
                y=places,
                x=[None if end is None else end - expected for end in ends],
                base=expected,
                orientation="h",
                name=name,
                marker={"color": colour},
                customdata=ends,
                hovertemplate="%{customdata:+,.0f}",
            )
        )
    layout = _ranked(labels, currency)
    layout |= {
        "barmode": "overlay",
        "showlegend": True,
        "shapes": [
            {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": expected, "x1": expected}
            | {"line": {"color": INK, "width": 1.5}}
        ],
    }
    return figure(traces, layout)


def _ranked(labels: list[str], currency: str) -> dict[str, object]:
    """Layout of horizontal bars from top to bottom; places are numbers, because two changes may have one name."""
    lines = sum(label.count("<br>") + 1 for label in labels)
    layout = base(height=110 + 17 * lines + 18 * len(labels), hover="closest", legend=False)
    layout |= {
        "bargap": 0.4,
        "xaxis": axis(nticks=4, tickformat="~s", tickangle=0, title={"text": currency, "font": {"size": 11}}),
        "yaxis": axis(
            showgrid=False,
            zeroline=False,
            tickmode="array",
            tickvals=list(range(len(labels))),
            ticktext=labels,
            autorange="reversed",
            tickfont={"size": 12, "color": SOFT},
        ),
    }
    return layout


def _wrapped(text: str) -> str:
    return "<br>".join(textwrap.wrap(text, _LABEL)) or text
