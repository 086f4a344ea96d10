"""What a dashboard page says: sections of tiles, charts, tables and sentences, ready to be laid out.

Here: the parts of a page, without numbers to compute and without HTML.
Not here: what a page shows (``pages``), how it looks (``render``), files (``site``).

Texts are plain: the renderer escapes them. Amounts are worded already (``reports.formatting``); ``sort`` of a cell
carries the exact value where rows are sorted by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from reports.page.chart import Chart

Tone = Literal["good", "warn", "bad", "neutral", ""]


SERVED_ONLY = ("incident", "policy", "asset")
"""What a target may name beside dashboards, where pages are served: the page of an incident or a policy, whose id
``scope`` is, and an asset in Dagster, whose key it is."""


@dataclass(frozen=True)
class Target:
    """Another page, of the same period and currency; ``scope`` is the team or app that it is about.

    ``otherwise``: what is meant where this reader has no such page.
    """

    page: str
    scope: str | None = None
    anchor: str = ""
    otherwise: Target | None = None


@dataclass(frozen=True)
class Link:
    """Words that lead to a page or, with ``href``, to a document outside (a runbook, Dagster, a statement's file)."""

    text: str
    target: Target | None = None
    href: str = ""


@dataclass(frozen=True)
class Gauge:
    """A bar from 0: ``used`` solid, up to ``projected`` hatched, a mark at 1 (the whole budget, the target)."""

    used: float
    projected: float | None = None
    tone: Tone = ""


@dataclass(frozen=True)
class Tile:
    """One figure with its name. ``spark``: recent values, oldest first; None breaks the line."""

    label: str
    value: str
    sub: str = ""
    foot: str = ""
    tone: Tone = ""
    spark: tuple[float | None, ...] = ()
    spark_label: str = ""
    gauge: Gauge | None = None
    target: Target | None = None


@dataclass(frozen=True)
class Tiles:
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Column:
    """``kind``: text wraps, number is right-aligned, badge is a coloured word, bar is ``Cell.bar`` with its text, spark
    a line of ``Cell.spark``. ``help`` is told in the heading's tooltip and to screen readers.
    """

    label: str
    kind: Literal["text", "number", "badge", "bar", "spark"] = "text"
    help: str = ""


@dataclass(frozen=True)
class Cell:
    """``small``: a second, quiet line. ``bar``: share of 1 that a bar column draws; ``gauge`` in its place."""

    text: str = ""
    sort: Decimal | int | float | date | str | None = None
    tone: Tone = ""
    small: str = ""
    target: Target | None = None
    bar: float | None = None
    gauge: Gauge | None = None
    spark: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Row:
    """``details``: paragraphs that unfold below the row, such as why an amount is whose it is."""

    cells: tuple[Cell, ...]
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """``key`` is unique on its page. ``empty`` says in words why there are no rows and what to do. ``export`` names the
    mart that holds all of it. ``more`` says what is not shown, such as "and 312 smaller ones". ``total``, ``export``
    and ``more`` are about rows: a table without any has none of them, whatever it was made with."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: str
    caption: str = ""
    total: Row | None = None
    export: str = ""
    more: str = ""

    def __post_init__(self) -> None:
        if not self.rows:
            for name, nothing in (("total", None), ("export", ""), ("more", "")):
                object.__setattr__(self, name, nothing)


@dataclass(frozen=True)
class Note:
    """A sentence of its own: a state (stale, partial, missing), what needs attention, a way on."""

    text: str
    tone: Tone = "neutral"
    link: Link | None = None


@dataclass(frozen=True)
class Notes:
    """Sentences below each other under a heading: "In short"."""

    title: str
    notes: tuple[Note, ...]
    target: Target | None = None


Block = Tiles | Chart | Table | Note | Notes


@dataclass(frozen=True)
class Section:
    """``rows``: blocks side by side where there is room, below each other where not."""

    key: str
    title: str
    rows: tuple[tuple[Block, ...], ...]
    lead: str = ""


@dataclass(frozen=True)
class Page:
    """``question`` is what the page answers, in the reader's words; ``states`` come above everything."""

    name: str
    title: str
    question: str
    sections: tuple[Section, ...]
    states: tuple[Note, ...] = ()
