"""What a policy means, in one sentence, and why it can never act.

Here: wording and findings from the configuration alone.
Not here: validation (finops.config) and judging facts (decide).
"""

from __future__ import annotations

from datetime import date

from finops.config import Configuration
from finops.config import policies as p
from finops.config.policies import Policy, PolicyLevel
from guardrails import reasons

_WHAT = {
    "actual": "has used",
    "projected": "is projected to use",
}


def meaning(policy: Policy) -> str:
    """``When a budget has used a share of its amount: at 80.0% ops is told; at 100.0% …``"""
    steps = [f"{reached} {follows}" for _, reached, follows in levels(policy)]
    sentence = f"{_subject(policy)}: {'; '.join(steps)}."
    limits = []
    if policy.never_touch:
        limits.append(f"never acts on {', '.join(policy.never_touch)}")
    if policy.only_touch:
        limits.append(f"acts only on {', '.join(policy.only_touch)}")
    if policy.acts_when:
        hours = policy.acts_when
        limits.append(f"acts {hours.starts_at} to {hours.ends_at} ({', '.join(hours.days)}; {hours.time_zone})")
    if policy.expires_on:
        limits.append(f"until {policy.expires_on}")
    return sentence + (f" It {', '.join(limits)}." if limits else "")


def levels(policy: Policy) -> list[tuple[str, str, str]]:
    """For each level its name, when it is reached (``at 80.0%``), and what follows (``ops is told``)."""
    return [(step.level, _threshold(policy, step), _does(step)) for step in policy.steps]


def never_acts(policy: Policy, configuration: Configuration, today: date) -> list[str]:
    """Why the policy will not do what it seems to do: findings for its owner, each with what to do."""
    found = []
    orders = [action for step in policy.steps for action in step.orders]
    if policy.expires_on and policy.expires_on < today:
        found.append(f"it expired on {policy.expires_on}: raises nothing any more. Set a later expires_on or remove it")
    if policy.mode == "off":
        found.append("it is off: nothing is judged. Set mode, or remove it")
    if not any(step.do for step in policy.steps):
        found.append("no level does anything: it only records. Add do:")
    found += [
        f"level {step.level} only tells people. Add an order to its do:, or call it warn"
        for step in policy.steps
        if step.level != "warn" and not step.orders
    ]
    if not orders:
        return found
    if policy.mode == "dry_run":
        found.append("it is a dry run: nobody is asked to act. Set mode: enforce when its decisions have been right")
    targets = _targets(policy, configuration)
    if targets is not None:
        permitted = [
            name for name in policy.only_touch or targets if name in targets and name not in policy.never_touch
        ]
        if targets and not permitted:
            found.append(
                "every target that it can have is on never_touch, or none on only_touch: it never acts. Correct them"
            )
        unknown = [name for name in policy.only_touch if name not in targets]
        if unknown:
            found.append(f"only_touch names {', '.join(unknown)}, which none of its budgets is for. Correct the names")
        if not targets:
            found.append("no budget that it looks at exists. Add one to budgets.yml, or correct budgets:")
    return found


def _targets(policy: Policy, configuration: Configuration) -> set[str] | None:
    """Every scope value that the policy can judge; None where only the data knows."""
    match policy:
        case p.BudgetPolicy() | p.BurnRatePolicy():
            budgets = [one for one in configuration.budgets.budgets if not policy.budgets or one.id in policy.budgets]
            return {one.scope.value or "all" for one in budgets}
        case p.TokenCapPolicy() if policy.cap is None:
            return set(policy.caps)
        case p.UsageDoubledPolicy() | p.OffHoursPolicy() | p.TokenCapPolicy():
            scope_type: str = policy.scope_type
        case p.AllowListPolicy() | p.ContextLengthPolicy():
            scope_type = "app"
        case _:
            return None
    names = {
        "app": {app.app for app in configuration.tags.apps},
        "team": {team.team for team in configuration.tags.teams},
    }.get(scope_type)
    return names or None


def _subject(policy: Policy) -> str:
    match policy:
        case p.BudgetPolicy():
            which = f"one of the budgets {', '.join(policy.budgets)}" if policy.budgets else "a budget"
            return f"When {which} {_WHAT[policy.basis]} a share of its amount"
        case p.BurnRatePolicy():
            windows = " and ".join(policy.windows)
            return f"When a budget's money goes faster than it allows, in the last {windows}"
        case p.UsageDoubledPolicy():
            least = f"at least {policy.min_amount} more" if policy.min_amount else "any money more"
            return f"When a day's usage of {_article(policy.scope_type)} costs a multiple of the weekday's ({least})"
        case p.AnomalyPolicy():
            return f"While {_article(policy.scope_type or 'scope')} has an open incident"
        case p.OffHoursPolicy():
            return f"When {_article(policy.scope_type)} costs money outside office hours"
        case p.IdleGpuPolicy():
            return f"When a team leaves a share of its GPUs idle for a day (from {policy.min_amount} on)"
        case p.TokenCapPolicy():
            return f"When {_article(policy.scope_type)} uses a share of its {policy.tokens} tokens of the day"
        case p.ContextLengthPolicy():
            return "When an app's requests to a model grow long"
        case p.ModelNotAllowedPolicy():
            return "When an app uses a model that it may not"
        case p.DataResidencyPolicy():
            return "When an app runs in a region where it may not"
        case p.TagMissingPolicy():
            return f"When money has no tag ({', '.join(policy.tags) or 'any that is measured'})"
        case p.PriceUnknownPolicy():
            return "When a model's tokens have no known price"


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name.replace('_', ' ')}"


def _threshold(policy: Policy, step: PolicyLevel) -> str:
    match step:
        case p.ShareLevel() | p.FractionLevel():
            return f"at {reasons.percent(step.threshold)}"
        case p.RatioLevel():
            return f"at {step.threshold:f} times"
        case p.SeverityLevel():
            return f"from severity {step.at_severity} on"
        case p.TokenLevel():
            return f"from {step.at:,} tokens on"
        case _:
            return f"from {step.threshold:,f} on"


def _does(step: PolicyLevel) -> str:
    told = sorted({action.route for action in step.do if not action.is_order})
    words = [f"{' and '.join(told)} {'is' if len(told) == 1 else 'are'} told"] if told else []
    if step.orders:
        routes = sorted({action.route for action in step.orders})
        kinds = reasons.verbs([action.kind for action in step.orders])
        order = f"{' and '.join(routes)} {'is' if len(routes) == 1 else 'are'} asked to {kinds} it"
        if step.approvals:
            people = "one person agrees" if step.approvals == 1 else f"{step.approvals} people agree"
            order += f" once {people} (within {reasons.count(step.approval_hours, 'hour')})"
        if step.grace_minutes:
            order += f", {reasons.count(step.grace_minutes, 'minute')} later"
        words.append(order)
    return " and ".join(words) or "it is recorded"
