"""Whose spend is whose: coverage, how owners were found, what has none and the line that would give it one.

Here: tiles, charts and tables of owners. Not here: why one amount is whose it is (``charges``), the rules (dbt).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.explain.tag_gaps import Gap, remedy_of
from reports.figures import allocation as drawn
from reports.figures.spend import NO_OWNER
from reports.frames import ZERO
from reports.marts import from_rows
from reports.measures.coverage import Coverage, ScopeCoverage, coverage
from reports.measures.missing import Missing
from reports.page.chart import Chart

GAPS_SHOWN = 10
_UNOWNED = """
select $first_of_month as usage_date, true as is_ai, resource_id, resource_name, service_name, sub_account_name,
       attribution_method, sum(effective_cost) as effective_cost
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and attribution_method in ('unallocated', 'unmatched')
      and usage_date between $first_of_month and $last_of_month
group by all
"""
_METHODS = """
select team, sum(effective_cost) filter (attribution_method = 'direct') as direct,
       sum(effective_cost) filter (attribution_method = 'allocated') as allocated,
       sum(effective_cost) filter (attribution_method not in ('direct', 'allocated')) as unowned
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $first and $last
group by 1
"""
_GAPS = {
    "company": "true",
    "team": "team = $scope or suggested_team = $scope",
    "app": "app = $scope",
}


def coverage_of(ask: Ask) -> Coverage | Missing:
    """Of the month that the period ends in."""
    if not ask.sees_company:
        return Missing("Coverage is told of the whole company, which you do not see.")
    month = ask.shown_month
    monthly = ask.frame(
        "fct_allocation_coverage_monthly", "currency = $currency and billing_period_start = $month", month=month.start
    )
    rows = ask.rows(_UNOWNED, first_of_month=month.start, last_of_month=month.last_day)
    return coverage(monthly, from_rows("fct_ai_cost_daily", rows), month)


def tiles(ask: Ask, found: Coverage | Missing) -> list[Tile]:
    """How much of spend has an owner; nothing for whoever does not see the company."""
    return [_tile(ask, found)] if ask.sees_company else []


def _tile(ask: Ask, found: Coverage | Missing) -> Tile:
    target = Target("finance", anchor="allocation")
    if isinstance(found, Missing) or found.company.coverage_ratio is None:
        reason = found.reason if isinstance(found, Missing) else "Nothing was spent."
        return Tile("Spend with an owner", "Not known", sub=reason, target=target)
    state = "reached" if found.meets_target else "not reached"
    return Tile(
        "Spend with an owner",
        f.percent(found.company.coverage_ratio, 1),
        sub=f"Target {f.percent(found.target_ratio)} {state}",
        foot=f"{f.whole_money(found.company.unallocated_cost, ask.currency)} of {f.month(found.month)} is nobody's.",
        tone="good" if found.meets_target else "warn",
        target=target,
    )


def own_tile(ask: Ask) -> Tile:
    """How much of a team's or an app's spend was found by its own tags and names, not by splitting."""
    row = next(iter(ask.rows(_METHODS.replace("select team,", "select").replace("group by 1", ""))), {})
    direct, split = row.get("direct") or ZERO, row.get("allocated") or ZERO
    whole = direct + split + (row.get("unowned") or ZERO)
    if whole <= 0:
        return Tile("Tagged or named", "Not known", sub="Nothing was billed in the period.")
    return Tile(
        "Tagged or named",
        f.percent(direct / whole, 1),
        sub=f"{f.whole_money(split, ask.currency)} came from shared pools, split by what was measured.",
        target=ask.here("why"),
    )


def methods_chart(ask: Ask) -> Chart:
    by_team = [
        (row["team"], row["direct"] or ZERO, row["allocated"] or ZERO, row["unowned"] or ZERO)
        for row in ask.rows(_METHODS)
    ]
    ranked = sorted(by_team, key=lambda row: (row[0] is None, -sum(row[1:], ZERO), row[0] or ""))
    frame = pd.DataFrame(
        [(NO_OWNER if team is None else team, *parts) for team, *parts in ranked],
        columns=["team", "direct", "allocated", "unowned"],
    )
    return Chart(
        "allocation-methods",
        "How spend found its owner",
        f"AI spend by team and by how it was attributed, {words.period_words(ask.view.period)}. Idle capacity is "
        "part of its pool.",
        "Stacked bars of AI spend by team, split into tagged or named, split from shared pools, and nobody's.",
        None if frame.empty else drawn.by_team(frame, ask.currency),
        "Nothing has been allocated yet.",
    )


def tagged_table(ask: Ask, found: Coverage | Missing) -> Table:
    """How much of each team's spend its own tags and names say is the team's."""
    return Table(
        "coverage-team",
        "Tagged by team",
        (
            Column("Team"),
            Column("AI cost", "number"),
            Column("Tagged", "bar", "Found by its own tags or name rather than split from a pool"),
        ),
        tuple(
            Row(
                (
                    words.team_cell(one.scope_value),
                    cells.money(one.ai_cost, ask.currency),
                    cells.bar(one.tagged_ratio, 1),
                )
            )
            for one in _scopes(found, "team")
        ),
        _no_scopes(found),
        caption=f"{f.month(ask.shown_month.start)}; what is not tagged is split from shared pools.",
        export="fct_allocation_coverage_monthly",
    )


def subscriptions_table(ask: Ask, found: Coverage | Missing) -> Table:
    """Coverage of subscriptions with how much of it was found by own tags."""
    return Table(
        "coverage-sub-account",
        "Coverage by subscription",
        (
            Column("Subscription"),
            Column("AI cost", "number"),
            Column("Attributed", "number"),
            Column("Nobody's", "number"),
            Column("Coverage", "number"),
            Column("Tagged", "number", "Found by its own tags or name rather than split from a pool"),
        ),
        tuple(
            Row(
                (
                    Cell(one.scope_value),
                    cells.money(one.ai_cost, ask.currency),
                    cells.money(one.attributed_cost, ask.currency),
                    cells.money(one.unallocated_cost, ask.currency),
                    cells.share(one.coverage_ratio, 1),
                    cells.share(one.tagged_ratio, 1),
                )
            )
            for one in _scopes(found, "sub_account")
        ),
        _no_scopes(found),
        caption=f.month(ask.shown_month.start),
        export="fct_allocation_coverage_monthly",
    )


def _scopes(found: Coverage | Missing, kind: str) -> list[ScopeCoverage]:
    return [] if isinstance(found, Missing) else [one for one in found.scopes if one.scope_type == kind]


def _no_scopes(found: Coverage | Missing) -> str:
    return found.reason if isinstance(found, Missing) else "Nothing was spent in the month."


def nobody_table(ask: Ask, found: Coverage | Missing) -> Table:
    """Resources without an owner in the month, most money first; the total is the month's money that is nobody's."""
    resources = () if isinstance(found, Missing) else found.resources
    count = 0 if isinstance(found, Missing) else found.resource_count
    whole = ZERO if isinstance(found, Missing) else found.company.unallocated_cost
    shown = sum((one.cost for one in resources), ZERO)
    rows = [
        Row(
            (
                Cell(one.name, small=one.service_name),
                Cell(one.sub_account_name or cells.NOTHING),
                Cell(words.METHOD_WORDS.get(one.method, one.method)),
                cells.money(one.cost, ask.currency),
            ),
            details=(
                f"The resource is {one.resource_id}.",
                f"aifinops tags explain {one.resource_id} shows every rule and what came of it.",
            )
            if one.resource_id
            else (),
        )
        for one in resources
    ]
    if count > len(resources):
        rest = Cell(f"{count - len(resources)} more")
        rows.append(Row((rest, Cell(), Cell(), cells.money(whole - shown, ask.currency))))
    return Table(
        "nobody",
        "Resources without an owner",
        (Column("Resource"), Column("Subscription"), Column("Why"), Column("Cost", "number")),
        tuple(rows),
        found.reason if isinstance(found, Missing) else "Every AI resource of this month has an owner.",
        caption=f"{f.month(ask.shown_month.start)}. Tag them with a team, or add a rule to config/tags.yml.",
        total=Row((Cell("Nobody's"), Cell(), Cell(), cells.money(whole, ask.currency))),
        export="fct_ai_cost_daily",
    )


def gaps_of(ask: Ask) -> list[Gap]:
    """Resources that no tag gives an owner, most money first; of a team, what is probably its too."""
    names = ", ".join(field.name for field in fields(Gap))
    rows = ask.rows(
        f"select {names} from fct_tag_gap where billing_currency = $currency and ({_GAPS[ask.kind]}) "  # noqa: S608
        "order by gap_rank"
    )
    return [Gap(**row) for row in rows]


def gaps_table(ask: Ask, gaps: Sequence[Gap]) -> Table:
    """What lacks tags, with the very line that would give it an owner below each."""
    return Table(
        "tag-gaps",
        "What lacks tags, and the line that mends it",
        (
            Column("Resource"),
            Column("Lacks"),
            Column("Probably"),
            Column("30 days", "number", "Cost of the newest 30 billed days"),
            Column("Remedy"),
        ),
        tuple(_gap_row(ask, gap) for gap in gaps[:GAPS_SHOWN]),
        f"Every resource of {ask.name} has its tags."
        if ask.has("fct_tag_gap")
        else "Tag gaps have not been published yet.",
        caption="Unfold a row for the command or the rule, ready to be copied.",
        total=Row(
            (
                Cell("All of them" if len(gaps) > GAPS_SHOWN else "All"),
                Cell(),
                Cell(),
                cells.money(sum((gap.cost_of_last_30_days for gap in gaps), ZERO), ask.currency),
                Cell(),
            )
        ),
        export="fct_tag_gap",
        more=cells.more(len(gaps), GAPS_SHOWN, "smaller ones"),
    )


def _gap_row(ask: Ask, gap: Gap) -> Row:
    remedy = remedy_of(gap)
    kind = {"tag": "set a tag", "rule": "add a rule"}.get(remedy.kind, "by hand")
    what = f"{f.humanise(kind)}: {remedy.why}." if remedy.why else f"{f.humanise(kind)}."
    where = {"rule": "In config/tags.yml:", "tag": "Run:"}.get(remedy.kind)
    return Row(
        (
            Cell(gap.name, small=gap.service_name or gap.provider_name),
            Cell(", ".join(gap.missing)),
            words.team_cell(gap.suggested_team) if gap.suggested_team else Cell("nobody hints at a team"),
            cells.money(gap.cost_of_last_30_days, ask.currency),
            Cell(kind),
        ),
        details=(what, *((where, remedy.text) if where else ())),
    )


_OWNERS = """
select business_unit, cost_center, team,
       coalesce(sum(effective_cost) filter (attribution_method = 'direct' and not is_idle), 0) as direct,
       coalesce(sum(effective_cost) filter (attribution_method = 'allocated' and not is_idle), 0) as shared,
       coalesce(sum(effective_cost) filter (is_idle), 0) as idle,
       coalesce(sum(effective_cost)
                filter (attribution_method not in ('direct', 'allocated') and not is_idle), 0) as unowned,
       sum(effective_cost) as whole
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $first and $last
group by all
"""


def owners_table(ask: Ask) -> Table:
    """Direct, shared, idle and nobody's spend of each team with its business unit and cost centre; ties to the tile."""
    rows = sorted(ask.rows(_OWNERS), key=lambda row: (row["team"] is None, -row["whole"], row["team"] or ""))
    parts = ("direct", "shared", "idle", "unowned", "whole")

    def amounts(values: Sequence[Decimal]) -> tuple[Cell, ...]:
        return tuple(cells.money(value, ask.currency) for value in values)

    sums = [sum((row[name] for row in rows), ZERO) for name in parts]
    return Table(
        "owners",
        "Who is charged with what",
        (
            Column("Team"),
            Column("Business unit"),
            Column("Cost centre"),
            Column("Direct", "number", "Tagged or named"),
            Column("Shared", "number", "Split from a pool by what was measured"),
            Column("Idle", "number", "Capacity that nobody used, at whoever the pool charges for it"),
            Column("Nobody's", "number"),
            Column("All", "number"),
        ),
        tuple(
            Row(
                (
                    words.team_cell(row["team"]),
                    Cell(row["business_unit"] or cells.NOTHING),
                    Cell(row["cost_center"] or cells.NOTHING),
                    *amounts([row[name] for name in parts]),
                )
            )
            for row in rows
        ),
        "Nothing was billed in the period.",
        caption=f"{words.period_words(ask.view.period)}, effective cost; rows and columns add up to the bill.",
        total=Row((Cell("All AI spend"), Cell(), Cell(), *amounts(sums))),
        export="fct_allocated_charge",
    )
