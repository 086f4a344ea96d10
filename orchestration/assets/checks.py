"""Asset checks that name what is wrong, source by source: dbt's own checks can only count rows.

Here: reading fct_source_health and fct_rejected_row, and saying which sources fail.
Not here: what fresh, complete and rejected mean (dbt).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import duckdb

from orchestration.assets.warehouse import WAREHOUSE_POOL, model_key
from orchestration.workspace import Workspace

HEALTH = "fct_source_health"
REJECTED = "fct_rejected_row"
_NAMED = 5
"""Tables that are named where rows were rejected; all of them are in the metadata."""


def _rows(workspace: Workspace, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(workspace.home.warehouse), read_only=True) as connection:
        relation = connection.sql(sql)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def _result(bad: list[dict[str, Any]], told: dict[str, str], checked: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not bad,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{name}: {text}" for name, text in told.items()) or None,
        metadata={"sources_checked": checked, **told},
    )


@dg.asset_check(
    asset=model_key(HEALTH),
    name="sources_are_fresh",
    description="The newest data of every enabled source is younger than its freshness_hours.",
    pool=WAREHOUSE_POOL,
)
def sources_are_fresh(workspace: Workspace) -> dg.AssetCheckResult:
    rows = _rows(
        workspace,
        f"select source_id, status, newest_data_at, lag_hours, freshness_hours from marts.{HEALTH} where is_enabled "
        "order by source_id",
    )
    bad = [row for row in rows if row["status"] in ("late", "missing")]
    told = {
        row["source_id"]: "nothing was ever landed"
        if row["status"] == "missing"
        else f"newest data of {row['newest_data_at']:%Y-%m-%d %H:%M} UTC is {row['lag_hours']:.0f} hours old; "
        f"{row['freshness_hours']} are allowed"
        for row in bad
    }
    return _result(bad, told, len(rows))


@dg.asset_check(
    asset=model_key(HEALTH),
    name="sources_are_complete",
    description="Every month and hour between a source's first and newest data was landed.",
    pool=WAREHOUSE_POOL,
)
def sources_are_complete(workspace: Workspace) -> dg.AssetCheckResult:
    rows = _rows(
        workspace,
        f"select source_id, unit, expected_count, landed_count, missing_count, missing from marts.{HEALTH} "
        "where is_enabled order by source_id",
    )
    bad = [row for row in rows if row["missing_count"]]
    told = {
        row[
            "source_id"
        ]: f"{row['landed_count']:g} of {row['expected_count']:g} {row['unit']}s; missing {row['missing']}"
        for row in bad
    }
    return _result(bad, told, len(rows))


@dg.asset_check(
    asset=model_key(REJECTED),
    name="every_row_is_usable",
    description="No row was refused, neither while landing nor by the cost model.",
    pool=WAREHOUSE_POOL,
)
def every_row_is_usable(workspace: Workspace) -> dg.AssetCheckResult:
    rows = _rows(
        workspace,
        "select source_id, table_name, reason, count(*) as row_count, min(x_file) as x_file, min(x_row) as x_row "
        f"from marts.{REJECTED} group by all order by row_count desc, source_id, reason",
    )
    counts: dict[str, int] = {}
    for row in rows:
        name = f"{row['source_id']}/{row['table_name']}"
        counts[name] = counts.get(name, 0) + row["row_count"]
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{name}: {count} rows" for name, count in list(counts.items())[:_NAMED]) or None,
        metadata={
            "rejected_rows": sum(counts.values()),
            **counts,
            "reasons": dg.MetadataValue.md(
                "\n".join(
                    f"- {row['row_count']} × {row['reason']} ({row['source_id']}, {row['x_file']}, row {row['x_row']})"
                    for row in rows[:20]
                )
            ),
        },
    )


def source_checks() -> Sequence[dg.AssetChecksDefinition]:
    return [sources_are_fresh, sources_are_complete, every_row_is_usable]
