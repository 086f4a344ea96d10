"""Digests and packs as they were sent, as far as they are a person's to read.

Here: which those are, by year and about whom; their files, each only while it is the one that was made.
Not here: folders of editions (reports.documents.kept), whose they are (rules), routes (document_routes, api).

An edition never changes, so what it says is read once and kept. Folders are listed for each request, those of teams
only where they are shown: three years of weeks and forty teams are thousands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from finops.addresses import document_path
from finops.periods import BillingPeriod, IsoWeek
from portal.desk import UnknownError
from portal.people import Person
from portal.rules import may_read, may_read_document
from portal.shelf import Kept
from reports.documents.kept import (
    DOCUMENT,
    HTML,
    PDF,
    WHOLE,
    Edition,
    EditionError,
    Place,
    ending,
    file_of,
    periods,
    places,
    read_edition,
    slug,
    team_folders,
)
from reports.documents.periods import label

COMPANY, TEAM = "company", "team:"
"""What a choice of whom documents are about begins with."""
FEW = 3
"""So many teams of a period stand beside the company's documents; more have a page of their own."""
_MAX_KEPT = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.pdf")


class ExchangedError(Exception):
    """A file is not the one that was made and sent."""


@dataclass(frozen=True)
class Sent:
    """What an edition says of itself. ``team`` is empty where it is about the company; ``spend`` is in ``currency``;
    ``hashes``: SHA-256 of its files."""

    place: Place
    title: str
    team: str
    as_of: datetime
    currency: str
    spend: Decimal
    changes: tuple[str, ...]
    pdf_name: str
    hashes: Mapping[str, str]

    @property
    def html(self) -> str:
        return document_path(self.place.path, HTML)

    @property
    def pdf(self) -> str:
        return document_path(self.place.path, PDF)

    def name_of(self, file: str) -> str:
        """What a browser saves a file as: the name that the PDF had in the mail."""
        return self.pdf_name if file == PDF else f"{self.pdf_name.removesuffix('.pdf')}.html"


@dataclass(frozen=True)
class Lost:
    """An edition whose folder was changed, so that it cannot be read any more."""

    place: Place


@dataclass(frozen=True)
class Shown:
    """The documents of a period. ``teams``: how many have documents that are left to the period's own page."""

    period: IsoWeek | BillingPeriod
    found: Sequence[Sent | Lost]
    teams: int = 0

    @property
    def label(self) -> str:
        return label(self.period)


class Documents:
    """The documents of one home; threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said: Kept[Sent] = Kept(_MAX_KEPT)
        self._teams: dict[str, str] = {}

    def years(self, person: Person, about: str = "") -> list[int]:
        """Years that have documents for the person, the newest first."""
        found: list[int] = []
        for period in periods(self._folder):
            year = period.last_day.year
            if year not in found and self._has(person, period, about):
                found.append(year)
        return found

    def year(self, person: Person, year: int, about: str = "") -> list[Shown]:
        """The documents of the periods that end in a year, the newest first."""
        found = []
        for period in periods(self._folder):
            if period.last_day.year == year:
                of_all = person.sees_everything and not about
                teams = len(team_folders(self._folder, period)) if of_all else 0
                is_long = teams > FEW
                said = self._read(person, self._places(person, period, COMPANY if is_long else about))
                found += [Shown(period, said, teams if is_long else 0)] if said or is_long else []
        return found

    def period(self, person: Person, period: IsoWeek | BillingPeriod) -> Shown:
        """All documents of a period."""
        return Shown(period, self._read(person, self._places(person, period)))

    def after(self, person: Person, last: Place | None, about: str = "") -> Iterator[Sent | Lost]:
        """All documents, the newest first, from the one after ``last``, which need not be there any more."""
        for period in periods(self._folder):
            if last is None or ending(period) <= ending(last.period):
                of_period = self._places(person, period, about)
                if last is not None and period == last.period:
                    of_period = [place for place in of_period if place.order > last.order]
                yield from (one for place in of_period for one in self._read(person, [place]))

    def teams(self, person: Person) -> list[str]:
        """Teams that documents of the person are about, by name."""
        own = person.viewer.key[2]
        if not person.sees_everything:
            return sorted(own)
        folders = set()
        for period in periods(self._folder):
            of_period = team_folders(self._folder, period)
            folders |= of_period
            for folder in of_period - self._teams.keys():
                of_team = places(self._folder, period, company=False, teams=[folder])
                for one in self._read(person, of_team):
                    if isinstance(one, Sent):
                        self._teams[folder] = one.team
        return sorted(self._teams[folder] for folder in folders & self._teams.keys())

    def file(self, person: Person, parts: Sequence[str], name: str) -> tuple[Sent, bytes]:
        """A file of an edition, and what the edition says.

        Raises:
            UnknownError: there is none, or it is not the person's to read.
            ExchangedError
        """
        place = Place.parse(parts)
        path = None if place is None or name not in (HTML, PDF) else file_of(self._folder, place, name)
        if place is None or path is None:
            raise _unknown()
        try:
            sent = self._sent(place)
            content = path.read_bytes()
        except (EditionError, OSError):
            raise _unknown() from None
        if not may_read_document(person, sent.team):
            raise _unknown()
        if sent.hashes[name] not in ("", hashlib.sha256(content).hexdigest()):
            raise ExchangedError(
                "This file is not the one that was sent. Whoever runs the portal can put it back from a copy of the "
                f"home: digests/{place.path}/{name}."
            )
        return sent, content

    def _has(self, person: Person, period: IsoWeek | BillingPeriod, about: str) -> bool:
        company, teams = _wanted(person, about)
        if teams is None and team_folders(self._folder, period):
            return True
        return bool(places(self._folder, period, company=company, teams=teams or ()))

    def _places(self, person: Person, period: IsoWeek | BillingPeriod, about: str = "") -> list[Place]:
        company, teams = _wanted(person, about)
        return places(self._folder, period, company=company, teams=teams)

    def _read(self, person: Person, found: Iterable[Place]) -> list[Sent | Lost]:
        said: list[Sent | Lost] = []
        for place in found:
            try:
                one = self._sent(place)
            except EditionError:
                said.append(Lost(place))
                continue
            # The folder's name led here; whose it is, the edition itself says.
            said += [one] if may_read_document(person, one.team) else []
        return said

    def _sent(self, place: Place) -> Sent:
        """
        Raises:
            EditionError: it cannot be read, or is not of this place.
        """
        path = file_of(self._folder, place, DOCUMENT)
        if path is None:
            raise EditionError(f"{place.path} has no {DOCUMENT}")
        state = path.stat()
        return self._said.get(
            (place, state.st_mtime_ns, state.st_size), lambda: _sent(place, read_edition(path.parent))
        )


def about_team(team: str) -> str:
    """How a team's documents are asked for."""
    return f"{TEAM}{team}"


def _wanted(person: Person, about: str) -> tuple[bool, frozenset[str] | None]:
    """Whether documents about the company are wanted, and the folders of the teams; None: all teams."""
    company = may_read(person, "executive") and not about.startswith(TEAM)
    own = None if person.sees_everything else frozenset(map(slug, person.viewer.key[2]))
    if about.startswith(TEAM):
        one = frozenset({slug(about.removeprefix(TEAM))})
        return company, one if own is None else one & own
    return company, frozenset() if about == COMPANY else own


def _sent(place: Place, edition: Edition) -> Sent:
    try:
        message, [attached] = edition.message, edition.email["email"]["attachments"]
        team = str(message.get("team", ""))
        if (edition.number, slug(team) if team else "") != (place.number, place.team):
            raise ValueError("it is of another place")
        if not _NAME.fullmatch(attached["name"]):
            raise ValueError("its PDF has no name")
        return Sent(
            place=place,
            title=str(message["eyebrow"]).removesuffix(f", edition {edition.number}"),
            team=team,
            as_of=edition.as_of,
            currency=str(edition.currency),
            spend=edition.figures[WHOLE],
            changes=tuple(map(str, edition.changes)),
            pdf_name=attached["name"],
            hashes={PDF: str(attached["sha256"]), HTML: str(edition.html_sha256)},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EditionError(f"{place.path} is no edition of a digest any more ({error})") from error


def _unknown() -> UnknownError:
    return UnknownError("there is no such document, or it is not yours to read")
