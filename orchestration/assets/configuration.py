"""Configuration as tables that dbt reads."""

from collections.abc import Iterator

import dagster as dg

from finops.config import history
from finops.config.tables import COLUMNS, write_tables
from finops.periods import utc_now
from orchestration.workspace import Workspace

CONFIG_GROUP = "2_configuration"


@dg.multi_asset(
    name="configuration",
    group_name=CONFIG_GROUP,
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["config", table]),
            kinds={"yaml"},
            description=f"The {table.replace('_', ' ')} rows of config/, validated.",
            metadata={
                "dagster/column_schema": dg.TableSchema(columns=[dg.TableColumn(n, t) for n, t in columns.items()])
            },
        )
        for table, columns in COLUMNS.items()
    ],
)
def configuration_tables(context: dg.AssetExecutionContext, workspace: Workspace) -> Iterator[dg.MaterializeResult]:
    """Validate ``config/`` and write its tables; every problem is reported with file, line and remedy."""
    home, as_of = workspace.home, workspace.as_of()
    counts = write_tables(workspace.configuration(), home.config_tables, as_of)
    history.record(
        home.config_history, workspace.config_directory, home.config_tables, as_of=as_of, recorded_at=utc_now()
    )
    for table, count in counts.items():
        yield dg.MaterializeResult(asset_key=["config", table], metadata={"dagster/row_count": count})
