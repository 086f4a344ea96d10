"""What guardrails look at: rows of the mart ``fct_guardrail_facts``.

Here: the row as a typed, exact value, and its validation.
Not here: how facts are computed (dbt) and judged (decide).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar, get_args

from finops.periods import as_utc

FactKind = Literal[
    "budget",
    "burn_rate",
    "usage_doubled",
    "anomaly",
    "hourly_use",
    "idle_gpu",
    "tokens",
    "context_length",
    "model_use",
    "tag_missing",
    "price_unknown",
    "region_use",
]
KINDS: tuple[FactKind, ...] = get_args(FactKind)
Unit = Literal["currency", "tokens", "requests", "ratio", "level"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_WITH_REFERENCE = ("budget", "burn_rate")

MART = "fct_guardrail_facts"
_Name = TypeVar("_Name", bound=str)


class FactError(ValueError):
    """Rows that cannot be judged; ``problems`` names row, column and remedy of each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class GuardrailFact:
    """One measured target. Money is in ``currency``; times are UTC; ratios are shares (1 = 100%)."""

    fact_id: str
    kind: FactKind
    budget_id: str | None
    scope_type: str
    scope_value: str
    period: str
    metric: str
    value: Decimal
    reference: Decimal | None
    """Budget amount, or typical cost of that weekday; None where there is no history yet."""
    ratio: Decimal | None
    projected_ratio: Decimal | None
    currency: str
    increase_amount: Decimal | None
    data_through: datetime | None
    """The newest moment that the value knows of; None where there is no data behind it."""
    is_reconciled: bool
    as_of: datetime
    unit: Unit = "currency"
    """What ``value`` and ``reference`` count; ``increase_amount`` is money whatever it is."""
    subject: str | None = None
    """What the fact is about beside its scope: a model, region, tag, pool or incident."""

    @property
    def amount_at_stake(self) -> Decimal:
        """Money that lies above the reference; may be negative."""
        if self.increase_amount is not None:
            return self.increase_amount
        return self.value - (self.reference or 0) if self.unit == "currency" else Decimal(0)

    def as_dict(self) -> dict[str, str | bool | None]:
        """The fact as JSON-ready evidence: amounts and times as text."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}


def plain(value: Any) -> Any:
    """Decimals as plain text without exponent, times as ``2026-10-20T06:00:00Z``, the rest as it is."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def from_rows(records: Iterable[Mapping[str, Any]]) -> list[GuardrailFact]:
    """Read rows of ``fct_guardrail_facts``; columns that guardrails do not use are ignored.

    Nulls may be None, NaN or NaT. Times without a zone are UTC, as the mart's contract says. Amounts are Decimal,
    int or text, never float.

    Raises:
        FactError: with every problem of every row.
    """
    facts: list[GuardrailFact] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        row = _Row(record, number)
        fact = row.read()
        problems += row.problems
        if row.problems:
            continue
        if fact.fact_id in seen:
            problems.append(
                f"{MART} row {number}, column fact_id: {fact.fact_id!r} is also row {seen[fact.fact_id]}. "
                "Each fact appears once: check the mart's unique test"
            )
        seen[fact.fact_id] = number
        facts.append(fact)
    if problems:
        raise FactError(problems)
    return facts


class _Row:
    def __init__(self, record: Mapping[str, Any], number: int) -> None:
        self.record = record
        self.number = number
        self.problems: list[str] = []

    def read(self) -> GuardrailFact:
        kind = self.one_of("kind", KINDS)
        has_reference = kind in _WITH_REFERENCE
        as_of = self.moment("as_of", required=True)
        return GuardrailFact(
            fact_id=self.text("fact_id"),
            kind=kind,
            budget_id=self.text("budget_id", required=has_reference) or None,
            scope_type=self.text("scope_type"),
            scope_value=self.text("scope_value"),
            period=self.text("period"),
            metric=self.text("metric"),
            value=self.number_of("value", required=True) or Decimal(0),
            reference=self.number_of("reference", required=has_reference),
            ratio=self.number_of("ratio", required=has_reference),
            projected_ratio=self.number_of("projected_ratio"),
            currency=self.text("currency"),
            increase_amount=self.number_of("increase_amount"),
            data_through=self.moment("data_through"),
            is_reconciled=self.flag("is_reconciled"),
            as_of=as_of or datetime.min.replace(tzinfo=UTC),
            unit=self.one_of("unit", UNITS),
            subject=self.text("subject", required=False) or None,
        )

    def one_of(self, column: str, known: tuple[_Name, ...]) -> _Name:
        name = self.text(column)
        if name and name not in known:
            self.problem(column, f"{name!r} is unknown", f"Use one of {', '.join(known)}")
        return next((one for one in known if one == name), known[0])

    def problem(self, column: str, what: str, remedy: str) -> None:
        name = self.record.get("fact_id")
        shown = f" (fact {name})" if isinstance(name, str) and name else ""
        self.problems.append(f"{MART} row {self.number}{shown}, column {column}: {what}. {remedy}")

    def value(self, column: str, required: bool) -> Any:
        if column not in self.record:
            self.problem(column, "the column is missing", f"Build the mart {MART} with its contract enforced")
            return None
        value = self.record[column]
        # NaN and NaT, the nulls of data frames, are the values that differ from themselves.
        if value is None or value != value:
            if required:
                self.problem(column, "is null", f"Find out in {MART} why nothing was measured")
            return None
        return value

    def text(self, column: str, required: bool = True) -> str:
        value = self.value(column, required)
        if value is None:
            return ""
        if not isinstance(value, str) or (required and not value.strip()):
            self.problem(column, f"{value!r} is not a name", "Cast it to text in the mart")
            return ""
        return value

    def number_of(self, column: str, required: bool = False) -> Decimal | None:
        value = self.value(column, required)
        if value is None:
            return None
        if isinstance(value, bool | float):
            self.problem(column, f"{value!r} is not exact", "Keep it a decimal in the mart and while reading")
            return None
        try:
            number = Decimal(value)
        except (ArithmeticError, TypeError, ValueError):
            self.problem(column, f"{value!r} is not a number", "Cast it to a decimal in the mart")
            return None
        if not number.is_finite():
            self.problem(column, f"{value!r} is not finite", "Make it null in the mart where nothing can be said")
            return None
        return number

    def moment(self, column: str, required: bool = False) -> datetime | None:
        value = self.value(column, required)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            return as_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (AttributeError, TypeError, ValueError):
            self.problem(column, f"{value!r} is not a moment", "Write it as a timestamp in UTC")
            return None

    def flag(self, column: str) -> bool:
        value = self.value(column, required=True)
        if value is None:
            return False
        if isinstance(value, str) or value not in (True, False):
            self.problem(column, f"{value!r} is neither true nor false", "Cast it to boolean in the mart")
            return False
        return bool(value)
