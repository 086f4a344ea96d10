"""One sentence that a team's owner understands.

Here: wording.
Not here: what is worth saying (detectors, contributors).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from models.anomaly.finding import FIRST_SPEND, Contributor, Finding

WHO = ("app", "feature", "team", "project")
WHERE = ("service_name", "model", "resource_name", "token_class", "sub_account_name")
CLEAR_SHARE = 0.5
UNNAMED = ("none", "(none)")


def explanation(finding: Finding, *, metric: str, as_of: date) -> str:
    """For example: ``robotics spent USD 2,310 on 14 Oct, USD 1,920 (6×) more than expected; vision-train on Azure
    Machine Learning explains 96% of it.``"""
    text = f"{_fact(finding, metric, as_of)}{_in_a_row(finding)}{_cause(finding)}."
    text += "".join(f" {sentence}" for sentence in finding.patterns)
    if finding.event_name:
        text += f" This is expected: {finding.event_name}."
    return text


def _fact(finding: Finding, metric: str, as_of: date) -> str:
    currency = finding.scope.currency
    who = subject(finding)
    direction = "more" if finding.is_up else "less"
    when = day_text(finding.day, as_of)
    if finding.kind == "drift":
        drift = finding.detectors[0]
        week, usual = float(drift["week_actual"]), float(drift["week_expected"])
        return (
            f"{who} has crept up: {money_text(week, currency)} in the week to {when}, "
            f"{money_text(week - usual, currency)} ({_size(week, usual)}) more than its earlier trend led to"
        )
    if finding.detectors[0]["name"] == FIRST_SPEND:
        return f"{who} {_verb(metric)} {money_text(finding.actual, currency)} on {when}, its first day with any cost"
    moment = f"on {when}"
    if finding.hours:
        start, end = finding.hours.start, finding.hours.end
        since = f"{start:%H:%M}" if start.date() == finding.day else f"{start:%H:%M} on {day_text(start.date(), as_of)}"
        last = "24:00" if end.date() > finding.day else f"{end:%H:%M}"
        moment = f"between {since} and {last} UTC on {when}"
    expected = "where nothing was expected"
    if finding.expected > 0:
        size = _size(finding.actual, finding.expected)
        expected = f"{money_text(abs(finding.impact), currency)} ({size}) {direction} than expected"
    return f"{who} {_verb(metric)} {money_text(finding.actual, currency)} {moment}, {expected}"


def subject(finding: Finding) -> str:
    if finding.scope.type == "company":
        return "The company"
    if finding.scope.type == "model":
        return f"Model {finding.scope.value}"
    return finding.scope.value


def _verb(metric: str) -> str:
    return "used an estimated" if metric == "estimated_cost" else "spent"


def _in_a_row(finding: Finding) -> str:
    return f", day {finding.day_in_a_row} in a row" if finding.day_in_a_row > 1 else ""


def _cause(finding: Finding) -> str:
    who = _first(finding.contributors, WHO, finding)
    where = _first(finding.contributors, WHERE, finding)
    if who and who.share >= CLEAR_SHARE:
        place = f" on {where.value}" if where and where.share >= CLEAR_SHARE else ""
        return f"; {who.value}{place} explains {_percent(who.share)} of it"
    if where and where.share >= CLEAR_SHARE:
        return f"; {where.value} explains {_percent(where.share)} of it"
    largest = who or where
    if largest is None:
        return ""
    same = [part for part in finding.contributors if part.dimension == largest.dimension][:2]
    return "; no single cause: the largest are " + " and ".join(f"{p.value} ({_percent(p.share)})" for p in same)


def _first(parts: Sequence[Contributor], dimensions: Sequence[str], finding: Finding) -> Contributor | None:
    """The leading value of the first dimension that has one clear leader, else the largest of any of them.

    The finding's own scope is no cause: that robotics explains robotics is no news.
    """
    candidates = [
        part
        for part in parts
        if part.dimension in dimensions and part.dimension != finding.scope.type and part.value not in UNNAMED
    ]
    clear = [part for part in candidates if part.share >= CLEAR_SHARE]
    if clear:
        return min(clear, key=lambda part: (dimensions.index(part.dimension), -part.share))
    return max(candidates, key=lambda part: part.share, default=None)


def _percent(share: float) -> str:
    return f"{min(round(share * 100), 100)}%"


def _size(actual: float, expected: float) -> str:
    """``6×`` from twice on, else the change in percent."""
    if expected <= 0:
        return "from nothing"
    times = actual / expected
    if times >= 2:
        return f"{times:.0f}×" if times >= 10 or abs(times - round(times)) < 0.1 else f"{times:.1f}×"
    return f"{abs(times - 1) * 100:.0f}%"


def money_text(amount: float, currency: str) -> str:
    """``USD 2,310``; cents only below 100."""
    return f"{currency} {amount:,.0f}" if abs(amount) >= 100 else f"{currency} {amount:,.2f}"


def day_text(day: date, as_of: date) -> str:
    """``14 Oct``, with the year where it is not the current one."""
    year = f" {day.year}" if day.year != as_of.year else ""
    return f"{day.day} {day:%b}{year}"
