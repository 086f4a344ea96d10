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
from enum import StrEnum

from finops import azure_cost, focus

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


class SchemaContract(StrEnum):
    """What happens to a delivery whose columns are not what they were. A column that is missing is null, and one that
    a row cannot do without refuses the delivery; either is told in ``landing__schema_drift``."""

    EVOLVE = "evolve"
    """A new column is kept as text under its own name; a retyped one is kept as text, and staging refuses the rows that
    it cannot read."""
    DISCARD = "discard"
    """A new column is not landed, because it may hold personal data; rows that a retyped one makes unreadable are
    refused at landing."""
    FREEZE = "freeze"
    """Written by the project alone: no delivery decides on its columns."""


@dataclass(frozen=True)
class LakeTable:
    name: str
    description: str
    columns: tuple[Column, ...]
    contract: SchemaContract = SchemaContract.DISCARD


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
    SchemaContract.FREEZE,
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
    SchemaContract.FREEZE,
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
    SchemaContract.FREEZE,
)

SCHEMA_DRIFT = LakeTable(
    "landing__schema_drift",
    "Columns of deliveries: as the first of a series had them (baseline), and what is new, missing or of another type "
    "since. One row per source, table, series, column and change.",
    (
        _SOURCE_ID,
        _text("table_name", "Lake table that the rows are in."),
        _text("series", "Deliveries that are alike: a file's path with numbers and ids as #, a table, a report."),
        _text("column_name", "Column as delivered; under the lake's name where it has one."),
        _text("change", "baseline, new_column, missing_column or retyped_column."),
        _text("contract", "What the lake table does with it: evolve or discard (finops.lake.SchemaContract)."),
        _text("expected_type", "Family of its type before: number, time, boolean, text, nested; null where unknown."),
        _text("found_type", "Family of its type now; unreadable where its values made rows be refused."),
        Column("is_always_filled", "boolean", "Whether every row of that delivery had it."),
        _text("x_file", "File, table or report where it was first seen."),
        _text("outcome", "What happened to the data; null for the baseline."),
        _text("remedy", "What to do about it; null for the baseline."),
        Column("landed_at", "timestamp", "When it was seen."),
    ),
    SchemaContract.FREEZE,
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
    SchemaContract.EVOLVE,
)

AZURE_COST_DETAIL = LakeTable(
    "azure_cost__detail",
    "Rows of Azure's ActualCost and AmortizedCost datasets as delivered, all columns as text under one spelling for "
    "all agreements and versions; columns that are not known keep their names. Both datasets tell of the same charges: "
    "staging makes one bill of them.",
    (
        *(Column(name, "text", description) for name, description in azure_cost.COLUMNS.items()),
        _text("x_dataset", "ActualCost (as invoiced) or AmortizedCost (commitments spread over what they cover)."),
        _FILE,
        _ROW,
    ),
    SchemaContract.EVOLVE,
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
        Column("cache_write_1h_tokens", "bigint", "Part of cache_write_tokens that is kept for an hour."),
        Column(
            "repeated_prefix_tokens",
            "bigint",
            "Own attribute aifinops.usage.repeated_prefix_tokens: tokens at the start of the prompt that an earlier "
            "call had at its start as well, cached or not; null where nobody says.",
        ),
        Column("output_tokens", "bigint", "As reported: includes reasoning tokens."),
        Column("reasoning_tokens", "bigint", "Part of output_tokens spent on reasoning."),
        Column("input_audio_tokens", "bigint", "Part of input_tokens that is audio."),
        Column("output_audio_tokens", "bigint", "Part of output_tokens that is audio."),
        _text("service_tier", "Tier that served the call, else the one that was asked for, as the provider names it."),
        _text("deployment_type", "Own attribute aifinops.deployment_type: global, data_zone, regional."),
        _text("region_id", "Region of the account that answered, where the span says it."),
        Column("retry_count", "bigint", "Which repetition of a request the call is (http.request.resend_count)."),
        Column("first_token_seconds", "double", "Seconds until the first token of a streamed answer."),
        _text("error_type", "error.type, else the HTTP status; null where the call succeeded."),
        _text("team", "Own attribute aifinops.team."),
        _text("app", "Own attribute aifinops.app, else service.name."),
        _text("feature", "Own attribute aifinops.feature."),
        _text("environment", "deployment.environment.name."),
        _text("customer_hash", "Keyed hash of aifinops.customer.id."),
        _text("user_hash", "Keyed hash of user.id."),
        _text("api_key_name", "Own attribute aifinops.api_key.name: a name, never the key."),
    ),
)

LITELLM_SPEND_LOG = LakeTable(
    "litellm__spend_log",
    "One row per call that a LiteLLM proxy logged (table LiteLLM_SpendLogs). A row that was logged late or changed is "
    "landed again: staging keeps the newest per request_id. Counts that LiteLLM keeps in JSON are text.",
    (
        _SOURCE_ID,
        _text("request_id", "LiteLLM's key of the row."),
        Column("start_at", "timestamp", "Start of the call (startTime)."),
        Column("end_at", "timestamp", "End of the call (endTime)."),
        Column("first_token_at", "timestamp", "First token of a streamed answer (completionStartTime)."),
        _text("call_type", "acompletion, aembedding, anthropic_messages, …"),
        _text("status", "success or failure; null in old versions."),
        _text("error_type", "Status code or class of a failed call's error."),
        _text("custom_llm_provider", "Provider in LiteLLM's terms, such as azure."),
        _text("api_base", "Address that was called, without its query."),
        _text("model", "Model that was called."),
        _text("model_group", "Model name that the caller used."),
        _text("model_map_key", "Model whose price LiteLLM used."),
        _text("deployment_id", "Id of the deployment in the proxy's configuration (model_id)."),
        _text("cache_hit", "True where the proxy's own cache answered and no provider was called."),
        Column("prompt_tokens", "bigint", "As reported: includes cached and cache-writing tokens."),
        Column("completion_tokens", "bigint", "As reported: includes reasoning tokens."),
        Column("total_tokens", "bigint", "As reported."),
        _text("cache_read_tokens", "Part of prompt_tokens read from the provider's prompt cache."),
        _text("cache_write_tokens", "Part of prompt_tokens written to the provider's prompt cache."),
        _text("cache_write_1h_tokens", "Part of cache_write_tokens that is kept for an hour."),
        _text("reasoning_tokens", "Part of completion_tokens spent on reasoning."),
        _text("input_audio_tokens", "Part of prompt_tokens that is audio."),
        _text("output_audio_tokens", "Part of completion_tokens that is audio."),
        _text("service_tier", "Tier that served the call, where the provider says it."),
        _text("retry_count", "Attempts before the one that is logged."),
        _text("spend", "What LiteLLM says it cost, USD, as PostgreSQL writes the float."),
        _text("team_id", "LiteLLM's team."),
        _text("team", "The team's name at the time of the call, else today's, else its id."),
        _text("api_key_name", "Name of the virtual key, never the key."),
        _text("key_hash", "Keyed hash of what LiteLLM keeps of the virtual key."),
        _text("organization_id", "LiteLLM's organisation."),
        _text("app", "From a request tag."),
        _text("feature", "From a request tag."),
        _text("project", "From a request tag, else the key's project."),
        _text("environment", "From a request tag."),
        _text("session_hash", "Keyed hash of LiteLLM's session: calls that belong together."),
        _text("customer_hash", "Keyed hash of the end user that the caller names."),
        _text("user_hash", "Keyed hash of the user that the key belongs to."),
        Column("requested_at", "timestamp", "When it was read."),
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
        Column(
            "repeated_prefix_tokens",
            "bigint",
            "Tokens at the start of the prompt that an earlier call had at its start as well, cached or not: as the "
            "table says, or counted from its blocks of prompts; null where it says neither.",
        ),
        Column("output_tokens", "bigint", "As reported; includes reasoning tokens."),
        Column("reasoning_tokens", "bigint", "Part of output_tokens spent on reasoning."),
        Column("input_audio_tokens", "bigint", "Beside input_tokens; null where usage objects are not landed."),
        Column("cache_read_audio_tokens", "bigint", "Beside all others."),
        Column("output_audio_tokens", "bigint", "Beside output_tokens."),
        Column("input_image_tokens", "bigint", "Beside input_tokens."),
        Column("output_image_tokens", "bigint", "Beside output_tokens."),
        _text("region_id", "Region that answered, where the table says it."),
        _text("deployment_type", "Way of deploying, where the table says it."),
        _text("service_tier", "Service tier, where the table or the usage object says it."),
        _text("team", "Where the table says it."),
        _text("app", "Where the table says it."),
        _text("project", "Where the table says it."),
        _text("feature", "Where the table says it."),
        _text("environment", "Where the table says it."),
        _text("customer_hash", "Keyed hash of the customer id."),
        _text("user_hash", "Keyed hash of the user id."),
    ),
)

MODEL_PRICE = LakeTable(
    "prices__model_price",
    "One row per price of a published list: provider, model, token class, conditions and first day. Prices are exact "
    "text, per 1M tokens. A newer snapshot replaces the list.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _text("list_name", "Which list, with its version."),
        _text("list_provider", "Provider as the list names it."),
        _text("provider_name", "Provider as usage names it."),
        _text("model", "Model as the list names it."),
        Column(
            "model_order", "bigint", "Place in the provider's list: the first model whose pattern matches is meant."
        ),
        _text("model_pattern", "Regular expression over a model's name in lower case."),
        _text("exclude_pattern", "Names that match this as well are not meant; null where there are none."),
        _text("token_class", "One of finops.tokens.TokenClass."),
        _text("region_id", "Only in this region; null for all."),
        _text("deployment_type", "global, data_zone, regional or provisioned; null for all."),
        _text("service_tier", "standard, batch, flex or priority."),
        Column("min_input_tokens", "bigint", "Only for requests with at least this many input tokens."),
        Column("valid_from", "date", "First day; null where the list does not say."),
        Column("valid_to", "date", "First day after; null while it holds."),
        _text("currency", "ISO 4217 code."),
        _text("price_per_1m_tokens", "Amount as text."),
    ),
)

METER_PRICE = LakeTable(
    "prices__meter_price",
    "One row per price of a cloud meter, as a price sheet or a retail price list has it. Which model and token class a "
    "meter counts is read from its name in dbt. Every snapshot is kept: a list says only today's prices.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        _text("list_kind", "price_sheet (negotiated) or retail."),
        _text("agreement_id", "Enrolment number, or billing account and profile; null for retail prices."),
        _text("meter_id", "The provider's id of the meter; lower case."),
        _text("meter_name", "Such as gpt 4.1 Inp glbl Tokens."),
        _text("meter_category", "Service that the meter belongs to."),
        _text("meter_product", "Product or subcategory, such as Azure OpenAI GPT5."),
        _text("sku_id", "The provider's id of the SKU."),
        _text("region_id", "Azure region, such as swedencentral; null where the meter has none or an unknown one."),
        _text("unit_of_measure", "As listed: 1K, 1M, 1/Hour, …"),
        Column("tier_minimum_units", "double", "First unit that the price is for; 0 for all."),
        _text("price_type", "Consumption, DevTest, Reservation, …"),
        _text("term", "Term of a reservation or savings plan; null otherwise."),
        Column("effective_from", "timestamp", "First moment of the price."),
        Column("effective_to", "timestamp", "Last moment, where the list says one."),
        _text("currency", "ISO 4217 code."),
        _text("unit_price", "Amount per unit as text: what is paid."),
        _text("market_price", "List amount per unit as text, where the sheet has it."),
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

_BUCKET_START = Column("bucket_start", "timestamp", "Start of the provider's time bucket.")
_BUCKET_END = Column("bucket_end", "timestamp", "End of that bucket, exclusive.")
_ASKED = Column("requested_at", "timestamp", "When it was asked; the newest answer for a day replaces the older ones.")

OPENAI_USAGE = LakeTable(
    "openai__usage",
    "One row per bucket and group of OpenAI's organisation usage endpoints. Counts are as reported; what an answer "
    "does not say is null, never 0.",
    (
        _SOURCE_ID,
        _text("endpoint", "Last part of the address: completions, embeddings, images, …"),
        _text("bucket_width", "1m, 1h or 1d."),
        _BUCKET_START,
        _BUCKET_END,
        _text("project_id", "Project that the usage belongs to."),
        _text("api_key_id", "API key that was used; an id, never the key."),
        _text("user_hash", "Keyed hash of the user id, where grouped by it."),
        _text("model", "Model that answered."),
        Column("is_batch", "boolean", "Whether it was a batch job."),
        _text("service_tier", "As OpenAI names it: default, flex, priority, …"),
        Column("input_tokens", "bigint", "As reported: includes cached (and cache-writing) tokens."),
        Column("input_cached_tokens", "bigint", "Part of input_tokens read from the prompt cache."),
        Column("input_cache_write_tokens", "bigint", "Part of input_tokens written to the prompt cache."),
        Column(
            "input_uncached_tokens",
            "bigint",
            "Given by answers whose input_tokens hold text, audio and image tokens; absent where they are text alone.",
        ),
        Column("input_audio_tokens", "bigint", "Audio input; without cached where input_uncached_tokens is given."),
        Column("input_cached_audio_tokens", "bigint", "Audio input read from the prompt cache."),
        Column("input_image_tokens", "bigint", "Image input that was not cached."),
        Column("output_tokens", "bigint", "As reported: includes reasoning tokens."),
        Column("output_audio_tokens", "bigint", "Audio output."),
        Column("output_image_tokens", "bigint", "Image output."),
        Column("request_count", "bigint", "num_model_requests."),
        Column("quantity", "bigint", "What an endpoint counts that counts no tokens."),
        _text("quantity_unit", "images, characters, seconds, bytes or sessions."),
        _ASKED,
    ),
)

OPENAI_COST = LakeTable(
    "openai__cost",
    "One row per day, project, API key and line item of OpenAI's organisation costs: what is billed.",
    (
        _SOURCE_ID,
        _BUCKET_START,
        _BUCKET_END,
        _text("organization_id", "Organisation, where the answer says it."),
        _text("project_id", "Project that is charged."),
        _text("api_key_id", "API key that is charged; an id, never the key."),
        _text("line_item", "As on the invoice, such as 'gpt-4o-2024-08-06, cached input'."),
        _text("amount", "amount.value, digit for digit, in whole units of the currency."),
        _text("currency", "amount.currency, such as usd."),
        _text("quantity", "Quantity charged for, where the answer says it."),
        _text("quantity_unit", "Unit of that quantity, such as tokens."),
        _ASKED,
    ),
)

ANTHROPIC_USAGE = LakeTable(
    "anthropic__usage",
    "One row per bucket and group of Anthropic's messages usage report. The token columns never overlap.",
    (
        _SOURCE_ID,
        _text("bucket_width", "1m, 1h or 1d."),
        _BUCKET_START,
        _BUCKET_END,
        _text("workspace_id", "Workspace; null for the default workspace."),
        _text("api_key_id", "API key that was used, an id, never the key; null for the console."),
        _text("user_hash", "Keyed hash of the account id, where grouped by it."),
        _text("model", "Model that answered."),
        _text("service_tier", "standard, batch, priority, priority_on_demand, flex or flex_discount."),
        _text("context_window", "0-200k or 200k-1M."),
        _text("inference_geo", "global, us or not_available."),
        Column("uncached_input_tokens", "bigint", "Input neither read from nor written to the cache."),
        Column("cache_write_5m_tokens", "bigint", "cache_creation.ephemeral_5m_input_tokens."),
        Column("cache_write_1h_tokens", "bigint", "cache_creation.ephemeral_1h_input_tokens."),
        Column("cache_read_input_tokens", "bigint", "Input read from the prompt cache."),
        Column("output_tokens", "bigint", "Output, thinking included."),
        Column("web_search_requests", "bigint", "server_tool_use.web_search_requests: requests, not tokens."),
        _ASKED,
    ),
)

ANTHROPIC_COST = LakeTable(
    "anthropic__cost",
    "One row per day, workspace and description of Anthropic's cost report: what is billed. It lacks the priority "
    "tier.",
    (
        _SOURCE_ID,
        _BUCKET_START,
        _BUCKET_END,
        _text("workspace_id", "Workspace; null for the default workspace."),
        _text("description", "As on the invoice, such as 'Claude Sonnet 4 Usage - Input Tokens'."),
        _text("cost_type", "tokens, web_search, code_execution or session_usage."),
        _text("token_type", "uncached_input_tokens, output_tokens, cache_creation.ephemeral_5m_input_tokens, …"),
        _text("model", "Model, for token costs."),
        _text("service_tier", "standard or batch."),
        _text("context_window", "0-200k or 200k-1M."),
        _text("inference_geo", "global, us or not_available."),
        _text("amount_cents", "amount, digit for digit: hundredths of the currency's unit, with decimals."),
        _text("currency", "Such as USD."),
        _ASKED,
    ),
)

MODEL_API_NAME = LakeTable(
    "model_api__name",
    "Names of OpenAI's projects and Anthropic's workspaces, and of their API keys, for telling whose usage it is. A "
    "row is written when a name is new or changed; the newest is current.",
    (
        _SOURCE_ID,
        _text("provider", "openai or anthropic."),
        _text("kind", "project, workspace or api_key."),
        _text("item_id", "Id, as usage and costs give it."),
        _text("item_name", "Name, e-mail addresses masked; never a key or a part of one."),
        _text("parent_id", "Project or workspace of an API key; null for the default workspace."),
        Column("requested_at", "timestamp", "When it was asked."),
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
        _text("gpu_uuid", "NVML UUID; for a MIG instance with its id behind a slash."),
        _text("gpu_model", "Model name as DCGM reports it."),
        _text("namespace", "Namespace of the pod that holds the GPU; null while it is free."),
        _text("pod", "Pod that holds the GPU; null while it is free."),
        Column("duty_cycle_ratio", "double", "DCGM_FI_DEV_GPU_UTIL / 100."),
        Column("sm_active_ratio", "double", "DCGM_FI_PROF_SM_ACTIVE."),
        Column("memory_used_mib", "double", "DCGM_FI_DEV_FB_USED."),
        Column("power_watts", "double", "DCGM_FI_DEV_POWER_USAGE."),
        _text("duty_source", "gpu_util, or engine_active where DCGM_FI_PROF_GR_ENGINE_ACTIVE stood in for it."),
        Column("energy_joules", "double", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION, a counter that starts again at 0."),
        _text("mig_profile", "GPU_I_PROFILE of a MIG instance; null for a whole GPU."),
        Column("slice_share", "double", "Part of the GPU's compute slices, by the profile; 1 for a whole GPU."),
        Column("requested_at", "timestamp", "When it was asked; a later answer for the same sample replaces it."),
    ),
)

KUBERNETES_OBJECT = LakeTable(
    "kubernetes__object",
    "Labels of namespaces and pods, as kube-state-metrics reports them through Prometheus; one row per set of labels "
    "that an object had in a window.",
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

NVML_GPU_SAMPLE = LakeTable(
    "nvml__gpu_sample",
    "One row per GPU, or MIG instance, and moment, read through NVML on the host itself. What the driver does not "
    "support is null, never zero.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        Column("sampled_at", "timestamp", "When it was read."),
        Column("step_seconds", "double", "Seconds since the sample before, which this one stands for."),
        _text("node", "Host name, or the node's name in Kubernetes."),
        _text("gpu_uuid", "NVML UUID of the GPU."),
        Column("gpu_index", "bigint", "NVML index of the GPU; it may change when the machine starts again."),
        _text("gpu_model", "Model name as NVML reports it."),
        _text("driver_version", "Version of the driver."),
        _text("mig_uuid", "UUID of the MIG instance; null for a whole GPU."),
        Column("gpu_instance_id", "bigint", "MIG: GPU instance."),
        Column("compute_instance_id", "bigint", "MIG: compute instance."),
        _text("mig_profile", "MIG: profile, such as 1g.10gb."),
        Column("slice_share", "double", "Part of the GPU's compute slices that the row stands for; 1 for a whole GPU."),
        Column("mig_enabled", "boolean", "Whether the GPU is divided into instances."),
        Column("duty_cycle_ratio", "double", "Share of the last sample period in which a kernel ran."),
        Column("memory_utilization_ratio", "double", "Share of the last sample period in which memory was accessed."),
        Column("memory_used_mib", "double", "Memory in use."),
        Column("memory_total_mib", "double", "Memory there is."),
        Column("power_watts", "double", "Power draw."),
        Column("energy_joules", "double", "Counter since the driver was loaded; it starts again at 0."),
        Column(
            "energy_used_joules", "double", "Energy since the sample before; after a reset of the counter, since that."
        ),
        Column("temperature_celsius", "double", "Temperature of the GPU."),
        Column("sm_clock_mhz", "double", "Clock of the streaming multiprocessors."),
        Column("memory_clock_mhz", "double", "Clock of the memory."),
        _text("throttle_reasons", "Why clocks are held back, by name, separated by commas; empty where they are not."),
        Column("ecc_uncorrected_errors", "bigint", "Volatile uncorrected ECC errors; the counter starts again at 0."),
        Column("process_count", "bigint", "Compute processes."),
        _text("namespace", "Namespace of the pod that computes on it, where exactly one does."),
        _text("pod", "Pod that computes on it, where exactly one does."),
    ),
)

NVML_PROCESS_SAMPLE = LakeTable(
    "nvml__process_sample",
    "One row per process on a GPU and moment. Names of programs only: command lines may hold personal data and "
    "secrets.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        Column("sampled_at", "timestamp", "When it was read."),
        _text("node", "Host name, or the node's name in Kubernetes."),
        _text("gpu_uuid", "NVML UUID of the GPU."),
        _text("mig_uuid", "UUID of the MIG instance; null for a whole GPU."),
        Column("pid", "bigint", "Process id on the host."),
        _text("process_name", "File name of the program, without its path and arguments."),
        Column("sm_utilization_ratio", "double", "Mean SM utilisation since the sample before."),
        Column("memory_used_mib", "double", "GPU memory of the process."),
        _text("container_id", "Container of the process, from its control group."),
        _text("pod_uid", "Uid of the pod of the process, from its control group."),
        _text("namespace", "Namespace of that pod, where the host can tell."),
        _text("pod", "Name of that pod, where the host can tell."),
    ),
)

KUBERNETES_EVENT = LakeTable(
    "kubernetes__event",
    "One row per thing that happened in a cluster: what kube-state-metrics showed between two samples. The newest "
    "answer for a window is current.",
    (
        _SOURCE_ID,
        _text("kind", "restart, eviction, preemption, job_failed, scale_up, scale_down, node_added, node_removed."),
        Column("event_at", "timestamp", "End of the step in which it was seen."),
        Column("window_start", "timestamp", "Start of the window that was asked."),
        Column("window_end", "timestamp", "End of the window that was asked."),
        _text("namespace", "Namespace of the object; null for nodes."),
        _text("object_kind", "pod, node, job, deployment, statefulset, …"),
        _text("object_name", "Its name."),
        _text("container", "Container, for restarts."),
        Column("event_count", "double", "How often, or by how many."),
        Column("is_spot", "boolean", "Whether the node is spot capacity; null where it is not known."),
        Column("requested_at", "timestamp", "When it was asked; a later answer for the same window replaces it."),
    ),
)

OPENCOST_ALLOCATION = LakeTable(
    "opencost__allocation",
    "One row per pod (or what the cluster calls idle and unallocated) and day, as OpenCost estimates it from list or "
    "configured prices: context, never a bill. Amounts as the API writes them.",
    (
        _SOURCE_ID,
        Column("window_start", "timestamp", "Start of the window that was asked."),
        Column("window_end", "timestamp", "End of that window."),
        _text("name", "Name of the allocation as OpenCost gives it."),
        _text("cluster", "Cluster."),
        _text("node", "Node."),
        _text("namespace", "Namespace; null for idle and unallocated cost."),
        _text("pod", "Pod."),
        _text("controller_kind", "deployment, job, …"),
        _text("controller", "Name of the controller."),
        Column("labels", "json", "Labels of the pod as an object."),
        Column("namespace_labels", "json", "Labels of the namespace as an object."),
        Column("started_at", "timestamp", "When it began in the window."),
        Column("ended_at", "timestamp", "When it ended in the window."),
        _text("cpu_core_hours", "CPU core hours."),
        _text("gpu_hours", "GPU hours."),
        _text("ram_byte_hours", "Memory byte hours."),
        _text("cpu_cost", "Cost of CPU with its adjustment."),
        _text("gpu_cost", "Cost of GPUs with its adjustment."),
        _text("ram_cost", "Cost of memory with its adjustment."),
        _text("pv_cost", "Cost of persistent volumes with its adjustment."),
        _text("network_cost", "Cost of network with its adjustment."),
        _text("load_balancer_cost", "Cost of load balancers with its adjustment."),
        _text("shared_cost", "Shared cost that was spread over it."),
        _text("external_cost", "Cost of services outside the cluster."),
        _text("total_cost", "The sum as the API gives it."),
        _text("currency", "Currency of the installation."),
        _text("cpu_efficiency", "Used ÷ requested CPU."),
        _text("ram_efficiency", "Used ÷ requested memory."),
        Column("requested_at", "timestamp", "When it was asked; a later answer for the same window replaces it."),
    ),
)

OPENCOST_NODE_PRICE = LakeTable(
    "opencost__node_price",
    "One row per node and day with what OpenCost thinks the node costs.",
    (
        _SOURCE_ID,
        Column("window_start", "timestamp", "Start of the window that was asked."),
        Column("window_end", "timestamp", "End of that window."),
        _text("cluster", "Cluster."),
        _text("node", "Node."),
        _text("node_type", "Machine type, such as Standard_NC96ads_A100_v4."),
        _text("provider_id", "The cloud's id of the machine, lower case."),
        Column("is_spot", "boolean", "Whether it is spot capacity; null where it is not said."),
        _text("minutes", "Minutes that it was up in the window."),
        _text("cpu_cores", "CPU cores."),
        _text("gpu_count", "GPUs."),
        _text("ram_bytes", "Memory."),
        _text("cpu_cost", "Cost of its CPU in the window."),
        _text("gpu_cost", "Cost of its GPUs in the window."),
        _text("ram_cost", "Cost of its memory in the window."),
        _text("total_cost", "Cost of the node in the window."),
        _text("currency", "Currency of the installation."),
        Column("requested_at", "timestamp", "When it was asked; a later answer for the same window replaces it."),
    ),
)

TRAINING_RUN = LakeTable(
    "training__run",
    "One row per delivered state of a training or pipeline run; the newest state of a run is current.",
    (
        _SOURCE_ID,
        Column("snapshot_id", "text", "The snapshot that the row belongs to; null for rows of an API."),
        _FILE,
        _ROW,
        _text("run_id", "The tracking system's id of the run."),
        _text("run_name", "Its name."),
        _text("experiment", "Experiment or pipeline."),
        _text("project", "Where the run says it."),
        _text("team", "Where the run says it."),
        _text("app", "Where the run says it."),
        _text("stage", "training, fine_tuning, evaluation, preprocessing, … as the run says it."),
        _text("trigger", "retrain, manual, schedule, … as the run says it."),
        _text("status", "running, finished, failed, killed, scheduled."),
        Column("started_at", "timestamp", "When it started."),
        Column("ended_at", "timestamp", "When it ended; null while it runs."),
        _text("duration_seconds", "Seconds of work, where the source says them; never more than start to end."),
        _text("gpu_count", "GPUs held; a fraction for a slice."),
        _text("gpu_model", "Model of the GPUs."),
        _text("node", "Machine it ran on."),
        Column("retries", "bigint", "Attempts after the first; their time is in the run's."),
        Column("is_deleted", "boolean", "Deleted in the tracking system; what it used was used."),
        Column("updated_at", "timestamp", "When the source changed it last; null where it does not say."),
        Column("requested_at", "timestamp", "When it was landed; a later row of the same run replaces it."),
    ),
)

SAAS_SUBSCRIPTION = LakeTable(
    "saas__subscription",
    "One row per subscription and term of price: seats that are paid for whether they are used or not. Amounts as "
    "delivered.",
    (
        _SOURCE_ID,
        _SNAPSHOT,
        _FILE,
        _ROW,
        _text("subscription_id", "Name of the subscription; a change of seats or price is a new row from its day on."),
        _text("vendor", "Who sells it and sends the invoice."),
        _text("product", "What is sold."),
        _text("service_category", "FOCUS ServiceCategory."),
        Column("seats", "bigint", "Seats paid for."),
        _text("unit_price", "Price of one seat for one billing period."),
        _text("currency", "ISO 4217 code."),
        _text("billing_cadence", "monthly, quarterly, annual."),
        Column("start_date", "date", "First day, which is also the first billing date."),
        Column("end_date", "date", "Last day; null while it goes on."),
        Column("cancelled_on", "date", "No billing date from this day on; what is paid runs out."),
        _text("refund_amount", "What the vendor gave back when it was cancelled; null where nothing."),
        Column("tags", "json", "Team, app, project, cost centre, environment as an object."),
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
        _text("model", "Model that produced it, as the price book names it; null where all of them did."),
        Column("quantity", "decimal(38,12)", "How many."),
        Column("quality_score", "decimal(38,12)", "Mean score of them, 0 to 1; null where nobody scored them."),
        Column("value_amount", "decimal(38,12)", "What they were worth in all, such as revenue; null where not said."),
        _text("currency", "ISO 4217 code of value_amount."),
    ),
)

TABLES: tuple[LakeTable, ...] = (
    SNAPSHOT,
    WINDOW,
    REJECTED,
    SCHEMA_DRIFT,
    FOCUS_COST_AND_USAGE,
    AZURE_COST_DETAIL,
    OTEL_GENAI_SPAN,
    LITELLM_SPEND_LOG,
    USAGE_RECORD,
    MODEL_PRICE,
    METER_PRICE,
    AZURE_MONITOR_METRIC,
    OPENAI_USAGE,
    OPENAI_COST,
    ANTHROPIC_USAGE,
    ANTHROPIC_COST,
    MODEL_API_NAME,
    GPU_SAMPLE,
    KUBERNETES_OBJECT,
    NVML_GPU_SAMPLE,
    NVML_PROCESS_SAMPLE,
    KUBERNETES_EVENT,
    OPENCOST_ALLOCATION,
    OPENCOST_NODE_PRICE,
    TRAINING_RUN,
    SAAS_SUBSCRIPTION,
    OUTCOME,
)
