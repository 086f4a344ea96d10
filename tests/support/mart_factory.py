"""Synthetic public marts of a made-up organisation, for tests of what people look at.

Here: frames that conform to the public marts' columns, deterministic for a seed, with a few planted facts.
Not here: wire formats (the simulator).

Planted: a runaway training job of robotics (2026-10-14..16), ``query-rewriter`` ×8 in usage after the bill, team
support over budget, an idle pool ``gpua10``, ``contract-review`` without prompt cache, an untagged workspace, a
rejected row.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
BILLED_THROUGH = date(2026, 10, 18)
QUANTUM = Decimal("0.000000000001")

TEAMS: dict[str, tuple[str, ...]] = {
    "search": ("product-search", "query-rewriter", "catalog-enricher"),
    "support": ("support-copilot", "ticket-triage", "voice-summaries"),
    "marketing": ("campaign-writer", "lead-scoring"),
    "documents": ("invoice-extractor", "contract-review", "doc-translate"),
    "fraud": ("risk-scoring", "claims-screening"),
    "robotics": ("vision-train", "route-planner", "sim-lab"),
    "data-science": ("experiment-hub", "demand-forecast"),
    "platform": ("llm-gateway", "vector-store"),
}
DAILY = {
    "search": 360.0,
    "support": 560.0,
    "marketing": 75.0,
    "documents": 270.0,
    "fraud": 250.0,
    "robotics": 390.0,
    "data-science": 420.0,
    "platform": 330.0,
}
BUDGETS = {
    "search": 15000,
    "support": 16000,
    "marketing": 3000,
    "documents": 10000,
    "fraud": 9000,
    "robotics": 18000,
    "data-science": 16000,
    "platform": 12000,
}
CATEGORIES = {
    "search": {"inference": 0.62, "vector_store": 0.2, "gpu_compute": 0.18},
    "support": {"inference": 0.6, "provisioned_capacity": 0.36, "vector_store": 0.04},
    "marketing": {"inference": 0.94, "vector_store": 0.06},
    "documents": {"inference": 0.93, "vector_store": 0.07},
    "fraud": {"gpu_compute": 0.7, "inference": 0.3},
    "robotics": {"training": 0.4, "gpu_compute": 0.6},
    "data-science": {"gpu_compute": 0.75, "fine_tuning": 0.1, "inference": 0.15},
    "platform": {"gpu_compute": 0.8, "inference": 0.2},
}
SERVICES = {
    "inference": "Azure OpenAI Service",
    "provisioned_capacity": "Azure OpenAI Service",
    "fine_tuning": "Azure OpenAI Service",
    "training": "Azure Machine Learning",
    "gpu_compute": "Virtual Machine Scale Sets",
    "vector_store": "Azure AI Search",
}
MODELS = {
    "gpt-4.1": Decimal("2"),
    "gpt-5.1": Decimal("1.25"),
    "gpt-4.1-mini": Decimal("0.4"),
    "gpt-5-mini": Decimal("0.25"),
    "text-embedding-3-large": Decimal("0.13"),
}
TEAM_MODELS = {
    "search": ("gpt-4.1-mini", "text-embedding-3-large"),
    "support": ("gpt-5.1", "gpt-4.1"),
    "marketing": ("gpt-5-mini",),
    "documents": ("gpt-4.1", "gpt-5-mini"),
    "fraud": ("gpt-4.1-mini",),
    "data-science": ("gpt-5.1",),
    "platform": ("gpt-4.1-mini",),
    "robotics": (),
}
CLASS_SHARES = {"input_uncached": 0.46, "cache_read": 0.36, "output": 0.13, "reasoning": 0.05}
CLASS_FACTOR = {
    "input_uncached": Decimal(1),
    "cache_read": Decimal("0.25"),
    "output": Decimal(4),
    "reasoning": Decimal(4),
}
POOLS = {
    "gpua100": ("NVIDIA A100-SXM4-80GB", 12, 0.82, 0.7, ("robotics", "data-science", "search")),
    "gpuh100": ("NVIDIA H100 80GB HBM3", 8, 0.9, 0.78, ("fraud", "data-science", "robotics")),
    "gpua10": ("NVIDIA A10", 4, 0.08, 0.3, ("platform",)),
}
OUTCOMES = {
    "ticket_resolved": ("support-copilot", 2100, 0.3),
    "document_processed": ("invoice-extractor", 5200, 0.12),
    "lead_qualified": ("lead-scoring", 160, 0.5),
}


@dataclass(frozen=True)
class Organisation:
    """``days`` of history before the end of the bill. ``currency`` is the currency of the bill."""

    days: int = 120
    currency: str = "USD"
    seed: int = 7


def build_marts(organisation: Organisation | None = None) -> dict[str, pd.DataFrame]:
    """All marts that the reports read, by public name, columns as the warehouse publishes them."""
    org = organisation or Organisation()
    days = [BILLED_THROUGH - timedelta(days=n) for n in range(org.days - 1, -1, -1)]
    cost = pd.DataFrame(list(_cost(org, days)))
    usage = pd.DataFrame(list(_usage(org, days)))
    gpus = pd.DataFrame(list(_gpus(org, days)))
    budgets = pd.DataFrame(list(_budget_status(org, cost)))
    forecast = pd.DataFrame(list(_forecast(org, cost)))
    return {
        "fct_ai_cost_daily": cost,
        "fct_usage_cost_hourly": usage,
        "fct_gpu_hourly": gpus,
        "fct_unit_economics_daily": pd.DataFrame(list(_units(org, cost, usage, gpus))),
        "fct_model_tradeoff_monthly": pd.DataFrame(list(_tradeoff(org))),
        "fct_allocation_coverage_monthly": pd.DataFrame(list(_coverage(org, cost))),
        "fct_budget_status": budgets,
        "fct_budget_outlook_daily": pd.DataFrame(list(_budget_outlook(org, budgets))),
        "fct_incident": pd.DataFrame(list(incident_rows(org))),
        "fct_forecast_daily": forecast,
        "fct_forecast_total": pd.DataFrame(list(_forecast_total(org, cost, forecast))),
        "fct_forecast_variance_monthly": pd.DataFrame(list(_forecast_variance(org, cost))),
        "fct_forecast_quality": pd.DataFrame(list(_forecast_quality(org))),
        "fct_forecast_accuracy": pd.DataFrame(list(_accuracy(org))),
        "fct_usage_forecast_hourly": pd.DataFrame(list(_hours(org))),
        "fct_reconciliation_daily": pd.DataFrame(list(_reconciliation(cost))),
        "fct_rejected_row": _rejected(),
    }


def decisions() -> list[dict[str, Any]]:
    """Guardrail decisions as the ledger keeps them."""
    common = {"mode": "dry_run", "owner": "finops@example.com", "runbook": None, "data_through": "2026-10-19T00:00:00Z"}
    return [
        {
            **common,
            "decision_id": "5d1c2f0a9b7e4c31",
            "policy_id": "monthly-budget",
            "policy_description": "A budget is nearly or fully used before the month ends.",
            "level": "pause",
            "status": "SUPPRESSED",
            "scope_type": "app",
            "scope_value": "support-copilot",
            "period": "2026-10",
            "reason": "support-copilot has used 103% of its budget of USD 11,000 with 12 days of October left.",
            "action_kinds": ["notify"],
            "withheld_kinds": ["pause"],
            "evidence": {
                "kind": "budget",
                "value": "11330.42",
                "reference": "11000",
                "ratio": "1.030038",
                "projected_ratio": "1.62",
                "currency": "USD",
            },
            "suppressed_because": "never_touch",
            "decided_at": "2026-10-20T06:00:00Z",
        },
        {
            **common,
            "decision_id": "a7740be1c2d94f55",
            "policy_id": "usage-doubled",
            "policy_description": "An app uses twice what it uses on this weekday.",
            "level": "throttle",
            "status": "OBSERVE",
            "scope_type": "app",
            "scope_value": "query-rewriter",
            "period": "2026-10-19",
            "reason": "query-rewriter used USD 842 on 19 Oct 2026, 8.1 times its typical Monday.",
            "action_kinds": ["notify"],
            "withheld_kinds": ["throttle"],
            "evidence": {
                "kind": "usage_doubled",
                "value": "842.11",
                "reference": "103.90",
                "ratio": "8.105004",
                "projected_ratio": None,
                "currency": "USD",
            },
            "suppressed_because": None,
            "decided_at": "2026-10-20T06:00:00Z",
        },
    ]


def spread(expected: str, *ends: str) -> dict[str, Decimal]:
    """Money as expected with the ends of its 80% and 95% intervals."""
    return dict(zip(("expected", "lo80", "hi80", "lo95", "hi95"), map(Decimal, (expected, *ends)), strict=True))


def what_if_answer() -> dict[str, Any]:
    """An answer to a what-if as ``dataclasses.asdict`` has it: it saves, but not in every draw."""
    october = {
        "first_day": date(2026, 10, 20),
        "last_day": date(2026, 10, 31),
        "without": spread("35294.2", "32286", "38361", "31039", "39645"),
        "with_changes": spread("35189.9", "32313", "38418", "31030", "39597"),
        "difference": spread("-104.3", "-190", "-60", "-272", "-12"),
    }
    november = {
        "first_day": date(2026, 11, 1),
        "last_day": date(2026, 11, 30),
        "without": spread("88526.6", "80268", "97689", "77323", "101459"),
        "with_changes": spread("86526.6", "82696", "96052", "78660", "99910"),
        "difference": spread("-2000", "-2900", "-1100", "-3300", "-393"),
    }
    total = {
        "first_day": date(2026, 10, 20),
        "last_day": date(2026, 11, 30),
        "without": spread("123820.8", "112743", "136051", "108432", "141105"),
        "with_changes": spread("121716.5", "114838", "138559", "109935", "143361"),
        "difference": spread("-2104.3", "-3000", "-1200", "-3500", "-400"),
    }
    return {
        "scenario_id": "search-growth",
        "name": "Search grows",
        "as_of": date(2026, 10, 20),
        "currency": "USD",
        "window": (date(2026, 9, 21), date(2026, 10, 18)),
        "forecast_through": date(2026, 11, 30),
        "draws": 1000,
        "total": total,
        "months": (october, november),
        "effects": (
            {"change": "traffic × 1.1 to 1.8", "effect": Decimal("895.7")},
            {"change": "30% to 60% of the input of product-search from the cache", "effect": Decimal("-3000")},
        ),
        "swings": (
            {
                "what": "the cache: rate",
                "low": Decimal("0.30"),
                "high": Decimal("0.6"),
                "difference_at_low": Decimal("-900"),
                "difference_at_high": Decimal("-3300"),
                "is_assumed": True,
            },
            {
                "what": "the forecast itself",
                "low": Decimal("0.1"),
                "high": Decimal("0.9"),
                "difference_at_low": Decimal("-2000"),
                "difference_at_high": Decimal("-2200"),
                "is_assumed": False,
            },
        ),
        "parts": (
            {"team": "search", "app": "query-rewriter", "without": Decimal("90"), "with_changes": Decimal("80")},
            {"team": None, "app": "product-search", "without": Decimal("17816"), "with_changes": Decimal("15721.7")},
        ),
        "share_of_draws_that_save": Decimal("0.996"),
        "notes": ("text-embedding-3-large has no price for cache_read: it counts as full input",),
        "scenario": {},
    }


def publish(marts: dict[str, pd.DataFrame], directory: Path) -> Path:
    """Write every mart as ``<directory>/<mart>.parquet`` with exact decimals, as the warehouse publishes them."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, frame in marts.items():
        pq.write_table(_arrow(frame), directory / f"{name}.parquet")
    return directory


def _arrow(frame: pd.DataFrame) -> pa.Table:
    arrays = {}
    for name in frame.columns:
        values = [None if value is None or value is pd.NA or value != value else value for value in frame[name]]
        filled = [value for value in values if value is not None]
        if filled and isinstance(filled[0], Decimal):
            arrays[name] = pa.array(values, pa.decimal128(38, 12))
        elif filled and isinstance(filled[0], pd.Timestamp):
            arrays[name] = pa.array([None if v is None else v.to_pydatetime() for v in values], pa.timestamp("us"))
        else:
            arrays[name] = pa.array(values, pa.string() if not filled else None)
    return pa.table(arrays)


def _money(value: float) -> Decimal:
    return Decimal(str(round(value, 6))).quantize(QUANTUM)


def _hour(day: date, hour: int) -> pd.Timestamp:
    """Naive UTC, as the marts have it."""
    return pd.Timestamp(day) + pd.Timedelta(hours=hour)


def _shape(team: str, day: date) -> float:
    """Weekly rhythm and slow growth, with the planted runaway."""
    index = day.toordinal()
    weekday = 0.62 if day.weekday() >= 5 and team not in ("robotics", "data-science") else 1.0
    growth = 1.0 + 0.0016 * (day - date(2026, 7, 1)).days
    wave = 1.0 + 0.08 * math.sin(index / 5.0 + len(team))
    runaway = 2.6 if team == "robotics" and date(2026, 10, 14) <= day <= date(2026, 10, 16) else 1.0
    launch = 1.25 if team == "search" and day >= date(2026, 9, 14) else 1.0
    return weekday * growth * wave * runaway * launch


def _cost(org: Organisation, days: list[date]) -> Iterator[dict[str, Any]]:
    rng = random.Random(org.seed)
    for day in days:
        for team, apps in TEAMS.items():
            for category, share in CATEGORIES[team].items():
                amount = DAILY[team] * share * _shape(team, day) * rng.uniform(0.94, 1.06)
                idle = category == "gpu_compute" and team == "platform"
                yield cost_row(
                    org,
                    day,
                    category,
                    _money(amount),
                    team=team,
                    app=None if idle else apps[day.toordinal() % len(apps)],
                    method="allocated" if category in ("gpu_compute", "vector_store") else "direct",
                    model=next(iter(TEAM_MODELS[team]), None) if category == "inference" else None,
                    is_idle=idle,
                )
        yield cost_row(org, day, "training", _money(70 * rng.uniform(0.8, 1.2)), team=None, method="unallocated")
        yield cost_row(org, day, "inference", _money(24 * rng.uniform(0.7, 1.3)), team=None, method="unallocated")
        for service, amount in (("Virtual Machines", 320.0), ("Storage", 140.0), ("SQL Database", 210.0)):
            yield {
                **cost_row(org, day, None, _money(amount * rng.uniform(0.95, 1.05)), team="platform", method="direct"),
                "service_name": service,
            }


def cost_row(
    org: Organisation,
    day: date,
    category: str | None,
    amount: Decimal,
    *,
    team: str | None,
    method: str,
    app: str | None = None,
    model: str | None = None,
    is_idle: bool = False,
) -> dict[str, Any]:
    name = f"{'mlw-untagged' if category == 'training' else 'aoai-lab'}" if team is None else f"{team}-{category}"
    return {
        "usage_date": day,
        "billing_period_start": day.replace(day=1),
        "provider_name": "Microsoft",
        "billing_account_id": "1234567",
        "sub_account_id": "22222222-2222-4222-8222-222222222222",
        "sub_account_name": "ai-research" if team in (None, "robotics", "data-science") else "ai-production",
        "billing_currency": org.currency,
        "service_category": "AI and Machine Learning",
        "service_name": SERVICES.get(category or "", "Storage"),
        "region_id": "swedencentral",
        "resource_id": f"/subscriptions/2222/resourcegroups/rg-{team or 'lab'}/providers/microsoft.x/{name}".lower(),
        "resource_name": name,
        "charge_category": "Usage",
        "pricing_category": "Standard",
        "sku_meter": "meter",
        "is_ai": category is not None,
        "ai_category": category,
        "ai_category_rule": "rule" if category else None,
        "model": model,
        "token_class": None,
        "team": team,
        "app": app,
        "project": None,
        "environment": "production",
        "business_unit": "commerce",
        "cost_center": "CC-1010",
        "owner": f"{team}-lead@example.com" if team else None,
        "attribution_method": method,
        "attribution_rule": "team-tag",
        "is_idle": is_idle,
        "idle_kind": "free" if is_idle else None,
        "billed_cost": amount,
        "effective_cost": amount,
        "list_cost": amount,
        "contracted_cost": amount,
        "charge_count": 1,
    }


def _usage(org: Organisation, days: list[date]) -> Iterator[dict[str, Any]]:
    rng = random.Random(org.seed + 1)
    recent = [*days[-45:], date(2026, 10, 19), date(2026, 10, 20)]
    for day in recent:
        hours = (0, 5) if day == AS_OF.date() else (3, 9, 12, 15, 20)
        for team, models in TEAM_MODELS.items():
            for model in models:
                for app in TEAMS[team][:2]:
                    for hour in hours:
                        yield from _usage_hour(org, rng, _hour(day, hour), team, app, model)
    yield {
        **next(_usage_hour(org, rng, _hour(date(2026, 10, 19), 9), "data-science", "experiment-hub", "gpt-5.1")),
        "model": "new-preview-model",
        "estimated_cost": None,
        "currency": None,
        "price_status": "unpriced",
        "tokens": 184_000,
    }


def _usage_hour(
    org: Organisation, rng: random.Random, hour: pd.Timestamp, team: str, app: str, model: str
) -> Iterator[dict[str, Any]]:
    leak = 8.0 if app == "query-rewriter" and hour.date() >= date(2026, 10, 19) else 1.0
    total = 2.4e6 * DAILY[team] / 300 * _shape(team, hour.date()) * rng.uniform(0.8, 1.2) * leak
    for token_class, share in CLASS_SHARES.items():
        if app == "contract-review":
            share = {"input_uncached": 0.82, "cache_read": 0.0}.get(token_class, share)
        tokens = int(total * share)
        price = MODELS[model] * CLASS_FACTOR[token_class]
        yield {
            "usage_hour": hour,
            "source": "azure_monitor" if team == "documents" else "spans",
            "provider_name": "azure.ai.openai",
            "resource_id": "/accounts/aoai-gateway",
            "deployment_name": model,
            "model": model,
            "reported_model": model,
            "team": team,
            "app": app,
            "project": None,
            "feature": None,
            "customer_hash": None,
            "environment": "production",
            "token_class": token_class,
            "tokens": tokens,
            "request_count": 40 if token_class == "input_uncached" else 0,
            "error_count": 0,
            "price_per_1m_tokens": price,
            "price_id": f"{model}/{token_class}",
            "currency": org.currency,
            "estimated_cost": (price * tokens / 1_000_000).quantize(QUANTUM),
            "price_status": "priced",
            "is_attributable": True,
        }


def _gpus(org: Organisation, days: list[date]) -> Iterator[dict[str, Any]]:
    rng = random.Random(org.seed + 2)
    for day in [*days[-45:], date(2026, 10, 19), date(2026, 10, 20)]:
        for pool, (gpu_model, gpu_count, allocated, busy, teams) in POOLS.items():
            for index in range(gpu_count):
                for hour in (5,) if day == AS_OF.date() else range(0, 24, 6):
                    held = int(3600 * min(1.0, max(0.0, allocated * rng.uniform(0.85, 1.15))))
                    yield {
                        "usage_hour": _hour(day, hour),
                        "node": f"aks-{pool}-31415926-vmss00000{index // 4}",
                        "gpu_uuid": f"GPU-{pool}-{index}",
                        "gpu_model": gpu_model,
                        "namespace": f"{teams[index % len(teams)]}--app",
                        "team": teams[index % len(teams)],
                        "app": TEAMS[teams[index % len(teams)]][0],
                        "pod": "pod",
                        "allocated_seconds": held,
                        "idle_seconds": 3600 - held,
                        "busy_gpu_seconds": held * busy * rng.uniform(0.8, 1.1),
                        "sm_active_seconds": None,
                    }


def _units(org: Organisation, cost: pd.DataFrame, usage: pd.DataFrame, gpus: pd.DataFrame) -> Iterator[dict[str, Any]]:
    def row(day: Any, unit: str, kind: str, value: str, money: Any, quantity: Decimal, basis: str) -> dict[str, Any]:
        return {
            "usage_date": day,
            "unit": unit,
            "scope_type": kind,
            "scope_value": value,
            "currency": org.currency,
            "cost": money,
            "quantity": quantity,
            "unit_cost": (money / quantity).quantize(QUANTUM) if quantity else None,
            "cost_basis": basis,
        }

    priced = usage[usage["price_status"] == "priced"].assign(day=usage["usage_hour"].dt.date)
    for (day, model), part in priced.groupby(["day", "model"]):
        amount, millions = part["estimated_cost"].sum(), Decimal(int(part["tokens"].sum())) / 1_000_000
        yield row(day, "1m_tokens", "model", str(model), amount, millions.quantize(QUANTUM), "estimated")
        if day <= BILLED_THROUGH:
            drift = Decimal("1.012") if day >= date(2026, 10, 1) else Decimal(1)
            yield row(
                day,
                "1m_tokens",
                "model",
                str(model),
                (amount * drift).quantize(QUANTUM),
                millions.quantize(QUANTUM),
                "billed",
            )
    for day, part in priced.groupby("day"):
        amount, millions = part["estimated_cost"].sum(), Decimal(int(part["tokens"].sum())) / 1_000_000
        yield row(day, "1m_tokens", "company", "all", amount, millions.quantize(QUANTUM), "estimated")
        if day <= BILLED_THROUGH:
            yield row(day, "1m_tokens", "company", "all", amount, millions.quantize(QUANTUM), "billed")
    compute = cost[cost["ai_category"] == "gpu_compute"].groupby("usage_date")["effective_cost"].sum()
    hours = (
        gpus.assign(day=gpus["usage_hour"].dt.date)
        .groupby("day")[["allocated_seconds", "idle_seconds", "busy_gpu_seconds"]]
        .sum()
    )
    for day, seconds in hours[hours.index <= BILLED_THROUGH].iterrows():
        for unit, value in (
            ("gpu_hour_billed", seconds["allocated_seconds"] + seconds["idle_seconds"]),
            ("gpu_hour_allocated", seconds["allocated_seconds"]),
            ("gpu_hour_busy", seconds["busy_gpu_seconds"]),
        ):
            # The factory samples every sixth hour of a GPU.
            yield row(day, unit, "company", "all", compute[day], _money(value * 6 / 3600), "billed")
    rng = random.Random(org.seed + 3)
    for outcome, (app, quantity, share) in OUTCOMES.items():
        team = next(team for team, apps in TEAMS.items() if app in apps)
        spend = cost[(cost["team"] == team) & cost["is_ai"]].groupby("usage_date")["effective_cost"].sum()
        for day, amount in spend.items():
            done = Decimal(int(quantity * _shape(team, day) ** 0.6 * rng.uniform(0.85, 1.15)))
            part = (amount * Decimal(str(share))).quantize(QUANTUM)
            yield row(day, outcome, "app", app, part, done, "billed")


def _tradeoff(org: Organisation) -> Iterator[dict[str, Any]]:
    for month in (date(2026, 9, 1), date(2026, 10, 1)):
        for app, model, cost, quality, is_on_frontier, saves in (
            ("support-copilot", "gpt-4.1", "0.0118", "0.913", False, "3796"),
            ("support-copilot", "gpt-5-mini", "0.0017", "0.92", True, "0"),
            ("lead-scoring", "gpt-5-mini", "0.013", "0.88", True, "0"),
        ):
            yield {
                "usage_month": month,
                "app": app,
                "provider_name": "azure.ai.openai",
                "model": model,
                "currency": org.currency,
                "cost_per_request": Decimal(cost),
                "quality_score": Decimal(quality),
                "quality_low": Decimal(quality) - Decimal("0.01"),
                "quality_high": Decimal(quality) + Decimal("0.01"),
                "is_on_frontier": is_on_frontier,
                "routing_saves_cost": Decimal(saves),
            }


def _coverage(org: Organisation, cost: pd.DataFrame) -> Iterator[dict[str, Any]]:
    ai = cost[cost["is_ai"]]
    for month, rows in ai.groupby("billing_period_start"):
        scopes = [("company", "all", rows)]
        scopes += [("sub_account", str(name), part) for name, part in rows.groupby("sub_account_name")]
        scopes += [("team", str(name), part) for name, part in rows.groupby("team")]
        for kind, value, part in scopes:
            whole = part["effective_cost"].sum()
            owned = part[part["team"].notna()]["effective_cost"].sum()
            tagged = part[part["attribution_method"] == "direct"]["effective_cost"].sum()
            yield {
                "billing_period_start": month,
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "ai_cost": whole,
                "attributed_cost": owned,
                "unallocated_cost": whole - owned,
                "coverage_ratio": float(owned / whole),
                "target_ratio": 0.95,
                "tagged_cost": tagged if isinstance(tagged, Decimal) else Decimal(0),
                "named_cost": Decimal(0),
                "allocated_cost": owned - tagged if isinstance(owned, Decimal) else Decimal(0),
            }


def _budget_status(org: Organisation, cost: pd.DataFrame) -> Iterator[dict[str, Any]]:
    ai = cost[cost["is_ai"] & (cost["usage_date"] >= date(2026, 10, 1))]
    spent = ai.groupby("team")["effective_cost"].sum()
    scopes = [("company-ai", "company", "all", 95000, ai["effective_cost"].sum())]
    scopes += [(team, "team", team, amount, spent[team]) for team, amount in BUDGETS.items()]
    scopes += [("support-copilot", "app", "support-copilot", 11000, Decimal("11330.42"))]
    for budget_id, kind, value, limit, billed in scopes:
        amount = Decimal(limit)
        remaining = (billed / 18 * 13).quantize(QUANTUM)
        projected = billed + remaining
        ratio = float(projected / amount)
        yield {
            "as_of_date": AS_OF.date(),
            "budget_id": budget_id,
            "scope_type": kind,
            "scope_value": value,
            "period": "month",
            "period_start": date(2026, 10, 1),
            "period_end": date(2026, 10, 31),
            "currency": org.currency,
            "budget_amount": amount.quantize(QUANTUM),
            "billed_to_date": billed,
            "billed_through": BILLED_THROUGH,
            "estimated_since_billed": (billed / 40).quantize(QUANTUM),
            "forecast_remaining": remaining,
            "projected_cost": projected,
            "projected_lower": (billed + remaining * Decimal("0.93")).quantize(QUANTUM),
            "projected_upper": (billed + remaining * Decimal("1.08")).quantize(QUANTUM),
            "remaining_amount": amount - billed,
            "used_ratio": float(billed / amount),
            "projected_ratio": ratio,
            "burn_rate_ratio": float(billed / amount) / (18 / 31),
            "exceed_probability": _exceeds(ratio),
            "status": "over" if ratio > 1.05 else "at_risk" if ratio > 0.95 else "on_track",
        }


def _exceeds(ratio: float) -> float:
    """Of a hundred paths, how many end above the budget: none at 92%, all at 108%."""
    return round(min(max((ratio - 0.92) / 0.16, 0.0), 1.0), 2)


def _budget_outlook(org: Organisation, budgets: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for budget in budgets.to_dict("records"):
        billed, amount = budget["billed_to_date"], budget["budget_amount"]
        for n in range(1, 14):
            median = billed + budget["forecast_remaining"] * n / 13
            gap = median - billed
            yield {
                "budget_id": budget["budget_id"],
                "forecast_date": BILLED_THROUGH + timedelta(days=n),
                "currency": org.currency,
                "budget_amount": amount,
                "median_cost": median.quantize(QUANTUM),
                "lower_cost": (billed + gap * Decimal("0.93")).quantize(QUANTUM),
                "upper_cost": (billed + gap * Decimal("1.08")).quantize(QUANTUM),
                "lower_95_cost": (billed + gap * Decimal("0.89")).quantize(QUANTUM),
                "upper_95_cost": (billed + gap * Decimal("1.13")).quantize(QUANTUM),
                "exceed_probability": _exceeds(float(median / amount)),
            }


def incident_rows(org: Organisation) -> Iterator[dict[str, Any]]:
    def incident(
        day: date,
        kind: str,
        value: str,
        metric: str,
        severity: str,
        actual: str,
        expected: str,
        explanation: str,
        contributors: list[tuple[str, str, str]],
        *,
        status: str = "open",
        event_id: str | None = None,
        team: str | None = None,
    ) -> dict[str, Any]:
        impact = (Decimal(actual) - Decimal(expected)).quantize(QUANTUM)
        is_usage = metric == "estimated_cost"
        effects = {"volume": impact - 3, "mix": Decimal(2), "cache": Decimal(1), "price": Decimal(0)}
        return {
            "incident_id": hashlib.sha256(f"{kind}/{value}/{metric}/{day}".encode()).hexdigest()[:16],
            "scope_type": kind,
            "scope_value": value,
            "team": team,
            "app": value if kind == "app" else None,
            "owner": f"{team}-lead@example.com" if team else None,
            "currency": org.currency,
            "direction": "up",
            "status": status,
            "severity": severity,
            "opened_severity": severity,
            "explanation": explanation,
            "first_seen": day,
            "last_seen": day,
            "opened_at": pd.Timestamp(AS_OF).tz_localize(None),
            "closed_at": None,
            "day_count": 1,
            "metrics": json.dumps([metric]),
            "impact": impact,
            "daily_impact": impact if status == "open" else Decimal(0).quantize(QUANTUM),
            "projected_impact": impact,
            **{f"{name}_effect": amount.quantize(QUANTUM) if is_usage else None for name, amount in effects.items()},
            "contributors": json.dumps(
                [
                    {
                        "dimension": dimension,
                        "value": name,
                        "actual": part,
                        "expected": "0",
                        "impact": part,
                        "share": str(round(Decimal(part) / impact, 4)),
                    }
                    for dimension, name, part in contributors
                ]
            ),
            "daily_costs": json.dumps(
                [
                    {"day": str(day - timedelta(days=back)), "actual": 100 + back, "low": 90, "high": 130}
                    for back in range(27, -1, -1)
                ]
            ),
            "event_id": event_id,
            "suppressed_because": None,
            "verdict": None,
        }

    yield incident(
        date(2026, 10, 19), "app", "query-rewriter", "estimated_cost", "critical", "842.11", "103.90",
        "query-rewriter used USD 842 on 19 Oct, 8.1 times a typical Monday; 97% of it is gpt-4.1-mini at night.",
        [("model", "gpt-4.1-mini", "716.10"), ("feature", "rewrite", "18.40"), ("region", "westus", "3.71")],
        team="search",
    )  # fmt: skip
    yield incident(
        date(2026, 10, 15), "team", "robotics", "effective_cost", "high", "1143.20", "441.85",
        "robotics cost USD 1,143 on 15 Oct, USD 701 more than expected; vision-train explains 94% of it.",
        [("app", "vision-train", "659.27"), ("service", "Azure AI Search", "31.02"), ("app", "sim-lab", "11.06")],
        team="robotics",
    )  # fmt: skip
    yield incident(
        date(2026, 10, 9), "model", "gpt-4.1", "effective_cost", "medium", "212.00", "151.20",
        "gpt-4.1 cost USD 212 on 9 Oct, USD 61 more than expected; contract-review read 2.1 times as many tokens.",
        [("app", "contract-review", "48.10"), ("app", "support-copilot", "12.70")],
        team="documents",
    )  # fmt: skip
    yield incident(
        date(2026, 9, 21), "app", "catalog-enricher", "effective_cost", "medium", "240.00", "131.00",
        "catalog-enricher cost USD 240 on 21 Sep, as expected since its launch.",
        [("model", "gpt-4.1-mini", "109.00")],
        status="expected", event_id="catalog-launch", team="search",
    )  # fmt: skip


def _forecast(org: Organisation, cost: pd.DataFrame) -> Iterator[dict[str, Any]]:
    ai = cost[cost["is_ai"]]
    scopes = [("company", "all", ai)] + [("team", str(team), part) for team, part in ai.groupby("team")]
    for kind, value, part in scopes:
        daily = part.groupby("usage_date")["effective_cost"].sum()
        future = [BILLED_THROUGH + timedelta(days=n) for n in range(1, 44)]
        for day in [*sorted(daily.index)[-30:], *future]:
            same_weekday = [daily[d] for d in sorted(daily.index)[-28:] if d.weekday() == day.weekday()]
            expected = (sum(same_weekday, Decimal(0)) / len(same_weekday)).quantize(QUANTUM)
            yield {
                "forecast_date": day,
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "expected_cost": expected,
                "lower_cost": (expected * Decimal("0.9")).quantize(QUANTUM),
                "upper_cost": (expected * Decimal("1.12")).quantize(QUANTUM),
                "lower_95_cost": (expected * Decimal("0.84")).quantize(QUANTUM),
                "upper_95_cost": (expected * Decimal("1.2")).quantize(QUANTUM),
                "model_name": "blend",
                "as_of": pd.Timestamp(AS_OF).tz_localize(None),
                "is_future": day > BILLED_THROUGH,
                "actual_cost": daily.get(day),
            }


def _forecast_total(org: Organisation, cost: pd.DataFrame, forecast: pd.DataFrame) -> Iterator[dict[str, Any]]:
    ai = cost[cost["is_ai"]]
    periods = (
        ("month", date(2026, 10, 1), date(2026, 10, 31)),
        ("next_month", date(2026, 11, 1), date(2026, 11, 30)),
        ("quarter", date(2026, 10, 1), date(2026, 12, 31)),
    )
    for (kind, value), days in forecast[forecast["is_future"]].groupby(["scope_type", "scope_value"]):
        of_scope = ai if kind == "company" else ai[ai["team"] == value]
        for period, first, last in periods:
            billed = sum(of_scope[of_scope["usage_date"] >= first]["effective_cost"], Decimal(0))
            ahead = days[(days["forecast_date"] >= first) & (days["forecast_date"] <= last)]
            reached = min(last, ahead["forecast_date"].max())
            extension = Decimal((last - ahead["forecast_date"].min()).days + 1) / len(ahead)
            rest = sum(ahead["expected_cost"], Decimal(0)) * extension
            factors = {"expected": "1", "lower": "0.95", "upper": "1.06", "lower_95": "0.92", "upper_95": "1.1"}
            yield {
                "period": period,
                "period_start": first,
                "period_end": last,
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "billed_cost": billed,
                **{
                    f"{name}_cost": (billed + rest * Decimal(factor)).quantize(QUANTUM)
                    for name, factor in factors.items()
                },
                "forecast_through": reached,
                "is_extended": reached < last,
            }


def _forecast_variance(org: Organisation, cost: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """August and September whole, October so far; only October's forecast was made when it began."""
    ai = cost[cost["is_ai"]]
    misses = {date(2026, 8, 1): "0.17", date(2026, 9, 1): "-0.13", date(2026, 10, 1): "0.04"}
    scopes = [("company", "all", ai)] + [("team", str(team), part) for team, part in ai.groupby("team")]
    for kind, value, part in scopes:
        for month, miss in misses.items():
            actual = sum(part[part["billing_period_start"] == month]["effective_cost"], Decimal(0))
            off = Decimal(miss) * (1 if kind == "company" else len(value)) / (1 if kind == "company" else 8)
            is_open = month == BILLED_THROUGH.replace(day=1)
            yield {
                "usage_month": month,
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "made_at": pd.Timestamp(month),
                "is_backcast": not is_open,
                "first_day": month,
                "last_day": BILLED_THROUGH if is_open else (month + timedelta(days=31)).replace(day=1) - timedelta(1),
                "is_complete": not is_open,
                "forecast_cost": (actual * (1 + off)).quantize(QUANTUM),
                "actual_cost": actual,
                "variance_cost": (actual * off).quantize(QUANTUM),
                "variance_ratio": float(off),
                "maturity": next(
                    (
                        name
                        for name, most in (("run", "0.12"), ("walk", "0.15"), ("crawl", "0.20"))
                        if abs(off) <= Decimal(most)
                    ),
                    "below crawl",
                ),
            }


def _forecast_quality(org: Organisation) -> Iterator[dict[str, Any]]:
    for kind, value in (("company", "all"), ("company", "(all)"), ("team", "(all)"), ("app", "(all)")):
        width = {"company": 1.0, "team": 2.1, "app": 3.0}[kind]
        for n, band in enumerate(("01-07", "08-14", "15-28", "29+")):
            yield {
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "horizon_band": band,
                "day_count": 28 + 9 * n,
                "forecast_count": 3,
                "actual_cost": _money(90000.0),
                "expected_cost": _money(88200.0),
                "weighted_absolute_error_ratio": (0.055 + 0.006 * n) * width,
                "mean_absolute_scaled_error": 0.74 + 0.05 * n,
                "bias_ratio": -0.02,
                "coverage_80": 0.72 + 0.05 * n,
                "coverage_95": 0.93 + 0.01 * n,
            }


def _hours(org: Organisation) -> Iterator[dict[str, Any]]:
    """The company and two teams: three days known, the last with what was expected of it, and two days ahead."""
    now = pd.Timestamp(AS_OF).tz_localize(None).floor("h")
    for kind, value, level in (("company", "all", 90.0), *(("team", team, 30.0) for team in list(TEAMS)[:2])):
        for number in range(-72, 48):
            hour = now + pd.Timedelta(hours=number)
            cost = level * (1 + 0.5 * math.sin(2 * math.pi * (hour.hour - 9) / 24))
            expected = {
                f"{bound}_{measure}": (_money(cost * width) if measure == "cost" else cost * width * size)
                if number >= -24
                else None
                for measure, size in (("cost", 1), ("tokens", 9000), ("requests", 12))
                for bound, width in zip(
                    ("expected", "lower", "upper", "lower_95", "upper_95"), (1.0, 0.9, 1.1, 0.8, 1.25), strict=True
                )
            }
            yield {
                "usage_hour": hour,
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "actual_cost": _money(cost * 1.03) if number < 0 else None,
                "actual_tokens": round(cost * 9000) if number < 0 else None,
                "actual_requests": round(cost * 12) if number < 0 else None,
                **expected,
                "is_future": number >= 0,
                "as_of": now if number >= -24 else None,
            }


def _accuracy(org: Organisation) -> Iterator[dict[str, Any]]:
    rng = random.Random(org.seed + 4)
    for kind, value in [("company", "all"), *(("team", team) for team in TEAMS)]:
        blend, naive = rng.uniform(0.6, 1.1), rng.uniform(0.7, 1.2)
        prophet = rng.uniform(0.7, 1.3)
        for name, error, weight in (("blend", blend, 1.0), ("prophet", prophet, 0.3), ("seasonal_naive", naive, 0.1)):
            yield {
                "scope_type": kind,
                "scope_value": value,
                "currency": org.currency,
                "model_name": name,
                "horizon_days": 14,
                "folds": 6,
                "mean_absolute_error": _money(error * DAILY.get(value, 2700) * 0.08),
                "mean_absolute_scaled_error": error,
                "interval_coverage": rng.uniform(0.74, 0.86) if name == "blend" else None,
                "interval_coverage_95": 0.95 if name == "blend" else None,
                "weight": weight,
                "is_chosen": name == "blend",
                "as_of": pd.Timestamp(AS_OF).tz_localize(None),
            }


def _reconciliation(cost: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (day, currency), rows in cost.groupby(["usage_date", "billing_currency"]):
        billed = rows["billed_cost"].sum()
        rejected = 1 if day == date(2026, 9, 22) else 0
        yield {
            "provider_name": "Microsoft",
            "usage_date": day,
            "billing_currency": currency,
            "lake_row_count": len(rows) + rejected,
            "rejected_row_count": rejected,
            "lake_billed_cost": billed,
            "mart_billed_cost": billed,
            "difference": Decimal(0).quantize(QUANTUM),
            "rejected_cost": Decimal("0").quantize(QUANTUM),
            "is_reconciled": True,
        }


def _rejected() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "source_id": "azure-exports",
                "table_name": "focus__cost_and_usage",
                "x_file": "20260922/part_0_0001.csv",
                "x_row": 18,
                "column_name": "BilledCost",
                "reason": "'1,204' is not an amount; write it like 1234.56, with a point and no separators",
                "remedy": "Correct the cell in the file and deliver the file again.",
                "raw_row": "…",
            }
        ]
    )
