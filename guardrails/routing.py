"""Who hears of what, when: the rules of routing.yml, applied to what there is to tell.

Here: one pure function from notices, what was sent, what people answered and the time to what is due.
Not here: keeping notices (notices), their words (reports), sending (delivery).

Nothing is lost: whatever a rule wants told is sent, or named with the reason why it is not, or not yet. Planning again
after what was due has been queued finds nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from finops.config.digests import DigestTime
from finops.config.routing import PEOPLE_ROUTES, NoticeKind, RoutingFile, RoutingRule
from finops.config.values import SEVERITIES, WEEKDAYS, Severity
from guardrails.decide.schedule import is_open, next_open

RECENT = timedelta(days=7)
"""What is older is news to nobody: a rule that is added tells nothing of the past."""
FORGOTTEN = timedelta(days=31)
"""What nobody answered for so long is not repeated for ever."""


@dataclass(frozen=True)
class Notice:
    """Something that people are to hear of. ``ends_thread``: with it the incident, target or ask is over."""

    notice_id: str
    kind: NoticeKind | Literal["digest"]
    """A digest goes where its entry of routing.yml says; no rule is of that kind."""
    severity: Severity
    thread: str
    at: datetime
    scope: str = ""
    team: str = ""
    policy_id: str = ""
    ends_thread: bool = False
    route_id: str | None = None
    """Where a policy or the gate wants it told, whatever the rules say; None: only where they say."""


@dataclass(frozen=True)
class Sent:
    """A message that tells a notice. ``status`` is the outbox's."""

    message_id: str
    notice_id: str
    route_id: str
    purpose: str
    at: datetime
    status: str = "delivered"


@dataclass(frozen=True)
class Response:
    """What somebody answered. ``over``: it is settled, false or planned; a snooze has its end."""

    thread: str
    kind: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Silence:
    """A planned event or a window that the configuration names: what is below critical waits until it ends."""

    scope: str
    starts_at: datetime
    ends_at: datetime
    why: str


@dataclass(frozen=True)
class Send:
    """A message that is due. ``purpose``: first, digest, repeat, escalation-N, fallback."""

    message_id: str
    route_id: str
    purpose: str
    notice_ids: tuple[str, ...]
    why: str = ""
    """Why it arrives there, for whoever reads it."""


@dataclass(frozen=True)
class Held:
    """A notice that is not sent on a route, or not yet. ``until``: when it is looked at again; None: never."""

    notice_id: str
    route_id: str
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class Plan:
    sends: tuple[Send, ...]
    held: tuple[Held, ...]


@dataclass
class _Threads:
    """What is known of each thread."""

    notices: Mapping[str, Sequence[Notice]]
    responses: Mapping[str, Sequence[Response]]

    def newest(self, thread: str) -> Notice:
        return self.notices[thread][-1]

    def is_over(self, thread: str) -> bool:
        newest = self.newest(thread)
        return newest.ends_thread or any(r.kind == "over" and r.at >= newest.at for r in self.responses[thread])

    def is_answered(self, thread: str) -> bool:
        """Somebody acknowledged the newest of it, or nothing worse came since somebody did."""
        return any(r.kind == "acknowledge" and not self._got_worse(thread, r.at) for r in self.responses[thread])

    def snoozed_until(self, thread: str, now: datetime) -> datetime | None:
        ends = [
            r.until
            for r in self.responses[thread]
            if r.kind == "snooze" and r.until is not None and r.until > now and not self._got_worse(thread, r.at)
        ]
        return max(ends, default=None)

    def _got_worse(self, thread: str, since: datetime) -> bool:
        """Something graver came since then, or it began again."""
        before, began_again = -1, False
        for notice in self.notices[thread]:
            if notice.at <= since:
                before = -1 if notice.ends_thread else max(before, _rank(notice))
            elif notice.ends_thread:
                began_again = True
            elif began_again or _rank(notice) > before:
                return True
        return False


@dataclass
class _Planning:
    """One run of ``plan``."""

    routing: RoutingFile
    now: datetime
    threads: _Threads
    silences: Sequence[Silence]
    told: dict[tuple[str, str], list[Sent]]
    """By notice and route."""
    sends: list[Send] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    def hold(self, notice: Notice, rule: RoutingRule, reason: str, until: datetime | None = None) -> None:
        self.held.append(Held(notice.notice_id, rule.route, reason, until))


def plan(
    routing: RoutingFile,
    notices: Iterable[Notice],
    sent: Iterable[Sent],
    responses: Iterable[Response],
    now: datetime,
    *,
    silences: Sequence[Silence] = (),
) -> Plan:
    """What is due now.

    Args:
        notices: in the order in which they came; all of the threads that are still followed.
        sent: every message that tells one of them.
        responses: what people answered to their threads.
        now: any zone.
    """
    now = now.astimezone(UTC)
    ordered = list(notices)
    threads: dict[str, list[Notice]] = defaultdict(list)
    answers: dict[str, list[Response]] = defaultdict(list)
    told: dict[tuple[str, str], list[Sent]] = defaultdict(list)
    for notice in ordered:
        threads[notice.thread].append(notice)
    for response in responses:
        answers[response.thread].append(response)
    for one in sent:
        told[one.notice_id, one.route_id].append(one)
    work = _Planning(routing, now, _Threads(threads, answers), silences, told)
    assigned = [(notice, rule) for notice in ordered for rule in rules_of(routing, notice)]
    _plan_first(work, assigned)
    _plan_follow_ups(work, assigned)
    _plan_fallbacks(work, [one for found in told.values() for one in found])
    # Two rules may escalate to one route.
    return Plan(tuple({send.message_id: send for send in work.sends}.values()), tuple(work.held))


def rules_of(routing: RoutingFile, notice: Notice) -> list[RoutingRule]:
    """The rules that a notice is told by: for each route the first that fits, and where its policy wants it told."""
    found: dict[str, RoutingRule] = {}
    for rule in routing.rules:
        fits = (
            notice.kind in rule.kinds
            and (not rule.teams or notice.team in rule.teams)
            and (_rank(notice) >= SEVERITIES.index(rule.min_severity) or notice.ends_thread)
        )
        if fits:
            found.setdefault(rule.route, rule)
    if notice.route_id is not None and notice.route_id not in found:
        # As a policy or the gate says: at once, once.
        said = {"id": notice.policy_id or notice.kind, "min_severity": "low", "route": notice.route_id}
        found[notice.route_id] = RoutingRule.model_validate(said)
    return list(found.values())


def next_digest(digest: DigestTime, zone: str, moment: datetime) -> datetime:
    """The first time of the digest after a moment (UTC)."""
    local = moment.astimezone(ZoneInfo(zone))
    for ahead in range(9):
        day = (local + timedelta(days=ahead)).date()
        found = datetime.combine(day, time.fromisoformat(digest.at), ZoneInfo(zone)).astimezone(UTC)
        if WEEKDAYS[day.weekday()] in digest.days and found > moment:
            return found
    raise AssertionError("every week has a day of the digest")


def due_heartbeats(routing: RoutingFile, now: datetime) -> list[tuple[str, str]]:
    """Routes whose sign of life of today is due or past, with the day in the file's time zone."""
    local = now.astimezone(ZoneInfo(routing.time_zone))
    return [
        (route.id, local.date().isoformat())
        for route in routing.routes
        if isinstance(route, PEOPLE_ROUTES)
        and route.heartbeat_at is not None
        and route.heartbeat_at <= f"{local:%H:%M}"
    ]


def _plan_first(work: _Planning, assigned: Sequence[tuple[Notice, RoutingRule]]) -> None:
    """What was not told yet: at once, grouped, or with the digest."""
    ready: list[tuple[Notice, RoutingRule]] = []
    on_route: dict[tuple[str, str], list[Notice]] = defaultdict(list)
    for notice, rule in assigned:
        on_route[notice.thread, rule.route].append(notice)
    for notice, rule in assigned:
        if (notice.notice_id, rule.route) not in work.told:
            reason = _reason_against(work, notice, rule, on_route[notice.thread, rule.route])
            if reason is None:
                ready.append((notice, rule))
            else:
                work.hold(notice, rule, *reason)
    grave = _grave_scopes(work, assigned, ready)
    groups: dict[tuple[str, str, str], list[Notice]] = defaultdict(list)
    rules = {}
    digests: dict[str, list[Notice]] = defaultdict(list)
    for notice, rule in ready:
        hider = grave.get((notice.scope, rule.route))
        is_critical = notice.severity == "critical"
        if hider and notice.scope and not is_critical and not notice.ends_thread and hider != notice.thread:
            work.hold(notice, rule, f"hidden by what is critical there: {hider}")
        elif rule.how == "digest":
            due = next_digest(work.routing.digest, work.routing.time_zone, notice.at)
            if due > work.now:
                work.hold(notice, rule, "waits for the digest", due)
            else:
                digests[rule.route].append(notice)
        elif rule.hours and not is_critical and not is_open(rule.hours, work.now):
            work.hold(notice, rule, "outside hours", next_open(rule.hours, work.now))
        else:
            key = {"none": notice.notice_id, "team": notice.team, "policy": notice.policy_id}[rule.group_by]
            groups[rule.route, rule.id, key or notice.notice_id].append(notice)
            rules[rule.route, rule.id] = rule
    for (route_id, rule_id, _key), found in groups.items():
        _plan_group(work, rules[route_id, rule_id], found)
    for route_id, found in digests.items():
        names = tuple(notice.notice_id for notice in found)
        last = max(next_digest(work.routing.digest, work.routing.time_zone, notice.at) for notice in found)
        work.sends.append(Send(f"digest/{route_id}/{last:%Y-%m-%dT%H%M}/{_digest(names)}", route_id, "digest", names))


def _plan_group(work: _Planning, rule: RoutingRule, found: Sequence[Notice]) -> None:
    due = min(notice.at for notice in found) + timedelta(minutes=rule.group_minutes)
    if rule.group_by != "none" and due > work.now and all(notice.severity != "critical" for notice in found):
        for notice in found:
            work.hold(notice, rule, "waits for others of its group", due)
        return
    names = tuple(notice.notice_id for notice in found)
    message_id = message_of(found[0], rule.route) if len(found) == 1 else f"group/{rule.route}/{_digest(names)}"
    work.sends.append(Send(message_id, rule.route, "first", names))


def message_of(notice: Notice, route_id: str) -> str:
    """The id of the message that tells a notice alone: ``<thread>/<route>/<occasion>``, the same for ever."""
    return f"{notice.thread}/{route_id}/{notice.notice_id.removeprefix(notice.thread).lstrip('/') or 'first'}"


def _reason_against(
    work: _Planning, notice: Notice, rule: RoutingRule, on_route: Sequence[Notice]
) -> tuple[str, datetime | None] | None:
    """Why a notice that was not told is not told now; and until when."""
    threads, now = work.threads, work.now
    later = on_route[[n.notice_id for n in on_route].index(notice.notice_id) + 1 :]
    if later and rule.how != "ticket":
        return f"something newer of it is told instead: {later[-1].notice_id}", None
    if now - notice.at > RECENT:
        return f"it is older than {RECENT.days} days", None
    is_first_there = on_route[0] is notice and len(threads.notices[notice.thread]) > 1
    if notice.ends_thread and (is_first_there or not _was_worth_telling(work, notice, rule)):
        return "nobody there was told that it began", None
    if any(r.kind == "over" and r.at >= notice.at for r in threads.responses[notice.thread]):
        return "somebody settled it before it was told", None
    snoozed = threads.snoozed_until(notice.thread, now)
    if snoozed is not None:
        return "snoozed", snoozed
    if notice.severity != "critical":
        for silence in work.silences:
            if (
                silence.scope in (notice.scope, f"team/{notice.team}", "company/")
                and silence.starts_at <= now < silence.ends_at
            ):
                return f"silent: {silence.why}", silence.ends_at
    return None


def _was_worth_telling(work: _Planning, notice: Notice, rule: RoutingRule) -> bool:
    """Whether the rule wants a thread told of which this is the end; one that is over when first seen tells itself."""
    least = SEVERITIES.index(rule.min_severity)
    return any(_rank(one) >= least for one in work.threads.notices[notice.thread])


def _grave_scopes(
    work: _Planning,
    assigned: Sequence[tuple[Notice, RoutingRule]],
    ready: Sequence[tuple[Notice, RoutingRule]],
) -> dict[tuple[str, str], str]:
    """Scopes with something critical that stands, told or about to be told on a route: its thread."""
    due = {(notice.notice_id, rule.route) for notice, rule in ready}
    found: dict[tuple[str, str], str] = {}
    for notice, rule in assigned:
        is_told = (notice.notice_id, rule.route) in work.told or (notice.notice_id, rule.route) in due
        if notice.severity == "critical" and is_told and not work.threads.is_over(notice.thread):
            found.setdefault((notice.scope, rule.route), notice.thread)
    return found


def _plan_follow_ups(work: _Planning, assigned: Sequence[tuple[Notice, RoutingRule]]) -> None:
    """Pages that stand open and unanswered: again, and to the next ones."""
    threads, now = work.threads, work.now
    newest: dict[tuple[str, str], tuple[Notice, RoutingRule]] = {}
    for notice, rule in assigned:
        newest[notice.thread, rule.route] = notice, rule
    for (thread, route_id), (notice, rule) in newest.items():
        if (notice.notice_id, route_id) not in work.told:
            continue  # what is newer is told first
        if rule.how != "page" or threads.is_over(thread) or threads.is_answered(thread):
            continue
        if threads.snoozed_until(thread, now) is not None or now - notice.at > FORGOTTEN:
            continue
        if notice.severity != "critical" and rule.hours and not is_open(rule.hours, now):
            continue
        told = work.told[notice.notice_id, route_id]
        first = min(one.at for one in told)
        repeats = [one for one in told if one.purpose == "repeat"]
        if rule.repeat_hours and now >= max(one.at for one in told) + timedelta(hours=rule.repeat_hours):
            number = len(repeats) + 1
            work.sends.append(
                Send(
                    f"{message_of(notice, route_id)}/repeat-{number}", route_id, "repeat", (notice.notice_id,),
                    f"Still open and unanswered: message {number + 1} of it.",
                )
            )  # fmt: skip
        for number, step in enumerate(rule.escalate, 1):
            purpose = f"escalation-{number}"
            known = work.told.get((notice.notice_id, step.route), [])
            if now < first + timedelta(minutes=step.after_minutes) or any(one.purpose == purpose for one in known):
                continue
            work.sends.append(
                Send(
                    f"{message_of(notice, step.route)}/{purpose}", step.route, purpose, (notice.notice_id,),
                    f"Nobody answered on {route_id} for {step.after_minutes} minutes.",
                )
            )  # fmt: skip


def _plan_fallbacks(work: _Planning, sent: Sequence[Sent]) -> None:
    """What a route did not take, to the route that stands in for it; once."""
    routes = {route.id: route for route in work.routing.routes if isinstance(route, PEOPLE_ROUTES)}
    messages: dict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        messages[one.message_id].append(one)
    for message_id, parts in messages.items():
        route = routes.get(parts[0].route_id)
        if route is None or route.fallback is None or parts[0].purpose == "fallback":
            continue
        age = work.now - parts[0].at
        is_lost = parts[0].status == "dead"
        is_late = parts[0].status in ("pending", "undeliverable") and age >= timedelta(minutes=route.fallback_minutes)
        # A message that waits was told of elsewhere, or is on its way there.
        untold = [one.notice_id for one in parts if not work.told.get((one.notice_id, route.fallback))]
        due = {name for send in work.sends if send.route_id == route.fallback for name in send.notice_ids}
        names = tuple(name for name in untold if name not in due)
        if (is_lost or is_late) and age <= RECENT and names:
            why = "did not take it" if is_lost else f"has not taken it for {int(age.total_seconds() // 60)} minutes"
            work.sends.append(
                Send(
                    f"{message_id}/fallback", route.fallback, "fallback", names,
                    f"Sent here because {route.id} {why}: aifinops messages show {message_id}",
                )
            )  # fmt: skip


def _rank(notice: Notice) -> int:
    return SEVERITIES.index(notice.severity)


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]
