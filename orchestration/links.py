"""What the links of a home's messages do.

Here: finding what a link is about, and doing what it says in the transaction that marks it used.
Not here: tokens (guardrails.links) and the page (portal).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Literal

import guardrails
from guardrails import gate, links
from guardrails.notices import respond_in
from orchestration.gate import HomeGate
from orchestration.incidents import incident
from orchestration.messaging import Messages, link_keys

VERDICTS: dict[str, guardrails.Verdict] = {"false_alarm": "false", "planned": "planned"}
Act = Callable[[guardrails.Write], object]
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

    def look(self, token: str, who: str | None = None) -> Seen:
        """What a link is about; changes nothing.

        Args:
            who: in whose name it would act, if not in that of the message's reader.

        Raises:
            guardrails.LinkError: it was not made here.
        """
        link = self._read(token, who)
        ledger = self._gate.ledger
        thread = self._thread(link)
        document = guardrails.newest_document(ledger, thread) if thread else None
        return Seen(link, links.used(ledger, link), self._gate.clock() >= link.expires_at, document)

    def use(self, token: str, *, why: str = "", snooze: str = "1d", who: str | None = None) -> links.Use:
        """Do what a link says, once.

        Args:
            who: in whose name, if not in that of the message's reader.

        Raises:
            guardrails.LinkError: it was not made here, is expired or was used.
            ValueError, LookupError: it cannot be done; the message says why, and the link still works.
        """
        link = self._read(token, who)
        why = why.strip()
        if link.action in NEEDS_REASON and not why:
            raise ValueError("say why, in a few words")
        if link.action == "snooze" and snooze not in SNOOZES:
            raise ValueError(f"choose one of {', '.join(SNOOZES)}")

        outcome, act = self._act_of(link, why, snooze)
        return links.use(self._gate.ledger, link, act, outcome=outcome, now=self._gate.clock())

    def _read(self, token: str, who: str | None) -> links.Link:
        link = self._keys.read(token)
        return replace(link, who=who) if who else link

    def _act_of(self, link: links.Link, why: str, snooze: str) -> tuple[str, Act]:
        """What a link does, in words and once its transaction is open; what must be read for it is read before."""
        now = self._gate.clock()
        kind, _, name = link.subject.partition("/")
        if link.action == "snooze":
            until = now + SNOOZES[snooze]
            answer = partial(respond_in, thread=link.subject, kind="snooze", who=link.who, at=now, until=until, why=why)
            return f"Snoozed until {until:%d %b %Y, %H:%M} UTC", answer
        if kind == "incident":
            return self._speak_of_incident(link, name, why)
        if link.action == "acknowledge":
            return "Acknowledged", partial(
                respond_in, thread=link.subject, kind="acknowledge", who=link.who, at=now, why=why
            )
        if link.action in ("approve", "deny") and kind in ("gate", "decision"):
            return self._vote(link, "approve" if link.action == "approve" else "deny", kind, name, why)
        raise LookupError(f"a link cannot {link.action} {link.subject}")

    def _vote(
        self, link: links.Link, verdict: Literal["approve", "deny"], kind: str, name: str, why: str
    ) -> tuple[str, Act]:
        now, who = self._gate.clock(), link.who
        outcome = "Approved" if verdict == "approve" else "Denied"
        if kind == "gate":
            facts, configuration = self._gate.known()
            rules = configuration.guardrails.gate
            return outcome, lambda write: gate.vote_in(write, name, verdict, who, facts, rules, now=now, why=why)
        teller = self._teller()
        # What nobody answered in time has ended, whoever answers now.
        guardrails.expire_approvals(self._gate.ledger, now=now, teller=teller)
        return outcome, lambda write: guardrails.vote_in(write, name, verdict, who, why, now, teller)

    def _teller(self) -> guardrails.Teller:
        _facts, configuration = self._gate.known()
        messages = Messages(self._gate.home, configuration, self._gate.environ, self._gate.clock())
        return guardrails.Teller(configuration, messages.decision_body)

    def _speak_of_incident(self, link: links.Link, name: str, why: str) -> tuple[str, Act]:
        found = incident(self._gate.home, name)
        occasion = found.occasion
        verdict = VERDICTS.get(link.action)
        kind: guardrails.FeedbackKind = "acknowledge" if verdict is None else "verdict"
        outcome = {None: "Acknowledged", "false": "Judged a false alarm", "planned": "Judged planned"}[verdict]
        now = self._gate.clock()
        return outcome, lambda write: guardrails.record_feedback_in(
            write, occasion, kind, who=link.who, given_at=now, verdict=verdict, why=why
        )

    def _thread(self, link: links.Link) -> str | None:
        kind, _, name = link.subject.partition("/")
        if kind == "decision":
            return guardrails.thread_of_decision(self._gate.ledger, name)
        return link.subject
