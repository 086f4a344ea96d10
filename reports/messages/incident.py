"""What people are told of an incident: when it opens, gets worse, is over.

Here: its words, figures, contributors and what can be done.
Not here: its explanation (models), where it is sent (guardrails) and the look (``card``, ``email``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reports import formatting as f
from reports.measures.incidents import Incident, parse_incident
from reports.measures.spend import MonthSpend
from reports.messages.model import Chart, Contributor, Fact, Figure, Link, Message, Offer, Severity, Tone
from reports.summary import CurrencySummary, Summary

Stage = Literal["opened", "worsened", "closed"]

TONES: dict[str, Tone] = {"critical": "attention", "high": "attention", "medium": "warning", "low": "emphasis"}
_SEVERITIES: dict[str, Severity] = {"critical": "critical", "high": "high", "medium": "medium"}


def incident_message(
    incident: Mapping[str, Any],
    stage: Stage = "opened",
    summary: Summary | None = None,
    links: Mapping[str, str] | None = None,
) -> Message:
    """The message about one row of ``fct_incident``.

    Args:
        incident: the row; its JSON as lists.
        stage: what is new about it.
        summary: adds how the month stands in the incident's currency.
        links: titles and addresses of what else to open.

    Raises:
        KeyError, ValueError: the row lacks a field or has one that is no number.
    """
    found = parse_incident(incident)
    direction = "more" if found.impact >= 0 else "less"
    is_over = stage == "closed"
    figures = [
        Figure(label="In all" if is_over else "So far", amount=found.impact, unit=found.currency, is_change=True)
    ]
    if found.daily_impact and not is_over:
        figures += [
            Figure(label="A day", amount=found.daily_impact, unit=found.currency, is_change=True),
            Figure(label="By the month's end", amount=found.projected_impact, unit=found.currency, is_change=True),
        ]
    facts = [
        ("When", _when(found)),
        ("Moved by", _effects(found)),
        ("Owner", found.owner or found.team or "nobody"),
        ("Incident", found.incident_id),
        *_context(found, summary),
    ]
    return Message(
        kind="incident",
        severity=_SEVERITIES.get(found.severity, "low"),
        tone="good" if stage == "closed" else TONES.get(found.severity, "emphasis"),
        eyebrow=_title(found, stage),
        title=f"{f.humanise(found.scope_name)}: {f.money(abs(found.impact), found.currency)} {direction} than expected",
        what=found.explanation or "There is no explanation.",
        figures=tuple(figures),
        contributors=tuple(
            Contributor(
                dimension=part.dimension,
                value=part.value,
                amount=part.impact,
                currency=found.currency,
                share=part.share,
            )
            for part in found.contributors
        ),
        facts=tuple(Fact(title=title, value=value) for title, value in facts if value),
        offers=() if stage == "closed" else _offers(found),
        links=tuple(Link(title=title, url=url) for title, url in (links or {}).items()),
        chart=_chart(found),
        thread=f"incident/{found.incident_id}",
        sources=(found.incident_id,),
        team=found.team or "",
        scope=f"{found.scope_type}/{found.scope_value}",
    )


def _offers(found: Incident) -> tuple[Offer, ...]:
    subject, short = f"incident/{found.incident_id}", found.incident_id[:8]
    verdict = f"aifinops incidents feedback {short} --why REASON --verdict"
    return (
        Offer(action="acknowledge", subject=subject, command=f"aifinops incidents acknowledge {short}"),
        Offer(action="snooze", subject=subject, command=f"aifinops messages snooze {subject} --for 1d"),
        Offer(action="false_alarm", subject=subject, command=f"{verdict} false"),
        Offer(action="planned", subject=subject, command=f"{verdict} planned"),
    )


def _chart(found: Incident) -> Chart | None:
    if not found.days:
        return None

    def column(name: str) -> tuple[float | None, ...]:
        return tuple(None if day.get(name) is None else float(day[name]) for day in found.days)

    return Chart(
        days=tuple(str(day["day"])[:10] for day in found.days),
        actual=column("actual"),
        low=column("low"),
        high=column("high"),
        first=found.first_seen.isoformat(),
        last=found.last_seen.isoformat(),
        currency=found.currency,
    )


def _title(found: Incident, stage: Stage) -> str:
    severity = found.severity.capitalize()
    if stage == "opened":
        return f"{severity} incident"
    if stage == "worsened":
        return f"Incident got worse: {found.severity}"
    return f"Incident over: {found.status_words}"


def _when(found: Incident) -> str:
    first, last = f.day(found.first_seen), f.day(found.last_seen)
    days = "" if found.first_seen == found.last_seen else f" to {last} ({f.count(found.day_count, 'day')})"
    return f"{first}{days}, {found.basis_words}"


def _effects(found: Incident) -> str:
    return ", ".join(f"{name} {f.signed_money(amount, found.currency)}" for name, amount in found.effects.items())


def _context(found: Incident, summary: Summary | None) -> list[tuple[str, str]]:
    item = _of_currency(summary, found.currency)
    if item is None or not isinstance(item.month, MonthSpend):
        return []
    month = item.month
    spent = f"{f.whole_money(month.ai_spend, item.currency)} through {f.short_day(month.billed_through)}"
    return [("All AI spend this month", spent)]


def _of_currency(summary: Summary | None, currency: str) -> CurrencySummary | None:
    if summary is None:
        return None
    return next((item for item in summary.currencies if item.currency == currency), None)
