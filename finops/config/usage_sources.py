"""Sources of ``config/sources.yml`` that say what was used: calls, tokens, GPUs, runs, and what came of it.

Here: telemetry, gateways and model vendors (whose reports have the cost too), one model per type.
Not here: bills and prices (bill_sources), the file itself (sources), what a user's columns mean (usage_mapping),
landing (ingestion).
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.source_base import FilesOrTableSource, SourceBase
from finops.config.values import Currency, EnvironmentName, Regex, Strict


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


OpenAiUsage = Literal[
    "completions",
    "embeddings",
    "moderations",
    "images",
    "audio_speeches",
    "audio_transcriptions",
    "vector_stores",
    "code_interpreter_sessions",
]
"""Endpoints of an organisation's usage."""


class OpenAiSource(ModelApiSource):
    """Usage and billed costs of an OpenAI organisation, through its administration API."""

    type: Literal["openai"]
    admin_key_env: EnvironmentName = Field(
        "AIFINOPS_OPENAI_ADMIN_KEY", description="Variable with an admin key that may read usage (api.usage.read)"
    )
    endpoint: str | None = Field(None, description="Overrides https://api.openai.com/v1")
    usage: list[OpenAiUsage] = Field(
        default=list(get_args(OpenAiUsage)),
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


class TrainingRunsSource(FilesOrTableSource):
    """Training and pipeline runs as files (CSV, JSON lines) or a table."""

    type: Literal["training_runs"]


class OutcomesSource(FilesOrTableSource):
    """Business outcomes as CSV files or a table."""

    type: Literal["outcomes"]
