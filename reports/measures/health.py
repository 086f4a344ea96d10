"""Whether the numbers can be trusted.

Here: how fresh each kind of data is, whether the marts equal the bill, what was rejected, usage since the bill.
Not here: the checks themselves (dbt, ingestion).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import pandas as pd

from reports.frames import ZERO, sum_by, text_or_none, total
from reports.measures.missing import Missing

BILL_LATE_HOURS = 72.0
"""Azure says a day's cost is complete within 24 to 48 hours; a day more and something is stuck."""
USAGE_LATE_HOURS = 24.0
FORECAST_LATE_HOURS = 48.0

SOURCE_WORDS = {
    "spans": "Gateway calls",
    "litellm": "LiteLLM calls",
    "usage_file": "Usage files",
    "azure_monitor": "Azure Monitor metrics",
    "openai": "OpenAI usage",
    "anthropic": "Anthropic usage",
}


@dataclass(frozen=True)
class Freshness:
    """``through`` is the end of the newest data (UTC); None when none ever arrived. ``mart`` is where it is."""

    name: str
    through: datetime | None
    age_hours: float | None
    late_after_hours: float
    mart: str

    @property
    def is_late(self) -> bool:
        return self.age_hours is None or self.age_hours > self.late_after_hours


@dataclass(frozen=True)
class RejectedRows:
    """``reasons``: (table, reason, remedy, rows), most rows first."""

    count: int
    reasons: tuple[tuple[str, str, str, int], ...]


@dataclass(frozen=True)
class Reconciliation:
    """``difference`` is between the delivered bill, less its rejected rows, and the marts; of ``unreconciled`` days."""

    day_count: int
    first_day: date
    last_day: date
    billed: Decimal
    difference: Decimal
    rejected_cost: Decimal
    rejected_rows: int
    unreconciled: tuple[tuple[str, date | None, Decimal], ...]

    @property
    def is_reconciled(self) -> bool:
        return not self.unreconciled


@dataclass(frozen=True)
class EstimatedUsage:
    """Priced usage after the last billed day: an estimate, never added to billed cost."""

    since: date
    through: datetime
    cost: Decimal
    by_team: tuple[tuple[str | None, Decimal], ...]
    unpriced_tokens: int
    unpriced_models: tuple[str, ...]


def freshness(
    cost: pd.DataFrame, usage: pd.DataFrame, gpus: pd.DataFrame, forecast: pd.DataFrame, as_of: datetime
) -> tuple[Freshness, ...]:
    """``as_of`` is naive UTC, as the frames are."""
    lines = []
    ai = cost[cost["is_ai"]]
    for provider, part in ai.groupby("provider_name"):
        lines.append(
            _fresh(f"Bill, {provider}", _end_of_day(part["usage_date"]), as_of, BILL_LATE_HOURS, "fct_ai_cost_daily")
        )
    if ai.empty:
        lines.append(_fresh("Bill", None, as_of, BILL_LATE_HOURS, "fct_ai_cost_daily"))
    for source, part in usage.groupby("source"):
        name = SOURCE_WORDS.get(str(source), str(source))
        through = _end_of_hour(part["usage_hour"])
        lines.append(_fresh(name, through, as_of, USAGE_LATE_HOURS, "fct_usage_cost_hourly"))
    if usage.empty:
        lines.append(_fresh("Model usage", None, as_of, USAGE_LATE_HOURS, "fct_usage_cost_hourly"))
    lines.append(_fresh("GPU metrics", _end_of_hour(gpus["usage_hour"]), as_of, USAGE_LATE_HOURS, "fct_gpu_hourly"))
    made = forecast["as_of"].max()
    made_at = None if pd.isna(made) else made.to_pydatetime()
    lines.append(_fresh("Forecast", made_at, as_of, FORECAST_LATE_HOURS, "fct_forecast_daily"))
    return tuple(lines)


def rejected_rows(frame: pd.DataFrame) -> RejectedRows:
    """``frame``: ``fct_rejected_row``."""
    if frame.empty:
        return RejectedRows(0, ())
    counts = Counter(
        (str(table), text_or_none(reason) or "", text_or_none(remedy) or "")
        for table, reason, remedy in zip(frame["table_name"], frame["reason"], frame["remedy"], strict=True)
    )
    return RejectedRows(len(frame), tuple((*key, rows) for key, rows in counts.most_common()))


def reconciliation(frame: pd.DataFrame) -> Reconciliation | Missing:
    """``frame``: ``fct_reconciliation_daily`` of one currency, and rows of no currency: rejected rows may have none.

    Amounts without a currency are counted as rows and not summed.
    """
    days = frame["usage_date"].dropna()
    if days.empty:
        return Missing("The bill has not been reconciled yet.")
    bad = frame[~frame["is_reconciled"]]
    money = frame[frame["billing_currency"].notna()]
    return Reconciliation(
        day_count=int(days.nunique()),
        first_day=days.min().date(),
        last_day=days.max().date(),
        billed=total(money["lake_billed_cost"]),
        difference=total(money["difference"]),
        rejected_cost=total(money["rejected_cost"]),
        rejected_rows=int(frame["rejected_row_count"].sum()),
        unreconciled=tuple(
            (
                text_or_none(row["provider_name"]) or "Unknown provider",
                None if pd.isna(row["usage_date"]) else row["usage_date"].date(),
                row["difference"] or ZERO,
            )
            for row in bad.sort_values("usage_date").to_dict("records")
        ),
    )


def estimated_usage(usage: pd.DataFrame, billed_through: date | None, as_of: datetime) -> EstimatedUsage | Missing:
    """``usage``: ``fct_usage_cost_hourly``. Without any bill, everything of the last 30 days is an estimate."""
    if usage.empty:
        return Missing("No model usage has arrived; connect gateway spans, usage files or Azure Monitor.")
    first = as_of.date() - timedelta(days=30) if billed_through is None else billed_through + timedelta(days=1)
    rows = usage[usage["is_attributable"] & (usage["usage_hour"] >= pd.Timestamp(first))]
    if rows.empty:
        return Missing("No usage has arrived since the last billed day.")
    unpriced = rows[rows["price_status"] != "priced"]
    by_team = [
        (text_or_none(team), amount)
        for team, amount in sum_by(rows, ["team"], ["estimated_cost"]).itertuples(index=False)
    ]
    return EstimatedUsage(
        since=first,
        through=_end_of_hour(rows["usage_hour"]) or as_of,
        cost=total(rows["estimated_cost"]),
        by_team=tuple(sorted(by_team, key=lambda entry: -entry[1])),
        unpriced_tokens=int(unpriced["tokens"].sum()),
        unpriced_models=tuple(sorted({str(model) for model in unpriced["model"].dropna()})),
    )


def _fresh(name: str, through: datetime | None, as_of: datetime, late_after_hours: float, mart: str) -> Freshness:
    if through is None:
        return Freshness(name, None, None, late_after_hours, mart)
    hours = max((as_of - through).total_seconds() / 3600, 0.0)
    return Freshness(name, min(through, as_of), hours, late_after_hours, mart)


def _end_of_day(days: pd.Series) -> datetime | None:
    newest = days.max()
    return None if pd.isna(newest) else newest.to_pydatetime() + timedelta(days=1)


def _end_of_hour(hours: pd.Series) -> datetime | None:
    newest = hours.max()
    return None if pd.isna(newest) else newest.to_pydatetime() + timedelta(hours=1)
