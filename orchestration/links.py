"""What the links of a home's messages do.

Here: finding what a link is about, and doing what it says in the transaction that marks it used.
Not here: tokens (guardrails.links) and the page (portal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import guardrails
from guardrails import gate, links
from guardrails.notices import respond_in
from orchestration.gate import HomeGate
from orchestration.incidents import incident
from orchestration.messaging import Messages, link_keys

VERDICTS: dict[str, guardrails.Verdict] = {"false_alarm": "false", "planned": "planned"}
NEEDS_REASON = ("approve", "deny", "false_alarm", "planned")
SNOOZES = {"4h": timedelta(hours=4), "1d": timedelta(days=1), "3d": timedelta(days=3), "7d": timedelta(days=7)}


@dataclass(frozen=True)
class Seen:
    """What a link is about. ``use``: how it was used, if it was; ``document``: what was last told of it."""

    link: links.Link
    use: links.Use | None
    is_expired: bool
    document: Mapping[str, Any] | None


class LinkDesk:
    """The links of one home; threads may share it."""

    def __init__(self, home_gate: HomeGate) -> None:
        """
        Raises:
            guardrails.LinkKeyError: ``AIFINOPS_LINK_KEY`` holds no usable key.
        """
        self._gate = home_gate
        self._keys = link_keys(home_gate.home, home_gate.environ)

    def look(self, token: str) -> Seen:
        """What a link is about; changes nothing.

        Raises:
            guardrails.LinkError: it was not made here.
        """
        link = self._keys.read(token)
        ledger = self._gate.ledger
        thread = self._thread(link)
        document = guardrails.newest_document(ledger, thread) if thread else None
        return Seen(link, links.used(ledger, link), self._gate.clock() >= link.expires_at, document)

    def use(self, token: str, *, why: str = "", snooze: str = "1d") -> links.Use:
        """Do what a link says, once.

        Raises:
            guardrails.LinkError: it was not made here, is expired or was used.
            ValueError, LookupError: it cannot be done; the message says why, and the link still works.
        """
        link = self._keys.read(token)
        why = why.strip()
        if link.action in NEEDS_REASON and not why:
            raise ValueError("say why, in a few words")
        if link.action == "snooze" and snooze not in SNOOZES:
            raise ValueError(f"choose one of {', '.join(SNOOZES)}")

        def act(write: guardrails.Write) -> str:
            return self._act(write, link, why, snooze)

        if link.subject.startswith("decision/"):
            # What nobody answered in time has ended, whoever answers now.
            guardrails.expire_approvals(self._gate.ledger, now=self._gate.clock(), teller=self._teller())
        return links.use(self._gate.ledger, link, act, now=self._gate.clock())

    def _act(self, write: guardrails.Write, link: links.Link, why: str, snooze: str) -> str:
        now = self._gate.clock()
        kind, _, name = link.subject.partition("/")
        if link.action == "snooze":
            answer = respond_in(
                write, link.subject, "snooze", who=link.who, at=now, until=now + SNOOZES[snooze], why=why
            )
            return f"Snoozed until {answer.until:%d %b %Y, %H:%M} UTC"
        if link.action == "acknowledge" and kind != "incident":
            respond_in(write, link.subject, "acknowledge", who=link.who, at=now, why=why)
            return "Acknowledged"
        if kind == "incident":
            return self._speak_of_incident(write, link, name, why)
        if kind == "gate" and link.action in ("approve", "deny"):
            verdict: gate.Vote = "approve" if link.action == "approve" else "deny"
            facts, configuration = self._gate.known()
            gate.vote_in(write, name, verdict, link.who, facts, configuration.guardrails.gate, now=now, why=why)
            return "Approved" if verdict == "approve" else "Denied"
        if kind == "decision" and link.action in ("approve", "deny"):
            said: Literal["approve", "deny"] = "approve" if link.action == "approve" else "deny"
            guardrails.vote_in(write, name, said, link.who, why, now, self._teller())
            return "Approved" if said == "approve" else "Denied"
        raise LookupError(f"a link cannot {link.action} {link.subject}")

    def _teller(self) -> guardrails.Teller:
        _facts, configuration = self._gate.known()
        messages = Messages(self._gate.home, configuration, self._gate.environ, self._gate.clock())
        return guardrails.Teller(configuration, messages.decision_body)

    def _speak_of_incident(self, write: guardrails.Write, link: links.Link, name: str, why: str) -> str:
        found = incident(self._gate.home, name)
        occasion = guardrails.Occasion(
            found.incident_id, found.scope_type, found.scope_value, found.currency, found.first_seen, found.last_seen
        )
        verdict = VERDICTS.get(link.action)
        guardrails.record_feedback_in(
            write,
            occasion,
            "acknowledge" if verdict is None else "verdict",
            who=link.who,
            given_at=self._gate.clock(),
            verdict=verdict,
            why=why,
        )
        return {None: "Acknowledged", "false": "Judged a false alarm", "planned": "Judged planned"}[verdict]

    def _thread(self, link: links.Link) -> str | None:
        kind, _, name = link.subject.partition("/")
        if kind == "decision":
            return guardrails.thread_of_decision(self._gate.ledger, name)
        return link.subject
