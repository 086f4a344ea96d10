"""The checks of a FOCUS file, as SQL conditions on its rows.

Here: which checks a dataset and version have, what each finds and what to do about it.
Not here: running them (``check``).

A condition reads columns as text under their names; an amount is also there as ``"<name>#"`` (double) and a moment as
``"<name>@"`` (timestamp), null where the text is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from finops.focus import rules as facts
from finops.money import CURRENCIES

ERROR, WARNING = "error", "warning"
_AMOUNT = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z"
_SIZE = "|".join(f"{prefix}{unit}" for prefix in ("", "K", "M", "G", "T", "P", "E") for unit in ("b", "B"))
_SIZE += "|" + "|".join(f"{prefix}i{unit}" for prefix in "KMGTPE" for unit in ("b", "B"))
_WORDS = "[A-Za-z][A-Za-z0-9]*( [A-Za-z][A-Za-z0-9]*)*"
_TIME = "(Year|Month|Day|Hour|Minute|Second)"
_UNIT = rf"([0-9]+ )?({_SIZE}|{_WORDS})(-{_TIME}s|/{_TIME}|/[0-9]+ {_TIME}s)?"
_COVERED = "(coalesce(\"CommitmentDiscountStatus\", '') in ('Used', 'Unused') or \"CommitmentDiscountId\" is not null)"
# A price has as many digits as fit; times a large quantity its last one matters.
_TOLERANCE = 'greatest(1e-9, abs("{cost}#") * 1e-6, abs("PricingQuantity#") * 2e-12)'


@dataclass(frozen=True)
class Check:
    """A test of single rows. ``fails`` is a DuckDB condition over the file's columns; ``needs`` names them."""

    column: str
    needs: tuple[str, ...]
    fails: str
    message: str
    remedy: str
    severity: str = ERROR


@dataclass(frozen=True)
class GroupCheck:
    """A test of rows together: no value of ``key`` may have two of ``column``."""

    key: tuple[str, ...]
    column: str
    message: str
    remedy: str
    severity: str = ERROR


def row_checks(dataset: str, version: str) -> Iterator[Check]:
    """Every check of single rows that the dataset has in that version."""
    defined = facts.columns_of(dataset, version)
    for column in defined:
        yield from _of_column(column)
    names = {column.name for column in defined}
    amounts = {column.name for column in defined if column.type == "Decimal"}
    for rule in facts.conditional_rules(dataset):
        check = _of_rule(rule, amounts)
        if set(check.needs) <= names:
            yield check
    for check in _OWN[dataset]():
        if set(check.needs) <= names:
            yield check


def group_checks(dataset: str) -> tuple[GroupCheck, ...]:
    return _GROUPS[dataset]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _of_column(column: facts.ColumnRule) -> Iterator[Check]:
    name, text = column.name, quoted(column.name)

    def check(fails: str, message: str, remedy: str, severity: str = ERROR) -> Check:
        return Check(name, (name,), fails, message, remedy, severity)

    if not column.nullable:
        remedy = "Fill it" if column.level == "mandatory" else "Fill it, or leave the column out where nothing has it"
        yield check(f"{text} is null", "is empty, and FOCUS wants a value in every row", remedy)
    yield check(
        f"trim({text}) = '' or upper(trim({text})) in ('NULL', 'NONE', 'NAN', 'N/A')",
        "stands for nothing with a text",
        "Write null: an empty field in CSV, null in Parquet",
    )
    match column.type:
        case "Decimal":
            yield check(
                f"not regexp_full_match({text}, {literal(_AMOUNT)})",
                "is no number",
                "Write it like 1234.56: a point, no separators, no currency sign",
            )
            if column.format == "Decimal (non-negative)":
                yield check(f'"{name}#" < 0', "is negative", "A price is 0 or more; refunds have negative quantities")
        case "Date/Time":
            yield check(
                f'{text} is not null and (not regexp_full_match({text}, {literal(_MOMENT)}) or "{name}@" is null)',
                "is no moment in UTC",
                "Write it like 2026-10-01T00:00:00Z",
            )
        case "JSON":
            yield check(
                f"not json_valid({text}) or json_type(case when json_valid({text}) then {text} end) <> 'OBJECT'",
                "is no JSON object",
                'Write it like {"key": "value"}, or null where there is nothing',
            )
            if column.format == "Key-Value":
                yield check(
                    # `and` promises no order: text that is no JSON must not reach json_extract.
                    f"len(list_filter(json_extract(case when json_valid({text}) then {text} end, '$.*'), "
                    "lambda v: json_type(v) in ('OBJECT', 'ARRAY'))) > 0",
                    "has a value that is itself an object or a list",
                    "Use text, numbers, true, false or null as values",
                )
        case "String":
            yield check(
                rf"regexp_matches({text}, '^\s|\s$|[\x00-\x1f]')",
                "starts or ends with a blank, or contains a control character",
                "Trim it; rows that differ in blanks do not join",
                WARNING,
            )
    if column.allowed_values:
        allowed = ", ".join(map(literal, column.allowed_values))
        shown = ", ".join(column.allowed_values[:6]) + (", …" if len(column.allowed_values) > 6 else "")
        yield check(f"{text} not in ({allowed})", "has a value that FOCUS does not allow", f"Use one of: {shown}")
    if column.format == "Currency":
        known = ", ".join(map(literal, sorted(CURRENCIES)))
        if name == "PricingCurrency":
            fails = f"regexp_full_match({text}, '[A-Z]{{3}}') and {text} not in ({known})"
            yield check(fails, "is no currency of ISO 4217", "Use its code, or the name of a virtual currency")
        else:
            yield check(f"{text} not in ({known})", "is no currency of ISO 4217", "Use a code such as USD or EUR")
    if column.format == "Unit":
        yield check(
            f"not regexp_full_match({text}, {literal(_UNIT)})",
            "is not written as FOCUS writes units",
            "Write it like Hours, GB, GB-Hours, Requests/Second or 1000 Requests",
            WARNING,
        )


def _of_rule(rule: facts.ConditionalRule, amounts: set[str]) -> Check:
    text = quoted(rule.column)
    value = "null" if rule.value is None else literal(rule.value)
    if rule.value is not None and rule.column in amounts:
        text, value = f'"{rule.column}#"', rule.value
    fails = f"{text} is {'' if rule.must == 'is' else 'not '}distinct from {value}"
    if rule.value is None:
        says = "has a value" if rule.must == "is" else "is empty"
        remedy = "Leave it empty there" if rule.must == "is" else "Fill it there, or leave the column out for all rows"
    else:
        says = f"is {'not ' if rule.must == 'is' else ''}{rule.value!r}"
        remedy = f"Write {rule.value!r}" if rule.must == "is" else "Use another value"
    return Check(
        rule.column,
        (rule.column, *_columns_in(rule.when)),
        f"({fails}) and {_sql(rule.when)}",
        f"{says}, although {_words(rule.when)}",
        remedy,
        rule.severity,
    )


def _columns_in(expression: facts.Expression) -> Iterator[str]:
    if expression[0] in ("is", "is not"):
        yield expression[1]
    else:
        for item in expression[1:]:
            yield from _columns_in(item)


def _sql(expression: facts.Expression) -> str:
    if expression[0] in ("is", "is not"):
        value = "null" if expression[2] is None else literal(expression[2])
        word = "is not distinct from" if expression[0] == "is" else "is distinct from"
        return f"{quoted(expression[1])} {word} {value}"
    return "(" + (" and " if expression[0] == "all" else " or ").join(map(_sql, expression[1:])) + ")"


def _words(expression: facts.Expression) -> str:
    if expression[0] in ("is", "is not"):
        if expression[2] is None:
            return f"{expression[1]} {'is empty' if expression[0] == 'is' else 'has a value'}"
        return f"{expression[1]} {expression[0]} {expression[2]}"
    return (" and " if expression[0] == "all" else " or ").join(map(_words, expression[1:]))


def _cost_and_usage() -> Iterator[Check]:
    """What the columns' own rules do not say: arithmetic, order of dates, costs that must agree."""
    for kind in ("List", "Contracted"):
        cost, price = f"{kind}Cost", f"{kind}UnitPrice"
        yield Check(
            cost,
            (cost, price, "PricingQuantity"),
            f'abs("{cost}#" - "{price}#" * "PricingQuantity#") > {_TOLERANCE.format(cost=cost)}',
            f"is not {price} × PricingQuantity",
            "Correct the cost, the price or the quantity",
        )
    for period in ("ChargePeriod", "BillingPeriod"):
        yield Check(
            f"{period}End",
            (f"{period}Start", f"{period}End"),
            f'"{period}End@" <= "{period}Start@"',
            f"is not after {period}Start",
            "The end is the first moment after the period",
        )
    yield Check(
        "ConsumedQuantity",
        ("ConsumedQuantity", "ChargeCategory", "ChargeClass", "CommitmentDiscountStatus", "SkuPriceId"),
        '"ConsumedQuantity" is null and "ChargeCategory" = \'Usage\' and "SkuPriceId" is not null '
        "and \"ChargeClass\" is distinct from 'Correction' and \"CommitmentDiscountStatus\" is distinct from 'Unused'",
        "is empty for usage",
        "Write how much was used",
    )
    yield Check(
        "EffectiveCost",
        ("EffectiveCost", "BilledCost", "ChargeCategory"),
        '"ChargeCategory" in (\'Tax\', \'Credit\') and "EffectiveCost#" <> "BilledCost#"',
        "differs from BilledCost for a tax or credit",
        "Taxes and credits are not spread: write BilledCost",
    )
    usage = f'"ChargeCategory" = \'Usage\' and not {_COVERED} and "EffectiveCost#" <> "BilledCost#"'
    covered = ("EffectiveCost", "BilledCost", "ChargeCategory", "CommitmentDiscountId", "CommitmentDiscountStatus")
    yield Check(
        "EffectiveCost",
        covered,
        f'{usage} and "BilledCost#" <> 0',
        "differs from BilledCost for usage that nothing covers",
        "Write BilledCost, or name the commitment that covers it",
    )
    yield Check(
        "EffectiveCost",
        covered,
        f'{usage} and "BilledCost#" = 0',
        "is spent though nothing was billed, and no commitment is named",
        "Name the commitment; right only where a prepayment that FOCUS cannot name covers it",
        WARNING,
    )
    purchase = ("EffectiveCost", "ChargeCategory", "CommitmentDiscountId")
    yield Check(
        "EffectiveCost",
        purchase,
        '"ChargeCategory" = \'Purchase\' and "CommitmentDiscountId" is not null and "EffectiveCost#" <> 0',
        "is not 0 for the purchase of a commitment",
        "Write 0: what the commitment covers carries its cost",
    )
    yield Check(
        "EffectiveCost",
        (*purchase, "BilledCost"),
        '"ChargeCategory" = \'Purchase\' and "CommitmentDiscountId" is null and "EffectiveCost#" <> 0 '
        'and "EffectiveCost#" <> "BilledCost#"',
        "is neither BilledCost nor 0 for a purchase",
        "Write BilledCost, or 0 where it covers other charges",
    )
    yield Check(
        "BilledCost",
        ("BilledCost", "CommitmentDiscountStatus"),
        "\"CommitmentDiscountStatus\" in ('Used', 'Unused') and \"BilledCost#\" <> 0",
        "is billed although a commitment covers it",
        "Write 0: the commitment's purchase was billed",
        WARNING,
    )
    for status, needs in (("Unused", ("CommitmentDiscountStatus",)), ("Purchase", ("ChargeCategory",))):
        yield Check(
            "ResourceId",
            ("ResourceId", "CommitmentDiscountId", *needs),
            f'{quoted(needs[0])} = {literal(status)} and "CommitmentDiscountId" is not null '
            'and lower("ResourceId") is distinct from lower("CommitmentDiscountId")',
            f"is not CommitmentDiscountId for {'an unused part' if status == 'Unused' else 'the purchase'} of it",
            "Write the commitment's id into both",
        )
    yield Check(
        "CommitmentDiscountQuantity",
        ("CommitmentDiscountQuantity", "CommitmentDiscountId"),
        '"CommitmentDiscountQuantity" is not null and "CommitmentDiscountId" is null',
        "has a value, although CommitmentDiscountId is empty",
        "Leave it empty there",
    )
    subcategories = facts.service_categories()
    pairs = ", ".join(literal(f"{category}/{sub}") for sub, category in subcategories.items())
    yield Check(
        "ServiceSubcategory",
        ("ServiceSubcategory", "ServiceCategory"),
        f'"ServiceSubcategory" in ({", ".join(map(literal, subcategories))}) '
        f'and "ServiceCategory" || \'/\' || "ServiceSubcategory" not in ({pairs})',
        "belongs to another ServiceCategory",
        "Every subcategory has one category",
    )
    yield Check(
        "ChargeClass",
        ("ChargeClass", "ChargePeriodStart", "BillingPeriodStart"),
        '"ChargeClass" = \'Correction\' and "ChargePeriodStart@" >= "BillingPeriodStart@"',
        "says correction of a closed period, although the charge is of the billing period itself",
        "Corrections keep the charge period that they correct; others have no ChargeClass",
        WARNING,
    )
    yield Check(
        "ListCost",
        ("ListCost", "ContractedCost", "ChargeCategory"),
        "\"ChargeCategory\" in ('Usage', 'Purchase') and \"ContractedCost#\" > 0 "
        'and "ContractedCost#" - "ListCost#" > greatest(1e-9, abs("ListCost#") * 1e-6)',
        "is less than ContractedCost",
        "The public price is the higher one; check which of them is missing",
        WARNING,
    )
    yield Check(
        "AllocatedMethodId",
        ("AllocatedMethodId", "AllocatedResourceId"),
        '"AllocatedResourceId" is not null and "AllocatedMethodId" is null',
        "is empty for an allocated part",
        "Write which method split the charge",
    )


def _contract_commitment() -> Iterator[Check]:
    for column in ("ContractCommitmentDiscountPercentage", "ContractCommitmentPaymentUpfrontPercentage"):
        yield Check(
            column, (column,), f'"{column}#" not between 0 and 1', "is not between 0 and 1", "Write 0.25 for 25%"
        )
    upfront = "ContractCommitmentPaymentUpfrontPercentage"
    yield Check(
        upfront,
        (upfront, "ContractCommitmentPaymentModel"),
        f'"ContractCommitmentPaymentModel" = \'Partial Upfront\' and ("{upfront}#" <= 0 or "{upfront}#" >= 1)',
        "does not fit ContractCommitmentPaymentModel",
        "Partial Upfront is more than 0 and less than 1",
    )
    yield from _ordered("ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", strictly=True)
    yield from _ordered("ContractPeriodStart", "ContractPeriodEnd", strictly=True)
    yield from _ordered("ContractCommitmentCreated", "ContractCommitmentLastUpdated", strictly=False)
    duration = "ContractCommitmentDurationType"
    yield Check(
        duration,
        (duration,),
        f"not regexp_full_match(\"{duration}\", '[1-9][0-9]* (Minute|Hour|Day|Week|Month|Quarter|Year)s?')",
        "is no duration",
        "Write it like 1 Year or 3 Months",
        WARNING,
    )


def _billing_period() -> Iterator[Check]:
    yield from _ordered("BillingPeriodStart", "BillingPeriodEnd", strictly=True)
    yield from _ordered("BillingPeriodCreated", "BillingPeriodLastUpdated", strictly=False)


def _ordered(first: str, second: str, *, strictly: bool) -> Iterator[Check]:
    yield Check(
        second,
        (first, second),
        f'"{second}@" {"<=" if strictly else "<"} "{first}@"',
        f"is {'not after' if strictly else 'before'} {first}",
        "Swap or correct the two",
    )


_OWN = {
    facts.COST_AND_USAGE: _cost_and_usage,
    facts.BILLING_PERIOD: _billing_period,
    facts.CONTRACT_COMMITMENT: _contract_commitment,
}
_GROUPS: dict[str, tuple[GroupCheck, ...]] = {
    facts.COST_AND_USAGE: (
        GroupCheck(("ServiceName",), "ServiceCategory", "has two categories", "Give every service one ServiceCategory"),
        GroupCheck(
            ("ServiceName",), "ServiceSubcategory", "has two subcategories", "Give every service one of them", WARNING
        ),
        GroupCheck(("SkuPriceId",), "SkuId", "has two SkuIds", "A price belongs to one SKU"),
        GroupCheck(("RegionId",), "RegionName", "has two names", "Give every region one name", WARNING),
        GroupCheck(("CommitmentDiscountId",), "CommitmentDiscountUnit", "has two units", "A commitment keeps its unit"),
        GroupCheck(
            ("InvoiceIssuerName", "BillingAccountId", "BillingPeriodStart"),
            "BillingPeriodEnd",
            "has two ends",
            "A billing period ends once",
            WARNING,
        ),
    ),
    facts.BILLING_PERIOD: (
        GroupCheck(
            ("InvoiceIssuerName", "BillingPeriodStart", "BillingPeriodEnd"),
            "BillingPeriodStatus",
            "is both open and closed",
            "Write every period once",
        ),
    ),
    facts.CONTRACT_COMMITMENT: (
        GroupCheck(
            ("ContractCommitmentId",), "ContractId", "has two contracts", "A commitment belongs to one contract"
        ),
    ),
}
