"""A page as PDF: A4, headings and outline, tables that go on over pages, charts as sharp pictures, fonts inside.

Here: each part of a page on paper.
Not here: what the page says (``reports.dashboards.pages``), how a chart is drawn (``plot``).

The same page is the same bytes: nothing in a file depends on when or where it was made.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, PolyLine, Rect
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus import Table as Grid

from reports.dashboards.model import Cell, Column, Gauge, Note, Notes, Page, Row, Section, Table, Tile, Tiles, Tone
from reports.documents.plot import colour, colours, picture
from reports.page.chart import Chart

MARGIN = 16 * mm
WIDTH = A4[0] - 2 * MARGIN
_TOP, _BOTTOM = 26 * mm, 18 * mm
_GAP = 4 * mm
_TILES = 4
"""Tiles in a line."""
_ONE_LINE = 66.0
"""Points that a heading may take before its words go below each other."""
_SHORT = 8
"""A table of that many rows, its headings counted, stays on one sheet."""
_LEAST_ROWS = 3
"""Rows of a longer one that must fit below its headings, else it begins on the next sheet."""
_LEAST_BESIDE = 0.30
"""Share of the width that the widest number column may take before texts get too narrow."""
_LEAST_TEXT = 0.16
"""Share of the width that a text keeps however long its words are; longer ones are split."""
_TONES: dict[Tone, str] = {"good": "good", "warn": "warn", "bad": "bad", "neutral": "ink-2", "": "line"}
_GROUNDS: dict[Tone, str] = {
    "good": "good-bg",
    "warn": "warn-bg",
    "bad": "bad-bg",
    "neutral": "neutral-bg",
    "": "neutral-bg",
}
_BODY, _BOLD = "DejaVuSans", "DejaVuSans-Bold"


@dataclass(frozen=True)
class Letterhead:
    """What stands on every sheet: whose it is, the period, the moment that it reports on."""

    organisation: str
    period: str
    as_of: str


def render_pdf(page: Page, head: Letterhead) -> bytes:
    """The page as a PDF file.

    Raises:
        reports.documents.plot.UndrawnError: a chart has what cannot be drawn on paper.
    """
    _register_fonts()
    target = io.BytesIO()
    document = _Document(target, page, head)
    document.build(_story(page), canvasmaker=functools.partial(_NumberedCanvas, page=page, head=head))
    return target.getvalue()


class _Document(BaseDocTemplate):
    def __init__(self, target: io.BytesIO, page: Page, head: Letterhead) -> None:
        super().__init__(
            target, pagesize=A4, title=f"{page.title}, {head.period}", author=head.organisation, subject=page.question,
            creator="aifinops", producer="aifinops", keywords=["AI spend", "FinOps", head.period], lang="en-GB",
            invariant=1,
        )  # fmt: skip
        frame = Frame(MARGIN, _BOTTOM, WIDTH, A4[1] - _TOP - _BOTTOM, 0, 0, 0, 0)
        self.addPageTemplates([PageTemplate("sheet", [frame])])

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 - reportlab's name
        if getattr(flowable, "outline", None):
            key, title = flowable.outline
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(title, key, 0)


class _NumberedCanvas(Canvas):
    """Writes "Page 2 of 9", which is known when all are laid out."""

    def __init__(self, *args: Any, page: Page, head: Letterhead, **more: Any) -> None:
        super().__init__(*args, **more)
        self._title, self._head = page.title, head
        self._sheets: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        self._sheets.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, sheet in enumerate(self._sheets, 1):
            self.__dict__.update(sheet)
            self._furnish(number, len(self._sheets))
            super().showPage()
        super().save()

    def _furnish(self, number: int, count: int) -> None:
        right = A4[0] - MARGIN
        self.setFont(_BOLD, 8)
        self.setFillColor(_ink("ink"))
        self.drawString(MARGIN, A4[1] - 14 * mm, f"{self._head.organisation} · {self._title}")
        self.setFont(_BODY, 8)
        self.setFillColor(_ink("ink-2"))
        self.drawRightString(right, A4[1] - 14 * mm, self._head.period)
        self.setStrokeColor(_ink("line"))
        self.setLineWidth(0.6)
        self.line(MARGIN, A4[1] - 17 * mm, right, A4[1] - 17 * mm)
        self.drawString(MARGIN, 10 * mm, f"As of {self._head.as_of}")
        self.drawRightString(right, 10 * mm, f"Page {number} of {count}")


@functools.cache
def _register_fonts() -> None:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in (_BODY, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(_BODY, normal=_BODY, bold=_BOLD, italic=_BODY, boldItalic=_BOLD)


def _ink(name: str) -> Color:
    return HexColor(colours()[name])


def _style(name: str, size: float, *, bold: bool = False, tone: str = "ink", **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=_BOLD if bold else _BODY, fontSize=size, leading=more.pop("leading", size * 1.35),
        textColor=_ink(tone), **more,
    )  # fmt: skip


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    # Money keeps its no-break space; a newline of a label is one here too.
    return Paragraph(escape(text).replace("\n", "<br/>"), style)


def _story(page: Page) -> list[Flowable]:
    story: list[Flowable] = [
        _text(page.title, _style("title", 19, bold=True)),
        _text(page.question, _style("question", 9.5, tone="ink-2", spaceBefore=2, spaceAfter=8)),
    ]
    story += [_note(note) for note in page.states]
    for section in page.sections:
        story += _section(section)
    return story


def _section(section: Section) -> list[Flowable]:
    title = _text(section.title, _style("section", 13, bold=True, spaceBefore=10, spaceAfter=3))
    title.outline = section.key, section.title
    opening: list[Flowable] = [title]
    if section.lead:
        opening.append(_text(section.lead, _style("lead", 8.5, tone="ink-2", spaceAfter=5)))
    story: list[Flowable] = []
    for blocks in section.rows:
        if len(blocks) > 1 and all(isinstance(block, Chart) for block in blocks):
            parts = [[_beside([block for block in blocks if isinstance(block, Chart)]), Spacer(1, 3 * mm)]]
        else:
            parts = [_block(block) for block in blocks]
        for part in parts:
            # A heading goes with what it heads; what is in one list stays on one sheet as far as it fits.
            story += _kept([*opening, *part])
            opening = []
    return [*story, *opening]


def _kept(parts: list[Flowable]) -> list[Flowable]:
    """The parts on one sheet; a long table only with its heading and its first rows."""
    grid = next((part for part in parts if isinstance(part, _Rows) and part.row_count > _SHORT), None)
    if grid is None:
        return [KeepTogether(parts)]
    at = parts.index(grid)
    # 24 points are two lines of text: the headings of the table and of what is above it.
    return [CondPageBreak(24.0 * (at + 1) + sum(grid.heights[: _LEAST_ROWS + 1])), *parts]


def _block(block: Any) -> list[Flowable]:
    if isinstance(block, Tiles):
        return _tiles(block.tiles)
    if isinstance(block, Chart):
        return _chart(block, WIDTH)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Note):
        return [_note(block)]
    if isinstance(block, Notes):
        return _notes(block)
    raise TypeError(f"a page has no part {type(block).__name__}")


def _beside(charts: Sequence[Chart]) -> Flowable:
    width = (WIDTH - _GAP * (len(charts) - 1)) / len(charts)
    cells = [_chart(chart, width) for chart in charts]
    grid = Grid([cells], colWidths=[width + (_GAP if i < len(charts) - 1 else 0) for i in range(len(charts))])
    grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), *_flat(0)])
    return grid


def _chart(chart: Chart, width: float) -> list[Flowable]:
    parts: list[Flowable] = []
    if chart.title:
        parts.append(_text(chart.title, _style("chart", 9.5, bold=True, spaceBefore=4)))
    if chart.figure is None:
        return [*parts, _text(chart.empty, _style("empty", 8.5, tone="ink-2", spaceAfter=6))]
    # As high as on the page for its width, where 960 pixels are a page's width.
    high = min(max(chart.figure["layout"]["height"] * WIDTH / 960, 32 * mm), 90 * mm)
    data = picture(chart.figure, width=width / 72, height=high / 72)
    parts.append(Image(io.BytesIO(data), width=width, height=high))
    if chart.caption:
        parts.append(_text(chart.caption, _style("caption", 7.5, tone="ink-2", spaceAfter=6)))
    return parts


def _notes(notes: Notes) -> list[Flowable]:
    title = _text(notes.title, _style("notes", 9.5, bold=True, spaceBefore=4, spaceAfter=2))
    style = _style("sentence", 9, leading=12.5)
    rows = [[_Dot(note.tone), _text(note.text, style)] for note in notes.notes]
    grid = Grid(rows, colWidths=[5 * mm, WIDTH - 5 * mm])
    grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_flat(2)])
    return [title, grid, Spacer(1, 2 * mm)]


def _note(note: Note) -> Flowable:
    grid = Grid([[_text(note.text, _style("state", 9, leading=12.5))]], colWidths=[WIDTH])
    grid.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), _ink(_GROUNDS[note.tone])),
            ("LINEBEFORE", (0, 0), (0, -1), 2.5, _ink(_TONES[note.tone])),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
        ]
    )
    grid.spaceAfter = 5
    return grid


def _tiles(tiles: Sequence[Tile]) -> list[Flowable]:
    lines = math.ceil(len(tiles) / _TILES)
    each = math.ceil(len(tiles) / lines)
    width = WIDTH / each
    story: list[Flowable] = []
    for start in range(0, len(tiles), each):
        shown = tiles[start : start + each]
        grid = Grid([[_tile(tile, width - 10) for tile in shown]], colWidths=[width] * len(shown), hAlign="LEFT")
        look: list[Any] = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 5)]
        look += [("RIGHTPADDING", (0, 0), (-1, -1), 5), ("BOX", (0, 0), (-1, -1), 0.5, _ink("line"))]
        look += [("INNERGRID", (0, 0), (-1, -1), 0.5, _ink("line"))]
        look += [("LINEABOVE", (i, 0), (i, 0), 2, _ink(_TONES[tile.tone])) for i, tile in enumerate(shown)]
        grid.setStyle(look)
        story += [grid, Spacer(1, 2 * mm)]
    return story


def _tile(tile: Tile, width: float) -> list[Flowable]:
    parts: list[Flowable] = [_text(tile.label, _style("label", 7.5, tone="ink-2"))]
    size = 14.0
    while size > 8 and pdfmetrics.stringWidth(tile.value, _BOLD, size) > width:
        size -= 1
    parts.append(_text(tile.value, _style("value", size, bold=True, spaceAfter=1)))
    if tile.gauge is not None:
        parts.append(_gauge(tile.gauge, width, 5))
    if tile.sub:
        parts.append(_text(tile.sub, _style("sub", 7.5)))
    if len(tile.spark) > 1:
        parts.append(_spark(tile.spark, width, 14))
    if tile.foot:
        parts.append(_text(tile.foot, _style("foot", 7, tone="ink-2")))
    return parts


def _table(table: Table) -> list[Flowable]:
    story: list[Flowable] = []
    if table.title:
        story.append(_text(table.title, _style("table", 9.5, bold=True, spaceBefore=5, spaceAfter=1)))
    if table.caption:
        story.append(_text(table.caption, _style("caption", 7.5, tone="ink-2", spaceAfter=3)))
    if not table.rows:
        return [*story, _text(table.empty, _style("empty", 8.5, tone="ink-2", spaceAfter=6))]
    widths = _widths(table)
    heads = [_text(column.label, _cell_style(column, bold=True, tone="ink-2", size=7.5)) for column in table.columns]
    rows: list[list[Any]] = [heads]
    look: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, _ink("ink-2")),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, _ink("line")),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        # The total never stands alone on a sheet.
        *([("NOSPLIT", (0, -min(3, len(table.rows) + 1)), (-1, -1))] if table.total else []),
    ]
    for row in table.rows:
        rows.append(_cells(table, row, widths))
        for text in row.details:
            rows.append([_text(text, _style("detail", 7.5, tone="ink-2")), *[""] * (len(table.columns) - 1)])
            look.append(("SPAN", (0, len(rows) - 1), (-1, len(rows) - 1)))
    if table.total is not None:
        rows.append(_cells(table, table.total, widths, bold=True))
        look.append(("LINEABOVE", (0, len(rows) - 1), (-1, len(rows) - 1), 0.8, _ink("ink-2")))
    story.append(_Rows(rows, colWidths=widths, repeatRows=1, hAlign="LEFT", style=look))
    if table.more:
        story.append(_text(table.more, _style("more", 7.5, tone="ink-2", spaceBefore=2)))
    return [*story, Spacer(1, 3 * mm)]


class _Rows(Grid):
    """The grid of a table: its first row is repeated on each sheet. reportlab makes more of it where it splits one."""

    @property
    def row_count(self) -> int:
        return len(self._cellvalues)

    @property
    def heights(self) -> list[float]:
        self.wrap(WIDTH, A4[1])
        return [float(height) for height in self._rowHeights]


def _cells(table: Table, row: Row, widths: Sequence[float], *, bold: bool = False) -> list[Any]:
    return [
        _cell(cell, column, width - 6, bold=bold)
        for cell, column, width in zip(row.cells, table.columns, widths, strict=True)
    ]


def _cell(cell: Cell, column: Column, width: float, *, bold: bool) -> list[Flowable]:
    tone = cell.tone if cell.tone in ("good", "warn", "bad") else "ink"
    parts: list[Flowable] = []
    if column.kind == "spark" and len(cell.spark) > 1:
        parts.append(_spark(cell.spark, width, 10))
    if cell.text:
        parts.append(_text(cell.text, _cell_style(column, bold=bold or column.kind == "badge", tone=tone)))
    if cell.gauge is not None:
        parts.append(_gauge(cell.gauge, width, 4))
    elif column.kind == "bar" and cell.bar is not None:
        parts.append(_gauge(Gauge(cell.bar), width, 4))
    if cell.small:
        parts.append(_text(cell.small, _cell_style(column, tone="ink-2", size=7)))
    return parts or [Spacer(1, 1)]


def _cell_style(column: Column, *, bold: bool = False, tone: str = "ink", size: float = 8) -> ParagraphStyle:
    more: dict[str, Any] = {"alignment": TA_RIGHT} if column.kind == "number" else {}
    return _style("cell", size, bold=bold, tone=tone, **more)


def _widths(table: Table) -> list[float]:
    """Numbers and badges as wide as they are; texts share the rest by how long they are."""
    wants, least = [], []
    rows = [*table.rows, *([table.total] if table.total else [])]
    for i, column in enumerate(table.columns):
        texts = [line for row in rows for line in (row.cells[i].text, row.cells[i].small) if line]
        longest = max([_line_width(text) for text in texts], default=0)
        head = _line_width(column.label, 7.5)
        if head > _ONE_LINE:
            head = max(_line_width(word, 7.5) for word in column.label.split())
        word = max([_line_width(part) for text in texts for part in text.split()], default=0)
        if column.kind == "text":
            wants.append(min(max(longest, head), WIDTH * 0.75) + 8)
            least.append(min(max(word, head), WIDTH * _LEAST_TEXT) + 8)
        else:
            fixed = max(longest, head, 60.0 if column.kind in ("bar", "spark") else 0) + 8
            wants.append(min(fixed, WIDTH * _LEAST_BESIDE))
            least.append(min(fixed, WIDTH * _LEAST_BESIDE))
    spare = WIDTH - sum(wants)
    if spare >= 0:
        # The first text takes what is left, so that numbers stand at the right edge.
        first = next((i for i, column in enumerate(table.columns) if column.kind == "text"), 0)
        wants[first] += spare
        return wants
    gap = sum(want - low for want, low in zip(wants, least, strict=True)) or 1.0
    part = min(-spare / gap, 1.0)
    found = [want - (want - low) * part for want, low in zip(wants, least, strict=True)]
    squeeze = WIDTH / max(sum(found), WIDTH)
    return [width * squeeze for width in found]


def _line_width(text: str, size: float = 8, font: str = _BOLD) -> float:
    return float(max(pdfmetrics.stringWidth(line, font, size) for line in text.split("\n")))


def _gauge(gauge: Gauge, width: float, height: float) -> Drawing:
    """From 0 to what is used, on to what is expected in a lighter tone, and a mark at 1."""
    reach = max(1.0, gauge.used, gauge.projected or 0.0)
    drawing = Drawing(width, height + 2)
    drawing.add(Rect(0, 1, width, height, fillColor=_ink("neutral-bg"), strokeColor=None))
    solid = _ink("accent") if gauge.tone not in ("good", "warn", "bad") else _ink(gauge.tone)
    if gauge.projected:
        light = Color(solid.red, solid.green, solid.blue, alpha=0.35)
        drawing.add(Rect(0, 1, width * max(gauge.projected, 0) / reach, height, fillColor=light, strokeColor=None))
    drawing.add(Rect(0, 1, width * max(gauge.used, 0) / reach, height, fillColor=solid, strokeColor=None))
    if reach > 1:
        drawing.add(Rect(width / reach - 0.5, 0, 1, height + 2, fillColor=_ink("ink"), strokeColor=None))
    return drawing


def _spark(values: Sequence[float | None], width: float, height: float) -> Drawing:
    """A line from zero up; None breaks it."""
    drawing = Drawing(width, height)
    top = max([value for value in values if value is not None] + [0.0]) or 1.0
    step = width / max(len(values) - 1, 1)
    line: list[float] = []
    for i, value in enumerate([*values, None]):
        if value is not None:
            line += [i * step, max(value, 0.0) / top * (height - 2) + 1]
        elif line:
            drawing.add(PolyLine(line, strokeColor=HexColor(colour("var(--accent)")), strokeWidth=0.9))
            line = []
    return drawing


class _Dot(Flowable):
    """The tone of a sentence; a ring where it warns, so that it can be told apart without colour."""

    def __init__(self, tone: Tone) -> None:
        super().__init__()
        self.tone, self.width, self.height = tone, 8, 10

    def draw(self) -> None:
        self.canv.setStrokeColor(_ink(_TONES[self.tone]))
        self.canv.setFillColor(_ink(_TONES[self.tone]) if self.tone != "warn" else _ink("surface"))
        self.canv.setLineWidth(1.4)
        self.canv.circle(4, 4, 2.6, stroke=1, fill=1)


def _flat(above: float) -> list[Any]:
    return [("RIGHTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), above),
            ("BOTTOMPADDING", (0, 0), (-1, -1), above)]  # fmt: skip
