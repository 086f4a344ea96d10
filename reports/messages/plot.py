"""The small plot of an e-mail, as a picture: mail programs run no scripts.

Here: four weeks of a scope's cost with the range of what is usual.
Not here: which days and amounts (``incident``).
"""

from __future__ import annotations

import io
from datetime import date

from reports.messages.model import Chart

WIDTH, HEIGHT = 552, 160
"""Pixels as shown; drawn twice as fine."""
INK, SOFT, LINE, ACCENT, BAD, BAND = "#16202b", "#516070", "#e2e6eb", "#1f5a96", "#b3261e", "#d9e4f0"


def plot_png(chart: Chart) -> bytes:
    """The chart on white, so that it reads the same in a dark mail program."""
    # Half a second to import, for messages that have a plot only.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import DateFormatter, date2num
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator
    from PIL import Image

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=200, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    days = [float(date2num(date.fromisoformat(day))) for day in chart.days]
    nan = float("nan")
    low = [nan if value is None else value for value in chart.low]
    high = [nan if value is None else value for value in chart.high]
    actual = [nan if value is None else value for value in chart.actual]
    axes.fill_between(days, low, high, color=BAND, linewidth=0)
    axes.plot(days, actual, color=ACCENT, linewidth=1.8, solid_capstyle="round")
    marked = [
        (at, value) for at, day, value in zip(days, chart.days, actual, strict=True) if chart.first <= day <= chart.last
    ]
    axes.plot([day for day, _ in marked], [value for _, value in marked], "o", color=BAD, markersize=4)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{chart.currency} {value:,.0f}"))
    axes.xaxis_date()
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(DateFormatter("%-d %b"))
    axes.tick_params(colors=SOFT, labelsize=9, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    drawn, picture = io.BytesIO(), io.BytesIO()
    # Without the program's name and version the same chart is the same bytes.
    figure.savefig(drawn, format="png", metadata={"Software": None})
    # Few colours, a third of the bytes: mail programs cut long mails.
    Image.open(drawn).convert("RGB").quantize(48).save(picture, format="PNG", optimize=True)
    return picture.getvalue()
