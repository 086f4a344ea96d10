"""What each file of ``config/`` may say.

Here: one root model per file, with the checks inside that file. Its JSON Schema and its part of docs/configuration.md
are generated from it, so every setting says what it means.
Not here: references between files (load) and what the settings do (dbt, guardrails, ingestion).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

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


def _form(pattern: str, message: str, remedy: str) -> Callable[[str], str]:
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


_IDENTIFIER = r"[a-z0-9][a-z0-9._-]{0,79}"
_ENVIRONMENT_NAME = r"[A-Z][A-Z0-9_]*"

Identifier = Annotated[
    str,
    AfterValidator(
        _form(
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
Money = Annotated[Decimal, Field(ge=0, max_digits=38, decimal_places=12)]
PositiveMoney = Annotated[Decimal, Field(gt=0, max_digits=38, decimal_places=12)]
Ratio = Annotated[Decimal, Field(gt=0)]
# 0.8 is 80%: whoever writes 80 would get an alert that never comes.
BudgetShare = Annotated[Decimal, Field(gt=0, le=10)]
Regex = Annotated[str, AfterValidator(_regex)]
EnvironmentName = Annotated[
    str,
    AfterValidator(
        _form(
            _ENVIRONMENT_NAME,
            "not the name of an environment variable",
            "Put the value into the environment and write the variable's name here, such as AIFINOPS_TEAMS_URL",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_ENVIRONMENT_NAME}$"}),
]
Dimension = Literal[
    "team", "app", "project", "feature", "customer", "environment", "business_unit", "cost_center", "owner"
]
Level = Literal["company", "business_unit", "team", "app", "project", "model", "environment"]


# ── sources.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class SourceBase(Strict):
    id: Identifier = Field(description="Name of the source in the lake; keep it for ever")
    enabled: bool = Field(True, description="false: neither landed nor checked for its variables")


class AzureExportsSource(SourceBase):
    """Azure Cost Management exports in FOCUS format, found through their manifests."""

    type: Literal["azure_exports"]
    url: str = Field(description="Folder or bucket with the exports: a path, or az://container/path")


class FocusFilesSource(SourceBase):
    """FOCUS files of any producer: CSV, CSV.gz or Parquet; a file or a folder."""

    type: Literal["focus_files"]
    url: str = Field(description="File or folder: a path, or az://container/path")


class OtelSpansSource(SourceBase):
    """OpenTelemetry GenAI spans as OTLP/JSON lines, plain or gzip."""

    type: Literal["otel_spans"]
    url: str = Field(description="File or folder: a path, or az://container/path")


class UsageFilesSource(SourceBase):
    """A user's own table of model usage with a mapping file."""

    type: Literal["usage_files"]
    url: str = Field(description="File or folder: a path, or az://container/path")
    mapping: str = Field(description="Path of the mapping file")


class AzureMonitorSource(SourceBase):
    """Azure Monitor platform metrics of Azure OpenAI / Foundry accounts."""

    type: Literal["azure_monitor"]
    resources: list[str] = Field(min_length=1, description="Azure resource ids of the accounts")
    region: str = Field(description="Azure region of the accounts, such as swedencentral")
    endpoint: str | None = Field(None, description="Overrides https://<region>.metrics.monitor.azure.com")
    interval: Literal["PT1M", "PT5M", "PT1H"] = Field("PT1H", description="Time grain, ISO 8601")
    lookback_days: int = Field(93, ge=1, le=93, description="Azure Monitor keeps 93 days")
    credential: Literal["default", "static"] = Field(
        "default", description="'static' reads a token from AIFINOPS_AZURE_TOKEN: for simulators and tests"
    )


class PrometheusSource(SourceBase):
    """GPU metrics (DCGM exporter) and Kubernetes labels (kube-state-metrics) through the Prometheus HTTP API."""

    type: Literal["prometheus"]
    url: str = Field(description="Base address of the Prometheus server")
    step_seconds: int = Field(3600, ge=60, le=86400, description="Length of one sample")
    lookback_days: int = Field(400, ge=1, description="How far back the first landing asks")


class OutcomesSource(SourceBase):
    """Business outcomes as CSV."""

    type: Literal["outcomes"]
    url: str = Field(description="File or folder: a path, or az://container/path")


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

    fiscal_year_first_month: int = Field(1, ge=1, le=12, description="7: the fiscal year starts on 1 July")
    sources: list[Source] = Field(description="One entry per place that facts come from")

    @model_validator(mode="after")
    def _unique(self) -> SourcesFile:
        _require_unique("source", ((("sources", i, "id"), s.id) for i, s in enumerate(self.sources)))
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
    ] = Field(description="Meaning → name of the column that has it")
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
    ] = Field(default={}, description="Meaning → value, for what the table does not say")
    input_includes_cache: bool = Field(True, description="Does the input count contain the cached tokens?")
    time_zone: str = Field("UTC", description="IANA name, for times without an offset")
    time_format: str | None = Field(None, description="strptime format; ISO 8601 where absent")

    @model_validator(mode="after")
    def _complete(self) -> UsageMapping:
        if "usage_at" not in self.columns:
            remedy = "Add usage_at: and the name of the column with the time of the usage"
            raise SettingError("usage_at is missing", remedy, ("columns",))
        if not {"input_tokens", "output_tokens"} & set(self.columns):
            remedy = "Map a column to at least one of them"
            raise SettingError("neither input_tokens nor output_tokens is there to be priced", remedy, ("columns",))
        for need in ("provider_name", "model"):
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
        "tag", "resource_id", "resource_name", "sub_account", "service_name", "namespace", "deployment", "app"
    ] = Field(description="Where it looks")
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


class AppOwner(Strict):
    """Which team and business unit an app belongs to; completes rows that know only the app or the team."""

    app: Identifier = Field(description="As the tags, the spans and the namespaces name it")
    team: Identifier = Field(description="One of teams")


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
        _require_unique("tag rule", ((("rules", i, "id"), r.id) for i, r in enumerate(self.rules)))
        _require_unique("team", ((("teams", i, "team"), t.team) for i, t in enumerate(self.teams)))
        _require_unique("app", ((("apps", i, "app"), a.app) for i, a in enumerate(self.apps)))
        known = {team.team for team in self.teams}
        for i, app in enumerate(self.apps):
            if app.team not in known:
                raise SettingError(f"no team {app.team!r} under teams", "Add it there", ("apps", i, "team"))
        return self


# ── allocation.yml ────────────────────────────────────────────────────────────────────────────────────────────────────


class Pool(Strict):
    """Shared cost and how it is split.

    Drivers: ``usage_cost`` (priced telemetry of the same account), ``gpu_seconds`` (GPU time by namespace; free GPU
    time is idle), ``direct_cost`` (what each team's own resources cost), ``even``, ``fixed`` (``shares``).
    """

    id: Identifier = Field(description="Name of the pool; every allocated row carries it")
    resource_id: Regex = Field(description="Regular expression over the lower-case resource id of a charge")
    driver: Literal["usage_cost", "gpu_seconds", "direct_cost", "even", "fixed"] = Field(
        description="What the cost is split in proportion to"
    )
    fallback: Literal["direct_cost", "even", "fixed", "none"] = Field(
        "none", description="Used for a day on which the driver has no data; none leaves the cost unmatched"
    )
    shares: dict[Identifier, Ratio] = Field(default={}, description="team → weight, for fixed")
    idle: Literal["show", "spread"] = Field("show", description="Idle capacity as its own row, or spread over users")
    idle_team: Identifier = Field("platform", description="Who answers for idle that is shown")

    @model_validator(mode="after")
    def _shares(self) -> Pool:
        if "fixed" in (self.driver, self.fallback) and not self.shares:
            raise SettingError("fixed needs shares", "Add them, such as shares: {search: 2, support: 1}")
        return self


class AiCategoryRule(Strict):
    """The first rule whose patterns all match says whether a charge is AI spend and of which kind.

    Patterns are regular expressions, in any case; a rule needs at least one.
    """

    id: Identifier = Field(description="Name of the rule; every categorised row carries it")
    category: Literal[
        "inference",
        "provisioned_capacity",
        "training",
        "fine_tuning",
        "gpu_compute",
        "vector_store",
        "other_ai",
        "not_ai",
    ] = Field(description="What a charge that matches is; not_ai takes it out")
    service_name: Regex | None = Field(None, description="Over FOCUS ServiceName")
    service_category: Regex | None = Field(None, description="Over FOCUS ServiceCategory")
    sku_meter: Regex | None = Field(None, description="Over FOCUS SkuMeter")
    resource_id: Regex | None = Field(None, description="Over FOCUS ResourceId, in lower case")
    charge_description: Regex | None = Field(None, description="Over FOCUS ChargeDescription")

    @model_validator(mode="after")
    def _some(self) -> AiCategoryRule:
        if not any(
            (self.service_name, self.service_category, self.sku_meter, self.resource_id, self.charge_description)
        ):
            raise SettingError("no pattern", 'Add at least one, such as service_name: "azure openai"')
        return self


class AllocationFile(Strict):
    """What is AI spend, and how shared cost is split."""

    ai_categories: list[AiCategoryRule] = Field(description="Tried from top to bottom; no match is not AI spend")
    pools: list[Pool] = Field(default=[], description="Tried from top to bottom; a charge is split by the first")
    coverage_target: Annotated[Decimal, Field(gt=0, le=1)] = Field(
        Decimal("0.95"), description="Share of AI spend that should have an owner"
    )

    @model_validator(mode="after")
    def _unique(self) -> AllocationFile:
        _require_unique("pool", ((("pools", i, "id"), p.id) for i, p in enumerate(self.pools)))
        _require_unique("rule", ((("ai_categories", i, "id"), r.id) for i, r in enumerate(self.ai_categories)))
        return self


# ── prices.yml ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ModelPrice(Strict):
    """List price of a model from a day on, per 1M tokens of each disjoint class."""

    provider: str = Field(description="As the usage names it: azure.ai.openai, openai, anthropic, …")
    model: str = Field(description="As the usage names it")
    aliases: list[str] = Field(default=[], description="Other names, such as dated versions")
    valid_from: date = Field(description="First day of the price; it ends where a later one begins")
    currency: Currency = "USD"
    per_1m_tokens: dict[TokenClass, Money] = Field(description="Token class → price")
    source: str = Field(description="Where the price was read")


class GpuPrice(Strict):
    """Hourly price of one GPU, for GPU time that no bill covers yet."""

    gpu_model: str = Field(description="As DCGM reports it")
    valid_from: date = Field(description="First day of the price; it ends where a later one begins")
    currency: Currency = "USD"
    per_gpu_hour: Money = Field(description="Price of one GPU for one hour")
    source: str = Field(description="Where the price was read")


class PricesFile(Strict):
    """The price book. A class without a price falls back: reasoning → output, cache classes → input_uncached."""

    models: list[ModelPrice] = Field(description="Prices of models")
    gpus: list[GpuPrice] = Field(default=[], description="Prices of GPUs")

    @model_validator(mode="after")
    def _unique(self) -> PricesFile:
        _require_unique(
            "model price",
            (
                (("models", i), f"{p.provider}/{name} from {p.valid_from}")
                for i, p in enumerate(self.models)
                for name in (p.model, *p.aliases)
            ),
        )
        _require_unique(
            "GPU price", ((("gpus", i), f"{p.gpu_model} from {p.valid_from}") for i, p in enumerate(self.gpus))
        )
        return self


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


class Budget(Strict):
    """What a scope may spend on AI in each period."""

    id: Identifier = Field(description="Name of the budget in messages and policies")
    scope: Scope = Field(description="Whose AI spend it limits")
    period: Literal["day", "month", "quarter"] = Field("month", description="Calendar period; a quarter is fiscal")
    amount: PositiveMoney = Field(description="For one period")
    currency: Currency = Field("USD", description="ISO 4217 code; only cost billed in it counts")
    alert_at: list[BudgetShare] = Field(default=[Decimal("0.8"), Decimal("1.0")], description="Shares of the amount")
    valid_from: date | None = Field(None, description="First day; always where absent")
    valid_to: date | None = Field(None, description="Last day; for ever where absent")

    @model_validator(mode="after")
    def _order(self) -> Budget:
        _require_order(self.valid_from, self.valid_to, "valid_from", "valid_to")
        return self


class BudgetsFile(Strict):
    """What may be spent."""

    budgets: list[Budget] = Field(description="One entry per budget")

    @model_validator(mode="after")
    def _unique(self) -> BudgetsFile:
        _require_unique("budget", ((("budgets", i, "id"), b.id) for i, b in enumerate(self.budgets)))
        return self


# ── guardrails.yml ────────────────────────────────────────────────────────────────────────────────────────────────────


class Action(Strict):
    """What to do at a level. ``notify`` sends a message; the others ask the webhook's owner to act on the target."""

    kind: Literal["notify", "ticket", "throttle", "pause", "stop"] = Field(description="What is done, or asked for")
    route: Identifier = Field(description="A route of routing.yml")


class PolicyBase(Strict):
    id: Identifier = Field(description="Name of the policy in messages and in the ledger")
    description: str = Field(description="One sentence for whoever gets the message")
    owner: str = Field(description="Who answers for the policy")
    runbook: str | None = Field(None, description="Path or address of what to do")
    version: int = Field(1, ge=1, description="Raise it when the meaning changes: decisions are kept by version")
    mode: Literal["off", "dry_run", "enforce"] = Field(
        "dry_run", description="dry_run decides, records and tells people, but asks nobody to act"
    )
    max_data_age_hours: int = Field(48, ge=1, description="Refuse to act on facts older than this")
    cooldown_hours: int = Field(24, ge=0, description="Hours after it was raised before it is raised again")
    max_targets_per_run: int = Field(
        5, ge=1, description="Blast radius: one run acts on no more, most money at stake first"
    )
    never_touch: list[str] = Field(default=[], description="Scope values that are only ever notified about")
    warn: list[Action] = Field(default=[], description="What to do at the warning level")
    trip: list[Action] = Field(default=[], description="What to do when the guardrail trips")


class MonthlyBudgetPolicy(PolicyBase):
    """Compares a budget's use with its amount."""

    kind: Literal["monthly_budget"]
    budgets: list[Identifier] = Field(default=[], description="Budget ids; empty: all")
    basis: Literal["actual", "projected"] = Field(
        "actual", description="What is compared with the amount: spend so far, or the projected end of the period"
    )
    warn_at: BudgetShare = Field(Decimal("0.8"), description="Share of the amount; 0.8 is 80%")
    trip_at: BudgetShare = Field(Decimal("1.0"), description="Share of the amount")
    clear_below: BudgetShare = Field(Decimal("0.95"), description="Share of the amount below which it may be released")
    clear_after: int = Field(
        2, ge=1, description="Evaluations in a row, each with new data, below clear_below before it is released"
    )

    @model_validator(mode="after")
    def _levels(self) -> MonthlyBudgetPolicy:
        _require_levels("warn_at", self.warn_at, "trip_at", self.trip_at, "clear_below", self.clear_below)
        return self


class UsageDoubledPolicy(PolicyBase):
    """Compares the last complete day's usage cost of a scope with the same weekday's typical cost."""

    kind: Literal["usage_doubled"]
    level: Literal["team", "app", "model"] = Field("app", description="What is compared")
    warn_ratio: Ratio = Field(Decimal("1.5"), description="Last day ÷ typical day")
    trip_ratio: Ratio = Field(Decimal("2.0"), description="Last day ÷ typical day")
    clear_below_ratio: Ratio = Field(Decimal("1.2"), description="Ratio below which it may be released")
    clear_after: int = Field(
        2, ge=1, description="Evaluations in a row, each with new data, below that ratio before it is released"
    )
    min_amount: Money = Field(Decimal("25"), description="Ignore increases smaller than this, in the fact's currency")

    @model_validator(mode="after")
    def _levels(self) -> UsageDoubledPolicy:
        _require_levels(
            *("warn_ratio", self.warn_ratio),
            *("trip_ratio", self.trip_ratio),
            *("clear_below_ratio", self.clear_below_ratio),
        )
        return self


Policy = Annotated[MonthlyBudgetPolicy | UsageDoubledPolicy, Field(discriminator="kind")]


class GuardrailsFile(Strict):
    """What is watched, and what happens."""

    policies: list[Policy] = Field(description="One entry per guardrail")

    @model_validator(mode="after")
    def _unique(self) -> GuardrailsFile:
        _require_unique("policy", ((("policies", i, "id"), p.id) for i, p in enumerate(self.policies)))
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


class EventsFile(Strict):
    """What moves cost and is no anomaly."""

    holidays: list[
        Annotated[
            str,
            AfterValidator(_form("[A-Z]{2}", "not a country code", "Use an ISO 3166 code such as US or DE")),
            WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"}),
        ]
    ] = Field(default=[], description="ISO 3166 codes of the countries whose holidays the forecast knows")
    events: list[KnownEvent] = Field(default=[], description="One entry per event")

    @model_validator(mode="after")
    def _unique(self) -> EventsFile:
        _require_unique("event", ((("events", i, "id"), e.id) for i, e in enumerate(self.events)))
        return self


# ── routing.yml ───────────────────────────────────────────────────────────────────────────────────────────────────────


class TeamsRoute(Strict):
    """A Power Automate Workflows URL of a Teams channel. The URL is a secret."""

    id: Identifier = Field(description="Name of the route in policies")
    kind: Literal["teams"]
    url_env: EnvironmentName = Field(description="Variable with the address")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")


class WebhookRoute(Strict):
    """A signed webhook (Standard Webhooks 1.0.0)."""

    id: Identifier = Field(description="Name of the route in policies")
    kind: Literal["webhook"]
    url_env: EnvironmentName = Field(description="Variable with the address")
    secret_env: EnvironmentName = Field(description="Variable with the signing secret, whsec_ and base64")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks as receivers")


Route = Annotated[TeamsRoute | WebhookRoute, Field(discriminator="kind")]


class AnomalyRouting(Strict):
    """Who hears of anomalies."""

    route: Identifier = Field(description="One of routes")
    min_severity: Literal["low", "medium", "high", "critical"] = Field("medium", description="Lesser ones are not sent")


class RoutingFile(Strict):
    """Where messages and webhooks go."""

    routes: list[Route] = Field(description="One entry per receiver")
    anomalies: list[AnomalyRouting] = Field(default=[], description="Who hears of anomalies")
    operations_route: Identifier | None = Field(None, description="Who hears of failed runs; nobody where absent")

    @model_validator(mode="after")
    def _known(self) -> RoutingFile:
        _require_unique("route", ((("routes", i, "id"), r.id) for i, r in enumerate(self.routes)))
        known = {r.id for r in self.routes}
        named: list[tuple[tuple[str | int, ...], str]] = [
            (("anomalies", i, "route"), rule.route) for i, rule in enumerate(self.anomalies)
        ]
        if self.operations_route is not None:
            named.append((("operations_route",), self.operations_route))
        for location, name in named:
            if name not in known:
                raise SettingError(f"no route {name!r} under routes", f"Known: {', '.join(sorted(known))}", location)
        return self


def _require_unique(what: str, named: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
    """``named``: where each name stands, and the name."""
    seen: set[str] = set()
    for location, name in named:
        if name in seen:
            raise SettingError(f"the {what} {name!r} appears twice", "Rename or remove one", location)
        seen.add(name)


def _require_order(start: date | None, end: date | None, start_name: str, end_name: str) -> None:
    if start is not None and end is not None and end < start:
        raise SettingError(f"{end_name} is before {start_name}", "Swap or correct the dates", (end_name,))


def _require_levels(
    warn_name: str, warn: Decimal, trip_name: str, trip: Decimal, clear_name: str, clear: Decimal
) -> None:
    """A warning comes no later than the trip, and a release needs room below the trip, or it would flap."""
    if warn > trip:
        raise SettingError(f"{warn_name} is above {trip_name}", f"Lower {warn_name} to {trip} or less", (warn_name,))
    if clear >= trip:
        raise SettingError(f"{clear_name} is not below {trip_name}", f"Lower {clear_name} below {trip}", (clear_name,))
