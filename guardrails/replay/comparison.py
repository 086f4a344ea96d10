"""What a change of policies would do: in words, and as the difference of two replays.

Here: both comparisons.
Not here: reading policies (finops.config), replaying them (engine), showing it (cli, reports).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops.config.policies import Policy, PolicyLevel
from guardrails.replay.outcome import Money, Outcome


@dataclass(frozen=True)
class PolicyChange:
    """How one policy differs: ``words`` has a sentence for each setting."""

    policy_id: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What the second outcome has more (or less, where negative) than the first.

    ``only_before`` and ``only_after`` are the policies with the targets that one of them alone acts on.
    """

    before: Outcome
    after: Outcome
    warned: int
    asked: int
    acted: int
    released: int
    refused: int
    saved: Money
    critical: Money
    false_actions: int
    missed: int
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def compare(before: Outcome, after: Outcome) -> Comparison:
    """The difference of two outcomes over the same time.

    Raises:
        ValueError: they are of different times, so that their difference would be one of the calendar.
    """
    spans = [(one.replay.first, one.replay.last, one.replay.step) for one in (before, after)]
    if spans[0] != spans[1]:
        raise ValueError(f"these replays are of different times: {spans[0]} and {spans[1]}; replay both over the same")

    def more(name: str) -> int:
        return sum(getattr(one, name) for one in after.policies) - sum(getattr(one, name) for one in before.policies)

    acted = [_acted(one) for one in (before, after)]
    return Comparison(
        before, after, more("warned"), more("asked"), more("acted"), more("released"),
        _refused(after) - _refused(before), less(after.saved, before.saved), less(after.critical, before.critical),
        _false(after) - _false(before), len(after.missed) - len(before.missed),
        tuple(sorted(acted[0] - acted[1])), tuple(sorted(acted[1] - acted[0])),
    )  # fmt: skip


def less(minuend: Money, subtrahend: Money) -> Money:
    """The difference by currency; currencies without one are left out."""
    currencies = sorted(minuend.keys() | subtrahend.keys())
    amounts = {code: minuend.get(code, Decimal(0)) - subtrahend.get(code, Decimal(0)) for code in currencies}
    return {code: amount for code, amount in amounts.items() if amount}


def _acted(outcome: Outcome) -> set[str]:
    return {f"{policy.policy_id} on {one.name}" for policy in outcome.policies for one in policy.targets if one.acted}


def _refused(outcome: Outcome) -> int:
    return sum(sum(policy.refused.values()) for policy in outcome.policies)


def _false(outcome: Outcome) -> int:
    return sum(policy.verdicts.get("false", 0) for policy in outcome.policies)


def policy_changes(before: Sequence[Policy], after: Sequence[Policy]) -> list[PolicyChange]:
    """What differs, policy by policy, in the order of the first list; new policies last. Equal ones are left out."""
    old, new = ({policy.id: policy for policy in policies} for policies in (before, after))
    found = []
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            words: tuple[str, ...] = (f"is gone ({_meaning(old[name])})",)
        elif name not in old:
            words = (f"is new: {_meaning(new[name])}",)
        else:
            words = tuple(_differences(old[name], new[name]))
        if words:
            found.append(PolicyChange(name, words))
    return found


def _meaning(policy: Policy) -> str:
    levels = "; ".join(f"{step.level} {_at(step)}{_orders(step)}" for step in policy.steps)
    return f"{policy.kind.replace('_', ' ')}, {policy.mode.replace('_', ' ')}, {levels}"


def _at(step: PolicyLevel) -> str:
    severity = getattr(step, "at_severity", None)
    return f"at {severity or step.threshold}"


def _orders(step: PolicyLevel) -> str:
    orders = [f"{action.kind} through {action.route}" for action in step.orders]
    return f" ({', '.join(orders)})" if orders else ""


def _differences(old: Policy, new: Policy) -> Iterable[str]:
    if old.kind != new.kind:
        yield f"is now {_meaning(new)}; it was {_meaning(old)}"
        return
    yield from _level_differences(old, new)
    before, after = (policy.model_dump(mode="json", exclude={"id", "kind", "levels"}) for policy in (old, new))
    for name in after:
        if before[name] != after[name]:
            yield _setting(name, before[name], after[name])


def _level_differences(old: Policy, new: Policy) -> Iterable[str]:
    for name in dict.fromkeys(step.level for step in (*old.steps, *new.steps)):
        before, after = old.step(name), new.step(name)
        if before is None and after is not None:
            yield f"level {name} is new: {_at(after)}{_orders(after)}"
        elif after is None and before is not None:
            yield f"level {name} is gone: it was {_at(before)}{_orders(before)}"
        elif before is not None and after is not None and before != after:
            if before.threshold != after.threshold:
                earlier = "earlier" if after.threshold < before.threshold else "later"
                yield f"level {name} comes {earlier}: {_at(after)} instead of {_at(before).removeprefix('at ')}"
            actions = [[f"{action.kind} through {action.route}" for action in step.do] for step in (before, after)]
            if actions[0] != actions[1]:
                yield _setting(f"level {name}", *actions)
            for setting in ("approvals", "approval_hours", "grace_minutes"):
                values = [getattr(step, setting) for step in (before, after)]
                if values[0] != values[1]:
                    yield f"level {name}: " + _setting(setting, *values)


def _setting(name: str, before: Any, after: Any) -> str:
    if isinstance(before, list) and isinstance(after, list):
        gone = [str(one) for one in before if one not in after]
        new = [str(one) for one in after if one not in before]
        parts = [f"{what} {', '.join(names)}" for what, names in (("now with", new), ("without", gone)) if names]
        return f"{name}: {' and '.join(parts) or 'another order'}"
    return f"{name}: {_plain(after)} instead of {_plain(before)}"


def _plain(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items()) or "nothing"
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
