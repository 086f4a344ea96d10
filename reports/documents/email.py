"""A page as an e-mail: inline HTML that mail programs show, the same as plain text, the first charts as pictures.

Here: what of a page stands in the mail itself; the whole of it is attached as PDF.
Not here: MIME and sending (guardrails.mail), messages about incidents and guardrails (``reports.messages``).
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from reports import formatting as f
from reports.dashboards.model import Block, Column, Note, Notes, Page, Row, Table, Tile, Tiles
from reports.documents.pdf import Letterhead
from reports.documents.plot import picture
from reports.figures.traces import Figure
from reports.messages.cards import MessageTooLargeError, open_urls, plain
from reports.messages.mail import MAX_EMAIL_BYTES, environment, fits, wrapped
from reports.messages.model import Fact, Link, Message
from reports.page.chart import Chart

WIDTH = 600
"""Pixels of the mail's column; pictures are drawn twice as fine."""
_TRIALS = ((10, 2, 6), (8, 1, 5), (5, 1, 4), (5, 0, 4))
"""Rows a table, pictures and columns kept, until the mail is short enough: Gmail cuts what is longer than 102 KB."""


@dataclass(frozen=True)
class Attached:
    """A file of the mail: its name there, where it is below the home, its digest."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class _Picture:
    name: str
    key: str
    figure: Figure
    height: int


def document_email(
    page: Page,
    head: Letterhead,
    *,
    thread: str,
    sections: int | None = None,
    link: str = "",
    again: str = "",
    attached: Sequence[Attached] = (),
) -> dict[str, Any]:
    """The page as ``{"email": {subject, text, html, images, attachments, thread, kind}}``.

    Args:
        thread: the same for all editions of the document.
        sections: how many of the page's sections stand in the mail; absent: all.
        link: where the figures can be explored; no button without one.
        again: where the document itself can be read again.

    Raises:
        ValueError: a link is no web address.
        MessageTooLargeError: it does not fit into 100 KB however much is left out.
    """
    open_urls({title: url for title, url in (("Open", link), ("Read again", again)) if url})
    images: dict[str, str] = {}
    told = page.sections[:sections]
    least = _TRIALS[-1]
    # Where shorter tables are not enough, the last sections are left to the attached file.
    for (rows, pictures, columns), count in [
        *((trial, len(told)) for trial in _TRIALS),
        *((least, count) for count in range(len(told) - 1, 0, -1)),
    ]:
        shown = [
            (section, [_shortened(block, rows, columns) for line in section.rows for block in line])
            for section in told[:count]
        ]
        drawn = _pictures([block for _, blocks in shown for block in blocks], pictures)
        images |= {one.name: _drawn(one) for one in drawn if one.name not in images}
        values = {
            "page": page,
            "head": head,
            "sections": shown,
            "pictures": {one.key: one for one in drawn},
            "link": link,
            "again": again,
            "attached": attached,
            "card_width": WIDTH + 80,
            "width": WIDTH,
            "f": f,
        }
        found = {
            "email": {
                "subject": plain(f"{page.title}: {head.period}".replace(f.NBSP, " "), limit=150),
                "text": _text(values),
                "html": _template().render(values),
                "images": {one.name: images[one.name] for one in drawn},
                "attachments": [vars(one) for one in attached],
                "thread": thread,
                "kind": "digest",
            }
        }
        if fits(found):
            return found
    raise MessageTooLargeError(f"the e-mail of {page.title!r} takes more than {MAX_EMAIL_BYTES} bytes without pictures")


def document_message(
    page: Page, head: Letterhead, *, thread: str, team: str = "", link: str = "", again: str = ""
) -> Message:
    """The page in short, for Teams and for routes that stand in: its tiles and its sentences."""
    tiles = [tile for block in _blocks(page) if isinstance(block, Tiles) for tile in block.tiles][:6]
    told = [note.text for block in _blocks(page) if isinstance(block, Notes) for note in block.notes][:3]
    needs = any(tile.tone == "bad" for tile in tiles)
    return Message(
        kind="digest",
        severity="low",
        tone="warning" if needs else "emphasis",
        eyebrow=page.title,
        title=head.period,
        what=" ".join(told[:1]),
        facts=tuple(Fact(title=tile.label, value=_tile_words(tile)) for tile in tiles),
        links=tuple(
            Link(title=title, url=url) for title, url in (("Open the figures", link), ("Read all of it", again)) if url
        ),
        notes=(*told[1:], *(note.text for note in page.states)),
        thread=thread,
        team=team,
    )


def _blocks(page: Page) -> list[Block]:
    return [block for section in page.sections for line in section.rows for block in line]


def _tile_words(tile: Tile) -> str:
    return f"{tile.value} – {tile.sub}" if tile.sub else tile.value


def _shortened(block: Block, rows: int, columns: int) -> Block:
    """A table as a mail can show it: its first columns and rows, its total, and how much is left out."""
    if not isinstance(block, Table):
        return block
    kept = _columns(block.columns, columns)
    left = len(block.rows) - rows
    # The last row is what nobody owns, or all smaller ones together: the total is not to be had without it.
    shown = block.rows if left <= 0 else (*block.rows[: rows - 1], block.rows[-1])

    def cut(row: Row) -> Row:
        return Row(tuple(row.cells[i] for i in kept))

    more = f"and {left} more in the attached file" if left > 0 else block.more
    return Table(
        block.key, block.title, tuple(block.columns[i] for i in kept), tuple(cut(row) for row in shown),
        block.empty, caption=block.caption, total=None if block.total is None else cut(block.total), more=more,
    )  # fmt: skip


def _columns(columns: Sequence[Column], most: int) -> list[int]:
    """The first ones; lines of recent values are drawings, which no mail program shows."""
    return [i for i, column in enumerate(columns) if column.kind != "spark"][:most]


def _pictures(blocks: Sequence[Block], most: int) -> list[_Picture]:
    charts = [block for block in blocks if isinstance(block, Chart) and block.figure is not None][:most]
    return [
        _Picture(f"chart-{i}", chart.key, chart.figure, min(chart.figure["layout"]["height"], 300))
        for i, chart in enumerate(charts, 1)
        if chart.figure is not None
    ]


def _drawn(one: _Picture) -> str:
    inner = WIDTH - 48
    data = picture(one.figure, width=inner / 96, height=one.height / 96, dpi=192)
    return base64.b64encode(data).decode("ascii")


def _text(values: Mapping[str, Any]) -> str:
    """The same for programs that show no HTML, and for screen readers; lines of 76 characters but for tables."""
    page: Page = values["page"]
    head: Letterhead = values["head"]
    parts = [f"{page.title.upper()}\n{head.organisation}, {head.period}\nAs of {head.as_of}"]
    parts += [wrapped(note.text) for note in page.states]
    for section, blocks in values["sections"]:
        parts.append(f"{section.title}\n{'-' * len(section.title)}")
        parts += [text for block in blocks if (text := _block_text(block))]
    if values["link"]:
        parts.append(f"Open the figures:\n  {values['link']}")
    parts += [f"Attached: {one.name}" for one in values["attached"]]
    if values["again"]:
        parts.append(f"Read it again in the portal:\n  {values['again']}")
    return "\n\n".join(parts).replace(f.NBSP, " ") + "\n"


def _block_text(block: Block) -> str:
    if isinstance(block, Tiles):
        return "\n".join(_listed(f"{tile.label}: {_tile_words(tile)}") for tile in block.tiles)
    if isinstance(block, Notes):
        return "\n".join(
            [
                *([block.title] if block.title else []),
                *(_listed(f"* {n.text}") for n in block.notes),
            ]
        )
    if isinstance(block, Note):
        return wrapped(block.text)
    if isinstance(block, Table):
        return _table_text(block)
    return ""


def _table_text(table: Table) -> str:
    if not table.rows:
        return f"{table.title}\n{_listed(table.empty)}"
    lines = [table.title]
    for row in (*table.rows, *([table.total] if table.total else [])):
        first, *others = row.cells
        told = [
            f"{column.label} {cell.text}{f' ({cell.small})' if cell.small else ''}"
            for column, cell in zip(table.columns[1:], others, strict=True)
            if cell.text
        ]
        lines.append(_listed(f"{first.text}{f' ({first.small})' if first.small else ''}: {'; '.join(told)}"))
    return "\n".join([*lines, *([f"  {table.more}"] if table.more else [])])


def _listed(text: str) -> str:
    return wrapped(text, indent="  ", hanging="  ")


@functools.cache
def _template() -> jinja2.Template:
    found = environment(Path(__file__).parent)
    found.filters["kind"] = lambda block: type(block).__name__.lower()
    return found.get_template("email.html")
