"""The card of the budget gate: a job that waits for somebody's approval, or that ran against its budget.

Here: what is told of it and in which order.
Not here: the judgement and its words (guardrails), and where it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.messages.cards import banner, envelope, escape, fact_set, fitted, text_block


def gate_card(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The Teams message about one ask.

    Args:
        reply: an ask as it stands: ask_id, reason, until, ask (estimate, currency, who, scopes, job, break_glass),
            budgets; amounts are text.

    Raises:
        MessageTooLargeError: it does not fit into 20 KB.
    """
    ask = reply["ask"]
    amount = f.money(Decimal(ask["estimate"]), ask["currency"])
    name = escape(ask["job"] or "A job")
    if ask["break_glass"]:
        title, headline = "Glass broken", f"{name} runs against the budget: {amount}"
    else:
        title, headline = "Waiting for approval", f"{name} wants to spend {amount}"
    facts = [("Asked by", escape(ask["who"]))]
    facts += [(level.replace("_", " ").capitalize(), escape(value)) for level, value in ask["scopes"].items()]
    if ask["break_glass"]:
        facts.append(("Why", escape(ask["break_glass"], limit=600)))
    elif reply["until"]:
        facts.append(("Answer by", f"{reply['until'][:16].replace('T', ' ')} UTC"))
    steps = f"aifinops gate approve {reply['ask_id']} --why REASON, or aifinops gate deny"
    if ask["break_glass"]:
        steps = f"aifinops gate show {reply['ask_id']}"
    body = [
        banner(
            "attention" if ask["break_glass"] else "warning",
            [
                text_block(title, size="Small", weight="Bolder", isSubtle=True),
                text_block(headline, size="Large", weight="Bolder", spacing="None"),
            ],
        ),
        text_block(escape(reply["reason"], limit=600)),
        fact_set(facts),
        text_block(escape(steps), isSubtle=True, size="Small"),
    ]
    fallback = f"{title}: {headline}. {reply['reason']}"
    return fitted(lambda _: envelope(body, fallback=fallback), 0)
