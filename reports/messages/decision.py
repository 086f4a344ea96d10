"""What people are told of a guardrail's decision.

Here: its words, figures and what can be done; a dry run is marked as one.
Not here: deciding (guardrails) and the look (``card``, ``email``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from shlex import quote
from typing import Any

from reports import formatting as f
from reports.measures.decisions import DecisionView, view_decision
from reports.messages.model import Fact, Figure, Message, Offer, Severity, Tone

MAX_THREAD = 160
"""Threads are part of ids that the ledger keeps in 300 characters."""

TONES: dict[str, Tone] = {
    "stop": "attention",
    "pause": "attention",
    "throttle": "attention",
    "warn": "warning",
    "release": "good",
}
SEVERITIES: dict[str, Severity] = {
    "stop": "critical",
    "pause": "critical",
    "throttle": "high",
    "warn": "medium",
}


def thread_of(decision: Mapping[str, Any]) -> str:
    """The thread of all decisions of one policy about one target."""
    names = [decision.get(name) for name in ("policy_id", "scope_type", "scope_value", "subject")]
    thread = "/".join(["guardrail", *(str(name) for name in names if name)])
    if len(thread) <= MAX_THREAD:
        return thread
    return f"{thread[: MAX_THREAD - 17]}-{hashlib.sha256(thread.encode()).hexdigest()[:16]}"


def decision_message(decision: Mapping[str, Any], team: str = "") -> Message:
    """The message of one decision (fields: ``measures.decisions.view_decision``). ``team``: whose target it is."""
    view = view_decision(decision)
    severity = SEVERITIES.get(view.level, "low")
    thread = thread_of(decision)
    figures = [Figure(label="Value", amount=view.value, unit=view.unit)]
    figures.append(Figure(label=view.reference_words, amount=view.reference, unit=view.unit))
    facts = [Fact(title="Ratio", value=view.ratio_words)]
    if view.projected_ratio is not None:
        facts.append(Fact(title="Projected", value=f.percent(view.projected_ratio)))
    facts += [
        Fact(title=title, value=value)
        for title, value in (
            ("Period", view.period_words),
            ("About", view.subject),
            ("Status", view.status_words),
            ("Data through", view.data_through),
            ("Policy owner", view.owner),
        )
        if value
    ]
    offers = []
    if view.status == "PENDING_APPROVAL":
        subject = f"decision/{view.decision_id}"
        command = f"aifinops approvals {{}} {view.decision_id} --why REASON"
        offers = [
            Offer(action="approve", subject=subject, command=command.format("approve")),
            Offer(action="deny", subject=subject, command=command.format("deny")),
        ]
    if view.level not in ("release", "observe"):
        offers += [
            Offer(action="acknowledge", subject=thread, command=f"aifinops messages acknowledge {quote(thread)}"),
            Offer(action="snooze", subject=thread, command=f"aifinops messages snooze {quote(thread)} --for 1d"),
        ]
    return Message(
        kind="guardrail",
        # What nobody was asked to do wakes nobody.
        severity="medium" if view.is_dry_run and severity in ("high", "critical") else severity,
        tone=TONES.get(view.level, "emphasis"),
        eyebrow=f"Guardrail {view.policy_id}: {view.level_words.lower()}",
        title=view.target,
        what=view.reason or "No reason was recorded.",
        is_dry_run=view.is_dry_run,
        figures=tuple(figures),
        done=_done(view),
        facts=tuple(facts),
        offers=tuple(offers),
        runbook=view.runbook,
        notes=tuple(text for text in (view.policy_description, f"Decision {view.decision_id}") if text),
        thread=thread,
        sources=(view.decision_id,),
        team=team,
        scope=f"{view.scope_type}/{view.scope_value}",
    )


def _done(view: DecisionView) -> str:
    kinds = (*view.orders, *view.withheld)
    if not kinds and not view.suppressed_because:
        return ""
    listed = _listed(kinds) if kinds else "Acting"
    if view.suppressed_because:
        return f"{listed} was not asked for, because {view.suppression_words}."
    if view.is_dry_run:
        return f"{listed} would have been asked for."
    if view.status == "PENDING_APPROVAL":
        until = f" until {view.approve_until}" if view.approve_until else ""
        return f"{listed} waits for {f.count(view.approvals_needed, 'approval')}{until}."
    if view.status in ("DENIED", "EXPIRED"):
        return f"{listed} was not asked for."
    if view.level == "release":
        return f"Taking back {listed[:1].lower()}{listed[1:]} was asked for."
    if view.acts_at:
        return f"{listed} will be asked for at {view.acts_at}, unless it is over by then."
    return f"{listed} was asked for."


def _listed(kinds: tuple[str, ...]) -> str:
    text = ", ".join(kinds)
    return text[:1].upper() + text[1:]
