"""What people are told of the budget gate: a job waits for their approval, or ran against its budget.

Here: its words and what can be done.
Not here: the judgement (guardrails.gate), where it is sent and the look.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.messages.model import Fact, Figure, Message, Offer


def gate_message(reply: Mapping[str, Any]) -> Message:
    """The message about one ask.

    Args:
        reply: an ask as it stands: ask_id, reason, until, ask (estimate, currency, who, scopes, job, break_glass),
            budgets; amounts are text.
    """
    ask, ask_id = reply["ask"], reply["ask_id"]
    amount = f.money(Decimal(ask["estimate"]), ask["currency"])
    name = ask["job"] or "A job"
    is_broken = bool(ask["break_glass"])
    facts = [("Asked by", ask["who"])]
    facts += [(level.replace("_", " ").capitalize(), value) for level, value in ask["scopes"].items()]
    offers: tuple[Offer, ...] = ()
    if is_broken:
        facts.append(("Why", ask["break_glass"]))
    else:
        offers = (
            Offer(action="approve", subject=f"gate/{ask_id}", command=f"aifinops gate approve {ask_id} --why REASON"),
            Offer(action="deny", subject=f"gate/{ask_id}", command=f"aifinops gate deny {ask_id} --why REASON"),
        )
    headline = f"{name} runs against the budget: {amount}" if is_broken else f"{name} wants to spend {amount}"
    until = f.moment(datetime.fromisoformat(reply["until"])) if reply["until"] and not is_broken else ""
    return Message(
        kind="gate",
        severity="high" if is_broken else "medium",
        tone="attention" if is_broken else "warning",
        eyebrow="Glass broken" if is_broken else "Waiting for approval",
        title=headline,
        what=reply["reason"],
        figures=(Figure(label="Estimate", amount=Decimal(ask["estimate"]), unit=ask["currency"]),),
        done=f"The job waits until {until} and does not run unless somebody approves it." if until else "",
        facts=tuple(Fact(title=title, value=value) for title, value in facts if value),
        offers=offers,
        notes=(f"aifinops gate show {ask_id}",),
        thread=f"gate/{ask_id}",
        sources=(ask_id,),
        team=ask["scopes"].get("team", ""),
        scope="/".join(next(iter(ask["scopes"].items()), ("company", ""))),
    )
