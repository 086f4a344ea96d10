"""Whether calls that the warehouse has staged can stay when everything else is built again.

Here: what a whole build leaves behind for the next run, and what it is compared with.
Not here: building (``assets.warehouse``), what is new in the lake (dbt_project/macros/usage_slice.sql).

Writing out every call takes most of a large build, and only the newest days change. Staged calls depend on the lake and
on the project's code alone: not on prices, rules or bills, which may change what any day costs.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import duckdb

from finops.paths import PROJECT_DIR, Home

MODELS = (
    "int_usage__new_load", "int_usage__new_day", "base_otel__genai_span", "base_otel__genai_said", "base_usage__record",
    "int_usage__built_load",
)  # fmt: skip
LARGE_FROM_ROWS = 5_000_000
"""Below, reading the project another way takes dbt longer than writing all calls does."""


def can_stay(home: Home, lake_url: str) -> bool:
    """Whether the last build ended well, with the same code and lake, and has so many calls that keeping them pays."""
    try:
        kept = json.loads(_file(home).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(kept == _basis(lake_url)) and _staged_rows(home) >= LARGE_FROM_ROWS


def remember(home: Home, lake_url: str) -> None:
    """A build has ended well."""
    _file(home).parent.mkdir(parents=True, exist_ok=True)
    _file(home).write_text(json.dumps(_basis(lake_url)), encoding="utf-8")


def forget(home: Home) -> None:
    """A build begins: where it does not end, the next one builds the whole."""
    _file(home).unlink(missing_ok=True)


def _file(home: Home) -> Path:
    return home.dbt / "staged-usage.json"


def _basis(lake_url: str) -> dict[str, str]:
    code = hashlib.sha256()
    folders = [PROJECT_DIR / "dbt_project" / name for name in ("models", "macros")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".sql", ".yml")]
    for path in sorted([*files, PROJECT_DIR / "dbt_project" / "dbt_project.yml", PROJECT_DIR / "finops" / "lake.py"]):
        code.update(path.read_bytes())
    return {"code": code.hexdigest(), "lake": lake_url, "engine": version("duckdb")}


def _staged_rows(home: Home) -> int:
    if not home.warehouse.exists():
        return 0
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        [(rows,)] = connection.execute(
            "select coalesce(sum(estimated_size), 0) from duckdb_tables() "
            "where schema_name = 'staging' and table_name in ('base_otel__genai_span', 'base_usage__record')"
        ).fetchall()
    return int(rows)
