"""What LiteLLM logged, as rows of the lake.

Here: hashes in place of people, names without addresses, tags that say an owner.
Not here: reading the database.

Counts that come out of JSON stay text: whether they are numbers is for staging to judge, where a refused row is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import duckdb
import pyarrow as pa

from finops import lake as contract
from ingestion.lake import arrow_schema
from ingestion.privacy import Hasher, hash_sql, mask_emails_sql
from ingestion.tabular import literal

TABLE = contract.LITELLM_SPEND_LOG
_SECRET = "^(sk|pk|rk)-.{16,}"  # noqa: S105 - what a key looks like where its name should be


class SpendLogRows:
    """Turns what the database answers into lake rows, and knows which of them the lake has."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        source_id: str,
        tag_prefixes: Mapping[str, str],
        hasher: Hasher,
        requested_at: datetime,
    ) -> None:
        self._connection = connection
        hasher.register(connection)
        expressions = _expressions(source_id, tag_prefixes, requested_at)
        self._select = ", ".join(f"{expressions[column.name]} as {column.name}" for column in TABLE.columns)
        compared = [column.name for column in TABLE.columns if column.name != "requested_at"]
        self._row_hash = f"hash({', '.join(compared)})"
        connection.execute("create table landed (request_id varchar, row_hash ubigint)")

    def remember(self, landed: pa.RecordBatchReader) -> None:
        """Tell what the lake has: the newest state of every call in ``landed``."""
        self._connection.from_arrow(landed).create_view("landed_rows")
        self._connection.execute(
            f"""insert into landed
            select request_id, arg_max({self._row_hash}, requested_at) from landed_rows group by request_id"""
        )
        self._connection.execute("drop view landed_rows")

    def convert(self, answered: pa.Table) -> pa.Table:
        """Rows in the shape of ``litellm__spend_log``, without those that the lake has in the same state."""
        self._connection.register("answered", answered)
        found = self._connection.sql(
            f"""with converted as (select {self._select} from answered),
            compared as (select *, {self._row_hash} as row_hash from converted)
            select * exclude (row_hash) from compared anti join landed using (request_id, row_hash)"""
        ).to_arrow_table()
        self._connection.unregister("answered")
        return found.cast(arrow_schema(TABLE))


def _expressions(source_id: str, tag_prefixes: Mapping[str, str], requested_at: datetime) -> dict[str, str]:
    """Column of the lake → DuckDB expression over what the database answers."""
    said = {column.name: f"nullif(trim({column.name}::varchar), '')" for column in TABLE.columns}
    tags = "case when json_type(request_tags) = 'ARRAY' then from_json(request_tags, '[\"VARCHAR\"]') end"

    def tag(dimension: str) -> str:
        prefix = tag_prefixes[dimension]
        first = f"list_filter({tags}, lambda tag: starts_with(tag, {literal(prefix)}))[1]"
        return f"nullif(trim({first}[{len(prefix) + 1}:]), '')"

    def name(expression: str) -> str:
        return mask_emails_sql(f"({expression})")

    owners = {
        dimension: name(tag(dimension)) if dimension in tag_prefixes else "cast(null as varchar)"
        for dimension in ("app", "feature", "project", "environment")
    }
    key_name = "coalesce(nullif(key_name_then, ''), nullif(key_name_now, ''))"
    return said | {
        "source_id": literal(source_id),
        "start_at": "start_at::timestamp",
        "end_at": "end_at::timestamp",
        "first_token_at": "first_token_at::timestamp",
        "cache_hit": "lower(nullif(trim(cache_hit), ''))",
        "prompt_tokens": "prompt_tokens::bigint",
        "completion_tokens": "completion_tokens::bigint",
        "total_tokens": "total_tokens::bigint",
        "team": name("coalesce(nullif(team_then, ''), nullif(team_now, ''), nullif(team_id, ''))"),
        "api_key_name": f"case when regexp_matches({key_name}, '{_SECRET}') then 'hash:' || {hash_sql(key_name)} "
        f"else {name(key_name)} end",
        "key_hash": hash_sql("nullif(api_key, '')"),
        "session_hash": hash_sql("nullif(session_id, '')"),
        "customer_hash": hash_sql("nullif(end_user, '')"),
        "user_hash": hash_sql("nullif(user_id, '')"),
        **owners,
        "project": f"coalesce({owners['project']}, {name('key_project')})",
        "requested_at": f"{literal(requested_at.isoformat())}::timestamp",
    }
