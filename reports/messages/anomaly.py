"""The card of an anomaly.

Here: what is told of it and in which order.
Not here: its explanation (models) and where it is sent (routing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import formatting as f
from reports.measures.anomalies import Anomaly, parse_anomaly
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

MAX_CONTRIBUTORS = 10
STYLES: dict[str, Style] = {"critical": "attention", "high": "attention", "medium": "warning", "low": "emphasis"}


def anomaly_card(
    anomaly: Mapping[str, Any], summary: Summary | None = None, links: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The Teams message about one row of ``fct_anomaly``.

    Args:
        anomaly: the row; ``contributors`` as a list or JSON.
        summary: adds how the month stands in the anomaly's currency.
        links: titles and addresses of buttons; none are shown if there are none.

    Raises:
        KeyError, ValueError: the row lacks a field or has one that is no number; a link is no web address.
        MessageTooLargeError: it does not fit into 20 KB.
    """
    found = parse_anomaly(anomaly)
    actions = open_urls(links or {})
    context = _context(found, summary)
    shown = found.contributors[:MAX_CONTRIBUTORS]

    def build(kept: int) -> dict[str, Any]:
        return envelope(_body(found, context, kept), fallback=_fallback(found), actions=actions)

    return fitted(build, len(shown))


def _body(found: Anomaly, context: list[tuple[str, str]], kept: int) -> list[Element]:
    name = escape(f.humanise(found.scope_name))
    direction = "more" if found.impact >= 0 else "less"
    body = [
        banner(
            STYLES.get(found.severity, "emphasis"),
            [
                text_block(f"{found.severity.capitalize()} anomaly", size="Small", weight="Bolder", isSubtle=True),
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
                ("Day", f"{f.day(found.day)}, {found.basis_words}"),
                ("Actual", f.money(found.actual, found.currency)),
                ("Expected", f.money(found.expected, found.currency)),
                ("Owner", escape(found.owner or found.team or "nobody")),
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


def _context(found: Anomaly, summary: Summary | None) -> list[tuple[str, str]]:
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


def _fallback(found: Anomaly) -> str:
    return (
        f"{found.severity.capitalize()} anomaly: {found.scope_name}, {f.day(found.day)}, "
        f"{f.signed_money(found.impact, found.currency)}. {found.explanation}"
    )
