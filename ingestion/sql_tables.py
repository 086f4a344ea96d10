"""Tables of databases, through dlt's sql_database: any database that SQLAlchemy can open.

Here: reading a small table or view as records, what its content is called, and what one may do to it.
Not here: which tables (the sources' settings) and large logs (their own sources).

The address is a secret: it comes from the environment and stands in no message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ingestion.errors import LandingError
from ingestion.records import Record, as_text, fold

_CHUNK_ROWS = 10_000


def connection_address(variable: str, environ: Mapping[str, str]) -> str:
    """Raises:
    LandingError: the variable is not set.
    """
    address = environ.get(variable, "")
    if not address:
        raise LandingError(
            f"the environment variable {variable} is not set. Put the database's address into it, such as "
            "postgresql+psycopg://reader:…@host/database"
        )
    return _with_driver(address)


def _with_driver(address: str) -> str:
    """PostgreSQL's plain addresses open with the driver that is installed here."""
    for prefix in ("postgresql://", "postgres://"):
        if address.startswith(prefix):
            return f"postgresql+psycopg://{address.removeprefix(prefix)}"
    return address


def read_table(variable: str, environ: Mapping[str, str], table: str, columns: Mapping[str, str]) -> list[Record]:
    """All rows of a table or view. ``columns`` is meaning → column; without it every column is read.

    Raises:
        LandingError: the database cannot be reached, refuses, or has no such table or column.
    """
    place = f"{table} of the database that {variable} names"
    rows = _rows(variable, environ, table, list(columns.values()) or None, place)
    if rows and (missing := [name for name in columns.values() if name not in rows[0]]):
        raise LandingError(f"{place} has no column {', '.join(map(repr, missing))}. Correct columns in sources.yml")
    meaning = {column: name for name, column in columns.items()}
    texts = ({name: as_text(value) for name, value in row.items()} for row in rows)
    records = [
        {meaning.get(name) or fold(name): text.strip() for name, text in row.items() if text and text.strip()}
        for row in texts
    ]
    # A query has no order of its own: the same content in another order is the same content.
    records.sort(key=lambda fields: json.dumps(fields, sort_keys=True))
    return [Record(f"{variable}/{table}", number, fields) for number, fields in enumerate(records, start=1)]


def content_id(records: list[Record]) -> str:
    """SHA-256 of what a table holds, the same for the same rows in any order."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(json.dumps(record.fields, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def may_write(variable: str, environ: Mapping[str, str], table: str) -> bool | None:
    """Whether the user may change the table; None where the database is of a kind that is not asked.

    Raises:
        LandingError: the database cannot be reached.
    """
    from dlt.sources.sql_database.helpers import engine_from_credentials

    try:
        engine: Any = engine_from_credentials(connection_address(variable, environ))
        if engine.dialect.name != "postgresql":
            return None
        with engine.connect() as connection:
            answer = connection.exec_driver_sql(
                "select has_table_privilege(current_user, %s, 'INSERT, UPDATE, DELETE, TRUNCATE')", (table,)
            )
            return bool(answer.scalar())
    except LandingError:
        raise
    except Exception as error:
        raise _unreachable(variable, error) from error


def _rows(
    variable: str, environ: Mapping[str, str], table: str, columns: list[str] | None, place: str
) -> list[dict[str, Any]]:
    from dlt.sources.sql_database import sql_table

    schema, _, name = table.rpartition(".")
    try:
        resource = sql_table(
            credentials=connection_address(variable, environ),
            schema=schema or None,
            table=name,
            included_columns=columns,
            backend="sqlalchemy",
            chunk_size=_CHUNK_ROWS,
        )
        return list(resource)
    except LandingError:
        raise
    except Exception as error:
        # dlt wraps what the driver raises; the kind of the first cause tells a missing table from a dead server.
        cause = _first_cause(error)
        if type(cause).__name__ in ("NoSuchTableError", "UndefinedTable"):
            raise LandingError(f"there is no {place}. Correct table in sources.yml") from error
        raise _unreachable(variable, cause) from error


def _first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _unreachable(variable: str, error: BaseException) -> LandingError:
    summary = (str(error).splitlines() or [type(error).__name__])[0]
    return LandingError(
        f"the database that {variable} names cannot be read: {summary}. Check the address, the network and that the "
        "user may read the table"
    )
