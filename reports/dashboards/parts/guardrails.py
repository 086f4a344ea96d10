"""What guardrails have decided, what waits for people, and what has not arrived.

Here: the company's decisions in full, approvals with the command, messages and orders that were not delivered.
Not here: decisions about one scope (``decisions``), deciding (guardrails).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Block, Cell, Column, Note, Row, Table, Target, Tile, Tone
from reports.measures.decisions import DecisionView, view_decision

SHOWN = 20
DECISIONS = 50
STATUS_ORDER = (
    "PENDING_APPROVAL",
    "FAILED",
    "EXECUTING",
    "ENFORCED",
    "REVERTING",
    "WARN",
    "OBSERVE",
    "SUPPRESSED",
    "EXPIRED",
    "DENIED",
    "REVERTED",
)
DELIVERY_WORDS: Mapping[str, tuple[str, Tone]] = {
    "dead": ("Given up", "bad"),
    "undeliverable": ("Needs configuration", "bad"),
    "pending": ("Waits", "warn"),
    "awaiting_approval": ("Waits for approval", "warn"),
}
GIVEN_UP = ("dead", "undeliverable")


def waiting(ask: Ask, decisions: Sequence[DecisionView]) -> int:
    """How many orders wait for approval."""
    return len(ask.view.operations.approvals) or sum(one.status == "PENDING_APPROVAL" for one in decisions)


def given_up(ask: Ask) -> list[Mapping[str, Any]]:
    """Messages and orders that nobody tries to deliver any more."""
    return [one for one in ask.view.operations.deliveries if str(one.get("status")) in GIVEN_UP]


def waiting_tile(ask: Ask, decisions: Sequence[DecisionView]) -> Tile:
    count = waiting(ask, decisions)
    enforced = sum(one.status in ("ENFORCED", "EXECUTING") and not one.is_dry_run for one in decisions)
    return Tile(
        "Waiting for approval",
        str(count) if count else "None",
        f"{f.count(enforced, 'order')} in force",
        f"{f.count(sum(one.is_dry_run for one in decisions), 'decision')} in dry run",
        tone="bad" if count else "good",
        target=Target("on-call", anchor="guardrails"),
    )


def given_up_tiles(ask: Ask) -> list[Tile]:
    """Nothing where nothing is on its way."""
    if not ask.view.operations.deliveries:
        return []
    dead = given_up(ask)
    return [
        Tile(
            "Messages given up",
            str(len(dead)) if dead else "None",
            "aifinops deliveries list says why",
            tone="bad" if dead else "good",
        )
    ]


def headlines(decisions: Sequence[DecisionView]) -> list[Note]:
    """What was held back, and why."""
    held = [one for one in decisions if one.status == "SUPPRESSED"]
    if not held:
        return []
    reasons = "; ".join(dict.fromkeys(one.suppression_words for one in held))
    return [Note(f"{f.count(len(held), 'order')} {'was' if len(held) == 1 else 'were'} held back: {reasons}.", "warn")]


def blocks(ask: Ask, decisions: Sequence[DecisionView]) -> tuple[tuple[Block, ...], ...]:
    """Approvals and what has not arrived only where there is any."""
    return (
        *(((_approvals_table(ask),),) if ask.view.operations.approvals else ()),
        *(((_dry_run_note(),),) if any(decision.is_dry_run for decision in decisions) else ()),
        (_decisions_table(decisions),),
        *(((_deliveries_table(ask),),) if ask.view.operations.deliveries else ()),
    )


def _dry_run_note() -> Note:
    return Note("Dry run: marked decisions were recorded and told, but nobody was asked to act.", "warn")


def _scope(decision: DecisionView) -> Cell:
    return cells.scope(decision.scope_type, decision.scope_value, small=decision.period_words)


def _decisions_table(decisions: Sequence[DecisionView]) -> Table:
    def place(decision: DecisionView) -> int:
        return STATUS_ORDER.index(decision.status) if decision.status in STATUS_ORDER else len(STATUS_ORDER)

    ordered = sorted(decisions, key=place)
    rows = []
    for decision in ordered[:DECISIONS]:
        why = [decision.reason]
        follows = []
        if decision.orders:
            follows.append(f"Asked for: {', '.join(decision.orders)}")
        if decision.withheld:
            follows.append(f"Not asked for: {', '.join(decision.withheld)}")
        if decision.suppressed_because:
            follows.append(f"Suppressed: {decision.suppression_words}")
        details = [f"Policy {decision.policy_id}: {decision.policy_description}"] if decision.policy_description else []
        if decision.runbook:
            details.append(f"Runbook: {decision.runbook}")
        if decision.owner:
            details.append(f"Owner: {decision.owner}")
        if decision.data_through:
            details.append(f"On data through {decision.data_through}. Decision {decision.decision_id}.")
        rows.append(
            Row(
                (
                    _scope(decision),
                    cells.text(decision.policy_id, small=decision.decided_at),
                    cells.badge(decision.level_words, decision.tone),
                    Cell(
                        decision.status_words,
                        sort=place(decision),
                        small="Dry run" if decision.is_dry_run else "",
                    ),
                    Cell(
                        decision.money(decision.value),
                        sort=decision.value,
                        small=f"{decision.reference_words.lower()} {decision.money(decision.reference)}",
                    ),
                    Cell(decision.ratio_words, sort=decision.ratio),
                    Cell(" ".join(why), small=". ".join(follows)),
                ),
                tuple(details),
            )
        )
    released = sum(one.level == "release" or one.status == "REVERTED" for one in decisions)
    return Table(
        "decisions",
        "Decisions",
        (
            Column("Target"),
            Column("Policy"),
            Column("Level", "badge"),
            Column("Status"),
            Column("Value", "number", "With what it is compared with: a budget, or what is typical"),
            Column("Ratio", "number"),
            Column("Why, and what follows"),
        ),
        tuple(rows),
        "No guardrail has fired.",
        "What waits for people first, then what is in force, warned, held back; each newest first."
        + (f" {f.count(released, 'order')} released or undone." if released else ""),
        more=cells.more(len(ordered), DECISIONS, "more; aifinops actuators list has what stands"),
    )


def _approvals_table(ask: Ask) -> Table:
    rows = []
    for entry in ask.view.operations.approvals:
        decision = view_decision(entry)
        orders = [kind for kind in decision.withheld if kind != "notify"] or list(decision.orders)
        votes = entry.get("votes") or ()
        said = ", ".join(
            f"{vote.get('who')} {'agreed' if vote.get('verdict') == 'approve' else 'refused'}" for vote in votes
        )
        missing = int(entry.get("missing") or 0)
        rows.append(
            Row(
                (
                    _scope(decision),
                    cells.text(" and ".join(orders) or decision.level_words, small=decision.policy_id),
                    cells.text(decision.reason),
                    cells.text(decision.approve_until or "no end"),
                    cells.text(
                        said or "nobody yet", small=f"{f.count(missing, 'person', 'people')} missing" if missing else ""
                    ),
                    cells.text(
                        f"aifinops approvals approve {decision.decision_id}",
                        small=f"or aifinops approvals deny {decision.decision_id}",
                    ),
                )
            )
        )
    return Table(
        "approvals",
        "Waiting for approval",
        (
            Column("Target"),
            Column("Order"),
            Column("Why"),
            Column("Until"),
            Column("Answers"),
            Column("To type"),
        ),
        tuple(rows),
        "Nothing waits for approval.",
    )


def _deliveries_table(ask: Ask) -> Table:
    rows = []
    order = list(DELIVERY_WORDS)

    def place(entry: Mapping[str, Any]) -> int:
        status = str(entry.get("status"))
        return order.index(status) if status in order else len(order)

    for entry in sorted(ask.view.operations.deliveries, key=place)[:SHOWN]:
        status = str(entry.get("status"))
        words, tone = DELIVERY_WORDS.get(status, (f.humanise(status), "neutral"))
        due = entry.get("next_attempt_at")
        rows.append(
            Row(
                (
                    cells.text(
                        f.humanise(str(entry.get("kind") or "message").replace(".", " ")),
                        small=str(entry.get("message_id") or ""),
                    ),
                    cells.text(str(entry.get("route_id") or "")),
                    cells.badge(words, tone, sort=place(entry)),
                    cells.count(entry.get("attempts")),
                    cells.text(f.moment(due) if isinstance(due, datetime) else str(due or "")),
                    cells.text(str(entry.get("error") or ""), small=str(entry.get("remedy") or "")),
                    cells.text(f"aifinops deliveries replay {entry.get('message_id')}" if status == "dead" else ""),
                )
            )
        )
    return Table(
        "deliveries",
        "Messages and orders that have not arrived",
        (
            Column("Message"),
            Column("Route"),
            Column("State", "badge"),
            Column("Attempts", "number"),
            Column("Next attempt"),
            Column("Why, and what to do"),
            Column("To type"),
        ),
        tuple(rows),
        "Everything was delivered.",
        more=cells.more(len(ask.view.operations.deliveries), SHOWN),
    )
