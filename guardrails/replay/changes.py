"""Facts of the past as a log of changes: each fact with the moments between which it was the newest known.

Here: rows of the mart ``fct_guardrail_fact_history`` as typed changes.
Not here: how it is found out what was known when (dbt), and what follows from it (engine).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from finops.periods import as_utc
from guardrails.facts import GuardrailFact, from_rows

_NAMES = ("kind", "budget_id", "scope_type", "scope_value", "subject", "currency", "metric", "period", "known_from")


@dataclass(frozen=True, slots=True)
class FactChange:
    """A fact that was known from ``fact.as_of`` (UTC) until ``known_to``; None: it still counts."""

    fact: GuardrailFact
    known_to: datetime | None = None

    @property
    def known_from(self) -> datetime:
        return self.fact.as_of


def changes_from_rows(rows: Iterable[Mapping[str, Any]], kinds: Collection[str]) -> list[FactChange]:
    """Read rows of the mart; facts of kinds that nobody asks for are left out.

    Raises:
        FactError: with every problem of every row.
    """
    wanted = [row for row in rows if row["kind"] in kinds]
    facts = from_rows(_as_fact(row) for row in wanted)
    return [FactChange(fact, _moment(row["known_to"])) for fact, row in zip(facts, wanted, strict=True)]


def _as_fact(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as one of fct_guardrail_facts: what it reports on is the moment at which it became known."""
    return {**row, "as_of": row["known_from"], "fact_id": "/".join(_text(row[name]) for name in _NAMES)}


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _moment(value: Any) -> datetime | None:
    if value is None or value != value:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
