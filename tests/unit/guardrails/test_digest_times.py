"""When digests are due: local times over changes of the clock, months that close, and what routing.yml may say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from finops.config.reconciliation import ReconciliationFile
from finops.config.routing import RoutingFile
from finops.periods import IsoWeek
from guardrails import due_digests

pytestmark = pytest.mark.ids("NOTIF-1")

ROUTES = [
    {"id": "mail", "kind": "email", "host_env": "SMTP_HOST", "sender": "a@example.com", "to": ["b@example.com"]},
    {"id": "hook", "kind": "webhook", "url_env": "HOOK_URL", "secret_env": "HOOK_SECRET"},
]
WEEKLY = {"id": "leads", "kind": "weekly", "routes": ["mail"]}
MONTHLY = {"id": "board", "kind": "monthly", "routes": ["mail"]}


def routing(*digests: dict[str, Any], time_zone: str = "Europe/Berlin") -> RoutingFile:
    return RoutingFile.model_validate({"time_zone": time_zone, "routes": ROUTES, "digests": list(digests)})


def due(at: datetime, *digests: dict[str, Any], settings: dict[str, Any] | None = None) -> list[tuple[str, datetime]]:
    found = due_digests(routing(*digests), ReconciliationFile.model_validate(settings or {}), at)
    return [(one.key, one.since) for one in found]


@pytest.mark.parametrize(
    ("due_at", "week"),
    [
        (datetime(2026, 10, 19, 6, tzinfo=UTC), "2026-W42"),  # summer: 08:00 is 06:00 UTC
        (datetime(2026, 10, 26, 7, tzinfo=UTC), "2026-W43"),  # the clock went back on the day before
        (datetime(2027, 3, 29, 6, tzinfo=UTC), "2027-W12"),  # and forward
        (datetime(2027, 1, 4, 7, tzinfo=UTC), "2026-W53"),
    ],
)
def test_a_week_is_due_at_the_same_local_time_in_summer_and_winter(due_at: datetime, week: str) -> None:
    assert due(due_at, WEEKLY) == [(f"weekly/leads/{week}", due_at)]
    (before,) = due(due_at - timedelta(seconds=1), WEEKLY)
    assert before[0] != f"weekly/leads/{week}", "not a second earlier"
    assert due(due_at + timedelta(days=2), WEEKLY) == [(f"weekly/leads/{week}", due_at)], "late is better than never"


def test_every_week_of_a_year_becomes_due_once_also_at_a_time_that_a_clock_skips() -> None:
    at, seen = datetime(2026, 1, 1, tzinfo=UTC), []
    for _ in range(366 * 24):  # an hour a step
        seen += [key for key, _ in due(at, WEEKLY | {"at": "02:30", "day": "sun"}) if key not in seen[-2:]]
        at += timedelta(hours=1)
    assert len(seen) == len(set(seen)) == 53
    assert seen[0] == "weekly/leads/2025-W51"


def test_each_team_has_a_digest_of_its_own() -> None:
    found = due(datetime(2026, 10, 20, tzinfo=UTC), WEEKLY | {"teams": ["search", "support"]})
    assert [key for key, _ in found] == ["weekly/leads/2026-W42/search", "weekly/leads/2026-W42/support"]


def test_a_month_is_due_when_the_last_provider_has_closed_it() -> None:
    closed = datetime(2026, 10, 6, 6, tzinfo=UTC)  # 08:00 in Berlin, six hours after it closed
    assert due(closed, MONTHLY) == [("monthly/board/2026-09", closed)]
    (before,) = due(closed - timedelta(seconds=1), MONTHLY)
    assert before[0] == "monthly/board/2026-08"
    late = {"close_after_days_by_provider": {"Slow": 12}}
    assert due(closed, MONTHLY, settings=late)[0][0] == "monthly/board/2026-08"
    # 01:00 is before the month closes at 00:00 UTC, 02:00 there: it is the next day's.
    early = due(datetime(2026, 10, 7, tzinfo=UTC), MONTHLY | {"at": "01:00"})
    assert early == [("monthly/board/2026-09", datetime(2026, 10, 6, 23, tzinfo=UTC))]
    assert due(datetime(2026, 10, 3, 6, tzinfo=UTC), MONTHLY | {"day": 3})[0][0] == "monthly/board/2026-09"


def test_what_is_long_past_is_told_to_nobody() -> None:
    weekly = routing(WEEKLY)
    later = due_digests(weekly, ReconciliationFile.model_validate({}), datetime(2026, 10, 19, 6, tzinfo=UTC))
    assert [one.period for one in later] == [IsoWeek(date(2026, 10, 12))]


@pytest.mark.ids("OPS-2")
@pytest.mark.parametrize(
    ("digest", "said"),
    [
        (WEEKLY | {"routes": ["nobody"]}, "no route 'nobody' under routes"),
        (WEEKLY | {"routes": ["hook"]}, "route 'hook' does not fit here"),
        (WEEKLY | {"routes": ["mail", "mail"]}, "a route is named twice"),
        (WEEKLY | {"routes": []}, "at least 1 item"),
        (WEEKLY | {"teams": ["search", "search"]}, "the team 'search' appears twice"),
        (WEEKLY | {"at": "24:00"}, "cannot be sent at 24:00"),
        (WEEKLY | {"time_zone": "Mars/Base"}, "time zone 'Mars/Base' is unknown"),
        (MONTHLY | {"day": 31}, "less than or equal to 28"),
        (MONTHLY | {"teams": ["search"]}, "Extra inputs"),
    ],
)
def test_a_digest_that_could_not_be_sent_is_refused(digest: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        routing(digest)


def test_two_digests_have_two_names() -> None:
    with pytest.raises(ValidationError, match="the digest 'leads' appears twice"):
        routing(WEEKLY, WEEKLY | {"day": "tue"})


@pytest.mark.parametrize("text", ["2026-W60", "2025-W53", "2026-42", "W42"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a week"):
        IsoWeek.parse(text)
    assert str(IsoWeek.parse("2026-W53")) == "2026-W53"
