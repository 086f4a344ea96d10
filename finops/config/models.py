"""What each file of ``config/`` may say.

Here: one root model per file, with the checks inside that file. Its JSON Schema and its part of docs/configuration.md
are generated from it, so every setting says what it means.
Not here: references between files (load) and what the settings do (dbt, guardrails, ingestion).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from finops.config.problems import SettingError
from finops.money import CURRENCIES
from finops.tokens import TokenClass


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt setting must never be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        remedy = "Correct the pattern; in YAML, put it in double quotes and double its backslashes"
        raise SettingError(f"not a regular expression: {error}", remedy) from None
    return pattern


def form(pattern: str, message: str, remedy: str) -> Callable[[str], str]:
    """A validator for text of one form. It never repeats the text, which could be a secret in the wrong place."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise SettingError(message, remedy)
        return value

    return check


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise SettingError(f"{code!r} is not a currency", "Use an ISO 4217 code such as USD or EUR")
    return code


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        remedy = "Write an IANA name such as Europe/Stockholm, or UTC"
        raise SettingError(f"time zone {name!r} is unknown", remedy) from None
    return name


EmailAddress = Annotated[
    str,
    AfterValidator(
        form(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9.-]{1,250}", "not an e-mail address", "Write it like finops@example.com")
    ),
    WithJsonSchema({"type": "string", "format": "email"}),
]
_IDENTIFIER = r"[a-z0-9][a-z0-9._-]{0,79}"
_ENVIRONMENT_NAME = r"[A-Z][A-Z0-9_]*"

Identifier = Annotated[
    str,
    AfterValidator(
        form(
            _IDENTIFIER,
            "not a name that can be used here",
            "Use up to 80 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER}$"}),
]
Currency = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 code"}),
]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Money = Annotated[Decimal, Field(ge=0, max_digits=38, decimal_places=12)]
PositiveMoney = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=12)]
Ratio = Annotated[Decimal, Field(gt=0)]
PositiveRate = Annotated[Decimal, Field(gt=0, lt=100_000_000, max_digits=20, decimal_places=12)]
DateOnly = date  # a field that is itself named date cannot name the type
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
ClockTime = Annotated[
    str,
    AfterValidator(form(_CLOCK, "not a time of day", 'Write it in quotes, like "08:00"; "24:00" ends a day')),
    WithJsonSchema({"type": "string", "pattern": f"^({_CLOCK})$"}),
]
# 0.8 is 80%: whoever writes 80 would get an alert that never comes.
BudgetShare = Annotated[Decimal, Field(gt=0, le=10)]
Regex = Annotated[str, AfterValidator(_regex)]
EnvironmentName = Annotated[
    str,
    AfterValidator(
        form(
            _ENVIRONMENT_NAME,
            "not the name of an environment variable",
            "Put the value into the environment and write the variable's name here, such as AIFINOPS_TEAMS_URL",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_ENVIRONMENT_NAME}$"}),
]
DateFormat = Annotated[
    str,
    AfterValidator(
        form(
            r"(?=.*%d)(?=.*%m)(?=.*%[yY])(?!.*(%.).*\1)(%[dmyYHMS]|[^%])+",
            "not a format with day, month and year",
            "Write it like %m/%d/%y or %d.%m.%Y %H:%M:%S",
        )
    ),
]
Dimension = Literal[
    "team", "app", "project", "feature", "customer", "environment", "business_unit", "cost_center", "owner"
]
Level = Literal["company", "business_unit", "team", "app", "project", "model", "environment"]
AiCategory = Literal[
    "inference",
    "provisioned_capacity",
    "training",
    "fine_tuning",
    "experimentation",
    "gpu_compute",
    "vector_store",
    "data_storage",
    "egress",
    "labelling",
    "monitoring",
    "saas",
    "other_ai",
    "not_ai",
]


# ── sources.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class SourceBase(Strict):
    id: Identifier = Field(description="Name of the source in the lake; keep it for ever")
    enabled: bool = Field(True, description="false: neither landed nor checked for its variables")
    freshness_hours: int | None = Field(
        None, ge=1, description="Newest data older than this is late; a default per type where absent"
    )
    expected_from: date | None = Field(
        None, description="First day that must be there; where absent, the first day that was landed"
    )


class AzureExportsSource(SourceBase):
    """Azure Cost Management exports (FOCUS, actual cost, amortized cost), found through their manifests."""

    type: Literal["azure_exports"]
    url: str = Field(description="Folder or bucket with the exports: a path, or az://container/path")


class AzureCostApiSource(SourceBase):
    """Azure's bill through the Cost Management API, where no export exists."""

    type: Literal["azure_cost_api"]
    scopes: list[str] = Field(
        min_length=1,
        description="What to ask: /subscriptions/… or /providers/Microsoft.Billing/billingAccounts/… and below",
    )
    method: Literal["report", "query"] = Field(
        "report",
        description="report: every charge with its tags (EA and MCA); query: daily sums by resource and meter, for "
        "scopes that have no report",
    )
    months: int = Field(13, ge=1, le=13, description="Billing months to ask, the open one included")
    endpoint: str = Field("https://management.azure.com", description="Address of Azure Resource Manager")
    credential: Literal["default", "static"] = Field(
        "default", description="'static' reads a token from AIFINOPS_AZURE_TOKEN: for simulators and tests"
    )


class _FocusFileSettings(SourceBase):
    """How FOCUS files are read that leave out or write differently what FOCUS demands."""

    billing_currency: Currency | None = Field(None, description="For files or rows that do not say BillingCurrency")
    date_format: DateFormat | None = Field(
        None, description="Dates that are not ISO 8601: %m/%d/%y for 4/30/26, %d.%m.%Y %H:%M for 30.04.2026 12:00"
    )
    amount_style: Literal["1,234.56", "1.234,56"] | None = Field(
        None,
        description="How amounts with separators for thousands are written; a currency sign is allowed then. "
        "Without it, only 1234.56 is an amount",
    )


class FocusFilesSource(_FocusFileSettings):
    """FOCUS files of any producer: CSV, CSV.gz or Parquet; a file or a folder.

    The settings of currency, dates and amounts are for files that leave out or write differently what FOCUS demands;
    a row whose currency is from there says so in x_repairs.
    """

    type: Literal["focus_files"]
    url: str = Field(description="File or folder: a path, az://container/path, s3://bucket/path or gs://bucket/path")


class BillFilesSource(_FocusFileSettings):
    """Bills as files, known by their headers: FOCUS of any producer, Azure's actual and amortized cost.

    The settings of currency, dates and amounts are for FOCUS files that leave out or write differently what FOCUS
    demands.
    """

    type: Literal["bill_files"]
    url: str = Field(description="File or folder: a path, or az://container/path")
    dataset: Literal["auto", "ActualCost", "AmortizedCost"] = Field(
        "auto", description="Which dataset Azure cost files are of; auto: as their rows, else their names say"
    )


class OtelSpansSource(SourceBase):
    """OpenTelemetry GenAI spans as OTLP/JSON lines, plain or gzip."""

    type: Literal["otel_spans"]
    url: str = Field(description="File or folder: a path, or az://container/path")


class GatewayAccount(Strict):
    """Which account a gateway's calls went to. Every condition that is given must hold; the first entry that matches
    wins. Calls of an account are then not counted again from what its provider counts."""

    custom_llm_provider: str | None = Field(None, description="As LiteLLM names it, such as azure or openai")
    api_base: Regex | None = Field(None, description="Regular expression on the address that was called")
    model_group: Regex | None = Field(None, description="Regular expression on the model name that callers use")
    resource_id: str = Field(
        description="Cloud resource id of the account, or openai/<project id>, anthropic/<workspace id>"
    )

    @model_validator(mode="after")
    def _some_condition(self) -> GatewayAccount:
        if not (self.custom_llm_provider or self.api_base or self.model_group):
            raise SettingError(
                "an account without a condition would take every call",
                "Add custom_llm_provider, api_base or model_group",
            )
        return self


class LitellmSource(SourceBase):
    """Spend logs of a LiteLLM proxy, from its PostgreSQL database."""

    type: Literal["litellm"]
    database_env: EnvironmentName = Field(
        description="Variable with the address of the database, postgresql://user:password@host/name; the user needs "
        "SELECT and nothing else"
    )
    optional: bool = Field(False, description="true: nothing is landed while the variable is not set")
    lookback_days: int = Field(400, ge=1, description="How far back the first landing reads")
    late_hours: int = Field(
        24, ge=1, description="Calls are logged when they end: this much before the newest one is looked through again"
    )
    rows_per_load: int = Field(200_000, ge=1000, description="Rows in one load; decides how much memory is used")
    tag_prefixes: dict[Literal["app", "feature", "project", "environment"], str] = Field(
        default={"app": "app:", "feature": "feature:", "project": "project:", "environment": "environment:"},
        description="What a request tag starts with that says one of these; other tags are not landed",
    )
    accounts: list[GatewayAccount] = Field(default=[], description="Which accounts the calls went to")


class UsageFilesSource(SourceBase):
    """A user's own table of model usage with a mapping file."""

    type: Literal["usage_files"]
    url: str = Field(description="File or folder: a path, or az://container/path")
    mapping: str = Field(description="Path of the mapping file")


class AzureMonitorSource(SourceBase):
    """Azure Monitor platform metrics of Azure OpenAI / Foundry accounts, or of GPU machines."""

    type: Literal["azure_monitor"]
    metrics: Literal["openai", "gpu_vm"] = Field(
        "openai", description="Of what: accounts of Azure OpenAI and Foundry, or virtual machines with GPUs"
    )
    resources: list[str] = Field(min_length=1, description="Azure resource ids of the accounts or machines")
    region: str = Field(description="Azure region of the resources, such as swedencentral")
    endpoint: str | None = Field(None, description="Overrides https://<region>.metrics.monitor.azure.com")
    interval: Literal["PT1M", "PT5M", "PT1H"] = Field("PT1H", description="Time grain, ISO 8601")
    recent_hours: int = Field(
        3, ge=0, le=72, description="This many of the last hours are asked for at a grain of one minute as well"
    )
    series_per_answer: int = Field(
        1000, ge=2, description="Where Azure cuts an answer off; one of this length is asked for again in parts"
    )
    lookback_days: int = Field(93, ge=1, le=93, description="Azure Monitor keeps 93 days")
    credential: Literal["default", "static"] = Field(
        "default", description="'static' reads a token from AIFINOPS_AZURE_TOKEN: for simulators and tests"
    )


class AzurePriceSheetSource(SourceBase):
    """The negotiated price sheet of an enterprise agreement or a Microsoft Customer Agreement: CSV or JSON."""

    type: Literal["azure_price_sheet"]
    url: str = Field(description="File or folder: a path, or az://container/path")


class AzureRetailPricesSource(SourceBase):
    """Azure's public list prices: the Retail Prices API, or files with its answers."""

    type: Literal["azure_retail_prices"]
    url: str = Field(
        "https://prices.azure.com/api/retail/prices", description="Address of the API, or a file or folder of answers"
    )
    filter: str = Field(
        "serviceName eq 'Foundry Models' and priceType eq 'Consumption'",
        description="OData filter; for files it is not used",
    )
    currency: Currency = Field("USD", description="Currency to ask for")
    refresh_hours: int = Field(24, ge=1, description="Ask again when the newest answer is older than this")


class GenaiPricesSource(SourceBase):
    """List prices of model vendors from the installed package genai-prices: no network."""

    type: Literal["genai_prices"]


class ModelApiSource(SourceBase):
    """What the usage and cost reports of a model vendor have in common."""

    bucket_width: Literal["1m", "1h", "1d"] = Field("1h", description="Grain of token usage; costs are daily")
    lookback_days: int = Field(400, ge=1, le=1100, description="How far back the first landing asks for costs")
    usage_lookback_days: int = Field(400, ge=1, le=1100, description="How far back it asks for usage")
    settle_days: int = Field(
        3,
        ge=1,
        le=31,
        description="Days before the newest answer that are asked for again: late figures replace earlier",
    )


class OpenAiSource(ModelApiSource):
    """Usage and billed costs of an OpenAI organisation, through its administration API."""

    type: Literal["openai"]
    admin_key_env: EnvironmentName = Field(
        "AIFINOPS_OPENAI_ADMIN_KEY", description="Variable with an admin key that may read usage (api.usage.read)"
    )
    endpoint: str | None = Field(None, description="Overrides https://api.openai.com/v1")
    usage: list[
        Literal[
            "completions",
            "embeddings",
            "moderations",
            "images",
            "audio_speeches",
            "audio_transcriptions",
            "vector_stores",
            "code_interpreter_sessions",
        ]
    ] = Field(
        default=[
            "completions",
            "embeddings",
            "moderations",
            "images",
            "audio_speeches",
            "audio_transcriptions",
            "vector_stores",
            "code_interpreter_sessions",
        ],
        description="Usage endpoints to ask; all but completions and embeddings are asked by day",
    )
    group_by: list[Literal["project_id", "user_id", "api_key_id", "model", "batch", "service_tier"]] = Field(
        default=["project_id", "api_key_id", "model", "batch", "service_tier"],
        description="What usage is told apart by; user ids are hashed",
    )
    cost_group_by: list[Literal["project_id", "line_item", "api_key_id"]] = Field(
        default=["project_id", "line_item", "api_key_id"], description="What costs are told apart by"
    )


class AnthropicSource(ModelApiSource):
    """Usage and billed costs of an Anthropic organisation, through its Admin API."""

    type: Literal["anthropic"]
    admin_key_env: EnvironmentName = Field(
        "AIFINOPS_ANTHROPIC_ADMIN_KEY", description="Variable with an Admin API key (sk-ant-admin…)"
    )
    endpoint: str | None = Field(None, description="Overrides https://api.anthropic.com/v1")
    group_by: list[
        Literal["workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo", "account_id"]
    ] = Field(
        default=["workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo"],
        description="What usage is told apart by; account ids are hashed",
    )


class PrometheusSource(SourceBase):
    """GPU metrics (DCGM exporter) and Kubernetes labels (kube-state-metrics) through the Prometheus HTTP API."""

    type: Literal["prometheus"]
    url: str = Field(description="Base address of the Prometheus server")
    step_seconds: int = Field(3600, ge=60, le=86400, description="Length of one sample")
    lookback_days: int = Field(400, ge=1, description="How far back the first landing asks")


class OpencostSource(SourceBase):
    """In-cluster cost estimates of OpenCost or Kubecost: pods with labels, and nodes with prices."""

    type: Literal["opencost"]
    url: str = Field(description="Base address of the API; for Kubecost with /model at its end")
    cluster: str | None = Field(None, description="Name of the cluster, where the answers do not say it")
    currency: Currency = Field("USD", description="Currency of the installation's prices")
    lookback_days: int = Field(
        15, ge=1, le=400, description="How far back the first landing asks; what Prometheus behind it still has"
    )
    token_env: EnvironmentName | None = Field(None, description="Variable with a bearer token, where one is needed")


class NvmlSamplesSource(SourceBase):
    """Samples that `aifinops collect nvml` wrote on GPU hosts."""

    type: Literal["nvml_samples"]
    url: str = Field(description="Folder that the collectors write to, or that their files are copied to")


class MlflowSource(SourceBase):
    """Training and pipeline runs of an MLflow tracking server."""

    type: Literal["mlflow"]
    url: str = Field(description="Base address of the tracking server")
    experiments: list[str] = Field(default=[], description="Names of the experiments; empty: all")
    fields: dict[
        Literal[
            "project",
            "team",
            "app",
            "stage",
            "trigger",
            "retries",
            "gpu_count",
            "gpu_model",
            "node",
            "duration_seconds",
        ],
        str,
    ] = Field(default={}, description="Meaning → key of the tag, parameter or metric that says it; else its own name")
    lookback_days: int = Field(400, ge=1, description="How far back the first landing asks")
    ask_again_days: int = Field(
        14, ge=1, description="Runs that started this long before the newest answer are asked for again"
    )
    token_env: EnvironmentName | None = Field(None, description="Variable with a bearer token, where one is needed")


class FilesOrTableSource(SourceBase):
    """Records as files, or as a table of a database."""

    url: str | None = Field(None, description="File or folder: a path, or az://container/path")
    connection_env: EnvironmentName | None = Field(
        None, description="Instead of url: variable with the database's SQLAlchemy address, such as postgresql://…"
    )
    table: str | None = Field(None, description="Table or view to read, such as finance.subscriptions")
    columns: dict[str, str] = Field(default={}, description="Meaning → name of the column that has it; else its own")

    @model_validator(mode="after")
    def _one_place(self) -> FilesOrTableSource:
        if (self.url is None) == (self.connection_env is None):
            raise SettingError("give either url or connection_env", "Keep url for files, connection_env for a table")
        if (self.connection_env is None) != (self.table is None):
            raise SettingError("connection_env and table belong together", "Give both, or neither")
        return self


class TrainingRunsSource(FilesOrTableSource):
    """Training and pipeline runs as files (CSV, JSON lines) or a table."""

    type: Literal["training_runs"]


class SaasSubscriptionsSource(FilesOrTableSource):
    """SaaS subscriptions as files (CSV, YAML) or a table: seats, price and term become FOCUS rows."""

    type: Literal["saas_subscriptions"]


class OutcomesSource(FilesOrTableSource):
    """Business outcomes as CSV files or a table."""

    type: Literal["outcomes"]


Source = Annotated[
    AzureExportsSource
    | AzureCostApiSource
    | FocusFilesSource
    | BillFilesSource
    | OtelSpansSource
    | LitellmSource
    | UsageFilesSource
    | AzureMonitorSource
    | AzurePriceSheetSource
    | AzureRetailPricesSource
    | GenaiPricesSource
    | OpenAiSource
    | AnthropicSource
    | PrometheusSource
    | NvmlSamplesSource
    | OpencostSource
    | MlflowSource
    | TrainingRunsSource
    | SaasSubscriptionsSource
    | OutcomesSource,
    Field(discriminator="type"),
]


class SourcesFile(Strict):
    """Where facts come from."""

    fiscal_year_first_month: int = Field(1, ge=1, le=12, description="7: the fiscal year starts on 1 July")
    sources: list[Source] = Field(description="One entry per place that facts come from")

    @model_validator(mode="after")
    def _unique(self) -> SourcesFile:
        require_unique("source", ((("sources", i, "id"), s.id) for i, s in enumerate(self.sources)))
        return self


class UsageMapping(Strict):
    """A mapping file: which column of a user's table is what. ``constants`` fill what the table does not say."""

    columns: dict[
        Literal[
            "usage_at",
            "provider_name",
            "model",
            "deployment_name",
            "resource_id",
            "request_count",
            "input_tokens",
            "cache_read_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "repeated_prefix_tokens",
            "prompt_blocks",
            "output_tokens",
            "reasoning_tokens",
            "usage_json",
            "region_id",
            "deployment_type",
            "service_tier",
            "team",
            "app",
            "project",
            "feature",
            "environment",
            "customer_id",
            "user_id",
        ],
        str,
    ] = Field(
        description="Meaning → name of the column that has it. usage_json: the usage object of a response; "
        "repeated_prefix_tokens: how much of the prompt's start an earlier call had too; prompt_blocks: a JSON list of "
        "the prompt's blocks in order, each an id of all of the prompt up to its end, from which that is counted"
    )
    constants: dict[
        Literal[
            "provider_name",
            "model",
            "deployment_name",
            "resource_id",
            "region_id",
            "deployment_type",
            "service_tier",
            "team",
            "app",
            "project",
            "feature",
            "environment",
        ],
        str,
    ] = Field(default={}, description="Meaning → value, for what the table does not say")
    input_includes_cache: bool = Field(True, description="Does the input count contain the cached tokens?")
    time_zone: TimeZone = Field("UTC", description="IANA name, for times without an offset")
    time_format: str | None = Field(None, description="strptime format; ISO 8601 where absent")
    prompt_block_tokens: int | None = Field(None, ge=1, description="Tokens in one of prompt_blocks")
    prompt_cache_ttl_seconds: int = Field(
        300, ge=1, description="With prompt_blocks: how long after its last use a provider's cache would keep a block"
    )

    @model_validator(mode="after")
    def _blocks(self) -> UsageMapping:
        if ("prompt_blocks" in self.columns) != (self.prompt_block_tokens is not None):
            remedy = "Give prompt_blocks a column and prompt_block_tokens the tokens in one of them, or neither"
            raise SettingError("blocks without a size, or a size without blocks", remedy, ("prompt_block_tokens",))
        if {"prompt_blocks", "repeated_prefix_tokens"} <= set(self.columns):
            remedy = "Keep one of the two: prompt_blocks, or repeated_prefix_tokens"
            raise SettingError("both say what repeats at the start of prompts", remedy, ("columns", "prompt_blocks"))
        return self

    @model_validator(mode="after")
    def _complete(self) -> UsageMapping:
        if "usage_at" not in self.columns:
            remedy = "Add usage_at: and the name of the column with the time of the usage"
            raise SettingError("usage_at is missing", remedy, ("columns",))
        if not {"input_tokens", "output_tokens", "usage_json"} & set(self.columns):
            remedy = "Map a column to at least one of them, or usage_json to a column of usage objects"
            raise SettingError("neither input_tokens nor output_tokens is there to be priced", remedy, ("columns",))
        counted = sorted(name for name in self.columns if name.endswith("_tokens") and name != "repeated_prefix_tokens")
        if "usage_json" in self.columns and counted:
            remedy = f"Keep one of the two: usage_json, or {', '.join(counted)}"
            raise SettingError("usage_json says the counts that other columns say as well", remedy, ("columns",))
        # A usage object may be a whole response, which names its model.
        needed = ("provider_name",) if "usage_json" in self.columns else ("provider_name", "model")
        for need in needed:
            if need not in self.columns and need not in self.constants:
                raise SettingError(f"{need} is missing", "Map a column to it, or give it under constants", ("columns",))
        for name in self.constants:
            if name in self.columns:
                raise SettingError(f"{name} is under columns as well", "Keep one of the two", ("constants", name))
        return self


# ── tags.yml ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class TagRule(Strict):
    """The first rule that yields a value wins.

    Match ``tag`` reads the first of ``keys`` present on the resource (any case); the others test ``pattern`` against
    the named property.
    """

    id: Identifier = Field(description="Name of the rule; every attributed row carries it")
    dimension: Dimension = Field(description="What the rule finds")
    match: Literal[
        "tag",
        "resource_id",
        "resource_name",
        "sub_account",
        "service_name",
        "namespace",
        "deployment",
        "app",
        "project",
        "api_key",
    ] = Field(description="Where it looks; project and api_key are names that model vendors give")
    keys: list[str] = Field(default=[], description="For match tag: keys to look for, in any case")
    pattern: Regex | None = Field(None, description="For every other match: regular expression")
    value: str | None = Field(None, description="What to set; for match tag, the tag's own value where absent")
    valid_from: date | None = Field(None, description="First day the rule holds; always where absent")
    valid_to: date | None = Field(None, description="Last day the rule holds; for ever where absent")

    @model_validator(mode="after")
    def _consistent(self) -> TagRule:
        if self.match == "tag" and not self.keys:
            raise SettingError("match: tag needs keys", "Add keys, such as keys: [team, owner_team]")
        if self.match != "tag" and self.pattern is None:
            raise SettingError(f"match: {self.match} needs a pattern", 'Add one, such as pattern: "^search-"')
        if self.match != "tag" and self.value is None:
            raise SettingError(f"match: {self.match} needs a value", "Add the value to set, such as value: search")
        if self.match != "tag" and self.keys:
            raise SettingError(f"match: {self.match} has no use for keys", "Remove keys, or use match: tag", ("keys",))
        _require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


Criticality = Literal["low", "normal", "high", "critical"]


class AppOwner(Strict):
    """Which team and business unit an app belongs to; completes rows that know only the app or the team."""

    app: Identifier = Field(description="As the tags, the spans and the namespaces name it")
    team: Identifier = Field(description="One of teams")
    criticality: Criticality = Field("normal", description="How much depends on it; moves the severity of incidents")


class TeamOwner(Strict):
    """A team and what it belongs to."""

    team: Identifier = Field(description="As the tags, the spans and the namespaces name it")
    business_unit: str | None = Field(None, description="Business unit that the team belongs to")
    cost_center: str | None = Field(None, description="Cost centre that pays for the team")
    owner_email_env: EnvironmentName | None = Field(None, description="Variable with the owner's address")


class TagsFile(Strict):
    """How resources find their owners."""

    rules: list[TagRule] = Field(description="Tried from top to bottom, for each dimension")
    teams: list[TeamOwner] = Field(
        default=[], description="Where any is listed, every team that the configuration names must be"
    )
    apps: list[AppOwner] = Field(
        default=[], description="Where any is listed, every app that the configuration names must be"
    )

    @model_validator(mode="after")
    def _unique(self) -> TagsFile:
        require_unique("tag rule", ((("rules", i, "id"), r.id) for i, r in enumerate(self.rules)))
        require_unique("team", ((("teams", i, "team"), t.team) for i, t in enumerate(self.teams)))
        require_unique("app", ((("apps", i, "app"), a.app) for i, a in enumerate(self.apps)))
        known = {team.team for team in self.teams}
        for i, app in enumerate(self.apps):
            if app.team not in known:
                raise SettingError(f"no team {app.team!r} under teams", "Add it there", ("apps", i, "team"))
        return self


# ── allocation.yml ────────────────────────────────────────────────────────────────────────────────────────────────────


Driver = Literal[
    "usage_cost",
    "tokens",
    "requests",
    "provisioned_units",
    "gpu_seconds",
    "gpu_busy_seconds",
    "sm_active_seconds",
    "commitment_use",
    "direct_cost",
    "cost_so_far",
    "even",
    "fixed",
]
"""What shared cost is split in proportion to; `docs/allocation.md` says how each is measured."""

USAGE_DRIVERS = ("usage_cost", "tokens", "requests")
GPU_DRIVERS = ("gpu_seconds", "gpu_busy_seconds", "sm_active_seconds")
IDLE_DRIVERS = (*GPU_DRIVERS, "provisioned_units")
"""Drivers of capacity, of which a part may be idle."""
MEASURED_DRIVERS = (*USAGE_DRIVERS, *IDLE_DRIVERS)
"""Drivers that are measured day by day, so that a day may lack them."""
STEPS = 3
"""Steps of a step-down allocation that pools may be put in."""


class Pool(Strict):
    """Shared cost and how it is split. A charge is of the pool whose given patterns all match it.

    Drivers: ``usage_cost`` (calls at list price), ``tokens``, ``requests``, ``provisioned_units`` (tokens as the model
    weighs them, of a provisioned deployment; the rest of its capacity is idle), ``gpu_seconds`` (GPU time held),
    ``gpu_busy_seconds`` (held and computing), ``sm_active_seconds`` (SM activity); ``commitment_use`` (cost of what the
    same commitment covered in the month), ``direct_cost`` (cost of each team's own resources in the month),
    ``cost_so_far`` (that, and what earlier steps gave it), ``even``, ``fixed`` (``shares``).
    """

    id: Identifier = Field(description="Name of the pool; every allocated row carries it")
    resource_id: Regex | None = Field(None, description="Over FOCUS ResourceId, in lower case")
    service_name: Regex | None = Field(None, description="Over FOCUS ServiceName")
    sku_meter: Regex | None = Field(None, description="Over FOCUS SkuMeter")
    charge_description: Regex | None = Field(None, description="Over FOCUS ChargeDescription")
    charge_category: Regex | None = Field(None, description="Over FOCUS ChargeCategory: Usage, Purchase, Tax, …")
    commitment_status: Regex | None = Field(
        None,
        description="Over FOCUS CommitmentDiscountStatus: Used, or Unused for the part of a commitment nobody used",
    )
    provider: Regex | None = Field(None, description="Over the provider's name, such as Microsoft or AWS")
    sub_account: Regex | None = Field(None, description="Over FOCUS SubAccountId and SubAccountName: one must match")
    driver: Driver = Field(description="What the cost is split in proportion to")
    measured_on: Regex | None = Field(
        None,
        description="Measure a driver of usage or GPUs on resources whose ids match, instead of on the charge's own",
    )
    look_back_days: Annotated[int, Field(ge=0, le=92)] = Field(
        0, description="Where a day lacks the driver, use what it was over as many days before; 0: use the fallback"
    )
    fallback: Literal["owner", "direct_cost", "even", "fixed", "none"] = Field(
        "none",
        description="Used where the driver has no data: owner is whom the rules of tags.yml find, none leaves the cost "
        "unmatched",
    )
    shares: dict[Identifier, Ratio] = Field(default={}, description="team → weight, for fixed")
    idle: Literal["show", "spread"] = Field(
        "show", description="Idle capacity as a row of its own, or as rows of those who used the rest"
    )
    idle_team: Identifier | None = Field(
        None, description="Who keeps idle that is shown; nobody where absent, and it counts as unallocated"
    )
    step: Annotated[int, Field(ge=1, le=STEPS)] = Field(
        1, description="Pools are split step by step; a later step sees what earlier ones gave"
    )
    to_pools: bool = Field(
        False,
        description="For a driver of cost: pools of later steps bear a part too, and pass it on as their own cost",
    )

    @property
    def patterns(self) -> dict[str, str | None]:
        """Property → pattern."""
        return self.model_dump(include=set(POOL_PROPERTIES))

    @model_validator(mode="after")
    def _consistent(self) -> Pool:
        if not any(self.patterns.values()):
            raise SettingError("no pattern", 'Add at least one, such as resource_id: "/accounts/aoai-gateway$"')
        if "fixed" in (self.driver, self.fallback) and not self.shares:
            raise SettingError("fixed needs shares", "Add them, such as shares: {search: 2, support: 1}")
        if self.look_back_days and self.driver not in MEASURED_DRIVERS:
            remedy = f"Remove look_back_days, or use a driver that is measured by day: {', '.join(MEASURED_DRIVERS)}"
            raise SettingError(f"driver: {self.driver} has no day that lacks it", remedy, ("look_back_days",))
        if self.measured_on and self.driver not in (*USAGE_DRIVERS, *GPU_DRIVERS):
            remedy = f"Remove measured_on, or use one of {', '.join((*USAGE_DRIVERS, *GPU_DRIVERS))}"
            raise SettingError(f"driver: {self.driver} is not measured on resources", remedy, ("measured_on",))
        if self.to_pools and self.driver not in ("direct_cost", "cost_so_far"):
            remedy = "Use driver: direct_cost or cost_so_far, or remove to_pools"
            raise SettingError(f"driver: {self.driver} does not know what pools cost", remedy, ("to_pools",))
        if self.to_pools and self.step == STEPS:
            remedy = f"Give the pool a step before {STEPS}, or remove to_pools"
            raise SettingError(f"no step comes after {STEPS}", remedy, ("to_pools",))
        return self


POOL_PROPERTIES = (
    "resource_id",
    "service_name",
    "sku_meter",
    "charge_description",
    "charge_category",
    "commitment_status",
    "provider",
    "sub_account",
)
"""What of a charge a pool may look at."""


class ProvisionedModel(Strict):
    """How much of a provisioned unit (PTU) a model's tokens take, as its provider publishes it."""

    model: Identifier = Field(description="As prices.yml and the marts name it")
    input_tokens_per_unit_minute: Annotated[int, Field(gt=0)] = Field(
        description="Input tokens a minute that one unit serves"
    )
    output_weight: Ratio = Field(Decimal(1), description="Input tokens that an output token counts as")
    cached_weight: Annotated[Decimal, Field(ge=0)] = Field(
        Decimal(0), description="Input tokens that a token read from the cache counts as"
    )


class AiCategoryRule(Strict):
    """The first rule whose patterns all match says whether a charge is AI spend and of which kind.

    Patterns are regular expressions, in any case; a rule needs at least one.
    """

    id: Identifier = Field(description="Name of the rule; every categorised row carries it")
    category: AiCategory = Field(description="What a charge that matches is; not_ai takes it out")
    service_name: Regex | None = Field(None, description="Over FOCUS ServiceName")
    service_category: Regex | None = Field(None, description="Over FOCUS ServiceCategory")
    sku_meter: Regex | None = Field(None, description="Over FOCUS SkuMeter")
    resource_id: Regex | None = Field(None, description="Over FOCUS ResourceId, in lower case")
    charge_description: Regex | None = Field(None, description="Over FOCUS ChargeDescription")
    charge_category: Regex | None = Field(None, description="Over FOCUS ChargeCategory: Usage, Purchase, Tax, …")
    provider: Regex | None = Field(None, description="Over the provider's name, such as Microsoft or AWS")
    sub_account: Regex | None = Field(None, description="Over FOCUS SubAccountId and SubAccountName: one must match")
    environment: Regex | None = Field(None, description="Over the environment that the rules of tags.yml found")
    project: Regex | None = Field(None, description="Over the project that the rules of tags.yml found")
    tags: dict[str, Regex] = Field(default={}, description="Tag key, in any case → pattern; all of them must match")

    @property
    def patterns(self) -> dict[str, str | None]:
        """Property → pattern, tags apart."""
        return self.model_dump(exclude={"id", "category", "tags"})

    @model_validator(mode="after")
    def _some(self) -> AiCategoryRule:
        if not any((*self.patterns.values(), self.tags)):
            raise SettingError("no pattern", 'Add at least one, such as service_name: "azure openai"')
        return self


class AiCandidate(Strict):
    """What makes a charge look like AI spend: if it does and no rule caught it, it is listed with its money."""

    id: Identifier = Field(description="Name of the sign; every listed row carries it")
    pattern: Regex = Field(
        description="Over service, meter, resource id and type, description and SKU details together"
    )


AI_CANDIDATES = (
    ("model-vendor", r"open ?ai|anthropic|claude|gemini|mistral|cohere|llama|deepseek|hugging ?face|perplexity"),
    (
        "ai-service",
        r"bedrock|sagemaker|vertex|cognitive ?service|foundry|machine ?learning|databricks|generative|copilot",
    ),
    ("ai-word", r"\bgpt\b|\bllm\b|\bai\b|embedding|fine.?tun|inference|token"),
    (
        "gpu",
        r"\bgpus?\b|nvidia|\b(t4|v100|p100|a10g?|a100|h100|h200|l40s?)\b|\bn[cdv]v?[0-9]+[a-z]*"
        r"|\b(p[2-6]|g[3-6]|trn[0-9]|inf[0-9])[a-z]*\.[0-9]*x?large|\ba[23]-(high|mega|ultra)gpu",
    ),
)
"""Signs of AI spend where allocation.yml names none."""


class StatementSettings(Strict):
    """Monthly statements, and how the ledger books them."""

    issuer: str = Field("FinOps", description="Who issues statements, as it stands on them")
    expense_account: str = Field("6000", description="Account of the general ledger that a cost centre is charged on")
    clearing_account: str = Field(
        "2000", description="Account that the invoices were booked on, from which statements take the cost"
    )
    clearing_cost_center: str = Field("", description="Cost centre of the clearing account, where it has one")
    unowned_cost_center: str = Field("", description="Cost centre that is charged for what nobody owns")


class AllocationFile(Strict):
    """What is AI spend, how shared cost is split, and how it is charged."""

    ai_categories: list[AiCategoryRule] = Field(description="Tried from top to bottom; no match is not AI spend")
    ai_candidates: list[AiCandidate] = Field(
        default=[AiCandidate(id=name, pattern=pattern) for name, pattern in AI_CANDIDATES],
        description="Signs of AI spend; what has one and no rule of ai_categories matched is listed",
    )
    pools: list[Pool] = Field(default=[], description="Tried from top to bottom; a charge is split by the first")
    provisioned_models: list[ProvisionedModel] = Field(
        default=[], description="What provisioned units serve, for the driver provisioned_units"
    )
    coverage_target: Annotated[Decimal, Field(gt=0, le=1)] = Field(
        Decimal("0.95"), description="Share of AI spend that should have an owner"
    )
    statements: StatementSettings = Field(
        default_factory=lambda: StatementSettings.model_validate({}),
        description="What `aifinops statements issue` writes",
    )

    @model_validator(mode="after")
    def _unique(self) -> AllocationFile:
        require_unique("pool", ((("pools", i, "id"), p.id) for i, p in enumerate(self.pools)))
        require_unique(
            "model", ((("provisioned_models", i, "model"), m.model) for i, m in enumerate(self.provisioned_models))
        )
        require_unique("rule", ((("ai_categories", i, "id"), r.id) for i, r in enumerate(self.ai_categories)))
        require_unique("sign", ((("ai_candidates", i, "id"), c.id) for i, c in enumerate(self.ai_candidates)))
        return self


# ── reconciliation.yml ────────────────────────────────────────────────────────────────────────────────────────────────


class CalibrationSettings(Strict):
    """How the newest estimates are corrected by what earlier ones turned out to cost: billed ÷ estimated."""

    trailing_days: int = Field(28, ge=1, le=366, description="Newest billed days that are looked at")
    min_days: int = Field(7, ge=1, le=366, description="With fewer billed days the factor is 1")
    lowest: Ratio = Field(Decimal("0.5"), description="No factor is lower")
    highest: Ratio = Field(Decimal(2), description="No factor is higher")

    @model_validator(mode="after")
    def _ordered(self) -> CalibrationSettings:
        if self.lowest > self.highest:
            raise SettingError("lowest is above highest", "Swap the two", ("lowest",))
        if self.min_days > self.trailing_days:
            raise SettingError("min_days is above trailing_days", "Lower it to trailing_days or less", ("min_days",))
        return self


class ReconciliationFile(Strict):
    """How estimates become bills, and when a month is closed."""

    tolerance_ratio: Annotated[Decimal, Field(ge=0, le=1)] = Field(
        Decimal("0.02"), description="An estimate may differ from the bill by this share of the estimate"
    )
    min_amount: Money = Field(Decimal(1), description="Smaller differences never count, in the bill's currency")
    settle_days: int = Field(
        2, ge=0, le=31, description="How far the bill must have moved on before a day that it leaves out counts as free"
    )
    calibration: CalibrationSettings = Field(
        default_factory=lambda: CalibrationSettings.model_validate({}),
        description="Correction of estimates that no bill has replaced yet",
    )
    close_after_days: int = Field(
        5, ge=0, le=90, description="A month is closed this many days after its end, at 00:00 UTC"
    )
    close_after_days_by_provider: dict[str, Annotated[int, Field(ge=0, le=90)]] = Field(
        default={}, description="Provider, as the bill names it → days, where it differs"
    )


# ── prices.yml ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ModelPrice(Strict):
    """Price of a model from a day on, per 1M tokens of each disjoint class.

    What is left out is not distinguished: a price without ``region_id`` holds in every region, one without
    ``deployment_type`` for every way of deploying that has no price of its own, one without ``service_tier`` for the
    standard tier only.
    """

    provider: str = Field(description="As the usage names it: azure.ai.openai, openai, anthropic, …")
    model: str = Field(description="As the usage names it")
    aliases: list[str] = Field(default=[], description="Other names, such as dated versions")
    valid_from: date = Field(description="First day of the price; it ends where a later one begins")
    valid_to: date | None = Field(None, description="Last day of the price, where it ends without a later one")
    region_id: str | None = Field(None, description="Only in this region, such as swedencentral")
    deployment_type: Literal["global", "data_zone", "regional", "provisioned"] | None = Field(
        None, description="Only for this way of deploying"
    )
    service_tier: Literal["standard", "batch", "flex", "priority"] = Field(
        "standard", description="Only for this service tier"
    )
    min_input_tokens: int = Field(
        0, ge=0, description="Only for requests with at least this many input tokens, cached ones included"
    )
    currency: Currency = "USD"
    per_1m_tokens: dict[TokenClass, Money] = Field(description="Token class → price")
    source: str = Field(description="Where the price was read")

    @property
    def conditions(self) -> tuple[str | int | None, ...]:
        """What the price is only for; a later price replaces one with the same conditions."""
        return (self.provider, self.region_id, self.deployment_type, self.service_tier, self.min_input_tokens)

    @property
    def own_conditions(self) -> tuple[str, ...]:
        """Those conditions, after the provider, that narrow the price down."""
        return tuple(str(condition) for condition in self.conditions[1:] if condition not in (None, "standard", 0))

    @model_validator(mode="after")
    def _order(self) -> ModelPrice:
        _require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


class GpuPrice(Strict):
    """Hourly price of one GPU, for GPU time that no bill covers yet."""

    gpu_model: str = Field(description="As DCGM reports it")
    valid_from: date = Field(description="First day of the price; it ends where a later one begins")
    currency: Currency = "USD"
    per_gpu_hour: Money = Field(description="Price of one GPU for one hour")
    source: str = Field(description="Where the price was read")


class PricesFile(Strict):
    """Your own prices. They come before public lists and after what the bill and the price sheet say.

    A class without a price falls back: reasoning → output, cache classes → input_uncached. Audio and images never do.
    """

    models: list[ModelPrice] = Field(description="Prices of models")
    gpus: list[GpuPrice] = Field(default=[], description="Prices of GPUs")

    @model_validator(mode="after")
    def _unique(self) -> PricesFile:
        require_unique(
            "model price",
            (
                (("models", i), "/".join((p.provider, name, *p.own_conditions)) + f" from {p.valid_from}")
                for i, p in enumerate(self.models)
                for name in (p.model, *p.aliases)
            ),
        )
        require_unique(
            "GPU price", ((("gpus", i), f"{p.gpu_model} from {p.valid_from}") for i, p in enumerate(self.gpus))
        )
        return self


# ── currencies.yml ────────────────────────────────────────────────────────────────────────────────────────────────────


class CurrencyRate(Strict):
    """What one unit of a currency was worth in the base currency of its rates from a day on."""

    currency: Currency = Field(description="The currency that is priced")
    date: DateOnly = Field(description="First day of the rate; it holds until a later one")
    rate: PositiveRate = Field(description="Units of the base currency for one unit of it")


class InlineRates(Strict):
    """Rates written here."""

    kind: Literal["inline"]
    base: Currency = Field(description="The currency that rates are in")
    source: str = Field(description="Where the rates were read; every converted amount names it")
    rates: list[CurrencyRate] = Field(min_length=1, description="Dated rates")

    @model_validator(mode="after")
    def _unique(self) -> InlineRates:
        require_unique(
            "rate", ((("rates", i), f"{rate.currency} from {rate.date}") for i, rate in enumerate(self.rates))
        )
        for i, rate in enumerate(self.rates):
            if rate.currency == self.base:
                raise SettingError("a currency is worth one of itself", "Remove the rate", ("rates", i, "currency"))
        return self


class FileRates(Strict):
    """Rates of a CSV file, such as the European Central Bank's eurofxref-hist.csv."""

    kind: Literal["ecb_csv"]
    path: str = Field(
        description="CSV file, beside this file or anywhere: a column Date, and one per currency with the units of it "
        "for one unit of the base currency"
    )
    base: Currency = Field("EUR", description="The currency that the file's columns are the price of")
    source: str = Field(description="Where the file is from; every converted amount names it")


class CurrenciesFile(Strict):
    """The currency that everything can be added up in, and the dated rates that lead there.

    A charge is converted with the latest rate on or before its day. Where there is none, its converted amount is
    unknown, never the amount itself.
    """

    reporting_currency: Currency = Field("USD", description="What reporting_billed_cost and the like are in")
    max_age_days: int = Field(
        10, ge=0, description="A rate older than this is none: markets close for days, not for weeks"
    )
    rates: list[Annotated[InlineRates | FileRates, Field(discriminator="kind")]] = Field(
        default=[], description="Where rates come from; where several have a pair and day, the first wins"
    )


# ── budgets.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Scope(Strict):
    """Whose cost is meant."""

    level: Level = Field(description="What value names")
    value: str | None = Field(None, description="Absent for level company")

    @model_validator(mode="after")
    def _value(self) -> Scope:
        if (self.level == "company") != (self.value is None):
            if self.value is None:
                raise SettingError(f"level {self.level} needs a value", f"Add value: and the name of the {self.level}")
            raise SettingError("level company has no value", "Remove value, or choose another level", ("value",))
        return self


class BudgetIncrease(Strict):
    """More money for some days, that ends by itself."""

    amount: PositiveMoney = Field(description="Added to the budget's amount")
    valid_from: date = Field(description="First day")
    valid_to: date = Field(description="Last day")
    reason: str = Field(description="Why, and who agreed")

    @model_validator(mode="after")
    def _order(self) -> BudgetIncrease:
        _require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


class BudgetMilestone(Strict):
    """Money that is released when a milestone is approved, and must last until the next one is due."""

    id: Identifier = Field(description="Name of the milestone")
    amount: PositiveMoney = Field(description="Released with it")
    due_on: date = Field(description="Last day that the money is meant for")
    approved_on: date | None = Field(None, description="Since when it may be spent; absent: not approved yet")


class RollOver(Strict):
    """What the period before left over goes on into this one."""

    at_most: PositiveMoney = Field(description="No more than this")


class Budget(Strict):
    """What a scope may spend on AI in each period."""

    id: Identifier = Field(description="Name of the budget in messages and policies")
    scope: Scope = Field(description="Whose AI spend it limits")
    period: Literal["day", "week", "month", "quarter", "year", "milestone"] = Field(
        "month",
        description="Calendar period; a week starts on Monday, quarters and years are fiscal; milestone: from "
        "valid_from until the newest approved milestone is due",
    )
    amount: PositiveMoney | None = Field(
        None, description="For one period; may be left out where tier or milestones say it"
    )
    tier: Identifier | None = Field(None, description="A tier of tiers, whose amount holds where amount is absent")
    owner: str | None = Field(None, description="Who answers for it, as an address or a team")
    parent: Identifier | None = Field(
        None, description="Budget that caps this one: no more is available than that one has left"
    )
    roll_over: RollOver | None = Field(None, description="Whether money that was left over may be spent later")
    increases: list[BudgetIncrease] = Field(default=[], description="More money for some days")
    milestones: list[BudgetMilestone] = Field(
        default=[], description="For period milestone: money released step by step"
    )
    currency: Currency = Field("USD", description="ISO 4217 code; only cost billed in it counts")
    time_zone: TimeZone | None = Field(
        None, description="IANA name of the zone whose midnight begins its periods; the file's where absent"
    )
    alert_at: list[BudgetShare] = Field(default=[Decimal("0.8"), Decimal("1.0")], description="Shares of the amount")
    valid_from: date | None = Field(None, description="First day; always where absent")
    valid_to: date | None = Field(None, description="Last day; for ever where absent")

    @model_validator(mode="after")
    def _order(self) -> Budget:
        _require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self

    @model_validator(mode="after")
    def _says_an_amount(self) -> Budget:
        if self.period == "milestone":
            if not self.milestones or self.valid_from is None:
                raise SettingError(
                    "period milestone needs milestones and valid_from",
                    "Add the first day, and a milestone with its amount",
                )
            if self.amount is not None or self.tier is not None or self.roll_over is not None:
                raise SettingError(
                    "milestones say what may be spent", "Remove amount, tier and roll_over", ("milestones",)
                )
            require_unique("milestone", ((("milestones", i, "id"), m.id) for i, m in enumerate(self.milestones)))
        elif self.milestones:
            raise SettingError("milestones need period: milestone", "Set the period, or remove them", ("milestones",))
        elif self.amount is None and self.tier is None:
            raise SettingError("a budget needs an amount", "Add amount:, or a tier: of tiers:")
        return self


class BudgetsFile(Strict):
    """What may be spent."""

    tiers: dict[Identifier, PositiveMoney] = Field(
        default={}, description="Usual amounts by the stage of an app or project, such as pilot → 2000"
    )
    time_zone: TimeZone = Field(
        "UTC", description="IANA name, such as Europe/Stockholm, of the zone whose midnight begins a budget's periods"
    )
    budgets: list[Budget] = Field(description="One entry per budget")

    @model_validator(mode="after")
    def _unique(self) -> BudgetsFile:
        require_unique("budget", ((("budgets", i, "id"), b.id) for i, b in enumerate(self.budgets)))
        return self

    @model_validator(mode="after")
    def _nested(self) -> BudgetsFile:
        by_id = {budget.id: budget for budget in self.budgets}
        for i, budget in enumerate(self.budgets):
            if budget.tier is not None and budget.tier not in self.tiers:
                raise SettingError(
                    f"tier {budget.tier!r} is not one of tiers",
                    f"Add it under tiers:, or choose one of {', '.join(self.tiers) or 'none yet'}",
                    ("budgets", i, "tier"),
                )
            for parent in self.ancestors(budget):
                if parent not in by_id:
                    raise SettingError(
                        f"parent {parent!r} is not a budget",
                        "Name the id of a budget of this file",
                        ("budgets", i, "parent"),
                    )
                if by_id[parent].currency != budget.currency:
                    raise SettingError(
                        f"parent {parent!r} is in {by_id[parent].currency}, the budget in {budget.currency}",
                        "Only a budget of the same currency can be a cap",
                        ("budgets", i, "parent"),
                    )
        return self

    def ancestors(self, budget: Budget) -> list[str]:
        """The ids of the budgets that cap one, the nearest first.

        Raises:
            SettingError: the chain leads back to the budget.
        """
        by_id = {other.id: other for other in self.budgets}
        chain: list[str] = []
        while budget.parent is not None:
            if budget.parent in chain:
                raise SettingError(f"{budget.parent!r} caps itself", "Let the chain of parents end", ("budgets",))
            chain.append(budget.parent)
            if budget.parent not in by_id:
                break
            budget = by_id[budget.parent]
        return chain


# ── units.yml ─────────────────────────────────────────────────────────────────────────────────────────────────────────

UnitDimension = Literal["team", "app", "project", "feature", "customer", "model", "environment"]
_OF_BILL = frozenset({"team", "app", "project", "model", "environment", "ai_category", "attribution_method"})
_OF_USAGE = frozenset({"team", "app", "project", "feature", "customer", "model", "environment"})
USAGE_MEASURES = frozenset({"requests", "tokens", "input_tokens", "output_tokens"})
GPU_MEASURES = frozenset({"gpu_hours", "gpu_hours_allocated", "gpu_hours_busy"})
_OF_MEASURE: dict[str | None, frozenset[str]] = {
    **dict.fromkeys(USAGE_MEASURES, _OF_USAGE),
    **dict.fromkeys(GPU_MEASURES, frozenset({"team", "app"})),
    **dict.fromkeys(("training_hours", "training_runs"), frozenset({"team", "app", "project"})),
    None: frozenset({"team", "app", "feature"}),
}
"""What each measure can be told apart by; None: business outcomes."""


class UnitCostFilter(Strict):
    """Whose cost it is: every dimension that is named must have one of its values.

    The measure is counted for the same values, as far as it can be told apart by the dimension.
    """

    team: list[Identifier] = Field(default=[], description="Teams")
    app: list[Identifier] = Field(default=[], description="Apps")
    project: list[str] = Field(default=[], description="Projects")
    feature: list[str] = Field(default=[], description="Features; only basis usage knows them")
    model: list[str] = Field(default=[], description="Models, as the price book names them")
    environment: list[str] = Field(default=[], description="Environments")
    ai_category: list[AiCategory] = Field(
        default=[], description="Kinds of AI spend; usage that is not billed yet counts as inference"
    )
    attribution_method: list[Literal["direct", "allocated", "unallocated", "unmatched"]] = Field(
        default=[], description="How the cost found its owner; usage that is not billed yet is direct or unallocated"
    )
    include_training: bool = Field(
        False, description="Also show what one unit costs with its part of training, by the policies of amortisation"
    )

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump(exclude={"include_training"}).items() if found}


class UnitMeasure(Strict):
    """What the cost is divided by: a measure, or a business outcome."""

    measure: (
        Literal[
            "requests",
            "tokens",
            "input_tokens",
            "output_tokens",
            "gpu_hours",
            "gpu_hours_allocated",
            "gpu_hours_busy",
            "training_hours",
            "training_runs",
        ]
        | None
    ) = Field(
        None,
        description="Tokens are counted in millions. gpu_hours: all that was paid for; gpu_hours_allocated: held by "
        "pods; gpu_hours_busy: by duty cycle; training_hours: from start to end of runs; training_runs: runs that "
        "finished",
    )
    outcome: str | None = Field(None, min_length=1, description="An outcome, as outcome files name it")
    value: str | None = Field(
        None,
        min_length=1,
        description="The value of an outcome, as outcome files say it (value_amount, in the unit's currency): the unit "
        "is what one of that currency costs",
    )

    @model_validator(mode="after")
    def _one(self) -> UnitMeasure:
        if [self.measure, self.outcome, self.value].count(None) != 2:
            raise SettingError("a unit is counted in one thing", "Write one of measure, outcome and value")
        return self


class Investment(Strict):
    """What was paid once before anything came back, and is on no bill of AI."""

    amount: PositiveMoney = Field(description="In the unit's currency")
    paid_on: DateOnly = Field(description="Day on which it was paid")


class Unit(Strict):
    """What one of something costs.

    Basis ``bill``: effective cost of AI spend on the bill, and what usage that is not billed yet is estimated to cost.
    Basis ``usage``: all model usage at the price book's prices; it alone knows features and customers.
    """

    id: Identifier = Field(description="Name of the unit in the mart")
    name: str = Field(description="What people call it")
    basis: Literal["bill", "usage"] = Field("bill", description="Where the cost is from")
    cost: UnitCostFilter = Field(
        default_factory=lambda: UnitCostFilter.model_validate({}), description="Which cost; all AI spend where absent"
    )
    per: UnitMeasure = Field(description="What it is divided by")
    grain: list[UnitDimension] = Field(
        default=[], description="One unit cost for each of these; one in all where absent"
    )
    target: PositiveMoney | None = Field(None, description="One unit may cost this at most")
    currency: Currency = Field("USD", description="ISO 4217 code; only cost in it counts")
    investment: Investment | None = Field(
        None, description="For a unit per value: what must come back too before it has paid for itself"
    )
    measured_only: bool = Field(
        True,
        description="For tokens, requests and GPU hours on the bill: only the cost of accounts whose usage is measured "
        "that day, else what nobody measures makes the rest look dear. false: all of the cost",
    )

    @property
    def matching(self) -> Literal["priced", "billed", "all"]:
        """Which part of the measure the cost covers: usage with a price, usage of billed accounts, or all of it."""
        if self.basis == "usage" and self.per.measure in USAGE_MEASURES:
            return "priced"
        measured = self.measured_only and self.per.measure in USAGE_MEASURES | GPU_MEASURES
        return "billed" if self.basis == "bill" and measured else "all"

    @model_validator(mode="after")
    def _known(self) -> Unit:
        of_cost = _OF_BILL if self.basis == "bill" else _OF_USAGE
        if self.basis == "usage" and self.per.measure in _OF_MEASURE.keys() - USAGE_MEASURES - {None}:
            raise SettingError(f"basis usage has no cost of {self.per.measure}", "Use basis: bill", ("basis",))
        for name in self.cost.values:
            if name not in of_cost:
                other = "usage" if self.basis == "bill" else "bill"
                raise SettingError(f"the {self.basis} does not know {name}", f"Use basis: {other}", ("cost", name))
        for i, name in enumerate(self.grain):
            if name not in of_cost & _OF_MEASURE[self.per.measure]:
                known = ", ".join(sorted(of_cost & _OF_MEASURE[self.per.measure]))
                raise SettingError(f"the unit cannot be told apart by {name}", f"Possible: {known}", ("grain", i))
        require_unique("dimension", ((("grain", i), name) for i, name in enumerate(self.grain)))
        return self

    @model_validator(mode="after")
    def _invested(self) -> Unit:
        if self.investment is not None and (self.per.value is None or self.grain):
            raise SettingError(
                "an investment comes back as value, all in one", "Use per: {value: …} without grain", ("investment",)
            )
        return self

    @model_validator(mode="after")
    def _with_training(self) -> Unit:
        if not self.cost.include_training:
            return self
        place = ("cost", "include_training")
        for name in {*self.grain, *self.cost.values} - {"team", "app", "model", "ai_category"}:
            raise SettingError(f"training is not known by {name}", "Leave it out, or include_training", place)
        own = set(self.cost.ai_category)
        if self.basis == "bill" and (not own or own & {"training", "fine_tuning"}):
            raise SettingError(
                "the cost would have training in it twice",
                "Name ai_category without training and fine_tuning, such as [inference, provisioned_capacity]",
                place,
            )
        return self


Share = Annotated[Decimal, Field(gt=0, lt=1, max_digits=12, decimal_places=11)]


class LatencyTarget(Strict):
    """So many of a hundred answered requests take at most so long."""

    milliseconds: int = Field(gt=0, description="From the start of the call to its end")
    percentile: Decimal = Field(
        Decimal(95), gt=0, lt=100, max_digits=9, decimal_places=6, description="Of 100 answered requests, how many"
    )


class ServiceLevel(Strict):
    """What an app or a model is to keep to, and so how often it may fail to."""

    id: Identifier = Field(description="Name in the mart")
    name: str = Field(description="What people call it")
    team: list[Identifier] = Field(default=[], description="Only requests of these teams")
    app: list[Identifier] = Field(default=[], description="Only requests of these apps")
    model: list[str] = Field(default=[], description="Only requests of these models, as the price book names them")
    latency: LatencyTarget | None = Field(
        None, description="How fast; judged by sources that tell calls one by one: spans and LiteLLM"
    )
    availability: Share | None = Field(
        None, description="Share of requests without an error, such as 0.995; judged by Azure Monitor too"
    )
    window_days: int = Field(28, ge=1, le=366, description="Days that the error budget is for, up to each day")

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        named = {"team": self.team, "app": self.app, "model": self.model}
        return {name: found for name, found in named.items() if found}

    @model_validator(mode="after")
    def _target(self) -> ServiceLevel:
        if self.latency is None and self.availability is None:
            raise SettingError("there is nothing to keep to", "Write latency, availability, or both")
        return self


class GpuService(Strict):
    """When GPUs are used well, and what an interruption costs."""

    utilization_at_least: Share = Field(
        Decimal("0.60"), description="Below this share of the time with a kernel running, GPUs are paid for in vain"
    )
    utilization_at_most: Share = Field(Decimal("0.85"), description="Above this, a peak finds no room")
    checkpoint_minutes: int | None = Field(
        None,
        gt=0,
        description="Jobs save their work at least so often, so that an interruption repeats no more than this; "
        "absent: all since the pod's start or last interruption",
    )

    @model_validator(mode="after")
    def _ordered(self) -> GpuService:
        if self.utilization_at_least >= self.utilization_at_most:
            raise SettingError(
                "utilization_at_least is not below utilization_at_most",
                "Write the lower share first, such as 0.60 and 0.85",
                ("utilization_at_least",),
            )
        return self


class TrainingCost(Strict):
    """Which training was paid for: every setting that is named must hold."""

    basis: Literal["runs", "bill"] = Field(
        "runs",
        description="runs: ended runs with their GPU time at the price book's prices, failed ones too; bill: "
        "effective cost",
    )
    team: list[Identifier] = Field(default=[], description="Teams")
    app: list[Identifier] = Field(default=[], description="Apps")
    project: list[str] = Field(default=[], description="Projects")
    experiment: list[str] = Field(default=[], description="Experiments or pipelines; only runs know them")
    stage: list[str] = Field(default=[], description="Such as training, fine_tuning; only runs know them")
    ai_category: list[AiCategory] = Field(
        default=[], description="Such as training, fine_tuning; only the bill knows them"
    )

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump(exclude={"basis"}).items() if found}

    @model_validator(mode="after")
    def _known(self) -> TrainingCost:
        unknown = ("experiment", "stage") if self.basis == "bill" else ("ai_category",)
        for name in unknown:
            if name in self.values:
                other = "runs" if self.basis == "bill" else "bill"
                raise SettingError(f"basis {self.basis} does not know {name}", f"Use basis: {other}", (name,))
        if self.basis == "bill" and "ai_category" not in self.values:
            raise SettingError(
                "all of the bill would be training",
                "Add ai_category, such as [training, fine_tuning]",
                ("ai_category",),
            )
        return self


class ServedBy(Strict):
    """Whose inference the training is for."""

    app: list[Identifier] = Field(default=[], description="Apps")
    model: list[str] = Field(default=[], description="Models, as the price book names them")

    @property
    def values(self) -> dict[str, list[str]]:
        """Dimension → values, of the dimensions that are named."""
        return {name: found for name, found in self.model_dump().items() if found}

    @model_validator(mode="after")
    def _some(self) -> ServedBy:
        if not self.values:
            raise SettingError("nothing is served by it", "Name apps, models, or both")
        return self


class ExpectedUsage(Strict):
    """How much inference one day's training is to serve."""

    requests: int | None = Field(None, gt=0, le=10**15, description="Requests")
    tokens: int | None = Field(None, gt=0, le=10**15, description="Tokens, of all kinds")

    @model_validator(mode="after")
    def _one(self) -> ExpectedUsage:
        if (self.requests is None) == (self.tokens is None):
            raise SettingError("usage is expected in one thing", "Write either requests or tokens")
        return self


class Amortisation(Strict):
    """Training spread over the inference that it is for. Each day's training is spread on its own, exactly."""

    id: Identifier = Field(description="Name in the mart")
    training: TrainingCost = Field(description="What was paid for")
    served_by: ServedBy = Field(description="Whose inference it is spread over")
    method: Literal["straight_line", "by_usage"] = Field(
        description="straight_line: the same every day for months; by_usage: as expected usage happens"
    )
    months: int | None = Field(None, ge=1, le=120, description="For straight_line: from the day of the training on")
    expected: ExpectedUsage | None = Field(None, description="For by_usage: after so much nothing is left")
    starts_on: DateOnly = Field(description="First day whose training is spread; what was before is not")

    @model_validator(mode="after")
    def _complete(self) -> Amortisation:
        needed, other = ("months", "expected") if self.method == "straight_line" else ("expected", "months")
        if getattr(self, needed) is None:
            raise SettingError(f"{self.method} needs {needed}", f"Add {needed}", (needed,))
        if getattr(self, other) is not None:
            raise SettingError(f"{self.method} has no {other}", f"Remove {other}", (other,))
        return self


class Caching(Strict):
    """What counts as money that caching would have saved."""

    minimum_prompt_tokens: int = Field(
        1024,
        ge=0,
        description="Shorter prompts are cached by no provider: OpenAI, Azure and most of Anthropic's models",
    )


class ModelRouting(Strict):
    """When a cheaper model counts as no worse."""

    quality_tolerance: Decimal = Field(
        Decimal("0.02"),
        ge=0,
        le=1,
        description="How much lower the quality score may be, with 95% confidence: 0.02 is two points of a hundred",
    )


class UnitsFile(Strict):
    """What the money buys: units of your own, without SQL, and the service that they come with."""

    units: list[Unit] = Field(default=[], description="One entry per unit")
    caching: Caching = Field(
        default_factory=lambda: Caching.model_validate({}), description="Money that caching would have saved"
    )
    model_routing: ModelRouting = Field(
        default_factory=lambda: ModelRouting.model_validate({}), description="What other models would have saved"
    )
    service_levels: list[ServiceLevel] = Field(default=[], description="One entry per objective")
    amortisation: list[Amortisation] = Field(
        default=[], description="Training that units may carry: one entry per policy"
    )
    gpu: GpuService = Field(
        default_factory=lambda: GpuService.model_validate({}), description="Use of GPUs and interruptions"
    )

    @model_validator(mode="after")
    def _unique(self) -> UnitsFile:
        require_unique("unit", ((("units", i, "id"), unit.id) for i, unit in enumerate(self.units)))
        levels = ((("service_levels", i, "id"), level.id) for i, level in enumerate(self.service_levels))
        require_unique("service level", levels)
        policies = ((("amortisation", i, "id"), policy.id) for i, policy in enumerate(self.amortisation))
        require_unique("amortisation", policies)
        return self


# ── events.yml ────────────────────────────────────────────────────────────────────────────────────────────────────────


class KnownEvent(Strict):
    """Something that moves cost and is no anomaly: a launch, a migration, a load test."""

    id: Identifier = Field(description="Name of the event in anomalies")
    name: str = Field(description="What people call it")
    starts_on: date = Field(description="First day")
    ends_on: date = Field(description="Last day")
    scope: Scope = Field(description="Whose cost it moves")
    effect: Literal["temporary", "lasting"] = Field(
        "temporary", description="lasting: the cost stays on the new level after the last day"
    )

    @model_validator(mode="after")
    def _order(self) -> KnownEvent:
        _require_order(self.starts_on, self.ends_on, "starts_on", "ends_on")
        return self


class PriceChange(Strict):
    """A price that is known to change on a day: everything of a scope costs so much more or less from then on."""

    id: Identifier = Field(description="Name of the change")
    name: str = Field(description="What people call it")
    scope: Scope = Field(description="Whose price")
    starts_on: date = Field(description="First day of the new price; one that is over puts history on the new level")
    factor: Ratio | None = Field(None, description="New price ÷ old price: 0.8 is a fifth less")
    percent: Decimal | None = Field(None, gt=-100, description="The same as a change: -20 is a fifth less")

    @model_validator(mode="after")
    def _one_way(self) -> PriceChange:
        if (self.factor is None) == (self.percent is None):
            raise SettingError("a price change is a factor or a percent", "Write one of the two")
        return self

    @property
    def ratio(self) -> float:
        """New price ÷ old price."""
        if self.factor is not None:
            return float(self.factor)
        return float(1 + (self.percent or Decimal(0)) / 100)


class Capacity(Strict):
    """What a scope can cost at most on a day, because there is no more of it to be used."""

    id: Identifier = Field(description="Name of the capacity")
    name: str = Field(description="What people call it")
    scope: Scope = Field(description="Whose cost")
    starts_on: date = Field(description="First day")
    ends_on: date | None = Field(None, description="Last day; absent where it stays")
    currency: Currency = Field("USD", description="Billing currency of the amount")
    most_per_day: PositiveMoney | None = Field(None, description="Money a day")
    units_per_day: PositiveMoney | None = Field(None, description="Units a day, such as 192 GPU-hours, with unit_price")
    unit_price: PositiveMoney | None = Field(None, description="Money a unit, in currency")

    @model_validator(mode="after")
    def _one_way(self) -> Capacity:
        if self.ends_on is not None:
            _require_order(self.starts_on, self.ends_on, "starts_on", "ends_on")
        in_units = self.units_per_day is not None and self.unit_price is not None
        half = (self.units_per_day is None) != (self.unit_price is None)
        if half or (self.most_per_day is None) != in_units:
            raise SettingError(
                "a capacity is money a day, or units a day times a unit price",
                "Write most_per_day, or units_per_day and unit_price",
            )
        return self

    @property
    def amount(self) -> Decimal:
        """Money a day, in ``currency``."""
        if self.most_per_day is not None:
            return self.most_per_day
        return (self.units_per_day or Decimal(0)) * (self.unit_price or Decimal(0))


class Suppression(Strict):
    """A window in which nobody wants to hear of anomalies of a scope; they are counted all the same."""

    id: Identifier = Field(description="Name of the window in incidents")
    scope: Scope = Field(description="Whose anomalies; a team's window covers its apps")
    detector: Identifier | None = Field(None, description="Only what this detector alone found, such as slow_drift")
    starts_on: date = Field(description="First day")
    ends_on: date = Field(description="Last day")
    reason: str = Field(description="Why, and who agreed")

    @model_validator(mode="after")
    def _order(self) -> Suppression:
        _require_order(self.starts_on, self.ends_on, "starts_on", "ends_on")
        return self


class EventsFile(Strict):
    """What moves cost and is no anomaly."""

    holidays: list[
        Annotated[
            str,
            AfterValidator(form("[A-Z]{2}", "not a country code", "Use an ISO 3166 code such as US or DE")),
            WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"}),
        ]
    ] = Field(default=[], description="ISO 3166 codes of the countries whose holidays the forecast knows")
    events: list[KnownEvent] = Field(default=[], description="One entry per event")
    suppressions: list[Suppression] = Field(default=[], description="Windows in which anomalies alarm nobody")
    price_changes: list[PriceChange] = Field(
        default=[], description="Prices that change; what a price list dates ahead is known without"
    )
    capacities: list[Capacity] = Field(default=[], description="What scopes can cost at most on a day")

    @model_validator(mode="after")
    def _unique(self) -> EventsFile:
        require_unique("event", ((("events", i, "id"), e.id) for i, e in enumerate(self.events)))
        require_unique("suppression", ((("suppressions", i, "id"), s.id) for i, s in enumerate(self.suppressions)))
        require_unique("price change", ((("price_changes", i, "id"), p.id) for i, p in enumerate(self.price_changes)))
        require_unique("capacity", ((("capacities", i, "id"), c.id) for i, c in enumerate(self.capacities)))
        return self


# ── anomalies.yml ─────────────────────────────────────────────────────────────────────────────────────────────────────


class AnomalyFloor(Strict):
    """What an anomaly of one scope must reach before anyone hears of it; it counts as suppressed below."""

    scope: Scope = Field(description="Whose anomalies; a team's floor covers its apps")
    minimum_impact: PositiveMoney | None = Field(None, description="Money a day, in the scope's currency")
    minimum_ratio: Ratio | None = Field(None, description="Deviation as a share of what was expected")
    minimum_duration_days: int = Field(1, ge=1, le=28, description="Days that an incident must have")
    reason: str = Field(description="Why, and who agreed")


class AnomaliesFile(Strict):
    """From which size on a deviation is worth someone's attention."""

    minimum_impact: PositiveMoney = Field(Decimal(25), description="Money a day, in the scope's currency")
    minimum_ratio: Ratio = Field(Decimal("0.3"), description="Deviation as a share of what was expected")
    minimum_duration_days: int = Field(1, ge=1, le=28, description="Days that an incident must have")
    quiet_days: int = Field(3, ge=1, le=28, description="Days without a finding after which an incident is closed")
    floors: list[AnomalyFloor] = Field(
        default=[], description="Higher floors of single scopes; of several for one scope each must be reached"
    )

    @model_validator(mode="after")
    def _not_lower(self) -> AnomaliesFile:
        for i, floor in enumerate(self.floors):
            for name in ("minimum_impact", "minimum_ratio", "minimum_duration_days"):
                own, least = getattr(floor, name), getattr(self, name)
                if own is not None and own < least:
                    raise SettingError(
                        f"{own} is below the {name} of all scopes, {least}",
                        "Lower that of all scopes, or remove this one",
                        ("floors", i, name),
                    )
        return self


# ── routing.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


NoticeKind = Literal["incident", "guardrail", "gate", "run_failed", "undelivered"]


class RouteBase(Strict):
    id: Identifier = Field(description="Name of the route in policies and rules")
    max_per_minute: int | None = Field(None, ge=1, le=600, description="At most so many messages a minute")


class _PeopleRoute(RouteBase):
    """A route that people read."""

    heartbeat_at: ClockTime | None = Field(
        None, description="When a daily sign of life is sent, in the file's time zone; absent: none"
    )
    fallback: Identifier | None = Field(
        None, description="Route that gets what this one did not take; absent: nobody else hears of it"
    )
    fallback_minutes: int = Field(
        60, ge=1, le=2880, description="Minutes that a message may wait for this route before the fallback gets it"
    )
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")


class TeamsRoute(_PeopleRoute):
    """A Power Automate Workflows URL of a Teams channel. The URL is a secret."""

    kind: Literal["teams"]
    url_env: EnvironmentName = Field(description="Variable with the address")


class EmailRoute(_PeopleRoute):
    """E-mail through an SMTP server."""

    kind: Literal["email"]
    host_env: EnvironmentName = Field(description="Variable with the server's name")
    port: int = Field(587, ge=1, le=65535, description="The server's port")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="starttls: from plain to encrypted (587); tls: encrypted from the start (465); none: "
        "plain, only to a server on this machine or a private network",
    )
    user_env: EnvironmentName | None = Field(None, description="Variable with the user name; absent: no sign-on")
    password_env: EnvironmentName | None = Field(None, description="Variable with the password")
    sender: EmailAddress = Field(description="Address that it comes from")
    to: list[EmailAddress] = Field(
        min_length=1, max_length=50, description="Who gets it; links in a mail to one person act in that person's name"
    )

    @model_validator(mode="after")
    def _sign_on(self) -> EmailRoute:
        if (self.user_env is None) != (self.password_env is None):
            raise SettingError("user_env and password_env belong together", "Write both or none", ("user_env",))
        if self.user_env is not None and self.security == "none":
            raise SettingError("a password would travel in plain text", "Use security: starttls or tls", ("security",))
        return self


class WebhookRoute(RouteBase):
    """A signed webhook (Standard Webhooks 1.0.0)."""

    kind: Literal["webhook"]
    url_env: EnvironmentName = Field(description="Variable with the address")
    secret_env: EnvironmentName = Field(description="Variable with the signing secret, whsec_ and base64")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")


class KubernetesStep(Strict):
    """One change in each of the target's namespaces, gentlest first: docs/actuators.md says what each loses."""

    how: Literal["annotate", "quota", "kueue", "keda", "suspend_jobs", "scale"] = Field(description="What is changed")
    selector: str | None = Field(None, description="Only objects with these labels, such as tier=batch")
    replicas: int = Field(0, ge=0, description="scale, keda: replicas that stay")
    jobs: int = Field(0, ge=0, description="quota: Jobs that may exist")
    gpus: int | None = Field(None, ge=0, description="quota: GPUs that may be requested; absent: as many as before")
    gpu_resource: str = Field("nvidia.com/gpu", description="quota: the name of GPUs in requests")
    stop_policy: Literal["Hold", "HoldAndDrain"] = Field(
        "Hold", description="kueue: Hold admits nothing new, HoldAndDrain also evicts what runs"
    )
    cluster_queues: list[str] = Field(
        default=[], description="kueue: hold these ClusterQueues instead of the LocalQueues of the namespaces"
    )

    @model_validator(mode="after")
    def _belongs(self) -> KubernetesStep:
        belongs = {
            "selector": ("suspend_jobs", "scale", "keda", "kueue"),
            "replicas": ("scale", "keda"),
            "jobs": ("quota",),
            "gpus": ("quota",),
            "gpu_resource": ("quota",),
            "stop_policy": ("kueue",),
            "cluster_queues": ("kueue",),
        }
        for name in sorted(self.model_fields_set & belongs.keys()):
            if self.how not in belongs[name]:
                raise SettingError(
                    f"{name} means nothing to {self.how}", f"It belongs to how: {' or '.join(belongs[name])}", (name,)
                )
        return self


class TargetBase(Strict):
    scope: Scope = Field(description="What policies decide about")


class KubernetesTarget(TargetBase):
    """Where a scope's workloads run, and what is done to them."""

    namespaces: list[str] = Field(min_length=1, description="Namespaces of this cluster, each by its full name")
    throttle: list[KubernetesStep] = Field(default=[], description="What a throttle does")
    pause: list[KubernetesStep] = Field(default=[], description="What a pause does")
    stop: list[KubernetesStep] = Field(default=[], description="What a stop does")


class ActuatorRoute(RouteBase):
    @property
    def known_scopes(self) -> list[Scope]:
        """What the route knows where to find."""
        return [target.scope for target in getattr(self, "targets", [])]


class KubernetesRoute(ActuatorRoute):
    """A cluster on which orders are carried out. Its rights: deploy/actuators/kubernetes-rbac.yml."""

    kind: Literal["kubernetes"]
    kubeconfig_env: EnvironmentName | None = Field(
        None, description="Variable with the path of a kubeconfig; absent: the cluster that this runs in"
    )
    context: str | None = Field(None, description="Context of the kubeconfig; absent: its current one")
    max_objects: int = Field(50, ge=1, description="An order that would touch more objects is refused")
    targets: list[KubernetesTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> KubernetesRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class AzureStep(Strict):
    """One change of one resource."""

    how: Literal["deallocate_vm", "deallocate_vmss", "scale_pool", "openai_capacity", "apim_subscription"] = Field(
        description="What is changed"
    )
    resource_group: str = Field(description="Resource group of the resource")
    name: str = Field(
        description="VM, scale set, AKS cluster, Azure OpenAI account, or API Management service, by its name"
    )
    pool: str | None = Field(None, description="scale_pool: the node pool")
    count: int = Field(0, ge=0, description="scale_pool: nodes that stay; a system pool needs one")
    deployment: str | None = Field(None, description="openai_capacity: the deployment")
    capacity: int | None = Field(None, ge=1, description="openai_capacity: capacity units that stay")
    subscription: str | None = Field(None, description="apim_subscription: id of the subscription that is suspended")

    @model_validator(mode="after")
    def _complete(self) -> AzureStep:
        needed = {
            "scale_pool": ("pool",),
            "openai_capacity": ("deployment", "capacity"),
            "apim_subscription": ("subscription",),
        }
        for name in needed.get(self.how, ()):
            if getattr(self, name) is None:
                raise SettingError(f"{self.how} needs {name}", f"Add {name}:", (name,))
        return self


class AzureTarget(TargetBase):
    """What a scope has in Azure, and what is done to it."""

    throttle: list[AzureStep] = Field(default=[], description="What a throttle does")
    pause: list[AzureStep] = Field(default=[], description="What a pause does")
    stop: list[AzureStep] = Field(default=[], description="What a stop does")


class AzureRoute(ActuatorRoute):
    """An Azure subscription in which orders are carried out. Its rights: deploy/actuators/azure-role.json."""

    kind: Literal["azure"]
    subscription_env: EnvironmentName = Field(description="Variable with the id of the subscription")
    endpoint_env: EnvironmentName | None = Field(
        None, description="Variable with the address of Resource Manager; absent: that of Azure's public cloud"
    )
    token_env: EnvironmentName | None = Field(
        None, description="Variable with an access token; absent: the sign-on of this machine (azure-identity)"
    )
    targets: list[AzureTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> AzureRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class OpenAiStep(Strict):
    """One change of one project."""

    how: Literal["rate_limit", "spend_limit"] = Field(
        description="rate_limit slows its requests down, spend_limit refuses them once the month has cost so much"
    )
    project: str = Field(description="Id of the project, proj_…")
    models: list[str] = Field(default=[], description="rate_limit: only these models; empty: all of the project")
    requests_per_minute: int | None = Field(None, ge=1, description="rate_limit: requests that stay")
    tokens_per_minute: int | None = Field(None, ge=1, description="rate_limit: tokens that stay")
    monthly_usd: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)] | None = Field(
        None, description="spend_limit: US dollars a month, to the cent"
    )

    @model_validator(mode="after")
    def _complete(self) -> OpenAiStep:
        if self.how == "spend_limit" and self.monthly_usd is None:
            raise SettingError("spend_limit needs monthly_usd", "Add monthly_usd:", ("monthly_usd",))
        if self.how == "rate_limit" and self.requests_per_minute is None and self.tokens_per_minute is None:
            raise SettingError(
                "rate_limit needs requests_per_minute or tokens_per_minute", "Add one of them", ("requests_per_minute",)
            )
        return self


class OpenAiTarget(TargetBase):
    """What a scope has at OpenAI, and what is done to it."""

    throttle: list[OpenAiStep] = Field(default=[], description="What a throttle does")
    pause: list[OpenAiStep] = Field(default=[], description="What a pause does")
    stop: list[OpenAiStep] = Field(default=[], description="What a stop does")


class OpenAiRoute(ActuatorRoute):
    """An OpenAI organisation whose projects are limited through its administration API."""

    kind: Literal["openai"]
    key_env: EnvironmentName = Field(description="Variable with an admin key")
    url_env: EnvironmentName | None = Field(None, description="Variable with the address; absent: api.openai.com")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks")
    targets: list[OpenAiTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> OpenAiRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class LitellmStep(Strict):
    """One change of keys and teams of the gateway."""

    how: Literal["rate_limit", "budget", "block"] = Field(
        description="rate_limit slows requests down, budget refuses them once so much is spent, block refuses them all"
    )
    keys: list[str] = Field(default=[], description="Hashes of virtual keys, as the gateway lists them; never the keys")
    teams: list[str] = Field(default=[], description="Ids of the gateway's teams")
    requests_per_minute: int | None = Field(None, ge=0, description="rate_limit: requests that stay")
    tokens_per_minute: int | None = Field(None, ge=0, description="rate_limit: tokens that stay")
    max_budget_usd: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)] | None = Field(
        None, description="budget: US dollars in the gateway's own budget period"
    )

    @model_validator(mode="after")
    def _complete(self) -> LitellmStep:
        if not self.keys and not self.teams:
            raise SettingError("neither keys nor teams are named", "Add keys: or teams:")
        if any(key.startswith("sk-") for key in self.keys):
            raise SettingError(
                "a key stands here, which is a secret", "Write the key's hash, as the gateway lists it", ("keys",)
            )
        if self.how == "budget" and self.max_budget_usd is None:
            raise SettingError("budget needs max_budget_usd", "Add max_budget_usd:", ("max_budget_usd",))
        if self.how == "rate_limit" and self.requests_per_minute is None and self.tokens_per_minute is None:
            raise SettingError(
                "rate_limit needs requests_per_minute or tokens_per_minute", "Add one of them", ("requests_per_minute",)
            )
        return self


class LitellmTarget(TargetBase):
    """What a scope has at the gateway, and what is done to it."""

    throttle: list[LitellmStep] = Field(default=[], description="What a throttle does")
    pause: list[LitellmStep] = Field(default=[], description="What a pause does")
    stop: list[LitellmStep] = Field(default=[], description="What a stop does")


class LitellmRoute(ActuatorRoute):
    """A LiteLLM gateway whose keys and teams are limited."""

    kind: Literal["litellm"]
    url_env: EnvironmentName = Field(description="Variable with the address")
    key_env: EnvironmentName = Field(description="Variable with a key that may manage keys and teams")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks")
    targets: list[LitellmTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> LitellmRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class TicketRoute(ActuatorRoute):
    """Issues of GitHub or Jira: one per decision, commented and closed when the guardrail is released."""

    kind: Literal["ticket"]
    system: Literal["github", "jira"] = Field(description="Whose issues")
    url_env: EnvironmentName | None = Field(
        None, description="Variable with the address, such as https://example.atlassian.net; absent: api.github.com"
    )
    token_env: EnvironmentName = Field(description="Variable with the token; for Jira's cloud user:token")
    project: str = Field(description="owner/repository at GitHub, the project's key at Jira")
    issue_type: str = Field("Task", description="jira: type of the issue")
    done: str = Field("Done", description="jira: status that a released guardrail's issue is moved to")
    labels: list[str] = Field(default=["aifinops"], description="Labels of the issue")
    title: str = Field("{policy}: {target}", description="May name {policy}, {target}, {action}, {period} and {owner}")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks")

    @model_validator(mode="after")
    def _complete(self) -> TicketRoute:
        if self.system == "github" and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.project):
            raise SettingError("the project is no owner/repository", "Write it like acme/finops", ("project",))
        if self.system == "jira" and not re.fullmatch(r"[A-Z][A-Z0-9_]+", self.project):
            raise SettingError("the project is no key of Jira", "Write it like FIN", ("project",))
        if self.system == "jira" and self.url_env is None:
            raise SettingError("jira needs url_env", "Add url_env: and the name of a variable", ("url_env",))
        try:
            self.title.format(policy="", target="", action="", period="", owner="")
        except (KeyError, IndexError, ValueError):
            remedy = "It may name {policy}, {target}, {action}, {period} and {owner}"
            raise SettingError("the title names something else", remedy, ("title",)) from None
        return self


Route = Annotated[
    TeamsRoute | EmailRoute | WebhookRoute | KubernetesRoute | AzureRoute | OpenAiRoute | LitellmRoute | TicketRoute,
    Field(discriminator="kind"),
]
PEOPLE_ROUTES = (TeamsRoute, EmailRoute)
TELLING_ROUTES = frozenset({"teams", "email"})
"""Kinds of route that people read; nothing there can carry out an order."""


def _require_unique_scopes(scopes: Iterable[Scope]) -> None:
    named = ((("targets", i, "scope"), f"{s.level} {s.value or ''}".strip()) for i, s in enumerate(scopes))
    require_unique("scope", named)


class WeeklyHours(Strict):
    """The same hours on some days of the week."""

    model_config = ConfigDict(populate_by_name=True)

    time_zone: TimeZone = Field("UTC", description="IANA name such as Europe/Berlin")
    days: list[Weekday] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], min_length=1, description="Days of the week"
    )
    starts_at: ClockTime = Field("08:00", alias="from", description='Local time, in quotes: "08:00"')
    ends_at: ClockTime = Field("18:00", alias="to", description='Local time, in quotes: "18:00"; "24:00" ends the day')

    @model_validator(mode="after")
    def _order(self) -> WeeklyHours:
        if self.starts_at >= self.ends_at:
            remedy = "Let from be earlier than to; hours past midnight cannot be said"
            raise SettingError(f"from {self.starts_at} is not before to {self.ends_at}", remedy, ("to",))
        return self

    @property
    def starts(self) -> time:
        return time.fromisoformat(self.starts_at)

    @property
    def ends(self) -> time | None:
        """None at the end of the day."""
        return None if self.ends_at == "24:00" else time.fromisoformat(self.ends_at)


class EscalationStep(Strict):
    """Who hears of it where nobody answered."""

    after_minutes: int = Field(ge=1, le=10080, description="Minutes after the first message")
    route: Identifier = Field(description="One of routes that people read")


class RoutingRule(Strict):
    """Who hears of what, and how. Of several rules for one route the first that fits counts."""

    id: Identifier = Field(description="Name of the rule")
    kinds: list[NoticeKind] = Field(default=["incident"], min_length=1, description="What it is about")
    teams: list[str] = Field(default=[], description="Only what concerns these teams; empty: all")
    min_severity: Severity = Field("medium", description="Lesser ones are not sent")
    route: Identifier = Field(description="One of routes")
    how: Literal["page", "ticket", "digest"] = Field(
        "page", description="page: at once; ticket: at once and never repeated; digest: with the next digest"
    )
    hours: WeeklyHours | None = Field(
        None, description="When pages are sent, but for critical ones; absent: at any time"
    )
    group_by: Literal["none", "team", "policy"] = Field(
        "none", description="What comes within group_minutes for one team or policy is one message"
    )
    group_minutes: int = Field(10, ge=1, le=240, description="How long to wait for more; critical ones do not wait")
    repeat_hours: int | None = Field(
        None, ge=1, le=720, description="A page is sent again so often while it stands open and unanswered"
    )
    escalate: list[EscalationStep] = Field(
        default=[], max_length=5, description="Who hears of a page that nobody answers, step by step"
    )

    @model_validator(mode="after")
    def _pages(self) -> RoutingRule:
        for name, is_set in (("repeat_hours", self.repeat_hours), ("escalate", self.escalate)):
            if is_set and self.how != "page":
                raise SettingError(f"{name} is of pages, and this rule's how is {self.how}", "Remove it", (name,))
        waits = [step.after_minutes for step in self.escalate]
        if waits != sorted(set(waits)):
            raise SettingError("the steps' after_minutes do not rise", "Write them in order", ("escalate",))
        return self


class DigestTime(Strict):
    """When what rules keep for the digest (how: digest) is sent."""

    at: ClockTime = Field("08:00", description="Time of day")
    days: list[Weekday] = Field(
        default=["mon", "tue", "wed", "thu", "fri"], min_length=1, description="Days of the week"
    )


class _DigestBase(Strict):
    """A document that goes out by itself. It is sent once for its period, on each route once."""

    id: Identifier = Field(description="Name of the digest")
    routes: list[Identifier] = Field(
        min_length=1, max_length=20, description="Routes that people read: e-mail gets it whole, Teams a short card"
    )
    at: ClockTime = Field("08:00", description='Time of day, in quotes: "08:00"')
    time_zone: TimeZone | None = Field(
        None, description="IANA name of the zone of the time of day; absent: the file's time_zone"
    )
    currency: Currency | None = Field(
        None, description="Currency of the bill that it is about; absent: the one with the most AI spend"
    )

    @model_validator(mode="after")
    def _once(self) -> _DigestBase:
        if self.at == "24:00":
            raise SettingError("a digest cannot be sent at 24:00", 'Write "00:00" and the day after', ("at",))
        if len(set(self.routes)) != len(self.routes):
            raise SettingError("a route is named twice", "Name each route once", ("routes",))
        return self


class WeeklyDigest(_DigestBase):
    """What last week's AI cost and what could be saved: one page."""

    kind: Literal["weekly"]
    day: Weekday = Field("mon", description="Day of the week on which the week before is told of")
    teams: list[str] = Field(
        default=[],
        description="One digest for each of these teams, of its own cost only; empty: one of the whole company",
    )

    @model_validator(mode="after")
    def _teams(self) -> WeeklyDigest:
        require_unique("team", ((("teams", i), team) for i, team in enumerate(self.teams)))
        return self


class MonthlyPack(_DigestBase):
    """A month of the whole company for finance and the board: budget, forecast, owners, savings, tied to the bill."""

    kind: Literal["monthly"]
    day: Literal["closed"] | Annotated[int, Field(ge=1, le=28)] = Field(
        "closed",
        description="closed: the first time of day after the month is closed (reconciliation.yml); else a day of the "
        "next month, and the pack says that the month may still change",
    )


Digest = Annotated[WeeklyDigest | MonthlyPack, Field(discriminator="kind")]


class RoutingFile(Strict):
    """Where messages and webhooks go."""

    time_zone: TimeZone = Field("UTC", description="IANA name of the zone that times of day are in")
    routes: list[Route] = Field(description="One entry per receiver")
    rules: list[RoutingRule] = Field(default=[], description="Who hears of what")
    digest: DigestTime = Field(
        default_factory=lambda: DigestTime.model_validate({}),
        description="When the messages of rules with how: digest are sent",
    )
    digests: list[Digest] = Field(default=[], description="Weekly digests and monthly packs that go out by themselves")

    @model_validator(mode="after")
    def _known(self) -> RoutingFile:
        require_unique("route", ((("routes", i, "id"), r.id) for i, r in enumerate(self.routes)))
        require_unique("digest", ((("digests", i, "id"), d.id) for i, d in enumerate(self.digests)))
        require_unique("rule", ((("rules", i, "id"), r.id) for i, r in enumerate(self.rules)))
        read = {r.id for r in self.routes if isinstance(r, PEOPLE_ROUTES)}
        known = {r.id for r in self.routes}
        named: list[tuple[tuple[str | int, ...], str, set[str]]] = []
        for i, rule in enumerate(self.rules):
            # Nobody acknowledges what a program gets; it is told of each once.
            named.append((("rules", i, "route"), rule.route, read if rule.how == "digest" else known))
            named += [(("rules", i, "escalate", j, "route"), step.route, read) for j, step in enumerate(rule.escalate)]
        for i, digest in enumerate(self.digests):
            named += [(("digests", i, "routes", j), name, read) for j, name in enumerate(digest.routes)]
        for i, route in enumerate(self.routes):
            if isinstance(route, PEOPLE_ROUTES) and route.fallback is not None:
                named.append((("routes", i, "fallback"), route.fallback, read - {route.id}))
        for location, name, allowed in named:
            if name not in known:
                raise SettingError(f"no route {name!r} under routes", f"Known: {', '.join(sorted(known))}", location)
            if name not in allowed:
                fits = ", ".join(sorted(allowed)) or "none"
                raise SettingError(f"route {name!r} does not fit here", f"Routes that do: {fits}", location)
        return self


def require_unique(what: str, named: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
    """``named``: where each name stands, and the name."""
    seen: set[str] = set()
    for location, name in named:
        if name in seen:
            raise SettingError(f"the {what} {name!r} appears twice", "Rename or remove one", location)
        seen.add(name)


def _require_order(start: date | None, end: date | None, start_name: str, end_name: str) -> None:
    if start is not None and end is not None and end < start:
        raise SettingError(f"{end_name} is before {start_name}", "Swap or correct the dates", (end_name,))
