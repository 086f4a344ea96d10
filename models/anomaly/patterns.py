"""Patterns that statistics on one cost series cannot see: named, with their money, as findings like any other.

Here: asking every pattern detector, and joining what it says with what the statistics found.
Not here: the detectors (pattern_use, pattern_tokens, pattern_calls, pattern_hours), known events, incidents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import pandas as pd

from finops.periods import as_utc
from models.anomaly.finding import FIRST_SPEND, Finding
from models.anomaly.pattern_calls import storms
from models.anomaly.pattern_days import Pattern
from models.anomaly.pattern_hours import leaks_and_runaways
from models.anomaly.pattern_tokens import cache_collapses, price_changes
from models.anomaly.pattern_use import first_uses, stopped
from models.anomaly.settings import AnomalySettings
from models.series import Scope


@dataclass(frozen=True)
class PatternFacts:
    """What the pattern detectors read; the columns are named beside each of them.

    Args:
        use: cost by day, source, team, app, model and region, on the bill and in usage.
        first_use: when something was first used, over all that is known.
        usage: priced tokens by day and all that a price depends on.
        calls: calls by day, with those that failed and repeated, and their cost.
        hours: priced usage by hour and caller.
    """

    use: pd.DataFrame
    first_use: pd.DataFrame
    usage: pd.DataFrame
    calls: pd.DataFrame
    hours: pd.DataFrame


def find_patterns(facts: PatternFacts, *, as_of: datetime, settings: AnomalySettings | None = None) -> list[Pattern]:
    """Patterns of the last ``settings.lookback_days`` complete days, in order of day and scope.

    Raises:
        HistoryError: a frame lacks a column or holds a value that is no day or no amount.
        ValueError: ``as_of`` has no time zone.
    """
    before, chosen = as_utc(as_of).date(), settings or AnomalySettings()
    found = [
        *first_uses(facts.use, facts.first_use, before, chosen),
        *stopped(facts.use, before, chosen),
        *price_changes(facts.usage, before, chosen),
        *cache_collapses(facts.usage, before, chosen),
        *storms(facts.calls, before, chosen),
        *leaks_and_runaways(facts.hours, before, chosen),
    ]
    return sorted(found, key=lambda one: (one.day, one.scope, one.metric, one.name))


def with_patterns(
    findings: Iterable[Finding], patterns: Sequence[Pattern], cost_of: Callable[[Scope, date], float | None]
) -> list[Finding]:
    """The findings with the patterns of one metric: said of the finding of the same scope, day and direction where
    there is one, else a finding of its own, expected to cost what the scope cost without the pattern's money."""
    joined = list(findings)
    places = {(finding.scope, finding.day, finding.is_up): place for place, finding in enumerate(joined)}
    taken = {(finding.scope, finding.day) for finding in joined}
    together: dict[tuple[Scope, date, bool], list[Pattern]] = defaultdict(list)
    for pattern in patterns:
        together[pattern.scope, pattern.day, pattern.money > 0].append(pattern)
    for key, group in together.items():
        scope, day, _ = key
        entries = [_entry(pattern) for pattern in group]
        if key in places:
            finding = joined[places[key]]
            # That somebody new spends says all that a first day does, and that others of its source were known before.
            is_new = any(pattern.name == "new_spender" for pattern in group)
            kept = [told for told in finding.detectors if not (is_new and told["name"] == FIRST_SPEND)]
            joined[places[key]] = replace(finding, detectors=[*kept, *entries])
            continue
        # Two patterns of a day may be one money seen twice: the larger one counts.
        largest = max(group, key=lambda one: abs(one.money))
        cost = cost_of(scope, day)
        actual = max(largest.money, 0.0) if cost is None else cost
        joined.append(
            Finding(
                scope,
                day,
                actual,
                actual - largest.money,
                entries,
                day_in_a_row=max(pattern.day_in_a_row for pattern in group),
                is_beside=(scope, day) in taken,
            )
        )
        taken.add((scope, day))
    return joined


def _entry(pattern: Pattern) -> dict[str, Any]:
    return {"name": pattern.name, **pattern.figures, "says": pattern.says}
