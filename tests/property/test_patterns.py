"""What holds of patterns whatever a currency is worth and however rows lie; ordinary usage shows none."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anomaly.pattern_days import Pattern
from models.anomaly.patterns import PatternFacts, find_patterns
from models.anomaly.settings import AnomalySettings

FIRST, DAYS = date(2026, 8, 3), 60
AS_OF = datetime(2026, 10, 2, 6, tzinfo=UTC)
LEVELS = {"chat": 120.0, "search": 400.0, "batch": 60.0}
PRICES = {"input_uncached": 2.0, "cache_read": 0.5, "output": 8.0}
ODD = 55


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def organisation(seed: int, *, planted: bool, noise: float = 0.15) -> PatternFacts:
    """Three apps with a weekly cycle and noise; ``planted`` breaks a cache, fails calls and lets a stranger in."""
    random = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, Any]]] = {field.name: [] for field in fields(PatternFacts)}
    for app, level in LEVELS.items():
        common = {"currency": "USD", "source": "spans", "team": f"team-{app}", "app": app, "region_id": "westeurope"}
        place = {"model": "gpt", "provider_name": "azure.ai.openai"}
        tables["first_use"] += [
            {"metric": "estimated_cost", "currency": "USD", "scope_type": kind, "scope_value": value, "dimension": of,
             "value": what, "first_used_on": FIRST, "source_since": FIRST}
            for kind, value, of, what in (
                ("app", app, "app", "all"), ("team", f"team-{app}", "team", "all"),
                ("team", f"team-{app}", "model", "gpt"),
            )
        ]  # fmt: skip
        for number in range(DAYS):
            is_odd = planted and number == ODD
            on = {**common, "usage_date": day(number)}
            cost = level * (1.1 if number % 7 < 5 else 0.7) * float(np.clip(random.normal(1, noise), 0.3, None))
            tokens = cost / 3 * 1e6
            shares = {"input_uncached": 0.45, "cache_read": 0.4, "output": 0.15}
            if is_odd and app == "search":
                shares = {"input_uncached": 0.85, "output": 0.15}
            for name, share in shares.items():
                count = int(tokens * share * float(np.clip(random.normal(1, 0.05), 0.5, None)))
                tables["usage"].append(
                    {**on, **place, "deployment_type": "global", "service_tier": "standard", "context_tier": 0,
                     "token_class": name, "tokens": count, "cost": PRICES[name] * count / 1e6,
                     "price_source": "config", "price_valid_from": date(2026, 1, 1)}
                )  # fmt: skip
            calls = int(cost * 10)
            failed = calls // 2 if is_odd and app == "chat" else int(random.binomial(calls, 0.02))
            tables["calls"].append(
                {**on, "model": "gpt", "request_count": calls, "error_count": failed,
                 "repeated_request_count": int(random.binomial(calls, 0.01)), "failed_cost": failed * 0.1,
                 "repeated_cost": 0.0}
            )  # fmt: skip
            tables["use"].append({**on, "metric": "estimated_cost", "model": "gpt", "cost": cost})
            hourly = cost * np.where((np.arange(24) >= 7) & (np.arange(24) < 20), 1 / 14, 1 / 154)
            for hour in range(24):
                at = datetime.combine(day(number), datetime.min.time()) + timedelta(hours=hour)
                row = {**on, **place, "usage_hour": at, "resource_id": "/accounts/one"}
                amount = float(hourly[hour] * np.clip(random.normal(1, noise), 0.1, None))
                tables["hours"].append({**row, "has_customer": True, "cost": amount})
                if is_odd and app == "batch":
                    tables["hours"].append({**row, "has_customer": False, "cost": 12.0})
    return PatternFacts(**{name: pd.DataFrame(rows) for name, rows in tables.items()})


def scaled(facts: PatternFacts, factor: float) -> PatternFacts:
    """The same in another currency: every amount times ``factor``."""
    tables = {}
    for field in fields(PatternFacts):
        table = getattr(facts, field.name).copy()
        for column in ("cost", "failed_cost", "repeated_cost"):
            if column in table.columns:
                table[column] = table[column] * factor
        tables[field.name] = table
    return PatternFacts(**tables)


def told(found: list[Pattern]) -> dict[tuple[Any, ...], float]:
    return {(one.name, one.scope, one.day): one.money for one in found}


PLANTED = organisation(1, planted=True)


@pytest.mark.ids("ANOM-3")
@pytest.mark.parametrize("seed", range(8))
def test_ordinary_usage_shows_no_pattern(seed: int) -> None:
    assert find_patterns(organisation(seed, planted=False), as_of=AS_OF) == []


@pytest.mark.ids("ANOM-1")
def test_what_is_planted_in_noise_is_found_and_nothing_else() -> None:
    found = told(find_patterns(PLANTED, as_of=AS_OF))
    assert {(name, scope.value, on) for name, scope, on in found} == {
        ("cache_collapse", "search", day(ODD)), ("error_storm", "chat", day(ODD)), ("leaked_key", "batch", day(ODD)),
    }  # fmt: skip


@pytest.mark.ids("ANOM-1", "COST-1")
@settings(max_examples=12, deadline=None)
@given(st.sampled_from([0.001, 0.25, 3.0, 160.0, 1e6]))
def test_a_currency_changes_no_answer(factor: float) -> None:
    plain = told(find_patterns(PLANTED, as_of=AS_OF))
    floor = AnomalySettings().minimum_impact * Decimal(str(factor))
    other = told(find_patterns(scaled(PLANTED, factor), as_of=AS_OF, settings=AnomalySettings(minimum_impact=floor)))
    assert other.keys() == plain.keys()
    assert all(other[key] == pytest.approx(plain[key] * factor) for key in plain)


@pytest.mark.ids("ANOM-1")
@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_rows_changes_no_answer(seed: int) -> None:
    shuffled = PatternFacts(
        **{name.name: getattr(PLANTED, name.name).sample(frac=1, random_state=seed) for name in fields(PatternFacts)}
    )
    other, plain = told(find_patterns(shuffled, as_of=AS_OF)), told(find_patterns(PLANTED, as_of=AS_OF))
    assert other.keys() == plain.keys()
    assert all(other[key] == pytest.approx(plain[key]) for key in plain)


@pytest.mark.ids("ANOM-1")
def test_no_day_is_judged_by_what_comes_after_it() -> None:
    early = find_patterns(PLANTED, as_of=datetime(2026, 9, 29, 6, tzinfo=UTC))  # the day after the odd one
    late = find_patterns(PLANTED, as_of=AS_OF)
    assert told(early) == told(late)
