"""Configuration as tables, for dbt: one JSON-lines file per table, written whole and swapped in.

Here: what each table holds, and its rows.
Not here: reading the configuration (load) and what is done with it (dbt).

Amounts are written as text so that no reader turns them into floats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.config.load import Configuration
from finops.periods import as_utc
from finops.tokens import TEXT_INPUT_CLASSES, TokenClass

Row = dict[str, Any]

COLUMNS: dict[str, dict[str, str]] = {
    "tag_rule": {
        "rule_id": "text", "priority": "bigint", "dimension": "text", "match": "text", "tag_key": "text",
        "pattern": "text", "value": "text", "valid_from": "date", "valid_to": "date",
    },
    "team": {"team": "text", "business_unit": "text", "cost_center": "text"},
    "app": {"app": "text", "team": "text"},
    "ai_category_rule": {
        "rule_id": "text", "priority": "bigint", "category": "text", "service_name": "text", "service_category": "text",
        "sku_meter": "text", "resource_id": "text", "charge_description": "text",
    },
    "pool": {
        "pool_id": "text", "priority": "bigint", "resource_id": "text", "driver": "text", "fallback": "text",
        "idle": "text", "idle_team": "text",
    },
    "pool_share": {"pool_id": "text", "team": "text", "weight": "decimal(38,12)"},
    "model_price": {
        "price_id": "text", "provider": "text", "model": "text", "model_name": "text", "token_class": "text",
        "valid_from": "date", "valid_to": "date", "currency": "text", "price_per_1m_tokens": "decimal(38,12)",
        "source": "text",
    },
    "gpu_price": {
        "gpu_model": "text", "valid_from": "date", "currency": "text", "price_per_gpu_hour": "decimal(38,12)",
        "source": "text",
    },
    "budget": {
        "budget_id": "text", "scope_type": "text", "scope_value": "text", "period": "text", "amount": "decimal(38,12)",
        "currency": "text", "alert_at": "json", "valid_from": "date", "valid_to": "date",
    },
    "event": {
        "event_id": "text", "name": "text", "starts_on": "date", "ends_on": "date", "scope_type": "text",
        "scope_value": "text", "effect": "text",
    },
    "setting": {"name": "text", "value": "text"},
}  # fmt: skip
"""Column types, in the lake's terms, of every table (``finops.lake.Column``)."""

DESCRIPTIONS: dict[str, str] = {
    "tag_rule": "Rules of tags.yml, one row per key to look for; the lowest priority that yields a value wins. "
    "valid_to is the last day.",
    "team": "Teams and what they belong to.",
    "app": "Apps and their teams.",
    "ai_category_rule": "Rules that tell AI spend apart; the lowest priority whose patterns all match wins.",
    "pool": "Shared cost and how it is split; the lowest priority that matches wins.",
    "pool_share": "Weights of pools that are split by fixed shares.",
    "model_price": "The price book, one row per model name, token class and validity, with fallbacks between classes "
    "filled in. valid_to is the first day of the next price; null for the newest.",
    "gpu_price": "Prices of GPU time that no bill covers yet.",
    "budget": "Budgets. valid_to is the last day.",
    "event": "Known events. ends_on is the last day.",
    "setting": "Single values: as_of (YYYY-MM-DD HH:MM:SS, UTC), fiscal_year_first_month, coverage_target.",
}


def write_tables(config: Configuration, directory: Path, as_of: datetime) -> dict[str, int]:
    """Write every table as ``<directory>/<table>.jsonl`` and return their row counts.

    ``as_of`` (UTC) is the moment the run reports on; dbt reads it from the table ``setting``, so that a rebuild of a
    past day needs no other switch.
    """
    directory.mkdir(parents=True, exist_ok=True)
    counts = {}
    for table, columns in COLUMNS.items():
        rows = list(_BUILDERS[table](config))
        if table == "setting":
            rows.append({"name": "as_of", "value": as_utc(as_of).strftime("%Y-%m-%d %H:%M:%S")})
        part = directory / f".{table}.jsonl.part"
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps({name: _plain(row.get(name)) for name in columns}) + "\n")
        part.replace(directory / f"{table}.jsonl")
        counts[table] = len(rows)
    return counts


def _plain(value: Any) -> Any:
    match value:
        case None | int() | str():
            return value
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _tag_rules(config: Configuration) -> Iterator[Row]:
    priority = 0
    for rule in config.tags.rules:
        keys: list[str | None] = [*rule.keys] or [None]
        for key in keys:
            priority += 1
            yield {
                "rule_id": rule.id,
                "priority": priority,
                "dimension": rule.dimension,
                "match": rule.match,
                "tag_key": key.lower() if key else None,
                "pattern": rule.pattern,
                "value": rule.value,
                "valid_from": rule.valid_from,
                "valid_to": rule.valid_to,
            }


def _teams(config: Configuration) -> Iterator[Row]:
    for team in config.tags.teams:
        yield {"team": team.team, "business_unit": team.business_unit, "cost_center": team.cost_center}


def _apps(config: Configuration) -> Iterator[Row]:
    for app in config.tags.apps:
        yield {"app": app.app, "team": app.team}


def _ai_category_rules(config: Configuration) -> Iterator[Row]:
    for priority, rule in enumerate(config.allocation.ai_categories, start=1):
        yield {"rule_id": rule.id, "priority": priority, **rule.model_dump(exclude={"id"})}


def _pools(config: Configuration) -> Iterator[Row]:
    for priority, pool in enumerate(config.allocation.pools, start=1):
        yield {"pool_id": pool.id, "priority": priority, **pool.model_dump(exclude={"id", "shares"})}


def _pool_shares(config: Configuration) -> Iterator[Row]:
    for pool in config.allocation.pools:
        for team, weight in pool.shares.items():
            yield {"pool_id": pool.id, "team": team, "weight": weight}


def _model_prices(config: Configuration) -> Iterator[Row]:
    """One row per name (model and each alias), token class and validity; fallbacks between classes are filled in."""
    prices = config.prices.models
    for price in prices:
        later = [p.valid_from for p in prices if (p.provider, p.model) == (price.provider, price.model)]
        ends = min((day for day in later if day > price.valid_from), default=None)
        for token_class in TokenClass:
            amount = price.per_1m_tokens.get(token_class)
            if amount is None and token_class == TokenClass.REASONING:
                amount = price.per_1m_tokens.get(TokenClass.OUTPUT)
            if amount is None and token_class in TEXT_INPUT_CLASSES:
                amount = price.per_1m_tokens.get(TokenClass.INPUT_UNCACHED)
            if amount is None:
                continue
            for name in (price.model, *price.aliases):
                yield {
                    "price_id": f"{price.provider}/{price.model}/{token_class}/{price.valid_from}",
                    "provider": price.provider,
                    "model": price.model,
                    "model_name": name,
                    "token_class": token_class.value,
                    "valid_from": price.valid_from,
                    "valid_to": ends,
                    "currency": price.currency,
                    "price_per_1m_tokens": amount,
                    "source": price.source,
                }


def _gpu_prices(config: Configuration) -> Iterator[Row]:
    for price in config.prices.gpus:
        row = price.model_dump()
        yield {**row, "price_per_gpu_hour": row["per_gpu_hour"]}


def _budgets(config: Configuration) -> Iterator[Row]:
    for budget in config.budgets.budgets:
        yield {
            "budget_id": budget.id,
            "scope_type": budget.scope.level,
            "scope_value": budget.scope.value or "all",
            "period": budget.period,
            "amount": budget.amount,
            "currency": budget.currency,
            "alert_at": json.dumps([str(share) for share in budget.alert_at]),
            "valid_from": budget.valid_from,
            "valid_to": budget.valid_to,
        }


def _events(config: Configuration) -> Iterator[Row]:
    for event in config.events.events:
        yield {
            "event_id": event.id,
            "name": event.name,
            "starts_on": event.starts_on,
            "ends_on": event.ends_on,
            "scope_type": event.scope.level,
            "scope_value": event.scope.value or "all",
            "effect": event.effect,
        }


def _settings(config: Configuration) -> Iterator[Row]:
    yield {"name": "fiscal_year_first_month", "value": str(config.sources.fiscal_year_first_month)}
    yield {"name": "coverage_target", "value": str(config.allocation.coverage_target)}


_BUILDERS = {
    "tag_rule": _tag_rules,
    "team": _teams,
    "app": _apps,
    "ai_category_rule": _ai_category_rules,
    "pool": _pools,
    "pool_share": _pool_shares,
    "model_price": _model_prices,
    "gpu_price": _gpu_prices,
    "budget": _budgets,
    "event": _events,
    "setting": _settings,
}
