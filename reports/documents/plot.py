"""A chart's figure as a picture, for paper and for mail programs: both run no scripts.

Here: Plotly traces of the kinds that our figures use, drawn by matplotlib with the light theme's colours.
Not here: what is drawn (``reports.figures``).

A trace or a setting that is not known here is an error: a picture that leaves something out would lie.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.figures.traces import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CSS = Path(__file__).parent.parent / "page" / "page.css"
_TOKEN = re.compile(r"--([\w-]+):\s*([^;]+);")
_DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": (0, (5, 2.5)),
    "dot": (0, (1, 1.6)),
    "dashdot": (0, (5, 2, 1, 2)),
    "longdash": (0, (9, 3)),
    "longdashdot": (0, (9, 3, 1, 3)),
}
_SYMBOLS = {"circle": "o", "diamond": "D", "square": "s", "triangle-up": "^", "x": "x", "line-ns-open": "|"}
_POINTS = 0.75
"""Points of a pixel of the page."""

# What changes nothing on paper: what the pointer shows, and how traces are switched on and off together.
_UNSEEN = {"type", "hovertemplate", "hoverinfo", "customdata", "legendgroup", "cliponaxis"}
_BAR = {"x", "y", "name", "orientation", "marker", "showlegend", "text", "textposition", "textfont"}
_SCATTER = {"x", "y", "name", "mode", "line", "marker", "fill", "fillcolor", "showlegend"}
_MARKER = {"color", "size", "symbol", "line", "pattern"}
_LAYOUT_UNSEEN = {
    "height", "autosize", "hovermode", "paper_bgcolor", "plot_bgcolor", "font", "margin", "hoverlabel",
    "legend", "dragmode", "bargroupgap",
}  # fmt: skip
_LAYOUT = {"showlegend", "barmode", "bargap", "xaxis", "yaxis", "shapes", "annotations"}
_AXIS_UNSEEN = {
    "gridcolor",
    "zerolinecolor",
    "linecolor",
    "tickfont",
    "automargin",
    "fixedrange",
    "hoverformat",
    "type",
    "showtickprefix",
    "tickangle",
}
_AXIS = {
    "showgrid", "tickformat", "tickprefix", "rangemode", "nticks", "range", "tickvals", "title", "categoryorder",
    "categoryarray", "autorange", "zeroline",
}  # fmt: skip


class UndrawnError(ValueError):
    """A figure has something that cannot be drawn on paper yet; the message names it."""


@functools.cache
def colours() -> dict[str, str]:
    """The colour tokens of the light theme, ``{"s1": "#1f5a96", …}``: paper is white."""
    found: dict[str, str] = {}
    for name, value in _TOKEN.findall(_CSS.read_text(encoding="utf-8")):
        found.setdefault(name, value.strip())
    return found


def colour(value: str) -> Any:
    """A CSS colour as the pages write it (``var(--s1)``, ``#1f5a96``, ``rgba(…)``) as matplotlib takes it."""
    if value.startswith("var(--"):
        value = colours()[value[6:-1]]
    if value.startswith("rgb"):
        parts = [float(part) for part in value[value.index("(") + 1 : -1].split(",")]
        return (*(part / 255 for part in parts[:3]), parts[3] if len(parts) > 3 else 1.0)
    return value


def picture(figure: Figure, *, width: float, height: float, dpi: int = 200) -> bytes:
    """The figure on white as PNG.

    Args:
        width, height: inches as printed; texts are 7.5 points high whatever the size.

    Raises:
        UndrawnError: the figure has a trace or a setting that is not known here.
    """
    # Half a second to import, for documents only.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from PIL import Image

    sheet = Sheet(
        figsize=(width, height), dpi=dpi, facecolor="white", layout=ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02)
    )
    FigureCanvasAgg(sheet)
    _Drawing(figure["data"], figure["layout"], sheet.add_subplot()).draw()
    drawn, small = io.BytesIO(), io.BytesIO()
    # Without the program's name and version the same figure is the same bytes.
    sheet.savefig(drawn, format="png", metadata={"Software": None})
    # Few colours, a third of the bytes: mail programs cut long mails.
    Image.open(drawn).convert("RGB").quantize(64).save(small, format="PNG", optimize=True)
    return small.getvalue()


class _Axis:
    """Values of one axis as numbers: dates, names in their order, or numbers."""

    def __init__(self, said: Mapping[str, Any], values: Sequence[Any]) -> None:
        _require(said, _AXIS | _AXIS_UNSEEN, "axis")
        self.said = said
        texts = [value for value in values if isinstance(value, str)]
        self.is_date = said.get("type") == "date" or (said.get("type") is None and bool(texts) and _are_days(texts))
        self.names: list[str] | None = None
        if not self.is_date and (said.get("type") == "category" or texts):
            self.names = list(dict.fromkeys([*said.get("categoryarray", ()), *map(str, values)]))

    def numbers(self, values: Sequence[Any]) -> list[float]:
        from matplotlib.dates import date2num

        if self.is_date:
            return [float(date2num(datetime.fromisoformat(value))) for value in values]
        if self.names is not None:
            places = {name: float(i) for i, name in enumerate(self.names)}
            return [places[str(value)] for value in values]
        return [float("nan") if value is None else float(value) for value in values]


class _Drawing:
    """One figure on one pair of axes."""

    def __init__(self, traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], axes: Axes) -> None:
        _require(layout, _LAYOUT | _LAYOUT_UNSEEN, "layout")
        for trace in traces:
            known = {"bar": _BAR, "scatter": _SCATTER}.get(trace.get("type", "scatter"))
            if known is None:
                raise UndrawnError(f"a trace of type {trace['type']} cannot be drawn on paper yet (documents/plot.py)")
            _require(trace, known | _UNSEEN, f"{trace.get('type', 'scatter')} trace")
            _require(trace.get("marker", {}), _MARKER, "marker")
        self.traces, self.layout, self.axes = traces, layout, axes
        self.x = _Axis(layout.get("xaxis", {}), [value for trace in traces for value in trace["x"]])
        self.y = _Axis(layout.get("yaxis", {}), [value for trace in traces for value in trace["y"]])
        self.handles: dict[str, Any] = {}

    def draw(self) -> None:
        for shape in self.layout.get("shapes", ()):
            self._shape(shape)
        bars = [trace for trace in self.traces if trace.get("type") == "bar"]
        self._bars(bars)
        lower: tuple[list[float], list[float]] | None = None
        for trace in self.traces:
            if trace.get("type") != "bar":
                lower = self._scatter(trace, lower)
        for note in self.layout.get("annotations", ()):
            self._annotation(note)
        self._style()

    def _bars(self, bars: Sequence[Mapping[str, Any]]) -> None:
        mode = self.layout.get("barmode", "group")
        if mode not in ("stack", "group"):
            raise UndrawnError(f"bars of the mode {mode} cannot be drawn on paper yet (documents/plot.py)")
        is_stack = mode == "stack" or len(bars) == 1
        whole = 1 - self.layout.get("bargap", 0.2)
        width = whole if is_stack else whole / max(len(bars), 1)
        tops: dict[tuple[float, bool], float] = {}
        for i, trace in enumerate(bars):
            flat = trace.get("orientation") == "h"
            places = (self.y if flat else self.x).numbers(trace["y"] if flat else trace["x"])
            lengths = [0.0 if v is None else float(v) for v in (trace["x"] if flat else trace["y"])]
            starts = []
            for place, length in zip(places, lengths, strict=True):
                key = place, length >= 0
                starts.append(tops.get(key, 0.0) if is_stack else 0.0)
                tops[key] = starts[-1] + length
            if not is_stack:
                places = [place - whole / 2 + width * (i + 0.5) for place in places]
            look = self._bar_look(trace["marker"])
            if flat:
                drawn = self.axes.barh(places, lengths, width, starts, **look)
            else:
                drawn = self.axes.bar(places, lengths, width, starts, **look)
            if "text" in trace:
                self.axes.bar_label(drawn, labels=[_lines(text) for text in trace["text"]], padding=3, fontsize=7)
            self._legend(trace, drawn)

    def _bar_look(self, marker: Mapping[str, Any]) -> dict[str, Any]:
        pattern = marker.get("pattern") or {}
        if pattern.get("shape"):
            if pattern["shape"] != "/":
                raise UndrawnError(f"the pattern {pattern['shape']} cannot be drawn on paper yet (documents/plot.py)")
            line = colour(pattern.get("fgcolor", marker["color"]))
            return {"facecolor": "white", "edgecolor": line, "hatch": "//////", "linewidth": 0.6, "zorder": 2}
        return {"color": colour(marker["color"]), "linewidth": 0, "zorder": 2}

    def _scatter(
        self, trace: Mapping[str, Any], lower: tuple[list[float], list[float]] | None
    ) -> tuple[list[float], list[float]]:
        x, y = self.x.numbers(trace["x"]), self.y.numbers(trace["y"])
        mode = trace.get("mode", "lines")
        if trace.get("fill"):
            if trace["fill"] != "tonexty" or lower is None:
                raise UndrawnError(f"the fill {trace['fill']} cannot be drawn on paper yet (documents/plot.py)")
            ground = colour(trace["fillcolor"])
            band = self.axes.fill_between(x, lower[1], y, color=ground, linewidth=0, zorder=1)
            self._legend(trace, band)
        line = trace.get("line", {})
        if "lines" in mode and line.get("width", 2) > 0:
            (drawn,) = self.axes.plot(
                x, y, color=colour(line["color"]), linewidth=line.get("width", 2) * _POINTS,
                linestyle=_known(_DASHES, line.get("dash", "solid"), "dash"), zorder=3, solid_capstyle="round",
            )  # fmt: skip
            if not trace.get("fill"):
                self._legend(trace, drawn)
        if "markers" in mode:
            marker = trace["marker"]
            edge = marker.get("line", {})
            symbol = _known(_SYMBOLS, marker.get("symbol", "circle"), "symbol")
            ink = colour(edge.get("color", marker["color"])) if edge else colour(marker["color"])
            (dots,) = self.axes.plot(
                x, y, symbol, markersize=marker.get("size", 6) * _POINTS * 0.8, markeredgecolor=ink,
                markerfacecolor=colour(marker["color"]), markeredgewidth=edge.get("width", 1) * _POINTS, zorder=4,
            )  # fmt: skip
            if "lines" not in mode:
                self._legend(trace, dots)
        return x, y

    def _shape(self, shape: Mapping[str, Any]) -> None:
        line = shape.get("line", {})
        if shape.get("xref") == "paper" and shape["type"] == "rect" and (shape["x0"], shape["x1"]) == (0, 1):
            self.axes.axhspan(shape["y0"], shape["y1"], color=colour(shape["fillcolor"]), linewidth=0, zorder=0)
        elif shape.get("xref") == "paper" and shape["type"] == "line" and shape["y0"] == shape["y1"]:
            self.axes.axhline(shape["y0"], **_shape_line(line))
        elif shape.get("yref") == "paper" and shape["type"] == "line" and shape["x0"] == shape["x1"]:
            self.axes.axvline(shape["x0"], **_shape_line(line))
        else:
            raise UndrawnError(f"a shape of type {shape['type']} cannot be drawn on paper yet (documents/plot.py)")

    def _annotation(self, note: Mapping[str, Any]) -> None:
        if note.get("xref") != "paper" or note.get("showarrow"):
            raise UndrawnError("an annotation inside the chart cannot be drawn on paper yet (documents/plot.py)")
        place = self.axes.get_yaxis_transform()
        self.axes.text(
            note["x"] + 0.01, note["y"], _lines(note["text"]), transform=place, va="center", fontsize=6.5,
            color=colour("var(--ink-2)"),
        )  # fmt: skip

    def _legend(self, trace: Mapping[str, Any], drawn: Any) -> None:
        if trace.get("showlegend", True) and trace.get("name"):
            self.handles.setdefault(_lines(trace["name"]), drawn)

    def _style(self) -> None:
        soft, line = colour("var(--ink-2)"), colour("var(--line)")
        self.axes.tick_params(colors=soft, labelsize=7, length=0)
        self.axes.set_axisbelow(True)
        for side in self.axes.spines.values():
            side.set_visible(False)
        flat = any(trace.get("orientation") == "h" for trace in self.traces)
        for axis, said, name in ((self.x, self.x.said, "x"), (self.y, self.y.said, "y")):
            drawn = self.axes.xaxis if name == "x" else self.axes.yaxis
            if said.get("showgrid", True):
                drawn.grid(visible=True, color=line, linewidth=0.6)
            self._ticks(axis, drawn)
            title = said.get("title")
            if title:
                drawn.set_label_text(title["text"], fontsize=7, color=soft)
            limits = self.axes.set_xlim if name == "x" else self.axes.set_ylim
            if said.get("range"):
                limits(*said["range"])
            elif axis.names is not None:
                limits(-0.6, len(axis.names) - 0.4)
            elif said.get("rangemode") == "tozero":
                low, high = self.axes.get_xlim() if name == "x" else self.axes.get_ylim()
                limits(min(low, 0.0) if low < 0 else 0.0, max(high, 0.0))
            if said.get("zeroline") and not flat:
                self.axes.axhline(0, color=soft, linewidth=0.7, zorder=1)
            if said.get("autorange") == "reversed":
                drawn.set_inverted(True)
        self.axes.margins(x=0.01)
        if self.layout.get("showlegend") and self.handles:
            self.axes.figure.legend(
                self.handles.values(), self.handles.keys(), loc="outside upper left", ncols=min(len(self.handles), 5),
                frameon=False, fontsize=7, labelcolor=soft, handlelength=1.6, columnspacing=1.4, borderpad=0.1,
            )  # fmt: skip

    def _ticks(self, axis: _Axis, drawn: Any) -> None:
        from matplotlib.dates import AutoDateLocator, DateFormatter
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

        said = axis.said
        if axis.names is not None:
            drawn.set_major_locator(FixedLocator(list(range(len(axis.names)))))
            drawn.set_ticklabels([_lines(name) for name in axis.names])
        elif axis.is_date:
            drawn.set_major_locator(AutoDateLocator(minticks=3, maxticks=said.get("nticks", 8)))
            drawn.set_major_formatter(DateFormatter(_lines(said.get("tickformat", "%-d %b"))))
        else:
            if "tickvals" in said:
                drawn.set_major_locator(FixedLocator(list(said["tickvals"])))
            else:
                drawn.set_major_locator(MaxNLocator(said.get("nticks", 6)))
            words = _number_format(said.get("tickformat", ""))
            prefix = said.get("tickprefix", "")
            drawn.set_major_formatter(FuncFormatter(lambda value, _: f"{prefix}{words(value)}"))


def _shape_line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "color": colour(line["color"]),
        "linewidth": line.get("width", 1) * _POINTS,
        "linestyle": _known(_DASHES, line.get("dash", "solid"), "dash"),
    }


def _number_format(said: str) -> Any:
    """A formatter for one of d3's formats that our axes use."""
    formats = {
        "": lambda value: f"{value:,.10g}",
        ",~r": lambda value: f"{value:,.10g}",
        ".0%": lambda value: f"{value:.0%}",
        "+.0%": lambda value: f"{value:+.0%}",
        "~s": _compact,
    }
    return _known(formats, said, "number format")


def _compact(value: float) -> str:
    from reports.formatting import compact

    return compact(round(value, 6))


def _known(table: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise UndrawnError(f"the {what} {name!r} cannot be drawn on paper yet (documents/plot.py)")
    return table[name]


def _require(said: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(said) - known)
    if unknown:
        raise UndrawnError(f"{what}: {', '.join(unknown)} cannot be drawn on paper yet (documents/plot.py)")


def _lines(text: str) -> str:
    return text.replace("<br>", "\n")


def _are_days(texts: Sequence[str]) -> bool:
    return all(re.match(r"\d{4}-\d\d-\d\d", text) for text in texts)
