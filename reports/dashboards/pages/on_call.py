"""What is wrong now, the most money first, and what to type.

Here: open incidents, guardrails and approvals, budgets that run out, service objectives, the next hours, alert quality.
Not here: detection and explanation (models), decisions (guardrails), whether the data can be trusted (``data_health``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.freshness import ages_of
from reports.dashboards.model import (
    Cell,
    Column,
    Gauge,
    Link,
    Note,
    Notes,
    Page,
    Row,
    Section,
    Table,
    Target,
    Tile,
    Tiles,
    Tone,
)
from reports.dashboards.parts.forecast import next_hours
from reports.dashboards.view import View
from reports.figures import incident as incident_figures
from reports.frames import ZERO
from reports.marts import MARTS, conform
from reports.measures.budgets import STATUS_ORDER as STATUS_ORDER_OF_BUDGETS
from reports.measures.budgets import BudgetLine, budget_lines
from reports.measures.decisions import DecisionView, newest_first, view_decision
from reports.measures.health import Freshness
from reports.measures.incidents import Incident, Incidents, incidents_since
from reports.page.chart import Chart

DETAILED = 6
CONTRIBUTORS = 5
SHOWN = 20
DECISIONS = 50
ALERT_BURNED, PAGE_BURNED = Decimal("0.4"), Decimal("0.8")
"""Shares of an error budget at which somebody is alerted, and at which somebody is woken."""
FAST_BURN = 1.1
SEVERITY_TONES: Mapping[str, Tone] = {"critical": "bad", "high": "bad", "medium": "warn", "low": "neutral"}
BUDGET_TONES: Mapping[str, Tone] = {"over": "bad", "at_risk": "warn", "on_track": "good"}
VERDICTS: Mapping[str | None, tuple[str, Tone]] = {
    "real": ("Real", "bad"),
    "false": ("False alarm", "neutral"),
    "planned": ("Planned", "good"),
    None: ("Not judged", ""),
}
LEVEL_TONES: Mapping[str, Tone] = {"bad": "bad", "warn": "warn", "good": "good"}
STATUS_ORDER = (
    "PENDING_APPROVAL",
    "FAILED",
    "EXECUTING",
    "ENFORCED",
    "REVERTING",
    "WARN",
    "OBSERVE",
    "SUPPRESSED",
    "EXPIRED",
    "DENIED",
    "REVERTED",
)
DELIVERY_WORDS: Mapping[str, tuple[str, Tone]] = {
    "dead": ("Given up", "bad"),
    "undeliverable": ("Needs configuration", "bad"),
    "pending": ("Waits", "warn"),
    "awaiting_approval": ("Waits for approval", "warn"),
}
GIVEN_UP = ("dead", "undeliverable")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class _Budget:
    """A budget with its pace over several windows: 1 uses it up exactly at its end."""

    line: BudgetLine
    owner: str | None
    burn_1d: float | None
    burn_7d: float | None
    burn_28d: float | None
    used_up_on: date | None

    @property
    def is_in_doubt(self) -> bool:
        return self.line.status != "on_track" or max(self.burn_7d or 0.0, self.burn_28d or 0.0) > FAST_BURN


def build(view: View) -> Page:
    found = _incidents(view)
    open_now = sorted(found.open, key=lambda one: (-abs(one.impact), one.incident_id))
    decisions = newest_first(view.operations.decisions)
    budgets = _budgets(view)
    objectives = _objectives(view)
    known = [line for line in ages_of(view) if line.through is not None]
    sections = [
        Section(
            "now",
            "Right now",
            (
                (Tiles(_tiles(view, open_now, decisions, budgets, objectives)),),
                (Notes("In short", _headlines(view, open_now, decisions, budgets, objectives, known)),),
            ),
        ),
        Section("incidents", "Open incidents", _incident_blocks(view, open_now), _incidents_lead(found, known)),
        Section(
            "guardrails",
            "Guardrails",
            (
                *(((_approvals_table(view),),) if view.operations.approvals else ()),
                *(((_dry_run_note(),),) if any(decision.is_dry_run for decision in decisions) else ()),
                (_decisions_table(decisions),),
                *(((_deliveries_table(view),),) if view.operations.deliveries else ()),
            ),
        ),
        Section("budgets", "Budgets that run out", ((_budgets_table(view, budgets),),)),
        Section("hours", "The next 48 hours", ((next_hours(Ask(view)),), (_scopes_table(view),))),
        Section(
            "objectives",
            "Service objectives",
            ((_objectives_table(view, objectives),),),
            f"An error budget is what may go wrong in the window. At {f.percent(ALERT_BURNED)} burned "
            "somebody is alerted, at "
            f"{f.percent(PAGE_BURNED)} woken.",
        ),
        Section(
            "period",
            f"Incidents of {view.period.label}",
            ((_past_table(view, found),), (_silent_table(view, found),), (_quality_table(view),)),
        ),
    ]
    return Page(
        "on-call",
        "On call",
        "What is wrong now, what does it cost, and what do I do?",
        tuple(sections),
        (_verdict(view, open_now, decisions, budgets, objectives, known), *_elsewhere(view), *_past_words(view)),
    )


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _incidents(view: View) -> Incidents:
    rows = Ask(view).rows(
        """select incident_id, scope_type, scope_value, team, owner, currency, status, severity, explanation,
                  first_seen, last_seen, day_count, metrics, impact, daily_impact, projected_impact,
                  volume_effect, mix_effect, cache_effect, price_effect, contributors, daily_costs, event_id,
                  suppressed_because, verdict
           from fct_incident
           where currency = $currency and (status in ('open', 'acknowledged') or first_seen <= $last)""",
        last=c.usage_through(view),
    )
    parsed = [
        {**row, **{name: json.loads(row[name] or "[]") for name in ("metrics", "contributors", "daily_costs")}}
        for row in rows
    ]
    return incidents_since(parsed, view.period.first)


def _budgets(view: View) -> list[_Budget]:
    columns = list(MARTS["fct_budget_status"].columns)
    rows = Ask(view).rows(
        """select * from fct_budget_status where currency = $currency
           qualify row_number() over (partition by budget_id order by as_of_date desc, period_start desc) = 1""",
    )
    if not rows:
        return []
    more = {row["budget_id"]: row for row in rows}
    frame = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=columns)
    return [
        _Budget(
            line,
            row["owner"],
            row["burn_rate_ratio_1d"],
            row["burn_rate_ratio_7d"],
            row["burn_rate_ratio_28d"],
            row["exhaustion_date"],
        )
        for line in budget_lines(conform("fct_budget_status", frame))
        for row in (more[line.budget_id],)
    ]


def _objectives(view: View) -> Rows:
    """The newest whole day of each objective, most of its error budget burned first."""
    return Ask(view).rows(
        """select objective_id, objective_name, aspect, latency_target_milliseconds, target_ratio, window_good_ratio,
                  budget_burned_ratio, burn_rate_1d, burn_rate_7d, burn_rate_28d, window_days, is_met, usage_date,
                  window_bad_request_count, window_error_budget
           from fct_service_objective_daily
           where is_complete
           qualify row_number() over (partition by objective_id, aspect order by usage_date desc) = 1
           order by budget_burned_ratio desc nulls last, objective_name, aspect""",
    )


# ── in short ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _waiting(view: View, decisions: Sequence[DecisionView]) -> int:
    return len(view.operations.approvals) or sum(one.status == "PENDING_APPROVAL" for one in decisions)


def _given_up(view: View) -> list[Mapping[str, Any]]:
    return [one for one in view.operations.deliveries if str(one.get("status")) in GIVEN_UP]


def _in_trouble(budgets: Sequence[_Budget]) -> list[_Budget]:
    """Those that are over first, then whichever is used up soonest."""
    found = [budget for budget in budgets if budget.line.status != "on_track"]
    return sorted(found, key=lambda one: (STATUS_ORDER_OF_BUDGETS.get(one.line.status, 3), one.used_up_on or date.max))


def _burned(objectives: Rows, share: Decimal) -> Rows:
    return [row for row in objectives if row["budget_burned_ratio"] is not None and row["budget_burned_ratio"] >= share]


def _verdict(
    view: View,
    open_now: Sequence[Incident],
    decisions: Sequence[DecisionView],
    budgets: Sequence[_Budget],
    objectives: Rows,
    known: Sequence[Freshness],
) -> Note:
    parts = []
    if open_now:
        parts.append(
            f"{f.count(len(open_now), 'open incident')}, the largest "
            f"{f.signed_money(open_now[0].impact, view.currency)}"
        )
    waiting = _waiting(view, decisions)
    if waiting:
        parts.append(f"{f.count(waiting, 'order')} {'waits' if waiting == 1 else 'wait'} for approval")
    paged = _burned(objectives, PAGE_BURNED)
    if paged:
        parts.append(f"{f.count(len(paged), 'error budget')} nearly or fully burned")
    trouble = _in_trouble(budgets)
    if trouble:
        parts.append(f"{f.count(len(trouble), 'budget')} at risk or over")
    dead = _given_up(view)
    if dead:
        parts.append(f"{f.count(len(dead), 'message')} not delivered")
    if not parts and not known:
        return Note(
            "Nothing can be told: no data has arrived yet. Connect a source in config/sources.yml, then aifinops run.",
            "warn",
        )
    if not parts:
        return Note(
            f"Nothing is wrong in {view.currency}: no open incident, no budget in doubt, nothing waits for anybody.",
            "good",
        )
    urgent = bool(paged or waiting or dead) or any(SEVERITY_TONES.get(one.severity) == "bad" for one in open_now)
    words = "; ".join(parts)
    return Note(f"{words[:1].upper()}{words[1:]}.", "bad" if urgent else "warn")


def _elsewhere(view: View) -> tuple[Note, ...]:
    """Open incidents in other currencies: whoever chose one must not overlook them."""
    rows = Ask(view).rows(
        """select currency, count(*) as number from fct_incident
           where currency <> $currency and status in ('open', 'acknowledged') group by 1 order by 1""",
    )
    return tuple(
        Note(
            f"{f.count(row['number'], 'open incident')} in {row['currency']}: choose that currency to see more.", "bad"
        )
        for row in rows
    )


def _past_words(view: View) -> tuple[Note, ...]:
    if view.billed_through is None or view.period.last >= view.billed_through:
        return ()
    return (
        Note(
            f"What is wrong is told as of {f.moment(view.as_of)}; incidents of {view.period.label} are below.",
            link=Link("Those incidents", Target("on-call", anchor="period")),
        ),
    )


def _tiles(
    view: View,
    open_now: Sequence[Incident],
    decisions: Sequence[DecisionView],
    budgets: Sequence[_Budget],
    objectives: Rows,
) -> list[Tile]:
    currency = view.currency
    tiles = []
    if open_now:
        severities = ", ".join(
            f"{sum(one.severity == name for one in open_now)} {name}"
            for name in SEVERITY_TONES
            if any(one.severity == name for one in open_now)
        )
        tiles.append(
            Tile(
                "Open incidents",
                str(len(open_now)),
                severities,
                f"Largest: {f.signed_money(open_now[0].impact, currency)} so far",
                tone="bad" if any(SEVERITY_TONES.get(one.severity) == "bad" for one in open_now) else "warn",
                target=Target("on-call", anchor="incidents"),
            )
        )
    else:
        tiles.append(Tile("Open incidents", "None", "No cost or usage is far from what is expected", tone="good"))
    daily = max((one.daily_impact for one in open_now), default=ZERO)
    if daily:
        worst = max(open_now, key=lambda one: one.daily_impact)
        tiles.append(
            Tile(
                "Still going on, a day",
                f.signed_money(daily, currency),
                f"{f.humanise(worst.scope_name)}: {f.signed_money(worst.projected_impact, currency)} "
                "by the month's end",
                "estimated from usage" if not worst.is_billed else "",
                tone="bad",
                target=Target(worst.scope_type, worst.scope_value) if worst.scope_type in c.PAGE_OF_SCOPE else None,
            )
        )
    waiting = _waiting(view, decisions)
    enforced = sum(one.status in ("ENFORCED", "EXECUTING") and not one.is_dry_run for one in decisions)
    tiles.append(
        Tile(
            "Waiting for approval",
            str(waiting) if waiting else "None",
            f"{f.count(enforced, 'order')} in force",
            f"{f.count(sum(one.is_dry_run for one in decisions), 'decision')} in dry run",
            tone="bad" if waiting else "good",
            target=Target("on-call", anchor="guardrails"),
        )
    )
    trouble = _in_trouble(budgets)
    soonest = min(
        (budget for budget in trouble if budget.used_up_on), key=lambda b: b.used_up_on or date.max, default=None
    )
    if budgets:
        tiles.append(
            Tile(
                "Budgets in doubt",
                f"{len(trouble)} of {len(budgets)}" if trouble else "None",
                f"First used up: {soonest.line.name}, {f.day(soonest.used_up_on)}"
                if soonest and soonest.used_up_on
                else "All are on track"
                if not trouble
                else "",
                tone="warn" if trouble else "good",
                target=Target("on-call", anchor="budgets"),
            )
        )
    if objectives:
        worst_row = objectives[0]
        burned = worst_row["budget_burned_ratio"]
        tiles.append(
            Tile(
                "Error budget burned, most",
                c.NOTHING if burned is None else f.percent(burned),
                f"{worst_row['objective_name']}, {worst_row['aspect']}",
                f"{f.count(len(_burned(objectives, ALERT_BURNED)), 'objective')} of {len(objectives)} above "
                f"{f.percent(ALERT_BURNED)}",
                tone=_burn_state(burned)[1],
                gauge=None if burned is None else Gauge(float(burned), tone=_burn_state(burned)[1]),
                target=Target("on-call", anchor="objectives"),
            )
        )
    dead = _given_up(view)
    if view.operations.deliveries:
        tiles.append(
            Tile(
                "Messages given up",
                str(len(dead)) if dead else "None",
                "aifinops deliveries list says why",
                tone="bad" if dead else "good",
            )
        )
    return tiles


def _headlines(
    view: View,
    open_now: Sequence[Incident],
    decisions: Sequence[DecisionView],
    budgets: Sequence[_Budget],
    objectives: Rows,
    known: Sequence[Freshness],
) -> tuple[Note, ...]:
    notes = [
        Note(_first_sentence(one.explanation), SEVERITY_TONES.get(one.severity, "neutral"), _scope_link(one))
        for one in open_now[:2]
    ]
    for budget in _in_trouble(budgets)[:3]:
        line = budget.line
        words = f"{line.name}: {line.status_words.lower()}, {f.percent(line.used_ratio)} of its budget is used"
        if budget.used_up_on is not None:
            words += f", and it is used up on {f.day(budget.used_up_on)} at this pace"
        notes.append(Note(f"{words}.", BUDGET_TONES.get(line.status, "neutral")))
    for row in _burned(objectives, ALERT_BURNED)[:3]:
        words, tone = _burn_state(row["budget_burned_ratio"])
        notes.append(
            Note(
                f"{row['objective_name']}, {row['aspect']}: {f.percent(row['budget_burned_ratio'])} "
                "of the error budget of "
                f"{row['window_days']} days is burned ({words.lower()}).",
                tone,
            )
        )
    suppressed = [one for one in decisions if one.status == "SUPPRESSED"]
    if suppressed:
        notes.append(
            Note(
                f"{f.count(len(suppressed), 'order')} {'was' if len(suppressed) == 1 else 'were'} held back: "
                + "; ".join(dict.fromkeys(one.suppression_words for one in suppressed))
                + ".",
                "warn",
            )
        )
    late = [line.name for line in known if line.is_late]
    if not known:
        notes.append(
            Note("No data has arrived that this page could stand on.", "warn", _see("data-health", "Data health"))
        )
    elif late:
        notes.append(
            Note(
                f"Late: {', '.join(late)}. Guardrails do not act on old data.",
                "warn",
                _see("data-health", "Data health"),
            )
        )
    else:
        notes.append(
            Note("All data that this page stands on is up to date.", "good", _see("data-health", "Data health"))
        )
    return tuple(notes)


def _first_sentence(words: str) -> str:
    """The rest is told with the incident."""
    return words.split(". ")[0].removesuffix(".") + "."


def _see(page: str, words: str) -> Link:
    return Link(words, Target(page))


def _scope_link(one: Incident) -> Link | None:
    if one.scope_type in c.PAGE_OF_SCOPE:
        return Link(f.humanise(one.scope_name), Target(one.scope_type, one.scope_value))
    return None


# ── incidents ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _incidents_lead(found: Incidents, known: Sequence[Freshness]) -> str:
    if not known:
        return "Cost and usage other than expected are told here once data has arrived."
    opened = f"{f.count(len(found.open), 'open incident')}, the most money first" if found.open else "None is open"
    words = f"Cost and usage other than expected, one entry a cause. {opened}"
    if found.past:
        words += f"; since {f.day(found.first_day)} {f.count(len(found.past), 'incident')} over"
    if found.silent:
        words += f"; {f.count(len(found.silent), 'change')} explained or suppressed"
    return words + "."


def _incident_blocks(view: View, open_now: Sequence[Incident]) -> tuple[tuple[Any, ...], ...]:
    if not open_now:
        return ((Note("Nothing unusual is going on: no cost or usage is far from what is expected.", "good"),),)
    rows: list[tuple[Any, ...]] = []
    for one in open_now[:DETAILED]:
        rows.append((_told(view, one),))
        beside = (
            *((_incident_chart(one),) if one.days else ()),
            *((_contributors_table(view, one),) if one.contributors else ()),
        )
        if beside:
            rows.append(beside)
    if len(open_now) > DETAILED:
        rows.append((_rest_table(view, open_now[DETAILED:]),))
    return tuple(rows)


def _told(view: View, one: Incident) -> Notes:
    currency = view.currency
    days = f.day(one.first_seen) + (f" to {f.day(one.last_seen)}" if one.last_seen != one.first_seen else "")
    notes = [
        Note(one.explanation, SEVERITY_TONES.get(one.severity, "neutral"), _scope_link(one)),
        Note(
            f"{days}, {one.basis_words}; {one.status_words}; "
            + (f"owner {one.owner}" if one.owner else f"team {one.team}" if one.team else "nobody owns it")
            + "."
        ),
    ]
    if one.daily_impact:
        notes.append(
            Note(
                f"{f.signed_money(one.daily_impact, currency)} a day; "
                f"{f.signed_money(one.projected_impact, currency)} by the "
                "month's end if nobody acts.",
                "bad",
            )
        )
    if one.effects:
        moved = ", ".join(f"{name} {f.signed_money(amount, currency)}" for name, amount in one.effects.items())
        notes.append(Note(f"Of the change in token cost: {moved}."))
    notes.append(
        Note(
            f"To do: aifinops incidents show {one.incident_id} tells what drives it and what it resembles, "
            f"aifinops incidents acknowledge {one.incident_id} that you look after it. "
            "docs/incidents.md is the runbook."
        )
    )
    title = f"{one.severity.capitalize()}: {one.scope_name}, {f.signed_money(one.impact, currency)}"
    return Notes(title, tuple(notes), Target("incident", one.incident_id))


def _incident_chart(one: Incident) -> Chart:
    first, last = one.first_seen.isoformat(), one.last_seen.isoformat()
    return Chart(
        key=f"incident-{one.incident_id}",
        title=f.humanise(one.scope_name),
        caption="Cost a day; shaded: the same weekdays before it began",
        label=f"Daily cost of {one.scope_name} around the incident of {f.day(one.first_seen)}",
        figure=incident_figures.sparkline(one.days, first, last, one.currency),
        empty="",
    )


def _contributors_table(view: View, one: Incident) -> Table:
    parts = one.contributors
    return Table(
        f"contributors-{one.incident_id}",
        f"What drives it: {one.scope_name}",
        (
            Column("Dimension"),
            Column("What"),
            Column("Share", "bar", "Of the whole impact"),
            Column("Impact", "number"),
        ),
        tuple(
            Row(
                (
                    c.text(f.humanise(part.dimension)),
                    c.scope(part.dimension, part.value, small=" ")
                    if part.dimension in c.PAGE_OF_SCOPE
                    else c.text(part.value),
                    c.bar(part.share),
                    c.signed(part.impact, view.currency),
                )
            )
            for part in parts[:CONTRIBUTORS]
        ),
        "Nothing stands out.",
        more=f"and {len(parts) - CONTRIBUTORS} smaller ones" if len(parts) > CONTRIBUTORS else "",
    )


def _rest_table(view: View, rest: Sequence[Incident]) -> Table:
    return Table(
        "open-incidents-more",
        "Smaller ones",
        (
            Column("Scope"),
            Column("Severity", "badge"),
            Column("Since"),
            Column("Impact", "number"),
            Column("What happens"),
        ),
        tuple(
            Row(
                (
                    c.scope(one.scope_type, one.scope_value),
                    c.badge(one.severity, SEVERITY_TONES.get(one.severity, "neutral")),
                    c.day(one.first_seen),
                    c.signed(one.impact, view.currency),
                    c.text(one.explanation, small=one.incident_id),
                )
            )
            for one in rest
        ),
        "",
        export="fct_incident",
    )


def _days_cell(one: Incident) -> Cell:
    words = f.short_day(one.first_seen)
    if one.last_seen != one.first_seen:
        words += f" to {f.short_day(one.last_seen)}"
    return Cell(words, sort=one.first_seen)


def _past_table(view: View, found: Incidents) -> Table:
    rows = sorted(found.past, key=lambda one: (-abs(one.impact), one.incident_id))
    return Table(
        "past-incidents",
        "Over",
        (
            Column("Scope"),
            Column("Days"),
            Column("Outcome"),
            Column("Verdict", "badge", "What people said it was"),
            Column("Impact", "number"),
            Column("What happened"),
        ),
        tuple(
            Row(
                (
                    c.scope(one.scope_type, one.scope_value, small=one.severity),
                    _days_cell(one),
                    c.text(one.status_words.split(",")[0]),
                    c.badge(*VERDICTS.get(one.verdict, (str(one.verdict), ""))),
                    c.signed(one.impact, view.currency),
                    c.text(
                        one.explanation,
                        small=""
                        if one.verdict
                        else f"aifinops incidents feedback {one.incident_id} --verdict real says what it was",
                    ),
                )
            )
            for one in rows[:SHOWN]
        ),
        f"No incident of {view.period.label} is over.",
        "Back to normal, on a new level, resolved or dismissed by people; the most money first.",
        export="fct_incident" if rows else "",
        more=f"and {len(rows) - SHOWN} smaller ones" if len(rows) > SHOWN else "",
    )


def _silent_table(view: View, found: Incidents) -> Table:
    return Table(
        "silent-incidents",
        "Explained or suppressed",
        (Column("Scope"), Column("Day"), Column("Why"), Column("Impact", "number"), Column("What happened")),
        tuple(
            Row(
                (
                    c.scope(one.scope_type, one.scope_value),
                    c.day(one.first_seen),
                    c.text(one.event_id or one.suppressed_because),
                    c.signed(one.impact, view.currency),
                    c.text(one.explanation),
                )
            )
            for one in found.silent[:SHOWN]
        ),
        f"Nothing of {view.period.label} was explained by a known event or suppressed.",
        "From config/events.yml and config/anomalies.yml; nobody was told.",
        export="fct_incident" if found.silent else "",
        more=f"and {len(found.silent) - SHOWN} more" if len(found.silent) > SHOWN else "",
    )


def _quality_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select * from fct_alert_quality_monthly
           where team = 'all' and currency = $currency and incident_month <= $last
           qualify incident_month = max(incident_month) over ()
           order by detector <> 'all', incident_count desc, detector""",
    )
    rows = [row for row in rows if row["detector"] == "all" or row["incident_count"]]

    def hours(value: float | None) -> Cell:
        return Cell(c.NOTHING) if value is None else Cell(f.age(value), sort=value)

    def precision(row: Mapping[str, Any]) -> Cell:
        if row["precision_ratio"] is None:
            return Cell(c.NOTHING, small="nothing judged" if row["detector"] == "all" else "")
        return c.share(
            row["precision_ratio"],
            small=f"{f.percent(row['precision_low'])} to {f.percent(row['precision_high'])}",
            tone="good" if row["precision_ratio"] >= 0.95 else "warn",
        )

    month = f.month(rows[0]["incident_month"]) if rows else ""
    return Table(
        "alert-quality",
        "How good the alarms are",
        (
            Column("Detector"),
            Column("Incidents", "number"),
            Column("A week", "number"),
            Column("Judged", "number", "Of the incidents, those that people gave a verdict on"),
            Column("Precision", "number", "Real ones, of those judged real or false, with its 95% interval"),
            Column("Time to detect", "number", "Median, from the start of the first unusual day"),
            Column("To acknowledge", "number"),
            Column("To resolve", "number"),
            Column("Caught", "number", "Money of incidents judged real"),
            Column("Silent", "number", "Suppressed or expected"),
        ),
        tuple(
            Row(
                (
                    c.text("All" if row["detector"] == "all" else f.humanise(row["detector"])),
                    c.count(row["incident_count"]),
                    Cell(f"{row['incidents_per_week']:.1f}", sort=row["incidents_per_week"]),
                    c.share(row["label_coverage_ratio"]),
                    precision(row),
                    hours(row["median_hours_to_detect"]),
                    hours(row["median_hours_to_acknowledge"]),
                    hours(row["median_hours_to_resolve"]),
                    c.money(row["caught_amount"], view.currency),
                    c.count(row["suppressed_count"] + row["expected_count"]),
                )
            )
            for row in rows
        ),
        "Finance and administrators see the quality of alarms."
        if c.hidden(view, "fct_alert_quality_monthly")
        else "No incident has been found yet.",
        f"{month}. Under 5% false alarms is the aim; aifinops incidents proposals prints floors that "
        "false ones call for."
        if month
        else "",
        export="fct_alert_quality_monthly" if rows else "",
    )


# ── guardrails ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _dry_run_note() -> Note:
    return Note("Dry run: marked decisions were recorded and told, but nobody was asked to act.", "warn")


def _decision_scope(decision: DecisionView) -> Cell:
    return c.scope(decision.scope_type, decision.scope_value, small=decision.period_words)


def _decisions_table(decisions: Sequence[DecisionView]) -> Table:
    def place(decision: DecisionView) -> int:
        return STATUS_ORDER.index(decision.status) if decision.status in STATUS_ORDER else len(STATUS_ORDER)

    ordered = sorted(decisions, key=place)
    rows = []
    for decision in ordered[:DECISIONS]:
        why = [decision.reason]
        follows = []
        if decision.orders:
            follows.append(f"Asked for: {', '.join(decision.orders)}")
        if decision.withheld:
            follows.append(f"Not asked for: {', '.join(decision.withheld)}")
        if decision.suppressed_because:
            follows.append(f"Suppressed: {decision.suppression_words}")
        details = [f"Policy {decision.policy_id}: {decision.policy_description}"] if decision.policy_description else []
        if decision.runbook:
            details.append(f"Runbook: {decision.runbook}")
        if decision.owner:
            details.append(f"Owner: {decision.owner}")
        if decision.data_through:
            details.append(f"On data through {decision.data_through}. Decision {decision.decision_id}.")
        rows.append(
            Row(
                (
                    _decision_scope(decision),
                    c.text(decision.policy_id, small=decision.decided_at),
                    c.badge(decision.level_words, LEVEL_TONES.get(decision.tone, "neutral")),
                    Cell(
                        decision.status_words,
                        sort=place(decision),
                        small="Dry run" if decision.is_dry_run else "",
                    ),
                    Cell(
                        decision.money(decision.value),
                        sort=decision.value,
                        small=f"{decision.reference_words.lower()} {decision.money(decision.reference)}",
                    ),
                    Cell(decision.ratio_words, sort=decision.ratio),
                    Cell(" ".join(why), small=". ".join(follows)),
                ),
                tuple(details),
            )
        )
    released = sum(one.level == "release" or one.status == "REVERTED" for one in decisions)
    return Table(
        "decisions",
        "Decisions",
        (
            Column("Target"),
            Column("Policy"),
            Column("Level", "badge"),
            Column("Status"),
            Column("Value", "number", "With what it is compared with: a budget, or what is typical"),
            Column("Ratio", "number"),
            Column("Why, and what follows"),
        ),
        tuple(rows),
        "No guardrail has fired.",
        "What waits for people first, then what is in force, warned, held back; each newest first."
        + (f" {f.count(released, 'order')} released or undone." if released else ""),
        more=f"and {len(ordered) - DECISIONS} more; aifinops actuators list has what stands"
        if len(ordered) > DECISIONS
        else "",
    )


def _approvals_table(view: View) -> Table:
    rows = []
    for entry in view.operations.approvals:
        decision = view_decision(entry)
        orders = [kind for kind in decision.withheld if kind != "notify"] or list(decision.orders)
        votes = entry.get("votes") or ()
        said = ", ".join(
            f"{vote.get('who')} {'agreed' if vote.get('verdict') == 'approve' else 'refused'}" for vote in votes
        )
        missing = int(entry.get("missing") or 0)
        rows.append(
            Row(
                (
                    _decision_scope(decision),
                    c.text(" and ".join(orders) or decision.level_words, small=decision.policy_id),
                    c.text(decision.reason),
                    c.text(decision.approve_until or "no end"),
                    c.text(
                        said or "nobody yet", small=f"{f.count(missing, 'person', 'people')} missing" if missing else ""
                    ),
                    c.text(
                        f"aifinops approvals approve {decision.decision_id}",
                        small=f"or aifinops approvals deny {decision.decision_id}",
                    ),
                )
            )
        )
    return Table(
        "approvals",
        "Waiting for approval",
        (
            Column("Target"),
            Column("Order"),
            Column("Why"),
            Column("Until"),
            Column("Answers"),
            Column("To type"),
        ),
        tuple(rows),
        "Nothing waits for approval.",
    )


def _deliveries_table(view: View) -> Table:
    rows = []
    order = list(DELIVERY_WORDS)

    def place(entry: Mapping[str, Any]) -> int:
        status = str(entry.get("status"))
        return order.index(status) if status in order else len(order)

    for entry in sorted(view.operations.deliveries, key=place)[:SHOWN]:
        status = str(entry.get("status"))
        words, tone = DELIVERY_WORDS.get(status, (f.humanise(status), "neutral"))
        due = entry.get("next_attempt_at")
        rows.append(
            Row(
                (
                    c.text(
                        f.humanise(str(entry.get("kind") or "message").replace(".", " ")),
                        small=str(entry.get("message_id") or ""),
                    ),
                    c.text(str(entry.get("route_id") or "")),
                    c.badge(words, tone, sort=place(entry)),
                    c.count(entry.get("attempts")),
                    c.text(f.moment(due) if isinstance(due, datetime) else str(due or "")),
                    c.text(str(entry.get("error") or ""), small=str(entry.get("remedy") or "")),
                    c.text(f"aifinops deliveries replay {entry.get('message_id')}" if status == "dead" else ""),
                )
            )
        )
    more = len(view.operations.deliveries) - len(rows)
    return Table(
        "deliveries",
        "Messages and orders that have not arrived",
        (
            Column("Message"),
            Column("Route"),
            Column("State", "badge"),
            Column("Attempts", "number"),
            Column("Next attempt"),
            Column("Why, and what to do"),
            Column("To type"),
        ),
        tuple(rows),
        "Everything was delivered.",
        more=f"and {more} more" if more > 0 else "",
    )


# ── budgets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _budgets_table(view: View, budgets: Sequence[_Budget]) -> Table:
    doubtful = [budget for budget in budgets if budget.is_in_doubt]

    def pace(value: float | None) -> Cell:
        if value is None:
            return Cell(c.NOTHING)
        return Cell(f"{value:.2f}×", sort=value, tone="warn" if value > FAST_BURN else "")

    rows = []
    for budget in doubtful:
        line = budget.line
        tone = BUDGET_TONES.get(line.status, "neutral")
        rows.append(
            Row(
                (
                    c.scope(line.scope_type, line.scope_value, small=f"{line.period} to {f.day(line.period_end)}"),
                    Cell(
                        f.percent(line.used_ratio),
                        sort=line.used_ratio,
                        gauge=Gauge(
                            float(line.used_ratio),
                            None if line.projected_ratio is None else float(line.projected_ratio),
                            tone,
                        ),
                    ),
                    c.money(line.amount, view.currency),
                    c.money(line.remaining, view.currency),
                    pace(budget.burn_1d),
                    pace(budget.burn_7d),
                    pace(budget.burn_28d),
                    c.day(budget.used_up_on),
                    c.share(line.exceed_probability),
                    c.badge(line.status_words, tone),
                    c.text(budget.owner),
                )
            )
        )
    fine = len(budgets) - len(doubtful)
    return Table(
        "budgets-in-doubt",
        "Budgets in doubt",
        (
            Column("Budget"),
            Column("Used and projected", "bar", "Solid: billed. Hatched: projected. The mark is the whole budget"),
            Column("Budget", "number"),
            Column("Remaining", "number"),
            Column("Burn, 1 day", "number", "Pace of the newest billed day; at 1 the budget lasts exactly to its end"),
            Column("7 days", "number"),
            Column("28 days", "number"),
            Column("Used up on"),
            Column("Chance of overrun", "number", "Share of the forecast's paths that end above the budget"),
            Column("State", "badge"),
            Column("Owner"),
        ),
        tuple(rows),
        f"{f.count(len(budgets), 'budget')}, on track at a pace that lasts."
        if budgets
        else "No budgets are set. Add them to config/budgets.yml to see who is on track.",
        "docs/runbooks/budget.md says what to do."
        + (f" {f.count(fine, 'other budget')} {'is' if fine == 1 else 'are'} on track." if fine and rows else ""),
        export="fct_budget_status" if rows else "",
    )


# ── hours ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _scopes_table(view: View) -> Table:
    rows = Ask(view).rows(
        """with known as (
               select *, max(usage_hour) filter (where actual_cost is not null)
                             over (partition by scope_type, scope_value)
                             as newest
               from fct_usage_forecast_hourly where scope_type in ('team', 'app') and currency = $currency
           )
           select scope_type, scope_value,
                  sum(actual_cost) filter (where usage_hour > newest - interval 24 hours and usage_hour <= newest)
                      as before,
                  sum(expected_cost) filter (where is_future and usage_hour <= newest + interval 24 hours) as next_day,
                  sum(expected_cost) filter (where is_future) as two_days,
                  max_by(usage_hour, expected_cost)
                      filter (where is_future and usage_hour <= newest + interval 24 hours)
                      as busiest_hour
           from known group by 1, 2
           having sum(expected_cost) filter (where is_future) is not null
           order by scope_type desc, next_day desc nulls last, scope_value""",
    )
    teams = [row for row in rows if row["scope_type"] == "team"] or rows
    return Table(
        "next-hours-by-team",
        "By team",
        (
            Column("Team"),
            Column("Last 24 hours", "number", "Priced usage, an estimate"),
            Column("Next 24 hours", "number", "Expected"),
            Column("Change", "number"),
            Column("Next 48 hours", "number", "Expected"),
            Column("Busiest hour (UTC)"),
        ),
        tuple(
            Row(
                (
                    c.team(None if row["scope_value"] == "unallocated" else row["scope_value"])
                    if row["scope_type"] == "team"
                    else c.app(row["scope_value"]),
                    c.money(row["before"], view.currency),
                    c.money(row["next_day"], view.currency),
                    c.change(row["next_day"] or ZERO, row["before"]),
                    c.money(row["two_days"], view.currency),
                    c.text(f"{row['busiest_hour']:%H:%M}" if row["busiest_hour"] else None),
                )
            )
            for row in teams[:SHOWN]
        ),
        "There is no forecast by the hour yet; it is made with each run once there is usage by the hour.",
        export="fct_usage_forecast_hourly" if rows else "",
    )


# ── service objectives ────────────────────────────────────────────────────────────────────────────────────────────────


def _burn_state(burned: Decimal | None) -> tuple[str, Tone]:
    if burned is None:
        return "Not known", "neutral"
    if burned >= 1:
        return "Overspent", "bad"
    if burned >= PAGE_BURNED:
        return "Page", "bad"
    if burned >= ALERT_BURNED:
        return "Alert", "warn"
    return "Fine", "good"


def _objectives_table(view: View, objectives: Rows) -> Table:
    def rate(value: Decimal | None) -> Cell:
        if value is None:
            return Cell(c.NOTHING)
        return Cell(f"{value:.1f}×", sort=value, tone="warn" if value > 1 else "")

    rows = []
    for row in objectives:
        limit, target = row["latency_target_milliseconds"], row["target_ratio"]
        promise = (
            f"{f.percent(target, 1)} without an error"
            if row["aspect"] == "availability"
            else f"{f.percent(target, 1)} within {limit / 1000:g} s"
        )
        burned = row["budget_burned_ratio"]
        words, tone = _burn_state(burned)
        rows.append(
            Row(
                (
                    c.text(row["objective_name"], small=row["aspect"]),
                    c.text(promise, small=f"over {row['window_days']} days"),
                    c.share(row["window_good_ratio"], 2),
                    Cell(
                        c.NOTHING if burned is None else f.percent(burned),
                        sort=burned,
                        gauge=None if burned is None else Gauge(float(burned), tone=tone),
                    ),
                    Cell(
                        f"{f.whole(row['window_bad_request_count'])} of {f.whole(row['window_error_budget'])}",
                        sort=row["window_bad_request_count"],
                    ),
                    rate(row["burn_rate_1d"]),
                    rate(row["burn_rate_7d"]),
                    rate(row["burn_rate_28d"]),
                    c.badge(words, tone),
                )
            )
        )
    through = f" Through {f.day(max(row['usage_date'] for row in objectives))}." if objectives else ""
    return Table(
        "objectives",
        "Objectives and their error budgets",
        (
            Column("Objective"),
            Column("Promise"),
            Column("Reached", "number"),
            Column("Error budget burned", "bar", "The mark is the whole budget"),
            Column("Bad requests", "number", "Of those that the window may have"),
            Column("Burn, 1 day", "number", "At 1 the budget lasts for the window, at 2 for half of it"),
            Column("7 days", "number"),
            Column("28 days", "number"),
            Column("State", "badge"),
        ),
        tuple(rows),
        "Finance and administrators see service objectives."
        if c.hidden(view, "fct_service_objective_daily")
        else "No objective is set; add service_levels to config/units.yml.",
        f"Counted in requests.{through} aifinops service-levels has them beside their cost." if rows else "",
        export="fct_service_objective_daily" if rows else "",
    )
