"""What a replay leaves in a folder: a page, the decisions and the orders.

Here: plain values of an outcome, as the page and the CSV files have them.
Not here: what the page looks like (reports.replay), which replays a home keeps (kept_replays).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardrails import Comparison, Outcome, PolicyOutcome, TargetKey

_TARGET = ("name", "scope_type", "scope_value", "warned", "acted", "released", "refused", "flips_a_week")
_COMPARED = ("warned", "asked", "acted", "released", "refused", "missed", "false_actions")


def write_files(outcome: Outcome, comparison: Comparison | None, out: Path) -> list[str]:
    """Write ``replay.html``, ``decisions.csv`` and ``orders.csv`` into a folder, and return their names.

    Raises:
        OSError: the folder cannot be made or written.
    """
    from reports import render_replay, write_page

    out.mkdir(parents=True, exist_ok=True)
    write_page(render_replay(document_of(outcome, comparison)), out / "replay.html")
    _write_csv(out / "decisions.csv", _decision_rows(outcome), "decided_at")
    _write_csv(out / "orders.csv", _order_rows(outcome), "policy_id")
    return ["replay.html", "decisions.csv", "orders.csv"]


def document_of(outcome: Outcome, comparison: Comparison | None) -> dict[str, Any]:
    """The outcome as plain values: what ``reports.render_replay`` takes."""
    found, after = outcome.replay, outcome.replay.approvals.after
    return {
        "first": found.first,
        "last": found.last,
        "step_minutes": int(found.step.total_seconds() // 60),
        "moment_count": found.moment_count,
        "approve_after_minutes": None if after is None else int(after.total_seconds() // 60),
        "throttle_share": outcome.throttle_share,
        "saved": dict(outcome.saved),
        "critical": dict(outcome.critical),
        "incident_count": outcome.incident_count,
        "missed": [
            {
                "incident_id": one.incident_id,
                "target": f"{one.scope_type}:{one.scope_value}",
                "first_seen": one.first_seen,
            }
            for one in outcome.missed
        ],
        "unmeasured": list(outcome.unmeasured),
        "policies": [_policy(one) for one in outcome.policies],
        "orders": [
            {
                "policy_id": one.order.key.policy_id,
                "target": target_of(one.order.key),
                "level": one.order.level.value,
                "acted_at": one.order.acted_at,
                "ended_at": one.order.ended_at or found.last,
                "saved": dict(one.saved),
                "verdict": one.verdict,
            }
            for one in outcome.orders
        ],
        "decisions": [
            {
                "policy_id": one.policy_id,
                "target": one.target,
                "level": one.level.value,
                "at": one.decided_at,
                "refused_because": None if one.suppressed_because is None else one.suppressed_because.value,
            }
            for one in found.decisions
        ],
        "comparison": None if comparison is None else _comparison(comparison),
    }


def target_of(key: TargetKey) -> str:
    """``team:search``, ``app:copilot/gpt-5``."""
    return f"{key.scope_type}:{key.scope_value}" + (f"/{key.subject}" if key.subject else "")


def _policy(one: PolicyOutcome) -> dict[str, Any]:
    counts = {name: getattr(one, name) for name in ("policy_id", "warned", "asked", "acted", "released")}
    targets = [
        {name: getattr(target, name) for name in _TARGET} | {"saved": dict(target.saved)} for target in one.targets
    ]
    money = {name: dict(getattr(one, name)) for name in ("saved", "critical", "refused", "verdicts")}
    return counts | money | {"targets": targets}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {name: getattr(comparison, name) for name in _COMPARED} | {
        "saved": dict(comparison.saved),
        "critical": dict(comparison.critical),
        "only_before": list(comparison.only_before),
        "only_after": list(comparison.only_after),
    }


def _decision_rows(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {
            "decided_at": _minute(one.decided_at),
            "policy_id": one.policy_id,
            "target": one.target,
            "period": one.period,
            "level": one.level.value,
            "refused_because": one.suppressed_because.value if one.suppressed_because else "",
            "reason": one.reason,
        }
        for one in outcome.replay.decisions
    ]


def _order_rows(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {
            "policy_id": one.order.key.policy_id,
            "target": target_of(one.order.key),
            "level": one.order.level.value,
            "actions": " ".join(one.order.actions),
            "acted_at": _minute(one.order.acted_at),
            "ended_at": _minute(one.order.ended_at) if one.order.ended_at else "",
            "currency": currency,
            "saved": f"{one.saved.get(currency, 0):f}",
            "critical": f"{one.critical.get(currency, 0):f}",
            "verdict": one.verdict,
            "incidents": " ".join(one.incident_ids),
        }
        for one in outcome.orders
        for currency in sorted(one.saved) or [""]
    ]


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


def _write_csv(file: Path, rows: Sequence[dict[str, Any]], first_column: str) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]) if rows else [first_column])
        writer.writeheader()
        writer.writerows(rows)
