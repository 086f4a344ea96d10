"""What the organisation got for its money: business outcomes per day, as CSV, one file per month.

Here: quantities that follow the same weekly cycle as usage, what some of them are worth, and how good answers were
judged, by model.
Not here: unit costs, which the warehouse computes.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from finops.periods import BillingPeriod
from simulator import organisation as org
from simulator import shapes
from simulator.randomness import stream
from simulator.usage import day_level

HEADER = (
    "outcome_date", "outcome", "team", "app", "feature", "quantity", "model", "quality_score", "value_amount",
    "currency",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    outcome: str
    team: str
    app: str
    feature: str
    per_day: float
    growth_per_year: float = 0.3
    profile: str = "office"
    worth: str | None = None
    """USD that one brings in or saves, on average; None where nobody has said it."""


OUTCOMES: tuple[Outcome, ...] = (
    Outcome("ticket_resolved", "support", "support-copilot", "answer", 2_900, 0.55, worth="0.60"),
    Outcome("ticket_routed", "support", "ticket-triage", "route", 3_400),
    Outcome("search_served", "search", "product-search", "search", 410_000, 0.3, "steady"),
    Outcome("query_rewritten", "search", "query-rewriter", "rewrite", 64_000, 0.3, "steady"),
    Outcome("product_described", "search", "catalog-enricher", "describe", 1_150),
    Outcome("document_processed", "documents", "invoice-extractor", "match", 9_800, worth="0.055"),
    Outcome("contract_reviewed", "documents", "contract-review", "clauses", 38, worth="42"),
    Outcome("lead_scored", "marketing", "lead-scoring", "score", 2_300, worth="0.0015"),
    Outcome("campaign_text_published", "marketing", "campaign-writer", "draft", 36),
    Outcome("claim_screened", "fraud", "claims-screening", "screen", 640),
    Outcome("transaction_scored", "fraud", "risk-scoring", "", 185_000, 0.2, "steady", worth="0.0021"),
    Outcome("route_planned", "robotics", "route-planner", "replan", 5_200),
)


@dataclass(frozen=True)
class Judged:
    """Answers of an app by one model that were looked at; ``good_share`` of them are found good."""

    team: str
    app: str
    model: str
    per_day: int
    good_share: float


JUDGED_OUTCOME = "answer_judged"
JUDGED: tuple[Judged, ...] = (
    # The small model is as good: the large one's calls could go there.
    Judged("support", "support-copilot", "gpt-4.1", 300, 0.912),
    Judged("support", "support-copilot", "gpt-5-mini", 300, 0.914),
    Judged("support", "ticket-triage", "gpt-4.1", 240, 0.951),
    Judged("support", "ticket-triage", "gpt-4.1-mini", 240, 0.953),
    Judged("marketing", "lead-scoring", "gpt-5.1", 240, 0.884),
    Judged("marketing", "lead-scoring", "gpt-5-mini", 240, 0.886),
    # It is worse.
    Judged("documents", "invoice-extractor", "gpt-4.1", 200, 0.968),
    Judged("documents", "invoice-extractor", "gpt-5-mini", 200, 0.905),
    Judged("marketing", "campaign-writer", "gpt-5.1", 120, 0.93),
    Judged("marketing", "campaign-writer", "gpt-5-mini", 120, 0.79),
)


def outcome_rows(parameters: org.Parameters, day: date) -> list[tuple[str, ...]]:
    """A finished day's outcomes; Sundays without contracts are rows with 0, not gaps."""
    rows: list[tuple[str, ...]] = []
    for outcome in OUTCOMES:
        rng = stream(parameters.seed, "outcome", outcome.outcome, day)
        level = day_level(
            parameters.seed, f"outcome/{outcome.outcome}", day, outcome.growth_per_year, outcome.profile == "office"
        )
        if outcome.app == org.LAUNCHED_APP and day >= org.LAUNCH_DAY:
            level *= org.LAUNCH_FACTOR
        expected = outcome.per_day * level * float(shapes.day_rates(outcome.profile, day).mean()) * parameters.scale
        quantity = int(rng.poisson(expected))
        rows.append((
            day.isoformat(), outcome.outcome, outcome.team, outcome.app, outcome.feature, str(quantity), "", "",
            *_value(parameters, outcome, day, quantity),
        ))  # fmt: skip
    return rows + [_judged_row(parameters, judged, day) for judged in JUDGED]


def _judged_row(parameters: org.Parameters, judged: Judged, day: date) -> tuple[str, ...]:
    rng = stream(parameters.seed, "judged", f"{judged.app}/{judged.model}", day)
    good = int(rng.binomial(judged.per_day, judged.good_share))
    score = (Decimal(good) / judged.per_day).quantize(Decimal("0.000001"))
    owner = (judged.team, judged.app, "")
    return (day.isoformat(), JUDGED_OUTCOME, *owner, str(judged.per_day), judged.model, str(score), "", "")


def _value(parameters: org.Parameters, outcome: Outcome, day: date, quantity: int) -> tuple[str, str]:
    """Worth of a day's outcomes and its currency: some days bring better ones than others."""
    if outcome.worth is None:
        return "", ""
    luck = Decimal(round(stream(parameters.seed, "worth", outcome.outcome, day).normal(1, 0.1), 3))
    return f"{quantity * Decimal(outcome.worth) * max(luck, Decimal('0.5')):.2f}", "USD"


def file_name(period: BillingPeriod) -> str:
    return f"outcomes-{period}.csv"


def csv_text(rows: list[tuple[str, ...]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return buffer.getvalue()
