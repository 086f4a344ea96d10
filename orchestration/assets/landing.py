"""From sources to the lake: one asset per kind of source, one per lake table."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._utils.warnings import suppress_dagster_warnings

import ingestion
from finops import lake
from finops.config import resolve_variables
from finops.lake import LakeTable
from finops.periods import BillingPeriod
from orchestration.partitions import billing_months, periods_of
from orchestration.workspace import Workspace

LANDING_GROUP = "1_landing"
LAKE_GROUP = "2_lake"


@dataclass(frozen=True)
class SourceKind:
    """One ``type`` of config/sources.yml and the lake tables it writes."""

    type: str
    title: str
    tables: tuple[LakeTable, ...]
    monthly: bool = False

    @property
    def key(self) -> dg.AssetKey:
        return dg.AssetKey(["landing", self.type])


_ALWAYS = (lake.SNAPSHOT, lake.WINDOW, lake.REJECTED, lake.SCHEMA_DRIFT)

KINDS: tuple[SourceKind, ...] = (
    SourceKind(
        "azure_exports",
        "Azure Cost Management exports",
        (lake.FOCUS_COST_AND_USAGE, lake.AZURE_COST_DETAIL),
        monthly=True,
    ),
    SourceKind("azure_cost_api", "Azure Cost Management API", (lake.AZURE_COST_DETAIL,), monthly=True),
    SourceKind("focus_files", "FOCUS files of any producer", (lake.FOCUS_COST_AND_USAGE,)),
    SourceKind("bill_files", "Bills as files of any known kind", (lake.FOCUS_COST_AND_USAGE, lake.AZURE_COST_DETAIL)),
    SourceKind("otel_spans", "OpenTelemetry GenAI spans", (lake.OTEL_GENAI_SPAN,)),
    SourceKind("litellm", "LiteLLM spend logs", (lake.LITELLM_SPEND_LOG,)),
    SourceKind("usage_files", "Tables of model usage", (lake.USAGE_RECORD,)),
    SourceKind("azure_price_sheet", "Azure price sheets", (lake.METER_PRICE,)),
    SourceKind("azure_retail_prices", "Azure retail prices", (lake.METER_PRICE,)),
    SourceKind("genai_prices", "Vendors' list prices", (lake.MODEL_PRICE,)),
    SourceKind("azure_monitor", "Azure Monitor metrics", (lake.AZURE_MONITOR_METRIC,)),
    SourceKind("openai", "OpenAI usage and costs", (lake.OPENAI_USAGE, lake.OPENAI_COST, lake.MODEL_API_NAME)),
    SourceKind(
        "anthropic", "Anthropic usage and costs", (lake.ANTHROPIC_USAGE, lake.ANTHROPIC_COST, lake.MODEL_API_NAME)
    ),
    SourceKind(
        "prometheus",
        "GPU and Kubernetes metrics",
        (lake.GPU_SAMPLE, lake.KUBERNETES_OBJECT, lake.KUBERNETES_EVENT),
    ),
    SourceKind("nvml_samples", "GPU samples of hosts", (lake.NVML_GPU_SAMPLE, lake.NVML_PROCESS_SAMPLE)),
    SourceKind("opencost", "In-cluster cost estimates", (lake.OPENCOST_ALLOCATION, lake.OPENCOST_NODE_PRICE)),
    SourceKind("mlflow", "Training runs of MLflow", (lake.TRAINING_RUN,)),
    SourceKind("training_runs", "Training runs as files or tables", (lake.TRAINING_RUN,)),
    SourceKind("saas_subscriptions", "SaaS subscriptions", (lake.SAAS_SUBSCRIPTION,)),
    SourceKind("outcomes", "Business outcomes", (lake.OUTCOME,)),
)


def _land(context: dg.AssetExecutionContext, workspace: Workspace, kind: SourceKind) -> dg.MaterializeResult:
    """Land every enabled source of a kind; without one, say so and succeed."""
    report = workspace.reporter(context)
    configuration = workspace.configuration()
    ingestion.prepare_lake(workspace.home, workspace.lake_url, workspace.environ)
    periods: set[BillingPeriod] | None = (
        periods_of(context) if kind.monthly and context.has_partition_key_range else None
    )
    landed = rejected = skipped = 0
    names = []
    for source in configuration.sources.sources:
        if source.type != kind.type or not source.enabled:
            continue
        names.append(source.id)
        result = ingestion.land(
            resolve_variables(source, workspace.environ, workspace.config_directory),
            workspace.home,
            as_of=workspace.as_of(),
            lake_url=workspace.lake_url,
            periods=periods,
            progress=report,
            environ=workspace.environ,
        )
        landed += sum(result.rows.values())
        rejected += result.rejected
        skipped += result.skipped
        for line in (*result.incomplete, *result.ignored, *result.notes):
            context.log.warning(line)
    if not names:
        report(f"{kind.title}: no source of type {kind.type} is enabled in sources.yml")
    return dg.MaterializeResult(
        metadata={"sources": names, "dagster/row_count": landed, "rejected_rows": rejected, "already_landed": skipped},
        check_results=[
            dg.AssetCheckResult(
                check_name="no_rejected_rows",
                passed=rejected == 0,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"rejected_rows": rejected, "where": "lake table landing__rejected, mart fct_rejected_row"},
            )
        ],
    )


# A month's backfill lands all its months in one run; that policy is beta in this Dagster, and the version is pinned.
@suppress_dagster_warnings
def _landing_asset(kind: SourceKind) -> dg.AssetsDefinition:
    @dg.asset(
        key=kind.key,
        group_name=LANDING_GROUP,
        kinds={"dlt", "parquet"},
        description=f"{kind.title}, landed in the lake. Landing the same thing twice changes nothing.",
        partitions_def=billing_months if kind.monthly else None,
        backfill_policy=dg.BackfillPolicy.single_run() if kind.monthly else None,
        check_specs=[
            dg.AssetCheckSpec("no_rejected_rows", asset=kind.key, description="Every delivered row could be landed.")
        ],
        pool="lake",
        op_tags={"source_type": kind.type},
    )
    def landing(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
        return _land(context, workspace, kind)

    return landing


def _lake_asset(table: LakeTable) -> dg.AssetsDefinition:
    writers = [kind.key for kind in KINDS if table in kind.tables or table in _ALWAYS]

    @dg.asset(
        key=dg.AssetKey(["lake", table.name]),
        deps=writers,
        group_name=LAKE_GROUP,
        kinds={"parquet"},
        description=table.description,
        metadata={
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(c.name, c.type, description=c.description) for c in table.columns]
            )
        },
    )
    def lake_table(workspace: Workspace) -> dg.MaterializeResult:
        state = ingestion.describe_table(table, workspace.home, lake_url=workspace.lake_url, environ=workspace.environ)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": state.row_count,
                "files": state.file_count,
                "size_bytes": state.byte_count,
                "loads": state.load_count,
            }
        )

    return lake_table


@dg.asset(
    key=dg.AssetKey(["lake", lake.LOADS_TABLE]),
    deps=[kind.key for kind in KINDS],
    group_name=LAKE_GROUP,
    kinds={"json"},
    description="The loads that are complete. Readers ignore the files of any other: a crash leaves nothing half-read.",
)
def complete_loads(workspace: Workspace) -> dg.MaterializeResult:
    state = ingestion.describe_table(lake.SNAPSHOT, workspace.home, lake_url=workspace.lake_url)
    return dg.MaterializeResult(metadata={"loads": state.load_count})


def landing_assets() -> Sequence[dg.AssetsDefinition]:
    return [*(_landing_asset(kind) for kind in KINDS), *(_lake_asset(table) for table in lake.TABLES), complete_loads]
