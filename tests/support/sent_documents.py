"""Digests and packs as they were sent: real editions of the tests' organisation, of short pages.

Here: which there are, and making them.
Not here: what real digests say (reports.dashboards.pages); when they are sent (orchestration.digests).
"""

from __future__ import annotations

from pathlib import Path

from finops.periods import BillingPeriod, IsoWeek
from reports.dashboards.access import ORGANISATION, Published, Role, Viewer
from reports.dashboards.model import Block, Page, Section, Tile, Tiles
from reports.documents.editions import with_changes, write_edition
from reports.documents.kept import HTML, Place, slug
from reports.documents.pdf import Letterhead
from reports.documents.periods import label, view_of
from reports.page.chart import Chart
from tests.support.mart_factory import AS_OF
from tests.support.sample_dashboard import sample_figure

WEEK, WEEK_BEFORE = IsoWeek.parse("2026-W42"), IsoWeek.parse("2026-W41")
MONTH, MONTH_BEFORE = BillingPeriod.parse("2026-09"), BillingPeriod.parse("2025-12")
EXECUTIVES = Place(WEEK, "executives", "", 1)
SEARCH, ROBOTICS = Place(WEEK, "leads", "search", 1), Place(WEEK, "leads", "robotics", 1)
BOARD, BOARD_AGAIN = Place(MONTH, "board", "", 1), Place(MONTH, "board", "", 2)
CHANGES = ("AI spend of September 2026 was USD 100.00 in edition 1 and is USD 350.00 now: +USD 250.",)


def write_documents(home: Path, published: Path) -> Path:
    """The folder of all digests of a home; the digest of the company has a picture."""
    for place in (EXECUTIVES, SEARCH, Place(WEEK_BEFORE, "leads", "search", 1), ROBOTICS, BOARD, BOARD_AGAIN):
        _write(home, published, place)
    _write(home, published, Place(MONTH_BEFORE, "board", "", 1))
    # Made by hand beside them, and sent to nobody.
    by_hand = home / "digests" / str(WEEK) / "by-hand"
    by_hand.mkdir()
    (by_hand / "digest-2026-W42.html").write_text("made by hand")
    return home / "digests"


def _write(home: Path, published: Path, place: Place) -> None:
    team = place.team or None
    assert team is None or slug(team) == team
    viewer = Viewer("lead", frozenset({Role.ENG}), frozenset({team})) if team else ORGANISATION
    weekly = isinstance(place.period, IsoWeek)
    title = f"Weekly AI spend{f' of {team}' if team else ''}" if weekly else "Monthly AI cost pack"
    blocks: list[Block] = [Tiles((Tile("About", team or "the company"),))]
    if place == EXECUTIVES:
        blocks.append(Chart("days", "Days", "Each day.", "Two bars.", sample_figure(2.0), ""))
    section = Section("short", "In short", tuple((block,) for block in blocks))
    page = Page("digest" if weekly else "pack", title, "What was spent?", (section,))
    changes = CHANGES if place.number > 1 else ()
    with Published(published, viewer) as marts:
        write_edition(
            home.joinpath("digests", *place.parts).parent,
            place.number,
            with_changes(page, place.number, changes) if changes else page,
            view_of(marts, place.period, as_of=AS_OF, team=team),
            Letterhead("Contoso", label(place.period), "20 Oct 2026, 06:00 UTC"),
            home=home,
            thread=f"digest/{place.path}",
            again=f"https://finops.example.com/documents/{place.path}/{HTML}",
            changes=changes,
        )
