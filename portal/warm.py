"""Pages that are made before anybody asks for them, as soon as a run has published.

Here: what people looked at lately, which pages follow from it, making them one after the other while nobody waits.
Not here: making and keeping one page (shelf), counting requests (shield), starting and ending (app).

Whoever asks meanwhile is answered as ever: before each page the warmer waits until no request is being answered, so
that at most one page is in anybody's way; who asks for the very page that is being made gets it when it is there.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from portal.shelf import NothingPublishedError, Shelf, UnknownPageError
from reports.dashboards.access import ORGANISATION, Viewer
from reports.dashboards.catalogue import PAGES

WATCH_SECONDS = 2.0
"""How long it takes at most to see that a run has published; looking is one look at a link."""
GIVE_WAY_SECONDS = 5.0
"""A download may take minutes: who answers one for longer is not waited for."""
MAX_VISITS = 1000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """A page as somebody asked for it; ``period`` and ``currency`` are None where they asked for the first."""

    viewer: Viewer
    page: str
    scope: str | None = None
    period: str | None = None
    currency: str | None = None


class Visits:
    """What people looked at lately, of all who see the same rows once; threads may share it."""

    def __init__(self, limit: int = MAX_VISITS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[object, ...], Wish] = OrderedDict()

    def note(self, wish: Wish) -> None:
        key = (wish.viewer.key, wish.page, wish.scope, wish.period, wish.currency)
        with self._lock:
            self._seen[key] = wish
            self._seen.move_to_end(key)
            while len(self._seen) > self._limit:
                self._seen.popitem(last=False)

    def newest_first(self) -> list[Wish]:
        with self._lock:
            return list(reversed(self._seen.values()))


class Traffic:
    """How many requests are being answered; for one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    def begin(self) -> None:
        self._count += 1
        self._is_quiet.clear()

    def end(self) -> None:
        self._count -= 1
        if not self._count:
            self._is_quiet.set()

    async def quiet(self) -> None:
        """Until no request is being answered, or one takes long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_quiet.wait(), GIVE_WAY_SECONDS)


class Warmer:
    """Fills the shelf of one portal. ``made`` counts the pages of the newest version that were made beforehand."""

    def __init__(self, shelf: Shelf, visits: Visits, traffic: Traffic, limit: Callable[[], int]) -> None:
        """
        Args:
            limit: how many pages are made at most; asked for each version.
        """
        self._shelf, self._visits, self._traffic, self._limit = shelf, visits, traffic, limit
        self.made = 0
        self.warmed: Path | None = None
        """The version that is done."""

    async def work(self) -> None:
        """Watch for versions and make their pages, until cancelled."""
        while True:
            folder = await run_in_threadpool(self._newest)
            if folder is not None and folder != self.warmed:
                await self.warm(folder)
            else:
                await asyncio.sleep(WATCH_SECONDS)

    async def warm(self, folder: Path) -> None:
        """Make the pages of a version, or stop where a newer one was published."""
        self.made = 0
        for wish in self._wishes():
            await self._traffic.quiet()
            if await run_in_threadpool(self._newest) != folder:
                return
            self.made += await run_in_threadpool(self._make, wish)
        self.warmed = folder

    def _wishes(self) -> list[Wish]:
        """Pages about the company first, because most see them; then what was looked at, the latest first."""

        def all_of_them() -> Iterator[Wish]:
            yield from (Wish(ORGANISATION, kind.name) for kind in PAGES if kind.about == "company")
            yield from self._visits.newest_first()

        try:
            limit = self._limit()
        except ValueError:  # a file of the configuration is being edited
            return []
        return list(all_of_them())[:limit]

    def _make(self, wish: Wish) -> bool:
        try:
            self._shelf.page(wish.viewer, wish.page, wish.scope, wish.period, wish.currency)
        except (UnknownPageError, NothingPublishedError):
            return False  # a team that is gone, a month that is not offered any more
        except Exception:
            # Whoever asks for the page is told; the others are made all the same.
            log.exception("the page %s was not made beforehand", wish.page)
            return False
        return True

    def _newest(self) -> Path | None:
        try:
            return self._shelf.folder()
        except NothingPublishedError:
            return None
