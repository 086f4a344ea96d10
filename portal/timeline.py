"""What happened about an incident, in order of time and in words.

Here: sentences of days, notices, messages, answers, decisions, votes, orders and of what orders changed.
Not here: reading them (guardrails.matters, desk), the page (incident).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import guardrails
from finops.config.routes import EmailRoute
from finops.config.routing import Route
from guardrails.actuators.record import Actuation
from orchestration.incidents import PublishedIncident
from portal.words import sentence
from reports import formatting as f
from reports.measures.decisions import view_decision
from reports.measures.incidents import STATUS_WORDS, Incident

Kind = Literal["fact", "told", "answer", "decision", "order"]
_FOLLOWS: tuple[Kind, ...] = ("fact", "decision", "answer", "order", "told")


@dataclass(frozen=True)
class Moment:
    """``at`` is UTC; of a fact about a whole day its beginning, and then ``is_day``."""

    at: datetime
    kind: Kind
    what: str
    why: str = ""
    is_day: bool = False

    @property
    def when(self) -> str:
        return f.day(self.at) if self.is_day else f.moment(self.at)

    def as_dict(self) -> dict[str, Any]:
        return {"at": self.at.replace(tzinfo=None), "kind": self.kind, "what": self.what, "why": self.why}


def timeline(
    found: PublishedIncident,
    facts: Incident,
    matter: guardrails.Matter,
    routes: Sequence[Route],
    *,
    names_people: bool,
) -> list[Moment]:
    """Everything, oldest first.

    Args:
        names_people: whether addresses of receivers are told, not only the route that leads to them.
    """
    known = {route.id: route for route in routes}
    moments = [
        *_facts(found, facts),
        *_told(matter, known, names_people),
        *_answers(matter),
        *_decisions(matter),
        *_orders(matter, known),
    ]
    # Of one moment first what was seen, then what followed from it.
    return sorted(moments, key=lambda one: (one.at, not one.is_day, _FOLLOWS.index(one.kind)))


def _facts(found: PublishedIncident, facts: Incident) -> Iterator[Moment]:
    more = "more" if found.impact >= 0 else "less"
    within = [day for day in facts.days if found.first_seen <= _day(day["day"]) <= found.last_seen]
    first = next((day for day in within if _day(day["day"]) == found.first_seen), None)
    yield _of_day(found.first_seen, f"It began: the first day that cost {more} than is usual.", first, found.currency)
    worst = max(within, key=_distance, default=None)
    if worst is not None and worst is not first:
        yield _of_day(_day(worst["day"]), "The day that was furthest from what is usual.", worst, found.currency)
    if found.last_seen != found.first_seen and (worst is None or _day(worst["day"]) != found.last_seen):
        last = next((day for day in within if _day(day["day"]) == found.last_seen), None)
        what = "The last unusual day" + (" so far." if found.closed_at is None else ".")
        yield _of_day(found.last_seen, what, last, found.currency)
    if found.opened_at is not None:
        yield Moment(_utc(found.opened_at), "fact", f"A run found it; it is of severity {found.severity} now.")
    if found.closed_at is not None:
        status = STATUS_WORDS.get(found.status, found.status)
        yield Moment(_utc(found.closed_at), "fact", sentence(f"a run found that it is over: {status}"))


def _of_day(day: date, what: str, cost: Mapping[str, Any] | None, currency: str) -> Moment:
    why = ""
    if cost is not None and cost.get("actual") is not None:
        why = f"It cost {_money(cost['actual'], currency)}"
        if cost.get("low") is not None and cost.get("high") is not None:
            why += f"; {_money(cost['low'], currency)} to {_money(cost['high'], currency)} is usual on that weekday"
        why += "."
    return Moment(datetime.combine(day, time(), UTC), "fact", what, why, is_day=True)


def _told(matter: guardrails.Matter, routes: Mapping[str, Route], names_people: bool) -> Iterator[Moment]:
    for telling in matter.tellings:
        if not telling.sendings:
            yield Moment(telling.at, "told", "Recorded to be told; no route has had it.", f"{telling.title}.")
        for sending in telling.sendings:
            to = _route_words(sending.route_id, routes, names_people)
            how = _PURPOSES.get(sending.purpose, "Told {to}").format(to=to)
            yield Moment(sending.at, "told", f"{how}: {_sent_words(sending)}.", f"{telling.title}.")


def _sent_words(sending: guardrails.Sending) -> str:
    words = _SENT.get(sending.status.value, sending.status.value)
    late = sending.settled_at is not None and sending.settled_at - sending.at > timedelta(minutes=1)
    return f"{words} on {f.moment(sending.settled_at)}" if late and sending.settled_at else words


def _route_words(name: str, routes: Mapping[str, Route], names_people: bool) -> str:
    route = routes.get(name)
    if route is None:
        return f"{name} (no route any more)"
    if isinstance(route, EmailRoute) and names_people:
        return f"{name} (e-mail to {', '.join(route.to)})"
    return f"{name} ({_ROUTES.get(route.kind, route.kind)})"


def _answers(matter: guardrails.Matter) -> Iterator[Moment]:
    for answer in matter.answers:
        what = f"{answer.who} looks into it."
        if answer.until is not None:
            what = f"{answer.who} wants to hear no more of it until {f.moment(answer.until)}."
        yield Moment(answer.at, "answer", what, answer.why or "")
    for said in matter.feedback:
        words = _VERDICTS[said.verdict] if said.verdict else _SAID[said.kind]
        yield Moment(said.given_at, "answer", f"{said.who} {words}.", said.why or "")


def _decisions(matter: guardrails.Matter) -> Iterator[Moment]:
    for record in matter.decisions:
        view = view_decision({**record.document, "status": str(record.status)})
        dry = ", dry run" if view.is_dry_run else ""
        what = f"{view.policy_id} decided: {view.level_words.lower()} ({view.status_words.lower()}{dry})."
        yield Moment(datetime.fromisoformat(record.document["decided_at"]), "decision", what, view.reason)
    for _, vote in matter.votes:
        yes = "yes" if vote.verdict == "approve" else "no"
        yield Moment(vote.at, "answer", f"{vote.who} said {yes} to the order.", vote.why or "")


def _orders(matter: guardrails.Matter, routes: Mapping[str, Route]) -> Iterator[Moment]:
    for order in matter.orders:
        to = _route_words(order.route_id, routes, names_people=False)
        asked = order.kind.removeprefix("guardrail.")
        words = _SENT.get(order.status.value, order.status.value)
        yield Moment(order.created_at, "order", f"Order to {to}, {asked}: {words}.", order.error or "")
    for change in matter.changes:
        yield from _changes(change)


def _changes(change: Actuation) -> Iterator[Moment]:
    name = change.change.object
    if change.applied_at is not None:
        yield Moment(change.applied_at, "order", f"{name} was changed ({change.action}).", change.change.words)
    else:
        yield Moment(change.intended_at, "order", f"{name} was to be changed ({change.action}): {change.status}.")
    if change.reverted_at is not None:
        done = "was put back" if change.status == "reverted" else "was left as somebody had changed it"
        yield Moment(change.reverted_at, "order", f"{name} {done}.")
    elif change.error:
        yield Moment(change.verified_at or change.intended_at, "order", f"{name}: {change.status}.", change.error)


def _distance(day: Mapping[str, Any]) -> float:
    """How far a day is from what is usual, for choosing one."""
    actual, low, high = (day.get(name) for name in ("actual", "low", "high"))
    if actual is None:
        return 0.0
    return float(max(actual - (high if high is not None else actual), (low if low is not None else actual) - actual, 0))


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _money(amount: Any, currency: str) -> str:
    return f.money(Decimal(str(amount)), currency)


_PURPOSES = {
    "first": "Told {to}",
    "repeat": "Told {to} again",
    "escalation": "Told {to} too, because nobody had answered",
    "fallback": "Told {to} instead",
    "digest": "In the digest of {to}",
}
_SENT = {
    "pending": "waits to be sent",
    "undeliverable": "waits for its route to be set up",
    "delivered": "delivered",
    "dead": "given up",
    "would_send": "not sent, as it is a dry run",
    "awaiting_approval": "waits for approval",
    "withdrawn": "taken back before it was delivered",
}
_ROUTES = {
    "teams": "Teams",
    "email": "e-mail",
    "webhook": "webhook",
    "kubernetes": "Kubernetes",
    "azure": "Azure",
    "openai": "OpenAI",
    "litellm": "LiteLLM",
    "ticket": "tickets",
}
_SAID = {"acknowledge": "looks into it", "resolve": "said that it is over"}
_VERDICTS = {
    "real": "judged it real",
    "false": "judged it a false alarm",
    "planned": "judged it planned",
}
