"""What Azure charges for: meters, units and prices, under the abbreviated names that bills carry.

Here: the simulated price sheet.
Not here: how much is used (``simulator.usage``) and the user's own price book (``config/prices.yml``), which must agree
with the token prices below for estimates to meet the bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

PRICE_CUT_DAY = date(2026, 7, 1)
"""gpt-4.1 costs 20% less from this day on."""


@dataclass(frozen=True)
class Service:
    """ServiceName, ServiceCategory, ServiceSubcategory and model as Azure's FOCUS exports give them."""

    name: str
    category: str
    subcategory: str
    model: str = "PaaS"


OPENAI = Service("Azure OpenAI", "AI and Machine Learning", "Generative AI")
MACHINE_LEARNING = Service("Azure Machine Learning", "AI and Machine Learning", "Machine Learning")
SEARCH = Service("Azure AI Search", "Analytics", "Search", "SaaS")
SCALE_SETS = Service("Virtual Machine Scale Sets", "Compute", "Virtual Machines", "IaaS")
MACHINES = Service("Virtual Machines", "Compute", "Virtual Machines", "IaaS")
STORAGE = Service("Storage Accounts", "Storage", "Object Storage")
SQL = Service("SQL Database", "Databases", "Relational Databases")
APP_SERVICE = Service("Azure App Service", "Web", "Application Platforms")
API_MANAGEMENT = Service("API Management", "Integration", "API Management")
MONITOR = Service("Log Analytics", "Management and Governance", "Observability")
KEY_VAULT = Service("Key Vault", "Security", "Secret Management")
NETWORK = Service("Load Balancer", "Networking", "Application Networking", "IaaS")
FIREWALL = Service("Azure Firewall", "Networking", "Network Security", "IaaS")
KUBERNETES = Service("Azure Kubernetes Service", "Compute", "Containers")
REGISTRY = Service("Container Registry", "Developer Tools", "Development Environments")
SUPPORT = Service("Azure Support", "Other", "Support", "Other")
BILLING = Service("Azure Billing", "Other", "Other (Other)", "Other")
MARKETPLACE = Service("Contoso Labelling", "AI and Machine Learning", "Other (AI and Machine Learning)", "SaaS")


@dataclass(frozen=True)
class Meter:
    """One price-sheet line. Prices are USD per ``unit``, which is a block of ``block`` units."""

    name: str
    category: str
    subcategory: str
    unit: str
    block: int
    pricing_unit: str
    consumed_unit: str
    list_price: Decimal
    contracted_price: Decimal
    arm_sku: str = ""
    details: tuple[tuple[str, str], ...] = ()


def hourly(
    name: str,
    subcategory: str,
    price: str,
    arm_sku: str = "",
    contracted: str | None = None,
    category: str = "Virtual Machines",
) -> Meter:
    """A meter billed per hour, such as a virtual machine size."""
    details = (("x_ArmSkuName", arm_sku),) if arm_sku else ()
    return Meter(
        name,
        category,
        subcategory,
        "1 Hour",
        1,
        "Hours",
        "Hours",
        Decimal(price),
        Decimal(contracted or price),
        arm_sku,
        details,
    )


def simple(
    name: str, category: str, subcategory: str, unit: str, pricing_unit: str, price: str, block: int = 1
) -> Meter:
    """A meter without a virtual machine behind it; consumed and pricing unit are the same thing."""
    return Meter(name, category, subcategory, unit, block, pricing_unit, pricing_unit, Decimal(price), Decimal(price))


@dataclass(frozen=True)
class TokenModel:
    """A model's meters: names per token kind, the block they are priced in, and USD per 1M tokens from a day on."""

    model: str
    version: str
    subcategory: str
    meter_names: dict[str, str]
    block: int
    prices: tuple[tuple[date, dict[str, Decimal]], ...]
    context_tokens: int

    @property
    def response_model(self) -> str:
        """The dated name that responses carry, such as ``gpt-4.1-2025-04-14``."""
        return f"{self.model}-{self.version}" if self.version[:2] == "20" else self.model

    def price_per_1m(self, kind: str, day: date) -> Decimal:
        """USD per 1M tokens of ``input`` (uncached), ``cached`` or ``output`` on a day."""
        return next(prices for since, prices in reversed(self.prices) if since <= day)[kind]

    def meter(self, kind: str, day: date, batch: bool = False) -> Meter:
        """The price-sheet line for a token kind on a day. Batch costs half."""
        name = self.meter_names[kind]
        price = self.price_per_1m(kind, day) * self.block / 1_000_000
        if batch:
            name = name.replace(" Inp", " Batch Inp").replace(" Outp", " Batch Outp")
            price /= 2
        direction = "Output" if kind == "output" else "Input"
        details = [
            ("x_ModelDeveloper", "OpenAI"),
            ("x_ModelId", self.model),
            ("x_ModelVersion", self.version),
            ("x_TokenDirection", direction),
        ]
        if kind != "output":
            details.append(("x_TokenCacheAction", "Read" if kind == "cached" else "Uncached"))
        details.append(("x_DeploymentType", "GlobalBatch" if batch else "GlobalStandard"))
        unit = "1M" if self.block == 1_000_000 else "1K"
        return Meter(
            name, "Foundry Models", self.subcategory, unit, self.block, f"{self.block} Tokens", "Tokens",
            price, price, "", tuple(details),
        )  # fmt: skip


def _prices(uncached: str, cached: str, output: str) -> dict[str, Decimal]:
    return {"input": Decimal(uncached), "cached": Decimal(cached), "output": Decimal(output)}


_ALWAYS = date(2024, 1, 1)

TOKEN_MODELS: dict[str, TokenModel] = {
    model.model: model
    for model in (
        TokenModel(
            "gpt-4.1", "2025-04-14", "Azure OpenAI",
            {"input": "gpt 4.1 Inp glbl Tokens", "cached": "gpt 4.1 cached Inp glbl Tokens",
             "output": "gpt 4.1 Outp glbl Tokens"},
            1_000,
            ((_ALWAYS, _prices("2", "0.5", "8")), (PRICE_CUT_DAY, _prices("1.6", "0.4", "6.4"))),
            1_000_000,
        ),
        TokenModel(
            "gpt-4.1-mini", "2025-04-14", "Azure OpenAI",
            {"input": "gpt 4.1 mini Inp glbl Tokens", "cached": "gpt 4.1 mini cached Inp glbl Tokens",
             "output": "gpt 4.1 mini Outp glbl Tokens"},
            1_000, ((_ALWAYS, _prices("0.4", "0.1", "1.6")),), 1_000_000,
        ),
        TokenModel(
            "gpt-5.1", "2025-11-13", "Azure OpenAI GPT5",
            {"input": "GPT 5.1 inp Gl 1M Tokens", "cached": "GPT 5.1 cd inp Gl 1M Tokens",
             "output": "GPT 5.1 opt Gl 1M Tokens"},
            1_000_000, ((_ALWAYS, _prices("1.25", "0.125", "10")),), 272_000,
        ),
        TokenModel(
            "gpt-5-mini", "2025-08-07", "Azure OpenAI GPT5",
            {"input": "gpt-5-mini-Inp-glbl 1M Tokens", "cached": "gpt-5-mini-cchd-Inp-glbl 1M Tokens",
             "output": "gpt-5-mini-Outp-glbl 1M Tokens"},
            1_000_000, ((_ALWAYS, _prices("0.25", "0.025", "2")),), 272_000,
        ),
        TokenModel(
            "text-embedding-3-large", "1", "Azure OpenAI",
            {"input": "text-embedding-3-large-glbl Tokens"},
            1_000, ((_ALWAYS, {"input": Decimal("0.13")}),), 300_000,
        ),
    )
}  # fmt: skip
