"""The card of an incident: when it opens, gets worse, is over.

Here: what is told of it and in which order.
Not here: its explanation (models) and where it is sent (routing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reports import formatting as f
from reports.measures.incidents import Incident, parse_incident
from reports.measures.spend import MonthSpend
from reports.messages.cards import (
    Element,
    Style,
    banner,
    columns,
    envelope,
    escape,
    fact_set,
    fitted,
    open_urls,
    text_block,
)
from reports.summary import CurrencySummary, Summary

Stage = Literal["opened", "worsened", "closed"]

MAX_CONTRIBUTORS = 10
STYLES: dict[str, Style] = {"critical": "attention", "high": "attention", "medium": "warning", "low": "emphasis"}


def incident_card(
    incident: Mapping[str, Any],
    stage: Stage = "opened",
    summary: Summary | None = None,
    links: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The Teams message about one row of ``fct_incident``.

    Args:
        incident: the row; its JSON as lists.
        stage: what is new about it.
        summary: adds how the month stands in the incident's currency.
        links: titles and addresses of buttons; none are shown if there are none.

    Raises:
        KeyError, ValueError: the row lacks a field or has one that is no number; a link is no web address.
        MessageTooLargeError: it does not fit into 20 KB.
    """
    found = parse_incident(incident)
    actions = open_urls(links or {})
    context = _context(found, summary)
    shown = found.contributors[:MAX_CONTRIBUTORS]

    def build(kept: int) -> dict[str, Any]:
        return envelope(_body(found, stage, context, kept), fallback=_fallback(found, stage), actions=actions)

    return fitted(build, len(shown))


def _body(found: Incident, stage: Stage, context: list[tuple[str, str]], kept: int) -> list[Element]:
    name = escape(f.humanise(found.scope_name))
    direction = "more" if found.impact >= 0 else "less"
    style: Style = "good" if stage == "closed" else STYLES.get(found.severity, "emphasis")
    body = [
        banner(
            style,
            [
                text_block(_title(found, stage), size="Small", weight="Bolder", isSubtle=True),
                text_block(
                    f"{name}: {f.money(abs(found.impact), found.currency)} {direction} than expected",
                    size="Large",
                    weight="Bolder",
                    spacing="None",
                ),
            ],
        ),
        text_block(escape(found.explanation or "There is no explanation.", limit=600)),
        fact_set(
            [
                ("When", _when(found)),
                ("A day", f.signed_money(found.daily_impact, found.currency) if found.daily_impact else ""),
                (
                    "By the month's end",
                    f.signed_money(found.projected_impact, found.currency) if found.daily_impact else "",
                ),
                ("Moved by", _effects(found)),
                ("Owner", escape(found.owner or found.team or "nobody")),
                ("Incident", found.incident_id),
                *context,
            ]
        ),
    ]
    if kept:
        body.append(text_block("What contributed", weight="Bolder", separator=True))
        for part in found.contributors[:kept]:
            share = "" if part.share is None else f.percent(part.share)
            body.append(
                columns(
                    [
                        (f"{escape(f.humanise(part.dimension))} **{escape(part.value)}**", "stretch"),
                        (share or "–", "60px"),
                        (f.signed_money(part.impact, found.currency), "110px"),
                    ]
                )
            )
    left = len(found.contributors) - kept
    if left and found.contributors:
        body.append(text_block(f"and {left} more", isSubtle=True, spacing="Small"))
    return body


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


def _fallback(found: Incident, stage: Stage) -> str:
    return (
        f"{_title(found, stage)}: {found.scope_name}, {_when(found)}, "
        f"{f.signed_money(found.impact, found.currency)}. {found.explanation}"
    )
