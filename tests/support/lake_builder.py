"""Small lakes for tests, written in the layout that ``finops.lake`` describes.

Here: Parquet tables, load entries and configuration tables of one home, running dbt on it, publishing what it built.
Not here: the real loader (ingestion has its own tests).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from finops import lake
from finops.config import load_configuration
from finops.config.tables import write_tables
from finops.paths import PROJECT_DIR, Home
from models.tables import SCHEMAS as ML_SCHEMAS
from orchestration.publish import public_marts, publish
from tests.support.dbt_process import DbtProcess

Row = Mapping[str, Any]

_ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "json": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "decimal(38,12)": pa.decimal128(38, 12),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}

FIRST_LOAD_AT = datetime.fromtimestamp(1_790_000_000, UTC)

CONFIG_FILES = {
    "sources": "sources: []\nfiscal_year_first_month: 7\n",
    "tags": """
rules:
  - {id: team-tag, dimension: team, match: tag, keys: [team, owner_team]}
  - {id: app-tag, dimension: app, match: tag, keys: [app]}
  - {id: environment-tag, dimension: environment, match: tag, keys: [environment, env]}
  - {id: owner-tag, dimension: owner, match: tag, keys: [owner]}
  - {id: moved-before, dimension: team, match: resource_id, pattern: "/rg-moved/", value: search, valid_to: 2026-10-09}
  - {id: moved-since, dimension: team, match: resource_id, pattern: "/rg-moved/", value: support,
     valid_from: 2026-10-10}
  - {id: lab-namespaces, dimension: team, match: namespace, pattern: "^lab-", value: robotics}
teams:
  - {team: search, business_unit: commerce, cost_center: CC-1}
  - {team: support, business_unit: commerce, cost_center: CC-2}
  - {team: robotics, business_unit: operations, cost_center: CC-3}
  - {team: platform, business_unit: corporate, cost_center: CC-4}
apps:
  - {app: query-rewriter, team: search}
  - {app: ticket-triage, team: support}
  - {app: vision-train, team: robotics}
""",
    "allocation": """
coverage_target: 0.9
ai_categories:
  - {id: azure-openai, category: inference, resource_id: "/microsoft.cognitiveservices/accounts/"}
  - {id: gpu, category: gpu_compute, sku_meter: "A100"}
  - {id: search-service, category: vector_store, service_name: "azure ai search"}
pools:
  - {id: gateway, resource_id: "/accounts/aoai-gateway$", driver: usage_cost}
  - {id: gpu-shown, resource_id: "/virtualmachinescalesets/aks-gpushow-", driver: gpu_seconds, fallback: fixed,
     shares: {search: 1, robotics: 2}, idle: show, idle_team: platform}
  - {id: gpu-spread, resource_id: "/virtualmachinescalesets/aks-gpuspread-", driver: gpu_seconds, idle: spread}
  - {id: support-plan, resource_id: "/microsoft.support/", driver: direct_cost}
  - {id: vectors, resource_id: "/searchservices/shared$", driver: even}
""",
    "prices": """
models:
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-01-01, source: test,
     per_1m_tokens: {input_uncached: 2, cache_read: 0.5, output: 8}}
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-10-10, source: test,
     per_1m_tokens: {input_uncached: 1, cache_read: 0.25, output: 4}}
  - {provider: openai, model: gpt-5-mini, aliases: [mini], valid_from: 2026-01-01, source: test,
     per_1m_tokens: {input_uncached: 0.25, output: 2}}
""",
    "budgets": """
budgets:
  - {id: company, scope: {level: company}, amount: 1000}
  - {id: search, scope: {level: team, value: search}, amount: 50}
  - {id: triage, scope: {level: app, value: ticket-triage}, amount: 100}
  - {id: corporate, scope: {level: business_unit, value: corporate}, amount: 100}
  - {id: euros, scope: {level: company}, amount: 10, currency: EUR}
  - {id: quarter, scope: {level: company}, amount: 3000, period: quarter}
  - {id: retired, scope: {level: company}, amount: 1, valid_to: 2026-09-30}
""",
    "guardrails": "policies: []\n",
    "events": "events: []\n",
    "routing": "routes: []\n",
    "units": """
units:
  - {id: gpu-paid, name: GPU-hour paid for, cost: {ai_category: [gpu_compute]}, per: {measure: gpu_hours}}
  - {id: gpu-held, name: GPU-hour held, cost: {ai_category: [gpu_compute]}, per: {measure: gpu_hours_allocated},
     grain: [team]}
  - {id: gpu-busy, name: GPU-hour busy, cost: {ai_category: [gpu_compute]}, per: {measure: gpu_hours_busy}, target: 1}
  - {id: gpu-whole, name: GPU-hour and all GPU cost, cost: {ai_category: [gpu_compute]}, per: {measure: gpu_hours},
     measured_only: false}
  - {id: gpu-shared, name: Shared GPU-hour, cost: {ai_category: [gpu_compute], attribution_method: [unallocated]},
     per: {measure: gpu_hours}}
""",
}
"""A small organisation that changes only with the tests that read it."""


def write_config(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in CONFIG_FILES.items():
        (directory / f"{name}.yml").write_text(text, encoding="utf-8")
    return directory


def charge(day: date, billed: str | None, **columns: str | None) -> dict[str, Any]:
    """A FOCUS row with the columns that every producer fills; keyword arguments replace or add columns."""
    month = day.replace(day=1)
    next_month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return {
        "BilledCost": billed,
        "EffectiveCost": billed,
        "ListCost": billed,
        "ContractedCost": billed,
        "BillingCurrency": "USD",
        "BillingAccountId": "/providers/Microsoft.Billing/billingAccounts/1234",
        "BillingPeriodStart": f"{month}T00:00:00Z",
        "BillingPeriodEnd": f"{next_month}T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day}T00:00:00Z",
        "ChargeCategory": "Usage",
        "ProviderName": "Microsoft",
        "ServiceCategory": "Compute",
        "ServiceName": "Virtual Machines",
        **columns,
    }


def span(at: datetime, number: int, **columns: Any) -> dict[str, Any]:
    """A successful chat span of 1,000 input and 100 output tokens; keyword arguments replace or add columns."""
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "start_at": at,
        "end_at": at,
        "operation_name": "chat",
        "provider_name": "azure.ai.openai",
        "request_model": "gpt-4.1",
        "response_model": "gpt-4.1-2025-04-14",
        "input_tokens": 1000,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 100,
        "reasoning_tokens": 0,
        **columns,
    }


@dataclass
class LakeBuilder:
    """Writes one home's lake, configuration and (empty) ``ml`` tables."""

    home: Home
    first_load_at: datetime = FIRST_LOAD_AT
    _loads: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._raw = self.home.lake / lake.DATASET
        for table in lake.TABLES:
            self._write(table, [], lake.SCHEMA_FILE)
        loads = self._raw / lake.LOADS_TABLE
        loads.mkdir(parents=True, exist_ok=True)
        (loads / lake.LOADS_PLACEHOLDER).write_text(json.dumps({"load_id": "0", "status": 0}) + "\n")
        for name in ML_SCHEMAS:
            self.ml(name, [])

    def configure(self, as_of: datetime, config_dir: Path | None = None) -> None:
        """Write the configuration tables for a run that reports on ``as_of``; the small organisation's by default."""
        folder = config_dir or write_config(self.home.path / "settings")
        write_tables(load_configuration(folder), self.home.config_tables, as_of)

    def load(
        self, tables: Mapping[str, Sequence[Row]], *, complete: bool = True, loaded_at: datetime | None = None
    ) -> str:
        """One load of rows into several tables; an incomplete one has files and no entry. Returns the load id."""
        self._loads += 1
        load_id = f"{int(self.first_load_at.timestamp()) + self._loads}.{self._loads:06d}"
        by_name = {table.name: table for table in lake.TABLES}
        for name, rows in tables.items():
            self._write(by_name[name], rows, f"{load_id}.{name[:4]}.parquet")
        if complete:
            inserted_at = (loaded_at or datetime(2026, 10, 20, tzinfo=UTC)).isoformat()
            entry = {"load_id": load_id, "schema_name": "test", "status": 0, "inserted_at": inserted_at}
            path = self._raw / lake.LOADS_TABLE / f"test__{load_id}.jsonl"
            path.write_text(json.dumps(entry) + "\n")
        return load_id

    def snapshot(
        self,
        table: str,
        rows: Sequence[Row],
        *,
        scope: str,
        snapshot_id: str | None = None,
        period_start: date | None = None,
        submitted_at: datetime = datetime(2026, 10, 19, tzinfo=UTC),
        source_id: str = "test",
        format_version: str | None = None,
        complete: bool = True,
        also: Mapping[str, Sequence[Row]] | None = None,
        loaded_at: datetime | None = None,
    ) -> str:
        """One delivered state of a file or export run, with its rows, in one load. Returns the load id."""
        snapshot_id = snapshot_id or f"snapshot-{self._loads + 1}"
        header = {
            "source_id": source_id,
            "table_name": table,
            "scope": scope,
            "period_start": period_start,
            "snapshot_id": snapshot_id,
            "submitted_at": submitted_at,
            "format_version": format_version,
            "row_count": len(rows),
            "file_count": 1,
            "landed_at": submitted_at,
        }
        declared = {column.name for t in lake.TABLES if t.name == table for column in t.columns}
        keys = {"source_id": source_id, "snapshot_id": snapshot_id, "x_file": scope}
        own = {name: value for name, value in keys.items() if name in declared}
        numbered = "x_row" in declared
        landed = [{**own, **({"x_row": number} if numbered else {}), **row} for number, row in enumerate(rows, start=1)]
        return self.load(
            {lake.SNAPSHOT.name: [header], table: landed, **(also or {})}, complete=complete, loaded_at=loaded_at
        )

    def ml(self, name: str, rows: Sequence[Row]) -> None:
        """Write a table of the statistical models, whole."""
        path = (self.home.ml_running if name == "forecast_hourly" else self.home.ml) / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=ML_SCHEMAS[name]), path)

    def _write(self, table: lake.LakeTable, rows: Sequence[Row], file_name: str) -> None:
        schema = pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in table.columns])
        unknown = {name for row in rows for name in row} - set(schema.names)
        if unknown:
            raise ValueError(f"{table.name} has no columns {sorted(unknown)}")
        path = self._raw / table.name / file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path)


@dataclass(frozen=True)
class DbtResult:
    returncode: int
    output: str
    warehouse: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.sql(sql).fetchall()

    def value(self, sql: str) -> Any:
        """The only value of a query's only row."""
        ((result,),) = self.query(sql)
        return result

    def total(self, column: str, relation: str) -> Decimal:
        """A sum of money, which must not be a sum of nothing."""
        total = self.value(f"select sum({column}) from {relation}")
        assert isinstance(total, Decimal), f"no {column} in {relation}"
        return total


# What dbt reads has the home's name in it, so every home is run under the name of one link.
_ONE_NAME = tempfile.TemporaryDirectory(prefix="aifinops-dbt-")
_LINK = Path(_ONE_NAME.name) / "home"
_PROJECT = PROJECT_DIR / "dbt_project"
_READERS: dict[str, DbtProcess] = {}
"""By what the environment says of usage slices, which decides how models are read."""


def run_dbt(
    home: Home,
    *arguments: str,
    target: Path | None = None,
    keeps_results: bool = False,
) -> DbtResult:
    """Run dbt on a home, as the pipeline does, with its working files beside the home.

    ``build`` leaves dbt's unit tests out: they read no lake, and the run of the whole pipeline has them.

    Args:
        keeps_results: write ``run_results.json``, and more that takes dbt seconds.
    """
    folder = target or home.path / "dbt"
    _LINK.unlink(missing_ok=True)
    _LINK.symlink_to(home.path.resolve())
    command = [
        "--no-use-colors",
        "--log-level-file",  # a log of every statement takes a tenth of a run; the output says what failed
        "none",
        *(() if keeps_results else ("--no-write-json",)),
        *arguments,
        *(("--exclude-resource-type", "unit_test") if "build" in arguments else ()),
    ]
    status, output = _reader().run(command, _PROJECT, _environ(), target=folder / "target", logs=folder / "logs")
    return DbtResult(status, output, home.warehouse)


def project_manifest() -> Path:
    """dbt's ``manifest.json`` of the project."""
    return _reader().target / "manifest.json"


def _environ() -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if name != "AIFINOPS_LAKE"}
    return environ | {"AIFINOPS_HOME": str(_LINK)}


def _reader() -> DbtProcess:
    usage_slice = os.environ.get("AIFINOPS_USAGE_SLICE", "")
    if usage_slice not in _READERS:
        _READERS[usage_slice] = DbtProcess(_PROJECT, _environ(), Path(_ONE_NAME.name) / f"read-{usage_slice}")
    return _READERS[usage_slice]


def publish_built(home: Home, *names: str, version: str = "built") -> None:
    """Publish these marts of a home that ``run_dbt`` built, as a run does; every public one where none is named."""
    marts = public_marts(project_manifest())
    unknown = set(names) - {mart.name for mart in marts}
    assert not unknown, f"no public marts: {sorted(unknown)}"
    publish(home.warehouse, [mart for mart in marts if not names or mart.name in names], home.published, version)
