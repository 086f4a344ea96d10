"""What-ifs: every change against the same sum by hand, ranges, sensitivity, errors that name what is known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.config import ConfigError, load_scenarios
from finops.config.scenarios import Scenario
from finops.pricing import Price
from finops.tokens import TokenClass
from models import Base, WhatIf, WhatIfError, build_base, what_if
from models.whatif.base import COST_COLUMNS, HOUR_COLUMNS, PROVISIONED_COLUMNS, USAGE_COLUMNS
from models.whatif.run import horizon

pytestmark = pytest.mark.ids("FCST-2")

WINDOW = (date(2026, 9, 21), date(2026, 10, 18))
WINDOW_DAYS = 28
FIRST, LAST = date(2026, 10, 20), date(2026, 11, 30)
DAYS = (LAST - FIRST).days + 1
AZURE = "azure.ai.openai"
PATHS = 40
PTU = "/subscriptions/0/accounts/units"

PRICES = {  # per million tokens
    ("gpt-4.1", "input_uncached", "standard"): 2.0,
    ("gpt-4.1", "cache_read", "standard"): 0.5,
    ("gpt-4.1", "output", "standard"): 8.0,
    ("gpt-4.1", "input_uncached", "batch"): 1.0,
    ("gpt-4.1", "output", "batch"): 4.0,
    ("gpt-4.1-mini", "input_uncached", "standard"): 0.4,
    ("gpt-4.1-mini", "cache_read", "standard"): 0.1,
    ("gpt-4.1-mini", "output", "standard"): 1.6,
}
TOKENS = {"input_uncached": 70_000_000, "cache_read": 30_000_000, "output": 10_000_000}
"""Of ``copilot`` a day."""
COPILOT_DAY = 70 * 2.0 + 30 * 0.5 + 10 * 8.0
GPU_DAY, PTU_DAY = 400.0, 240.0
GROWTH = 1.1


def usage_row(**values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(USAGE_COLUMNS)
    row.update(
        team="support", app="copilot", feature="answer", provider_name=AZURE, model="gpt-4.1", service_tier="standard",
        request_count=0,
    )  # fmt: skip
    return {**row, **values}


def cost_row(**values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COST_COLUMNS)
    row.update(team="support", app="copilot", provider_name="Microsoft", is_tokens=False)
    return {**row, **values}


def base(*, billed_share: float = 1.0, last: date = LAST, spread: float = 0.1) -> Base:
    """One app with tokens, one with machines, one pool of ten units of which seven are used by day and two by night."""
    usage = [
        usage_row(
            token_class=name,
            tokens=count * WINDOW_DAYS,
            estimated_cost=Decimal(str(count * WINDOW_DAYS * PRICES["gpt-4.1", name, "standard"] / 1e6)),
            request_count=20_000 * WINDOW_DAYS if name == "input_uncached" else 0,
        )
        for name, count in TOKENS.items()
    ]
    tokens = COPILOT_DAY * WINDOW_DAYS * billed_share
    cost = [
        cost_row(ai_category="inference", is_tokens=True, effective_cost=Decimal(str(tokens))),
        cost_row(
            team="robotics", app="vision", ai_category="gpu_compute",
            effective_cost=Decimal(str(GPU_DAY * WINDOW_DAYS)),
        ),
        cost_row(
            team="platform", app=None, ai_category="provisioned_capacity", resource_id=PTU,
            effective_cost=Decimal(str(PTU_DAY * WINDOW_DAYS)),
        ),
    ]  # fmt: skip
    days = [WINDOW[0] + timedelta(days=i) for i in range(WINDOW_DAYS)]
    provisioned = [("ptu", PTU, 240.0, 12 * 7.0 + 12 * 2.0, 108.0 * 2.5, 0.0) for _ in days]
    hours = [(PTU, pd.Timestamp(day) + pd.Timedelta(hours=h), 7 if h < 12 else 2) for day in days for h in range(24)]
    scopes = {
        ("app", "copilot"): COPILOT_DAY * billed_share * GROWTH,
        ("app", "vision"): GPU_DAY,
        ("company", "all"): COPILOT_DAY * billed_share * GROWTH + GPU_DAY + PTU_DAY,
    }
    ahead = [FIRST + timedelta(days=i) for i in range(DAYS)]
    random = np.random.default_rng(3)
    paths = []
    for (kind, name), amount in scopes.items():
        levels = 1 + spread * random.standard_normal(PATHS)
        paths += [(kind, name, path, day, amount * levels[path]) for path in range(PATHS) for day in ahead]
    return build_base(
        usage=pd.DataFrame(usage, columns=list(USAGE_COLUMNS)),
        cost=pd.DataFrame(cost, columns=list(COST_COLUMNS)),
        provisioned=pd.DataFrame(provisioned, columns=list(PROVISIONED_COLUMNS)),
        provisioned_hours=pd.DataFrame(hours, columns=list(HOUR_COLUMNS)),
        forecast=pd.DataFrame(
            [(kind, name, day, amount) for (kind, name), amount in scopes.items() for day in ahead],
            columns=["scope_type", "scope_value", "forecast_date", "expected_cost"],
        ),
        paths=pd.DataFrame(paths, columns=["scope_type", "scope_value", "path", "forecast_date", "cost"]),
        book=[
            Price(AZURE, model, TokenClass(name), Decimal(str(price)), "config", f"{model}-{name}-{tier}",
                  service_tier=tier)
            for (model, name, tier), price in PRICES.items()
        ],
        window=WINDOW,
        as_of=FIRST,
        currency="USD",
        first_day=FIRST,
        last_day=last,
    )  # fmt: skip


def ask(*changes: dict[str, Any], of: Base | None = None, draws: int = 60, **more: Any) -> WhatIf:
    scenario = Scenario.model_validate({"id": "s", "name": "s", "changes": list(changes), **more})
    return what_if(scenario, of or base(), draws=draws)


def difference(*changes: dict[str, Any], of: Base | None = None) -> float:
    return float(ask(*changes, of=of).total.difference.expected)


COPILOT = {"app": ["copilot"]}


def test_without_changes_it_is_the_forecast() -> None:
    answer = ask({"kind": "traffic", "factor": 1})
    whole = (COPILOT_DAY * GROWTH + GPU_DAY + PTU_DAY) * DAYS
    assert float(answer.total.without.expected) == pytest.approx(whole, rel=1e-9)
    assert answer.total.difference.expected == 0
    assert [(one.first_day, one.last_day) for one in answer.months] == [
        (FIRST, date(2026, 10, 31)),
        (date(2026, 11, 1), LAST),
    ]


def test_traffic_grows_tokens_and_nothing_else() -> None:
    assert difference({"kind": "traffic", "factor": 1.3}) == pytest.approx(0.3 * COPILOT_DAY * GROWTH * DAYS)
    later = {"kind": "traffic", "factor": 1.3, "starts_on": date(2026, 11, 1)}
    assert difference(later) == pytest.approx(0.3 * COPILOT_DAY * GROWTH * 30)
    ramp = {"kind": "traffic", "factor": 2, "ramp_days": 9}
    assert difference(ramp) == pytest.approx(COPILOT_DAY * GROWTH * (sum(range(1, 10)) / 10 + DAYS - 9))


def test_another_model_is_priced_by_the_book() -> None:
    mini = 70 * 0.4 + 30 * 0.1 + 10 * 1.2 * 1.6
    change = {"kind": "model", "where": COPILOT, "to_model": "gpt-4.1-mini", "share": 0.5, "output_tokens": 1.2}
    assert difference(change) == pytest.approx((0.5 * mini - 0.5 * COPILOT_DAY) * GROWTH * DAYS)
    # What the bill takes off the list price is taken off the other model of the same provider too.
    cheaper = base(billed_share=0.8)
    assert difference(change, of=cheaper) == pytest.approx((0.5 * mini - 0.5 * COPILOT_DAY) * 0.8 * GROWTH * DAYS)


def test_cache_batch_price_and_machines() -> None:
    cached = {"kind": "cache_rate", "where": COPILOT, "rate": 0.6}
    assert difference(cached) == pytest.approx(30 * (0.5 - 2.0) * GROWTH * DAYS)
    uncached = {"kind": "cache_rate", "where": COPILOT, "rate": 0}
    assert difference(uncached) == pytest.approx(30 * (2.0 - 0.5) * GROWTH * DAYS)
    batch = {"kind": "batch_share", "where": COPILOT, "share": 0.5}
    # The book has no batch price for cached input: full batch input is what the provider would charge.
    assert difference(batch) == pytest.approx(0.5 * (70 * -1.0 + 30 * 0.5 + 10 * -4.0) * GROWTH * DAYS)
    price = {"kind": "price", "where": {"model": ["gpt-4.1"]}, "token_class": ["output"], "factor": 0.5}
    assert difference(price) == pytest.approx(-40 * GROWTH * DAYS)
    assert difference({"kind": "gpu_price", "factor": 0.6}) == pytest.approx(-0.4 * GPU_DAY * DAYS)


def test_fewer_units_cost_less_and_spill_over_by_the_hour() -> None:
    # Five of ten units: half the money, and two units too few in twelve hours at 2.50 for a unit's calls.
    expected = -PTU_DAY / 2 + 12 * 2 * 2.5
    assert difference({"kind": "provisioned_units", "pool": "ptu", "units": 5}) == pytest.approx(expected * DAYS)
    assert difference({"kind": "provisioned_units", "pool": "ptu", "units": 7}) == pytest.approx(-PTU_DAY * 0.3 * DAYS)


@pytest.mark.ids("FCST-3")
def test_a_new_feature_is_like_its_analogue_or_as_expected() -> None:
    like = {"kind": "new_feature", "feature": "letters", "where": COPILOT, "requests_per_day": 5000}
    assert difference(like) == pytest.approx(COPILOT_DAY / 20_000 * 5000 * DAYS)
    tokens = {"input_uncached": 2000, "output": 500}
    said = {
        "kind": "new_feature", "feature": "letters", "team": "support", "provider": AZURE, "model": "gpt-4.1-mini",
        "tokens_per_request": tokens, "requests_per_day": 10_000,
    }  # fmt: skip
    assert difference(said) == pytest.approx((20 * 0.4 + 5 * 1.6) * DAYS)


def test_changes_follow_each_other_and_effects_sum_to_the_difference() -> None:
    answer = ask(
        {"kind": "traffic", "where": COPILOT, "factor": 2},
        {"kind": "model", "where": COPILOT, "to_model": "gpt-4.1-mini"},
        {"kind": "price", "where": {"model": ["gpt-4.1-mini"]}, "factor": 0.5},
    )
    mini = 70 * 0.4 + 30 * 0.1 + 10 * 1.6
    assert float(answer.total.difference.expected) == pytest.approx((mini - COPILOT_DAY) * GROWTH * DAYS)
    assert sum(effect.effect for effect in answer.effects) == answer.total.difference.expected
    assert [float(effect.effect) for effect in answer.effects] == pytest.approx(
        [daily * GROWTH * DAYS for daily in (COPILOT_DAY, 2 * (mini - COPILOT_DAY), -mini)]
    )
    assert [(part.team, part.app) for part in answer.parts] == [("support", "copilot")]


amount = st.decimals(min_value=0, max_value=2, places=3)


@settings(max_examples=25, deadline=None)
@given(st.lists(amount, min_size=3, max_size=3).map(sorted), amount, st.integers(0, 60))
def test_parts_and_months_sum_to_the_whole(ends: list[Decimal], factor: Decimal, ramp: int) -> None:
    low, likely, high = ends
    answer = ask(
        {"kind": "traffic", "factor": {"low": low, "likely": likely, "high": high}, "ramp_days": ramp},
        {"kind": "gpu_price", "factor": factor},
        draws=5,
    )
    cent = Decimal("0.00001")
    gap = answer.total.difference.expected
    assert sum(effect.effect for effect in answer.effects) == gap
    assert abs(sum(part.with_changes - part.without for part in answer.parts) - gap) < cent
    assert abs(sum(one.difference.expected for one in answer.months) - gap) < cent
    for one in (*answer.months, answer.total):
        for spread in (one.without, one.with_changes, one.difference):
            assert spread.lo95 <= spread.lo80 <= spread.hi80 <= spread.hi95


def test_ranges_and_the_forecast_make_it_unsure_and_the_bars_say_what_most() -> None:
    sure = base(spread=0.0)
    fixed = ask({"kind": "traffic", "factor": 1.3}, of=sure)
    assert fixed.total.difference.lo95 == fixed.total.difference.hi95 == fixed.total.difference.expected
    ranged = {"kind": "traffic", "factor": {"low": 1, "likely": 1.3, "high": 2}}
    answer = ask(ranged, {"kind": "gpu_price", "factor": 0.9}, of=sure, draws=2000)
    token = COPILOT_DAY * GROWTH * DAYS
    machines = -0.1 * GPU_DAY * DAYS
    # A triangular number's 10th percentile: low + √(0.1 × (high − low) × (likely − low)).
    assert float(answer.total.difference.lo80) == pytest.approx(
        token * (0.1 * 1 * 0.3) ** 0.5 + machines, abs=0.01 * token
    )
    first, second, third = answer.swings
    assert (first.low, first.high, first.is_assumed) == (Decimal(1), Decimal(2), False)
    assert float(first.difference_at_low) == pytest.approx(machines)
    assert float(first.difference_at_high) == pytest.approx(token + machines)
    assert second.is_assumed
    assert "GPU" in second.what
    assert third.what == "the forecast itself"
    assert third.width == 0
    assert answer == ask(ranged, {"kind": "gpu_price", "factor": 0.9}, of=sure, draws=2000)


def test_beyond_the_forecast_its_last_weeks_go_on() -> None:
    answer = ask({"kind": "gpu_price", "factor": 0.5}, of=base(last=date(2027, 1, 31)))
    assert float(answer.total.difference.expected) == pytest.approx(-0.5 * GPU_DAY * 104)
    assert any("ends on 2026-11-30" in note for note in answer.notes)


def test_a_price_that_stands_in_is_named() -> None:
    """Thinking is paid as output, and the cached input of a model without a price for it as full input."""
    new = {
        "kind": "new_feature", "feature": "letters", "provider": AZURE, "model": "gpt-4.1-mini",
        "tokens_per_request": {"reasoning": 1000, "cache_write_5m": 1000}, "requests_per_day": 1000,
    }  # fmt: skip
    answer = ask(new)
    assert float(answer.total.difference.expected) == pytest.approx((1.6 + 0.4) * DAYS)
    assert "gpt-4.1-mini has no price of its own for reasoning: it counts as output" in answer.notes
    assert "gpt-4.1-mini has no price of its own for cache_write_5m: it counts as input_uncached" in answer.notes


def test_an_answer_can_be_kept() -> None:
    answer = ask({"kind": "traffic", "factor": {"low": 1, "likely": 1.3, "high": 2}})
    assert WhatIf.from_json(answer.to_json()) == answer
    with pytest.raises(ValueError, match="run the scenario again"):
        WhatIf.from_json('{"format": 0}')


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "traffic", "where": {"app": ["copilt"]}, "factor": 2}, "no usage of app 'copilt'. Known: copilot"),
        ({"kind": "model", "to_model": "gpt-4.1-mni"}, r"no model 'gpt-4.1-mni' .* Near it: gpt-4.1-mini"),
        ({"kind": "model", "to_model": "gpt-4.1", "to_provider": "openai"}, "it is of azure.ai.openai"),
        ({"kind": "provisioned_units", "pool": "p", "units": 1}, "pool 'p' were used. Known: ptu"),
        ({"kind": "gpu_price", "where": {"team": ["support"]}, "factor": 1}, "no GPU cost of team 'support'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(change: dict[str, Any], words: str) -> None:
    with pytest.raises(WhatIfError, match=words) as caught:
        ask({"kind": "gpu_price", "factor": 0.9}, change)
    assert str(caught.value).startswith(f"scenario s, change 2 ({change['kind']}): ")


def test_a_scenario_starts_in_the_future() -> None:
    past = Scenario.model_validate(
        {"id": "s", "name": "s", "starts_on": "2026-10-01", "changes": [{"kind": "gpu_price", "factor": 1}]}
    )
    with pytest.raises(WhatIfError, match="before the report's day 2026-10-20"):
        horizon(past, FIRST, LAST)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        ("{kind: traffic, factor: {low: 2, likely: 1, high: 3}}", 4, "not in this order"),
        ("{kind: batch_share, share: 80}", 4, "between 0 and 1"),
        ("{kind: new_feature, feature: x, requests_per_day: 5}", 4, "nothing says what a call is like"),
        ("{kind: traffic, factr: 2}", 4, "factor"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_told_by_line(tmp_path: Path, change: str, line: int, words: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(f"scenarios:\n- id: one\n  name: one\n  changes: [{change}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load_scenarios(file)
    assert {problem.line for problem in caught.value.problems} == {line}


def test_the_scenarios_of_the_project_are_read_exactly(project_dir: Path) -> None:
    file = project_dir / "config" / "scenarios.yml"
    found = load_scenarios(file)
    assert [one.id for one in found] == [one["id"] for one in yaml.safe_load(file.read_text())["scenarios"]]
    assert found[0].changes[0].share.likely == Decimal("0.5")  # type: ignore[union-attr]
