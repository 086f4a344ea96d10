"""The made-up organisation: who it is, what it runs, and what was planted in it.

Here: teams, apps, subscriptions, accounts, deployments, GPU node pools, and the days on which something happens.
Not here: quantities per day (``simulator.usage``, ``simulator.gpu``) and wire formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from finops.periods import as_utc

FORMAT_VERSION = 11
"""Raised when the same parameters produce other files than before, so that old files are made anew."""

DEFAULT_AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
BILL_LAG_DAYS = 2
REFERENCE_DAY = date(2026, 10, 1)
"""Levels below hold on this day; before and after it they follow their yearly growth."""

SHARED = "11111111-1111-4111-8111-111111111111"
PRODUCTION = "22222222-2222-4222-8222-222222222222"
RESEARCH = "33333333-3333-4333-8333-333333333333"
SUBSCRIPTIONS = {SHARED: "shared-platform", PRODUCTION: "ai-production", RESEARCH: "ai-research"}
REGION = "swedencentral"
REGION_NAME = "Sweden Central"

TEAMS = {
    "search": ("commerce", "CC-1010"),
    "support": ("commerce", "CC-1020"),
    "marketing": ("commerce", "CC-1030"),
    "documents": ("operations", "CC-2010"),
    "fraud": ("operations", "CC-2020"),
    "robotics": ("operations", "CC-2030"),
    "data-science": ("corporate", "CC-3010"),
    "platform": ("corporate", "CC-3020"),
}

# What was planted, and when. ``simulator.truths`` tells it; the generators act on it.
RETRAIN_DAYS = (date(2026, 10, 14), date(2026, 10, 15), date(2026, 10, 16))
RETRAIN_FACTOR = 6
LEAK_STARTS_AT = datetime(2026, 10, 19, 2, tzinfo=UTC)
LEAK_FACTOR = 8
LEAKED_APP = "query-rewriter"
LAUNCH_DAY = date(2026, 9, 14)
LAUNCH_FACTOR = 2
LAUNCHED_APP = "catalog-enricher"
UNCACHED_APP = "contract-review"
UNCACHED_PREFIX_SHARE = 0.6
"""Part of the median prompt that is the same in every call."""
FAILING_APP, FAILING_TIMES = "query-rewriter", 8.0
FAILING_DAYS = (date(2026, 9, 24),)
"""Every answered call has timed out so often before, and a call that times out is paid for."""
REPEATING_APP, REPEATING_TIMES = "contract-review", 5.0
REPEATING_DAYS = (date(2026, 9, 29), date(2026, 9, 30))
CACHE_LOST_ACCOUNT, CACHE_LOST_APP = "aoai-search", "product-search"
CACHE_LOST_DAYS = (date(2026, 10, 7), date(2026, 10, 8))
LATE_DAY = date(2026, 9, 22)
LATE_BY_DAYS = 3
RESTATED_DAY = date(2026, 10, 5)
RESTATED_VISIBLE_AFTER_DAYS = 7
OLD_ATTRIBUTES_UNTIL = date(2026, 1, 1)
"""Before this day half of the apps still report ``gen_ai.system`` (az.ai.openai), not ``gen_ai.provider.name``."""


@dataclass(frozen=True)
class Parameters:
    """What decides every byte. ``scale`` multiplies money, volume and the number of requests, not the set of teams."""

    seed: int = 7
    scale: float = 1.0
    days: int = 400
    as_of: datetime = DEFAULT_AS_OF

    def __post_init__(self) -> None:
        object.__setattr__(self, "as_of", as_utc(self.as_of).replace(microsecond=0))
        if self.days < 3:
            raise ValueError(f"days is {self.days}; a bill is complete two days late, so ask for at least 3")
        if not 0 < self.scale <= 100:
            raise ValueError(f"scale is {self.scale}; use more than 0 and at most 100 (1 is about USD 110k a month)")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; use 0 or more")

    @property
    def today(self) -> date:
        return self.as_of.date()

    @property
    def first_day(self) -> date:
        return self.today - timedelta(days=self.days)

    @property
    def last_billed_day(self) -> date:
        """The newest day on the bill: two days before ``as_of``."""
        return self.today - timedelta(days=BILL_LAG_DAYS)

    def as_document(self) -> dict[str, object]:
        return {
            "format_version": FORMAT_VERSION,
            "seed": self.seed,
            "scale": self.scale,
            "days": self.days,
            "as_of": self.as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def resource_id(subscription: str, group: str, kind: str, name: str) -> str:
    """An Azure resource id as Azure writes it; bills repeat it in other cases."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"


def growth(per_year: float, day: date) -> float:
    """Level relative to the reference day of something that grows by ``per_year`` (0.4 is 40%) a year."""
    return float((1 + per_year) ** ((day - REFERENCE_DAY).days / 365))


@dataclass(frozen=True)
class GatewayApp:
    """An app whose calls go through the gateway and are reported as spans. Levels are a mean day's at scale 1."""

    app: str
    team: str
    model: str
    calls_per_day: float
    input_median: int
    output_median: int
    cached_share: float
    features: tuple[str, ...]
    operation: str = "chat"
    profile: str = "office"
    reasoning: bool = False
    growth_per_year: float = 0.3
    customers: int = 60
    kind: str = "conversation"
    is_variant: bool = False
    """Another model that the app sends a part of its calls to; its calls are drawn apart from the first one's."""
    latency_factor: float = 1.0

    @property
    def stream_name(self) -> str:
        return f"{self.app}/{self.model}" if self.is_variant else self.app


GATEWAY_APPS: tuple[GatewayApp, ...] = (
    GatewayApp("query-rewriter", "search", "gpt-4.1", 82, 96_000, 1_400, 0.35, ("rewrite", "spell", "expand"),
               profile="steady"),
    GatewayApp("catalog-enricher", "search", "gpt-4.1", 34, 120_000, 5_000, 0.40, ("describe", "classify")),
    GatewayApp("product-search", "search", "text-embedding-3-large", 30, 110_000, 0, 0.0, ("index",),
               operation="embeddings", profile="steady"),
    GatewayApp("ticket-triage", "support", "gpt-4.1-mini", 55, 42_000, 900, 0.40, ("route", "prioritise")),
    GatewayApp("campaign-writer", "marketing", "gpt-5.1", 44, 60_000, 5_500, 0.30, ("draft", "translate", "review"),
               reasoning=True),
    GatewayApp("lead-scoring", "marketing", "gpt-5-mini", 45, 36_000, 2_200, 0.35, ("score",), reasoning=True),
    GatewayApp("contract-review", "documents", "gpt-4.1", 44, 170_000, 3_800, 0.0, ("clauses", "risks", "summary")),
    GatewayApp("invoice-extractor", "documents", "text-embedding-3-large", 16, 80_000, 0, 0.0, ("match",),
               operation="embeddings"),
    GatewayApp("claims-screening", "fraud", "gpt-5.1", 52, 70_000, 4_800, 0.37, ("screen", "explain"), reasoning=True),
    GatewayApp("route-planner", "robotics", "gpt-5-mini", 22, 30_000, 3_000, 0.35, ("replan",), reasoning=True),
    GatewayApp("experiment-hub", "data-science", "gpt-5.1", 24, 90_000, 7_500, 0.25, ("notebook", "evaluation"),
               reasoning=True),
    # A part of the calls goes to another model: scores say whether that is worth it (simulator.outcomes).
    GatewayApp("lead-scoring", "marketing", "gpt-5.1", 15, 36_000, 2_200, 0.35, ("score",), reasoning=True,
               is_variant=True, latency_factor=1.7),
    GatewayApp("ticket-triage", "support", "gpt-4.1", 14, 42_000, 900, 0.40, ("route", "prioritise"),
               is_variant=True, latency_factor=1.4),
    GatewayApp("campaign-writer", "marketing", "gpt-5-mini", 12, 60_000, 5_500, 0.30, ("draft", "translate", "review"),
               reasoning=True, is_variant=True, latency_factor=0.6),
    GatewayApp("llm-gateway", "platform", "gpt-4.1-mini", 12, 9_000, 200, 0.30, ("probe",), profile="steady",
               customers=1),
)  # fmt: skip


@dataclass(frozen=True)
class BriefUse:
    """Calls through the gateway on a few days only."""

    app: GatewayApp
    days: tuple[date, ...]


HACKATHON = BriefUse(
    GatewayApp("hackathon-agent", "marketing", "gpt-5.1", 1_200, 60_000, 6_000, 0.3, ("agent",), profile="steady",
               reasoning=True, customers=1),
    (date(2026, 10, 10), date(2026, 10, 11)),
)  # fmt: skip
MODEL_TRIAL = BriefUse(
    GatewayApp("claims-screening", "fraud", "gpt-4.1", 600, 70_000, 4_800, 0.37, ("screen",), profile="steady",
               is_variant=True),
    (date(2026, 10, 12), date(2026, 10, 13)),
)  # fmt: skip
BRIEF_USES = (HACKATHON, MODEL_TRIAL)

GATEWAY_GROUP = "rg-ai-gateway"
ACCOUNT_TYPE = "Microsoft.CognitiveServices/accounts"
GATEWAY_ACCOUNT = resource_id(SHARED, GATEWAY_GROUP, ACCOUNT_TYPE, "aoai-gateway")


@dataclass(frozen=True)
class Deployment:
    """A model deployment of a dedicated account. ``daily_cost_usd`` is its mean token cost at list price on the
    reference day; a provisioned deployment has tokens worth that much, and is billed per unit and hour instead."""

    name: str
    model: str
    daily_cost_usd: float
    output_per_input: float
    cached_share: float
    tokens_per_request: int
    profile: str = "office"
    growth_per_year: float = 0.35
    billing: str = "standard"
    provisioned_units: int = 0


@dataclass(frozen=True)
class Account:
    """An Azure OpenAI account of its own for one app."""

    name: str
    subscription: str
    group: str
    tags: dict[str, str]
    deployments: tuple[Deployment, ...]
    has_monitor: bool = True

    @property
    def id(self) -> str:
        return resource_id(self.subscription, self.group, ACCOUNT_TYPE, self.name)


ACCOUNTS: tuple[Account, ...] = (
    Account(
        "aoai-support", PRODUCTION, "rg-support",
        {"team": "support", "app": "support-copilot", "environment": "production", "cost_center": "CC-1020",
         "owner": "support-leads"},
        (
            Deployment("gpt-4.1-ptu", "gpt-4.1", 72, 0.11, 0.42, 6_500, billing="provisioned", provisioned_units=15),
            Deployment("gpt-4.1-spillover", "gpt-4.1", 92, 0.11, 0.40, 6_500, growth_per_year=1.1),
            Deployment("gpt-5-mini", "gpt-5-mini", 82, 0.09, 0.45, 5_200, growth_per_year=0.9),
        ),
    ),
    Account(
        "aoai-search", PRODUCTION, "rg-search",
        {"Team": "search", "application": "product-search", "env": "production", "CostCenter": "CC-1010"},
        (
            Deployment("gpt-4.1-mini", "gpt-4.1-mini", 150, 0.10, 0.36, 3_900, profile="steady"),
            Deployment("gpt-5-mini", "gpt-5-mini", 108, 0.08, 0.30, 4_600, profile="steady"),
            Deployment("text-embedding-3-large", "text-embedding-3-large", 58, 0.0, 0.0, 1_500, profile="steady"),
        ),
    ),
    Account(
        "aoai-documents", PRODUCTION, "rg-documents",
        {"team": "documents", "app": "invoice-extractor", "environment": "production", "cost_center": "CC-2010"},
        (
            Deployment("gpt-4.1", "gpt-4.1", 145, 0.07, 0.20, 9_800),
            Deployment("gpt-5-mini", "gpt-5-mini", 92, 0.10, 0.15, 7_400),
            Deployment("gpt-4.1-batch", "gpt-4.1", 80, 0.15, 0.0, 11_000, profile="steady", billing="batch"),
        ),
    ),
    # Nobody tagged the sandbox, and nobody asked for its metrics.
    Account(
        "aoai-sandbox", RESEARCH, "rg-sandbox", {},
        (Deployment("gpt-5.1", "gpt-5.1", 54, 0.08, 0.10, 12_000, growth_per_year=0.2),), has_monitor=False,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class NodePool:
    """A GPU node pool of the cluster: a virtual machine scale set. ``always_on`` nodes never scale in."""

    key: str
    scale_set: str
    arm_sku: str
    meter: str
    gpu_model: str
    nodes: int
    gpus_per_node: int
    always_on: int
    memory_mib: int
    idle_watts: int
    max_watts: int
    node_names: tuple[str, ...] = field(default=())


CLUSTER_GROUP = "MC_rg-ai-cluster_aks-ai_swedencentral"
SCALE_SET_TYPE = "Microsoft.Compute/virtualMachineScaleSets"
NODE_POOLS: tuple[NodePool, ...] = (
    NodePool("a100", "aks-gpua100-31415926-vmss", "Standard_NC96ads_A100_v4", "NC96ads A100 v4",
             "NVIDIA A100 80GB PCIe", 3, 4, 1, 81_920, 62, 300),
    NodePool("h100", "aks-gpuh100-27182818-vmss", "Standard_ND96isr_H100_v5", "ND96isr H100 v5",
             "NVIDIA H100 80GB HBM3", 1, 8, 0, 81_559, 75, 700),
    NodePool("a10", "aks-gpua10-16180339-vmss", "Standard_NV36ads_A10_v5", "NV36ads A10 v5", "NVIDIA A10",
             4, 1, 2, 24_512, 28, 150),
)  # fmt: skip

CLUSTER_NAMESPACES: dict[str, tuple[str, str]] = {
    f"{team}--{app}": (team, app)
    for team, app in (
        ("fraud", "risk-scoring"),
        ("search", "product-search"),
        ("search", "catalog-enricher"),
        ("data-science", "demand-forecast"),
        ("data-science", "experiment-hub"),
        ("robotics", "vision-train"),
        ("robotics", "sim-lab"),
        ("support", "voice-summaries"),
    )
}
