"""The card of a guardrail decision.

Here: what is told of it; a dry run is marked before anything else is read.
Not here: deciding (guardrails).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import formatting as f
from reports.measures.decisions import DecisionView, view_decision
from reports.messages.cards import Element, Style, banner, envelope, escape, fact_set, fitted, open_urls, text_block

STYLES: dict[str, Style] = {
    "throttle": "attention",
    "pause": "attention",
    "stop": "attention",
    "warn": "warning",
    "release": "good",
}


def decision_card(decision: Mapping[str, Any], links: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The Teams message about one decision (fields: ``measures.decisions.view_decision``).

    A runbook that is a web address becomes a button; any other is named in the text.

    Raises:
        ValueError: a link is no web address.
        MessageTooLargeError: it does not fit into 20 KB.
    """
    view = view_decision(decision)
    named = dict(links or {})
    if view.runbook.startswith(("https://", "http://")):
        named.setdefault("Runbook", view.runbook)
    actions = open_urls(named)
    return fitted(lambda _: envelope(_body(view), fallback=_fallback(view), actions=actions), 0)


def _body(view: DecisionView) -> list[Element]:
    body = []
    if view.is_dry_run:
        body.append(
            banner(
                "emphasis",
                [text_block("**DRY RUN** Nobody was asked to act. This is what the guardrail would do.", size="Small")],
            )
        )
    body.append(
        banner(
            STYLES.get(view.level, "emphasis"),
            [
                text_block(
                    f"Guardrail {escape(view.policy_id)}: {view.level_words.lower()}",
                    size="Small",
                    weight="Bolder",
                    isSubtle=True,
                ),
                text_block(escape(view.target), size="Large", weight="Bolder", spacing="None"),
            ],
        )
    )
    body.append(text_block(escape(view.reason or "No reason was recorded.", limit=600)))
    facts = [
        ("Period", escape(view.period_words)),
        ("Value", view.money(view.value)),
        (view.reference_words, view.money(view.reference)),
        ("Ratio", view.ratio_words),
    ]
    if view.projected_ratio is not None:
        facts.append(("Projected", f.percent(view.projected_ratio)))
    facts.append(("Status", escape(view.status_words)))
    if view.orders:
        facts.append(("Asked for", escape(", ".join(view.orders))))
    if view.withheld:
        facts.append(("Not asked for", escape(", ".join(view.withheld))))
    if view.suppressed_because:
        facts.append(("Suppressed", f"because {escape(view.suppression_words, limit=300)}"))
    if view.data_through:
        facts.append(("Data through", escape(view.data_through)))
    if view.owner:
        facts.append(("Policy owner", escape(view.owner)))
    if view.runbook and not view.runbook.startswith(("https://", "http://")):
        facts.append(("Runbook", escape(view.runbook, limit=300)))
    body.append(fact_set(facts))
    if view.policy_description:
        body.append(text_block(escape(view.policy_description, limit=300), isSubtle=True, size="Small"))
    body.append(text_block(f"Decision {escape(view.decision_id)}", isSubtle=True, size="Small", spacing="Small"))
    return body


def _fallback(view: DecisionView) -> str:
    prefix = "Dry run. " if view.is_dry_run else ""
    return f"{prefix}Guardrail {view.policy_id}, {view.level_words.lower()}: {view.target}. {view.reason}"
