"""What an incident's page tells of what happened, in words and in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.config.routes import EmailRoute
from guardrails import Matter, Sending, Telling
from guardrails.actuators.base import Change
from guardrails.actuators.record import Actuation, ActuationStatus
from guardrails.outbox import MessageStatus
from orchestration.incidents import PublishedIncident
from portal.timeline import timeline
from reports.measures.incidents import parse_incident

pytestmark = pytest.mark.ids("BI-1", "NOTIF-1")

AT = datetime(2026, 10, 20, 6, tzinfo=UTC)
FOUND = datetime(2026, 10, 17, 6, tzinfo=UTC).replace(tzinfo=None)
"""Moments of marts are naive UTC."""
DAYS = [
    {"day": "2026-10-15", "actual": 10, "low": 8, "high": 12},
    {"day": "2026-10-16", "actual": 60, "low": 8, "high": 12},
    {"day": "2026-10-17", "actual": 90, "low": 8, "high": 12},
    {"day": "2026-10-18", "actual": 30, "low": None, "high": None},
]
MAIL = EmailRoute.model_validate(
    {"id": "mail", "kind": "email", "host_env": "SMTP_HOST", "sender": "a@example.com", "to": ["lead@example.com"]}
)


def words(matter: Matter, *, names_people: bool = True, **changes: Any) -> list[str]:
    row: dict[str, Any] = {
        "incident_id": "i1", "status": "closed", "severity": "high", "scope_type": "app", "scope_value": "chat",
        "currency": "USD", "direction": "up", "first_seen": date(2026, 10, 16), "last_seen": date(2026, 10, 18),
        "opened_at": FOUND, "closed_at": AT.replace(tzinfo=None), "day_count": 3,
        "impact": Decimal(150), "peak_impact": Decimal(80), "daily_impact": Decimal(0),
        "projected_impact": Decimal(150),
        "usage_change": None, "volume_effect": None, "mix_effect": None, "cache_effect": None, "price_effect": None,
        "explanation": "", "contributors": "[]", "similar_incidents": "[]", "owner": None, "suppressed_because": None,
        "event_id": None, "verdict": None, "verdict_reason": None, **changes,
    }  # fmt: skip
    facts = parse_incident({**row, "metrics": [], "contributors": [], "daily_costs": DAYS})
    moments = timeline(PublishedIncident(**row), facts, matter, [MAIL], names_people=names_people)
    assert [one.at for one in moments] == sorted(one.at for one in moments)
    return [f"{one.when}: {one.what} {one.why}".strip().replace("\xa0", " ") for one in moments]


def test_days_tell_what_they_cost_against_what_is_usual() -> None:
    assert words(Matter()) == [
        "16 Oct 2026: It began: the first day that cost more than is usual. "
        "It cost USD 60.00; USD 8.00 to USD 12.00 is usual on that weekday.",
        "17 Oct 2026: The day that was furthest from what is usual. "
        "It cost USD 90.00; USD 8.00 to USD 12.00 is usual on that weekday.",
        "17 Oct 2026, 06:00 UTC: A run found it; it is of severity high now.",
        "18 Oct 2026: The last unusual day. It cost USD 30.00.",
        "20 Oct 2026, 06:00 UTC: A run found that it is over: back to normal.",
    ]
    less = words(Matter(), impact=Decimal(-5), opened_at=None, closed_at=None)
    assert "the first day that cost less" in less[0]


@pytest.mark.parametrize(
    ("sending", "says"),
    [
        (
            Sending("mail", "first", AT, MessageStatus.DELIVERED, AT),
            "Told mail (e-mail to lead@example.com): delivered.",
        ),
        (
            Sending("mail", "escalation", AT, MessageStatus.DELIVERED, AT + timedelta(hours=2)),
            "Told mail (e-mail to lead@example.com) too, because nobody had answered: delivered on 20 Oct 2026, "
            "08:00 UTC.",
        ),
        (Sending("gone", "fallback", AT, MessageStatus.DEAD, AT), "Told gone (no route any more) instead: given up."),
        (
            Sending("mail", "digest", AT, MessageStatus.PENDING, None),
            "In the digest of mail (e-mail to lead@example.com)",
        ),
    ],
)
def test_messages_tell_whom_they_reached(sending: Sending, says: str) -> None:
    telling = Telling("n", "incident", "high", AT, "High incident: App chat", "It cost more.", (sending,))
    [line] = [line for line in words(Matter(tellings=(telling,))) if "chat" in line]
    assert line.startswith(f"20 Oct 2026, 06:00 UTC: {says}")
    assert line.endswith("High incident: App chat.")
    [line] = [line for line in words(Matter(tellings=(telling,)), names_people=False) if "chat" in line]
    assert "lead@example.com" not in line, "addresses are for whoever sees everything"


@pytest.mark.ids("GUARD-2")
@pytest.mark.parametrize(
    ("status", "applied", "reverted", "error", "says"),
    [
        (ActuationStatus.APPLIED, AT, None, None, ["Job chat/train was changed (pause). Its pods are deleted."]),
        (
            ActuationStatus.REVERTED, AT, AT + timedelta(hours=1), None,
            ["Job chat/train was changed (pause). Its pods are deleted.", "Job chat/train was put back."],
        ),
        (
            ActuationStatus.LEFT, AT, AT + timedelta(hours=1), None,
            [
                "Job chat/train was changed (pause). Its pods are deleted.",
                "Job chat/train was left as somebody had changed it.",
            ],
        ),
        (
            ActuationStatus.ABANDONED, None, None, "it changed before",
            ["Job chat/train was to be changed (pause): abandoned.", "Job chat/train: abandoned. it changed before"],
        ),
    ],
)  # fmt: skip
def test_orders_tell_what_they_changed_and_whether_it_was_put_back(
    status: ActuationStatus, applied: datetime | None, reverted: datetime | None, error: str | None, says: list[str]
) -> None:
    change = Change("Job chat/train", "suspend_jobs", "Its pods are deleted.", {}, {}, {"suspend": True})
    done = Actuation(
        "ac", 1, "m", "d", "cluster", "app:chat", "pause", status, "ac", change, AT, applied, None, reverted, error
    )
    lines = [line.split(" UTC: ", 1)[1] for line in words(Matter(changes=(done,))) if "Job chat" in line]
    assert lines == says
