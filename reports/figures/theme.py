"""What all charts share.

Here: colour tokens, the base layout, conversion of frame columns to small JSON.
Not here: what the tokens' colours are (``page/page.css``).
"""

from __future__ import annotations

import math
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd

INK = "var(--ink)"
SOFT = "var(--ink-2)"
LINE = "var(--line)"
SURFACE = "var(--surface)"
NOBODY = "var(--none)"
BAND = "var(--band)"
ACCENT = "var(--s1)"
BAND_95 = "var(--band-95)"
GOOD = "var(--good)"
BAD = "var(--bad)"
COUNTS = {"exponentformat": "B"}
"""Of an axis of counts: thousands, millions and billions as k, M and B; Plotly's own would write G."""
TONES = {"good": "var(--good-bg)", "neutral": "var(--neutral-bg)", "warn": "var(--warn-bg)"}
SERIES = tuple(f"var(--s{n})" for n in range(1, 9))
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
OTHERS = "Other"


def series_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour per name, in order; more than there are colours share the last one's grey."""
    return {name: SERIES[i] if i < len(SERIES) else NOBODY for i, name in enumerate(names)}


def base(*, height: int, hover: str = "x unified", legend: bool = True) -> dict[str, Any]:
    """Layout of every chart; transparent, so that the page's surface shows through."""
    return {
        "height": height,
        "autosize": True,
        "hovermode": hover,
        "showlegend": legend,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": SOFT},
        "margin": {"l": 12, "r": 12, "t": 8, "b": 12},
        "hoverlabel": {"bgcolor": SURFACE, "bordercolor": LINE, "font": {"family": FONT, "size": 12, "color": INK}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12, "color": SOFT},
            "traceorder": "normal",
        },
        "dragmode": False,
    }


def axis(**more: Any) -> dict[str, Any]:
    return {
        "gridcolor": LINE,
        "zerolinecolor": LINE,
        "linecolor": LINE,
        "tickfont": {"size": 11, "color": SOFT},
        "automargin": True,
        "fixedrange": True,
        **more,
    }


def day_axis(**more: Any) -> dict[str, Any]:
    return axis(type="date", showgrid=False, tickformat="%-d %b", hoverformat="%a %-d %b %Y", **more)


def money_axis(currency: str, **more: Any) -> dict[str, Any]:
    return axis(tickprefix=f"{currency} ", tickformat=",~r", rangemode="tozero", nticks=6, **more)


def money_across(currency: str) -> dict[str, Any]:
    """Money from left to right: the currency is said once and nothing is turned, so that a phone has room for it."""
    return money_axis(currency) | {"nticks": 4, "showtickprefix": "first", "tickangle": 0}


def log_ticks(values: Iterable[float], most: int = 5) -> list[float]:
    """Round numbers over the range of ``values`` for a logarithmic axis: 1, 2, 5, 10 …, fewer where they are too many.

    Plotly's own would run into each other on a phone.
    """
    known = [value for value in values if value > 0]
    if not known:
        return []
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    found: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(low, high + 1) for step in steps]
        found = [tick for tick in ticks if min(known) / 1.3 <= tick <= max(known) * 1.3]
        if len(found) <= most:
            break
    return found[:: math.ceil(len(found) / most)] if found else [float(f"{known[0]:.1g}")]


def in_lines(name: str, most: int = 22) -> str:
    """A long name on several lines, so that it leaves room for the drawing on a phone."""
    return "<br>".join(textwrap.wrap(name, most, break_long_words=False, break_on_hyphens=False)) or name


def days(column: Iterable[Any]) -> list[str]:
    """ISO days of dates or timestamps."""
    return [value.isoformat() if type(value) is date else pd.Timestamp(value).date().isoformat() for value in column]


def split(frame: pd.DataFrame, by: str, first: str, second: str) -> defaultdict[Any, tuple[list[Any], list[Any]]]:
    """Values of two columns by those of another one, in the order of rows; two empty lists for what is not there."""
    parts: defaultdict[Any, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for name, one, other in zip(frame[by], frame[first], frame[second], strict=True):
        parts[name][0].append(one)
        parts[name][1].append(other)
    return parts


def numbers(column: Iterable[Any], places: int = 2) -> list[float | None]:
    """Rounded floats; None where there is no value, so that a line breaks instead of falling to zero."""
    return [None if value is None or pd.isna(value) else round(float(value), places) for value in column]
