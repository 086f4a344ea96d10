"""The lake's tables: the contract between ingestion, which writes them, and dbt, which reads them.

Here: names, columns and what a row means.
Not here: writing (ingestion) and reading (dbt's ``lake()`` macro).

Every table is append-only Parquet, ``<lake>/raw/<table>/<load_id>.<file_id>.parquet``. A load counts once dlt has
written its entry ``<lake>/raw/_dlt_loads/<schema>__<load_id>.jsonl``; readers take the load id from the file name and
ignore the files of other loads. So that a table without data can be read, ``<lake>/raw/<table>/schema.parquet`` is an
empty file with all declared columns, and ``<lake>/raw/_dlt_loads/placeholder__0.jsonl`` an entry for no load.
"""

from __future__ import annotations

from dataclasses import dataclass

from finops import focus

DATASET = "raw"
SCHEMA_FILE = "schema.parquet"
LOADS_TABLE = "_dlt_loads"
LOADS_PLACEHOLDER = "placeholder__0.jsonl"


@dataclass(frozen=True)
class Column:
    """A column of a lake table.

    ``type`` is one of text, json (a JSON document as text), bigint, double, decimal(38,12), timestamp (UTC), date,
    boolean.
    """

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class LakeTable:
    name: str
    description: str
    columns: tuple[Column, ...]


def _text(name: str, description: str) -> Column:
    return Column(name, "text", description)


_SOURCE_ID = _text("source_id", "Which entry of config/sources.yml landed it.")
_FILE = _text("x_file", "File the row came from; null where a Parquet file was taken as it is.")
_ROW = Column("x_row", "bigint", "1-based data row in that file; null where it is the row's place in the lake's file.")
_SNAPSHOT = _text("snapshot_id", "The snapshot (landing__snapshot) that the row belongs to.")

SNAPSHOT = LakeTable(
    "landing__snapshot",
    "One row per delivered state of something file-like: a run of a billing export, a version of a file. "
    "It shares its load with the rows it describes.",
    (
        _SOURCE_ID,
        _text("table_name", "Lake table that the rows are in."),
        _text("scope", "What a newer snapshot replaces: export id for a managed export, path for a file."),
        Column("period_start", "date", "First day of the billing period it restates; null for a plain file."),
        Column("period_end", "date", "First day after that period; null for a plain file."),
        _text("snapshot_id", "Run id of an export; SHA-256 of a file's content."),
        Column("submitted_at", "timestamp", "When the producer made it; the newest of a scope and period is current."),
        _text("format_version", "Dataset version, such as FOCUS 1.2."),
        Column("row_count", "bigint", "Data rows landed."),
        Column("file_count", "bigint", "Files landed."),
        Column("byte_count", "bigint", "Size of those files as delivered."),
        Column("manifest", "json", "The producer's manifest, or the list of files with sizes and row counts."),
        Column("landed_at", "timestamp", "When it was landed."),
    ),
)

WINDOW = LakeTable(
    "landing__window",
    "One row per time window asked of an API. A window without rows is an explicit zero, not a gap.",
    (
        _SOURCE_ID,
        _text("table_name", "Lake table that the rows are in."),
        _text("scope", "What was asked: a resource id, a query."),
        Column("window_start", "timestamp", "Inclusive."),
        Column("window_end", "timestamp", "Exclusive."),
        Column("requested_at", "timestamp", "When it was asked; the newest answer for a window is current."),
        Column("row_count", "bigint", "Rows in the answer."),
    ),
)

REJECTED = LakeTable(
    "landing__rejected",
    "Every row that could not be landed, as it was, with the reason and what to do.",
    (
        _SOURCE_ID,
        _text("table_name", "Lake table that the row was meant for."),
        _FILE,
        Column("x_row", "bigint", "1-based data row, or line, in that file."),
        _text("column_name", "Column at fault; null where the row as a whole is."),
        _text("reason", "What is wrong."),
        _text("remedy", "What to do about it."),
        _text("raw_row", "The row as delivered (personal data hashed)."),
        Column("landed_at", "timestamp", "When it was refused."),
    ),
)

FOCUS_COST_AND_USAGE = LakeTable(
    "focus__cost_and_usage",
    "Billing rows of every FOCUS producer as delivered, all columns as text under the specification's names. "
    "Cumulative runs and restatements are all kept: staging picks the current snapshot.",
    (
        *(
            Column(c.name, "text", f"FOCUS {c.type}; versions {', '.join(c.versions) or 'removed'}.")
            for c in focus.columns()
        ),
        *(Column(name, "text", "Extension of Azure's FOCUS export.") for name in focus.azure_extensions()),
        _FILE,
        _ROW,
    ),
)

OTEL_GENAI_SPAN = LakeTable(
    "otel__genai_span",
    "One row per delivered GenAI client span (OpenTelemetry semantic conventions). Delivery is at least once: "
    "staging keeps one row per trace_id and span_id.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        _text("trace_id", "Hex."),
        _text("span_id", "Hex."),
        Column("start_at", "timestamp", "Start of the call."),
        Column("end_at", "timestamp", "End of the call."),
        _text("service_name", "Resource attribute service.name: the calling application."),
        _text("operation_name", "gen_ai.operation.name: chat, embeddings, …"),
        _text("provider_name", "gen_ai.provider.name (older: gen_ai.system)."),
        _text("request_model", "gen_ai.request.model."),
        _text("response_model", "gen_ai.response.model."),
        _text("deployment_name", "Deployment that answered, where the gateway says it."),
        _text("resource_id", "Cloud resource id of the account that answered, where the gateway says it; lower case."),
        Column("input_tokens", "bigint", "As reported: includes cached and cache-writing tokens."),
        Column("cache_read_tokens", "bigint", "Part of input_tokens read from the provider's prompt cache."),
        Column("cache_write_tokens", "bigint", "Part of input_tokens written to the provider's prompt cache."),
        Column("output_tokens", "bigint", "As reported: includes reasoning tokens."),
        Column("reasoning_tokens", "bigint", "Part of output_tokens spent on reasoning."),
        _text("error_type", "error.type; null where the call succeeded."),
        _text("team", "Own attribute aifinops.team."),
        _text("app", "Own attribute aifinops.app, else service.name."),
        _text("feature", "Own attribute aifinops.feature."),
        _text("environment", "deployment.environment.name."),
        _text("customer_hash", "Keyed hash of aifinops.customer.id."),
        _text("user_hash", "Keyed hash of user.id."),
        _text("api_key_name", "Own attribute aifinops.api_key.name: a name, never the key."),
    ),
)

USAGE_RECORD = LakeTable(
    "usage__record",
    "One row per record of a user's own table of model usage, named by a mapping file. Token counts are as reported; "
    "input_includes_cache says how.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        Column("usage_at", "timestamp", "When the usage happened."),
        _text("provider_name", "Provider, in the price book's terms."),
        _text("model", "Model, in the price book's terms or an alias."),
        _text("deployment_name", "Deployment, where known."),
        _text("resource_id", "Account that was used, where known; lower case."),
        Column("request_count", "bigint", "Requests in the record; 1 for a request log."),
        Column("input_includes_cache", "boolean", "Whether input_tokens contains the cache columns."),
        Column("input_tokens", "bigint", "As reported."),
        Column("cache_read_tokens", "bigint", "As reported."),
        Column("cache_write_5m_tokens", "bigint", "As reported."),
        Column("cache_write_1h_tokens", "bigint", "As reported."),
        Column("output_tokens", "bigint", "As reported; includes reasoning tokens."),
        Column("reasoning_tokens", "bigint", "Part of output_tokens spent on reasoning."),
        _text("team", "Where the table says it."),
        _text("app", "Where the table says it."),
        _text("project", "Where the table says it."),
        _text("feature", "Where the table says it."),
        _text("environment", "Where the table says it."),
        _text("customer_hash", "Keyed hash of the customer id."),
        _text("user_hash", "Keyed hash of the user id."),
    ),
)

AZURE_MONITOR_METRIC = LakeTable(
    "azure_monitor__metric",
    "One row per metric, dimension combination and time grain of Azure Monitor. A missing point is absent, not zero.",
    (
        _SOURCE_ID,
        _text("resource_id", "Azure resource id, lower case."),
        _text("metric_name", "As Azure names it, such as ProcessedPromptTokens."),
        _text("aggregation", "Total, Average, Maximum, …"),
        _text("interval", "ISO 8601 duration of the time grain, such as PT1H."),
        Column("point_at", "timestamp", "Start of the time grain."),
        _text("deployment_name", "Dimension ModelDeploymentName."),
        _text("model_name", "Dimension ModelName."),
        Column("dimensions", "json", "All dimensions as an object."),
        Column("value", "double", "The metric's value; never null."),
        Column("requested_at", "timestamp", "When it was asked; a later answer for the same point replaces it."),
    ),
)

GPU_SAMPLE = LakeTable(
    "prometheus__gpu_sample",
    "One row per GPU and sample time, from DCGM exporter metrics. Allocation (pod), duty cycle and SM activity are "
    "three different things and three columns; DCGM's int64 sentinel is null.",
    (
        _SOURCE_ID,
        Column("sampled_at", "timestamp", "End of the step the sample stands for."),
        Column("step_seconds", "bigint", "Length of that step."),
        _text("node", "Kubernetes node or host name."),
        _text("gpu_uuid", "NVML UUID."),
        _text("gpu_model", "Model name as DCGM reports it."),
        _text("namespace", "Namespace of the pod that holds the GPU; null while it is free."),
        _text("pod", "Pod that holds the GPU; null while it is free."),
        Column("duty_cycle_ratio", "double", "DCGM_FI_DEV_GPU_UTIL / 100."),
        Column("sm_active_ratio", "double", "DCGM_FI_PROF_SM_ACTIVE."),
        Column("memory_used_mib", "double", "DCGM_FI_DEV_FB_USED."),
        Column("power_watts", "double", "DCGM_FI_DEV_POWER_USAGE."),
        Column("requested_at", "timestamp", "When it was asked; a later answer for the same sample replaces it."),
    ),
)

KUBERNETES_OBJECT = LakeTable(
    "kubernetes__object",
    "Labels of namespaces and pods, as kube-state-metrics reports them through Prometheus; the newest row per object "
    "is current.",
    (
        _SOURCE_ID,
        _text("kind", "namespace or pod."),
        _text("namespace", "Its name, or the pod's namespace."),
        _text("name", "Its name."),
        _text("node", "Node of a pod."),
        Column("labels", "json", "Labels as an object, under their Kubernetes names."),
        Column("first_seen_at", "timestamp", "First sample in the window."),
        Column("last_seen_at", "timestamp", "Last sample in the window."),
        Column("requested_at", "timestamp", "When it was asked."),
    ),
)

OUTCOME = LakeTable(
    "outcomes__record",
    "One row per day, outcome and owner: what the organisation got (tickets resolved, documents processed).",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        Column("outcome_date", "date", "UTC day."),
        _text("outcome", "Name, such as ticket_resolved."),
        _text("team", "Team it belongs to."),
        _text("app", "App that produced it."),
        _text("feature", "Feature, where known."),
        Column("quantity", "decimal(38,12)", "How many."),
    ),
)

TABLES: tuple[LakeTable, ...] = (
    SNAPSHOT,
    WINDOW,
    REJECTED,
    FOCUS_COST_AND_USAGE,
    OTEL_GENAI_SPAN,
    USAGE_RECORD,
    AZURE_MONITOR_METRIC,
    GPU_SAMPLE,
    KUBERNETES_OBJECT,
    OUTCOME,
)
