"""Messages of a home: what there is to tell, as the rules want it, with links that act.

Here: making notices of decisions, incidents, asks and failures; rendering what is due for its route; signs of life.
Not here: the words (reports), the rules and the ledger (guardrails), sending (guardrails.delivery).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import guardrails
from finops.addresses import incident_path, portal_address
from finops.config import Configuration
from finops.config.policies import Action
from finops.config.routes import EmailRoute, WebhookRoute
from finops.config.routing import PEOPLE_ROUTES, NoticeKind, Route
from finops.config.values import SEVERITIES
from finops.paths import Home
from orchestration.decisions import told
from orchestration.ledger import own_key
from reports.messages import (
    Message,
    collected_message,
    decision_message,
    email_content,
    failure_message,
    gate_message,
    heartbeat_message,
    incident_message,
    teams_card,
    trial_message,
    undelivered_message,
)
from reports.messages.incident import Stage

KEY_VARIABLE = "AIFINOPS_LINK_KEY"
OVER = ("closed", "new_normal", "resolved")
RECENT_DAYS = 7
"""What was over longer ago is in the report and alarms nobody."""


def link_keys(home: Home, environ: Mapping[str, str]) -> guardrails.LinkKeys:
    """The keys of links: ``AIFINOPS_LINK_KEY``, or the home's own.

    Raises:
        guardrails.LinkKeyError: the variable holds no usable key.
    """
    text = environ.get(KEY_VARIABLE, "").strip()
    return guardrails.LinkKeys.parse(text or base64.b64encode(own_key(home, "link.key")).decode("ascii"))


class Messages:
    """The messages of one home, as of one moment."""

    def __init__(self, home: Home, configuration: Configuration, environ: Mapping[str, str], now: datetime) -> None:
        """
        Raises:
            guardrails.LinkKeyError: ``AIFINOPS_LINK_KEY`` holds no usable key.
        """
        self.configuration = configuration
        self.routing = configuration.routing
        self.now = now
        self._routes: dict[str, Route] = {route.id: route for route in self.routing.routes}
        self._portal = portal_address(environ)
        self._keys = link_keys(home, environ) if self._portal else None

    def decision_body(self, decision: guardrails.Decision, action: Action) -> dict[str, Any]:
        """What the route of an action gets of a decision."""
        message = self._decision(decision.as_dict())
        message_id = f"{decision.decision_id}_{action.route}_{action.kind}"
        return self._body(message, self._routes[action.route], message_id, "")

    def record_decisions(self, ledger: guardrails.Ledger) -> int:
        """Make notices of decisions, for the rules and for what follows; how many were new."""
        found = []
        for record, told_by in guardrails.decisions_to_tell(ledger, now=self.now):
            document = {**record.document, "status": record.status}
            message = self._decision(document)
            at = datetime.fromisoformat(document["decided_at"])
            ends = document["level"] == guardrails.Level.RELEASE
            found.append(
                self._to_tell(message, record.decision_id, at, ends=ends, policy=document["policy_id"], told_by=told_by)
            )
        return guardrails.record_notices(ledger, found)

    def record_incidents(self, ledger: guardrails.Ledger, incidents: Sequence[Mapping[str, Any]]) -> int:
        """Make notices of incidents (rows of ``fct_incident``) that open, get worse and are over; how many were new."""
        known = guardrails.notices_of(ledger, "incident")
        found = []
        for incident in incidents:
            stage, occasion = _occasion(incident, known.get(f"incident/{incident['incident_id']}", []), self.now.date())
            if stage is not None:
                message = incident_message(incident, stage, links=self._page_of(incident["incident_id"]))
                found.append(self._to_tell(message, occasion, self.now, ends=incident["status"] in OVER))
        return guardrails.record_notices(ledger, found)

    def record_ask(self, ledger: guardrails.Ledger, reply: Mapping[str, Any], route_id: str) -> int:
        """Make a notice of an ask of the budget gate, for the route that the gate names."""
        message = gate_message(reply)
        return guardrails.record_notices(ledger, [self._to_tell(message, "asked", self.now, route=route_id)])

    def record_failure(self, ledger: guardrails.Ledger, *, job_name: str, run_id: str, message: str) -> int:
        """Make a notice of a failed run, one for each job and hour."""
        failed = failure_message(job_name=job_name, run_id=run_id, message=message)
        return guardrails.record_notices(ledger, [self._to_tell(failed, f"{self.now:%Y-%m-%dT%H}", self.now)])

    def record_lost_orders(self, ledger: guardrails.Ledger) -> int:
        """Make notices of orders that were given up."""
        found = []
        for order in guardrails.lost_orders(ledger, now=self.now):
            message = undelivered_message(
                message_id=order.message_id,
                route_id=order.route_id,
                kind=order.kind,
                error=order.error or "",
                remedy=order.remedy or "",
            )
            found.append(self._to_tell(message, "dead", order.settled_at or self.now))
        return guardrails.record_notices(ledger, found)

    def queue_due(self, ledger: guardrails.Ledger) -> tuple[int, guardrails.Plan]:
        """Queue all that is due: first messages, digests, repeats, escalations, fallbacks, signs of life."""
        self.record_decisions(ledger)
        self.record_lost_orders(ledger)
        queued, plan = guardrails.follow_up(ledger, self.routing, self._render, now=self.now, silences=self.silences())
        return queued + self._queue_heartbeats(ledger), plan

    def is_anything_due(self, ledger: guardrails.Ledger) -> list[str]:
        """What ``queue_due`` would do now, by id; it changes nothing."""
        found = [record.decision_id for record, _ in guardrails.decisions_to_tell(ledger, now=self.now)]
        plan = guardrails.planned(ledger, self.routing, now=self.now, silences=self.silences())
        found += [send.message_id for send in plan.sends]
        beats = [_heartbeat_id(*beat) for beat in guardrails.due_heartbeats(self.routing, self.now)]
        known = guardrails.known_messages(ledger, beats)
        return found + [name for name in beats if name not in known]

    def queue_trial(self, ledger: guardrails.Ledger, route_id: str) -> str:
        """Queue a test message for a route; its id.

        Raises:
            LookupError: there is no such route, or no people read it.
        """
        route = self._routes.get(route_id)
        if route is None:
            raise LookupError(f"no route {route_id!r} in routing.yml; known: {', '.join(sorted(self._routes))}")
        if not isinstance(route, (*PEOPLE_ROUTES, WebhookRoute)):
            raise LookupError(f"{route_id} is of kind {route.kind}: it acts on what it gets and takes no test message")
        message_id = f"test/{route_id}/{self.now:%Y-%m-%dT%H:%M:%S}"
        message = trial_message(route_id=route_id, at=f"{self.now:%d %b %Y, %H:%M:%S} UTC")
        body = self._body(message, route, message_id, "")
        guardrails.queue_notification(ledger, message_id, route_id, "test", body, as_of=self.now)
        return message_id

    def silences(self) -> list[guardrails.Silence]:
        """Events and windows of events.yml: what is below critical waits until they end."""
        events = self.configuration.events
        named = [
            (one.scope, one.starts_on, one.ends_on, one.name) for one in events.events if one.effect == "temporary"
        ]
        named += [(one.scope, one.starts_on, one.ends_on, one.reason) for one in events.suppressions]
        return [
            guardrails.Silence(
                f"{scope.level}/{scope.value or ''}", _start(first), _start(last + timedelta(days=1)), why
            )
            for scope, first, last, why in named
        ]

    def _render(self, send: guardrails.Send, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        messages = [Message.of_document(document) for document in documents]
        if len(messages) == 1 and send.purpose != "digest":
            message = messages[0]
        else:
            is_digest = send.purpose == "digest"
            local = self.now.astimezone(ZoneInfo(self.routing.time_zone))
            scopes = sorted({one.team or one.scope for one in messages} - {""})
            title = f"AI cost on {local:%A, %d %B}" if is_digest else ", ".join(scopes[:3]) or "Several messages"
            thread = f"digest/{send.route_id}" if is_digest else messages[0].thread
            message = collected_message(messages, title=title, thread=thread, is_digest=is_digest)
        return self._body(message, self._routes[send.route_id], send.message_id, send.why)

    def _body(self, message: Message, route: Route, message_id: str, note: str) -> dict[str, Any]:
        if isinstance(route, EmailRoute):
            return email_content(message, self._links(message, route, message_id), note=note)
        if isinstance(route, PEOPLE_ROUTES):
            return teams_card(message, self._links(message, route, message_id), note=note)
        return {**message.as_document(), **({"note": note} if note else {})}

    def _links(self, message: Message, route: Route, message_id: str) -> dict[str, str]:
        if self._keys is None:
            return {}
        who = route.to[0] if isinstance(route, EmailRoute) and len(route.to) == 1 else route.id
        return {
            offer.action: f"{self._portal}/l/"
            + self._keys.token(
                offer.action, offer.subject, audience=route.id, who=who, message_id=message_id, now=self.now
            )
            for offer in message.offers
        }

    def _decision(self, document: Mapping[str, Any]) -> Message:
        team = self._team(document["scope_type"], document["scope_value"])
        return decision_message(told(document, self.configuration.guardrails.policies), team)

    def _page_of(self, incident_id: str) -> dict[str, str]:
        """The incident's page, where people sign on to a portal: the budget gate alone has none."""
        if not self._portal or self.configuration.portal.sign_on is None:
            return {}
        return {"All about it": f"{self._portal}{incident_path(incident_id)}"}

    def _team(self, scope_type: str, scope_value: str) -> str:
        if scope_type == "team":
            return scope_value
        owners = {owner.app: owner.team for owner in self.configuration.tags.apps} if scope_type == "app" else {}
        return owners.get(scope_value, "")

    def _to_tell(
        self,
        message: Message,
        occasion: str,
        at: datetime,
        *,
        ends: bool = False,
        policy: str = "",
        route: str | None = None,
        told_by: Mapping[str, str] | None = None,
    ) -> guardrails.ToTell:
        notice = guardrails.Notice(
            notice_id=f"{message.thread}/{occasion}",
            kind=cast(NoticeKind, message.kind),
            severity=message.severity,
            thread=message.thread,
            at=at,
            scope=message.scope,
            team=message.team,
            policy_id=policy,
            ends_thread=ends,
            route_id=route,
        )
        return guardrails.ToTell(notice, message.as_document(), told_by)

    def _queue_heartbeats(self, ledger: guardrails.Ledger) -> int:
        due = guardrails.due_heartbeats(self.routing, self.now)
        if not due:
            return 0
        known = guardrails.known_messages(ledger, [_heartbeat_id(*beat) for beat in due])
        queued = 0
        for route_id, day in due:
            message_id = _heartbeat_id(route_id, day)
            if message_id in known:
                continue
            record = guardrails.route_record(ledger, route_id, since=self.now - timedelta(days=1))
            beat = heartbeat_message(
                route_id=route_id,
                day=day,
                delivered=record.delivered,
                waiting=record.waiting,
                dead=record.dead,
                open_threads=guardrails.open_threads(ledger, now=self.now),
                others=self._stands_in_for(ledger, route_id),
            )
            body = self._body(beat, self._routes[route_id], message_id, "")
            queued += guardrails.queue_notification(ledger, message_id, route_id, "heartbeat", body, as_of=self.now)
        return queued

    def _stands_in_for(self, ledger: guardrails.Ledger, route_id: str) -> list[str]:
        """For each route whose fallback this is, what it accepted last: to accept a message is not to show it."""
        found = []
        for route in self.routing.routes:
            if isinstance(route, PEOPLE_ROUTES) and route.fallback == route_id:
                last = guardrails.route_record(ledger, route.id, since=self.now)
                words = (
                    "nothing yet" if last.last_at is None else f"{last.last_kind} on {last.last_at:%d %b %Y, %H:%M} UTC"
                )
                found.append(f"{route.id} last accepted {words}")
        return found


def _heartbeat_id(route_id: str, day: str) -> str:
    return f"heartbeat/{route_id}/{day}"


def _occasion(incident: Mapping[str, Any], known: Sequence[guardrails.Notice], today: date) -> tuple[Stage | None, str]:
    """What is new about an incident, and the occasion's name, so that each is told once for ever.

    A bill can be so late that an incident is over when it is first seen. It is told as such, once, while it is recent.
    """
    is_over = incident["status"] in OVER
    if not known:
        is_recent = (today - incident["last_seen"].date()).days <= RECENT_DAYS
        return ("opened" if incident["status"] == "open" or (is_over and is_recent) else None), "opened"
    if is_over:
        was_open = incident["closed_at"] > incident["opened_at"]
        return ("closed" if was_open and not known[-1].ends_thread else None), "closed"
    worst = max(SEVERITIES.index(one.severity) for one in known)
    got_worse = incident["status"] == "open" and SEVERITIES.index(incident["severity"]) > worst
    return ("worsened" if got_worse else None), f"worsened-{incident['severity']}"


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
