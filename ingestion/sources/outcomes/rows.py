"""What an outcome file's columns mean, as SQL.

Here: column names, types, checks.
Not here: files and loading.
"""

from __future__ import annotations

from collections.abc import Sequence

from finops import lake as contract
from ingestion.errors import LandingError
from ingestion.privacy import mask_emails_sql
from ingestion.tabular import Check, identifier, literal, struct_text

TABLE = contract.OUTCOME
_REQUIRED = ("outcome_date", "outcome", "quantity")
_OPTIONAL = ("team", "app", "feature")
_COLUMNS = (*_REQUIRED, *_OPTIONAL)
_DECIMAL = "decimal(38,12)"


def map_headers(headers: Sequence[str], address: str) -> dict[str, str]:
    """Column of the lake → column of the file, names compared in any case.

    Raises:
        LandingError: a required column is missing.
    """
    by_folded_name = {header.strip().lower(): header for header in headers}
    missing = [name for name in _REQUIRED if name not in by_folded_name]
    if missing:
        raise LandingError(
            f"{address} has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, headers))}. "
            f"An outcome file has the columns {', '.join(_REQUIRED)} and may have {', '.join(_OPTIONAL)}"
        )
    return {name: by_folded_name[name] for name in _COLUMNS if name in by_folded_name}


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
)
RAW_ROW = struct_text({name: name for name in _COLUMNS})


def final_sql(*, file: str, source_id: str, snapshot_id: str) -> str:
    """Select list of ``outcomes__record``."""
    final = {
        "source_id": literal(source_id),
        "snapshot_id": literal(snapshot_id),
        "x_file": literal(file),
        **{name: name for name in ("x_row", *_COLUMNS)},
    }
    types = {column.name: {"text": "varchar"}.get(column.type, column.type) for column in TABLE.columns}
    return ", ".join(f"({final[name]})::{kind} as {name}" for name, kind in types.items())
