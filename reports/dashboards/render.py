"""Pages as HTML: their content, and the document around it.

Here: what a reader can choose and where links lead, handed to the templates; which fragments and figures a page has.
Not here: what a page says (``pages``), files (``site``), serving (the portal), several periods in one file
(``variants``).

A page is rendered in two steps, because a file holds the content of many periods and one document around them:
``render_content`` makes the fragments and figures of one view, ``render_document`` puts them into the frame.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from reports.dashboards.choices import Choice
from reports.dashboards.drawing import bar_width, gauge_shape, spark_lines
from reports.dashboards.model import Block, Cell, Link, Page, Target
from reports.dashboards.view import View
from reports.figures.traces import Figure
from reports.page.document import environment, figure_json, page_css, page_js, script_hash

_HERE = Path(__file__).parent / "templates"
FILTERED_FROM = 13
"""Rows from which a table can be filtered."""
SCROLLED_FROM = 19
"""Rows from which a table scrolls under its headings."""

Address = Callable[[Target], str | None]
"""Where a target is, seen from the page that links to it; None where this reader has no such page."""

_OUTSIDE = re.compile(r"(https?://|mailto:)[^\s]+", re.IGNORECASE)


@dataclass(frozen=True)
class Content:
    """``fragments`` joined are the page's main part. ``figures``: Plotly figures as JSON, by a key made of what they
    show; fragments name them."""

    fragments: tuple[str, ...]
    figures: Mapping[str, str]

    @property
    def html(self) -> str:
        return "".join(self.fragments)


@dataclass(frozen=True)
class Way:
    """A place to go: in the navigation or above the page's title. ``href`` is None where the reader is already."""

    text: str
    href: str | None = None


@dataclass(frozen=True)
class Frame:
    """What stands around a page's content.

    Args:
        title: whose pages they are, such as the organisation's name.
        page_title: the browser's title of this page.
        navigation: the pages about the company; the current one has no address, or none of them where the page is
            below one, which ``section`` then names.
        crumbs: from the company down to this page.
        choices: what can be chosen, the currency of ``currency`` with its periods.
        period, currency: what is shown first.
        plotly: address of Plotly's script, loaded when the first chart comes into view.
        as_of: the moment (UTC) reported on.
        asks_server: choosing asks the server with ``?period=&currency=``; otherwise the file has all of it.
        areas: what there is beside dashboards, and these; ``area`` is the address of these. With them the pages stand
            beside the choices, and the crumbs above the page where it is below another.
        who: who looks, and where they sign off.
    """

    title: str
    page_title: str
    navigation: Sequence[Way]
    crumbs: Sequence[Way]
    choices: Sequence[Choice]
    period: str
    currency: str
    plotly: str
    as_of: datetime
    asks_server: bool = False
    section: str = ""
    areas: Sequence[Way] = ()
    area: str = ""
    who: Way | None = None

    @property
    def periods(self) -> tuple[tuple[str, str], ...]:
        """Key and words of the chosen currency's periods."""
        chosen = next(choice for choice in self.choices if choice.currency == self.currency)
        return tuple((period.key, period.words) for period in chosen.periods)


def render_content(page: Page, view: View, address: Address) -> Content:
    """The page's own part, without the frame. Texts are escaped here, wherever they come from."""
    figures: dict[str, str] = {}

    def keep(figure: Figure) -> str:
        text = figure_json(figure)
        key = hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
        figures[key] = text
        return key

    def place(target: Target) -> str | None:
        found = address(target)
        return place(target.otherwise) if found is None and target.otherwise is not None else found

    parts = _parts()
    here = {"address": place, "keep": keep, "asset": lambda name: place(Target("asset", name))}
    fragments = [str(parts.intro(page, view, here))]
    for section in page.sections:
        fragments.append(str(parts.section_opening(section)))
        for row in section.rows:
            fragments.append(f'<div class="row of-{min(len(row), 4)}">')
            fragments += [str(parts.block(block, here)) for block in row]
            fragments.append("</div>")
        fragments.append("</section>")
    return Content(tuple(fragments), figures)


def render_document(content: Content, frame: Frame, *, variants: str = "") -> str:
    """The whole page as one HTML text; only Plotly's script is outside of it.

    Args:
        variants: what ``variants.packed`` made of the page's other periods and currencies.
    """
    scripts = (page_js(), _dashboards_js())
    return (
        _environment()
        .get_template("dashboard.html")
        .render(
            frame=frame,
            main=content.html,
            figures="{" + ",".join(f'"{key}":{figure}' for key, figure in content.figures.items()) + "}",
            variants=variants,
            css=page_css() + _dashboards_css(),
            scripts=scripts,
            script_hashes=[script_hash(script) for script in scripts],
        )
    )


@cache
def _environment() -> jinja2.Environment:
    found = environment(_HERE)
    found.globals |= {
        "spark_lines": spark_lines,
        "gauge_shape": gauge_shape,
        "bar_width": bar_width,
        "FILTERED_FROM": FILTERED_FROM,
        "SCROLLED_FROM": SCROLLED_FROM,
        "FROM_TONE": {"bad": "Needs action:", "warn": "Needs attention:", "good": "Fine:"},
    }
    found.filters |= {"sortable": _sortable, "kind": _kind, "outside": _outside}
    return found


@cache
def _parts() -> Any:
    return _environment().get_template("blocks.html").module


@cache
def _dashboards_css() -> str:
    return (_HERE / "dashboards.css").read_text(encoding="utf-8")


@cache
def _dashboards_js() -> str:
    return (_HERE / "dashboards.js").read_text(encoding="utf-8")


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _outside(link: Link) -> str | None:
    """A document outside, if its address is one that a browser opens without running anything."""
    return link.href if _OUTSIDE.fullmatch(link.href) or _is_relative(link.href) else None


def _is_relative(href: str) -> bool:
    return bool(href) and ":" not in href.split("/")[0] and not href.startswith("//")


def _sortable(cell: Cell) -> str | None:
    """What rows are sorted by, where it is not the cell's text."""
    value = cell.sort
    if value is None:
        return None
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return None if text == cell.text else text
