"""Small drawings inside tiles and tables: lines, gauges and bars, as the positions that HTML needs.

Here: numbers between 0 and 100, or points of a line.
Not here: charts (``reports.figures``), colours and sizes (the style sheet).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.dashboards.model import Gauge

WIDTH, HEIGHT = 100, 24
_LEAST_TOP = 1.25
"""A gauge reaches at least this far, so that the mark of the whole is inside it."""


def spark_lines(values: Sequence[float | None]) -> list[str]:
    """Points of SVG polylines, one for each run of days that have a value.

    The scale has zero in it, so that a small ripple does not look like a storm. A single day is a short dash.
    """
    known = [value for value in values if value is not None]
    top, bottom = max([*known, 0.0]), min([*known, 0.0])
    size = (top - bottom) or 1.0
    step = WIDTH / max(len(values) - 1, 1)
    lines: list[list[str]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            lines[-1].append(f"{i * step:.1f},{HEIGHT - 1 - (value - bottom) / size * (HEIGHT - 2):.1f}")
    return [" ".join(line if len(line) > 1 else [line[0], _beside(line[0])]) for line in lines if line]


def _beside(point: str) -> str:
    x, y = point.split(",")
    return f"{max(float(x) - 1.5, 0.0) if float(x) >= WIDTH else float(x) + 1.5:.1f},{y}"


@dataclass(frozen=True)
class GaugeShape:
    """Percent of the gauge's width. ``whole`` is where 1, the whole budget or the target, is."""

    used: str
    projected: str | None
    whole: str


def gauge_shape(gauge: Gauge) -> GaugeShape:
    top = max(_LEAST_TOP, gauge.projected or 0.0, gauge.used)
    return GaugeShape(
        used=_percent(gauge.used / top),
        projected=None if gauge.projected is None else _percent(gauge.projected / top),
        whole=_percent(1 / top),
    )


def bar_width(share: float) -> str:
    return _percent(share)


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"
