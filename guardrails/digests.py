"""When weekly digests and monthly packs are due.

Here: one pure function from routing.yml and the time to the periods that are to be told now.
Not here: what was sent already (the ledger knows), what they say (reports), making and queueing them (orchestration).

Times of day are local, in the digest's zone: a Monday at 08:00 in Berlin is 06:00 UTC in summer and 07:00 in winter. A
time that a change of clocks skips is told at the same instant as if the clock had not changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from finops.config.digests import Digest, MonthlyPack, WeeklyDigest
from finops.config.reconciliation import ReconciliationFile
from finops.config.routing import RoutingFile
from finops.config.values import WEEKDAYS
from finops.periods import BillingPeriod, IsoWeek

LATE = timedelta(days=8)
"""A week that was not told for so long, because nothing ran, is news to nobody. Longer than a week of 169 hours."""
LATE_MONTH = timedelta(days=31)


@dataclass(frozen=True)
class DueDigest:
    """``since`` (UTC) is when it became due; ``team`` None: about the whole company."""

    digest: Digest
    period: IsoWeek | BillingPeriod
    team: str | None
    since: datetime

    @property
    def key(self) -> str:
        """``weekly/executives/2026-W42``, ``weekly/leads/2026-W42/search``, ``monthly/board/2026-09``; for ever."""
        end = f"/{self.team}" if self.team else ""
        return f"{self.digest.kind}/{self.digest.id}/{self.period}{end}"


def due_digests(routing: RoutingFile, reconciliation: ReconciliationFile, now: datetime) -> list[DueDigest]:
    """The newest period of each digest whose time has come, and not long ago; sent already or not.

    Args:
        reconciliation: says when a month is closed.
        now: any zone.
    """
    now = now.astimezone(UTC)
    found = []
    for digest in routing.digests:
        zone = ZoneInfo(digest.time_zone or routing.time_zone)
        if isinstance(digest, WeeklyDigest):
            week, since = next(weeks(digest, zone, now))
            if now - since <= LATE:
                teams: list[str | None] = [*digest.teams] or [None]
                found += [DueDigest(digest, week, team, since) for team in teams]
        else:
            month, since = next(months(digest, zone, reconciliation, now))
            if now - since <= LATE_MONTH:
                found.append(DueDigest(digest, month, None, since))
    return found


def weeks(digest: WeeklyDigest, zone: ZoneInfo, now: datetime) -> Iterator[tuple[IsoWeek, datetime]]:
    """Weeks whose time has come, the newest first, each with that time (UTC)."""
    day = now.astimezone(zone).date() + timedelta(days=1)
    while True:
        day -= timedelta(days=1)
        at = _instant(day, digest.at, zone)
        if WEEKDAYS[day.weekday()] == digest.day and at <= now:
            yield IsoWeek.containing(day).previous(), at


def months(
    digest: MonthlyPack, zone: ZoneInfo, reconciliation: ReconciliationFile, now: datetime
) -> Iterator[tuple[BillingPeriod, datetime]]:
    """Months whose time has come, the newest first, each with that time (UTC)."""
    month = BillingPeriod.containing(now.astimezone(zone).date())
    while True:
        month = month.previous()
        if digest.day == "closed":
            at = _first_after(closes_at(month, reconciliation), digest.at, zone)
        else:
            at = _instant(month.end + timedelta(days=digest.day - 1), digest.at, zone)
        if at <= now:
            yield month, at


def closes_at(month: BillingPeriod, settings: ReconciliationFile) -> datetime:
    """When the last provider's month is closed (UTC): nothing is told as final that its vendor may still restate."""
    days = max((settings.close_after_days, *settings.close_after_days_by_provider.values()))
    return datetime.combine(month.end, time(), UTC) + timedelta(days=days)


def _first_after(moment: datetime, at: str, zone: ZoneInfo) -> datetime:
    day = moment.astimezone(zone).date()
    found = _instant(day, at, zone)
    return found if found >= moment else _instant(day + timedelta(days=1), at, zone)


def _instant(day: date, at: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)
