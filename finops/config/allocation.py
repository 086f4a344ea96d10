"""What ``config/allocation.yml`` may say: what is AI spend, how shared cost is split, how it is charged.

Here: categories, pools, provisioned models and statements, with the checks inside the file.
Not here: splitting (dbt) and writing statements (reports).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import AiCategory, Identifier, Ratio, Regex, Strict, require_unique

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
