"""What an outcome's columns mean: as SQL for files, field by field for records of a table.

Here: column names, types, checks.
Not here: files, tables and loading; which of several rows of one day and owner counts (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from finops import lake as contract
from finops.money import CURRENCIES
from ingestion.errors import MissingColumnsError
from ingestion.privacy import mask_emails, mask_emails_sql
from ingestion.records import Record, RefusedError, as_amount, as_day, refusal, required
from ingestion.rejects import Reject
from ingestion.tabular import Check, identifier, literal, struct_text

TABLE = contract.OUTCOME
_REQUIRED = ("outcome_date", "outcome", "quantity")
_OWNER = ("team", "app", "feature", "model")
_SCORE = "quality_score"
_OPTIONAL = (*_OWNER, _SCORE, "value_amount", "currency")
_COLUMNS = (*_REQUIRED, *_OPTIONAL)
_DECIMAL = "decimal(38,12)"
_SCORE_REMEDY = "Write the mean score as a share, such as 0.92 for 92 of a hundred"
_CURRENCY_REMEDY = "Write the ISO 4217 code of value_amount, such as USD"


def map_headers(headers: Sequence[str], address: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Column of the lake → column of the file, names compared in any case. ``columns``: the settings' other names.

    Raises:
        LandingError: a required column is missing.
    """
    by_folded_name = {header.strip().lower(): header for header in headers}
    names = {name: columns.get(name, name).strip().lower() for name in _COLUMNS}
    missing = [columns.get(name, name) for name in _REQUIRED if names[name] not in by_folded_name]
    if missing:
        raise MissingColumnsError(
            f"{address} has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, headers))}. "
            f"An outcome file has the columns {', '.join(_REQUIRED)} and may have {', '.join(_OPTIONAL)}",
            missing,
        )
    return {name: by_folded_name[own] for name, own in names.items() if own in by_folded_name}


def parse(records: Sequence[Record], rejects: list[Reject]) -> list[dict[str, Any]]:
    """Rows of ``outcomes__record`` without source and snapshot."""
    rows = []
    for record in records:
        try:
            rows.append({**_row(record.fields), "x_row": record.row})
        except RefusedError as error:
            rejects.append(refusal(record, error, frozenset(_COLUMNS)))
    return rows


def _row(fields: Mapping[str, str]) -> dict[str, Any]:
    required(fields, "outcome_date", "Write it like 2026-10-01")
    required(fields, "quantity", "Write how many")
    return {
        "outcome_date": as_day(fields, "outcome_date"),
        "outcome": mask_emails(required(fields, "outcome", "Name it, such as ticket_resolved")),
        "quantity": as_amount(fields, "quantity"),
        **{name: mask_emails(fields[name]) for name in _OWNER if name in fields},
        _SCORE: _score(fields),
        **_value(fields),
    }


def _score(fields: Mapping[str, str]) -> Decimal | None:
    score = as_amount(fields, _SCORE)
    if score is not None and score > 1:
        raise RefusedError(_SCORE, f"{score} is more than 1", _SCORE_REMEDY)
    return score


def _value(fields: Mapping[str, str]) -> dict[str, Any]:
    amount = as_amount(fields, "value_amount")
    if amount is None:
        return {}
    currency = required(fields, "currency", _CURRENCY_REMEDY).upper()
    if currency not in CURRENCIES:
        raise RefusedError("currency", f"{currency!r} is not a currency", _CURRENCY_REMEDY)
    return {"value_amount": amount, "currency": currency}


def staged_sql(columns: dict[str, str]) -> str:
    """Select list of trimmed text columns; null for an empty one."""
    return ", ".join(
        f"nullif(trim({mask_emails_sql(identifier(columns[name]))}), '') as {name}"
        if name in columns
        else f"null as {name}"
        for name in _COLUMNS
    )


CHECKS = (
    Check(
        "outcome_date",
        "try_cast(outcome_date as date) is null",
        "coalesce(concat('''', outcome_date, ''' is not a day'), 'the day is missing')",
        "Write it like 2026-10-01",
    ),
    Check("outcome", "outcome is null", literal("the outcome has no name"), "Name it, such as ticket_resolved"),
    Check(
        "quantity",
        f"try_cast(quantity as {_DECIMAL}) is null",
        "coalesce(concat('''', quantity, ''' is not a number'), 'the quantity is missing')",
        "Write a number with a point and without separators",
    ),
    Check(
        "quantity",
        f"try_cast(quantity as {_DECIMAL}) < 0",
        "concat(quantity, ' is negative')",
        "Write zero or more; correct a day by delivering its file again",
    ),
    Check(
        _SCORE,
        f"{_SCORE} is not null and try_cast({_SCORE} as {_DECIMAL}) is null",
        f"concat('''', {_SCORE}, ''' is not a number')",
        _SCORE_REMEDY,
    ),
    Check(
        _SCORE,
        f"try_cast({_SCORE} as {_DECIMAL}) not between 0 and 1",
        f"concat({_SCORE}, ' is not between 0 and 1')",
        _SCORE_REMEDY,
    ),
    Check(
        "value_amount",
        f"value_amount is not null and try_cast(value_amount as {_DECIMAL}) is null",
        "concat('''', value_amount, ''' is not a number')",
        "Write a number with a point and without separators",
    ),
    Check(
        "value_amount",
        f"try_cast(value_amount as {_DECIMAL}) < 0",
        "concat(value_amount, ' is negative')",
        "Write zero or more",
    ),
    Check(
        "currency",
        "value_amount is not null and coalesce(upper(currency), '') not in "
        f"({', '.join(literal(code) for code in sorted(CURRENCIES))})",
        "coalesce(concat('''', currency, ''' is not a currency'), 'the value has no currency')",
        _CURRENCY_REMEDY,
    ),
)
RAW_ROW = struct_text({name: name for name in _COLUMNS})


def final_sql(*, file: str, source_id: str, snapshot_id: str) -> str:
    """Select list of ``outcomes__record``."""
    final = {
        "source_id": literal(source_id),
        "snapshot_id": literal(snapshot_id),
        "x_file": literal(file),
        **{name: name for name in ("x_row", *_COLUMNS)},
        "currency": "case when value_amount is not null then upper(currency) end",
    }
    types = {column.name: {"text": "varchar"}.get(column.type, column.type) for column in TABLE.columns}
    return ", ".join(f"({final[name]})::{kind} as {name}" for name, kind in types.items())
