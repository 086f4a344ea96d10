"""The measures of the semantic model.

Here: those of spend, usage, budgets, forecasts, incidents, statements, and the list of all.
Not here: those of months and coverage (``month_measures``) and of units (``unit_measures``), how a meaning is written
as DAX or SQL (``expressions``).

Whole months and windows end with the newest billed day in view, so that without any choice of a month the cards say
what our own page says.
"""

from __future__ import annotations

from reports.measures.coverage import UNOWNED
from reports.measures.gpu import IDLE_GPU_KINDS
from reports.measures.incidents import OPEN
from reports.powerbi.expressions import (
    ALL_DAYS,
    MONTH_BEFORE,
    MONTH_TO_DATE,
    SAME_DAYS_BEFORE,
    SEVEN_DAYS,
    SINCE_BILLED,
    WHOLE_MONTH,
    Aggregate,
    Blank,
    Constant,
    Count,
    Difference,
    During,
    EachDay,
    Expression,
    InReportingCurrency,
    Is,
    Ratio,
    Unless,
    WhateverCurrency,
    Window,
    amount,
)
from reports.powerbi.measure import AI, APP, COMPANY, MONEY, MONTHLY, ONE_CURRENCY, SHARE, TEAM, WHOLE, Measure
from reports.powerbi.month_measures import coverage_measures, month_measures
from reports.powerbi.unit_measures import own_unit_measures, unit_measures


def _cost(column: str, *where: Is | Blank) -> Aggregate:
    return amount("Cost", column, "billing_currency", *where)


def _spend() -> list[Measure]:
    def bill(name: str, meaning: Expression, text: str, folder: str = "Spend", kind: str = MONEY) -> Measure:
        about = f"{text} {ONE_CURRENCY}" if kind == MONEY else text
        basis = "invoiced" if "billed" in name else "billed"
        return Measure(name, "Cost", folder, kind, meaning, about, basis if kind == MONEY else None)

    def month(name: str, window: Window, of: str, text: str) -> Measure:
        return bill(name, During(window, of), text, "Spend\\Month")

    converted = "In the reporting currency, at the rate of each day; blank where a day has no rate."
    reporting = "reporting_currency"
    lacking = Count("Cost", (Blank("reporting_effective_cost"),))
    lacking_ai = Count("Cost", (AI, Blank("reporting_effective_cost")))

    def hidden(name: str, meaning: Expression, text: str, kind: str = MONEY) -> Measure:
        return Measure(name, "Cost", "Spend\\Converted", kind, meaning, text, is_hidden=True)

    return [
        bill("AI spend", _cost("effective_cost", AI), "Effective (amortised) cost of AI on the bill."),
        bill("AI billed", _cost("billed_cost", AI), "Invoiced cost of AI on the bill."),
        bill("Whole bill", _cost("effective_cost"), "Effective cost of everything on the bill."),
        bill("Whole bill billed", _cost("billed_cost"), "Invoiced cost of everything on the bill."),
        month("AI spend month to date", MONTH_TO_DATE, "AI spend", "Spend from the first to the newest billed day."),
        month(
            "AI billed month to date", MONTH_TO_DATE, "AI billed", "Invoiced from the first to the newest billed day."
        ),
        month(
            "Whole bill month to date", MONTH_TO_DATE, "Whole bill", "The bill from the first to the newest billed day."
        ),
        month("AI spend month before", MONTH_BEFORE, "AI spend", "Spend of the whole month before."),
        month("AI spend same days before", SAME_DAYS_BEFORE, "AI spend", "Spend of the same days of the month before."),
        bill(
            "AI spend change",
            Difference("AI spend month to date", "AI spend same days before", relative=True),
            "Month to date against the same days of the month before, as a share of those.",
            "Spend\\Month",
            SHARE,
        ),
        bill(
            "AI share of bill",
            Ratio("AI spend month to date", "Whole bill month to date"),
            "AI spend of the month as a share of the whole bill.",
            "Spend\\Month",
            SHARE,
        ),
        month("AI spend last 7 days", SEVEN_DAYS, "AI spend", "Spend of the newest seven billed days."),
        Measure(
            "AI run rate per month",
            "Cost",
            "Spend\\Month",
            MONEY,
            Ratio("AI spend last 7 days", "Months in 7 days"),
            f"What 30 days cost at the pace of the newest seven; no forecast. {ONE_CURRENCY}",
            "billed",
        ),
        Measure(
            "Months in 7 days",
            "Date",
            "Calendar",
            "0.0000",
            Constant("7.0 / 30"),
            "Seven days as a share of 30.",
            is_hidden=True,
        ),
        bill(
            "Idle GPU cost",
            _cost("effective_cost", AI, Is("idle_kind", IDLE_GPU_KINDS)),
            "Cost of GPU time that was free, fragmented or held without use.",
        ),
        month("Idle GPU cost month to date", MONTH_TO_DATE, "Idle GPU cost", "Idle GPU time of the month so far."),
        bill(
            "AI spend without owner",
            _cost("effective_cost", AI, Is("attribution_method", UNOWNED)),
            "AI spend that no rule gives a team.",
        ),
        hidden("AI rows without rate", lacking_ai, "Rows of AI spend that cannot be converted.", WHOLE),
        hidden("Rows without rate", lacking, "Rows of the bill that cannot be converted.", WHOLE),
        hidden("AI spend of known rates", amount("Cost", "reporting_effective_cost", reporting, AI), converted),
        hidden("Bill of known rates", amount("Cost", "reporting_effective_cost", reporting), converted),
        Measure(
            "AI spend converted",
            "Cost",
            "Spend\\Converted",
            MONEY,
            Unless("AI spend of known rates", "AI rows without rate"),
            f"Effective cost of AI in all currencies. {converted}",
            "billed",
        ),
        Measure(
            "Whole bill converted",
            "Cost",
            "Spend\\Converted",
            MONEY,
            Unless("Bill of known rates", "Rows without rate"),
            f"Effective cost of everything in all currencies. {converted}",
            "billed",
        ),
        Measure(
            "AI spend converted month to date",
            "Cost",
            "Spend\\Converted",
            MONEY,
            During(MONTH_TO_DATE, "AI spend converted"),
            f"Month to date in all currencies. {converted}",
            "billed",
        ),
        Measure(
            "Whole bill converted month to date",
            "Cost",
            "Spend\\Converted",
            MONEY,
            During(MONTH_TO_DATE, "Whole bill converted"),
            f"The bill of the month to date in all currencies. {converted}",
            "billed",
        ),
    ]


def _usage() -> list[Measure]:
    attributable = Is("is_attributable", (True,))

    def usage(name: str, kind: str, meaning: Expression, text: str) -> Measure:
        money = kind != WHOLE
        return Measure(
            name,
            "Usage",
            "Usage",
            kind,
            meaning,
            f"{text} {ONE_CURRENCY}" if money else text,
            "estimated" if money else None,
        )

    return [
        usage("Tokens used", WHOLE, Aggregate("SUM", "Usage", "tokens", (attributable,)), "Tokens of all classes."),
        usage("Requests", WHOLE, Aggregate("SUM", "Usage", "request_count", (attributable,)), "Requests to models."),
        Measure(
            "Tokens without price by currency",
            "Usage",
            "Usage",
            WHOLE,
            Aggregate("SUM", "Usage", "tokens", (attributable, Is("price_status", ("unpriced",)))),
            "Without a price there is no currency.",
            is_hidden=True,
        ),
        usage(
            "Tokens without price",
            WHOLE,
            WhateverCurrency("Tokens without price by currency"),
            "Tokens that no price is known for, whichever currency is chosen; estimates lack them.",
        ),
        usage(
            "Estimated cost",
            MONEY,
            amount("Usage", "estimated_cost", "currency", attributable),
            "Usage at the price of its day; an estimate, never to be added to the bill.",
        ),
        usage(
            "Estimated since billed",
            MONEY,
            During(SINCE_BILLED, "Estimated cost"),
            "Estimated cost of usage after the newest billed day.",
        ),
    ]


def _budgets() -> list[Measure]:
    measures: list[Measure] = []
    columns = {
        "budget": ("budget_amount", "What the month may cost.", "budget"),
        "spent": ("billed_to_date", "Billed of it so far.", "billed"),
        "remaining": ("remaining_amount", "Left of it.", "budget"),
        "projected": ("projected_cost", "What the month is expected to have cost when it ends.", "forecast"),
        "projected low": ("projected_lower", "Lower end of the 80% interval of the projection.", "forecast"),
        "projected high": ("projected_upper", "Upper end of the 80% interval of the projection.", "forecast"),
    }
    for who, scope in (("Company", COMPANY), ("Team", TEAM)):
        several = "" if who == "Company" else " Of several teams: the sum of their budgets."
        for what, (column, text, basis) in columns.items():
            if who == "Team" and what in ("projected low", "projected high"):
                continue  # ends of intervals of teams do not sum to an interval
            base = f"{who} {what} of periods in view"
            meaning = amount("Budget", column, "currency", scope, MONTHLY)
            folder = f"Budget\\{who}"
            measures.append(Measure(base, "Budget", folder, MONEY, meaning, f"{text} {ONE_CURRENCY}", basis, True))
            measures.append(
                Measure(
                    f"{who} {what}",
                    "Budget",
                    folder,
                    MONEY,
                    During(WHOLE_MONTH, base),
                    f"{text}{several} {ONE_CURRENCY}",
                    basis,
                )
            )
        measures += [
            Measure(
                f"{who} variance",
                "Budget",
                f"Budget\\{who}",
                MONEY,
                Difference(f"{who} projected", f"{who} budget"),
                f"Projected less budget: above zero is over. {ONE_CURRENCY}",
                "forecast",
            ),
            Measure(
                f"{who} used",
                "Budget",
                f"Budget\\{who}",
                SHARE,
                Ratio(f"{who} spent", f"{who} budget"),
                "Billed so far as a share of the budget.",
            ),
            Measure(
                f"{who} projected use",
                "Budget",
                f"Budget\\{who}",
                SHARE,
                Ratio(f"{who} projected", f"{who} budget"),
                "Projection as a share of the budget.",
            ),
        ]
    chance = Aggregate("MAX", "Budget", "exceed_probability", (COMPANY, MONTHLY), ("budget_id",))
    measures += [
        Measure("Chance of one budget", "Budget", "Budget\\Company", SHARE, chance, "As of the run.", is_hidden=True),
        Measure(
            "Chance over budget",
            "Budget",
            "Budget\\Company",
            SHARE,
            During(WHOLE_MONTH, "Chance of one budget"),
            "Share of the forecast's paths that end the month above the company's budget.",
        ),
        Measure(
            "Budgets over",
            "Budget",
            "Budget",
            WHOLE,
            Count("Budget", (Is("status", ("over",)),)),
            "Budgets of any period that are over, or expected to be with near certainty.",
        ),
        Measure(
            "Budgets at risk",
            "Budget",
            "Budget",
            WHOLE,
            Count("Budget", (Is("status", ("at_risk",)),)),
            "Budgets of any period that may be overrun.",
        ),
        Measure(
            "Company projected converted",
            "Budget",
            "Budget\\Converted",
            MONEY,
            InReportingCurrency("Company projected", "AI spend month to date"),
            "Projections of all currencies at their newest rates; blank where a currency has none.",
            "forecast",
        ),
        Measure(
            "Company budget converted",
            "Budget",
            "Budget\\Converted",
            MONEY,
            InReportingCurrency("Company budget", "AI spend month to date"),
            "Budgets of all currencies at their newest rates; blank where a currency has none.",
            "budget",
        ),
    ]
    return measures


def _forecasts() -> list[Measure]:
    future = Is("is_future", (True,))
    measures: list[Measure] = []
    for who, scope in (("", COMPANY), ("Team ", TEAM), ("App ", APP)):
        name = f"{who}forecast" if who else "Forecast"
        whose = {"": "the company", "Team ": "teams", "App ": "apps"}[who]
        measures.append(
            Measure(
                name,
                "Forecast",
                "Forecast",
                MONEY,
                amount("Forecast", "expected_cost", "currency", scope, future),
                f"Expected effective cost of {whose} on days that are not billed yet. {ONE_CURRENCY}",
                "forecast",
            )
        )
    for end, column in (("low", "lower_cost"), ("high", "upper_cost")):
        base = f"Forecast {end} of days in view"
        measures += [
            Measure(
                base,
                "Forecast",
                "Forecast",
                MONEY,
                amount("Forecast", column, "currency", COMPANY, future),
                "Sum of daily bounds, which is no bound of a sum.",
                "forecast",
                True,
            ),
            Measure(
                f"Forecast {end}",
                "Forecast",
                "Forecast",
                MONEY,
                EachDay(base),
                f"The {end} end of the 80% interval of one day; blank over more days. {ONE_CURRENCY}",
                "forecast",
            ),
        ]
    periods = (
        ("month", "Expected this month"),
        ("next_month", "Expected next month"),
        ("quarter", "Expected this quarter"),
    )
    for period, name in periods:
        for ending, column in (("", "expected_cost"), (" low", "lower_cost"), (" high", "upper_cost")):
            text = {
                "": "Billed and forecast of the whole period.",
                " low": "Lower end of its 80% interval.",
                " high": "Upper end of its 80% interval.",
            }
            measures.append(
                Measure(
                    name + ending,
                    "Forecast total",
                    "Forecast",
                    MONEY,
                    amount("Forecast total", column, "currency", COMPANY, Is("period", (period,))),
                    f"{text[ending]} The company's, as of the run. {ONE_CURRENCY}",
                    "forecast",
                )
            )
    return measures


def _incidents() -> list[Measure]:
    is_open = Is("status", OPEN)

    def impact(name: str, column: str, text: str) -> list[Measure]:
        base = f"{name} of days in view"
        # A team's and its app's incident can be about the same money: the largest is told, never a sum.
        meaning = amount("Incident", column, "currency", is_open, function="MAX")
        return [
            Measure(base, "Incident", "Incidents", MONEY, meaning, text, None, True),
            Measure(name, "Incident", "Incidents", MONEY, During(ALL_DAYS, base), f"{text} {ONE_CURRENCY}"),
        ]

    return [
        Measure(
            "Incidents", "Incident", "Incidents", WHOLE, Count("Incident"), "Incidents first seen on the days in view."
        ),
        Measure(
            "Open incidents of days in view",
            "Incident",
            "Incidents",
            WHOLE,
            Count("Incident", (is_open,)),
            "Open or acknowledged.",
            None,
            True,
        ),
        Measure(
            "Open incidents",
            "Incident",
            "Incidents",
            WHOLE,
            During(ALL_DAYS, "Open incidents of days in view"),
            "Incidents that are open or acknowledged, whenever they began.",
        ),
        *impact("Largest open impact", "impact", "Money above what was expected, of the largest open incident."),
        *impact("Largest projected impact", "projected_impact", "What it will have cost if it goes on."),
    ]


def _statements() -> list[Measure]:
    return [
        Measure(
            f"Charged {name}",
            "Statement",
            "Statement",
            MONEY,
            amount("Statement", column, "billing_currency"),
            f"What statements charge, {text}. {ONE_CURRENCY}",
            "billed",
        )
        for name, column, text in (
            ("cost", "billed_cost", "as invoiced: the rows of a month sum to its invoices"),
            ("effective cost", "effective_cost", "commitments spread over the days they cover"),
        )
    ]


def measures() -> list[Measure]:
    """All of them; names are unique in the model."""
    return [
        *_spend(),
        *_usage(),
        *_budgets(),
        *_forecasts(),
        *month_measures(),
        *unit_measures(),
        *own_unit_measures(),
        *coverage_measures(),
        *_incidents(),
        *_statements(),
    ]
