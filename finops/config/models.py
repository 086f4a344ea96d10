"""What each file of ``config/`` may say. One root model per file; its JSON Schema is generated from it."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from finops.tokens import TokenClass


class Strict(BaseModel):
    """Unknown keys are errors: a misspelt setting must never be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code")]
Money = Annotated[Decimal, Field(ge=0, max_digits=38, decimal_places=12)]
Ratio = Annotated[Decimal, Field(gt=0)]
Regex = Annotated[str, AfterValidator(_regex)]
EnvironmentName = Annotated[
    str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="Name of an environment variable, never its value")
]
Dimension = Literal[
    "team", "app", "project", "feature", "customer", "environment", "business_unit", "cost_center", "owner"
]
Level = Literal["company", "business_unit", "team", "app", "project", "model", "environment"]


# ── sources.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class SourceBase(Strict):
    id: Identifier
    enabled: bool = True


class AzureExportsSource(SourceBase):
    """Azure Cost Management exports in FOCUS format, found through their manifests."""

    type: Literal["azure_exports"]
    url: str = Field(description="Folder or bucket with the exports: a path, or az://container/path")


class FocusFilesSource(SourceBase):
    """FOCUS files of any producer: CSV, CSV.gz or Parquet; a file or a folder."""

    type: Literal["focus_files"]
    url: str


class OtelSpansSource(SourceBase):
    """OpenTelemetry GenAI spans as OTLP/JSON lines, plain or gzip."""

    type: Literal["otel_spans"]
    url: str


class UsageFilesSource(SourceBase):
    """A user's own table of model usage with a mapping file."""

    type: Literal["usage_files"]
    url: str
    mapping: str = Field(description="Path of the mapping file")


class AzureMonitorSource(SourceBase):
    """Azure Monitor platform metrics of Azure OpenAI / Foundry accounts."""

    type: Literal["azure_monitor"]
    resources: list[str] = Field(min_length=1, description="Azure resource ids of the accounts")
    region: str
    endpoint: str | None = Field(None, description="Overrides https://<region>.metrics.monitor.azure.com")
    interval: Literal["PT1M", "PT5M", "PT1H"] = "PT1H"
    lookback_days: int = Field(93, ge=1, le=93, description="Azure Monitor keeps 93 days")
    credential: Literal["default", "static"] = Field(
        "default", description="'static' reads a token from AIFINOPS_AZURE_TOKEN: for simulators and tests"
    )


class PrometheusSource(SourceBase):
    """GPU metrics (DCGM exporter) and Kubernetes labels (kube-state-metrics) through the Prometheus HTTP API."""

    type: Literal["prometheus"]
    url: str
    step_seconds: int = Field(3600, ge=60, le=86400)
    lookback_days: int = Field(400, ge=1)


class OutcomesSource(SourceBase):
    """Business outcomes as CSV."""

    type: Literal["outcomes"]
    url: str


Source = Annotated[
    AzureExportsSource
    | FocusFilesSource
    | OtelSpansSource
    | UsageFilesSource
    | AzureMonitorSource
    | PrometheusSource
    | OutcomesSource,
    Field(discriminator="type"),
]


class SourcesFile(Strict):
    """Where facts come from."""

    fiscal_year_first_month: int = Field(1, ge=1, le=12)
    sources: list[Source]

    @model_validator(mode="after")
    def _unique(self) -> SourcesFile:
        _require_unique("source", [s.id for s in self.sources])
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
            "output_tokens",
            "reasoning_tokens",
            "team",
            "app",
            "project",
            "feature",
            "environment",
            "customer_id",
            "user_id",
        ],
        str,
    ]
    constants: dict[
        Literal[
            "provider_name",
            "model",
            "deployment_name",
            "resource_id",
            "team",
            "app",
            "project",
            "feature",
            "environment",
        ],
        str,
    ] = {}
    input_includes_cache: bool = Field(True, description="Does the input count contain the cached tokens?")
    time_zone: str = Field("UTC", description="IANA name, for times without an offset")
    time_format: str | None = Field(None, description="strptime format; ISO 8601 where absent")

    @model_validator(mode="after")
    def _complete(self) -> UsageMapping:
        if "usage_at" not in self.columns:
            raise ValueError("columns.usage_at is missing: say which column holds the time of the usage")
        if not {"input_tokens", "output_tokens"} & set(self.columns):
            raise ValueError("columns has neither input_tokens nor output_tokens: there is nothing to price")
        for need in ("provider_name", "model"):
            if need not in self.columns and need not in self.constants:
                raise ValueError(f"{need} is missing: map a column to it or give it under constants")
        twice = set(self.columns) & set(self.constants)
        if twice:
            raise ValueError(f"{sorted(twice)} appear under both columns and constants: keep one")
        return self


# ── tags.yml ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class TagRule(Strict):
    """The first rule that yields a value wins. ``value`` is what to set; without it, the matched text is the value.

    match ``tag`` reads the first of ``keys`` present on the resource (any case); the others test ``pattern`` against
    the named property.
    """

    id: Identifier
    dimension: Dimension
    match: Literal[
        "tag", "resource_id", "resource_name", "sub_account", "service_name", "namespace", "deployment", "app"
    ]
    keys: list[str] = []
    pattern: Regex | None = None
    value: str | None = None
    valid_from: date | None = None
    valid_to: date | None = Field(None, description="Last day the rule holds")

    @model_validator(mode="after")
    def _consistent(self) -> TagRule:
        if self.match == "tag" and not self.keys:
            raise ValueError("match: tag needs keys, such as [team, Team]")
        if self.match != "tag" and self.pattern is None:
            raise ValueError(f"match: {self.match} needs a pattern")
        if self.match != "tag" and self.value is None:
            raise ValueError(f"match: {self.match} needs a value to set")
        return self


class AppOwner(Strict):
    """Which team and business unit an app belongs to; completes rows that know only the app or the team."""

    app: Identifier
    team: Identifier


class TeamOwner(Strict):
    team: Identifier
    business_unit: str | None = None
    cost_center: str | None = None
    owner_email_env: EnvironmentName | None = None


class TagsFile(Strict):
    """How resources find their owners."""

    rules: list[TagRule]
    teams: list[TeamOwner] = []
    apps: list[AppOwner] = []

    @model_validator(mode="after")
    def _unique(self) -> TagsFile:
        _require_unique("tag rule", [r.id for r in self.rules])
        _require_unique("team", [t.team for t in self.teams])
        _require_unique("app", [a.app for a in self.apps])
        unknown = {a.team for a in self.apps} - {t.team for t in self.teams}
        if unknown:
            raise ValueError(f"apps name teams that are not under teams: {', '.join(sorted(unknown))}")
        return self


# ── allocation.yml ────────────────────────────────────────────────────────────────────────────────────────────────────


class Pool(Strict):
    """Shared cost and how it is split. Drivers: usage_cost (priced telemetry of the same account), gpu_seconds
    (GPU time by namespace; free GPU time is idle), direct_cost, even, fixed (``shares``)."""

    id: Identifier
    resource_id: Regex = Field(description="Regular expression over the lower-case resource id of a charge")
    driver: Literal["usage_cost", "gpu_seconds", "direct_cost", "even", "fixed"]
    fallback: Literal["direct_cost", "even", "fixed", "none"] = "none"
    shares: dict[Identifier, Ratio] = Field(default={}, description="team → weight, for fixed")
    idle: Literal["show", "spread"] = Field("show", description="Idle capacity as its own row, or spread over users")
    idle_team: Identifier = Field("platform", description="Who answers for idle that is shown")

    @model_validator(mode="after")
    def _shares(self) -> Pool:
        if "fixed" in (self.driver, self.fallback) and not self.shares:
            raise ValueError("fixed shares need shares, such as {search: 2, support: 1}")
        return self


class AiCategoryRule(Strict):
    """The first rule whose patterns all match says whether a charge is AI spend and of which kind."""

    id: Identifier
    category: Literal[
        "inference",
        "provisioned_capacity",
        "training",
        "fine_tuning",
        "gpu_compute",
        "vector_store",
        "other_ai",
        "not_ai",
    ]
    service_name: Regex | None = None
    service_category: Regex | None = None
    sku_meter: Regex | None = None
    resource_id: Regex | None = None
    charge_description: Regex | None = None

    @model_validator(mode="after")
    def _some(self) -> AiCategoryRule:
        if not any(
            (self.service_name, self.service_category, self.sku_meter, self.resource_id, self.charge_description)
        ):
            raise ValueError("a rule needs at least one pattern")
        return self


class AllocationFile(Strict):
    """What is AI spend, and how shared cost is split."""

    ai_categories: list[AiCategoryRule]
    pools: list[Pool] = []
    coverage_target: Ratio = Decimal("0.95")

    @model_validator(mode="after")
    def _unique(self) -> AllocationFile:
        _require_unique("pool", [p.id for p in self.pools])
        _require_unique("AI category rule", [r.id for r in self.ai_categories])
        return self


# ── prices.yml ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ModelPrice(Strict):
    """List price of a model from a day on, per 1M tokens of each disjoint class."""

    provider: str
    model: str
    aliases: list[str] = Field(default=[], description="Other names, such as dated versions")
    valid_from: date
    currency: Currency = "USD"
    per_1m_tokens: dict[TokenClass, Money]
    source: str = Field(description="Where the price was read")


class GpuPrice(Strict):
    """Hourly price of one GPU, for GPU time that no bill covers yet."""

    gpu_model: str
    valid_from: date
    currency: Currency = "USD"
    per_gpu_hour: Money
    source: str


class PricesFile(Strict):
    """The price book. A class without a price falls back: reasoning → output, cache classes → input_uncached."""

    models: list[ModelPrice]
    gpus: list[GpuPrice] = []

    @model_validator(mode="after")
    def _unique(self) -> PricesFile:
        _require_unique(
            "model price",
            [f"{p.provider}/{name}/{p.valid_from}" for p in self.models for name in (p.model, *p.aliases)],
        )
        return self


# ── budgets.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Scope(Strict):
    level: Level
    value: str | None = Field(None, description="Absent for level company")

    @model_validator(mode="after")
    def _value(self) -> Scope:
        if (self.level == "company") != (self.value is None):
            raise ValueError("value names the team, app, …; level company has none, every other level needs one")
        return self


class Budget(Strict):
    id: Identifier
    scope: Scope
    period: Literal["day", "month", "quarter"] = "month"
    amount: Annotated[Decimal, Field(gt=0)]
    currency: Currency = "USD"
    alert_at: list[Ratio] = Field(default=[Decimal("0.8"), Decimal("1.0")], description="Shares of the amount")
    valid_from: date | None = None
    valid_to: date | None = None


class BudgetsFile(Strict):
    budgets: list[Budget]

    @model_validator(mode="after")
    def _unique(self) -> BudgetsFile:
        _require_unique("budget", [b.id for b in self.budgets])
        return self


# ── guardrails.yml ────────────────────────────────────────────────────────────────────────────────────────────────────


class Action(Strict):
    """What to do at a level. ``notify`` sends a message; the others ask the webhook's owner to act on the target."""

    kind: Literal["notify", "ticket", "throttle", "pause", "stop"]
    route: Identifier = Field(description="A route of routing.yml")


class PolicyBase(Strict):
    id: Identifier
    description: str
    owner: str
    runbook: str | None = None
    version: int = Field(1, ge=1)
    mode: Literal["off", "dry_run", "enforce"] = "dry_run"
    max_data_age_hours: int = Field(48, ge=1, description="Refuse to act on facts older than this")
    cooldown_hours: int = Field(24, ge=0)
    max_targets_per_run: int = Field(5, ge=1, description="Blast radius: more targets than this are suppressed")
    never_touch: list[str] = Field(default=[], description="Scope values that are only ever notified about")
    warn: list[Action] = []
    trip: list[Action] = []


class MonthlyBudgetPolicy(PolicyBase):
    """Compares a budget's use with its amount."""

    kind: Literal["monthly_budget"]
    budgets: list[Identifier] = Field(default=[], description="Budget ids; empty: all")
    basis: Literal["actual", "projected"] = "actual"
    warn_at: Ratio = Decimal("0.8")
    trip_at: Ratio = Decimal("1.0")
    clear_below: Ratio = Decimal("0.95")
    clear_after: int = Field(2, ge=1, description="Evaluations below clear_below before the guardrail is released")


class UsageDoubledPolicy(PolicyBase):
    """Compares the last complete day's usage cost of a scope with the same weekday's typical cost."""

    kind: Literal["usage_doubled"]
    level: Literal["team", "app", "model"] = "app"
    warn_ratio: Ratio = Decimal("1.5")
    trip_ratio: Ratio = Decimal("2.0")
    clear_below_ratio: Ratio = Decimal("1.2")
    clear_after: int = Field(2, ge=1)
    min_amount: Money = Field(Decimal("25"), description="Ignore increases smaller than this, in the fact's currency")


Policy = Annotated[MonthlyBudgetPolicy | UsageDoubledPolicy, Field(discriminator="kind")]


class GuardrailsFile(Strict):
    policies: list[Policy]

    @model_validator(mode="after")
    def _unique(self) -> GuardrailsFile:
        _require_unique("policy", [p.id for p in self.policies])
        return self


# ── events.yml ────────────────────────────────────────────────────────────────────────────────────────────────────────


class KnownEvent(Strict):
    """Something that moves cost and is no anomaly: a launch, a migration, a load test."""

    id: Identifier
    name: str
    starts_on: date
    ends_on: date
    scope: Scope
    effect: Literal["temporary", "lasting"] = "temporary"

    @model_validator(mode="after")
    def _order(self) -> KnownEvent:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on")
        return self


class EventsFile(Strict):
    holidays: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = Field(
        default=[], description="ISO 3166 country codes"
    )
    events: list[KnownEvent] = []

    @model_validator(mode="after")
    def _unique(self) -> EventsFile:
        _require_unique("event", [e.id for e in self.events])
        return self


# ── routing.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class TeamsRoute(Strict):
    """A Power Automate Workflows URL of a Teams channel. The URL is a secret."""

    id: Identifier
    kind: Literal["teams"]
    url_env: EnvironmentName


class WebhookRoute(Strict):
    """A signed webhook (Standard Webhooks 1.0.0)."""

    id: Identifier
    kind: Literal["webhook"]
    url_env: EnvironmentName
    secret_env: EnvironmentName
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")


Route = Annotated[TeamsRoute | WebhookRoute, Field(discriminator="kind")]


class AnomalyRouting(Strict):
    route: Identifier
    min_severity: Literal["low", "medium", "high", "critical"] = "medium"


class RoutingFile(Strict):
    routes: list[Route]
    anomalies: list[AnomalyRouting] = []
    operations_route: Identifier | None = Field(None, description="Who hears of failed runs; nobody where absent")

    @model_validator(mode="after")
    def _known(self) -> RoutingFile:
        _require_unique("route", [r.id for r in self.routes])
        known = {r.id for r in self.routes}
        if self.operations_route is not None and self.operations_route not in known:
            raise ValueError(f"operations_route is {self.operations_route!r}, which is not under routes")
        for rule in self.anomalies:
            if rule.route not in known:
                raise ValueError(f"anomalies name the route {rule.route!r}, which is not under routes")
        return self


def _require_unique(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"the {what} {name!r} appears twice: rename or remove one")
        seen.add(name)
