"""Configuration as tables, for dbt: one JSON-lines file per table, written whole and swapped in.

Here: what each table holds, and its rows.
Not here: reading the configuration (load) and what is done with it (dbt).

Amounts are written as text so that no reader turns them into floats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from finops import meters
from finops.config.bill_sources import BillFilesSource, FocusFilesSource
from finops.config.freshness import limit_hours
from finops.config.load import Configuration
from finops.config.prices import ModelPrice
from finops.money import quantise
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
        "sku_meter": "text", "resource_id": "text", "charge_description": "text", "charge_category": "text",
        "provider": "text", "sub_account": "text", "environment": "text", "project": "text", "tag_count": "bigint",
    },
    "ai_category_tag": {"rule_id": "text", "tag_key": "text", "pattern": "text"},
    "ai_candidate": {"candidate_id": "text", "priority": "bigint", "pattern": "text"},
    "closing_rule": {"provider_name": "text", "close_after_days": "bigint"},
    "source": {
        "source_id": "text", "type": "text", "is_enabled": "boolean", "freshness_hours": "bigint",
        "expected_from": "date",
    },
    "pool": {
        "pool_id": "text", "priority": "bigint", "step": "bigint", "resource_id": "text", "service_name": "text",
        "sku_meter": "text", "charge_description": "text", "charge_category": "text", "commitment_status": "text",
        "provider": "text", "sub_account": "text", "driver": "text", "measured_on": "text",
        "look_back_days": "bigint", "fallback": "text", "idle": "text", "idle_team": "text", "to_pools": "boolean",
    },
    "pool_share": {"pool_id": "text", "team": "text", "weight": "decimal(38,12)"},
    "provisioned_model": {
        "model": "text", "input_tokens_per_unit_minute": "bigint", "output_weight": "decimal(38,12)",
        "cached_weight": "decimal(38,12)",
    },
    "model_price": {
        "price_id": "text", "provider": "text", "model": "text", "model_name": "text", "token_class": "text",
        "valid_from": "date", "valid_to": "date", "currency": "text", "price_per_1m_tokens": "decimal(38,12)",
        "source": "text", "is_fallback": "boolean", "region_id": "text", "deployment_type": "text",
        "service_tier": "text", "min_input_tokens": "bigint",
    },
    "meter_word": {"phrase": "text", "field": "text", "value": "text"},
    "meter_product": {"pattern": "text", "prefix": "text"},
    "exchange_rate": {
        "rate_set": "bigint", "base_currency": "text", "currency": "text", "valid_from": "date",
        "rate": "decimal(38,12)", "is_per_base": "boolean", "source": "text",
    },
    "focus_source": {
        "source_id": "text", "billing_currency": "text", "date_pattern": "text", "date_as_iso": "text",
        "amount_style": "text",
    },
    "gpu_price": {
        "gpu_model": "text", "valid_from": "date", "currency": "text", "price_per_gpu_hour": "decimal(38,12)",
        "source": "text",
    },
    "gateway_account": {
        "source_id": "text", "priority": "bigint", "custom_llm_provider": "text", "api_base": "text",
        "model_group": "text", "resource_id": "text",
    },
    "budget": {
        "budget_id": "text", "scope_type": "text", "scope_value": "text", "period": "text", "amount": "decimal(38,12)",
        "currency": "text", "alert_at": "json", "tier": "text", "owner": "text",
        "roll_over_at_most": "decimal(38,12)", "valid_from": "date", "valid_to": "date", "time_zone": "text",
    },
    "budget_ancestor": {"budget_id": "text", "ancestor_id": "text", "distance": "bigint"},
    "budget_change": {
        "budget_id": "text", "kind": "text", "name": "text", "amount": "decimal(38,12)", "valid_from": "date",
        "valid_to": "date",
    },
    "budget_threshold": {"budget_id": "text", "share": "decimal(38,12)"},
    "unit": {
        "unit_id": "text", "unit_name": "text", "priority": "bigint", "cost_basis": "text", "measure": "text",
        "outcome": "text", "matching": "text", "currency": "text", "target_amount": "decimal(38,12)",
        "includes_training": "boolean", "investment_amount": "decimal(38,12)", "invested_on": "date",
    },
    "unit_dimension": {"unit_id": "text", "role": "text", "dimension": "text", "value": "text"},
    "amortisation": {
        "amortisation_id": "text", "training_basis": "text", "method": "text", "months": "bigint",
        "expected_measure": "text", "expected_quantity": "bigint", "starts_on": "date",
    },
    "amortisation_dimension": {"amortisation_id": "text", "role": "text", "dimension": "text", "value": "text"},
    "service_level": {
        "objective_id": "text", "objective_name": "text", "priority": "bigint",
        "latency_target_milliseconds": "bigint", "latency_target_ratio": "decimal(38,12)",
        "availability_target_ratio": "decimal(38,12)", "window_days": "bigint",
    },
    "service_level_dimension": {"objective_id": "text", "dimension": "text", "value": "text"},
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
    "ai_category_tag": "Tags that such a rule asks for, one row per key: all of them must match.",
    "ai_candidate": "Signs of AI spend, for listing what looks like it and no rule caught.",
    "closing_rule": "Providers whose months close later or earlier than close_after_days of the table setting.",
    "source": "Entries of sources.yml. freshness_hours: newest data older than this is late; null where there is "
    "no rhythm.",
    "pool": "Shared cost and how it is split; the lowest priority whose patterns all match wins.",
    "pool_share": "Weights of pools that are split by fixed shares.",
    "provisioned_model": "How much of a provisioned unit the tokens of a model take.",
    "model_price": "prices.yml, one row per model name, token class, conditions and validity, with fallbacks between "
    "classes filled in and marked. valid_to is the first day of the next price; null for the newest.",
    "meter_word": "What the words in the names of AI meters mean, one row per phrase and field.",
    "meter_product": "The family that meters of a product leave out of their names, by the product's name.",
    "exchange_rate": "Dated exchange rates of currencies.yml and its files. rate is units of base_currency for one "
    "unit of currency, or where is_per_base the other way round; sets come in the order of the file, the first wins.",
    "focus_source": "How the files of a source write what FOCUS demands otherwise: sources that say so, and no others. "
    "date_pattern is a regular expression, date_as_iso what its groups become.",
    "gpu_price": "Prices of GPU time that no bill covers yet.",
    "gateway_account": "Accounts that a gateway's calls went to; the lowest priority whose conditions all hold wins.",
    "budget": "Budgets. valid_to is the last day; amount is null where milestones say it.",
    "budget_ancestor": "Budgets that cap a budget; the nearest has distance 1.",
    "budget_change": "What is added to a budget's amount: increase, from its first to its last day; milestone, from "
    "its approval (null: not approved) on, meant to last until valid_to.",
    "budget_threshold": "Shares of a budget at which its owner is told.",
    "unit": "Units of units.yml in their order. matching: which part of the measure the cost covers (priced: usage "
    "with a price; billed: usage of accounts with cost; all).",
    "unit_dimension": "How units look at dimensions, one row per value: role filter (the cost has one of the values) "
    "or grain (each value has a unit cost; value is null).",
    "amortisation": "How training is spread over the inference that it is for.",
    "amortisation_dimension": "Which training (role training) and whose inference (role served_by), one row per value.",
    "service_level": "Objectives of units.yml in their order. latency_target_ratio: share of answered requests that "
    "are to take at most latency_target_milliseconds.",
    "service_level_dimension": "Requests that an objective is about, one row per value; all where there is none.",
    "event": "Known events. ends_on is the last day.",
    "setting": "Single values: as_of (YYYY-MM-DD HH:MM:SS, UTC), fiscal_year_first_month, coverage_target, the "
    "settings of reconciliation.yml, those of GPUs in units.yml; known_at and known_basis where a past day is rebuilt; "
    "reporting_currency, exchange_rate_max_age_days.",
}


PRICE_TABLES = ("model_price", "gpu_price")
"""What prices.yml alone decides."""

Basis = Literal["delivered", "landed"]


@dataclass(frozen=True)
class KnownAt:
    """What a rebuild of a past day may know.

    ``delivered``: what producers had published by then; ``landed``: what this lake held by then.
    """

    moment: datetime
    basis: Basis

    def rows(self) -> list[Row]:
        return [
            {"name": "known_at", "value": as_utc(self.moment).strftime("%Y-%m-%d %H:%M:%S.%f")},
            {"name": "known_basis", "value": self.basis},
        ]


MOMENT_SETTINGS = frozenset({"as_of", "known_at", "known_basis"})
"""Rows of ``setting`` that belong to one run and not to the configuration."""


def write_tables(
    config: Configuration,
    directory: Path,
    as_of: datetime,
    known: KnownAt | None = None,
    only: Collection[str] = tuple(COLUMNS),
) -> dict[str, int]:
    """Write every table, or some, as ``<directory>/<table>.jsonl`` and return their row counts.

    ``as_of`` (UTC) is the moment the run reports on, and ``known`` what it may know; dbt reads both from the table
    ``setting``, so that a rebuild of a past day needs no other switch.
    """
    directory.mkdir(parents=True, exist_ok=True)
    counts = {}
    for table, columns in ((name, COLUMNS[name]) for name in COLUMNS if name in only):
        rows = list(_BUILDERS[table](config))
        if table == "setting":
            rows += moment_rows(as_of, known)
        part = directory / f".{table}.jsonl.part"
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps({name: _plain(row.get(name)) for name in columns}) + "\n")
        part.replace(directory / f"{table}.jsonl")
        counts[table] = len(rows)
    return counts


def moment_rows(as_of: datetime, known: KnownAt | None = None) -> list[Row]:
    """The rows of ``setting`` that differ between two runs of one configuration."""
    reported = {"name": "as_of", "value": as_utc(as_of).strftime("%Y-%m-%d %H:%M:%S")}
    return [reported, *(known.rows() if known else [])]


def written_as_of(directory: Path) -> datetime | None:
    """The moment that the written tables are about; None where there are none."""
    file = directory / "setting.jsonl"
    if not file.exists():
        return None
    settings = {row["name"]: row["value"] for row in map(json.loads, file.read_text(encoding="utf-8").splitlines())}
    return (
        datetime.strptime(settings["as_of"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if "as_of" in settings else None
    )


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
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
        yield {
            "rule_id": rule.id,
            "priority": priority,
            "category": rule.category,
            "tag_count": len(rule.tags),
            **rule.patterns,
        }


def _ai_category_tags(config: Configuration) -> Iterator[Row]:
    for rule in config.allocation.ai_categories:
        for key, pattern in rule.tags.items():
            yield {"rule_id": rule.id, "tag_key": key.lower(), "pattern": pattern}


def _ai_candidates(config: Configuration) -> Iterator[Row]:
    for priority, candidate in enumerate(config.allocation.ai_candidates, start=1):
        yield {"candidate_id": candidate.id, "priority": priority, "pattern": candidate.pattern}


def _closing_rules(config: Configuration) -> Iterator[Row]:
    for provider, close_after in config.reconciliation.close_after_days_by_provider.items():
        yield {"provider_name": provider, "close_after_days": close_after}


def _sources(config: Configuration) -> Iterator[Row]:
    for source in config.sources.sources:
        yield {
            "source_id": source.id,
            "type": source.type,
            "is_enabled": source.enabled,
            "freshness_hours": limit_hours(source),
            "expected_from": source.expected_from,
        }


def _pools(config: Configuration) -> Iterator[Row]:
    for priority, pool in enumerate(config.allocation.pools, start=1):
        yield {"pool_id": pool.id, "priority": priority, **pool.model_dump(exclude={"id", "shares"})}


def _pool_shares(config: Configuration) -> Iterator[Row]:
    for pool in config.allocation.pools:
        for team, weight in pool.shares.items():
            yield {"pool_id": pool.id, "team": team, "weight": weight}


def _provisioned_models(config: Configuration) -> Iterator[Row]:
    return (model.model_dump() for model in config.allocation.provisioned_models)


def _model_prices(config: Configuration) -> Iterator[Row]:
    """One row per name (model and each alias), token class and validity; fallbacks between classes are filled in."""
    prices = config.prices.models
    for price in prices:
        ends = _end_of(price, prices)
        for token_class in TokenClass:
            amount = price.per_1m_tokens.get(token_class)
            is_fallback = amount is None
            if amount is None and token_class == TokenClass.REASONING:
                amount = price.per_1m_tokens.get(TokenClass.OUTPUT)
            if amount is None and token_class in TEXT_INPUT_CLASSES:
                amount = price.per_1m_tokens.get(TokenClass.INPUT_UNCACHED)
            if amount is None:
                continue
            conditions = "".join(f"/{condition}" for condition in price.own_conditions)
            for name in (price.model, *price.aliases):
                yield {
                    "price_id": f"{price.provider}/{price.model}/{token_class}/{price.valid_from}{conditions}",
                    "provider": price.provider,
                    "model": price.model,
                    "model_name": name,
                    "token_class": token_class.value,
                    "valid_from": price.valid_from,
                    "valid_to": ends,
                    "currency": price.currency,
                    "price_per_1m_tokens": amount,
                    "source": price.source,
                    "is_fallback": is_fallback,
                    "region_id": price.region_id,
                    "deployment_type": price.deployment_type,
                    "service_tier": price.service_tier,
                    "min_input_tokens": price.min_input_tokens,
                }


def _end_of(price: ModelPrice, prices: Sequence[ModelPrice]) -> date | None:
    """First day on which a price no longer holds; None for the newest."""
    later = [p.valid_from for p in prices if (p.model, p.conditions) == (price.model, price.conditions)]
    ends = [day for day in later if day > price.valid_from]
    if price.valid_to is not None:
        ends.append(price.valid_to + timedelta(days=1))
    return min(ends, default=None)


def _meter_words(_: Configuration) -> Iterator[Row]:
    yield from meters.words()


def _meter_products(_: Configuration) -> Iterator[Row]:
    yield from meters.products()


def _exchange_rates(config: Configuration) -> Iterator[Row]:
    for rate in config.exchange_rates:
        yield {
            "rate_set": rate.rate_set,
            "base_currency": rate.base,
            "currency": rate.currency,
            "valid_from": rate.valid_from,
            "rate": quantise(rate.rate),
            "is_per_base": rate.is_per_base,
            "source": rate.source,
        }


def _focus_sources(config: Configuration) -> Iterator[Row]:
    for source in config.sources.sources:
        if isinstance(source, FocusFilesSource | BillFilesSource) and (
            source.billing_currency or source.date_format or source.amount_style
        ):
            pattern, iso = iso_rewrite(source.date_format) if source.date_format else (None, None)
            yield {
                "source_id": source.id,
                "billing_currency": source.billing_currency,
                "date_pattern": pattern,
                "date_as_iso": iso,
                "amount_style": source.amount_style,
            }


_DATE_PARTS = {"d": "[0-9]{1,2}", "m": "[0-9]{1,2}", "y": "[0-9]{2}", "Y": "[0-9]{4}"}


def iso_rewrite(date_format: str) -> tuple[str, str]:
    """A regular expression for dates of a strptime format, and the text with its groups that is their ISO form.

    As a pattern, and not as a format, because a SQL engine wants formats as constants and takes patterns from columns.
    """
    groups: dict[str, int] = {}
    pattern = ""
    for literal, part in re.findall(r"([^%]*)(?:%(.)|$)", date_format):
        pattern += re.escape(literal)
        if part:
            groups[part] = len(groups) + 1
            pattern += f"({_DATE_PARTS.get(part, '[0-9]{1,2}')})"
    year = rf"\{groups['Y']}" if "Y" in groups else rf"20\{groups['y']}"
    clock = ":".join(rf"\{groups[part]}" if part in groups else "00" for part in "HMS")
    return rf"^\s*{pattern}\s*$", rf"{year}-\{groups['m']}-\{groups['d']} {clock}"


def _gpu_prices(config: Configuration) -> Iterator[Row]:
    for price in config.prices.gpus:
        row = price.model_dump()
        yield {**row, "price_per_gpu_hour": row["per_gpu_hour"]}


def _gateway_accounts(config: Configuration) -> Iterator[Row]:
    for source in config.sources.sources:
        if source.type != "litellm":
            continue
        for priority, account in enumerate(source.accounts, start=1):
            row = account.model_dump()
            yield {
                "source_id": source.id,
                "priority": priority,
                **row,
                "custom_llm_provider": (row["custom_llm_provider"] or "").lower() or None,
                "resource_id": row["resource_id"].lower(),
            }


def _budgets(config: Configuration) -> Iterator[Row]:
    for budget in config.budgets.budgets:
        yield {
            "budget_id": budget.id,
            "scope_type": budget.scope.level,
            "scope_value": budget.scope.value or "all",
            "period": budget.period,
            "amount": budget.amount if budget.amount is not None else config.budgets.tiers.get(budget.tier or ""),
            "currency": budget.currency,
            "alert_at": json.dumps([str(share) for share in budget.alert_at]),
            "tier": budget.tier,
            "owner": budget.owner,
            "roll_over_at_most": budget.roll_over.at_most if budget.roll_over else None,
            "valid_from": budget.valid_from,
            "valid_to": budget.valid_to,
            "time_zone": budget.time_zone or config.budgets.time_zone,
        }


def _budget_ancestors(config: Configuration) -> Iterator[Row]:
    for budget in config.budgets.budgets:
        for distance, ancestor in enumerate(config.budgets.ancestors(budget), start=1):
            yield {"budget_id": budget.id, "ancestor_id": ancestor, "distance": distance}


def _budget_changes(config: Configuration) -> Iterator[Row]:
    for budget in config.budgets.budgets:
        for increase in budget.increases:
            yield {
                "budget_id": budget.id,
                "kind": "increase",
                "name": increase.reason,
                "amount": increase.amount,
                "valid_from": increase.valid_from,
                "valid_to": increase.valid_to,
            }
        for milestone in budget.milestones:
            yield {
                "budget_id": budget.id,
                "kind": "milestone",
                "name": milestone.id,
                "amount": milestone.amount,
                "valid_from": milestone.approved_on,
                "valid_to": milestone.due_on,
            }


def _budget_thresholds(config: Configuration) -> Iterator[Row]:
    for budget in config.budgets.budgets:
        for share in sorted(set(budget.alert_at)):
            yield {"budget_id": budget.id, "share": share}


def _units(config: Configuration) -> Iterator[Row]:
    for priority, unit in enumerate(config.units.units, start=1):
        yield {
            "unit_id": unit.id,
            "unit_name": unit.name,
            "priority": priority,
            "cost_basis": unit.basis,
            "measure": unit.per.measure or ("value" if unit.per.value else "outcome"),
            "outcome": unit.per.outcome or unit.per.value,
            "matching": unit.matching,
            "currency": unit.currency,
            "target_amount": unit.target,
            "includes_training": unit.cost.include_training,
            "investment_amount": unit.investment.amount if unit.investment else None,
            "invested_on": unit.investment.paid_on if unit.investment else None,
        }


def _unit_dimensions(config: Configuration) -> Iterator[Row]:
    for unit in config.units.units:
        for part in unit.grain:
            yield {"unit_id": unit.id, "role": "grain", "dimension": part}
        for dimension, values in unit.cost.values.items():
            for value in dict.fromkeys(values):
                yield {"unit_id": unit.id, "role": "filter", "dimension": dimension, "value": value}


def _amortisations(config: Configuration) -> Iterator[Row]:
    for policy in config.units.amortisation:
        expected = policy.expected.model_dump(exclude_none=True) if policy.expected else {}
        measure, quantity = next(iter(expected.items()), (None, None))
        yield {
            "amortisation_id": policy.id,
            "training_basis": policy.training.basis,
            "method": policy.method,
            "months": policy.months,
            "expected_measure": measure,
            "expected_quantity": quantity,
            "starts_on": policy.starts_on,
        }


def _amortisation_dimensions(config: Configuration) -> Iterator[Row]:
    for policy in config.units.amortisation:
        for role, named in (("training", policy.training.values), ("served_by", policy.served_by.values)):
            for dimension, values in named.items():
                for value in dict.fromkeys(values):
                    yield {
                        "amortisation_id": policy.id, "role": role, "dimension": dimension, "value": value
                    }  # fmt: skip


def _service_levels(config: Configuration) -> Iterator[Row]:
    for priority, level in enumerate(config.units.service_levels, start=1):
        yield {
            "objective_id": level.id,
            "objective_name": level.name,
            "priority": priority,
            "latency_target_milliseconds": level.latency.milliseconds if level.latency else None,
            "latency_target_ratio": level.latency.percentile / 100 if level.latency else None,
            "availability_target_ratio": level.availability,
            "window_days": level.window_days,
        }


def _service_level_dimensions(config: Configuration) -> Iterator[Row]:
    for level in config.units.service_levels:
        for dimension, values in level.values.items():
            for value in dict.fromkeys(values):
                yield {"objective_id": level.id, "dimension": dimension, "value": value}


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
    reconciliation = config.reconciliation
    for name in ("tolerance_ratio", "min_amount", "settle_days", "close_after_days"):
        yield {"name": name, "value": str(getattr(reconciliation, name))}
    for name, value in reconciliation.calibration.model_dump().items():
        yield {"name": f"calibration_{name}", "value": str(value)}
    for name, value in config.units.gpu.model_dump(exclude_none=True).items():
        yield {"name": f"gpu_{name}", "value": str(value)}
    yield {"name": "reporting_currency", "value": config.currencies.reporting_currency}
    yield {"name": "exchange_rate_max_age_days", "value": str(config.currencies.max_age_days)}
    yield {"name": "minimum_prompt_tokens", "value": str(config.units.caching.minimum_prompt_tokens)}
    yield {"name": "quality_tolerance", "value": str(config.units.model_routing.quality_tolerance)}


_BUILDERS = {
    "tag_rule": _tag_rules,
    "team": _teams,
    "app": _apps,
    "ai_category_rule": _ai_category_rules,
    "ai_category_tag": _ai_category_tags,
    "ai_candidate": _ai_candidates,
    "closing_rule": _closing_rules,
    "source": _sources,
    "pool": _pools,
    "pool_share": _pool_shares,
    "provisioned_model": _provisioned_models,
    "model_price": _model_prices,
    "meter_word": _meter_words,
    "meter_product": _meter_products,
    "exchange_rate": _exchange_rates,
    "focus_source": _focus_sources,
    "gpu_price": _gpu_prices,
    "gateway_account": _gateway_accounts,
    "budget": _budgets,
    "budget_ancestor": _budget_ancestors,
    "budget_change": _budget_changes,
    "budget_threshold": _budget_thresholds,
    "unit": _units,
    "unit_dimension": _unit_dimensions,
    "amortisation": _amortisations,
    "amortisation_dimension": _amortisation_dimensions,
    "service_level": _service_levels,
    "service_level_dimension": _service_level_dimensions,
    "event": _events,
    "setting": _settings,
}
