"""Asking LiteLLM's PostgreSQL database, through dlt's sql_database.

Here: the address, which columns and members of JSON columns are selected, chunks, errors in words.
Not here: which times to read (``source``) and what the columns become (``rows``).
Source: model ``LiteLLM_SpendLogs`` of LiteLLM's schema.prisma. Columns that older versions do not have are null.

``metadata``, ``messages`` and ``response`` are large and full of what people wrote. PostgreSQL takes out the few
members that are needed, so the documents never leave the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from finops.config.usage_sources import LitellmSource
from ingestion.errors import LandingError
from ingestion.windows import Window

LOGS, TEAMS, KEYS = "LiteLLM_SpendLogs", "LiteLLM_TeamTable", "LiteLLM_VerificationToken"
_ROWS_PER_FETCH = 20_000
_UNDEFINED_TABLE = "42P01"
_LIBPQ_PARAMETERS = frozenset(
    ("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name", "options")
)
"""LiteLLM's own variable has parameters of its ORM in the address, which libpq refuses."""

_COLUMNS = {
    "request_id": "request_id", "start_at": "startTime", "end_at": "endTime", "first_token_at": "completionStartTime",
    "call_type": "call_type", "status": "status", "custom_llm_provider": "custom_llm_provider", "model": "model",
    "model_group": "model_group", "deployment_id": "model_id", "cache_hit": "cache_hit",
    "prompt_tokens": "prompt_tokens", "completion_tokens": "completion_tokens", "total_tokens": "total_tokens",
    "team_id": "team_id", "organization_id": "organization_id", "api_key": "api_key", "session_id": "session_id",
    "end_user": "end_user", "user_id": "user",
}  # fmt: skip
"""Our name → LiteLLM's column, taken as it is."""

_USAGE = ("usage_object",)
_MEMBERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "cache_read_tokens": (
        (*_USAGE, "cache_read_input_tokens"),
        (*_USAGE, "prompt_tokens_details", "cached_tokens"),
        ("additional_usage_values", "cache_read_input_tokens"),
    ),
    "cache_write_tokens": (
        (*_USAGE, "cache_creation_input_tokens"),
        (*_USAGE, "prompt_tokens_details", "cache_creation_tokens"),
        ("additional_usage_values", "cache_creation_input_tokens"),
    ),
    "cache_write_1h_tokens": (
        (*_USAGE, "prompt_tokens_details", "cache_creation_token_details", "ephemeral_1h_input_tokens"),
    ),
    "reasoning_tokens": ((*_USAGE, "completion_tokens_details", "reasoning_tokens"),),
    "input_audio_tokens": ((*_USAGE, "prompt_tokens_details", "audio_tokens"),),
    "output_audio_tokens": ((*_USAGE, "completion_tokens_details", "audio_tokens"),),
    "service_tier": ((*_USAGE, "service_tier"),),
    "retry_count": (("attempted_retries",),),
    "model_map_key": (("model_map_information", "model_map_key"),),
    "error_type": (("error_information", "error_code"), ("error_information", "error_class")),
    "key_project": (("user_api_key_project_alias",), ("user_api_key_project_id",)),
    "team_then": (("user_api_key_team_alias",),),
    "key_name_then": (("user_api_key_alias",),),
}
"""Our name → where it is in ``metadata``; the first that says something counts."""


@dataclass(frozen=True)
class Address:
    """``url`` as SQLAlchemy wants it; ``schema`` is null for the database's default."""

    url: str
    schema: str | None


def database_address(source: LitellmSource, environ: Mapping[str, str]) -> Address | None:
    """The database's address from the named variable; None where the source is optional and the variable is not set.

    Raises:
        LandingError: it is not set, or no PostgreSQL address. The address itself is a secret and never shown.
    """
    text = environ.get(source.database_env, "")
    if not text:
        if source.optional:
            return None
        raise LandingError(
            f"{source.id}: the environment variable {source.database_env} is not set. Set it to "
            "postgresql://user:password@host/name, or add enabled: false"
        )
    parts = urlsplit(text)
    if parts.scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise LandingError(f"{source.database_env} is no address of a PostgreSQL database. Start it with postgresql://")
    parameters = dict(parse_qsl(parts.query))
    kept = {name: value for name, value in parameters.items() if name in _LIBPQ_PARAMETERS}
    url = urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, urlencode(kept), ""))
    return Address(url, parameters.get("schema"))


class SpendLogs:
    """The table of spend logs. Everything is read in read-only transactions."""

    def __init__(self, address: Address) -> None:
        from dlt.common.libs.sql_alchemy import MetaData, create_engine

        self._address = address
        self._engine = create_engine(address.url).execution_options(postgresql_readonly=True)
        self._metadata = MetaData(schema=address.schema)

    def __enter__(self) -> SpendLogs:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def first_start(self) -> datetime | None:
        """Start of the oldest call, naive UTC; None for an empty table."""
        return self._moment("min")

    def last_start(self) -> datetime | None:
        """Start of the newest call, naive UTC; None for an empty table."""
        return self._moment("max")

    def chunk_end(self, start: datetime, end: datetime, rows: int) -> datetime:
        """The largest moment that is not after ``end`` with about ``rows`` calls before it, from ``start`` on.

        Calls that start in the same millisecond stay together, so that no call is between two chunks.
        """
        start_time = 'select "startTime" from {logs} where "startTime" >= :start and "startTime" < :end'
        found = self._value(start_time + ' order by "startTime" offset :rows limit 1', start=start, end=end, rows=rows)
        if found is not None and found <= start:
            found = self._value(start_time.replace(">=", ">") + ' order by "startTime" limit 1', start=start, end=end)
        return found if found is not None else end

    def read(self, window: Window) -> Iterator[pa.Table]:
        """Calls that started in a window (naive UTC), in tables of at most 20,000 rows.

        Raises:
            LandingError: the database cannot be reached or refuses.
        """
        from dlt.sources.sql_database import sql_table

        with self._errors_in_words():
            yield from sql_table(
                credentials=self._engine,
                table=LOGS,
                metadata=self._metadata,
                schema=self._address.schema,
                backend="pyarrow",
                chunk_size=_ROWS_PER_FETCH,
                table_adapter_callback=lambda table: _selection(table, window),
            )

    def privileges(self) -> dict[str, bool]:
        """What the user may do; a right on a table that is not there is false.

        Raises:
            LandingError: the database cannot be reached.
        """
        questions = {
            "exists": "to_regclass(:logs) is not null",
            "may_select": "coalesce(has_table_privilege(to_regclass(:logs), 'SELECT'), false)",
            "may_name_teams": "coalesce(has_table_privilege(to_regclass(:teams), 'SELECT'), false)",
            "may_name_keys": "coalesce(has_table_privilege(to_regclass(:keys), 'SELECT'), false)",
            "may_write": " or ".join(
                f"coalesce(has_table_privilege(to_regclass(:{table}), 'INSERT, UPDATE, DELETE, TRUNCATE'), false)"
                for table in ("logs", "teams", "keys")
            ),
            "may_read_secrets": "coalesce(has_table_privilege(to_regclass(:secrets), 'SELECT'), false)",
            "is_superuser": "(select rolsuper from pg_roles where rolname = current_user)",
        }
        names = {"logs": LOGS, "teams": TEAMS, "keys": KEYS, "secrets": "LiteLLM_CredentialsTable"}
        from dlt.common.libs.sql_alchemy import sa

        asked = ", ".join(f"{sql} as {name}" for name, sql in questions.items())
        with self._errors_in_words(), self._engine.connect() as connection:
            row = connection.execute(
                sa.text(f"select {asked}"), {name: self._qualified(table) for name, table in names.items()}
            ).one()
        return {name: bool(value) for name, value in zip(questions, row, strict=True)}

    def _qualified(self, table: str) -> str:
        return f'"{self._address.schema}"."{table}"' if self._address.schema else f'"{table}"'

    def _moment(self, function: str) -> datetime | None:
        return self._value(f'select {function}("startTime") from {{logs}}')

    def _value(self, query: str, **parameters: Any) -> Any:
        from dlt.common.libs.sql_alchemy import sa

        with self._errors_in_words(), self._engine.connect() as connection:
            return connection.execute(sa.text(query.format(logs=self._qualified(LOGS))), parameters).scalar()

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        from dlt.common.libs.sql_alchemy import sa

        try:
            yield
        except sa.exc.NoSuchTableError:
            raise _no_table() from None
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE:
                raise _no_table() from None
            said = " ".join(str(error.orig).split())
            raise LandingError(
                f"LiteLLM's database cannot be read: {said}. Check the address, the network, and that the user has "
                f"SELECT on {LOGS}, {TEAMS} and {KEYS}"
            ) from None


def _no_table() -> LandingError:
    return LandingError(
        f"the database has no table {LOGS}, or lacks {TEAMS} or {KEYS}. Check the database's name and, where LiteLLM "
        "uses a schema of its own, add ?schema=name to the address"
    )


def _selection(table: Any, window: Window) -> Any:
    """The query of a window over the reflected table, as a subquery."""
    from dlt.common.libs.sql_alchemy import sa

    has = table.c
    taken = [has[name].label(name) for name in {*_COLUMNS.values(), "spend", "api_base", "request_tags"} if name in has]
    # The empty path gives the document as it is, unpacked; OFFSET 0 keeps PostgreSQL from unpacking it again for each
    # member (200,000 calls with 2 kB of metadata: 1.3 s instead of 11.8 s).
    document = sa.type_coerce(has["metadata"].op("#>")(sa.literal_column("'{}'::text[]")), has["metadata"].type)
    calls = (
        sa.select(*taken, document.label("metadata"))
        .where(has["startTime"] >= window.start, has["startTime"] < window.end)
        .offset(0)
        .subquery("logged")
    )
    columns = calls.c
    kinds = {"first_token_at": sa.DateTime}
    selected = {
        name: (columns[theirs] if theirs in columns else sa.null().cast(kinds.get(name, sa.Text))).label(name)
        for name, theirs in _COLUMNS.items()
    }
    # The text of a float is its shortest exact form; as a number it would pass through two roundings.
    selected["spend"] = columns["spend"].cast(sa.Text).label("spend")
    # Some providers take their key in the address.
    selected["api_base"] = sa.func.split_part(columns["api_base"], "?", 1).cast(sa.Text).label("api_base")
    selected["request_tags"] = columns["request_tags"].cast(sa.Text).label("request_tags")
    for name, paths in _MEMBERS.items():
        texts = [sa.func.nullif(columns["metadata"][path].astext, "") for path in paths]
        selected[name] = sa.func.coalesce(*texts, sa.null()).cast(sa.Text).label(name)
    team = sa.table(TEAMS, sa.column("team_id"), sa.column("team_alias"), schema=table.schema)
    key = sa.table(KEYS, sa.column("token"), sa.column("key_alias"), schema=table.schema)
    selected["team_now"] = team.c.team_alias.cast(sa.Text).label("team_now")
    selected["key_name_now"] = key.c.key_alias.cast(sa.Text).label("key_name_now")
    named = calls.outerjoin(team, team.c.team_id == columns["team_id"]).outerjoin(
        key, key.c.token == columns["api_key"]
    )
    return sa.select(*selected.values()).select_from(named).subquery("calls")
