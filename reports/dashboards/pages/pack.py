"""The monthly pack: a month of the whole company for finance and the board, tied to the bill.

Here: the month against budget and forecast, owners, models and services, allocation, unit costs, forecasts, incidents,
guardrails, savings, data, method; the period is a month.
Not here: how it looks on paper (``reports.documents.pdf``), editions of a month (``reports.documents.editions``).
"""

from __future__ import annotations

from collections.abc import Mapping

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Block, Cell, Note, Notes, Page, Section, Tile, Tiles
from reports.dashboards.opportunities.find import opportunities_of
from reports.dashboards.opportunities.model import Opportunity
from reports.dashboards.parts import allocation, books, forecast, incidents, invoices, spend, spend_charts, teams, units
from reports.dashboards.view import View
from reports.documents import changes, month, savings, shared
from reports.measures.forecasts import Forecasts
from reports.measures.incidents import Incidents
from reports.measures.units import UnitCost

MOST_PARTS = 10
MOST_SAVINGS = 15
MOST_OUTCOMES = 4
METHOD = (
    "AI spend is effective (amortised) cost as FOCUS means it: a commitment that was bought once is spread over the "
    "days that it covers. What was invoiced for the same days is billed cost, and only that is compared with invoices.",
    "Billed amounts, estimates from usage and forecasts are never added to each other.",
    "Owners are found by tags and rules (config/tags.yml); shared pools are split by what was measured "
    "(config/allocation.yml). What no rule gives an owner stays visible as nobody's.",
    "A unit cost is cost divided by quantity over 30 days, so busy days weigh more than idle ones.",
    "Forecasts blend several models, weighted by how well each did on past days; an 80% interval is of the whole "
    "period, not a sum of days. A month's forecast is judged as it was made in the month's first days.",
    "What could be saved is an estimate of one month at today's use; opportunities that exclude each other say so.",
    "If the bill of this month changes after this edition, a new edition is made, and says what changed.",
)

_Parts = Mapping[spend.Dimension, list[spend.Part]]


def build(view: View) -> Page:
    ask = Ask(view)
    whole = spend.total(ask)
    parts = spend.by(ask, whole, "team", "business_unit", "app", "model", "service_name")
    budgets = month.budgets_of(ask)
    found = shared.incidents_of(ask)
    covered = allocation.coverage_of(ask)
    costs = units.costs_of(ask)
    expected = forecast.forecasts_of(ask)
    opportunities = opportunities_of(ask)
    tiles = (
        spend.tile(ask, whole, ()),
        month.budget_tile(ask, budgets),
        month.variance_tile(ask),
        *allocation.tiles(ask, covered),
        _outlook_tile(ask, expected),
        savings.tile(ask, opportunities),
        _incidents_tile(ask, found),
        shared.guardrail_tile(ask),
    )
    return Page(
        name="pack",
        title="Monthly AI cost pack",
        question=f"What did AI cost in {view.period.label}, who spent it on what, was it planned, and what comes next?",
        states=shared.states(view),
        sections=(
            Section(
                "summary",
                "The month in short",
                (
                    (Tiles(tiles),),
                    (Notes("What changed, and why", changes.sentences(ask, whole)),),
                    (spend.share_note(ask, whole),),
                    *shared.currency_rows(ask),
                ),
            ),
            Section(
                "budgets",
                "Against budget and forecast",
                ((month.burn_up(ask, budgets),), (month.budgets_table(ask, budgets),)),
            ),
            Section("owners", "Who spent it", _owners(ask, whole, parts)),
            Section("purpose", "What it was spent on", _purpose(ask, whole, parts)),
            Section(
                "allocation",
                "How it found its owner",
                (
                    (allocation.methods_chart(ask),),
                    (allocation.nobody_table(ask, covered),),
                ),
            ),
            Section("units", "What one unit costs", _units(ask, costs)),
            Section(
                "forecasts",
                "What comes next, and how good forecasts were",
                (
                    (forecast.totals_table(ask, expected),),
                    (forecast.months(ask, expected),),
                    (forecast.months_table(ask, expected),),
                    forecast.quality(expected),
                ),
                lead=f"Forecasts as of {f.moment(view.as_of)}.",
            ),
            Section(
                "events",
                "Incidents and guardrails",
                ((incidents.table(ask, found),), (shared.guardrail_table(ask),)),
            ),
            Section("savings", "What could be saved", _savings(ask, opportunities)),
            Section(
                "data",
                "Can these figures be trusted?",
                (
                    (invoices.invoices_table(ask),),
                    (books.reconciliation_table(ask)[1],),
                    *((note,) for note in shared.data_notes(ask)),
                ),
            ),
            Section("method", "How to read this", ((Notes("", tuple(Note(text) for text in METHOD)),),)),
        ),
    )


def _incidents_tile(ask: Ask, found: Incidents) -> Tile:
    known = (*found.open, *found.past)
    if not known:
        return Tile("Incidents", "None", sub="No cost or usage was far from what was expected.", tone="good")
    largest = max(known, key=lambda one: abs(one.impact))
    return Tile(
        "Incidents",
        str(len(known)),
        sub=f"{len(found.open)} still open" if found.open else "All are over",
        # Money of a team and of its app can be in two incidents, so impacts are never summed.
        foot=f"Largest: {largest.scope_name}, {f.signed_money(largest.impact, ask.currency)}.",
        tone="bad" if any(one.severity in ("critical", "high") for one in found.open) else "warn",
    )


def _outlook_tile(ask: Ask, expected: Forecasts) -> Tile:
    company = next((one for one in expected.totals if one.scope_type == "company"), None)
    for period, label in (("next_month", "Next month"), ("month", "This month")):
        total = None if company is None else company.totals.get(period)
        if total is not None:
            return Tile(
                f"{label}, {f.month(total.period_start)}",
                f.whole_money(total.expected, ask.currency),
                sub=f"80% interval {f.whole_money(total.lower, ask.currency)} to "
                f"{f.whole_money(total.upper, ask.currency)}",
            )
    return Tile("Next month", "Not known", sub="There is no forecast yet; it is made once enough days are billed.")


def _owners(ask: Ask, whole: spend.Total, parts: _Parts) -> tuple[tuple[Block, ...], ...]:
    trend = spend.sparks(spend.daily(ask, "team", *spend.spark_days(ask)), ask.view.period.last)
    return (
        (spend.by_table(ask, parts, "business_unit", whole),),
        (teams.teams_table(ask, whole, parts["team"], trend, (), {}, None),),
        (allocation.owners_table(ask),),
        (spend_charts.categories_chart(ask),),
    )


def _purpose(ask: Ask, whole: spend.Total, parts: _Parts) -> tuple[tuple[Block, ...], ...]:
    names: dict[str | None, Cell] = {None: cells.app(None)}
    return (
        (spend.parts_table(ask, "apps", "By app", "App", parts["app"], whole, names, most=MOST_PARTS),),
        (spend.by_table(ask, parts, "model", whole),),
        (spend.by_table(ask, parts, "service_name", whole),),
    )


def _units(ask: Ask, costs: tuple[UnitCost, ...]) -> tuple[tuple[Block, ...], ...]:
    tokens, gpus, outcomes = units.charts(ask, costs)
    found: list[tuple[Block, ...]] = [(Tiles(tuple(units.tiles(ask, costs))),), (tokens, gpus)]
    found += [tuple(outcomes[i : i + 2]) for i in range(0, min(len(outcomes), MOST_OUTCOMES), 2)]
    found.append((units.outcomes_table(ask, costs),))
    return tuple(found)


def _savings(ask: Ask, found: list[Opportunity]) -> tuple[tuple[Block, ...], ...]:
    saved = shared.saved_notes(ask)
    notes: tuple[tuple[Block, ...], ...] = ((Notes("Saved already", saved),),) if saved else ()
    return ((savings.table(ask, found, MOST_SAVINGS),), *notes)
