"""What people do in the portal: answer for incidents and for what waits for approval.

Here: whether it is theirs to do, and doing it in one transaction with the audit entry that says who did it in which
role.
Not here: what follows from it (guardrails), forms and bodies (actions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import guardrails
from guardrails import gate
from guardrails.feedback import record_feedback_in
from guardrails.notices import respond_in
from orchestration.gate import HomeGate
from orchestration.incidents import PublishedIncident, incidents
from orchestration.messaging import Messages
from portal.people import Person
from portal.rules import may_approve
from portal.shelf import Shelf
from reports import formatting
from reports.dashboards.access import Role

IncidentAnswer = Literal["acknowledge", "snooze", "resolve", "real", "false", "planned"]
Verdict = Literal["approve", "deny"]
Kind = Literal["decision", "gate"]
MAX_WHY = 500
MAX_SNOOZE_HOURS = 24 * 14


class UnknownError(Exception):
    """It is not there, or not this person's to know of."""


class NotYoursError(Exception):
    """It is there, and not this person's to do; the message says whose it is."""


@dataclass(frozen=True)
class Waiting:
    """Something that waits for approval, or did: ``may_answer`` says whether this person may say yes or no."""

    kind: Kind
    name: str
    what: str
    reason: str
    status: str
    scope: str
    approvers: tuple[str, ...]
    missing: int
    until: str
    votes: tuple[Mapping[str, Any], ...]
    may_answer: bool

    @property
    def until_words(self) -> str:
        return formatting.moment(datetime.fromisoformat(self.until)) if self.until else ""

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "approvers": list(self.approvers), "votes": list(self.votes)}


class Desk:
    """The desk of one home; threads may share it."""

    def __init__(self, office: HomeGate, shelf: Shelf) -> None:
        self._office = office
        self._shelf = shelf

    # ── incidents ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def incidents(self, person: Person) -> list[PublishedIncident]:
        """Those of the person's rows, newest first, with what was said since they were published."""
        published = self._shelf.version(person.viewer).published
        if not published.has("fct_incident"):
            return []
        # Of the viewer's own rows, because what resembled an incident may have been another team's.
        rows = published.rows("select incident_id, similar_incidents from fct_incident")
        own = {row["incident_id"]: row["similar_incidents"] for row in rows}
        return [
            replace(one, similar_incidents=own[one.incident_id] or "[]")
            for one in incidents(self._office.home)
            if one.incident_id in own
        ]

    def incident(self, person: Person, incident_id: str) -> PublishedIncident:
        """
        Raises:
            UnknownError: there is no such incident among the person's own.
        """
        found = next((one for one in self.incidents(person) if one.incident_id == incident_id), None)
        if found is None:
            raise UnknownError("there is no such incident, or it is not yours to see")
        return found

    def matter(self, found: PublishedIncident) -> guardrails.Matter:
        """What the ledger knows of an incident that the person may see."""
        return guardrails.incident_matter(self._office.ledger, found.occasion)

    def answer_incident(
        self, person: Person, incident_id: str, answer: IncidentAnswer, *, why: str = "", hours: int = 24
    ) -> str:
        """What was done, in words.

        Raises:
            UnknownError: there is no such incident among the person's own.
            NotYoursError: the person only reads.
            ValueError, LedgerError: it cannot be said so; the message says why.
        """
        found = self.incident(person, incident_id)
        if not person.is_in(Role.ADMIN, Role.ENG):
            raise NotYoursError("incidents are answered by the team they are about, or by an Admin")
        now, why = self._office.clock(), _short(why)
        if answer == "snooze" and not 1 <= hours <= MAX_SNOOZE_HOURS:
            raise ValueError(f"snooze it for 1 to {MAX_SNOOZE_HOURS} hours")
        occasion = found.occasion
        with self._office.ledger.write() as write:
            if answer == "snooze":
                until = now + timedelta(hours=hours)
                thread = f"incident/{found.incident_id}"
                respond_in(write, thread, "snooze", who=person.name, at=now, until=until, why=why)
                done = f"Snoozed until {until:%d %b %Y, %H:%M} UTC"
            elif answer in ("acknowledge", "resolve"):
                record_feedback_in(write, occasion, answer, who=person.name, given_at=now, why=why)  # type: ignore[arg-type]
                done = {"acknowledge": "Acknowledged", "resolve": "Resolved"}[answer]
            else:
                record_feedback_in(write, occasion, "verdict", who=person.name, given_at=now, verdict=answer, why=why)  # type: ignore[arg-type]
                done = {"real": "Judged real", "false": "Judged a false alarm", "planned": "Judged planned"}[answer]
            self._note(write, person, f"incident/{found.incident_id}", answer, found.scope_name)
        self._shelf.forget_operations()
        return done

    # ── approvals ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def waiting(self, person: Person) -> list[Waiting]:
        """What waits for approval, oldest first: all for whoever sees everything; else what names the person, or is
        about an own team."""
        found = [self._question(person, one) for one in guardrails.questions(self._office.ledger)]
        settings = self._office.configuration().guardrails.gate
        found += [
            self._ask(person, reply, tuple(settings.approvers), settings.approvals)
            for reply in gate.standing_asks(self._office.ledger)
            if reply.status == gate.AskStatus.WAITING
        ]
        return [one for one in found if self._may_see(person, one)]

    def vote(self, person: Person, kind: Kind, name: str, verdict: Verdict, *, why: str) -> str:
        """What was done, in words.

        Raises:
            UnknownError: nothing of this name waits, or it is not the person's to see.
            NotYoursError: somebody else must answer.
            ValueError, LedgerError: it cannot be answered so; the message says why.
        """
        found = next((one for one in self.waiting(person) if (one.kind, one.name) == (kind, name)), None)
        if found is None:
            raise UnknownError("nothing of this name waits for approval, or it is not yours to see")
        if not found.may_answer:
            who = ", ".join(found.approvers) or "an Admin"
            raise NotYoursError(f"{who} must answer this")
        why = _short(why)
        if not why:
            raise ValueError("say why, in a few words")
        now = self._office.clock()
        who = person.named_in(found.approvers) or person.name
        configuration = self._office.configuration()
        if kind == "decision":
            messages = Messages(self._office.home, configuration, self._office.environ, now)
            teller = guardrails.Teller(configuration, messages.decision_body)
            # What nobody answered in time has ended, whoever answers now.
            guardrails.expire_approvals(self._office.ledger, now=now, teller=teller)
        else:
            facts, configuration = self._office.known()
        with self._office.ledger.write() as write:
            if kind == "decision":
                guardrails.vote_in(write, name, verdict, who, why, now, teller)
            else:
                gate.vote_in(write, name, verdict, who, facts, configuration.guardrails.gate, now=now, why=why)
            self._note(write, person, f"{kind}/{name}", verdict, found.scope)
        self._shelf.forget_operations()
        return "Approved" if verdict == "approve" else "Denied"

    # ── the audit trail ───────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, person: Person, subject: str, what: str, **details: Any) -> None:
        """Put something that a person did into the audit trail."""
        with self._office.ledger.write() as write:
            self._note(write, person, subject, what, **details)

    def _note(
        self, write: guardrails.Write, person: Person, subject: str, what: str, scope: str = "", **details: Any
    ) -> None:
        entry = {**person.as_record(), "what": what, **({"scope": scope} if scope else {}), **details}
        write.chain.append(self._office.clock(), "portal.done", subject, entry)

    def _question(self, person: Person, one: guardrails.Question) -> Waiting:
        decision = one.decision
        orders = " and ".join(kind for kind in decision.withheld_kinds if kind != "notify")
        return Waiting(
            kind="decision",
            name=decision.decision_id,
            what=f"{orders[:1].upper()}{orders[1:]} {decision.target.replace(':', ' ', 1)}",
            reason=decision.reason,
            status=str(one.status),
            scope=f"{decision.scope_type} {decision.scope_value}",
            approvers=tuple(decision.approvers),
            missing=one.missing,
            until=f"{decision.approve_until:%Y-%m-%dT%H:%MZ}" if decision.approve_until else "",
            votes=tuple({"who": v.who, "verdict": v.verdict, "why": v.why or ""} for v in one.votes),
            may_answer=may_approve(person, decision.approvers)
            and person.named_in(vote.who for vote in one.votes) is None,
        )

    def _ask(self, person: Person, reply: gate.Reply, approvers: tuple[str, ...], needed: int) -> Waiting:
        said = reply.document["ask"]
        scopes = said["scopes"]
        level, value = next(((s, scopes[s]) for s in ("app", "team") if s in scopes), ("company", ""))
        spoke = [said["who"], *(vote["who"] for vote in reply.votes)]
        return Waiting(
            kind="gate",
            name=reply.ask_id,
            what=f"Let a job spend {said['currency']} {said['estimate']}",
            reason=reply.reason,
            status=str(reply.status),
            scope=f"{level} {value}".strip(),
            approvers=approvers,
            missing=max(needed - sum(vote["verdict"] == "approve" for vote in reply.votes), 0),
            until=f"{reply.until:%Y-%m-%dT%H:%MZ}" if reply.until else "",
            votes=tuple({"who": v["who"], "verdict": v["verdict"], "why": v["why"] or ""} for v in reply.votes),
            may_answer=may_approve(person, approvers) and person.named_in(spoke) is None,
        )

    def _may_see(self, person: Person, one: Waiting) -> bool:
        level, _, value = one.scope.partition(" ")
        return (
            person.sees_everything
            or person.named_in(one.approvers) is not None
            or self._shelf.is_own(person.viewer, level, value)
        )


def _short(text: str) -> str:
    return text.strip()[:MAX_WHY]
