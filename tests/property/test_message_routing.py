"""Whatever there is to tell, and whatever people answer: nothing is lost, nothing told twice or too often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.config.routing import RoutingFile
from finops.config.values import SEVERITIES
from guardrails.routing import (
    FORGOTTEN,
    RECENT,
    Notice,
    Plan,
    Response,
    Sent,
    Silence,
    next_digest,
    plan,
    rules_of,
)

pytestmark = pytest.mark.ids("NOTIF-1", "BUD-2")

START = datetime(2026, 10, 19, 6, tzinfo=UTC)
"""A Monday."""
ROUTES: list[dict[str, Any]] = [
    {"id": "teams", "kind": "teams", "url_env": "T", "fallback": "mail"},
    {"id": "mail", "kind": "email", "host_env": "H", "sender": "a@b.example", "to": ["c@b.example"]},
    {"id": "lead", "kind": "teams", "url_env": "L"},
    {"id": "hook", "kind": "webhook", "url_env": "W", "secret_env": "S"},
]


def routing(*rules: dict[str, Any], **more: Any) -> RoutingFile:
    named = [{"id": f"r{n}", "route": "teams", **rule} for n, rule in enumerate(rules)]
    return RoutingFile.model_validate({"routes": ROUTES, "rules": named, **more})


def notice(name: str = "incident/a/opened", severity: str = "high", **changes: Any) -> Notice:
    made = Notice(name, "incident", severity, name.rpartition("/")[0], START, scope="app/x", team="search")  # type: ignore[arg-type]
    return replace(made, **changes)


@dataclass
class World:
    """Time that passes, with all that was sent."""

    routing: RoutingFile
    notices: list[Notice] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    silences: Sequence[Silence] = ()

    def plan(self, now: datetime) -> Plan:
        return plan(self.routing, self.notices, self.sent, self.responses, now, silences=self.silences)

    def step(self, now: datetime, status: str = "delivered") -> Plan:
        found = self.plan(now)
        self.sent += [
            Sent(send.message_id, name, send.route_id, send.purpose, now, status)
            for send in found.sends
            for name in send.notice_ids
        ]
        return found


def said(found: Plan) -> list[tuple[str, str]]:
    return [(send.route_id, send.purpose) for send in found.sends]


severities = st.sampled_from(SEVERITIES)
minutes = st.integers(0, 60 * 24 * 12).map(lambda n: START + timedelta(minutes=n))
hours = st.sampled_from([None, {}, {"from": "22:00", "to": "24:00", "days": ["sat", "sun"]}])
rules = st.lists(
    st.fixed_dictionaries(
        {
            "route": st.sampled_from(["teams", "mail", "lead"]),
            "min_severity": severities,
            "teams": st.sampled_from([[], ["search"]]),
            "kinds": st.sampled_from([["incident"], ["incident", "guardrail"]]),
            "hours": hours,
        },
        optional={
            "group_by": st.sampled_from(["team", "policy"]),
            "group_minutes": st.integers(1, 60),
        },
    ).flatmap(
        lambda rule: st.one_of(
            st.just({**rule, "how": "digest"}),
            st.just({**rule, "how": "ticket"}),
            st.fixed_dictionaries(
                {
                    "repeat_hours": st.sampled_from([None, 1, 24]),
                    "escalate": st.sampled_from([[], [{"after_minutes": 30, "route": "lead"}]]),
                }
            ).map(lambda page: {**rule, **page}),
        )
    ),
    min_size=1,
    max_size=4,
)
notices = st.lists(
    st.builds(
        lambda thread, severity, at, team, ends, kind, explicit: (thread, severity, at, team, ends, kind, explicit),
        st.sampled_from("abc"),
        severities,
        minutes,
        st.sampled_from(["search", "support"]),
        st.booleans(),
        st.sampled_from(["incident", "guardrail"]),
        st.sampled_from([None, None, "teams"]),
    ),
    max_size=8,
).map(
    lambda found: [
        Notice(
            f"t/{thread}/{n}", kind, severity, f"t/{thread}", at, f"app/{thread}", team, "p", ends, explicit  # type: ignore[arg-type]
        )
        for n, (thread, severity, at, team, ends, kind, explicit) in enumerate(sorted(found, key=lambda f: f[2]))
    ]
)  # fmt: skip
responses = st.lists(
    st.builds(
        lambda thread, kind, at, length: Response(
            f"t/{thread}", kind, at, at + timedelta(hours=length) if kind == "snooze" else None
        ),
        st.sampled_from("abc"),
        st.sampled_from(["acknowledge", "snooze", "over"]),
        minutes,
        st.integers(1, 72),
    ),
    max_size=3,
)
ticks = st.lists(minutes, min_size=1, max_size=25).map(sorted)
statuses = st.sampled_from(["delivered", "delivered", "dead", "pending"])


@settings(max_examples=300, deadline=None)
@given(rules, notices, responses, ticks, statuses)
def test_nothing_is_lost_told_twice_or_repeated_too_early(
    rules: list[dict[str, Any]], notices: list[Notice], responses: list[Response], ticks: list[datetime], status: str
) -> None:
    world = World(routing(*rules))
    for now in ticks:
        world.notices = [one for one in notices if one.at <= now]
        world.responses = [one for one in responses if one.at <= now]
        before = list(world.sent)
        found = world.step(now, status)

        told = {(one.notice_id, one.route_id) for one in world.sent}
        named = {(one.notice_id, one.route_id) for one in found.held}
        for one in world.notices:
            for rule in rules_of(world.routing, one):
                assert (one.notice_id, rule.route) in told | named, "told, or named with its reason"
        assert all(held.reason and (held.until is None or held.until > now) for held in found.held)

        ids = [send.message_id for send in found.sends]
        assert len(ids) == len(set(ids))
        assert not set(ids) & {one.message_id for one in before}, "a message is never sent again under its id"
        # What a dead message falls back to is due as soon as it is dead.
        left = [send for send in world.plan(now).sends if send.purpose != "fallback"]
        assert left == [], "what was due has been queued"

        for send in found.sends:
            threads = {one.thread for one in world.notices if one.notice_id in send.notice_ids}
            if send.purpose == "repeat":
                hours = [r.repeat_hours for r in world.routing.rules if r.route == send.route_id and r.repeat_hours]
                last = max(
                    one.at for one in before if one.notice_id in send.notice_ids and one.route_id == send.route_id
                )
                assert now - last >= timedelta(hours=min(hours))
            if send.purpose == "repeat" or send.purpose.startswith("escalation"):
                [thread] = threads
                assert not any(
                    r.thread == thread
                    and r.kind == "over"
                    and r.at >= max(n.at for n in world.notices if n.thread == thread)
                    for r in world.responses
                )
            if send.purpose == "first":
                keys = [(name, send.route_id) for name in send.notice_ids]
                assert not any(
                    (one.notice_id, one.route_id) in keys and one.purpose != "escalation-1" for one in before
                )


@settings(max_examples=100, deadline=None)
@given(notices, ticks)
def test_a_dead_message_reaches_the_fallback_once(notices: list[Notice], ticks: list[datetime]) -> None:
    world = World(routing({"min_severity": "low", "kinds": ["incident", "guardrail"]}))
    for now in sorted([*ticks, *(tick + timedelta(hours=2) for tick in ticks)]):
        world.notices = [one for one in notices if one.at <= now]
        world.step(now, "dead")
    on_mail = [(one.notice_id) for one in world.sent if one.route_id == "mail"]
    assert len(on_mail) == len(set(on_mail))
    late = [one for one in world.sent if one.route_id == "teams" and one.at < ticks[-1]]
    assert {one.notice_id for one in late} <= set(on_mail)


@given(minutes, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))
def test_the_next_digest_is_ahead_at_its_time_of_day(moment: datetime, zone: str) -> None:
    digest = routing({}).digest
    found = next_digest(digest, zone, moment)
    assert moment < found <= moment + timedelta(days=4)
    assert f"{found.astimezone(ZoneInfo(zone)):%H:%M}" == digest.at


def test_a_page_is_repeated_and_escalated_until_somebody_answers() -> None:
    rule = {
        "repeat_hours": 4,
        "escalate": [{"after_minutes": 60, "route": "lead"}, {"after_minutes": 90, "route": "mail"}],
    }
    world = World(routing(rule), [notice()])
    assert said(world.step(START)) == [("teams", "first")]
    assert said(world.step(START + timedelta(minutes=59))) == []
    assert said(world.step(START + timedelta(minutes=61))) == [("lead", "escalation-1")]
    assert said(world.step(START + timedelta(hours=4))) == [("teams", "repeat"), ("mail", "escalation-2")]
    world.responses.append(Response("incident/a", "acknowledge", START + timedelta(hours=5)))
    assert said(world.step(START + timedelta(hours=9))) == []
    world.notices.append(notice("incident/a/worsened-critical", "critical", at=START + timedelta(hours=10)))
    assert said(world.step(START + timedelta(hours=10))) == [("teams", "first")], "worse than what was acknowledged"
    assert said(world.step(START + timedelta(hours=12))) == [("lead", "escalation-1"), ("mail", "escalation-2")]
    world.notices.append(notice("incident/a/closed", ends_thread=True, at=START + timedelta(hours=13)))
    assert said(world.step(START + timedelta(hours=13))) == [("teams", "first")]
    assert said(world.step(START + timedelta(days=3))) == []


def test_outside_hours_only_what_is_critical_is_sent() -> None:
    rule = {"hours": {"time_zone": "Europe/Berlin"}}
    night = datetime(2026, 10, 19, 20, tzinfo=UTC)
    world = World(routing(rule), [notice(at=night), notice("incident/b/opened", "critical", at=night, scope="app/y")])
    found = world.step(night)
    assert [send.notice_ids for send in found.sends] == [("incident/b/opened",)]
    [held] = found.held
    assert (held.reason, held.until) == ("outside hours", datetime(2026, 10, 20, 6, tzinfo=UTC))
    assert said(world.step(datetime(2026, 10, 20, 6, 1, tzinfo=UTC))) == [("teams", "first")]


def test_something_critical_hides_the_warnings_of_its_scope_while_it_stands() -> None:
    grave, small = notice("incident/a/opened", "critical"), notice("incident/b/opened", "medium")
    other = notice("incident/c/opened", "medium", scope="app/y")
    world = World(routing({}), [grave, small, other])
    found = world.step(START)
    assert {send.notice_ids for send in found.sends} == {(grave.notice_id,), (other.notice_id,)}
    assert [(held.notice_id, held.reason) for held in found.held] == [
        (small.notice_id, "hidden by what is critical there: incident/a")
    ]
    world.notices.append(notice("incident/a/closed", "critical", ends_thread=True, at=START + timedelta(hours=1)))
    found = world.step(START + timedelta(hours=1))
    assert {send.notice_ids for send in found.sends} == {("incident/a/closed",), (small.notice_id,)}


def test_what_comes_together_is_one_message() -> None:
    rule = {"group_by": "team", "group_minutes": 10}
    world = World(
        routing(rule), [notice(), notice("incident/b/opened", at=START + timedelta(minutes=5), scope="app/y")]
    )
    assert said(world.step(START + timedelta(minutes=6))) == []
    [send] = world.step(START + timedelta(minutes=10)).sends
    assert send.notice_ids == ("incident/a/opened", "incident/b/opened")


def test_a_digest_collects_and_names_when() -> None:
    world = World(routing({"how": "digest"}, time_zone="Europe/Berlin"), [notice(), notice("incident/b/opened")])
    monday = datetime(2026, 10, 19, 5, tzinfo=UTC)
    world.notices = [replace(one, at=monday) for one in world.notices]
    found = world.step(monday)
    assert {held.until for held in found.held} == {datetime(2026, 10, 19, 6, tzinfo=UTC)}
    [send] = world.step(datetime(2026, 10, 19, 6, tzinfo=UTC)).sends
    assert (send.purpose, len(send.notice_ids)) == ("digest", 2)


def test_a_snooze_ends_and_what_gets_worse_ends_it_early() -> None:
    world = World(routing({"repeat_hours": 1}), [notice()])
    world.step(START)
    world.responses.append(Response("incident/a", "snooze", START + timedelta(minutes=1), START + timedelta(hours=5)))
    assert said(world.step(START + timedelta(hours=4))) == []
    assert said(world.step(START + timedelta(hours=5))) == [("teams", "repeat")]
    world.responses.append(Response("incident/a", "snooze", START + timedelta(hours=6), START + timedelta(days=2)))
    world.notices.append(notice("incident/a/worsened-critical", "critical", at=START + timedelta(hours=7)))
    assert said(world.step(START + timedelta(hours=7))) == [("teams", "first")]


def test_a_planned_event_silences_all_but_what_is_critical() -> None:
    silence = Silence("team/search", START - timedelta(days=1), START + timedelta(days=1), "Load test")
    world = World(routing({}), [notice(), notice("incident/b/opened", "critical", scope="app/y")], silences=[silence])
    found = world.step(START)
    assert [send.notice_ids for send in found.sends] == [("incident/b/opened",)]
    assert [(held.reason, held.until) for held in found.held] == [("silent: Load test", START + timedelta(days=1))]
    assert said(world.step(START + timedelta(days=1))) == [("teams", "first")]


def test_what_a_route_does_not_take_goes_to_its_fallback_with_the_reason() -> None:
    world = World(routing({}), [notice()])
    world.step(START, "pending")
    assert said(world.plan(START + timedelta(minutes=59))) == []
    [send] = world.plan(START + timedelta(minutes=60)).sends
    assert (send.route_id, send.purpose) == ("mail", "fallback")
    assert "teams has not taken it for 60 minutes" in send.why
    world.sent = [replace(one, status="dead") for one in world.sent]
    [send] = world.step(START + timedelta(minutes=1)).sends
    assert "teams did not take it: aifinops messages show incident/a/teams/opened" in send.why
    assert said(world.step(START + timedelta(hours=3))) == []


def test_a_new_rule_tells_nothing_of_the_past_and_nothing_is_repeated_for_ever() -> None:
    old = World(routing({}), [notice()])
    found = old.step(START + RECENT + timedelta(minutes=1))
    assert (said(found), found.held[0].reason) == ([], "it is older than 7 days")
    world = World(routing({"repeat_hours": 24}), [notice()])
    told = [said(world.step(START + timedelta(days=day))) for day in range(40)]
    assert sum(map(len, told)) == 1 + FORGOTTEN.days


def test_the_end_is_told_only_where_the_beginning_was() -> None:
    small, over = notice(severity="low"), notice("incident/a/closed", "low", ends_thread=True)
    found = World(routing({"min_severity": "high"}), [small, over]).step(START)
    assert (said(found), [held.reason for held in found.held]) == ([], ["nobody there was told that it began"])
    late = World(routing({}), [notice(ends_thread=True)])
    assert said(late.step(START)) == [("teams", "first")], "over when it is first seen"
