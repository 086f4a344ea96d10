"""The pages of whoever operates AI: on call, models, GPUs, savings, data health, on a folder of published marts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from finops.periods import BillingPeriod
from reports import formatting as f
from reports.dashboards.access import Published, Role, Viewer
from reports.dashboards.ask import Ask
from reports.dashboards.catalogue import BY_NAME
from reports.dashboards.model import SERVED_ONLY, Block, Cell, Note, Notes, Page, Table, Tile, Tiles
from reports.dashboards.opportunities.find import opportunities_of
from reports.dashboards.opportunities.model import Certainty, Opportunity, counted
from reports.dashboards.period import last_days, month_period
from reports.dashboards.view import Operations, View
from reports.page.chart import Chart
from tests.support import mart_factory
from tests.support.published import view_of
from tests.support.published_signals import (
    DRIFT,
    GUESS,
    LAST_CALL,
    STALE_COST,
    UNITS_COST,
    UNITS_IDLE,
    UNITS_WORTH,
    publish_nothing,
    publish_signals,
)

pytestmark = pytest.mark.xdist_group("dashboards")

NAMES = ("on-call", "models", "gpu", "savings", "data-health")
SEARCH = Viewer("search", frozenset({Role.ENG}), frozenset({"search"}))
DAYS = 18
"""Billed days of October."""


@pytest.fixture(scope="module")
def signals(published_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_signals(published_folder, tmp_path_factory.mktemp("signals") / "published")


@pytest.fixture(scope="module")
def nothing(published_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_nothing(published_folder, tmp_path_factory.mktemp("nothing") / "published")


@pytest.fixture(scope="module")
def published(signals: Path) -> Iterator[Published]:
    with Published(signals) as opened:
        yield opened


def operations() -> Operations:
    first = mart_factory.decisions()[1]
    return Operations(
        decisions=[
            *mart_factory.decisions(),
            {**first, "decision_id": "f1", "mode": "enforce", "status": "ENFORCED", "action_kinds": ["throttle"]},
            {**first, "decision_id": "f2", "mode": "enforce", "status": "REVERTED", "level": "release"},
        ],
        approvals=[
            {
                **first,
                "decision_id": "gd_wait",
                "status": "PENDING_APPROVAL",
                "approve_until": "2026-10-21T06:00:00Z",
                "votes": [{"who": "ada", "verdict": "approve"}],
                "missing": 1,
            }
        ],
        deliveries=[
            {"message_id": "m1", "route_id": "teams", "kind": "incident", "status": "pending", "attempts": 1},
            {
                "message_id": "m2",
                "route_id": "hook",
                "kind": "guardrail.throttle",
                "status": "dead",
                "attempts": 8,
                "error": "HTTP 410",
                "remedy": "Make a new address",
            },
        ],
    )


def page_of(name: str, view: View) -> Page:
    return BY_NAME[name].build(view)


def blocks(page: Page) -> list[Block]:
    return [block for section in page.sections for row in section.rows for block in row]


def tables(page: Page) -> dict[str, Table]:
    return {block.key: block for block in blocks(page) if isinstance(block, Table)}


def tiles(page: Page) -> dict[str, Tile]:
    return {tile.label: tile for block in blocks(page) if isinstance(block, Tiles) for tile in block.tiles}


def texts(page: Page) -> list[str]:
    """Everything a reader can read, but for drawn figures."""

    def of_cell(cell: Cell) -> list[str]:
        return [cell.text, cell.small]

    found = [page.question, *(note.text for note in page.states)]
    for section in page.sections:
        found += [section.title, section.lead]
    for block in blocks(page):
        if isinstance(block, Tiles):
            found += [text for tile in block.tiles for text in (tile.label, tile.value, tile.sub, tile.foot)]
        elif isinstance(block, Chart):
            found += [block.title, block.caption, block.label, block.empty]
        elif isinstance(block, Note):
            found.append(block.text)
        elif isinstance(block, Notes):
            found += [block.title, *(note.text for note in block.notes)]
        else:
            found += [block.title, block.caption, block.empty, block.more]
            for row in [*block.rows, *([block.total] if block.total else [])]:
                found += [text for cell in row.cells for text in of_cell(cell)] + list(row.details)
    return [text.replace(f.NBSP, " ") for text in found if text]


def sort_sum(table: Table, column: str) -> Any:
    """Exact sum of the rows' values in a column."""
    place = [one.label for one in table.columns].index(column)
    return sum(row.cells[place].sort or 0 for row in table.rows)  # type: ignore[misc]


def of_total(table: Table, column: str) -> Any:
    assert table.total is not None
    return table.total.cells[[one.label for one in table.columns].index(column)].sort


def asked(folder: Path, sql: str) -> Any:
    """The only value of a query on Parquet files, past all code of the pages."""
    with duckdb.connect() as connection:
        for mart in set(re.findall(r"(?:fct|dim)_\w+", sql)):
            connection.execute(f"create view {mart} as from read_parquet('{folder / mart}.parquet')")
        row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


# ── every page ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("choice", ["USD", "EUR", "year", "past"])
def test_a_page_is_whole_in_every_period_and_currency(name: str, choice: str, published: Published) -> None:
    periods = {
        "year": last_days(365, mart_factory.BILLED_THROUGH),
        "past": month_period(BillingPeriod.parse("2026-09"), mart_factory.BILLED_THROUGH),
    }
    view = view_of(
        published, currency="EUR" if choice == "EUR" else "USD", period=periods.get(choice), operations=operations()
    )
    page = page_of(name, view)
    assert (page.name, page.title) == (name, BY_NAME[name].title)
    keys = [block.key for block in blocks(page) if isinstance(block, Table | Chart)]
    assert len(keys) == len(set(keys))
    for table in tables(page).values():
        for row in [*table.rows, *([table.total] if table.total else [])]:
            assert len(row.cells) == len(table.columns), table.key
        assert table.rows or table.empty, table.key
        assert not table.export or table.export in published.marts
    for block in blocks(page):
        if isinstance(block, Chart):
            assert block.figure is not None or block.empty, block.key
    links = [cell.target for table in tables(page).values() for row in table.rows for cell in row.cells if cell.target]
    assert all(link.page in BY_NAME or link.page in SERVED_ONLY for link in links)
    assert "nan" not in " ".join(texts(page)).lower().split()


@pytest.mark.ids("BI-1")
@pytest.mark.parametrize("name", NAMES)
def test_a_home_without_data_says_so(name: str, nothing: Path, tmp_path: Path) -> None:
    for folder in (nothing, tmp_path):
        with Published(folder) as empty:
            page = page_of(name, replace(view_of(empty), billed_through=None))
        assert page.states
        assert all(note.tone != "good" for note in page.states)
        assert any(
            "aifinops run" in note.text or "connect" in note.text.lower() or "docs/" in note.text
            for note in page.states
        )
        assert not any(tile.value == "nan" for tile in tiles(page).values())
        for table in tables(page).values():
            assert table.empty, table.key
            assert table.total is None, table.key


@pytest.mark.ids("SEC-1", "BI-1")
@pytest.mark.parametrize("name", NAMES)
def test_an_engineer_sees_the_own_team_alone(name: str, signals: Path) -> None:
    with Published(signals, SEARCH) as own:
        page = page_of(name, view_of(own))
    words = " ".join(texts(page))
    for other in (
        "robotics",
        "support-copilot",
        "vision-train",
        "claims-screening",
        "contract-review",
        "gateway-spans",
    ):
        assert other not in words, other


# ── on call ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def on_call(published: Published) -> Page:
    return page_of("on-call", view_of(published, operations=operations()))


@pytest.mark.ids("BI-1", "ANOM-2")
def test_open_incidents_come_with_the_most_money_first_and_what_to_type(on_call: Page) -> None:
    told = [
        block for block in blocks(on_call) if isinstance(block, Notes) and block.title.startswith(("Critical", "High"))
    ]
    assert [one.title.replace(f.NBSP, " ") for one in told] == [
        "Critical: app query-rewriter, +USD 738",
        "High: team robotics, +USD 701",
    ]
    words = " ".join(note.text for note in told[0].notes).replace(f.NBSP, " ")
    assert "97% of it is gpt-4.1-mini at night" in words
    assert "Of the change in token cost: volume +USD 735, mix +USD 2.00, cache +USD 1.00, price USD 0." in words
    assert "aifinops incidents acknowledge" in words
    drivers = next(table for key, table in tables(on_call).items() if key.startswith("contributors-"))
    assert [row.cells[1].text for row in drivers.rows] == ["gpt-4.1-mini", "rewrite", "westus"]
    assert [row.cells[0].text for row in drivers.rows] == ["Model", "Feature", "Region"]
    short = next(block for block in blocks(on_call) if isinstance(block, Notes) and block.title == "In short")
    tones = [note.tone for note in short.notes]
    assert {"bad", "warn", "good"} <= set(tones)
    assert tones == sorted(tones, key=("bad", "warn", "neutral", "", "good").index), "worst first"
    assert "3 open incidents" in on_call.states[0].text


@pytest.mark.ids("BI-1", "COST-1")
def test_another_currency_hides_no_incident_and_claims_no_money(published: Published) -> None:
    view = view_of(published, currency="EUR")
    told = [note.text for note in page_of("on-call", view).states]
    assert "3 open incidents in USD: choose that currency to see more." in told
    gpus = page_of("gpu", view)
    assert "No GPU cost in EUR" in gpus.states[0].text
    assert {row.cells[6].text for row in tables(gpus)["gpu-pool-use"].rows} == {"–"}


@pytest.mark.ids("GUARD-3", "GUARD-5")
def test_what_waits_for_people_is_told_with_the_command(on_call: Page) -> None:
    found = tables(on_call)
    (waiting,) = found["approvals"].rows
    assert waiting.cells[5].text == "aifinops approvals approve gd_wait"
    assert waiting.cells[4].text == "ada agreed"
    assert waiting.cells[4].small == "1 person missing"
    assert [row.cells[2].text for row in found["deliveries"].rows] == ["Given up", "Waits"]
    assert found["deliveries"].rows[0].cells[6].text == "aifinops deliveries replay m2"
    assert tiles(on_call)["Messages given up"].value == "1"
    statuses = [(row.cells[3].text, row.cells[3].small) for row in found["decisions"].rows]
    assert statuses == [("Enforced", ""), ("Observed", "Dry run"), ("Suppressed", "Dry run"), ("Undone", "")]
    assert "never-touch list" in found["decisions"].rows[2].cells[6].small


@pytest.mark.ids("BUD-2", "UNIT-4")
def test_budgets_and_objectives_tell_how_fast_they_burn(on_call: Page) -> None:
    support = next(row for row in tables(on_call)["budgets-in-doubt"].rows if row.cells[0].text == "support")
    assert [cell.text for cell in support.cells[4:8]] == ["1.30×", "1.25×", "1.20×", "27 Oct 2026"]
    assert support.cells[9].text == "Heading over"
    assert support.cells[10].text == "support-lead@example.com"
    objectives = tables(on_call)["objectives"].rows
    # The newest whole day of each: the day that is still running says nothing yet.
    assert [(row.cells[0].text, row.cells[3].text, row.cells[8].text) for row in objectives] == [
        ("Tickets are routed", "140%", "Overspent"),
        ("Copilot answers", "40%", "Alert"),
    ]
    assert tiles(on_call)["Error budget burned, most"].value == "140%"


@pytest.mark.ids("ANOM-4")
def test_alert_quality_has_its_interval(on_call: Page) -> None:
    whole, detector = tables(on_call)["alert-quality"].rows
    assert (whole.cells[0].text, detector.cells[0].text) == ("All", "Leaked key")
    assert whole.cells[4].text == "50%"
    assert whole.cells[4].small == "10% to 90%"
    assert whole.cells[5].text == "6 hours"
    assert whole.cells[8].sort == Decimal("842.11")


@pytest.mark.ids("BI-1", "ANOM-3")
def test_what_was_explained_is_apart_from_what_is_wrong(published: Published) -> None:
    september = month_period(BillingPeriod.parse("2026-09"), mart_factory.BILLED_THROUGH)
    page = page_of("on-call", view_of(published, period=september))
    (silent,) = tables(page)["silent-incidents"].rows
    assert silent.cells[0].text == "catalog-enricher"
    assert silent.cells[2].text == "catalog-launch"


# ── GPUs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("BI-1", "UNIT-4", "OPT-1")
def test_idle_gpus_cost_what_the_bill_says(published: Published, signals: Path) -> None:
    page = page_of("gpu", view_of(published))
    idle = asked(
        signals,
        "select sum(effective_cost) from fct_ai_cost_daily where is_ai and idle_kind = 'free' and "
        "billing_currency = 'USD' and usage_date between '2026-10-01' and '2026-10-18'",
    )
    found = tables(page)
    assert idle > 0
    assert sort_sum(found["gpu-idle-money"], "Cost") == of_total(found["gpu-idle-money"], "Cost") == idle
    assert of_total(found["gpu-pool-use"], "Idle cost") == idle
    assert tiles(page)["Idle GPUs cost"].value == f.whole_money(idle, "USD")
    busy, whole = (
        asked(
            signals, f"select sum({column}) from fct_gpu_hourly where usage_hour between '2026-10-01' and '2026-10-19'"
        )
        for column in ("busy_gpu_seconds", "allocated_seconds + idle_seconds")
    )
    assert tiles(page)["GPUs at work"].value == f.percent(busy / float(whole))
    assert {row.cells[0].text: row.cells[7].text for row in found["gpu-pool-use"].rows}["gpua10"] == "Mostly idle"


@pytest.mark.ids("UNIT-4")
def test_training_and_interruptions_have_their_money(published: Published, signals: Path) -> None:
    page = page_of("gpu", view_of(published))
    found = tables(page)
    failed = asked(
        signals, "select sum(failed_estimated_cost) from fct_training_cost_monthly where month_start = '2026-10-01'"
    )
    assert of_total(found["training"], "For failed runs") == failed
    assert of_total(found["interruptions-by-app"], "Estimated cost") == Decimal("24.5")
    assert found["failed-runs"].rows[0].cells[5].sort == 41
    assert found["gpu-slices"].rows == ()
    assert "sliced" in found["gpu-slices"].empty


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("UNIT-1", "UNIT-2", "BI-1")
def test_every_priced_token_is_in_the_table_once(published: Published, signals: Path) -> None:
    page = page_of("models", view_of(published))
    found = tables(page)
    whole = asked(
        signals,
        "select sum(estimated_cost) from fct_usage_cost_hourly where currency = 'USD' and is_attributable and "
        "usage_hour >= '2026-10-01' and usage_hour < '2026-10-21'",
    )
    assert of_total(found["class-costs"], "Estimated cost") == whole
    assert of_total(found["prompt-economics"], "Estimated cost") == whole
    assert f.whole_money(whole, "USD") in tiles(page)["Tokens"].sub
    columns = [column.label for column in found["class-costs"].columns]
    row = next(row for row in found["class-costs"].rows if row.cells[0].text == "gpt-5-mini")
    # The price book's price of the class, from money and tokens: 0.25 for 1M of fresh input.
    assert row.cells[columns.index("Input")].text.replace(f.NBSP, " ") == "USD 0.250"


@pytest.mark.ids("COST-2", "UNIT-3", "UNIT-4")
def test_prices_routes_and_units_are_told(published: Published) -> None:
    page = page_of("models", view_of(published))
    found = tables(page)
    triage = next(row for row in found["model-variants"].rows if row.cells[0].text == "ticket-triage")
    assert (triage.cells[8].text, triage.cells[9].sort) == ("gpt-5-mini", 50)
    prices = found["price-book"].rows
    # The invoice's price wins; the batch price stands beside it.
    assert [(row.cells[0].small, row.cells[1].sort, row.cells[6].text) for row in prices] == [
        ("azure.ai.openai, swedencentral, batch", 1, "the invoice"),
        ("azure.ai.openai, swedencentral", 2, "the invoice"),
    ]
    assert of_total(found["price-disagreements"], "Money between them") == 1
    (units,) = found["provisioned-units"].rows
    assert (units.cells[3].sort, units.cells[4].sort, units.cells[5].sort) == (UNITS_COST, UNITS_IDLE, UNITS_WORTH)
    assert "break even at 2.5 times" in next(s for s in page.sections if s.key == "provisioned").lead
    assert found["deployments"].rows[0].cells[2].text == "5"
    assert found["unpriced-usage"].rows[0].cells[2].sort == GUESS


# ── savings ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def an_opportunity(monthly: int, group: str, certainty: Certainty = Certainty.ESTIMATED) -> Opportunity:
    return Opportunity("missed_cache", group, Decimal(monthly), certainty, (group,), ())


@pytest.mark.ids("OPT-1")
def test_of_two_about_the_same_only_the_larger_counts() -> None:
    found = counted(
        [
            an_opportunity(5, "a"),
            an_opportunity(9, "a"),
            an_opportunity(7, "b"),
            an_opportunity(99, "c", Certainty.POSSIBLE),
        ]
    )
    assert [(one.monthly, one.counts) for one in found] == [(99, 0), (9, 9), (7, 7), (5, 0)]
    assert found[-1].overlaps == "overlaps with: missed prompt cache"
    assert "try it" in found[0].overlaps


@pytest.mark.ids("OPT-1", "BI-1")
def test_savings_are_ranked_and_add_up(published: Published) -> None:
    view = view_of(published)
    found = opportunities_of(Ask(view))
    page = page_of("savings", view)
    total = sum(one.counts for one in found)
    listed = tables(page)["opportunities"]
    assert [one.monthly for one in found] == sorted((one.monthly for one in found), reverse=True)
    assert of_total(listed, "Counts") == of_total(tables(page)["savings-owners"], "Money a month") == total
    assert tiles(page)["Could be saved a month"].value == f.whole_money(total, "USD")
    assert f.money(total, "USD") in page.states[0].text
    by_kind = {one.kind: one for one in found}
    # 1,000 was paid for units in the 18 days, whose tokens are worth 400: 600 more than pay as you go.
    assert by_kind["pay_as_you_go"].monthly == (UNITS_COST - UNITS_WORTH) * 30 / DAYS
    assert by_kind["pay_as_you_go"].counts > 0
    assert (by_kind["unused_units"].monthly, by_kind["unused_units"].counts) == (UNITS_IDLE * 30 / DAYS, 0)
    assert by_kind["stale_resource"].monthly == STALE_COST * 30 / 14
    assert f.day(LAST_CALL) in by_kind["stale_resource"].why[0]
    assert by_kind["cheaper_model"].monthly == Decimal(50) * 30 / 20
    assert all(one.counts == 0 for one in found if one.certainty == Certainty.POSSIBLE)


@pytest.mark.ids("OPT-1")
def test_savings_of_a_team_are_its_own(published: Published) -> None:
    found = opportunities_of(Ask(view_of(published, "documents")))
    assert found
    assert {one.team for one in found} == {"documents"}
    assert "missed_cache" in {one.kind for one in found}


# ── data health ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ING-10", "COST-2", "COST-5")
def test_data_health_says_why_figures_cannot_be_signed(published: Published) -> None:
    page = page_of("data-health", view_of(published))
    words = " ".join(texts(page))
    assert page.states[0].tone == "bad"
    assert "3 findings" in page.states[0].text
    for said in (
        "gateway-spans: late. Missing: 2026-10-18 to 2026-10-20 of gateway.",
        "EUR has no exchange rate on 2 days from 17 Oct 2026 to 18 Oct 2026",
        "1 day of the bill does not add up",
        "docs/runbooks/stale-source.md",
    ):
        assert said in words, said
    found = tables(page)
    assert found["unreconciled"].rows[0].cells[2].sort == Decimal("3.5")
    # What the bill has not replaced yet is no drift.
    assert of_total(found["drift-causes"], "Billed − estimated") == sum(DRIFT.values())
    assert of_total(found["drift-causes"], "Estimated") == 300
    assert [row.cells[1].text for row in found["drift-causes"].rows] == ["Another price", "Within tolerance"]
    assert tiles(page)["Estimate to bill"].value == f.signed_percent(sum(DRIFT.values()) / Decimal(300), 1)
    assert found["unpriced-usage"].rows[0].cells[2].sort == GUESS
    assert found["delivered-twice"].rows[0].cells[3].sort == Decimal("77.5")
    assert of_total(found["ai-candidates"], "Cost") == Decimal("61.5")
    assert of_total(found["unparsed-meters"], "Cost") == Decimal("4.25")
    assert [row.cells[0].text for row in found["schema-drift"].rows] == ["x_NewColumn"]
    september = next(row for row in found["closed-months"].rows if row.cells[0].text == "September 2026")
    assert september.cells[2].sort + september.cells[3].sort == september.cells[4].sort  # type: ignore[operator]
    assert tables(page)["source-health"].rows[0].cells[0].text == "gateway-spans"


@pytest.mark.ids("ING-10", "BI-1")
def test_data_health_trusts_what_adds_up(published_folder: Path) -> None:
    with Published(published_folder) as opened:
        page = page_of("data-health", view_of(opened))
    # The organisation without planted faults has a rejected row and nothing worse.
    assert page.states[0].tone == "warn"
    assert page.states[0].text == "The figures can be trusted today, with 1 reservation named below."
    assert tiles(page)["Reconciled"].value == "Every day"
    assert date(2026, 10, 18) == view_of_last(page)


def view_of_last(page: Page) -> date:
    shown = tiles(page)["Billed through (USD)"].value
    return date(2026, 10, int(shown.split()[0]))
