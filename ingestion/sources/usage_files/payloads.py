"""Columns that hold a provider's usage object, for DuckDB.

Here: a function of a connection that turns such an object into counts, or into the reason why it cannot.
Not here: what the objects mean (``finops.usage_payload``) and what becomes of the counts (``rows``).
"""

from __future__ import annotations

import json
from dataclasses import asdict

import duckdb

from finops.usage_payload import UsagePayloadError, read_usage
from ingestion.privacy import Hasher, redact_json_text

FUNCTION = "read_usage_json"


def register(connection: duckdb.DuckDBPyConnection, hasher: Hasher) -> None:
    """Let SQL call ``read_usage_json(text)``.

    It answers ``{"counts": {class: tokens}, "model": …, "service_tier": …}``, or ``{"error": …, "raw": …}`` with the
    object as it may be kept: an answer's text never comes through, not even in a refused row.
    """

    def read(text: str) -> str:
        try:
            found = read_usage(text)
        except UsagePayloadError as error:
            return json.dumps({"error": str(error), "raw": redact_json_text(text, hasher)})
        return json.dumps({"counts": asdict(found.counts), "model": found.model, "service_tier": found.service_tier})

    connection.create_function(FUNCTION, read, ["VARCHAR"], "VARCHAR")


def read_sql(expression: str) -> str:
    """The function over a text expression; null stays null."""
    return f"{FUNCTION}({expression})"


def member_sql(column: str, *path: str) -> str:
    """A text member of what the function answered."""
    return f"({column} ->> '$.{'.'.join(path)}')"
