"""The Power BI model beside the portal and its pages: the same person sees the same rows, and they say the same."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finops.periods import BillingPeriod
from portal.people import Person
from reports import mart_rows
from reports.dashboards.access import Published, Role
from reports.dashboards.ask import Ask
from reports.dashboards.parts import unit_targets
from reports.dashboards.parts.forecast import forecasts_of
from reports.dashboards.period import month_period
from reports.documents.month import budgets_of
from reports.powerbi import figures
from reports.powerbi.expressions import Chosen, quoted, sql_text
from reports.powerbi.measures import measures
from reports.powerbi.queries import parse_root, shared_expressions
from reports.powerbi.roles import OWN_TEAMS, ROLES
from reports.powerbi.rows import MartRows
from reports.powerbi.star import NO_APP, STAR, links, marts, tables
from tests.support.mart_factory import BILLED_THROUGH
from tests.support.portal import ADMIN, FINANCE, NOBODY, SEARCH, TestPortal, serving_portal
from tests.support.published import view_of

pytestmark = [pytest.mark.ids("BI-2", "SEC-1"), pytest.mark.xdist_group("portal")]

TWO_TEAMS = Person("t/9", "two@example.com", frozenset({Role.ENG}), frozenset({"robotics", "support"}))
_PLANTED = {
    # A row of a team with another's app, and one without an app: filters on App must not take them from the team.
    "fct_ai_cost_daily": """
        select * from rows union all by name
        (select * replace ('search' as team, 'support-copilot' as app) from rows where team = 'search' limit 1)
        union all by name (select * replace (null as app) from rows where team = 'search' limit 1)""",
    "fct_unit_cost_daily": """
        select * from rows union all by name
        select * replace ('lead' as unit_id, 'Lead scored' as unit_name, trailing_28d_unit_cost * 2
            as trailing_28d_unit_cost) from rows""",
    "fct_guardrail_fact_history": """
        select * from rows union all by name select 'budget' as kind, b.budget_id, b.scope_type, b.scope_value,
            '2026-' || m as period, 'currency' as unit, b.budget_amount * d as reference, b.currency,
            timestamp '2026-09-01' + interval 1 day * d as known_from
        from budgets as b, unnest(['09', '10']) as t(m), unnest([1, 2]) as u(d) where b.period = 'month'""",
}


@pytest.fixture(scope="module")
def portal(published_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPortal]:
    """Over the organisation's marts, with rows that roles are easily wrong about."""
    found = tmp_path_factory.mktemp("powerbi") / "published"
    shutil.copytree(published_folder, found)
    with duckdb.connect() as connection:
        connection.execute(f"create view budgets as from '{published_folder}/fct_budget_status.parquet'")
        for mart, sql in _PLANTED.items():
            connection.execute(f"create or replace view rows as from '{published_folder}/{mart}.parquet'")
            connection.sql(sql).write_parquet(f"{found}/{mart}.parquet")
    with serving_portal(tmp_path_factory.mktemp("portal"), found, decisions=0) as serving:
        yield serving


@pytest.fixture(scope="module")
def folder(portal: TestPortal) -> Path:
    """The marts that the portal serves."""
    return portal.office.gate.home.published.resolve()


@pytest.fixture(scope="module")
def star(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with figures.connect(folder) as connection:
        yield connection


@pytest.fixture(scope="module")
def published(folder: Path) -> Iterator[Published]:
    with Published(folder) as found:
        yield found


# ── the same person sees the same rows ────────────────────────────────────────────────────────────────────────────────


def of_portal(portal: TestPortal, person: Person, folder: Path, into: Path) -> duckdb.DuckDBPyConnection:
    """The star over what the portal gives this person."""
    into.mkdir()
    client = portal.client(person)
    for mart in marts():
        answer = client.get(f"/api/v1/marts/{mart}", params={"format": "parquet"})
        assert answer.status_code in (200, 404), answer.text
        if answer.status_code == 200:
            (into / f"{mart}.parquet").write_bytes(answer.content)
        else:
            pq.write_table(pq.read_schema(folder / f"{mart}.parquet").empty_table(), into / f"{mart}.parquet")
    return figures.connect(into)


def of_role(star: duckdb.DuckDBPyConnection, table: str, role: str, teams: frozenset[str]) -> Counter[tuple[Any, ...]]:
    """Rows of a table as the model shows them: its own filter, and those of what it points to. A row that leads to no
    member of a filtered table is not shown."""
    filters = {one.table: one.sql for one in next(one for one in ROLES if one.name == role).filters}
    star.execute(f"create or replace table {OWN_TEAMS} as select unnest(?::varchar[]) as team", [sorted(teams)])
    terms = [filters.get(table, "true")]
    for dimension, (column, key) in links().get(table, {}).items():
        if dimension in filters:
            terms.append(
                f"{quoted(column)} in (select {quoted(key)} from {quoted(dimension)} where {filters[dimension]})"
            )
    return counted(star, f"select * from {quoted(table)} where {' and '.join(f'({term})' for term in terms)}")


def counted(connection: duckdb.DuckDBPyConnection, sql: str) -> Counter[tuple[Any, ...]]:
    """Sums of doubles differ in their last digits with the order of rows."""
    rows = connection.execute(sql).fetchall()
    return Counter(tuple(round(value, 6) if isinstance(value, float) else value for value in row) for row in rows)


@pytest.mark.parametrize("person", [ADMIN, FINANCE, SEARCH, TWO_TEAMS], ids=lambda person: person.name)
def test_a_role_shows_the_rows_that_the_portal_gives(
    person: Person, portal: TestPortal, star: duckdb.DuckDBPyConnection, folder: Path, tmp_path: Path
) -> None:
    [role] = person.roles
    judged = {table.name for table in STAR if isinstance(table.rows, MartRows)} | {"Budget month"}
    with of_portal(portal, person, folder, tmp_path / "mine") as mine:
        for name in judged - {"App"}:
            shown = of_role(star, name, role, person.teams)
            assert shown == counted(mine, f"select * from {quoted(name)}"), name
            if role is not Role.ENG:
                assert shown.total() == counted(star, f"select * from {quoted(name)}").total(), name
        apps = {row[0] for row in of_role(star, "App", role, person.teams)}
        # Own rows name apps of other teams too; what else other teams have is not named.
        named = " union ".join(f"select app from {quoted(name)}" for name in ("App", "Cost", "Usage", "Own unit"))
        assert apps == {row[0] for row in counted(mine, f"select app from ({named})")} | {NO_APP}
    if role is Role.ENG:
        assert of_role(star, "Cost", role, person.teams).total() > 100
        assert not of_role(star, "Budget month", role, person.teams)
        assert not of_role(star, "Cost", role, frozenset()), "nobody's teams have no rows"
        unknown = of_role(star, "App", role, frozenset({"a team without rows"}))
        assert [row[0] for row in unknown] == [NO_APP], "budgets and forecasts of a team lead there"
    if person is SEARCH:
        own = {row[:2] for row in counted(star, "select team, app from Cost")} & {("search", NO_APP)}
        assert own, "the planted row without an app"
        assert {"support-copilot", NO_APP} <= apps


def test_whoever_has_no_role_gets_nothing_from_either(portal: TestPortal) -> None:
    assert portal.client(NOBODY).get("/api/v1/marts").status_code == 403
    assert {role.name for role in ROLES} == {role.value for role in Role}


# ── the portal as root ────────────────────────────────────────────────────────────────────────────────────────────────


def asked(star_table: str, day: str, end: str, **more: str) -> dict[str, Any]:
    """What the shared expression Mart asks the portal for, with RangeStart and RangeEnd."""
    rows = tables()[star_table].rows
    assert isinstance(rows, MartRows)
    column = rows.time_column
    days = [f"{column}>={day}", f"{column}<{end}"]
    return {"format": "parquet", "columns": ",".join(rows.reads), "filter": days, **more}


@pytest.mark.parametrize("name", [table.name for table in STAR if table.time_column])
def test_the_portal_sends_a_range_part_by_part(
    name: str, portal: TestPortal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mart_rows, "PART_ROWS", 40)
    client, mart = portal.client(FINANCE), tables()[name].rows.marts[0]
    version = client.get("/api/v1/marts").json()["version"]
    parts = []
    while not parts or parts[-1].num_rows == 40:
        query = asked(name, "2026-10-03", "2026-10-06", version=version, part=str(len(parts)))
        parts.append(pq.read_table(io.BytesIO(client.get(f"/api/v1/marts/{mart}", params=query).content)))
    whole = client.get(f"/api/v1/marts/{mart}", params=asked(name, "2026-10-03", "2026-10-06"))
    found = pa.concat_tables(parts)
    assert found.equals(pq.read_table(io.BytesIO(whole.content)))
    column = tables()[name].time_column
    where = f"{column} >= '2026-10-03' and {column} < '2026-10-06'"
    [(expected,)] = duckdb.execute(f"select count(*) from '{folder}/{mart}.parquet' where {where}").fetchall()
    assert found.num_rows == expected > 0
    assert {f"{day:%Y-%m-%d}" for day in found[str(column)].to_pylist()} == {"2026-10-03", "2026-10-04", "2026-10-05"}
    after = client.get(f"/api/v1/marts/{mart}", params={"format": "parquet", "part": "99999"})
    assert pq.read_table(io.BytesIO(after.content)).num_rows == 0


def test_parts_of_two_runs_are_not_mixed_and_each_is_on_record(portal: TestPortal) -> None:
    client = portal.client(FINANCE)
    old = client.get("/api/v1/marts/dim_team", params={"format": "parquet", "part": "0", "version": "the-run-before"})
    assert old.status_code == 410
    assert "begin again" in old.json()["detail"]
    wrong = client.get("/api/v1/marts/dim_team", params={"part": "0"})
    assert (wrong.status_code, "format=parquet" in wrong.json()["detail"]) == (422, True)
    client.get("/api/v1/marts/fct_invoice_monthly", params={"format": "parquet", "part": "3"})
    entry = portal.office.gate.ledger.notes("portal.done")["mart/fct_invoice_monthly"]
    assert entry["what"] == "took part 3 of a mart as parquet"


def test_the_query_for_a_portal_asks_what_the_portal_understands(portal: TestPortal) -> None:
    texts = {one.name: one.text for one in shared_expressions(parse_root("https://finops.example.com/api/v1/"))}
    assert texts["Root"].startswith('"https://finops.example.com/api/v1" meta')
    assert 'RelativePath = "marts"' in texts["Marts"]
    assert 'RelativePath = "marts/" & name' in texts["Mart"]
    assert f"Table.RowCount([rows]) < {mart_rows.PART_ROWS}" in texts["Mart"]
    described = portal.client(ADMIN).get("/api/v1/openapi.json").json()["paths"]["/api/v1/marts/{mart}"]["get"]
    known = {parameter["name"] for parameter in described["parameters"] if parameter["in"] == "query"}
    assert {"format", "columns", "part", "version", "filter"} <= known
    assert not {"ReadFile", "Manifest"} & texts.keys()


# ── measures say what the pages say ───────────────────────────────────────────────────────────────────────────────────


def said(star: duckdb.DuckDBPyConnection, wanted: Sequence[str], **chosen: str) -> list[float | None]:
    """What these measures show where that is chosen."""
    places = {**figures.CHOICES, "unit": ("Own unit", "unit_id")}
    choices = tuple(Chosen(*places[name], sql_text(value)) for name, value in chosen.items())
    known = {measure.name: measure for measure in measures()}
    found = figures.evaluate(star, [known[name] for name in wanted], choices)
    return [found[name] for name in wanted]


def test_own_units_cost_what_the_teams_page_says(star: duckdb.DuckDBPyConnection, published: Published) -> None:
    [row] = [
        row
        for row in unit_targets.table(Ask(view_of(published, "support"), "team")).rows
        if row.cells[0].text == "Ticket resolved"
    ]
    sql = "select sum(total_cost) / sum(quantity) as cost from fct_unit_cost_daily where unit_id = 'ticket'"
    [of_all_days] = published.rows(sql)
    names = ("Cost per own unit, 28 days", "Own unit target", "Cost per own unit")
    expected = [float(str(value)) for value in (row.cells[1].sort, row.cells[3].sort, of_all_days["cost"])]
    assert said(star, names) == [None, None, None], "what tickets and leads cost has no average"
    assert said(star, names, currency="USD", unit="ticket", team="support") == pytest.approx(expected)


def test_months_turned_out_as_the_finance_page_says(star: duckdb.DuckDBPyConnection, published: Published) -> None:
    months = forecasts_of(Ask(view_of(published))).company_months
    assert len(months) > 1
    names = ("Company month forecast", "Company month actual", "Company forecast variance share")
    for month in months[-3:]:
        expected = [float(month.forecast), float(month.actual), month.variance_ratio]
        assert said(star, names, currency="USD", month=f"{month.month:%Y-%m}") == pytest.approx(expected)


def test_budgets_of_a_past_month_are_those_of_the_monthly_pack(
    star: duckdb.DuckDBPyConnection, published: Published
) -> None:
    september = month_period(BillingPeriod.parse("2026-09"), BILLED_THROUGH)
    budgets = budgets_of(Ask(view_of(published, period=september)))
    [own] = [one for one in budgets if one.scope_type == "company"]
    names = ("Company month budget", "AI spend", "Company month budget variance")
    expected = [float(own.amount), float(own.spent), float(own.spent - own.amount)]
    assert said(star, names, currency="USD", month="2026-09") == pytest.approx(expected)
    team = next(one for one in budgets if one.scope_type == "team")
    names = ("Team month budget", "AI spend")
    found = said(star, names, currency="USD", month="2026-09", team=team.scope_value)
    assert found == pytest.approx([float(team.amount), float(team.spent)])
