"""From throttle to stop and back: escalation, approval, grace, hours, lists, an end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.config.policies import Policy
from finops.config.values import WeeklyHours
from guardrails import Assessment, Decision, GuardrailFact, Level, State, Status, Suppression, assess, plan_messages
from guardrails.decide import Override, TargetState, approved, lapse, next_open
from guardrails.decide.schedule import is_open, last_closed
from tests.support.guardrail_factory import AS_OF, ROUTES, TELL, budget_fact, budget_policy, card, ladder_policy

pytestmark = pytest.mark.ids("GUARD-1", "GUARD-3")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ASKS: dict[str, dict[str, Any]] = {"pause": {"approvals": 1, "approval_hours": 24}}
GRACE: dict[str, dict[str, Any]] = {"pause": {"grace_minutes": 30}}


class Life:
    """One policy on team search, evaluation after evaluation; every order is carried out as soon as it is given."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.state = State()
        self.made: list[Decision] = []

    def see(self, ratio: str, at: timedelta = timedelta(0), carried_out: bool = True, **changes: Any) -> list[Decision]:
        """Judge the team's use with data as fresh as the moment."""
        through = changes.pop("data_through", AS_OF + at - HOUR)
        fact = budget_fact(ratio, data_through=through, **changes)
        assessment = assess([fact], [self.policy], self.state, as_of=AS_OF + at)
        self.keep(assessment, carried_out)
        return assessment.decisions

    def keep(self, assessment: Assessment, carried_out: bool) -> None:
        done = {Status.EXECUTING: Status.ENFORCED, Status.REVERTING: Status.REVERTED} if carried_out else {}
        targets = {key: replace(t, status=done.get(t.status, t.status)) for key, t in assessment.targets.items()}
        ids = frozenset(decision.decision_id for decision in assessment.decisions)
        self.made += assessment.decisions
        self.state = replace(self.state, targets={**self.state.targets, **targets}, decided=self.state.decided | ids)

    @property
    def target(self) -> TargetState:
        (target,) = self.state.targets.values()
        return target


def orders(policy: Policy, decision: Decision) -> list[str]:
    """What the messages of a decision ask for, in their order."""
    planned = plan_messages([decision], [policy], card, routes=ROUTES)
    return [message.body["data"]["action"] for message in planned if message.is_order]


def test_each_level_is_raised_in_turn_and_the_release_undoes_all_of_them() -> None:
    life = Life(ladder_policy(clear_after=1, cooldown_hours=72))
    for day, ratio in enumerate(["0.85", "0.95", "1.1", "1.3", "1.4"]):
        life.see(ratio, day * DAY)
    assert [d.level for d in life.made] == ["warn", "throttle", "pause", "stop"], "no level holds back a higher one"
    throttle, pause, stop = life.made[1:]
    assert (throttle.supersedes, pause.supersedes, stop.supersedes) == (
        None, throttle.decision_id, pause.decision_id,
    )  # fmt: skip
    [release] = life.see("0.5", 5 * DAY)
    assert (release.level, release.from_level, release.undoes) == ("release", "stop", ("stop", "pause", "throttle"))
    assert orders(life.policy, release) == ["stop", "pause", "throttle"]
    assert life.target.ordered == ()


def test_a_rise_straight_to_stop_gives_one_order_and_takes_one_back() -> None:
    life = Life(ladder_policy(clear_after=1))
    [stop] = life.see("1.5")
    assert (stop.level, orders(life.policy, stop)) == ("stop", ["stop"])
    [release] = life.see("0.5", DAY)
    assert orders(life.policy, release) == ["stop"], "what was never throttled needs no undoing"


def test_what_falls_to_a_lower_level_stays_where_it_is_until_it_is_clear() -> None:
    life = Life(ladder_policy(clear_after=1, cooldown_hours=0))
    life.see("1.3")
    assert life.see("0.95", DAY) == []
    assert life.target.level == Level.STOP
    [release] = life.see("0.84", 2 * DAY)
    assert release.level == Level.RELEASE
    assert [d.level for d in life.see("0.95", 3 * DAY)] == ["throttle"], "and is raised again when that is due"


def test_an_order_waits_for_people_and_is_not_given_without_them() -> None:
    life = Life(ladder_policy(on=ASKS))
    [asked] = life.see("1.05")
    assert (asked.status, asked.action_kinds, asked.withheld_kinds) == (
        Status.PENDING_APPROVAL, ("notify",), ("pause",),
    )  # fmt: skip
    assert asked.approvals_needed == 1
    assert asked.approve_until == AS_OF + DAY
    assert asked.reason.endswith("To pause it needs the approval of one person until 2026-10-21 06:00 UTC.")
    planned = plan_messages([asked], [life.policy], card, routes=ROUTES)
    assert [(m.is_order, m.awaits_approval, m.is_sent) for m in planned] == [(False, False, True), (True, True, False)]
    assert life.see("1.06", HOUR) == [], "it is asked once"
    assert life.target.level == Level.OBSERVE, "nothing is in force before somebody agrees"


def test_while_people_think_the_lower_order_stays_and_the_newest_figures_count() -> None:
    life = Life(ladder_policy(on=ASKS))
    [throttle] = life.see("0.95")
    [asked] = life.see("1.05", DAY)
    assert asked.supersedes == throttle.decision_id
    assert (life.target.level, life.target.status) == (Level.THROTTLE, Status.ENFORCED)
    life.see("1.06", DAY + 5 * HOUR)
    assert life.target.trusted_until == AS_OF + DAY + 4 * HOUR + timedelta(hours=48)
    [withdrawn] = life.see("0.97", DAY + 6 * HOUR)
    assert (withdrawn.level, withdrawn.from_level, withdrawn.supersedes) == ("release", "pause", asked.decision_id)
    assert not withdrawn.acts
    assert "The order to pause it is withdrawn because it is below that level again; nobody had approved it." in (
        withdrawn.reason
    )
    assert (life.target.level, life.target.pending_id) == (Level.THROTTLE, None)
    assert life.see("1.05", DAY + 7 * HOUR)[0].suppressed_because == Suppression.COOLDOWN
    [again] = life.see("1.05", 3 * DAY)
    assert (again.status, again.decision_id != asked.decision_id) == (Status.PENDING_APPROVAL, True)


def test_untrustworthy_figures_withdraw_nothing() -> None:
    life = Life(ladder_policy(on=ASKS))
    life.see("1.05")
    assert life.see("0.2", HOUR, is_reconciled=False) == []
    assert life.target.pending_level == Level.PAUSE


def test_a_higher_level_takes_the_place_of_a_question() -> None:
    life = Life(ladder_policy(on=ASKS))
    [asked] = life.see("1.05")
    [stop] = life.see("1.25", HOUR)
    assert (stop.level, stop.status, stop.supersedes) == ("stop", Status.EXECUTING, None)
    assert (life.target.level, life.target.pending_id) == (Level.STOP, None)
    assert asked.decision_id != stop.decision_id


def test_a_question_ends_unanswered_and_is_asked_again_only_after_the_cooldown() -> None:
    life = Life(ladder_policy(on={"pause": {"approvals": 2, "approval_hours": 12}}, cooldown_hours=36))
    [asked] = life.see("1.05")
    assert lapse(life.state, AS_OF + 11 * HOUR) == {}
    assert [t.pending_id for t in lapse(life.state, AS_OF + 12 * HOUR).values()] == [None]
    late = life.see("1.05", 20 * HOUR)
    assert [d.suppressed_because for d in late] == [Suppression.COOLDOWN]
    assert life.target.pending_id is None
    [again] = life.see("1.05", 40 * HOUR)
    assert (again.status, again.decision_id != asked.decision_id) == (Status.PENDING_APPROVAL, True)


@pytest.mark.parametrize("change", [{"version": 2}, {"mode": "dry_run"}, {"mode": "off"}])
def test_a_question_that_its_policy_does_not_ask_any_more_ends(change: dict[str, Any]) -> None:
    life = Life(ladder_policy(on=ASKS))
    [asked] = life.see("1.05")
    life.policy = ladder_policy(on=ASKS, cooldown_hours=0, **change)
    life.see("1.05", HOUR)
    assert life.target.pending_id != asked.decision_id


def test_what_was_approved_is_in_force_and_released_like_anything_else() -> None:
    life = Life(ladder_policy(on=ASKS, clear_after=1))
    [asked] = life.see("1.05")
    ((key, target),) = life.state.targets.items()
    life.state = replace(life.state, targets={key: replace(approved(target, acts_at=None), status=Status.ENFORCED)})
    assert life.see("1.06", HOUR) == []
    [release] = life.see("0.5", DAY)
    assert (release.supersedes, orders(life.policy, release)) == (asked.decision_id, ["pause"])


def test_grace_says_when_and_ends_with_the_condition() -> None:
    life = Life(ladder_policy(on=GRACE))
    [pause] = life.see("1.05", carried_out=False)
    assert (pause.status, pause.acts_at) == (Status.EXECUTING, AS_OF + timedelta(minutes=30))
    assert pause.reason.endswith(
        "The platform will be asked to pause it at 2026-10-20 06:30 UTC, unless it is over by then."
    )
    order = next(m for m in plan_messages([pause], [life.policy], card, routes=ROUTES) if m.is_order)
    assert order.not_before == pause.acts_at
    assert order.body["data"]["acts_at"] == "2026-10-20T06:30:00Z"
    [release] = life.see("0.97", timedelta(minutes=20))
    assert (release.supersedes, release.undoes, release.acts) == (pause.decision_id, (), False)
    assert release.reason.endswith("; it had not taken effect.")


@pytest.mark.parametrize("is_sent", [True, False])
def test_grace_is_over_when_the_order_is_due_or_has_left(is_sent: bool) -> None:
    life = Life(ladder_policy(on=GRACE, clear_after=2))
    life.see("1.05", carried_out=False)
    ((key, target),) = life.state.targets.items()
    life.state = replace(life.state, targets={key: replace(target, is_sent=is_sent)})
    later = timedelta(minutes=20 if is_sent else 30)
    assert life.see("0.5", later, carried_out=False) == [], "hysteresis holds again"


def test_grace_above_a_lower_order_undoes_that_one_only() -> None:
    life = Life(ladder_policy(on=GRACE))
    life.see("0.95")
    life.see("1.05", DAY, carried_out=False)
    [release] = life.see("0.97", DAY + timedelta(minutes=5))
    assert orders(life.policy, release) == ["throttle"]


@pytest.mark.parametrize("change", [{"version": 2}, {"mode": "dry_run"}, {"mode": "off"}])
@pytest.mark.parametrize("throttled", [True, False])
def test_an_order_that_its_policy_does_not_give_any_more_never_leaves(change: dict[str, Any], throttled: bool) -> None:
    life = Life(ladder_policy(on=GRACE, cooldown_hours=0))
    if throttled:
        life.see("0.95")
    life.see("1.05", DAY, carried_out=False)
    life.policy = ladder_policy(on=GRACE, cooldown_hours=0, **change)
    life.see("0.5", DAY + timedelta(minutes=5), carried_out=False, is_reconciled=False)
    assert life.target.ordered == ((Level.THROTTLE,) if throttled else ())
    assert life.target.status == (Status.ENFORCED if throttled else Status.OBSERVE if change != {"mode": "off"}
                                  else Status.EXPIRED)  # fmt: skip


@pytest.mark.parametrize("on", [ASKS, GRACE])
def test_what_is_protected_meanwhile_is_not_acted_on(on: dict[str, Any]) -> None:
    life = Life(ladder_policy(on=on))
    [made] = life.see("1.05", carried_out=False)
    life.policy = ladder_policy(on=on, never_touch=["search"])
    [withdrawn] = life.see("1.05", timedelta(minutes=5))
    assert (withdrawn.supersedes, withdrawn.acts) == (made.decision_id, False)
    assert "withdrawn because the policy does not touch it any more" in withdrawn.reason


def test_nothing_is_asked_or_given_beyond_the_end_of_a_policy() -> None:
    last_day = {"expires_on": AS_OF.date().isoformat()}
    [asked] = Life(ladder_policy(on={"pause": {"approvals": 1, "grace_minutes": 30}}, **last_day)).see("1.05")
    assert asked.approve_until == datetime(2026, 10, 20, 23, 30, tzinfo=UTC)
    late = Life(ladder_policy(on=GRACE, **last_day))
    assert late.see("1.05", timedelta(hours=17, minutes=29))[0].acts
    assert Life(ladder_policy(on=GRACE, **last_day)).see("1.05", timedelta(hours=17, minutes=30)) == []


OFFICE: dict[str, Any] = {"acts_when": {"time_zone": "Europe/Berlin", "from": "08:00", "to": "18:00"}}


@pytest.mark.parametrize(
    ("at", "acts"),
    [
        (timedelta(0), True),  # Tuesday 08:00 in Berlin
        (timedelta(minutes=-1), False),
        (timedelta(hours=9, minutes=59), True),
        (timedelta(hours=10), False),
        (timedelta(days=4), False),  # Saturday
        (timedelta(days=6), False),  # Monday after the change of the clocks: 07:00
        (timedelta(days=6, hours=1), True),
    ],
)
def test_orders_are_given_in_the_hours_of_the_policy_only(at: timedelta, acts: bool) -> None:
    life = Life(budget_policy(**OFFICE))
    [made] = life.see("1.1", at)
    assert made.acts is acts
    assert made.action_kinds[0] == "notify", "people are told at any hour"
    assert made.suppressed_because == (None if acts else Suppression.OUTSIDE_SCHEDULE)


def test_what_was_due_at_night_is_done_in_the_morning() -> None:
    life = Life(budget_policy(**OFFICE))
    assert not life.see("1.1", timedelta(hours=-3))[0].acts
    assert life.see("1.1", timedelta(hours=-2)) == [], "people are told once"
    assert life.see("1.1")[0].acts


def test_an_order_whose_grace_ends_outside_the_hours_is_not_given() -> None:
    life = Life(budget_policy(on_pause={"grace_minutes": 60}, **OFFICE))
    assert life.see("1.1", timedelta(hours=9, minutes=30))[0].suppressed_because == Suppression.OUTSIDE_SCHEDULE


def test_only_what_is_permitted_is_touched() -> None:
    permitted, other = Life(budget_policy(only_touch=["search"])), Life(budget_policy(only_touch=["fraud"]))
    assert permitted.see("1.1")[0].acts
    [refused] = other.see("1.1")
    assert (refused.suppressed_because, refused.action_kinds) == (Suppression.NOT_PERMITTED, ("notify",))
    assert "not on the policy's list of what may be touched" in refused.reason
    assert other.see("1.1", HOUR) == []


def test_an_expired_policy_raises_nothing_and_releases_what_stands() -> None:
    last_day = {"expires_on": AS_OF.date().isoformat(), "clear_after": 1}
    life = Life(budget_policy(**last_day))
    assert life.see("1.1", 17 * HOUR)[0].acts
    assert Life(budget_policy(**last_day)).see("1.1", 18 * HOUR) == []
    assert [d.level for d in life.see("0.5", DAY)] == ["release"]


def test_of_budgets_that_are_not_used_up_the_one_furthest_above_its_level_comes_first() -> None:
    policy = ladder_policy(max_targets_per_run=1)
    facts = [
        budget_fact(ratio, fact_id=name, scope_value=name, reference=Decimal(amount))
        for name, ratio, amount in (("small", "0.99", 1000), ("large", "0.95", 100_000))
    ]
    made = assess(facts, [policy], State(), as_of=AS_OF).decisions
    assert [d.scope_value for d in made if d.acts] == ["large"]


def test_an_override_holds_orders_about_its_target_until_it_ends() -> None:
    life = Life(budget_policy())
    life.state = State(overrides=(Override("team", "search", AS_OF + 4 * HOUR, "monthly-budget"),))
    [held] = life.see("1.1")
    assert (held.suppressed_because, held.action_kinds) == (Suppression.OVERRIDDEN, ("notify",))
    assert life.see("1.1", 4 * HOUR)[0].acts
    other = Life(budget_policy(id="other"))
    other.state = State(overrides=(Override("team", "search", AS_OF + 4 * HOUR, "monthly-budget"),))
    assert other.see("1.1")[0].acts


def test_a_warning_with_a_ticket_is_held_and_closed() -> None:
    ticket = {"kind": "ticket", "route": "platform-hook"}
    life = Life(budget_policy(warn=[TELL, ticket], clear_below="0.7", clear_after=2))
    [warned] = life.see("0.85")
    assert (warned.status, orders(life.policy, warned)) == (Status.EXECUTING, ["ticket"])
    assert life.see("0.75", DAY) == []
    assert life.see("0.6", 2 * DAY) == []
    [release] = life.see("0.6", 3 * DAY)
    assert (release.from_level, orders(life.policy, release)) == ("warn", ["ticket"])


def test_an_order_of_a_level_that_its_policy_lost_stays_in_sight() -> None:
    life = Life(ladder_policy(clear_after=1, cooldown_hours=0))
    life.see("0.95")
    life.policy = budget_policy(clear_after=1, cooldown_hours=0)
    assert life.see("0.1", DAY) == []
    assert (life.target.level, life.target.status) == (Level.THROTTLE, Status.ENFORCED)
    life.policy = ladder_policy(clear_after=1)
    assert [d.level for d in life.see("0.1", 2 * DAY)] == ["release"]


def test_milestones_of_two_budgets_stand_apart_and_the_next_one_releases() -> None:
    policy = budget_policy(cooldown_hours=0)

    def fact(ratio: str, milestone: str, budget: str) -> GuardrailFact:
        return budget_fact(ratio, period=milestone, budget_id=budget, fact_id=budget)

    first = assess([fact("1.1", "pilot", "a"), fact("0.5", "zebra", "b")], [policy], State(), as_of=AS_OF)
    assert [(d.period, d.level) for d in first.decisions] == [("pilot", "pause")]
    state = State(first.targets, frozenset(d.decision_id for d in first.decisions))
    after = assess([fact("0.3", "launch", "a")], [policy], state, as_of=AS_OF + DAY)
    assert [(d.period, d.level) for d in after.decisions] == [("launch", "release")], "l comes before p, yet later"
    assert "launch has its own budget" in after.decisions[0].reason


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2026-10-19", "2026-10-20"), ("2026-W09", "2026-W10"), ("2026-W53", "2027-W01"), ("2026-Q4", "2027-Q1"),
        ("2026", "2027"), ("2026-12", "2027-01"),
    ],
)  # fmt: skip
def test_a_new_period_of_any_length_releases_and_an_old_one_is_history(earlier: str, later: str) -> None:
    life = Life(budget_policy(cooldown_hours=0))
    assert life.see("1.1", period=earlier)[0].level == Level.PAUSE
    assert [d.level for d in life.see("0.1", DAY, period=later)] == ["release"]
    assert life.see("1.5", 2 * DAY, period=earlier) == []


def test_hours_of_a_week_across_the_change_of_the_clocks() -> None:
    hours = WeeklyHours.model_validate({"time_zone": "Europe/Berlin", "from": "08:00", "to": "24:00", "days": ["sun"]})
    sunday = datetime(2026, 10, 25, tzinfo=UTC)  # clocks go back: 08:00 is 07:00 UTC, midnight 23:00 UTC
    assert not is_open(hours, sunday + timedelta(hours=6, minutes=59))
    assert is_open(hours, sunday + 7 * HOUR)
    assert is_open(hours, sunday + timedelta(hours=22, minutes=59))
    assert not is_open(hours, sunday + 23 * HOUR)
    assert next_open(hours, sunday) == sunday + 7 * HOUR
    assert next_open(hours, sunday + 8 * HOUR) == sunday + 8 * HOUR
    assert next_open(hours, sunday + 23 * HOUR) == sunday + 7 * DAY + 7 * HOUR
    assert last_closed(hours, sunday + 23 * HOUR) == sunday + 23 * HOUR
    assert last_closed(hours, sunday) == sunday - 7 * DAY + 22 * HOUR


def test_a_decision_is_read_as_it_was_written() -> None:
    life = Life(ladder_policy(on=ASKS, **OFFICE))
    life.see("1.05")
    life.see("0.5", HOUR)
    for made in life.made:
        assert Decision.from_dict(made.as_dict()) == replace(made, acts_when=made.as_dict()["acts_when"])
    assert WeeklyHours.model_validate(life.made[0].as_dict()["acts_when"]) == life.policy.acts_when


def test_a_decision_of_an_earlier_program_is_understood() -> None:
    [pause] = Life(budget_policy()).see("1.05")
    names = (
        "subject",
        "from_level",
        "undoes",
        "acts_at",
        "grace_minutes",
        "approvals_needed",
        "approvers",
        "acts_when",
    )
    old = {name: value for name, value in pause.as_dict().items() if name not in names}
    assert Decision.from_dict(old) == pause


def test_the_level_of_what_a_target_costs_is_measured_in_exact_numbers() -> None:
    assert Life(ladder_policy()).see("0.8999999999")[0].level == Level.WARN
    assert Life(ladder_policy()).see(str(Decimal("0.9")))[0].level == Level.THROTTLE
