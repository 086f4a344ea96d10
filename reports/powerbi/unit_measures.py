"""Measures of what one unit costs.

Here: units that every organisation has (tokens, GPU-hours, outcomes), and those that ``config/units.yml`` names.
Not here: how cost and quantity were matched (dbt).
"""

from __future__ import annotations

from reports.measures.units import TOKENS
from reports.powerbi.expressions import (
    THIRTY_DAYS,
    THIRTY_DAYS_BEFORE,
    Aggregate,
    Difference,
    During,
    Expression,
    Is,
    Newest,
    Ratio,
    Window,
    amount,
)
from reports.powerbi.measure import APP, COMPANY, MONEY, ONE_CURRENCY, SHARE, UNIT_MONEY, Measure

_TOKEN_ROWS, _BILLED_BASIS = Is("unit", (TOKENS,)), Is("cost_basis", ("billed",))

_GRAIN = ("unit_id", "currency", "team", "app", "project", "feature", "model", "environment")


def unit_measures() -> list[Measure]:
    one_unit = ("unit", "scope_type", "cost_basis")
    measures = [
        Measure(
            "Cost of units",
            "Unit cost",
            "Unit cost",
            MONEY,
            amount("Unit cost", "cost", "currency", single=one_unit),
            f"Cost of one unit, scope type and cost basis; blank over several. {ONE_CURRENCY}",
        ),
        Measure(
            "Number of units",
            "Unit cost",
            "Unit cost",
            "#,##0.00",
            Aggregate("SUM", "Unit cost", "quantity", (), ("currency", *one_unit)),
            "How many units that cost is for; blank over several units.",
        ),
        Measure(
            "Cost per unit",
            "Unit cost",
            "Unit cost",
            UNIT_MONEY,
            Ratio("Cost of units", "Number of units"),
            f"Cost of one unit in the days in view: busy days weigh more. {ONE_CURRENCY}",
        ),
    ]
    for who, scope in (("Company", COMPANY), ("Model", Is("scope_type", ("model",))), ("App", APP)):
        where = (_TOKEN_ROWS, _BILLED_BASIS, scope)
        cost, quantity = f"{who} token cost", f"{who} tokens in millions"
        title = "Cost per 1M tokens" if who == "Company" else f"{who} cost per 1M tokens"
        measures += [
            Measure(
                cost,
                "Unit cost",
                "Unit cost\\Tokens",
                MONEY,
                amount("Unit cost", "cost", "currency", *where),
                f"Billed cost of tokens. {ONE_CURRENCY}",
                "billed",
                True,
            ),
            Measure(
                quantity,
                "Unit cost",
                "Unit cost\\Tokens",
                MONEY,
                Aggregate("SUM", "Unit cost", "quantity", where, ("currency",)),
                "Millions of tokens that were billed.",
                None,
                True,
            ),
        ]
        windows: list[tuple[str, Window | None]] = (
            [("", None)] if who != "Company" else [("", THIRTY_DAYS), (" 30 days before", THIRTY_DAYS_BEFORE)]
        )
        for ending, window in windows:
            part, whole, span = cost, quantity, ""
            if window is not None:
                part, whole = f"{cost} of 30 days{ending}", f"{quantity} of 30 days{ending}"
                span = ", 30 days through the newest billed day" if not ending else ", the 30 days before those"
                measures += [
                    Measure(
                        name, "Unit cost", "Unit cost\\Tokens", MONEY, During(window, base), "Of 30 days.", None, True
                    )
                    for name, base in ((part, cost), (whole, quantity))
                ]
            measures.append(
                Measure(
                    title + ending,
                    "Unit cost",
                    "Unit cost\\Tokens",
                    UNIT_MONEY,
                    Ratio(part, whole),
                    f"Billed cost ÷ tokens{span}. {ONE_CURRENCY}",
                    "billed",
                )
            )
    measures.append(
        Measure(
            "Cost per 1M tokens change",
            "Unit cost",
            "Unit cost\\Tokens",
            SHARE,
            Difference("Cost per 1M tokens", "Cost per 1M tokens 30 days before", relative=True),
            "Against the 30 days before.",
        )
    )
    return measures


def own_unit_measures() -> list[Measure]:
    """Units that ``config/units.yml`` names."""
    one_unit, known = ("unit_id", "cost_basis"), Is("is_complete", (True,))
    several = "Blank over several units or currencies."

    def own(name: str, kind: str, meaning: Expression, text: str, *, is_hidden: bool = False) -> Measure:
        return Measure(name, "Own unit", "Unit cost\\Own units", kind, meaning, f"{text} {several}", None, is_hidden)

    return [
        own(
            "Own unit cost of known days",
            MONEY,
            amount("Own unit", "total_cost", "currency", known, single=one_unit),
            "Cost of a unit of units.yml on the days in view that are known in full.",
        ),
        own(
            "Own units of known days",
            "#,##0.00",
            Aggregate("SUM", "Own unit", "quantity", (known,), ("currency", *one_unit)),
            "How many units that cost is for.",
        ),
        own(
            "Cost per own unit",
            UNIT_MONEY,
            Ratio("Own unit cost of known days", "Own units of known days"),
            "Cost ÷ quantity of the days in view that are known in full: busy days weigh more.",
        ),
        own(
            "Cost per own unit, 28 days",
            UNIT_MONEY,
            Newest("Own unit", "usage_date", "trailing_28d_unit_cost", _GRAIN),
            "Cost ÷ quantity of the newest 28 days, as the dashboards show it; for units that are told apart by team, "
            "app or model, choose one.",
        ),
        own(
            "Cost per own unit with training, 28 days",
            UNIT_MONEY,
            Newest("Own unit", "usage_date", "trailing_28d_unit_cost_with_training", _GRAIN),
            "The same with the unit's share of training.",
        ),
        own(
            "Own unit target",
            UNIT_MONEY,
            Aggregate("MAX", "Own unit", "target_amount", (), ("currency", *one_unit)),
            "What one unit may cost at most.",
        ),
        own(
            "Own unit against target",
            SHARE,
            Difference("Cost per own unit, 28 days", "Own unit target", relative=True),
            "Newest 28 days against the target, as a share of it: above zero is dearer.",
        ),
    ]
