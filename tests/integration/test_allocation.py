"""Shared cost of a random organisation, with every driver, three steps, late drivers, refunds and restatements.

All of it is allocated once more in plain Python, and each of the parts must be equal.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml

from finops.config.allocation import Pool
from finops.paths import Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt, write_config
from tests.support.plain_allocation import Allocation, Charge, Part, Target

pytestmark = [pytest.mark.xdist_group("dbt-allocation"), pytest.mark.ids("ALLOC-2", "ALLOC-3")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
DAYS = [date(2026, 9, 26) + timedelta(days=n) for n in range(8)]
CURRENCIES = ("USD", "EUR", "JPY")
TEAMS = ("search", "support", "robotics", "platform")
APPS = {"query-rewriter": "search", "ticket-triage": "support", "vision-train": "robotics"}
ACCOUNT, LATE_ACCOUNT, CROWD = "/x/accounts/shared", "/x/accounts/late", "/x/accounts/crowd"
RECIPIENTS = 10_000
PROVISIONED = "/x/accounts/provisioned"
SCALE_SETS = {name: f"/x/virtualmachinescalesets/aks-{name}-1-vmss" for name in ("busy", "spread", "active", "late")}
UNITS, TOKENS_PER_UNIT_MINUTE, OUTPUT_WEIGHT = 2, 100, 4

POOLS = [
    {"id": "plan", "resource_id": "^/x/plan$", "driver": "direct_cost", "to_pools": True},
    {"id": "unused", "commitment_status": "^unused$", "driver": "commitment_use", "fallback": "direct_cost"},
    {"id": "tokens", "resource_id": "/accounts/shared$", "sku_meter": "by tokens", "driver": "tokens", "step": 2},
    {
        "id": "requests",
        "resource_id": "^/x/apim$",
        "driver": "requests",
        "measured_on": "/accounts/(shared|late)$",
        "step": 2,
    },
    {
        "id": "late",
        "resource_id": "/accounts/late$",
        "driver": "tokens",
        "look_back_days": 2,
        "fallback": "even",
        "step": 2,
    },
    {"id": "crowd", "resource_id": "/accounts/crowd$", "driver": "requests", "step": 2},
    {"id": "busy", "resource_id": "aks-busy-1", "driver": "gpu_busy_seconds", "step": 2},
    {"id": "spread", "resource_id": "aks-spread-1", "driver": "gpu_seconds", "idle": "spread", "step": 2},
    {"id": "active", "resource_id": "aks-active-1", "driver": "sm_active_seconds", "idle_team": "platform", "step": 2},
    {
        "id": "late-gpus",
        "resource_id": "aks-late-1",
        "driver": "gpu_seconds",
        "look_back_days": 3,
        "fallback": "fixed",
        "shares": {"search": 1, "robotics": 2},
        "idle_team": "platform",
        "step": 2,
    },
    {
        "id": "units",
        "resource_id": "/accounts/provisioned$",
        "driver": "provisioned_units",
        "fallback": "owner",
        "idle_team": "support",
        "step": 2,
    },
    {"id": "audit", "service_name": "^audit$", "provider": "microsoft", "driver": "cost_so_far", "step": 3},
    {"id": "network", "charge_description": "bandwidth", "driver": "commitment_use", "fallback": "none", "step": 3},
]


class Organisation:
    """Random charges, usage and GPU samples, and what plain Python makes of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pools = {pool["id"]: Pool.model_validate(pool) for pool in POOLS}
        self.rows: list[dict[str, Any]] = []
        self.charges: list[Charge] = []
        self.usage: list[dict[str, Any]] = []
        self.samples: list[dict[str, Any]] = []
        self.measures: dict[str, dict[str, dict[date, dict[Target, Decimal]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(Decimal)))
        )
        self._make_usage()
        self._make_gpus()
        self._make_units()
        self._make_charges()

    def _amount(self) -> Decimal:
        """Refunds, zeros, the smallest unit and large sums are all usual."""
        units = self.random.choice([0, 1, -1, 7, 10**6, 10**12, 10**13]) * self.random.randint(0, 997)
        return Decimal(units * self.random.choice([1, 1, 1, -1])).scaleb(-12)

    def _make_charges(self) -> None:
        def add(day: date, currency: str, pool: str | None = None, **columns: Any) -> None:
            costs = [self._amount() for _ in range(4)]
            if self.random.random() < 0.1:
                costs[2] = None  # type: ignore[call-overload]
            if pool is None:
                costs[1] = abs(costs[1]) + 1
            key = f"row {len(self.rows)}"
            team, app = columns.pop("team", None), columns.pop("app", None)
            tags = {name: value for name, value in (("team", team), ("app", app)) if value}
            commitment, status = columns.pop("commitment", None), columns.pop("status", None)
            names = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
            row = charge(
                day,
                None,
                **{name: None if cost is None else f"{cost:f}" for name, cost in zip(names, costs, strict=True)},
                BillingCurrency=currency,
                Tags=yaml.safe_dump(tags, default_flow_style=True).strip() if not tags else _json(tags),
                ResourceName=key,
                CommitmentDiscountId=commitment,
                CommitmentDiscountStatus=status,
                **columns,
            )
            self.rows.append(row)
            self.charges.append(
                Charge(
                    key,
                    day,
                    currency,
                    tuple(costs),
                    columns.get("ResourceId"),
                    self.pools[pool] if pool else None,
                    team,
                    app or None,
                    commitment,
                    status == "Used",
                )
            )

        for day in DAYS:
            for currency in CURRENCIES:
                team = self.random.choice(TEAMS[:3])
                add(day, currency, ResourceId=f"/x/vm-{team}", team=team)
                add(
                    day,
                    currency,
                    ResourceId="/x/vm-app",
                    team="search",
                    app="query-rewriter",
                    commitment="ri-1",
                    status="Used",
                )
                add(day, currency, "plan", ResourceId="/x/plan")
                add(day, currency, "unused", ResourceId="/x/ri-1", commitment="ri-1", status="Unused")
                add(day, currency, "unused", ResourceId="/x/ri-9", commitment="ri-9", status="Unused")
                add(day, currency, "tokens", ResourceId=ACCOUNT, x_SkuMeterName="paid by tokens")
                add(day, currency, "late", ResourceId=LATE_ACCOUNT)
                add(day, currency, "requests", ResourceId="/x/apim")
                for name, scale_set in SCALE_SETS.items():
                    pool = "late-gpus" if name == "late" else name
                    used = {"commitment": "ri-1", "status": "Used"} if name == "busy" else {}
                    add(day, currency, pool, ResourceId=scale_set, **used)
                add(day, currency, "audit", ServiceName="Audit")
                add(day, currency, "network", ResourceId="/x/lb", ChargeDescription="Bandwidth out", commitment="ri-1")
            add(
                day,
                "USD",
                "units",
                ResourceId=PROVISIONED,
                team="robotics",
                ConsumedQuantity=str(24 * UNITS),
                ConsumedUnit="1 Hour",
            )
        # In a currency of its own, so that no later pool is split between ten thousand teams as well.
        add(DAYS[0], "CHF", "crowd", ResourceId=CROWD)
        # A meter of the shared account that no pool asks for is its owner's.
        add(DAYS[0], "USD", ResourceId=ACCOUNT, x_SkuMeterName="something else", team="platform")

    def _record(self, day: date, resource: str, team: str | None, app: str | None, **columns: Any) -> dict[str, Any]:
        return {
            "usage_at": datetime.combine(day, time(self.random.randint(0, 23)), UTC),
            "provider_name": "openai",
            "model": "mini",
            "resource_id": resource,
            "request_count": 1,
            "team": team,
            "app": app,
            "input_includes_cache": True,
            "input_tokens": 0,
            "cache_read_tokens": 0,
            "output_tokens": 0,
            **columns,
        }

    def _make_usage(self) -> None:
        for day in DAYS:
            for resource in (ACCOUNT, LATE_ACCOUNT):
                if resource == LATE_ACCOUNT and day in (*DAYS[2:4], *DAYS[5:]):
                    continue
                for _ in range(self.random.randint(1, 6)):
                    app = self.random.choice([*APPS, None])
                    tokens, requests = self.random.randint(1, 9_999), self.random.randint(1, 50)
                    self.usage.append(
                        self._record(
                            day, resource, APPS.get(app or ""), app, input_tokens=tokens, request_count=requests
                        )
                    )
                    target = Target(APPS.get(app or ""), app)
                    self.measures["tokens"][resource][day][target] += tokens
                    self.measures["requests"]["pool requests"][day][target] += requests
        for number in range(RECIPIENTS):
            requests = self.random.randint(1, 90)
            self.usage.append(self._record(DAYS[0], CROWD, f"team-{number:05}", None, request_count=requests))
            self.measures["requests"][CROWD][DAYS[0]][Target(f"team-{number:05}")] += requests

    def _make_units(self) -> None:
        """Two apps, tokens weighed by the model; the eighth day has no usage, so that nothing was measured."""
        capacity = Decimal(TOKENS_PER_UNIT_MINUTE * 60)
        for day in DAYS[:-1]:
            used: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
            for _ in range(6):
                hour, app = self.random.randint(0, 23), self.random.choice(["query-rewriter", "ticket-triage"])
                new, cached, output = (self.random.randint(0, 800) * 3 for _ in range(3))
                record = self._record(
                    day,
                    PROVISIONED,
                    APPS[app],
                    app,
                    model="gpt-4.1",
                    provider_name="azure.ai.openai",
                    service_tier="provisioned",
                    input_tokens=new + cached,
                    cache_read_tokens=cached,
                    output_tokens=output,
                )
                record["usage_at"] = datetime.combine(day, time(hour), UTC)
                self.usage.append(record)
                used[hour, app] += new + cached * Decimal("0.5") + output * OUTPUT_WEIGHT
            by_app: defaultdict[str, Decimal] = defaultdict(Decimal)
            for hour in {hour for hour, _ in used}:
                called = {app: used[hour, app] / capacity for app in ("query-rewriter", "ticket-triage")}
                whole = sum(called.values())
                for app, unit_hours in called.items():
                    kept = unit_hours * min(whole, Decimal(UNITS)) / whole if whole else Decimal(0)
                    by_app[app] += round(kept, 12)
            day_weights = self.measures["provisioned_units"][PROVISIONED][day]
            for app, unit_hours in by_app.items():
                day_weights[Target(APPS[app], app)] = unit_hours
            day_weights[Target(idle_kind="unused_units")] = 24 * UNITS - sum(by_app.values())

    def _make_gpus(self) -> None:
        """Two GPUs a node and one node a scale set, in steps of an hour; namespaces are team--app."""
        for name, resource in SCALE_SETS.items():
            for day in DAYS:
                if (name == "late" and day in DAYS[1:3]) or (name == "late" and day in DAYS[4:]):
                    continue
                for hour in range(0, 24, 3):
                    held = [self.random.choice([*APPS, None]) for _ in range(2)]
                    for gpu, app in enumerate(held):
                        duty = self.random.randint(0, 4) / 4 if app else 0.0
                        active = duty / 2 if app else None
                        self.samples.append(
                            {
                                "source_id": "p",
                                "sampled_at": datetime.combine(day, time(hour), UTC) + timedelta(hours=1),
                                "step_seconds": 3600,
                                "node": f"aks-{name}-1-vmss000000",
                                "gpu_uuid": f"GPU-{name}-{gpu}",
                                "gpu_model": "A100",
                                "namespace": app and f"{APPS[app]}--{app}",
                                "pod": app and "pod-1",
                                "duty_cycle_ratio": duty,
                                "sm_active_ratio": active,
                                "requested_at": AS_OF,
                            }
                        )
                        self._measure_gpu(resource, day, app, duty, active, is_node_held=any(held))

    def _measure_gpu(
        self, resource: str, day: date, app: str | None, duty: float, active: float | None, *, is_node_held: bool
    ) -> None:
        for driver, ratio in (("gpu_seconds", 1.0), ("gpu_busy_seconds", duty), ("sm_active_seconds", active)):
            weights = self.measures[driver][resource][day]
            if app is None:
                weights[Target(idle_kind="fragmented" if is_node_held else "free")] += 3600
            else:
                used = Decimal(str(3600 * (ratio or 0)))
                weights[Target(APPS[app], app)] += used
                weights[Target(idle_kind="held_unused")] += 3600 - used

    def land(self, home: Home) -> None:
        lake = LakeBuilder(home)
        folder = write_config(home.path / "settings")
        allocation = {
            "ai_categories": [{"id": "all", "category": "other_ai", "charge_category": "."}],
            "pools": POOLS,
            "provisioned_models": [
                {
                    "model": "gpt-4.1",
                    "input_tokens_per_unit_minute": TOKENS_PER_UNIT_MINUTE,
                    "output_weight": OUTPUT_WEIGHT,
                    "cached_weight": "0.5",
                },
            ],
        }
        (folder / "allocation.yml").write_text(yaml.safe_dump(allocation, sort_keys=False), encoding="utf-8")
        (folder / "units.yml").write_text("units: []\n", encoding="utf-8")
        lake.configure(AS_OF, folder)
        for month in sorted({day.replace(day=1) for day in DAYS}):
            rows = [row for row in self.rows if row["BillingPeriodStart"].startswith(str(month)[:7])]
            # The bill is restated: what was delivered first, with other amounts, counts no longer.
            before = [{**row, "BilledCost": "1", "EffectiveCost": "5"} for row in rows]
            for delivered, at in (
                (before, datetime(2026, 10, 18, tzinfo=UTC)),
                (rows, datetime(2026, 10, 19, tzinfo=UTC)),
            ):
                lake.snapshot("focus__cost_and_usage", delivered, scope="export", period_start=month, submitted_at=at)
        lake.snapshot("usage__record", self.usage, scope="usage.csv")
        lake.load({"prometheus__gpu_sample": self.samples})


def _json(tags: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{key}": "{value}"' for key, value in tags.items()) + "}"


def _build(home: Home, *models: str) -> DbtResult:
    """Models with their tests, as far as those need no others."""
    return run_dbt(home, "build", "--indirect-selection", "cautious", "--select", *models)


@pytest.fixture(scope="module", params=[20261121])
def organisation(request: pytest.FixtureRequest) -> Organisation:
    return Organisation(request.param)


@pytest.fixture(scope="module")
def built(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("allocation"))
    organisation.land(home)
    result = _build(home, "+fct_allocated_charge", "+fct_ai_cost_daily")
    assert result.returncode == 0, result.output
    return result


def _expected(organisation: Organisation) -> Iterator[Part]:
    yield from Allocation(organisation.charges, organisation.measures, TEAMS).run()


def test_every_part_is_what_plain_python_makes_of_it(organisation: Organisation, built: DbtResult) -> None:
    expected = {
        (part.charge.key, " > ".join(part.path), part.target.team, part.target.app, part.target.idle_kind): part.costs
        for part in _expected(organisation)
    }
    rows = built.query(
        "select charges.resource_name, parts.allocation_path, parts.team, parts.app, parts.idle_kind, "
        "parts.billed_cost, "
        "parts.effective_cost, parts.list_cost, parts.contracted_cost from intermediate.int_allocation__charges parts "
        "join staging.stg_focus__cost_and_usage charges using (charge_id)"
    )
    found = {row[:5]: row[5:] for row in rows}
    assert len(found) == len(rows), "a charge reaches a target once by each path"
    paths = Counter(key[1] for key in found)
    assert {pool["id"] for pool in POOLS} <= set(paths)
    assert {"plan > busy", "plan > audit", "unused > busy"} <= set(paths), "pools pass on what they are given"
    assert paths["crowd"] == RECIPIENTS
    different = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    assert not different, [(key, expected.get(key), found.get(key)) for key in sorted(different, key=str)[:5]]


def test_the_parts_of_each_charge_sum_to_it_in_every_currency(organisation: Organisation, built: DbtResult) -> None:
    sums = built.query(
        "select resource_name, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost), "
        "sum(contracted_cost) from intermediate.int_cost__union group by 1, 2"
    )
    assert {row[0]: row[1:] for row in sums} == {c.key: (c.currency, *c.costs) for c in organisation.charges}
    assert {row[1] for row in sums} == {*CURRENCIES, "CHF"}


def test_every_basis_and_kind_of_idle_occurs_and_says_so(built: DbtResult) -> None:
    bases = dict(
        built.query(
            "select pool_id, list(distinct driver || ' ' || driver_basis order by driver || ' ' || driver_basis) "
            "from marts.fct_allocated_charge where allocation_path = pool_id group by 1"
        )
    )
    assert bases["late"] == ["even fallback", "tokens look_back", "tokens measured"]
    assert bases["late-gpus"] == ["fixed fallback", "gpu_seconds look_back", "gpu_seconds measured"]
    assert bases["units"] == ["owner fallback", "provisioned_units measured"]
    assert bases["unused"] == ["commitment_use measured", "direct_cost fallback"]
    idle = built.query(
        "select pool_id, idle_kind, team from marts.fct_allocated_charge "
        "where is_idle and allocation_path = pool_id and effective_cost <> 0 group by all"
    )
    assert {("busy", "held_unused", None), ("busy", "fragmented", None), ("busy", "free", None)} <= set(idle)
    assert {("active", "held_unused", "platform"), ("units", "unused_units", "support")} <= set(idle)
    assert {row[2] for row in idle if row[0] == "spread"} <= set(APPS.values()), "users bear what is spread"
    assert {row[1] for row in idle if row[0] == "spread"} == {"free", "fragmented"}
    # A commitment's unused part is idle whoever bears it.
    assert built.value("select bool_and(is_idle) from marts.fct_ai_cost_daily where attribution_rule like 'unused%'")


def test_a_look_back_says_which_days_it_used(built: DbtResult) -> None:
    rows = built.query(
        "select distinct weight_set from marts.fct_allocated_charge "
        "where driver_basis = 'look_back' and allocation_path = 'late'"
    )
    sets = {row[0] for row in rows}
    assert sets == {
        f"tokens | {LATE_ACCOUNT} | {DAYS[0]} to {DAYS[1]}",
        f"tokens | {LATE_ACCOUNT} | {DAYS[1]}",
        f"tokens | {LATE_ACCOUNT} | {DAYS[4]}",
    }


# ── provisioned throughput that Azure measures ────────────────────────────────────────────────────────────────────────

MEASURED_DAY = date(2026, 10, 13)
SUPPORT_ACCOUNT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/aoai-support"


def _point(hour: int, metric: str, value: float, deployment: str, **dimensions: str) -> dict[str, Any]:
    return {
        "source_id": "monitor",
        "resource_id": SUPPORT_ACCOUNT.lower(),
        "metric_name": metric,
        "aggregation": "Average" if "Utilization" in metric else "Total",
        "interval": "PT1H",
        "point_at": datetime.combine(MEASURED_DAY, time(hour), UTC),
        "deployment_name": deployment,
        "model_name": "gpt-4.1",
        "dimensions": _json(dimensions),
        "value": value,
        "requested_at": AS_OF,
    }


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("provisioned"))
    lake = LakeBuilder(home)
    folder = write_config(home.path / "settings")
    pool = {
        "id": "units",
        "resource_id": "/accounts/aoai-support$",
        "sku_meter": "provisioned",
        "driver": "provisioned_units",
    }
    (folder / "allocation.yml").write_text(
        yaml.safe_dump(
            {"ai_categories": [{"id": "all", "category": "other_ai", "charge_category": "."}], "pools": [pool]}
        ),
        encoding="utf-8",
    )
    (folder / "units.yml").write_text("units: []\n", encoding="utf-8")
    lake.configure(AS_OF, folder)
    owner = {"ResourceId": SUPPORT_ACCOUNT, "Tags": '{"team": "support", "app": "ticket-triage"}'}
    units = {"ConsumedQuantity": "240", "ConsumedUnit": "1 Hour", "x_SkuMeterName": "Provisioned Managed Global Unit"}
    rows = [
        charge(MEASURED_DAY, "240", **owner, **units),
        charge(MEASURED_DAY, "3", **owner, x_SkuMeterName="gpt 4.1 Inp glbl Tokens"),
    ]
    lake.snapshot("focus__cost_and_usage", rows, scope="export", period_start=date(2026, 10, 1))
    ptu, standard = "gpt-4.1-ptu", "gpt-4.1"
    points = [
        # 10 units: half of them for one hour, and twice what there is for another.
        _point(9, "AzureOpenAIProvisionedManagedUtilizationV2", 50.0, ptu),
        _point(10, "AzureOpenAIProvisionedManagedUtilizationV2", 200.0, ptu),
        _point(9, "ProcessedPromptTokens", 1_000_000.0, ptu),
        _point(10, "ProcessedPromptTokens", 4_000_000.0, ptu),
        _point(9, "AzureOpenAIRequests", 10.0, ptu, IsSpillover="False"),
        _point(10, "AzureOpenAIRequests", 40.0, ptu, IsSpillover="False"),
        # A standard deployment takes a quarter of its requests from the units.
        _point(10, "ProcessedPromptTokens", 2_000_000.0, standard),
        _point(10, "AzureOpenAIRequests", 5.0, standard, IsSpillover="True"),
        _point(10, "AzureOpenAIRequests", 15.0, standard, IsSpillover="False"),
    ]
    lake.load({"azure_monitor__metric": points})
    result = _build(home, "+fct_provisioned_throughput_daily", "+fct_allocated_charge")
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("ALLOC-2", "COST-4")
def test_what_azure_measured_says_how_many_units_were_used(provisioned: DbtResult) -> None:
    """No weights are configured, so tokens alone could not tell idle."""
    rows = provisioned.query(
        "select team, app, idle_kind, driver, driver_value, effective_cost from marts.fct_allocated_charge "
        "where pool_id = 'units' order by is_idle"
    )
    assert rows == [
        ("support", "ticket-triage", None, "provisioned_units", Decimal(15), Decimal(15)),
        (None, None, "unused_units", "provisioned_units", Decimal(225), Decimal(225)),
    ]
    other = provisioned.query(
        "select team, effective_cost, pool_id from marts.fct_allocated_charge where pool_id is null"
    )
    assert other == [("support", Decimal(3), None)], "a pool of one meter leaves the rest of the resource alone"


@pytest.mark.ids("COST-4", "UNIT-2")
def test_units_stand_beside_what_they_replace_and_what_they_spill(provisioned: DbtResult) -> None:
    assert provisioned.query(
        "select unit_hours, used_unit_hours, idle_unit_hours, utilization_ratio, effective_cost, idle_cost, "
        "pay_as_you_go_cost, spillover_request_count, spillover_tokens, spillover_cost "
        "from marts.fct_provisioned_throughput_daily"
    ) == [
        # gpt-4.1 at USD 1 per 1M input tokens: 5M through the units, and a quarter of 2M that spilled over.
        (Decimal(240), Decimal(15), Decimal(225), 0.0625, Decimal(240), Decimal(225), Decimal(5), 5, 500_000,
         Decimal("0.5"))
    ]  # fmt: skip
