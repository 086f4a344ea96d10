"""What pages and the API are answered from: marts by version and viewer, pages by all that they depend on.

Here: opening a version once for everybody who sees the same rows, keeping built pages, noticing a new version.
Not here: what pages say, which rows are whose (reports), HTTP.

Figures change with a new version of the marts only, so a page is built once for each version, period, currency and
viewer; what ledgers know (approvals, deliveries) is read again after some seconds and rebuilds what it changes. Half of
a page's questions are the same in all its periods, and many on several pages: their answers are kept too.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import reports
from finops.config import Configuration
from finops.paths import Home
from orchestration.dashboards import operations
from portal.page_json import page_document, to_json
from reports.dashboards.access import Answer, Asked, Published, Viewer
from reports.dashboards.catalogue import BY_NAME, PageKind
from reports.dashboards.choices import Choice, choices
from reports.dashboards.model import Page
from reports.dashboards.parts.states import only_own
from reports.dashboards.render import Address, Content, render_content
from reports.dashboards.site import Scope, scopes
from reports.dashboards.view import Operations, View

OPERATIONS_SECONDS = 10.0
MAX_VIEWERS = 64
MAX_PAGE_BYTES = 256 * 1024 * 1024
MAX_CELLS = 500_000
"""Values of answers that are kept, of about a hundred bytes each."""
T = TypeVar("T")


class NothingPublishedError(LookupError):
    """No run has published marts yet."""


class UnknownPageError(LookupError):
    """There is no such page, period or currency for this viewer; the message says which there are."""


class Kept(Generic[T]):
    """Results by key, the least recently used dropped first; several who want one at once wait for one making it."""

    def __init__(self, limit: int, size: Callable[[T], int] = lambda _: 1) -> None:
        self._limit, self._size = limit, size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._held = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            found = self._kept.get(key)
            is_mine = found is None
            if found is None:
                found = self._kept[key] = Future()
            self._kept.move_to_end(key)
        if is_mine:
            self._make(key, found, make)
        return found.result()

    def drop(self, is_old: Callable[[Any], bool]) -> None:
        """Forget what has these keys."""
        with self._lock:
            for key in [key for key, found in self._kept.items() if is_old(key) and found.done()]:
                self._held -= self._size(self._kept.pop(key).result())

    def _make(self, key: Hashable, future: Future[T], make: Callable[[], T]) -> None:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            future.set_exception(error)
            return
        future.set_result(made)
        with self._lock:
            self._held += self._size(made)
            while self._held > self._limit:
                old = next((old for old, one in self._kept.items() if old != key and one.done()), None)
                if old is None:
                    break
                self._held -= self._size(self._kept.pop(old).result())


@dataclass(frozen=True)
class Version:
    """One version of the marts, all that is the same for every page of a viewer."""

    name: str
    published: Published
    as_of: datetime
    choices: tuple[Choice, ...]
    scopes: Mapping[str, Mapping[str, Scope]]


@dataclass(frozen=True)
class BuiltPage:
    """``document`` is the page as JSON, ``content`` the same as HTML without its frame; ``tag`` names what it shows."""

    page: Page
    view: View
    content: Content
    document: bytes
    tag: str

    @property
    def size(self) -> int:
        return len(self.document) + sum(map(len, self.content.fragments)) + sum(map(len, self.content.figures.values()))


class Shelf:
    """The marts and pages of one home; threads may share it."""

    def __init__(self, home: Home, configuration: Callable[[], Configuration], address: Callable[..., Address]) -> None:
        """
        Args:
            configuration: the settings as they are now.
            address: ``address(version, viewer, asked, dagster)`` says where targets are for a viewer, with the query
                ``asked`` and Dagster's UI at ``dagster``.
        """
        self._home = home
        self._configuration = configuration
        self._address = address
        self._versions: Kept[Version] = Kept(MAX_VIEWERS)
        self._pages: Kept[BuiltPage] = Kept(MAX_PAGE_BYTES, lambda page: page.size)
        self._moments: Kept[datetime] = Kept(4)
        self._answers: Kept[Answer] = Kept(MAX_CELLS, lambda answer: 1 + len(answer[0]) * len(answer[1]))
        self._asked = Asked()
        self._newest: Path | None = None
        self._operations: tuple[float, Operations, str] = (float("-inf"), Operations(), "")
        self._operations_lock = threading.Lock()

    def folder(self) -> Path:
        """
        Raises:
            NothingPublishedError
        """
        folder = self._home.published.resolve()
        if not folder.is_dir():
            raise NothingPublishedError("No run has published marts yet: run the pipeline first.")
        return folder

    def version(self, viewer: Viewer) -> Version:
        """The newest version as a viewer sees it.

        Raises:
            NothingPublishedError
        """
        folder = self.folder()
        if folder != self._newest:
            for kept in (self._versions, self._answers):
                kept.drop(lambda key: key[0] != str(folder))
            self._newest = folder
        return self._versions.get((str(folder), viewer.key), lambda: self._open(folder, viewer))

    def page(self, viewer: Viewer, name: str, scope: str | None, period: str | None, currency: str | None) -> BuiltPage:
        """A page as a viewer sees it; without a period and currency, those shown first.

        Raises:
            NothingPublishedError, UnknownPageError
        """
        version = self.version(viewer)
        kind = BY_NAME.get(name)
        if kind is None or (kind.about == "company") != (scope is None):
            raise UnknownPageError("There is no such page.")
        if scope is not None and scope not in version.scopes[kind.about]:
            raise UnknownPageError(f"There is no {kind.about} of this name, or it is not yours to see.")
        offered = offered_choices(version, kind, scope)
        choice = next((one for one in offered if currency in (None, one.currency)), None)
        if choice is None:
            raise UnknownPageError(
                f"Nothing is shown in this currency; choose {', '.join(c.currency for c in offered)}."
            )
        chosen = choice.periods[0] if period is None else choice.period(period)
        if chosen is None:
            raise UnknownPageError(f"There is no such period; choose {', '.join(p.key for p in choice.periods)}.")
        known, stamp = self.operations(viewer)
        dagster = self._configuration().portal.dagster_url or ""
        key = (version.name, viewer.key, name, scope, chosen.key, choice.currency, stamp, dagster)

        def build() -> BuiltPage:
            view = View(version.published, version.as_of, chosen, choice.currency, choice.through, scope, known)
            page = kind.build(view)
            own = only_own(viewer)
            if own is not None and own not in page.states:
                page = replace(page, states=(own, *page.states))
            asked = urlencode(
                {
                    **({"period": chosen.key} if chosen is not choice.periods[0] else {}),
                    **({"currency": choice.currency} if choice is not offered[0] else {}),
                }
            )
            content = render_content(page, view, self._address(version, viewer, asked, dagster))
            tag = hashlib.sha256(
                repr((key[0], sorted(map(str, key[1][2])), *key[1][:2], *key[2:])).encode()
            ).hexdigest()
            return BuiltPage(page, view, content, to_json(page_document(page, view)).encode(), tag[:32])

        return self._pages.get(key, build)

    def operations(self, viewer: Viewer) -> tuple[Operations, str]:
        """What ledgers know, as far as it is this viewer's, and what names its state."""
        with self._operations_lock:
            read_at, found, stamp = self._operations
            if time.monotonic() - read_at > OPERATIONS_SECONDS:
                found = operations(self._home, self._configuration().guardrails.policies)
                stamp = hashlib.sha256(to_json(vars(found)).encode()).hexdigest()[:16]
                self._operations = (time.monotonic(), found, stamp)
        return (found, stamp) if viewer.sees_everything else (self._own(found, viewer), stamp)

    def forget_operations(self) -> None:
        """Somebody acted: what they see next has it."""
        with self._operations_lock:
            self._operations = (float("-inf"), Operations(), "")

    def is_own(self, viewer: Viewer, scope_type: str, scope_value: str) -> bool:
        """Whether something about a scope is this viewer's to see."""
        if viewer.sees_everything:
            return True
        own = {"team": viewer.teams, "app": self.version(viewer).published.apps}
        return scope_value in own.get(scope_type, frozenset())

    def _own(self, found: Operations, viewer: Viewer) -> Operations:
        """Deliveries name what they tell of, and statements other teams: neither is shown to whoever sees only some."""

        def mine(documents: Any) -> tuple[Mapping[str, Any], ...]:
            return tuple(one for one in documents if self.is_own(viewer, one["scope_type"], one["scope_value"]))

        return Operations(decisions=mine(found.decisions), approvals=mine(found.approvals))

    def _open(self, folder: Path, viewer: Viewer) -> Version:
        published = Published(folder, viewer, asked=self._asked, answers=self._answers)
        moment = self._moments.get(folder, lambda: reports.reported_moment(reports.read_marts(folder)))
        return Version(folder.name, published, moment, choices(published, moment), scopes(published))


def offered_choices(version: Version, kind: PageKind, scope: str | None) -> tuple[Choice, ...]:
    """Currencies of a page with their periods: those that a team or an app has money in."""
    if scope is None:
        return version.choices
    known = version.scopes[kind.about][scope].currencies
    return tuple(choice for choice in version.choices if choice.currency in known) or version.choices[:1]
