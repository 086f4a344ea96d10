"""Documents as they were sent, in their folders: where each is, and what it says. Nothing here makes or changes one.

Here: places of editions, listing those of a period, reading one back.
Not here: making them (``editions``), who may read which (portal.rules).

``<home>/digests/2026-W42/leads/search/edition-1/``: the period, the digest, the folder of the team where it is about
one, the edition.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.periods import BillingPeriod, IsoWeek

HTML, PDF, DOCUMENT = "document.html", "document.pdf", "edition.json"
WHOLE = "AI spend"
"""The figure of an edition that is about all of it."""
_SLUG = re.compile(r"[^a-z0-9._-]+")
_FOLDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_PERIOD = re.compile(r"20[0-9]{2}-(W?)[0-9]{2}")
_EDITION = re.compile(r"edition-[1-9][0-9]{0,3}")


class EditionError(ValueError):
    """An edition in its folder cannot be read."""


@dataclass(frozen=True)
class Edition:
    """``figures``: exact amounts by name, in ``currency``. ``changes``: sentences on what the edition before said.
    ``html_sha256``: of the page; empty in editions that were made before it was written down."""

    folder: Path
    number: int
    as_of: datetime
    currency: str
    figures: Mapping[str, Decimal]
    changes: tuple[str, ...]
    email: Mapping[str, Any]
    message: Mapping[str, Any]
    html_sha256: str


@dataclass(frozen=True)
class Place:
    """Where an edition is below the folder of all digests; ``team`` is a team's folder, empty for the company."""

    period: IsoWeek | BillingPeriod
    digest: str
    team: str
    number: int

    @property
    def parts(self) -> tuple[str, ...]:
        team = (self.team,) if self.team else ()
        return (str(self.period), self.digest, *team, f"edition-{self.number}")

    @property
    def path(self) -> str:
        """``2026-W42/leads/search/edition-1``."""
        return "/".join(self.parts)

    @property
    def order(self) -> tuple[str, str, int]:
        """Of a period: the company before teams; of one document the newest edition first."""
        return self.team, self.digest, -self.number

    def is_newer_than(self, other: Place) -> bool:
        """Whether it is a later edition of the same document."""
        return self.parts[:-1] == other.parts[:-1] and self.number > other.number

    @classmethod
    def parse(cls, parts: Sequence[str]) -> Place | None:
        """The place that names lead to; None where they could not be an edition's, whoever wrote them."""
        if len(parts) not in (3, 4):
            return None
        period, names, edition = parse_period(parts[0]), parts[1:-1], parts[-1]
        if period is None or not _EDITION.fullmatch(edition) or not all(map(_FOLDER.fullmatch, names)):
            return None
        return cls(period, names[0], names[1] if len(names) > 1 else "", int(edition.removeprefix("edition-")))


def slug(name: str) -> str:
    """A name as a folder's: safe for every file system, and another one for every other name."""
    plain = _SLUG.sub("-", name.lower()).strip("-._")[:60]
    return plain if plain and plain == name else f"{plain or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def parse_period(text: str) -> IsoWeek | BillingPeriod | None:
    """A week or a month as its folder is named; None for every other text."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        return None
    try:
        return IsoWeek.parse(text) if found[1] else BillingPeriod.parse(text)
    except ValueError:
        return None


def ending(period: IsoWeek | BillingPeriod) -> tuple[date, bool]:
    """The order of periods: by their last day; of those that end on one day the week before the month."""
    return period.last_day, isinstance(period, BillingPeriod)


def periods(root: Path) -> list[IsoWeek | BillingPeriod]:
    """Weeks and months that have documents, the last to end first."""
    found = [period for name in _folders(root, _PERIOD) if (period := parse_period(name)) is not None]
    return sorted(found, key=ending, reverse=True)


def places(
    root: Path, period: IsoWeek | BillingPeriod, *, company: bool = True, teams: Collection[str] | None = None
) -> list[Place]:
    """The editions of a period in their order.

    Args:
        company: whether those about the company are wanted.
        teams: folders of the teams that are wanted; None: of all.
    """
    found = []
    for digest in _folders(root / str(period)):
        folder = root / str(period) / digest
        named = _teams(folder) if teams is None else teams
        for name in (*([""] if company else []), *named):
            found += [Place(period, digest, name, number) for number in _numbers(folder / name)]
    return sorted(found, key=lambda place: place.order)


def team_folders(root: Path, period: IsoWeek | BillingPeriod) -> set[str]:
    """Folders of the teams that digests of a period are about."""
    folder = root / str(period)
    return {team for digest in _folders(folder) for team in _teams(folder / digest)}


def file_of(root: Path, place: Place, name: str) -> Path | None:
    """A file of an edition; None for every other name, and where a link leads out of the edition's folder."""
    if name not in (HTML, PDF, DOCUMENT):
        return None
    path = root.resolve().joinpath(*place.parts, name)
    return path if path.is_file() and path.resolve() == path else None


def newest_edition(folder: Path) -> Edition | None:
    """The newest edition in a digest's folder of one period; None where none was made.

    Raises:
        EditionError: it cannot be read.
    """
    numbers = _numbers(folder)
    return read_edition(folder / f"edition-{max(numbers)}") if numbers else None


def read_edition(folder: Path) -> Edition:
    """
    Raises:
        EditionError: the folder holds none.
    """
    try:
        said = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
        return Edition(
            folder=folder,
            number=said["number"],
            as_of=datetime.fromisoformat(said["as_of"]),
            currency=said["currency"],
            figures={name: Decimal(amount) for name, amount in said["figures"].items()},
            changes=tuple(said["changes"]),
            email=said["email"],
            message=said["message"],
            html_sha256=said.get("html_sha256", ""),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise EditionError(
            f"{folder} is no edition of a digest any more ({error}): move it away, and it is made again"
        ) from error


def _numbers(folder: Path) -> list[int]:
    """Numbers of the editions in a folder."""
    return [int(name.removeprefix("edition-")) for name in _folders(folder, _EDITION) if _is_edition(folder / name)]


def _teams(folder: Path) -> list[str]:
    return [name for name in _folders(folder) if not _is_edition(folder / name)]


def _is_edition(folder: Path) -> bool:
    # A team may be called "edition-1": its folder holds editions, and is none.
    return _EDITION.fullmatch(folder.name) is not None and (folder / DOCUMENT).is_file()


def _folders(folder: Path, form: re.Pattern[str] = _FOLDER) -> list[str]:
    """Names of the folders in a folder that have a form; links are none."""
    try:
        with os.scandir(folder) as entries:
            return [one.name for one in entries if form.fullmatch(one.name) and one.is_dir(follow_symlinks=False)]
    except OSError:
        return []
