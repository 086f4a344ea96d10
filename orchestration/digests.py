"""Weekly digests and monthly packs of a home: making what is due, and queueing it for people once.

Here: editions of what routing.yml wants told now, the messages of each on its routes, documents made by hand.
Not here: when something is due and sending (guardrails), what a document says and looks like (reports.documents).

Stopped anywhere, the next run finishes: an edition's folder appears as a whole, its messages have ids made of digest,
period, edition and route, and are queued once for ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import guardrails
import reports
from finops.addresses import document_path, page_path, portal_address
from finops.config import Configuration
from finops.config.digests import MonthlyPack
from finops.config.routes import EmailRoute
from finops.config.routing import Route
from finops.paths import Home
from finops.periods import BillingPeriod, IsoWeek
from orchestration.dashboards import operations
from reports import formatting as f
from reports.dashboards.access import ORGANISATION, Published, Role, Viewer
from reports.dashboards.model import Note, Page
from reports.dashboards.pages import digest as digest_page
from reports.dashboards.pages import pack as pack_page
from reports.dashboards.view import View
from reports.documents.editions import changes_since, figures_of, with_changes, write_edition
from reports.documents.kept import HTML, Edition, Place, newest_edition, slug
from reports.documents.pdf import Letterhead
from reports.documents.periods import NothingBilledError, view_of
from reports.messages import Message, teams_card

CORRECTED_MONTHS = 3
"""So many months back, a month that changes gets a new edition; older ones are true-ups of the statements."""
SECTIONS_IN_MAIL: Mapping[str, int | None] = {"weekly": None, "monthly": 2}
"""Of a pack the summary and the budgets stand in the mail itself; all of it is attached."""


@dataclass(frozen=True)
class Told:
    """``queued``: ids of new messages. ``held``: why something that is due waits, a sentence each."""

    queued: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class Digests:
    """The digests of one home, as of one moment."""

    def __init__(self, home: Home, configuration: Configuration, environ: Mapping[str, str], now: datetime) -> None:
        self.home = home
        self.configuration = configuration
        self.now = now
        self._portal = portal_address(environ)
        self._routes: dict[str, Route] = {route.id: route for route in configuration.routing.routes}

    def due(self) -> list[guardrails.DueDigest]:
        """What routing.yml wants told by now, told already or not."""
        settings = self.configuration
        return guardrails.due_digests(settings.routing, settings.reconciliation, self.now)

    def is_anything_due(self, ledger: guardrails.Ledger) -> list[str]:
        """Keys of what is due, billed and not queued yet; it changes nothing."""
        found = []
        for one in self.due():
            edition = newest_edition(self._folder(one))
            ids = set(self._ids(one, 1 if edition is None else edition.number).values())
            if ids <= guardrails.known_messages(ledger, list(ids)):
                continue
            if edition is not None or self._is_billed(one):
                found.append(one.key)
        return found

    def queue_due(self, ledger: guardrails.Ledger) -> Told:
        """Make and queue what is due, and new editions of months that have changed since they were told."""
        queued: list[str] = []
        held: list[str] = []
        for one in self.due():
            edition = newest_edition(self._folder(one))
            if edition is None:
                try:
                    edition = self._first(one)
                except (NothingBilledError, reports.MartError) as error:
                    held.append(f"{one.key} waits: {error}")
                    continue
            queued += self._queue(ledger, one, edition)
        for one in self._told_months():
            queued += self._queue(ledger, one, self._corrected(one))
        return Told(tuple(queued), tuple(held))

    @contextmanager
    def opened(
        self, period: IsoWeek | BillingPeriod, *, team: str | None = None, currency: str | None = None
    ) -> Iterator[View]:
        """The view of a period, whose marts are closed after the block; a team's holds its own rows only.

        Raises:
            NothingBilledError: no day of the period is billed.
            MartError: nothing has been published.
        """
        as_of = reports.reported_moment(reports.read_marts(self.home.published))
        viewer = ORGANISATION if team is None else Viewer(f"team {team}", frozenset({Role.ENG}), frozenset({team}))
        known = operations(self.home, self.configuration.guardrails.policies)
        with Published(self.home.published, viewer) as published:
            yield view_of(published, period, as_of=as_of, team=team, currency=currency, operations=known)

    def head(self, view: View) -> Letterhead:
        """What stands on every sheet of a document of the view."""
        issuer = self.configuration.allocation.statements.issuer
        return Letterhead(issuer, view.period.label, f.moment(view.as_of))

    def link(self, view: View) -> str:
        """Where the portal has the figures; empty where its address is not known."""
        if not self._portal:
            return ""
        page = "executive" if view.scope is None else "team"
        # The portal knows months; of a week it shows the days that it knows best.
        period = f"&period={view.period.key}" if "W" not in view.period.key else ""
        return self._portal + page_path(page, view.scope, f"currency={view.currency}{period}")

    def _is_billed(self, one: guardrails.DueDigest) -> bool:
        try:
            with self.opened(one.period, team=one.team, currency=one.digest.currency) as view:
                return isinstance(one.period, IsoWeek) or not view.period.is_running
        except (NothingBilledError, reports.MartError):
            return False

    # ── one digest of one period ──────────────────────────────────────────────────────────────────────────────────

    def _folder(self, one: guardrails.DueDigest) -> Path:
        return self.home.digests.joinpath(*self._place(one, 1).parts).parent

    def _place(self, one: guardrails.DueDigest, number: int) -> Place:
        return Place(one.period, one.digest.id, "" if one.team is None else slug(one.team), number)

    def _again(self, one: guardrails.DueDigest, number: int) -> str:
        """Where the portal has an edition; empty where its address is not known."""
        return self._portal + document_path(self._place(one, number).path, HTML) if self._portal else ""

    def _first(self, one: guardrails.DueDigest) -> Edition:
        with self.opened(one.period, team=one.team, currency=one.digest.currency) as view:
            if isinstance(one.period, BillingPeriod) and view.period.is_running:
                raise NothingBilledError(f"{view.period.label} is billed only through {f.day(view.period.last)}")
            return self._write(one, 1, view, ())

    def _write(self, one: guardrails.DueDigest, number: int, view: View, changes: tuple[str, ...]) -> Edition:
        page = page_of(view)
        if isinstance(one.period, BillingPeriod):
            closes = guardrails.closes_at(one.period, self.configuration.reconciliation)
            page = still_open(page, view.as_of, closes)
        return write_edition(
            self._folder(one),
            number,
            with_changes(page, number, changes) if number > 1 else page,
            view,
            self.head(view),
            home=self.home.path,
            thread=f"digest/{one.key}",
            link=self.link(view),
            again=self._again(one, number),
            sections_in_mail=SECTIONS_IN_MAIL[one.digest.kind],
            changes=changes,
        )

    def _told_months(self) -> list[guardrails.DueDigest]:
        """Packs of the last months that were told."""
        found = []
        for digest in self.configuration.routing.digests:
            if not isinstance(digest, MonthlyPack):
                continue
            month = BillingPeriod.containing(self.now.date())
            for _ in range(CORRECTED_MONTHS):
                month = month.previous()
                one = guardrails.DueDigest(digest, month, None, self.now)
                if newest_edition(self._folder(one)) is not None:
                    found.append(one)
        return found

    def _corrected(self, one: guardrails.DueDigest) -> Edition:
        """A new edition where the month's figures have moved since the newest one, else the newest."""
        told = newest_edition(self._folder(one))
        if told is None:
            raise LookupError(f"{one.key} was never told")
        with self.opened(one.period, currency=told.currency) as view:
            changes = changes_since(told, figures_of(view), view.period.label)
            return self._write(one, told.number + 1, view, changes) if changes else told

    # ── its messages ──────────────────────────────────────────────────────────────────────────────────────────────

    def _ids(self, one: guardrails.DueDigest, number: int) -> dict[str, str]:
        """The message of each route, for ever the same."""
        team = f"/{slug(one.team)}" if one.team else ""
        name = f"digest/{one.digest.kind}/{one.digest.id}/{one.period}{team}/edition-{number}"
        return {route: f"{name}/{route}" for route in one.digest.routes}

    def _queue(self, ledger: guardrails.Ledger, one: guardrails.DueDigest, edition: Edition) -> list[str]:
        """Queue an edition on its routes, each once; what was new."""
        ids = self._ids(one, edition.number)
        known = guardrails.known_messages(ledger, list(ids.values()))
        new = []
        for route, message_id in ids.items():
            if message_id in known:
                continue
            body = self._body(edition, self._routes[route])
            if guardrails.queue_notification(ledger, message_id, route, "digest", body, as_of=self.now):
                new.append(message_id)
        # Last, and once: with it a route that stands in for another knows what to tell.
        message = Message.of_document(edition.message)
        notice = guardrails.Notice(
            notice_id=f"{message.thread}/edition-{edition.number}",
            kind="digest",
            severity="low",
            thread=message.thread,
            at=self.now,
            team=message.team,
            ends_thread=True,
        )
        guardrails.record_notices(ledger, [guardrails.ToTell(notice, edition.message, ids)])
        return new

    def _body(self, edition: Edition, route: Route) -> Mapping[str, Any]:
        if isinstance(route, EmailRoute):
            return edition.email
        return teams_card(Message.of_document(edition.message))


def page_of(view: View) -> Page:
    """The pack of a month, the digest of a week."""
    return digest_page.build(view) if "W" in view.period.key else pack_page.build(view)


def still_open(page: Page, as_of: datetime, closes_at: datetime) -> Page:
    """The page of a month that is not closed says so."""
    if as_of >= closes_at:
        return page
    text = f"The month closes on {f.day(closes_at)}: providers may still change it. A change makes a new edition."
    return dataclasses.replace(page, states=(Note(text, "warn"), *page.states))
