"""All pages as a folder of files that opens without a server: ``index.html`` is the overview.

Here: which pages there are, their addresses, building them on all cores, swapping the folder in.
Not here: what pages say (``pages``), HTML (``render``), how periods share a file (``variants``).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from finops.periods import as_utc
from reports.dashboards.access import Answer, Published
from reports.dashboards.catalogue import BY_NAME, PAGES, PageKind
from reports.dashboards.choices import Choice, choices
from reports.dashboards.model import Target
from reports.dashboards.period import MONTHS
from reports.dashboards.render import Address, Frame, Way, render_content, render_document
from reports.dashboards.variants import packed
from reports.dashboards.view import Operations, View
from reports.folders import swapped_in
from reports.page.document import write_page

HOME_PAGE = "executive"
ASSETS = "assets"
FEW_PERIODS = "last-90-days"
"""Beside the running month and the one before it, the only period of a team's or an app's page, and of every page in
currencies with less spend. Pages about the company have them all in the currency with the most. Measured on the demo:
a page of one period takes 0.1 to 0.3 s of a core, so all of them of 30 teams and apps would take four minutes."""
_FEW_PAGES = 12
"""Up to here one process is faster than starting others."""
_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 60
_NEEDS_HASH = re.compile(r"con|prn|aux|nul|com\d|lpt\d|index|.*-[0-9a-f]{10}")


@dataclass(frozen=True)
class Scope:
    """A team or an app that has a page; ``team`` of an app is its team, None where nobody's."""

    name: str
    team: str | None = None
    currencies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Site:
    """What was built. ``pages`` are paths in ``folder``."""

    folder: Path
    pages: tuple[str, ...]
    size_bytes: int

    @property
    def index(self) -> Path:
        return self.folder / "index.html"


def build_site(
    published: Path,
    out_dir: Path,
    *,
    as_of: datetime,
    operations: Operations | None = None,
    title: str = "AI spend",
    months: int = MONTHS,
    about: Collection[str] | None = None,
    processes: int | None = None,
) -> Site:
    """Write every page, and swap the folder in when all are there.

    Args:
        published: folder of marts (``Home.published``).
        as_of: the moment reported on, with time zone.
        operations: what ledgers know; nothing if absent.
        title: whose pages they are, such as the organisation's name.
        months: of how many months pages tell at most, the running one included.
        about: the teams and apps that have pages; all of them if absent, none if empty.
        processes: how many may work; all cores if absent.

    Raises:
        MartError: a mart lacks a column.
    """
    job = _Job(
        published.resolve(),
        as_utc(as_of),
        operations or Operations(),
        title,
        months,
        None if about is None else frozenset(about),
    )
    workers = processes or os.cpu_count() or 1
    with swapped_in(out_dir) as folder, _Builder(job, folder) as builder:
        pages = builder.pages
        folder.joinpath(ASSETS).mkdir()
        folder.joinpath(ASSETS, plotly_name()).write_text(get_plotlyjs(), encoding="utf-8")
        if workers == 1 or len(pages) <= _FEW_PAGES:
            sizes = [builder.write(*page) for page in pages]
        else:
            sizes = _in_processes(job, folder, pages, workers)
    size = sum(sizes) + out_dir.joinpath(ASSETS, plotly_name()).stat().st_size
    return Site(out_dir, tuple(path_of(*page) for page in pages), size)


def path_of(name: str, scope: str | None = None) -> str:
    """Where a page is in the folder: ``index.html``, ``finance.html``, ``team/search.html``."""
    kind = BY_NAME[name]
    if kind.about == "company":
        return "index.html" if name == HOME_PAGE else f"{name}.html"
    return f"{kind.about}/{slug(scope or '')}.html"


def slug(name: str) -> str:
    """A file name of a team's or app's name; different names never share one, on any file system.

    A name that is not a plain file name itself, or looks like one with a hash, gets a part of its hash.
    """
    plain = _SLUG.sub("-", name.lower()).strip("-")[:_LONGEST_SLUG]
    if plain and plain == name and not _NEEDS_HASH.fullmatch(plain):
        return plain
    return f"{plain or 'name'}-{hashlib.sha256(name.encode('utf-8')).hexdigest()[:10]}"


@cache
def plotly_name() -> str:
    """The hash is in the name, so that a browser never keeps the script of another version."""
    return f"plotly-{hashlib.sha256(get_plotlyjs().encode('utf-8')).hexdigest()[:10]}.min.js"


@dataclass(frozen=True)
class _Job:
    published: Path
    as_of: datetime
    operations: Operations
    title: str
    months: int
    about: frozenset[str] | None


PageId = tuple[str, str | None]


class _Remembered:
    """Answers of one page: most of its questions are the same in all its periods or currencies."""

    def __init__(self) -> None:
        self._answers: dict[tuple[Any, ...], Answer] = {}

    def get(self, key: tuple[Any, ...], make: Callable[[], Answer]) -> Answer:
        if key not in self._answers:
            self._answers[key] = make()
        return self._answers[key]

    def forget(self) -> None:
        self._answers.clear()


class _Builder:
    """One connection to the marts, for as many pages as are asked of it."""

    def __init__(self, job: _Job, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._remembered = _Remembered()
        self._published = Published(job.published, answers=self._remembered)
        self._choices = choices(self._published, job.as_of, months=job.months)
        self._scopes = {
            level: {name: scope for name, scope in found.items() if job.about is None or name in job.about}
            for level, found in scopes(self._published).items()
        }

    def __enter__(self) -> _Builder:
        return self

    def __exit__(self, *raised: object) -> None:
        self._published.__exit__(None, None, None)

    @property
    def pages(self) -> list[PageId]:
        company: list[PageId] = [(kind.name, None) for kind in PAGES if kind.about == "company"]
        return company + [
            (kind.name, scope) for kind in PAGES if kind.about != "company" for scope in self._scopes[kind.about]
        ]

    def write(self, name: str, scope: str | None) -> int:
        """Write one page; its size in bytes."""
        try:
            return self._write(BY_NAME[name], scope)
        except Exception as error:
            error.add_note(f"While the page {path_of(name, scope)} was made")
            raise

    def _write(self, kind: PageKind, scope: str | None) -> int:
        name = kind.name
        offered = self._offered(kind, scope)
        address = self._address_from(path_of(name, scope))
        contents = {}
        title = kind.title
        self._remembered.forget()
        for choice in offered:
            for period in choice.periods:
                view = View(
                    self._published,
                    self._job.as_of,
                    period,
                    choice.currency,
                    choice.through,
                    scope,
                    self._job.operations,
                )
                page = kind.build(view)
                title = page.title
                contents[choice.currency, period.key] = render_content(page, view, address)
        frame = self._frame(kind, scope, title, offered, address)
        first = contents[frame.currency, frame.period]
        others = packed(contents, frame) if len(contents) > 1 else ""
        path = self._folder / path_of(name, scope)
        write_page(render_document(first, frame, variants=others), path)
        return path.stat().st_size

    def _offered(self, kind: PageKind, scope: str | None) -> tuple[Choice, ...]:
        found = list(self._choices)
        if kind.about != "company":
            known = self._scopes[kind.about][scope or ""].currencies
            found = [choice for choice in found if choice.currency in known] or found[:1]
        whole = found[:1] if kind.about == "company" else []
        return (
            *whole,
            *(_with_few_periods(choice) for choice in found[len(whole) :]),
        )

    def _address_from(self, page: str) -> Address:
        up = "../" * page.count("/")

        def address(target: Target) -> str | None:
            kind = BY_NAME.get(target.page)
            if kind is None:
                return None
            if kind.about != "company" and target.scope not in self._scopes[kind.about]:
                return None
            path = path_of(target.page, target.scope if kind.about != "company" else None)
            anchor = f"#{target.anchor}" if target.anchor else ""
            return anchor if path == page and anchor else f"{up}{path}{anchor}"

        return address

    def _frame(
        self, kind: PageKind, scope: str | None, page_title: str, offered: tuple[Choice, ...], address: Address
    ) -> Frame:
        crumbs = [Way(BY_NAME[HOME_PAGE].title, None if kind.name == HOME_PAGE else address(Target(HOME_PAGE)))]
        if kind.about == "company" and kind.name != HOME_PAGE:
            crumbs.append(Way(kind.title))
        if kind.about != "company":
            crumbs.append(Way("Teams", address(Target("teams"))))
            team = self._scopes["app"][scope or ""].team if kind.about == "app" else None
            if team is not None:
                crumbs.append(Way(team, address(Target("team", team))))
            crumbs.append(Way(scope or ""))
        up = "../" * path_of(kind.name, scope).count("/")
        return Frame(
            title=self._job.title,
            page_title=f"{page_title} · {self._job.title}",
            navigation=[
                Way(other.title, None if other is kind else address(Target(other.name)))
                for other in PAGES
                if other.about == "company"
            ],
            crumbs=crumbs,
            choices=offered,
            period=offered[0].periods[0].key,
            currency=offered[0].currency,
            plotly=f"{up}{ASSETS}/{plotly_name()}",
            as_of=self._job.as_of,
            section="" if kind.about == "company" else BY_NAME["teams"].title,
        )


def scopes(published: Published) -> Mapping[str, Mapping[str, Scope]]:
    """Teams and apps that have a page: those that are known, and those that money was allocated to."""
    found: dict[str, dict[str, Scope]] = {"team": {}, "app": {}}
    if published.has("dim_team"):
        for row in published.rows("select team from dim_team where team is not null order by team"):
            found["team"][row["team"]] = Scope(row["team"])
    if published.has("dim_app"):
        for row in published.rows("select app, team from dim_app where app is not null order by app, team"):
            found["app"].setdefault(row["app"], Scope(row["app"], row["team"]))
    if published.has("fct_ai_cost_daily"):
        for level in found:
            for row in published.rows(
                f"select {level} as name, min(team) as team, list(distinct billing_currency) as currencies"  # noqa: S608
                f" from fct_ai_cost_daily where is_ai and {level} is not null group by {level} order by {level}"
            ):
                known = found[level].get(row["name"])
                team = known.team if known and known.team else row["team"]
                found[level][row["name"]] = Scope(row["name"], team, tuple(sorted(row["currencies"])))
    for name in {app.team for app in found["app"].values() if app.team is not None} - set(found["team"]):
        found["team"][name] = Scope(name)
    return found


def _with_few_periods(choice: Choice) -> Choice:
    running = choice.periods[0]
    before = running.before_first.strftime("%Y-%m")
    return replace(
        choice,
        periods=tuple(period for period in choice.periods if period is running or period.key in (before, FEW_PERIODS)),
    )


def _in_processes(job: _Job, folder: Path, pages: Sequence[PageId], workers: int) -> list[int]:
    # Spawned, not forked: DuckDB and Arrow have threads, which a fork would leave behind in the middle of something.
    context = multiprocessing.get_context("spawn")
    shares = [pages[start::workers] for start in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return [size for sizes in pool.map(partial(_write_share, job, folder), shares) for size in sizes]


def _write_share(job: _Job, folder: Path, pages: Sequence[PageId]) -> list[int]:
    with _Builder(job, folder) as builder:
        return [builder.write(*page) for page in pages]
