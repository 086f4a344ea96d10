"""The gate's judgement: what a job is told, and why."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops.config import ConfigError
from guardrails.gate import GateError, Outcome, ask_of_review, judge, parse_ask, parse_price
from tests.support.gates import NOW, ask, facts, line, settings

pytestmark = pytest.mark.ids("GUARD-2", "BUD-2")

LEVELS = settings(warn_above="0.8", approval_above="0.9", deny_above="1")
MONEY = st.decimals(0, 10**9, places=6, allow_nan=False)


@pytest.mark.parametrize(
    ("used", "outcome", "proceeds"),
    [
        ("0", Outcome.ALLOW, True),
        ("700", Outcome.ALLOW, True),
        ("700.000001", Outcome.WARN, True),
        ("800", Outcome.WARN, True),
        ("800.000001", Outcome.APPROVAL, False),
        ("900", Outcome.APPROVAL, False),
        ("900.000001", Outcome.DENY, False),
    ],
)
def test_the_share_after_the_job_decides_and_the_limit_itself_is_still_inside(
    used: str, outcome: Outcome, proceeds: bool
) -> None:
    answer = judge(ask("100"), facts(line(used=used)), {}, LEVELS, NOW)
    assert (answer.outcome, answer.proceeds) == (outcome, proceeds)


def test_the_words_name_the_budget_the_money_and_what_is_left() -> None:
    budget = line(used="850")
    answer = judge(ask("200"), facts(budget), {budget.key: Decimal(40)}, LEVELS, NOW)
    assert answer.reason == (
        "Budget search: USD 850.00 used, USD 40.00 held by other jobs, USD 200.00 for this one would make 109.0% of "
        "USD 1,000.00, above 100.0%. USD 110.00 are left."
    )


@given(used=MONEY, held=MONEY, estimate=MONEY, more=MONEY)
def test_asking_for_more_never_gets_a_better_answer(
    used: Decimal, held: Decimal, estimate: Decimal, more: Decimal
) -> None:
    budget = line(used=str(used), amount="1000000")
    before, after = (
        judge(ask(str(amount)), facts(budget), {budget.key: held}, LEVELS, NOW)
        for amount in (estimate, estimate + more)
    )
    order = [Outcome.ALLOW, Outcome.WARN, Outcome.APPROVAL, Outcome.DENY]
    assert order.index(after.outcome) >= order.index(before.outcome)
    if before.proceeds:
        assert used + held + estimate <= 1_000_000


def test_an_app_falls_under_its_team_business_unit_company_and_whatever_caps_them() -> None:
    known = facts(
        line("copilot", scope_type="app", parent="umbrella"),
        line("support"),
        line("commerce", scope_type="business_unit"),
        line("company-ai", scope_type="company", scope_value="all"),
        line("umbrella", scope_type="project"),
        line("search"),
        team_of_app={"copilot": "support"},
        business_unit_of_team={"support": "commerce"},
    )
    answer = judge(ask(scopes={"app": "copilot"}), known, {}, LEVELS, NOW)
    assert [one.budget_id for one in answer.lines] == ["commerce", "copilot", "support", "umbrella", "company-ai"]


def test_the_worst_budget_decides() -> None:
    known = facts(line("search"), line("company-ai", used="950", scope_type="company", scope_value="all"))
    answer = judge(ask(), known, {}, LEVELS, NOW)
    assert answer.outcome == Outcome.DENY
    assert "company-ai" in answer.reason


def test_old_unbilled_or_unreconciled_figures_are_not_trusted() -> None:
    for budget, word in (
        (line(data_through=NOW - timedelta(hours=100)), "100 hours ago"),
        (line(data_through=None), "Nothing was billed"),
        (line(is_reconciled=False), "do not reconcile"),
    ):
        closed = judge(ask(), facts(budget), {}, LEVELS, NOW)
        assert (closed.outcome, closed.proceeds) == (Outcome.NO_DATA, False)
        assert word in closed.reason
        opened = judge(ask(), facts(budget), {}, settings(without_data="allow"), NOW)
        assert (opened.outcome, opened.proceeds) == (Outcome.NO_DATA, True)


def test_failing_open_never_lets_a_job_through_that_another_budget_denies() -> None:
    known = facts(line("search", used="1000"), line("company-ai", data_through=None, scope_type="company"))
    for choice in ("allow", "deny"):
        answer = judge(ask(), known, {}, settings(without_data=choice), NOW)
        assert (answer.outcome, answer.proceeds) == (Outcome.DENY, False)


def test_a_critical_app_is_warned_and_never_stopped() -> None:
    spared = settings(never_deny=["search"])
    denied = judge(ask(), facts(line(used="1000")), {}, spared, NOW)
    assert (denied.outcome, denied.proceeds) == (Outcome.WARN, True)
    assert "search is never denied" in denied.reason
    blind = judge(ask(), facts(line(data_through=None)), {}, spared, NOW)
    assert (blind.outcome, blind.proceeds) == (Outcome.NO_DATA, True)


@pytest.mark.parametrize(
    ("choice", "outcome", "proceeds"),
    [("allow", "allow", True), ("approval", "approval", False), ("deny", "deny", False)],
)
def test_a_job_that_no_budget_covers_gets_what_is_configured(choice: str, outcome: str, proceeds: bool) -> None:
    answer = judge(ask(scopes={"team": "other"}), facts(), {}, settings(without_budget=choice), NOW)
    assert (answer.outcome, answer.proceeds, answer.lines) == (outcome, proceeds, ())


def test_an_estimate_is_converted_by_the_newest_rates_and_is_not_trusted_without() -> None:
    rates = {"USD": Decimal(1), "EUR": Decimal("1.25")}
    answer = judge(ask("100", currency="EUR"), facts(line(), rates=rates), {}, LEVELS, NOW)
    assert answer.lines[0].estimate == Decimal(125)
    unknown = judge(ask("100", currency="JPY"), facts(line(), rates=rates), {}, LEVELS, NOW)
    assert unknown.outcome == Outcome.NO_DATA
    assert "no exchange rate for JPY" in unknown.reason


def test_a_period_that_has_just_begun_is_unused_and_keeps_its_own_holds() -> None:
    now = datetime(2026, 11, 1, 0, 5, tzinfo=UTC)
    budget = line(used="1000", data_through=datetime(2026, 10, 31, tzinfo=UTC))
    answer = judge(ask(), facts(budget), {budget.key: Decimal(900)}, LEVELS, now)
    assert (answer.outcome, answer.lines[0].used, answer.lines[0].held) == (Outcome.ALLOW, 0, 0)
    assert answer.lines[0].period_starts_at == budget.period_ends_at


def test_broken_glass_runs_and_says_who_and_why() -> None:
    answer = judge(ask(break_glass="customers wait"), facts(line(used="1000")), {}, LEVELS, NOW)
    assert (answer.outcome, answer.proceeds) == (Outcome.WARN, True)
    assert answer.reason == "Broken glass by ci: customers wait"


def test_levels_that_do_not_rise_are_refused() -> None:
    for wrong in ({"warn_above": "1.1"}, {"approval_above": "0.5"}, {"approval_above": "1.2"}):
        with pytest.raises((ConfigError, ValueError), match="do not rise"):
            settings(**wrong)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("120USD", (Decimal(120), "USD")),
        ("usd 0.5", (Decimal("0.5"), "USD")),
        ("98.20 eur", (Decimal("98.20"), "EUR")),
        ("7", (Decimal(7), "USD")),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, found: tuple[Decimal, str]) -> None:
    assert parse_price(text) == found


@pytest.mark.parametrize("text", ["", "USD", "-5USD", "1e9", "1,000USD", "USD 5 EUR", "5 XXX", "nan", "٣USD", "1.2.3"])
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(GateError):
        parse_price(text)


def test_all_that_is_wrong_with_an_ask_is_said_at_once() -> None:
    with pytest.raises(GateError) as error:
        parse_ask({"estimate": 1.5, "who": "", "scopes": {"tema": "x", "team": 5}, "jop": "1"})
    for word in ("'jop' is not known", "not exact", "who is not a text", "'tema' is none of", "scopes.team is not"):
        assert word in str(error.value)


KEYS = st.sampled_from(["estimate", "who", "scopes", "request", "uid", "object", "metadata", "userInfo", "username"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    )
)
def test_whatever_is_sent_is_an_ask_or_a_gate_error(document: object) -> None:
    for read in (parse_ask, ask_of_review):
        with suppress(GateError):
            read(document)
