"""How long it takes to replay policies over the past: 50 policies, 200 targets, 90 days in steps of five minutes.

    python -m benchmarks.policy_replay [--days 90] [--policies 50] [--targets 200]

Here: made-up facts that change as those of an organisation do (bills once a day, usage by the hour and by the day), the
real ``assess``, approvals after half an hour.
Not here: whether the decisions are right (tests), and how long it takes to read the facts of a home.

Floor: judging everything at every moment, on a slice of the same moments.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from finops.config.policies import GuardrailsFile, Policy
from guardrails import Approvals, FactChange, GuardrailFact, State, assess, replay
from guardrails.replay.engine import carried_on, carried_out

LAST = datetime(2026, 10, 20, 6, tzinfo=UTC)
STEP = timedelta(minutes=5)
APPROVALS = Approvals(timedelta(minutes=30))
TELL, PAUSE = {"kind": "notify", "route": "chat"}, {"kind": "pause", "route": "hook"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--policies", type=int, default=50)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--slice", type=int, default=40, help="moments of the floor")
    options = parser.parse_args()
    first = LAST - timedelta(days=options.days)
    policies = some_policies(options.policies, options.targets)
    changes = list(some_changes(options.days, options.targets))
    started = time.process_time()
    found = replay(changes, policies, first=first, last=LAST, step=STEP, approvals=APPROVALS)
    seconds = time.process_time() - started
    floor = every_moment(changes, policies, first + timedelta(days=options.days // 2), options.slice)
    whole = floor / options.slice * found.moment_count
    print(f"{len(changes):,} facts, {len(policies)} policies, {options.targets} targets")
    print("\n| | seconds of CPU | moments | judgements | decisions |\n|---|---|---|---|---|")
    row = f"{found.moment_count:,} | {found.judgement_count:,} | {len(found.decisions):,}"
    print(f"| replay | {seconds:.1f} | {row} |")
    print(f"| floor: everything at every moment | {floor:.1f} | {options.slice:,} | | |")
    print(f"\nThe floor would take {whole / 3600:.1f} hours: {whole / seconds:,.0f} times as long.")


def some_policies(count: int, targets: int) -> list[Policy]:
    """Of five kinds in turn; each looks at every target, or at a fifth of them."""
    levels = {
        "budget": ("0.8", "1", {"clear_below": "0.7"}),
        "usage_doubled": ("1.6", "2.2", {"clear_below": "1.2", "scope_type": "app"}),
        "token_cap": ("0.8", "1", {"cap": 1_000_000, "scope_type": "app"}),
        "burn_rate": ("1.3", "2", {"clear_below": "1.0", "windows": ["1d", "3d"]}),
        "model_not_allowed": ("60", "120", {"allowed": ["gpt-5*"], "clear_below": "45"}),
    }
    documents = []
    for number in range(count):
        kind = list(levels)[number % len(levels)]
        warn, pause, more = levels[kind]
        if kind in ("budget", "burn_rate") and number % 2:
            more = more | {"budgets": [f"b-{n}" for n in range(number % 5, targets, 5)]}
        documents.append({
            "id": f"p-{number}", "kind": kind, "description": "", "owner": "o@example.com", "mode": "enforce",
            "levels": [
                {"level": "warn", "at": warn, "do": [TELL]},
                {"level": "pause", "at": pause, "do": [TELL, PAUSE], "approvals": number % 2, "grace_minutes": 30},
            ],
            "acts_when": {"time_zone": "Europe/Berlin"} if number % 3 == 0 else None,
            **more,
        })  # fmt: skip
    return list(GuardrailsFile.model_validate({"policies": documents}).policies)


def some_changes(days: int, targets: int) -> Iterator[FactChange]:
    """Per target: a budget and its burn rates as each day's bill comes, usage by the day, tokens by the hour."""
    chance = random.Random(7)
    midnight = LAST.replace(hour=0) - timedelta(days=days)
    for number in range(targets):
        name, app = f"b-{number}", f"app-{number}"
        usual, spent, month = chance.uniform(0.015, 0.04), 0.0, ""
        for day in range(days + 1):
            at = midnight + timedelta(days=day)
            rate = usual * chance.lognormvariate(0, 0.35)
            if f"{at:%Y-%m}" != month:
                month, spent = f"{at:%Y-%m}", 0.0
            spent += rate
            billed = at + timedelta(hours=5)
            common = {"budget_id": name, "scope_type": "app", "scope_value": app, "period": month}
            yield _change("budget", "effective_cost", spent, billed, 24, reference=1.0, **common)
            for days_back in (1, 3):
                noise = chance.lognormvariate(0, 0.35 / days_back)
                metric = f"burn_rate_{days_back}d"
                yield _change("burn_rate", metric, rate * 31 * noise, billed, 24, reference=1.0, **common)
            used = {"scope_type": "app", "scope_value": app, "period": f"{at:%Y-%m-%d}"}
            told = at + timedelta(hours=25)
            doubled = chance.lognormvariate(0, 0.2)
            yield _change("usage_doubled", "estimated_cost", doubled, told, 24, reference=1.0, **used)
            yield _change("model_use", "estimated_cost", rate * 1000, told, 24, subject="gpt-4.1", **used)
            tokens = 0.0
            for hour in range(0, 24, 3):
                tokens += rate * 4_000_000 * chance.random()
                at_hour = at + timedelta(hours=hour + 1)
                yield _change("tokens", "output_tokens_day", tokens, at_hour, 3, unit="tokens", **used)


def _change(kind: Any, metric: str, value: float, at: datetime, hours: float, **columns: Any) -> FactChange:
    number, reference = Decimal(f"{value:.6f}"), columns.pop("reference", None)
    values: dict[str, Any] = {
        "fact_id": f"{kind}/{metric}/{columns['scope_value']}/{at:%Y-%m-%dT%H}", "kind": kind, "metric": metric,
        "budget_id": None, "value": number * 1000, "reference": reference and Decimal(1000),
        "ratio": number if reference else None, "projected_ratio": None, "currency": "USD",
        "increase_amount": number * 1000, "data_through": at - timedelta(hours=1), "is_reconciled": True, "as_of": at,
    }  # fmt: skip
    if reference is None:
        values |= {"value": number, "increase_amount": number}
    return FactChange(GuardrailFact(**values | columns), at + timedelta(hours=hours))


def every_moment(changes: list[FactChange], policies: list[Policy], first: datetime, moments: int) -> float:
    """Seconds of CPU for judging everything at each of some moments, state and ids carried along."""
    by_id = {policy.id: policy for policy in policies}
    state, seconds = State(), 0.0
    for number in range(moments):
        at = first + number * STEP
        facts = [one.fact for one in changes if one.known_from <= at and (one.known_to is None or at < one.known_to)]
        started = time.process_time()
        begun = {key: carried_on(by_id[key.policy_id], one, at, APPROVALS) for key, one in state.targets.items()}
        found = assess(facts, policies, State(begun, state.decided), as_of=at)
        after = {key: carried_out(one, at) for key, one in found.targets.items()}
        state = State({**begun, **after}, state.decided | {one.decision_id for one in found.decisions})
        seconds += time.process_time() - started
    return seconds


if __name__ == "__main__":
    main()
