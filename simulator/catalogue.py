"""Everything on the bill that is not tokens or GPU nodes: training clusters, search, machines, storage, databases,
networking.

Here: resources with tags, their meters and mean daily quantities on the reference day.
Not here: quantities of a given day (``simulator.bill``).
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator import meters
from simulator import organisation as org
from simulator.meters import Meter, Service, hourly, simple


@dataclass(frozen=True)
class Item:
    """One resource and meter: a row on every day's bill. ``per_day`` is in the meter's unit, on the reference day at
    scale 1.

    ``constant`` items (a machine that is always on) neither grow nor vary. ``profile`` names the weekly cycle of the
    others.
    """

    subscription: str
    group: str
    kind: str
    name: str
    tags: tuple[tuple[str, str], ...]
    service: Service
    meter: Meter
    per_day: float
    profile: str = "steady"
    growth_per_year: float = 0.12
    constant: bool = False

    @property
    def id(self) -> str:
        return org.resource_id(self.subscription, self.group, self.kind, self.name)

    @property
    def key(self) -> str:
        return f"{self.id}|{self.meter.name}"


Tags = tuple[tuple[str, str], ...]

# Teams spell their tags differently, as people do.
_TAG_SPELLINGS = {
    "search": ("Team", "application", "env", "CostCenter"),
    "support": ("team", "app", "environment", "cost_center"),
    "marketing": ("owner_team", "service", "stage", "costcenter"),
    "documents": ("team", "app", "environment", "cost_center"),
    "fraud": ("team", "Application", "Environment", "cost-center"),
    "robotics": ("team", "app", "env", "cost_center"),
    "data-science": ("org", "app", "environment", "CostCenter"),
    "platform": ("team", "app", "environment", "cost_center"),
}

_MAIN_APP = {
    "search": "product-search",
    "support": "support-copilot",
    "marketing": "campaign-writer",
    "documents": "invoice-extractor",
    "fraud": "risk-scoring",
    "robotics": "route-planner",
    "data-science": "demand-forecast",
    "platform": "llm-gateway",
}

RETRAIN_ITEM_NAME = "mlw-robotics/computes/gpu-vision"
MACHINE_LEARNING_TYPE = "Microsoft.MachineLearningServices/workspaces"

_STORAGE = "Microsoft.Storage/storageAccounts"
_SQL = "Microsoft.Sql/servers"
_WEB = "Microsoft.Web/serverFarms"
_VAULT = "Microsoft.KeyVault/vaults"
_MACHINE = "Microsoft.Compute/virtualMachines"
_SEARCH = "Microsoft.Search/searchServices"

_BLOB_DATA = simple("Hot LRS Data Stored", "Storage", "Tiered Block Blob", "1 GB/Month", "GB-Months", "0.0184")
_BLOB_WRITES = simple("Hot LRS Write Operations", "Storage", "Blob", "10K", "10000 Operations", "0.054", 10_000)
_BLOB_READS = simple("Hot Read Operations", "Storage", "Blob", "10K", "10000 Operations", "0.0043", 10_000)
_SQL_CORES = simple(
    "vCore", "SQL Database", "SQL Database General Purpose - Compute Gen5", "1 Hour", "Hours", "0.252117"
)
_SQL_DATA = simple(
    "Data Stored", "SQL Database", "SQL Database General Purpose - Storage", "1 GB/Month", "GB-Months", "0.115"
)
_PLAN = hourly("P1 v3 App", "Azure App Service Premium v3 Plan - Linux", "0.155", category="Azure App Service")
_VAULT_OPERATIONS = simple("Operations", "Key Vault", "Key Vault", "10K", "10000 Operations", "0.03", 10_000)
_D4S = hourly("D4s v5", "Virtual Machines Dsv5 Series", "0.204", "Standard_D4s_v5")
_D8S = hourly("D8s v5", "Virtual Machines Dsv5 Series", "0.408", "Standard_D8s_v5", contracted="0.38760")
_E16S = hourly("E16s v5", "Virtual Machines Esv5 Series", "1.072", "Standard_E16s_v5", contracted="1.01840")
_NC24 = hourly("NC24ads A100 v4", "Virtual Machines NCadsA100v4 Series", "3.673", "Standard_NC24ads_A100_v4")
_SEARCH_S1 = hourly("Standard S1 Unit", "Azure AI Search", "0.336", category="Azure AI Search")
_SEARCH_S2 = hourly("Standard S2 Unit", "Azure AI Search", "1.344", category="Azure AI Search")
_SEMANTIC = simple("Semantic Ranker Queries", "Azure AI Search", "Azure AI Search", "1K", "1000 Queries", "1", 1_000)
_LOGS = simple("Analytics Logs Data Ingestion", "Log Analytics", "Log Analytics", "1 GB", "GB", "2.76")


def tags_of(team: str, app: str, environment: str = "production") -> Tags:
    """A team's tags in its own spelling."""
    team_key, app_key, environment_key, center_key = _TAG_SPELLINGS[team]
    return ((team_key, team), (app_key, app), (environment_key, environment), (center_key, org.TEAMS[team][1]))


def items() -> list[Item]:
    """Every item, in a fixed order."""
    return [*_training(), *_search(), *_team_basics(), *_platform(), *_untagged()]


def _training() -> list[Item]:
    def compute(name: str, app: str, per_day: float, growth: float) -> Item:
        return Item(
            org.RESEARCH, "rg-robotics-ml", MACHINE_LEARNING_TYPE, f"mlw-robotics/computes/{name}",
            tags_of("robotics", app), meters.MACHINE_LEARNING, _NC24, per_day, growth_per_year=growth,
        )  # fmt: skip

    return [
        compute("gpu-vision", "vision-train", 40, 0.15), compute("gpu-sim", "sim-lab", 20, 0.25), compute("gpu-routes",
        "route-planner", 13, 0.1), Item(org.RESEARCH, "rg-robotics-ml", _STORAGE, "stmlwrobotics", (), meters.STORAGE,
        _BLOB_DATA, 960, constant=True),
    ]  # fmt: skip


def _search() -> list[Item]:
    def service(
        name: str, subscription: str, group: str, tags: Tags, meter: Meter, per_day: float, constant: bool
    ) -> Item:
        return Item(subscription, group, _SEARCH, name, tags, meters.SEARCH, meter, per_day, "office", 0.3, constant)

    shared = tags_of("platform", "vector-store")
    own = tags_of("search", "product-search")
    return [
        service("srch-shared", org.SHARED, "rg-vector-store", shared, _SEARCH_S2, 48, True),
        service("srch-shared", org.SHARED, "rg-vector-store", shared, _SEMANTIC, 9, False),
        service("srch-products", org.PRODUCTION, "rg-search", own, _SEARCH_S1, 72, True),
        service("srch-products", org.PRODUCTION, "rg-search", own, _SEMANTIC, 14, False),
    ]


def _team_basics() -> list[Item]:
    """What every team has: storage, a database, web apps, a vault, logs, machines."""
    out: list[Item] = []
    size = {
        "search": 1.2,
        "support": 0.8,
        "marketing": 0.5,
        "documents": 1.3,
        "fraud": 1.1,
        "robotics": 0.9,
        "data-science": 1.5,
    }
    for team, weight in size.items():
        subscription = org.RESEARCH if team in ("robotics", "data-science") else org.PRODUCTION
        group, tags, short = f"rg-{team}", tags_of(team, _MAIN_APP[team]), team.replace("-", "")

        def add(
            kind: str, name: str, service: Service, meter: Meter, per_day: float, constant: bool = False,
            *, place: tuple[str, str, Tags] = (subscription, group, tags),
        ) -> None:  # fmt: skip
            out.append(Item(*place[:2], kind, name, place[2], service, meter, per_day, "office", 0.12, constant))

        for purpose, share in (("data", 1.0), ("logs", 0.35)):
            account = f"st{short}{purpose}"
            add(_STORAGE, account, meters.STORAGE, _BLOB_DATA, 340 * weight * share)
            add(_STORAGE, account, meters.STORAGE, _BLOB_WRITES, 60 * weight * share)
            add(_STORAGE, account, meters.STORAGE, _BLOB_READS, 420 * weight * share)
        add(_SQL, f"sql-{team}/databases/{short}", meters.SQL, _SQL_CORES, 24 * max(2, round(4 * weight)), True)
        add(_SQL, f"sql-{team}/databases/{short}", meters.SQL, _SQL_DATA, 14 * weight)
        add(_WEB, f"plan-{team}", meters.APP_SERVICE, _PLAN, 24 * max(1, round(3 * weight)), True)
        add(_VAULT, f"kv-{team}", meters.KEY_VAULT, _VAULT_OPERATIONS, 7 * weight)
        add("Microsoft.OperationalInsights/workspaces", f"log-{team}", meters.MONITOR, _LOGS, 3.4 * weight)
        add(_MACHINE, f"vm-{team}-01", meters.MACHINES, _D8S, 24, True)
        add(_MACHINE, f"vm-{team}-02", meters.MACHINES, _D4S, 13 * weight)
    out.append(
        Item(org.RESEARCH, "rg-data-science", _MACHINE, "vm-data-science-etl",
             tags_of("data-science", "demand-forecast"), meters.MACHINES, _E16S, 24, constant=True)
    )  # fmt: skip
    return out


def _platform() -> list[Item]:
    tags = tags_of("platform", "llm-gateway")
    group = "rg-platform"

    def item(
        kind: str, name: str, service: Service, meter: Meter, per_day: float, constant: bool = False, group: str = group
    ) -> Item:
        return Item(org.SHARED, group, kind, name, tags, service, meter, per_day, "steady", 0.12, constant)

    return [
        item("Microsoft.ContainerService/managedClusters", "aks-ai", meters.KUBERNETES,
             hourly("Standard Uptime SLA", "Azure Kubernetes Service", "0.1", category="Azure Kubernetes Service"), 24,
             True),
        Item(org.PRODUCTION, org.CLUSTER_GROUP, org.SCALE_SET_TYPE, "aks-system-55501234-vmss", tags,
             meters.SCALE_SETS, _D8S, 72, constant=True),
        item("Microsoft.Network/azureFirewalls", "fw-hub", meters.FIREWALL,
             hourly("Premium Deployment", "Azure Firewall", "1.75", category="Azure Firewall"), 24, True),
        item("Microsoft.Network/azureFirewalls", "fw-hub", meters.FIREWALL,
             simple("Premium Data Processed", "Azure Firewall", "Azure Firewall", "1 GB", "GB", "0.016"), 620),
        item("Microsoft.Network/loadBalancers", "lb-gateway", meters.NETWORK,
             hourly("Standard Included LB Rules", "Load Balancer", "0.025", category="Load Balancer"), 24, True),
        item("Microsoft.Network/loadBalancers", "lb-gateway", meters.NETWORK,
             simple("Standard Data Processed", "Load Balancer", "Load Balancer", "1 GB", "GB", "0.005"), 340),
        item("Microsoft.Network/virtualNetworks", "vnet-hub", meters.NETWORK,
             simple("Intra-Region Ingress", "Virtual Network", "Virtual Network Peering", "1 GB", "GB", "0.01"), 780),
        item("Microsoft.Network/virtualNetworks", "vnet-hub", meters.NETWORK,
             simple("Standard Data Transfer Out", "Bandwidth", "Rtn Preference: MGN", "1 GB", "GB", "0.087"), 96),
        item("Microsoft.ContainerRegistry/registries", "acraiplatform", meters.REGISTRY,
             simple("Premium Registry Unit", "Container Registry", "Container Registry", "1/Day", "Days", "1.667"), 1,
             True),
        item("Microsoft.ApiManagement/service", "apim-gateway", meters.API_MANAGEMENT,
             hourly("Standard v2 Unit", "API Management", "0.959", category="API Management"), 24, True,
             org.GATEWAY_GROUP),
        item("Microsoft.OperationalInsights/workspaces", "log-platform", meters.MONITOR, _LOGS, 12.5),
        item(_STORAGE, "stfinopsexports", meters.STORAGE, _BLOB_DATA, 44),
        item(_STORAGE, "stfinopsexports", meters.STORAGE, _BLOB_WRITES, 1.3),
        item(_VAULT, "kv-platform", meters.KEY_VAULT, _VAULT_OPERATIONS, 11),
        item(_MACHINE, "vm-build-01", meters.MACHINES, _D8S, 24, True),
        item(_MACHINE, "vm-build-02", meters.MACHINES, _D8S, 11),
    ]  # fmt: skip


def _untagged() -> list[Item]:
    """Nobody's: no tags, and names that say nothing."""
    return [
        Item(org.RESEARCH, "rg-temp", _MACHINE, "vm-gpu-test-01", (), meters.MACHINES, _NC24, 20.5, "steady", 0.0),
        Item(org.RESEARCH, "rg-temp", _STORAGE, "sttemp7421", (), meters.STORAGE, _BLOB_DATA, 210),
        Item(org.RESEARCH, "rg-temp", _STORAGE, "sttemp7421", (), meters.STORAGE, _BLOB_WRITES, 31),
        Item(org.PRODUCTION, "rg-legacy", _MACHINE, "vm-legacy-07", (), meters.MACHINES, _D4S, 24, constant=True),
    ]
