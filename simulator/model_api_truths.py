"""What was planted in the organisation's use of OpenAI and Anthropic, for ``truth.json``.

Here: the list, with money measured on the generated data.
Not here: making it happen (``simulator.model_apis``).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from finops.periods import days
from simulator import model_apis
from simulator import organisation as org


def planted(parameters: org.Parameters) -> list[tuple[str, str, str, dict[str, str], date, date, Decimal, str]]:
    """Id, kind, what, where, first day, last day, money (USD) and expected finding of each."""
    last = parameters.last_billed_day
    workloads = model_apis.WORKLOADS

    def cost(day: date, project: str) -> Decimal:
        found = [w for w in workloads if w.project == project]
        return sum((model_apis.list_cost(parameters, w, day) for w in found), Decimal(0))

    since = max(model_apis.PRIORITY_SINCE, parameters.first_day)
    priority = sum((cost(day, "claims") for day in days(since, parameters.today)), Decimal(0))
    settled, of = model_apis.SETTLED_SHARE
    return [
        (
            "openai-blank-day", "empty_data", "Nobody uses OpenAI: the reports answer one row of zeros and nulls.",
            {"provider": "OpenAI"}, model_apis.BLANK_DAY, model_apis.BLANK_DAY, Decimal("0.000001"),
            "an explicit zero: no charge, no usage, no rejected row",
        ),
        (
            "openai-billed-without-usage", "reconciliation", "A project is billed, and the usage report has no rows.",
            {"provider": "OpenAI", "project": model_apis.UNREPORTED_PROJECT},
            model_apis.UNREPORTED_DAY, model_apis.UNREPORTED_DAY,
            cost(model_apis.UNREPORTED_DAY, model_apis.UNREPORTED_PROJECT),
            "billed cost with an estimate of 0 that day",
        ),
        (
            "openai-free-tokens", "reconciliation", "A project's tokens of one day are a gift: used and not billed.",
            {"provider": "OpenAI", "project": model_apis.FREE_PROJECT}, model_apis.FREE_DAY, model_apis.FREE_DAY,
            cost(model_apis.FREE_DAY, model_apis.FREE_PROJECT), "an estimate above the bill that day",
        ),
        (
            "openai-settling-day", "restatement", "The newest billed day is not all billed yet; a day later it is.",
            {"provider": "OpenAI", "project": model_apis.SETTLING_PROJECT}, last, last,
            cost(last, model_apis.SETTLING_PROJECT) * (of - settled) / of,
            "the day's later answer replaces the earlier one",
        ),
        (
            "anthropic-priority-tier", "reconciliation",
            "claims uses the priority tier: the usage report has it, the cost report never does.",
            {"provider": "Anthropic", "project": "claims"}, since, parameters.today, priority,
            "an estimate without a bill on every day",
        ),
    ]  # fmt: skip
