"""What spend consists of, and why it is whose it is: the rule, the share, the charge, the row of the bill.

Here: the amounts of a team or app by what was charged and by which rule, each with the story of its largest charge.
Not here: the sentences (``reports.explain.words``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table
from reports.dashboards.parts import words
from reports.explain.amounts import SHORT_ID, Amount
from reports.explain.words import tell
from reports.frames import ZERO

SHOWN = 15
_COLUMNS = ", ".join(field.name for field in fields(Amount))
_GROUPS = """
select resource_name, resource_id, service_name, sku_meter, model, app, attribution_method, attribution_rule, pool_id,
       is_idle, sum(effective_cost) as cost, count(*) as charges,
       arg_max(allocation_id, abs(effective_cost)) as largest, arg_max(charge_id, abs(effective_cost)) as charge
from fct_allocated_charge
where is_ai and billing_currency = $currency and {scope} and usage_date between $first and $last
group by all
order by abs(cost) desc, largest
"""
_PARTS = (
    f"select {_COLUMNS} from fct_allocated_charge "  # noqa: S608 - our own column names
    "where usage_date between $first and $last and charge_id in (select unnest($charges)) "
    "order by charge_id, target_number"
)


def table(ask: Ask) -> Table:
    """The dearest groups of charges, the rest together; the total is the scope's spend."""
    groups = ask.rows(_GROUPS)
    shown, rest = groups[:SHOWN], groups[SHOWN:]
    stories = _stories(ask, shown)
    whole = sum((group["cost"] for group in groups), ZERO)
    rows = [
        Row(
            (
                Cell(_what(group), small=_meter(group)),
                cells.app(group["app"]),
                Cell(_how(group)),
                cells.count(group["charges"]),
                cells.money(group["cost"], ask.currency),
                words.share_cell(group["cost"], whole),
            ),
            details=stories.get(group["largest"], ()),
        )
        for group in shown
    ]
    if rest:
        cost = sum((group["cost"] for group in rest), ZERO)
        rows.append(
            Row(
                (
                    Cell(f"{len(rest)} smaller ones"),
                    Cell(),
                    Cell(),
                    cells.count(sum(group["charges"] for group in rest)),
                    cells.money(cost, ask.currency),
                    words.share_cell(cost, whole),
                )
            )
        )
    return Table(
        "charges",
        "Why is this mine?",
        (
            Column("What was charged"),
            Column("App"),
            Column("How it came here"),
            Column("Amounts", "number"),
            Column("Cost", "number"),
            Column("Share", "bar"),
        ),
        tuple(rows),
        "Nothing was billed in the period.",
        caption=f"{words.period_words(ask.view.period)}, effective cost. Unfold a row for the rule, the share, the "
        "charge and the row of the bill behind its largest amount.",
        total=Row(
            (
                Cell("All AI spend"),
                Cell(),
                Cell(),
                cells.count(sum(group["charges"] for group in groups)),
                cells.money(whole, ask.currency),
                words.share_cell(whole, whole),
            )
        ),
        export="fct_allocated_charge",
    )


def _stories(ask: Ask, groups: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Paragraphs by the id of a group's largest amount; one query, however many there are."""
    parts: dict[str, list[Amount]] = {}
    if groups:
        for row in ask.rows(_PARTS, charges=[group["charge"] for group in groups]):
            parts.setdefault(row["charge_id"], []).append(Amount(**row))
    found = {}
    for group in groups:
        of_charge = parts[group["charge"]]
        amount = next(part for part in of_charge if part.allocation_id == group["largest"])
        story = tell(amount, of_charge, None)
        said = [f"The largest of them: {story.headline}", *story.reason, *story.charge]
        if story.is_whole and len(of_charge) > 1:
            said.append(f"Its {len(of_charge)} parts sum to the charge, to the last digit.")
        said.append(
            f"aifinops explain {amount.allocation_id[:SHORT_ID]} shows all its parts and the row of the bill itself."
        )
        # Commands stand in backticks for terminals; a page has no such marks.
        found[amount.allocation_id] = tuple(text.replace("`", "") for text in said)
    return found


def _what(group: dict[str, Any]) -> str:
    identity = group["resource_id"]
    name = group["resource_name"] or (identity.rsplit("/", 1)[-1] if identity else None)
    return str(name or group["service_name"] or "Charges without a resource")


def _meter(group: dict[str, Any]) -> str:
    parts = (group["service_name"], group["sku_meter"] or group["model"])
    return " · ".join(dict.fromkeys(part for part in parts if part))


def _how(group: dict[str, Any]) -> str:
    if group["is_idle"]:
        return f"idle capacity of the pool {group['pool_id']}" if group["pool_id"] else "idle capacity"
    if group["pool_id"]:
        return f"split from the pool {group['pool_id']}"
    if group["attribution_rule"]:
        return f"rule {group['attribution_rule']}"
    return words.METHOD_WORDS.get(group["attribution_method"], f.humanise(group["attribution_method"]).lower())
