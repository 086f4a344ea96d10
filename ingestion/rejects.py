"""Refused rows: kept as they were, with the reason and what to do.

Here: one refused row, and the table of them that is landed.
Not here: the checks (each source's ``rows``, and ``ingestion.tabular`` for broken CSV lines).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema
from ingestion.privacy import mask_emails

_MAX_RAW_CHARACTERS = 8192  # an unclosed quote can swallow a whole file


@dataclass(frozen=True)
class Reject:
    """One refused row; ``raw_row`` must have lost its personal data before it comes here."""

    x_file: str
    x_row: int | None
    column_name: str | None
    reason: str
    remedy: str
    raw_row: str


def reject_table(rejects: Iterable[Reject], *, source_id: str, table_name: str, landed_at: datetime) -> pa.Table:
    """Rejects in the shape of ``landing__rejected``; e-mail addresses that are still there are masked."""
    rows = list(rejects)
    moment = landed_at.replace(tzinfo=None)
    return pa.table(
        {
            "source_id": [source_id] * len(rows),
            "table_name": [table_name] * len(rows),
            "x_file": [reject.x_file for reject in rows],
            "x_row": [reject.x_row for reject in rows],
            "column_name": [reject.column_name for reject in rows],
            "reason": [mask_emails(reject.reason) for reject in rows],
            "remedy": [reject.remedy for reject in rows],
            "raw_row": [_shorten(mask_emails(reject.raw_row)) for reject in rows],
            "landed_at": [moment] * len(rows),
        },
        schema=arrow_schema(contract.REJECTED),
    )


def _shorten(text: str) -> str:
    if len(text) <= _MAX_RAW_CHARACTERS:
        return text
    return f"{text[:_MAX_RAW_CHARACTERS]}… ({len(text)} characters)"
