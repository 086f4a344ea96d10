"""The chain from an amount to its bill, as a person would tell it.

Here: sentences, and the arithmetic of one part shown digit by digit.
Not here: reading (``amounts``, ``bill_row``), colours and tables (the command line).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from reports import formatting as f
from reports.explain.amounts import Amount
from reports.explain.bill_row import BillRow

_UNIT = Decimal("0.000000000001")
# What a pool is split by, what one target has of it, and how its value is written.
_DRIVERS = {
    "usage_cost": ("what each one's calls cost at list price", "calls"),
    "tokens": ("the tokens of each one's calls", "tokens"),
    "requests": ("the number of each one's calls", "calls"),
    "provisioned_units": ("the provisioned units that each one's tokens took", "unit-hours"),
    "gpu_seconds": ("GPU time", "GPU time"),
    "gpu_busy_seconds": ("GPU time in which something was computed", "busy GPU time"),
    "sm_active_seconds": ("GPU time weighed by how much of the GPU was active", "active GPU time"),
    "commitment_use": ("the cost of what the same commitment covered in the month", "covered cost of the month"),
    "direct_cost": ("what each team spends directly in the month", "direct cost of the month"),
    "cost_so_far": ("what each team was charged in the month by the steps before", "cost of the month so far"),
    "pool_cost": ("the pool's own cost of the month", "part of the pool's cost of the month"),
    "even": ("equal parts", "part"),
    "fixed": ("fixed shares", "fixed share"),
}
_IN_SECONDS = ("gpu_seconds", "gpu_busy_seconds", "sm_active_seconds")
_IDLE = {
    "free": "capacity of nodes on which nobody held a GPU",
    "fragmented": "free GPUs of nodes that others were using, which cannot be given back with the node",
    "held_unused": "GPU time that somebody held without computing anything",
    "unused_units": "provisioned units that nobody used",
    "unused_commitment": "the part of a commitment that nobody used",
}


@dataclass(frozen=True)
class Story:
    """Paragraphs in order, and whether the parts sum to their charge, to the last digit."""

    headline: str
    charge: tuple[str, ...]
    reason: tuple[str, ...]
    parts: tuple[Amount, ...]
    sum_of_parts: Decimal
    is_whole: bool


def tell(amount: Amount, parts: Sequence[Amount], row: BillRow | None) -> Story:
    """Tell an amount.

    Args:
        amount: the one that is asked about.
        parts: all parts of its charge, itself included.
        row: the row of the bill; None where it cannot be read.
    """
    billed = sum((part.billed_cost for part in parts), Decimal(0))
    effective = sum((part.effective_cost for part in parts), Decimal(0))
    is_whole = (billed, effective) == (amount.charge_billed_cost, amount.charge_effective_cost)
    return Story(
        f"{exact_money(amount.effective_cost, amount.billing_currency)} of {f.day(amount.usage_date)} "
        f"{_belongs(amount)}.",
        tuple(_charge(amount, row)),
        tuple(_reason(amount)),
        tuple(parts),
        effective,
        is_whole,
    )


def exact_money(amount: Decimal, currency: str) -> str:
    """All digits that the amount has: ``USD 1,234.5``."""
    return f"{currency} {exact(amount)}"


def exact(value: Decimal) -> str:
    """All digits, without zeros at the end: ``1,234.5``."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def target_name(amount: Amount) -> str:
    """Who a part is for: ``query-rewriter (search)``, ``idle (platform)``, ``nobody``."""
    if amount.is_idle:
        return f"idle ({amount.team or 'nobody'})"
    if amount.app and amount.team:
        return f"{amount.app} ({amount.team})"
    return amount.team or amount.app or "nobody"


def _belongs(amount: Amount) -> str:
    if amount.team is None:
        return "belongs to nobody"
    if amount.is_idle:
        return f"belongs to {amount.team}, as idle capacity"
    app = f", app {amount.app}" if amount.app else ""
    unit = [
        text
        for text in (
            f"business unit {amount.business_unit}" if amount.business_unit else None,
            f"cost centre {amount.cost_center}" if amount.cost_center else None,
        )
        if text
    ]
    return f"belongs to {amount.team}{app}" + (f" ({', '.join(unit)})" if unit else "")


def _charge(amount: Amount, row: BillRow | None) -> list[str]:
    what = " · ".join(text for text in (amount.service_name, amount.sku_meter, amount.charge_category) if text)
    currency = amount.billing_currency
    lines = [
        f"{amount.provider_name}'s bill of {amount.billing_period_start:%B %Y}: "
        f"{what or 'a charge without a service'}, {f.day(amount.usage_date)}.",
        f"Resource: {amount.resource_id or 'the bill names none'}",
    ]
    if amount.sub_account_name or amount.sub_account_id:
        lines.append(f"Account: {amount.sub_account_name or amount.sub_account_id}")
    costs = (
        f"{exact_money(amount.charge_effective_cost, currency)} effective cost, "
        f"{exact_money(amount.charge_billed_cost, currency)} billed"
    )
    if (amount.target_count or 1) > 1:
        part = f"{exact_money(amount.effective_cost, currency)} and {exact_money(amount.billed_cost, currency)}"
        lines.append(f"The charge is {costs}; this part of it is {part}.")
    else:
        lines.append(f"The charge is {costs}, and this is all of it.")
    if row is None:
        lines.append(f"It is of the source {amount.source_id}: row {amount.load_row} from 0 of {amount.load_file}.")
    else:
        lines.append(
            f"It is {row.place}, from the source {amount.source_id}; in the lake {row.table}/{amount.load_file}, "
            f"row {row.number} from 0."
        )
    return lines


def _reason(amount: Amount) -> list[str]:
    if amount.pool_id is None:
        return _rule(amount)
    if amount.driver == "owner":
        return [
            f"The charge is shared: the pool {amount.pool_id} of allocation.yml. What it is split by was not measured "
            "on this day, and the pool leaves it to its owner.",
            *_rule(amount),
        ]
    if amount.weight_set is None:
        return [
            f"The resource is shared: the pool {amount.pool_id} of allocation.yml. Nothing was measured on this day "
            "that could split the charge, and the pool has no fallback that could, so it stays whole and nobody's.",
            "Give the pool a fallback, or see with `aifinops doctor` why nothing was measured.",
        ]
    return _share(amount)


def _rule(amount: Amount) -> list[str]:
    if amount.attribution_rule is None:
        asked = amount.resource_id
        hint = (
            f"`aifinops tags explain {asked}` shows each rule" if asked else "`aifinops tags gaps` says what would help"
        )
        return [f"No rule of tags.yml gives it a team. {hint}."]
    text = amount.attribution_text
    if amount.attribution_match == "tag":
        found = f"found the tag {amount.attribution_tag_key} = {text!r}"
    else:
        looked_at = (amount.attribution_match or "").replace("_", " ")
        found = f"found {amount.attribution_pattern!r} in the {looked_at} {text!r}"
    if amount.attribution_dimension == "app":
        named = f"which names the app; tags.yml says that {amount.app} belongs to {amount.team}"
    else:
        named = f"which makes it {amount.team}'s"
    return [f"The rule {amount.attribution_rule} of tags.yml {found}, {named}."]


def _share(amount: Amount) -> list[str]:
    by, of = _DRIVERS.get(amount.driver or "", (amount.driver or "", amount.driver or ""))
    value, whole = amount.driver_value or Decimal(0), amount.driver_total or Decimal(0)
    divided = amount.charge_effective_cost if amount.split_effective_cost is None else amount.split_effective_cost
    first, *passed = (amount.allocation_path or amount.pool_id or "").split(" > ")
    if passed:
        given = exact_money(divided, amount.billing_currency)
        lines = [
            f"The charge is shared: the pool {first} of allocation.yml gave {given} of it to the pool "
            f"{' and that to '.join(passed)}, which passes on what it is given in proportion to {by}."
        ]
    else:
        lines = [f"The charge is shared: the pool {first} of allocation.yml splits it by {by} ({amount.driver})."]
    if amount.driver_basis == "look_back":
        lines.append("That was not measured on this day: what it was on the days before stands for it.")
    elif amount.is_fallback:
        lines.append("That is the pool's fallback: what it is split by otherwise was not measured on this day.")
    if amount.is_idle:
        kind = _IDLE.get(amount.idle_kind or "", "capacity that nobody used")
        lines.append(f"This part is idle: {kind}; it is at {amount.team or 'nobody'}.")
    elif amount.team is None:
        lines.append("This part was used by somebody whom no rule knows, so it has no team.")
    unit = " s" if amount.driver in _IN_SECONDS else ""
    targets = f"{amount.target_count} of them share it" if (amount.target_count or 0) > 1 else "nobody else has any"
    lines.append(
        f"{of[0].upper()}{of[1:]} of {target_name(amount)}: {exact(value)}{unit} of {exact(whole)}{unit}, a share of "
        f"{f.percent(amount.share or Decimal(0), 2)}; {targets}. Measured as: {amount.weight_set}"
    )
    if whole:
        precise = Fraction(divided) * Fraction(value) / Fraction(whole)
        lost = Fraction(amount.effective_cost) - precise
        said = f"{exact(divided)} × {exact(value)} ÷ {exact(whole)}"
        if lost == 0:
            lines.append(f"{said} = {exact(amount.effective_cost)}, without rounding.")
        else:
            away = "up" if lost > 0 else "down"
            lines.append(
                f"{said} is {exact(amount.effective_cost)} after rounding {away} by {_few_digits(abs(lost))}: "
                f"amounts have twelve digits, and what rounding leaves over goes, in units of {_UNIT:f}, to the parts "
                "that lost most."
            )
    return lines


def _few_digits(value: Fraction) -> str:
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.1E}"
