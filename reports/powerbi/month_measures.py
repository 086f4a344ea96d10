"""Measures of months: against what was expected and what might be spent, and how much of them has an owner.

Here: forecast and budget against actual, coverage.
Not here: the running period's budgets and forecasts (``measures``).
"""

from __future__ import annotations

from reports.powerbi.expressions import (
    MONTH_TO_DATE,
    Aggregate,
    Difference,
    During,
    Expression,
    Ratio,
    amount,
)
from reports.powerbi.measure import APP, COMPANY, MONEY, ONE_CURRENCY, SHARE, TEAM, Measure


def month_measures() -> list[Measure]:
    """Months as they turned out, against what was expected and what might be spent."""
    measures: list[Measure] = []
    for who, scope in (("Company", COMPANY), ("Team", TEAM), ("App", APP)):
        folder = f"Month\\{who}"

        def month(name: str, table: str, kind: str, meaning: Expression, text: str, basis: str | None) -> Measure:
            about = f"{text} {ONE_CURRENCY}" if kind == MONEY else text
            return Measure(f"{who} {name}", table, folder, kind, meaning, about, basis)  # noqa: B023 - used at once

        forecast, actual, budget = (f"{who} month {what}" for what in ("forecast", "actual", "budget"))
        forecast_of = amount("Forecast month", "forecast_cost", "currency", scope)
        actual_of = amount("Forecast month", "actual_cost", "currency", scope)
        off, share = Difference(forecast, actual), Difference(forecast, actual, relative=True)
        budget_of = amount("Budget month", "budget_amount", "currency", scope)
        measures += [
            month(
                "month forecast",
                "Forecast month",
                MONEY,
                forecast_of,
                "What the newest forecast of before expected of the days of the month that are billed by now; made_at "
                "says when it was made.",
                "forecast",
            ),
            month("month actual", "Forecast month", MONEY, actual_of, "What those days cost.", "billed"),
            month("forecast variance", "Forecast month", MONEY, off, "Forecast less actual.", "forecast"),
            month(
                "forecast variance share",
                "Forecast month",
                SHARE,
                share,
                "Forecast less actual as a share of actual; within 12% is run, 15% walk, 20% crawl.",
                None,
            ),
            month(
                "month budget",
                "Budget month",
                MONEY,
                budget_of,
                "Budgets of the months in view as they were last known: of a past month, as it ended; known_from says "
                "since when.",
                "budget",
            ),
        ]
        if who != "Company":
            continue
        measures += [
            month(
                "month budget variance",
                "Budget month",
                MONEY,
                Difference("AI spend", budget),
                "Billed less budget of the months in view: above zero is over.",
                "billed",
            ),
            month(
                "month budget used",
                "Budget month",
                SHARE,
                Ratio("AI spend", budget),
                "Billed as a share of the budget of the months in view.",
                None,
            ),
        ]
    return measures


def coverage_measures() -> list[Measure]:
    measures: list[Measure] = []
    for name, column, scope in (
        ("AI cost", "ai_cost", COMPANY),
        ("Attributed cost", "attributed_cost", COMPANY),
        ("Tagged cost", "tagged_cost", COMPANY),
        ("Named cost", "named_cost", COMPANY),
        ("Shared cost", "allocated_cost", COMPANY),
        ("Team AI cost", "ai_cost", TEAM),
        ("Team tagged cost", "tagged_cost", TEAM),
    ):
        base = f"{name} of months in view"
        meaning = amount("Coverage", column, "currency", scope)
        text = f"The company's. {ONE_CURRENCY}" if scope is COMPANY else f"Of teams. {ONE_CURRENCY}"
        measures += [
            Measure(base, "Coverage", "Coverage", MONEY, meaning, text, "billed", True),
            Measure(
                f"{name} for coverage",
                "Coverage",
                "Coverage",
                MONEY,
                During(MONTH_TO_DATE, base),
                "Month to date.",
                "billed",
                True,
            ),
        ]
    target = Aggregate("MAX", "Coverage", "target_ratio", (COMPANY,))
    return [
        *measures,
        Measure(
            "Allocation coverage",
            "Coverage",
            "Coverage",
            SHARE,
            Ratio("Attributed cost for coverage", "AI cost for coverage"),
            "AI spend of the month that has a team, as a share of all AI spend. Blank over several currencies.",
        ),
        Measure(
            "Tag coverage",
            "Coverage",
            "Coverage",
            SHARE,
            Ratio("Tagged cost for coverage", "AI cost for coverage"),
            "AI spend of the month whose team comes from a tag of the resource. Blank over several currencies.",
        ),
        Measure(
            "Name coverage",
            "Coverage",
            "Coverage",
            SHARE,
            Ratio("Named cost for coverage", "AI cost for coverage"),
            "AI spend of the month whose team comes from a rule on a name. Blank over several currencies.",
        ),
        Measure(
            "Shared coverage",
            "Coverage",
            "Coverage",
            SHARE,
            Ratio("Shared cost for coverage", "AI cost for coverage"),
            "AI spend of the month that is a part of a pool. Blank over several currencies.",
        ),
        Measure(
            "Coverage against target",
            "Coverage",
            "Coverage",
            SHARE,
            Difference("Allocation coverage", "Coverage target"),
            "Allocation coverage less its target: below zero is too little.",
        ),
        Measure(
            "Team tag coverage",
            "Coverage",
            "Coverage",
            SHARE,
            Ratio("Team tagged cost for coverage", "Team AI cost for coverage"),
            "Of the teams' AI spend of the month, what a tag of the resource gave them. Blank over several currencies.",
        ),
        Measure("Coverage target", "Coverage", "Coverage", SHARE, target, "Target of allocation.yml."),
    ]
