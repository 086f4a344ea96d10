"""What each kind of policy looks at, what level that reaches, and what people read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from finops.config.policies import Policy
from guardrails import GuardrailFact, Level, State, Suppression, assess, decide, plan_messages, webhook_schema
from guardrails.decide.judgement import FACT_KINDS
from guardrails.facts import KINDS
from tests.support.guardrail_factory import AS_OF, PAUSE, ROUTES, TELL, any_fact, any_policy, budget_fact, card

pytestmark = pytest.mark.ids("GUARD-1")

DAY = timedelta(days=1)


def levels(*at: Any, key: str = "at") -> dict[str, Any]:
    names = ("warn", "pause")
    does = ([TELL], [TELL, PAUSE])
    return {"levels": [{"level": names[i], key: value, "do": does[i]} for i, value in enumerate(at)]}


def burn(window: str, ratio: str, **changes: Any) -> GuardrailFact:
    """A team's money of some days against the 100 a day that its budget allows."""
    days = int(window[0])
    allowed = Decimal(100) * days
    value = allowed * Decimal(ratio)
    return any_fact(
        "burn_rate", str(value), fact_id=f"burn-{window}", budget_id="search", scope_type="team", period="2026-10",
        metric=f"burn_rate_{window}", reference=allowed, ratio=Decimal(ratio), increase_amount=value - allowed,
        **changes,
    )  # fmt: skip


def hour(period: str, value: str, **changes: Any) -> GuardrailFact:
    return any_fact("hourly_use", value, fact_id=f"hour-{period}", period=period, **changes)


BURN = any_policy("burn_rate", **levels("1.5", "3"))
ANOMALY = any_policy("anomaly", min_amount=100, **levels("medium", "critical", key="at_severity"))
OFF_HOURS = any_policy(
    "off_hours", office_hours={"time_zone": "Europe/Berlin", "from": "08:00", "to": "18:00"}, **levels(10, 50)
)
IDLE = any_policy("idle_gpu", min_amount=100, **levels("0.3", "0.6"))
TOKENS = any_policy("token_cap", cap=1000, caps={"search": 2000}, **levels("0.8", "1"))
TOTAL_TOKENS = any_policy("token_cap", tokens="total", caps={"fraud": 10}, **levels("0.8", "1"))
CONTEXT = any_policy("context_length", **levels(50_000, 100_000))
MODELS = any_policy("model_not_allowed", allowed=["gpt-5-*"], allowed_for={"search": ["o4"]}, **levels(1, 20))
REGIONS = any_policy("data_residency", allowed=["*europe*", "swedencentral"], **levels(1, 20))
TAGS = any_policy("tag_missing", tags=["cost_center"], scope_type="team", **levels(100, 1000))
PRICES = any_policy("price_unknown", **levels(1000, 1_000_000))

TEAM = {"scope_type": "team"}

GOLDEN: list[tuple[str, Policy, list[GuardrailFact], str | None, str]] = [
    (
        "both windows burn",
        BURN,
        [burn("1d", "4"), burn("3d", "3.2"), burn("7d", "1")],
        "pause",
        "Team search cost USD 960.00 in 3 days, 3.2 times the USD 300.00 that its budget search allows in them. "
        "The platform was asked to pause it.",
    ),
    ("one day alone is no trend", BURN, [burn("1d", "4"), burn("3d", "1.2")], None, ""),
    ("a window that is missing says nothing", BURN, [burn("1d", "4")], None, ""),
    ("small money", BURN, [burn("1d", "1.2"), burn("3d", "4")], None, ""),
    (
        "critical",
        ANOMALY,
        [any_fact("anomaly", "4", unit="level", subject="inc-7", period="2026-10-18", increase_amount=Decimal(1200))],
        "pause",
        "App search has an incident of critical severity since 2026-10-18 (inc-7): USD 1,200.00 so far. "
        "The platform was asked to pause it.",
    ),
    ("high", ANOMALY, [any_fact("anomaly", "3", unit="level", subject="i", increase_amount=Decimal(100))], "warn", ""),
    ("low", ANOMALY, [any_fact("anomaly", "1", unit="level", subject="i", increase_amount=Decimal(500))], None, ""),
    ("cheap", ANOMALY, [any_fact("anomaly", "4", unit="level", subject="i", increase_amount=Decimal(99))], None, ""),
    (
        "a night's use adds up",
        OFF_HOURS,
        [hour("2026-10-19T15", "900"), hour("2026-10-19T16", "20"), hour("2026-10-20T02", "31")],
        "pause",
        "App search cost USD 51.00 outside office hours since 2026-10-19. The platform was asked to pause it.",
    ),
    ("office hours have begun", OFF_HOURS, [hour("2026-10-20T05", "90"), hour("2026-10-20T06", "90")], None, ""),
    (
        "a weekend is one night",
        OFF_HOURS,
        [hour("2026-10-16T17", "6"), hour("2026-10-18T20", "5")],
        "warn",
        "App search cost USD 11.00 outside office hours since 2026-10-16.",
    ),
    (
        "most of the pool",
        IDLE,
        [any_fact("idle_gpu", "700", subject="a100", reference=Decimal(1000), ratio=Decimal("0.7"), **TEAM)],
        "pause",
        "Team search left 70.0% of its GPUs of a100 idle on 2026-10-19: USD 700.00 of USD 1,000.00. "
        "The platform was asked to pause it.",
    ),
    ("a small pool", IDLE, [any_fact("idle_gpu", "99", ratio=Decimal("0.9"), **TEAM)], None, ""),
    (
        "its own cap",
        TOKENS,
        [any_fact("tokens", "1700", unit="tokens", metric="output_tokens_day", increase_amount=Decimal(3))],
        "warn",
        "App search used 1,700 output tokens on 2026-10-19, 85.0% of its cap of 2,000 (USD 3.00).",
    ),
    (
        "the cap of all others",
        TOKENS,
        [any_fact("tokens", "1700", unit="tokens", metric="output_tokens_day", scope_value="fraud")],
        "pause",
        "",
    ),
    ("other tokens", TOKENS, [any_fact("tokens", "9000", unit="tokens", metric="total_tokens_day")], None, ""),
    ("without a cap", TOTAL_TOKENS, [any_fact("tokens", "9000", unit="tokens", metric="total_tokens_day")], None, ""),
    (
        "long prompts",
        CONTEXT,
        [any_fact("context_length", "120000", unit="tokens", subject="gpt-5")],
        "pause",
        "App search sends gpt-5 up to 120,000 input tokens a request. The platform was asked to pause it.",
    ),
    ("allowed by a pattern", MODELS, [any_fact("model_use", "900", subject="gpt-5-mini")], None, ""),
    ("allowed for the app", MODELS, [any_fact("model_use", "900", subject="o4")], None, ""),
    (
        "not for another app",
        MODELS,
        [any_fact("model_use", "30", subject="o4", scope_value="fraud")],
        "pause",
        "App fraud used o4 on 2026-10-19, which it may not: USD 30.00. The platform was asked to pause it.",
    ),
    ("a model without a name", MODELS, [any_fact("model_use", "30")], "pause", ""),
    ("in Europe", REGIONS, [any_fact("region_use", "900", subject="westeurope")], None, ""),
    (
        "elsewhere",
        REGIONS,
        [any_fact("region_use", "5", subject="eastus")],
        "warn",
        "App search spent USD 5.00 in 30 days in eastus, where it may not run.",
    ),
    (
        "untagged",
        TAGS,
        [any_fact("tag_missing", "2000", subject="cost_center", **TEAM)],
        "pause",
        "Team search has USD 2,000.00 of the last 30 days without the tag cost_center. "
        "The platform was asked to pause it.",
    ),
    ("another tag", TAGS, [any_fact("tag_missing", "2000", subject="owner", **TEAM)], None, ""),
    (
        "a sub account",
        TAGS,
        [any_fact("tag_missing", "2000", subject="cost_center", scope_type="sub_account")],
        None,
        "",
    ),
    (
        "no price",
        PRICES,
        [any_fact("price_unknown", "5000", unit="tokens", scope_type="model", scope_value="gpt-6")],
        "warn",
        "Model gpt-6 used 5,000 tokens without a known price.",
    ),
]


@pytest.mark.parametrize(
    ("policy", "facts", "level", "sentence"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN]
)
def test_golden_table(policy: Policy, facts: list[GuardrailFact], level: str | None, sentence: str) -> None:
    made = decide(facts, [policy], State(), as_of=AS_OF)
    assert [d.level for d in made] == ([level] if level else [])
    if sentence:
        assert made[0].reason == sentence
    if made:
        assert made[0].subject == facts[0].subject


@pytest.mark.ids("GUARD-2")
def test_every_order_is_the_documented_webhook() -> None:
    kinds = set()
    for policy, facts in ((case[1], case[2]) for case in GOLDEN if case[3]):
        for message in plan_messages(
            decide(facts, [policy], State(), as_of=AS_OF), [policy], card, routes=ROUTES
        ):  # fmt: skip
            if message.is_order:
                jsonschema.validate(message.body, webhook_schema(), jsonschema.Draft202012Validator)
                kinds.add(message.body["data"]["policy"]["kind"])
    assert len(kinds) == 8, "the others only warn here"


def test_every_kind_of_fact_is_judged_by_one_kind_of_policy() -> None:
    assert sorted(FACT_KINDS.values()) == sorted(KINDS)


def test_subjects_are_targets_of_their_own() -> None:
    facts = [any_fact("model_use", "30", fact_id=name, subject=name) for name in ("o3", "o4-pro")]
    made = decide(facts, [MODELS], State(), as_of=AS_OF)
    assert [d.target for d in made] == ["app:search/o3", "app:search/o4-pro"]
    assert len({d.decision_id for d in made}) == 2


def play(policy: Policy, *days: list[GuardrailFact]) -> list[tuple[str, str]]:
    """Level and reason of what is decided day after day; each list holds the facts of one day, as fresh as it."""
    state, made = State(), []
    for day, facts in enumerate(days):
        fresh = [
            replace(fact, data_through=fact.data_through + day * DAY) for fact in facts if fact.data_through is not None
        ]
        assessment = assess(fresh, [policy], state, as_of=AS_OF + day * DAY)
        made += [(d.level, d.reason) for d in assessment.decisions]
        ids = frozenset(d.decision_id for d in assessment.decisions)
        state = State({**state.targets, **assessment.targets}, state.decided | ids)
    return made


OTHER = any_fact("model_use", "1", fact_id="other", scope_value="fraud", subject="gpt-5-mini")


def test_what_is_not_measured_any_more_is_clear_where_others_are_measured() -> None:
    used = [any_fact("model_use", "30", subject="o3"), OTHER]
    made = play(MODELS.model_copy(update={"clear_after": 2}), used, [OTHER], [OTHER])
    assert [level for level, _ in made] == ["pause", "release"]
    assert "USD 0.00" in made[1][1]


def test_what_is_not_measured_any_more_proves_nothing_where_nothing_is_measured() -> None:
    used = [any_fact("model_use", "30", subject="o3"), OTHER]
    stale = replace(OTHER, is_reconciled=False)
    assert [level for level, _ in play(MODELS, used, [], [stale], [budget_fact("0.1")], [])] == ["pause"]


def test_an_incident_that_is_over_leaves_no_fact_and_is_released() -> None:
    incident = any_fact("anomaly", "4", unit="level", subject="inc-7", increase_amount=Decimal(1200))
    bill = budget_fact("0.1", data_through=incident.data_through)
    made = play(ANOMALY, [incident], [bill], [bill])
    assert [level for level, _ in made] == ["pause", "release"]
    assert made[1][1].startswith("App search has no open incident inc-7 any more. The guardrail is released")


def test_office_hours_release_what_the_night_paused_at_once() -> None:
    night, morning = [hour("2026-10-20T02", "80")], [hour("2026-10-20T07", "80")]
    made = play(OFF_HOURS, night, morning)
    assert [level for level, _ in made] == ["pause", "release"]
    assert "2026-10-20 began with office hours" in made[1][1]


def test_a_new_day_has_its_own_cap() -> None:
    def used(period: str, tokens: str) -> GuardrailFact:
        return any_fact("tokens", tokens, unit="tokens", metric="output_tokens_day", period=period)

    made = play(TOKENS, [used("2026-10-19", "2500")], [used("2026-10-20", "100"), used("2026-10-19", "2600")])
    assert [level for level, _ in made] == ["pause", "release"]
    assert "2026-10-20 has its own cap" in made[1][1]


def test_data_that_cannot_be_trusted_acts_for_no_kind() -> None:
    for policy, facts in ((case[1], case[2]) for case in GOLDEN if case[3] == "pause"):
        old = [replace(fact, data_through=datetime(2026, 10, 1, tzinfo=UTC)) for fact in facts]
        wrong = [replace(fact, is_reconciled=False) for fact in facts]
        for untrusted, why in ((old, Suppression.STALE_DATA), (wrong, Suppression.NOT_RECONCILED)):
            [made] = decide(untrusted, [policy], State(), as_of=AS_OF)
            assert (made.level, made.suppressed_because, made.action_kinds) == (Level.PAUSE, why, ())


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("token_cap", levels("1"), "there is no cap"),
        ("model_not_allowed", levels("1"), "nothing is allowed"),
        ("idle_gpu", levels("1.5"), "less than or equal to 1"),
        ("context_length", levels("0.5"), "valid integer"),
        ("anomaly", levels("severe", key="at_severity"), "'low', 'medium', 'high' or 'critical'"),
        ("off_hours", levels("1"), "office_hours"),
        ("burn_rate", {**levels("2"), "windows": ["2d"]}, "'1d', '3d' or '7d'"),
        ("burn_rate", levels("0.5"), "clear_below"),
        ("budget", {"levels": []}, "at least 1 item"),
        ("price_unknown", {**levels(10, 100), "clear_below": 100}, "clear_below is not below pause"),
        ("data_residency", {**levels(1), "allowed": [" "]}, "not a name or pattern"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(kind: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        any_policy(kind, **settings)
