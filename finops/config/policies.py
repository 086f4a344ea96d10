"""What ``config/guardrails.yml`` may say: policies, the budget gate, how long the audit trail is kept.

Here: one model per kind of policy, with the checks inside the file.
Not here: references to other files (load), what a policy concludes (guardrails), what a gate answers (guardrails.gate).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from finops.config.problems import SettingError
from finops.config.values import (
    SEVERITIES,
    BudgetShare,
    Identifier,
    Money,
    PositiveMoney,
    Ratio,
    Severity,
    Strict,
    WeeklyHours,
    form,
    require_unique,
)

ActionKind = Literal["notify", "ticket", "throttle", "pause", "stop"]
LevelName = Literal["warn", "throttle", "pause", "stop"]
LEVEL_NAMES: tuple[LevelName, ...] = ("warn", "throttle", "pause", "stop")
_GLOB = r"\S(?:.*\S)?"
Glob = Annotated[
    str,
    AfterValidator(
        form(_GLOB, "not a name or pattern", "Write a name such as gpt-5-mini, or a pattern such as gpt-5*")
    ),
    WithJsonSchema({"type": "string", "minLength": 1}),
]


class Action(Strict):
    """What to do at a level. ``notify`` sends a message; the others are orders about the target."""

    kind: ActionKind = Field(description="What is done, or asked for")
    route: Identifier = Field(description="A route of routing.yml")

    @property
    def is_order(self) -> bool:
        return self.kind != "notify"


class PolicyLevel(Strict):
    level: LevelName = Field(description="warn tells people; throttle, pause and stop may act")
    do: list[Action] = Field(default=[], description="What to do when it is reached")
    approvals: int = Field(0, ge=0, le=2, description="How many people must agree before its orders are given")
    approval_hours: int = Field(24, ge=1, le=720, description="A question that nobody answers ends after this")
    grace_minutes: int = Field(
        0, ge=0, le=10_080, description="Orders are given so long after people were told, and not if it is over by then"
    )

    @property
    def threshold(self) -> Decimal:
        """What must be measured to reach the level."""
        raise NotImplementedError

    @property
    def orders(self) -> tuple[Action, ...]:
        """Actions that ask somebody to act, in the policy's order, each once."""
        return tuple(dict.fromkeys(action for action in self.do if action.is_order))

    @model_validator(mode="after")
    def _acts(self) -> PolicyLevel:
        strongest = LEVEL_NAMES.index(self.level)
        for j, action in enumerate(self.do):
            if action.kind in LEVEL_NAMES and LEVEL_NAMES.index(action.kind) > strongest:
                remedy = f"Move it to a level {action.kind}, or do no more than {self.level}"
                raise SettingError(f"level {self.level} does {action.kind}", remedy, ("do", j, "kind"))
        if self.level != "warn" and not self.do:
            remedy = "Add do: with a notify, and an order such as {kind: pause, route: …}"
            raise SettingError(f"level {self.level} does nothing", remedy)
        if not self.orders:
            for name, value in (("approvals", self.approvals), ("grace_minutes", self.grace_minutes)):
                if value:
                    remedy = f"Remove {name}, or add an order to do:"
                    raise SettingError(f"level {self.level} only tells people: {name} means nothing", remedy, (name,))
        return self


class ShareLevel(PolicyLevel):
    at: BudgetShare = Field(description="Share of the amount; 0.8 is 80%")

    @property
    def threshold(self) -> Decimal:
        return self.at


class RatioLevel(PolicyLevel):
    at: Ratio = Field(description="How many times what is usual or allowed; 2 is twice")

    @property
    def threshold(self) -> Decimal:
        return self.at


class FractionLevel(PolicyLevel):
    at: Annotated[Decimal, Field(gt=0, le=1)] = Field(description="Share of the whole; 0.5 is half")

    @property
    def threshold(self) -> Decimal:
        return self.at


class MoneyLevel(PolicyLevel):
    at: PositiveMoney = Field(description="Money, in the currency of what is measured")

    @property
    def threshold(self) -> Decimal:
        return self.at


class TokenLevel(PolicyLevel):
    at: Annotated[int, Field(gt=0)] = Field(description="Tokens")

    @property
    def threshold(self) -> Decimal:
        return Decimal(self.at)


class SeverityLevel(PolicyLevel):
    at_severity: Severity = Field(description="Severity of the incident")

    @property
    def threshold(self) -> Decimal:
        return Decimal(SEVERITIES.index(self.at_severity) + 1)


class PolicyBase(Strict):
    id: Identifier = Field(description="Name of the policy in messages and in the ledger")
    description: str = Field(description="One sentence for whoever gets the message")
    owner: str = Field(description="Who answers for the policy")
    runbook: str | None = Field(None, description="Path or address of what to do")
    version: int = Field(1, ge=1, description="Raise it when the meaning changes: decisions are kept by version")
    mode: Literal["off", "dry_run", "enforce"] = Field(
        "dry_run", description="dry_run decides, records and tells people, but asks nobody to act"
    )
    max_data_age_hours: int = Field(48, ge=1, description="Refuse to act on facts older than this")
    cooldown_hours: int = Field(24, ge=0, description="Hours after a level was raised before it is raised again")
    clear_after: int = Field(
        2, ge=1, description="Evaluations in a row, each with new data, that must be clear before it is released"
    )
    max_targets_per_run: int = Field(
        5, ge=1, description="Blast radius: one run acts on no more, most money at stake first"
    )
    never_touch: list[str] = Field(default=[], description="Scope values that are only ever notified about")
    only_touch: list[str] = Field(
        default=[], description="Scope values that may be acted on; empty: all. The others are only notified about"
    )
    acts_when: WeeklyHours | None = Field(
        None, description="When orders may be given; at other times people are told. Absent: always"
    )
    expires_on: date | None = Field(
        None, description="Last day (UTC) on which anything is raised; what stands is still released afterwards"
    )
    approvers: list[str] = Field(default=[], description="Who may approve; empty: whoever reaches the ledger")

    @property
    def steps(self) -> Sequence[PolicyLevel]:
        """The policy's levels, rising."""
        steps: Sequence[PolicyLevel] = getattr(self, "levels")  # noqa: B009 - each kind has its own type of level
        return steps

    @property
    def clear_threshold(self) -> Decimal:
        """What must be measured below this for a release: ``clear_below``, or the lowest level where that is absent."""
        below: Decimal | None = getattr(self, "clear_below", None)
        return self.steps[0].threshold if below is None else Decimal(below)

    def step(self, name: str) -> PolicyLevel | None:
        """The level of that name, if the policy has it."""
        return next((step for step in self.steps if step.level == name), None)

    @model_validator(mode="after")
    def _rises(self) -> PolicyBase:
        setting = "at_severity" if isinstance(self.steps[0], SeverityLevel) else "at"
        for i, (lower, higher) in enumerate(zip(self.steps, self.steps[1:], strict=False), start=1):
            names = f"{lower.level} and {higher.level}"
            if lower.level == higher.level:
                raise SettingError(f"the level {higher.level} appears twice", "Keep one", ("levels", i, "level"))
            if LEVEL_NAMES.index(higher.level) < LEVEL_NAMES.index(lower.level):
                remedy = f"Write them in the order {', '.join(LEVEL_NAMES)}"
                raise SettingError(f"{higher.level} comes after {lower.level}", remedy, ("levels", i, "level"))
            if higher.threshold <= lower.threshold:
                remedy = f"Raise {setting} of {higher.level}, or remove one of them"
                raise SettingError(f"{names} do not rise", remedy, ("levels", i, setting))
        if not any(step.orders for step in self.steps) and self.only_touch:
            raise SettingError("no level acts: only_touch means nothing", "Remove it", ("only_touch",))
        both = sorted(set(self.never_touch) & set(self.only_touch))
        if both:
            remedy = "Name each target in one of them"
            raise SettingError(f"{both[0]} is in never_touch and in only_touch", remedy, ("only_touch",))
        return self

    @model_validator(mode="after")
    def _leaves_room(self) -> PolicyBase:
        """A release needs room below the lowest level that acts, or it would flap."""
        below: Decimal | None = getattr(self, "clear_below", None)
        if below is None:
            return self
        first = next((step for step in self.steps if step.orders), self.steps[-1])
        if below >= first.threshold:
            if "clear_below" not in self.model_fields_set:
                remedy = f"Add clear_below with less than {first.threshold}"
                raise SettingError(
                    f"clear_below ({below} where absent) is not below {first.level}", remedy, ("levels",)
                )
            remedy = f"Lower clear_below below {first.threshold}"
            raise SettingError(f"clear_below is not below {first.level}", remedy, ("clear_below",))
        return self


def _levels() -> Any:
    return Field(min_length=1, max_length=4, description="warn, throttle, pause, stop: one to four of them, rising")


class BudgetPolicy(PolicyBase):
    """Compares a budget's use with its amount, in whatever period the budget has."""

    kind: Literal["budget"]
    budgets: list[Identifier] = Field(default=[], description="Budget ids; empty: all")
    basis: Literal["actual", "projected"] = Field(
        "actual", description="What is compared with the amount: spend so far, or the projected end of the period"
    )
    levels: list[ShareLevel] = _levels()
    clear_below: BudgetShare = Field(Decimal("0.95"), description="Share of the amount below which it may be released")


class BurnRatePolicy(PolicyBase):
    """Compares what a budget's scope spends in a window of days with what the budget allows in it.

    Of several windows the calmest decides: a long one shows that it matters, a short one that it still goes on.
    """

    kind: Literal["burn_rate"]
    budgets: list[Identifier] = Field(default=[], description="Budget ids; empty: all")
    windows: list[Literal["1d", "3d", "7d"]] = Field(
        default=["1d", "3d"], min_length=1, description="Windows that must all reach the level"
    )
    min_amount: Money = Field(Decimal("25"), description="Ignore windows with less above what is allowed")
    levels: list[RatioLevel] = _levels()
    clear_below: Ratio = Field(Decimal("1.0"), description="Ratio below which it may be released")


class UsageDoubledPolicy(PolicyBase):
    """Compares the last complete day's usage cost of a scope with the same weekday's typical cost."""

    kind: Literal["usage_doubled"]
    scope_type: Literal["team", "app", "model"] = Field("app", description="What is compared")
    min_amount: Money = Field(Decimal("25"), description="Ignore increases smaller than this, in the fact's currency")
    levels: list[RatioLevel] = _levels()
    clear_below: Ratio = Field(Decimal("1.2"), description="Ratio below which it may be released")


class AnomalyPolicy(PolicyBase):
    """Looks at open incidents."""

    kind: Literal["anomaly"]
    scope_type: Literal["company", "business_unit", "team", "app", "project", "model", "environment"] | None = Field(
        None, description="Only incidents of such scopes; absent: all"
    )
    min_amount: Money = Field(Decimal("0"), description="Ignore incidents that have cost less so far")
    levels: list[SeverityLevel] = _levels()


class OffHoursPolicy(PolicyBase):
    """Adds up what is used since the office hours ended; they begin with a clean slate."""

    kind: Literal["off_hours"]
    scope_type: Literal["team", "app"] = Field("app", description="What is looked at")
    office_hours: WeeklyHours = Field(description="When use is expected")
    levels: list[MoneyLevel] = _levels()
    clear_below: PositiveMoney | None = Field(None, description="Money below which it may be released")


class IdleGpuPolicy(PolicyBase):
    """Looks at the share of a team's GPU money of the last complete day that nobody used."""

    kind: Literal["idle_gpu"]
    min_amount: Money = Field(Decimal("25"), description="Ignore less idle money a day than this")
    levels: list[FractionLevel] = _levels()
    clear_below: Annotated[Decimal, Field(gt=0, le=1)] | None = Field(
        None, description="Share below which it may be released"
    )


class TokenCapPolicy(PolicyBase):
    """Compares the tokens of a day with a cap. A new day has its own."""

    kind: Literal["token_cap"]
    scope_type: Literal["team", "app", "model"] = Field("app", description="What has a cap")
    tokens: Literal["output", "total"] = Field("output", description="Which tokens count")
    cap: Annotated[int, Field(gt=0)] | None = Field(
        None, description="Tokens a day for whatever caps does not name; absent: those have no cap"
    )
    caps: dict[str, Annotated[int, Field(gt=0)]] = Field(default={}, description="Tokens a day by scope value")
    levels: list[ShareLevel] = _levels()
    clear_below: BudgetShare | None = Field(None, description="Share of the cap below which it may be released")

    @model_validator(mode="after")
    def _caps(self) -> TokenCapPolicy:
        if self.cap is None and not self.caps:
            raise SettingError("there is no cap", "Add cap: for all, or caps: for some", ("kind",))
        return self


class ContextLengthPolicy(PolicyBase):
    """Looks at how many input tokens an app's requests to a model have (95 of 100 have fewer)."""

    kind: Literal["context_length"]
    levels: list[TokenLevel] = _levels()
    clear_below: Annotated[int, Field(gt=0)] | None = Field(None, description="Tokens below which it may be released")


class AllowListPolicy(PolicyBase):
    allowed: list[Glob] = Field(default=[], description="Names and patterns (*, ?) that are allowed everywhere")
    allowed_for: dict[str, list[Glob]] = Field(
        default={}, description="By app: names and patterns that are allowed there beside those"
    )
    levels: list[MoneyLevel] = _levels()
    clear_below: PositiveMoney | None = Field(None, description="Money below which it may be released")

    @model_validator(mode="after")
    def _allows(self) -> AllowListPolicy:
        if not self.allowed and not self.allowed_for:
            raise SettingError("nothing is allowed", 'Add allowed: with names or patterns; ["*"] allows all', ("kind",))
        return self


class ModelNotAllowedPolicy(AllowListPolicy):
    """Looks at a day's cost of models that an app may not use."""

    kind: Literal["model_not_allowed"]


class DataResidencyPolicy(AllowListPolicy):
    """Looks at 30 days' cost of regions that an app may not use."""

    kind: Literal["data_residency"]


class TagMissingPolicy(PolicyBase):
    """Looks at 30 days' money of resources without a tag."""

    kind: Literal["tag_missing"]
    tags: list[str] = Field(default=[], description="Tags that must be there; empty: all that are measured")
    scope_type: Literal["team", "sub_account"] | None = Field(None, description="Only such scopes; absent: all")
    levels: list[MoneyLevel] = _levels()
    clear_below: PositiveMoney | None = Field(None, description="Money below which it may be released")


class PriceUnknownPolicy(PolicyBase):
    """Looks at tokens of a model that no price is known for."""

    kind: Literal["price_unknown"]
    levels: list[TokenLevel] = _levels()
    clear_below: Annotated[int, Field(gt=0)] | None = Field(None, description="Tokens below which it may be released")


Policy = Annotated[
    BudgetPolicy
    | BurnRatePolicy
    | UsageDoubledPolicy
    | AnomalyPolicy
    | OffHoursPolicy
    | IdleGpuPolicy
    | TokenCapPolicy
    | ContextLengthPolicy
    | ModelNotAllowedPolicy
    | TagMissingPolicy
    | PriceUnknownPolicy
    | DataResidencyPolicy,
    Field(discriminator="kind"),
]


class Gate(Strict):
    """What jobs are told that ask before they spend. Shares are of a budget's amount, with the job's own estimate and
    all that other jobs hold counted in."""

    warn_above: BudgetShare = Field(Decimal("0.8"), description="The job may run and is warned")
    approval_above: BudgetShare | None = Field(
        None, description="The job may run once somebody has approved it; absent: nobody is asked"
    )
    deny_above: BudgetShare = Field(Decimal("1.0"), description="The job may not run")
    approvals: int = Field(1, ge=1, le=2, description="How many people must approve, none of whom asked for it")
    approval_hours: int = Field(24, ge=1, le=720, description="A question that nobody answers ends after this")
    approvers: list[str] = Field(default=[], description="Who may approve; empty: whoever reaches the ledger")
    hold_hours: int = Field(
        24, ge=1, le=720, description="An estimate is held so long for a job that never says what it cost"
    )
    max_data_age_hours: int = Field(72, ge=1, description="Older bills are not trusted")
    without_data: Literal["deny", "allow"] = Field(
        "deny", description="What holds where no bill can be trusted: deny fails closed, allow fails open"
    )
    without_budget: Literal["allow", "approval", "deny"] = Field(
        "allow", description="What holds for jobs that no budget covers"
    )
    never_deny: list[str] = Field(default=[], description="Teams and apps whose jobs are warned, never stopped")
    break_glass: bool = Field(True, description="Whether a job may run against the budget by saying why, on the record")
    route: Identifier | None = Field(
        None, description="Route of routing.yml that hears of questions to approve and of broken glass"
    )

    @model_validator(mode="after")
    def _levels(self) -> Gate:
        asked = self.deny_above if self.approval_above is None else self.approval_above
        if not self.warn_above <= asked <= self.deny_above:
            raise SettingError(
                "warn_above, approval_above and deny_above do not rise",
                "Write them so that a job is warned first, then needs approval, then is denied",
                ("warn_above",),
            )
        return self


class AuditSettings(Strict):
    """How long the audit trail is kept."""

    keep_days: int | None = Field(
        None, ge=90, description="aifinops audit prune removes nothing younger; absent: nothing is ever removed"
    )


class GuardrailsFile(Strict):
    """What is watched, and what happens."""

    policies: list[Policy] = Field(description="One entry per guardrail")
    gate: Gate = Field(default_factory=lambda: Gate.model_validate({}), description="Jobs that ask before they spend")
    audit: AuditSettings = Field(
        default_factory=lambda: AuditSettings.model_validate({}), description="How long the audit trail is kept"
    )

    @model_validator(mode="after")
    def _unique(self) -> GuardrailsFile:
        require_unique("policy", ((("policies", i, "id"), p.id) for i, p in enumerate(self.policies)))
        return self
