"""Who may do what in the portal: every route for every role, every mart for every role, own and other teams."""

from __future__ import annotations

import io
import re
import shutil
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow.parquet as pq
import pytest

from guardrails import feedback_given
from orchestration.messaging import link_keys
from portal.app import routes_of
from portal.limits import Buckets
from portal.rules import RULES
from portal.shelf import Kept
from reports.dashboards.access import Answer, Asked, Published, Role, Viewer
from tests.support.guardrail_factory import AS_OF
from tests.support.portal import (
    ADMIN,
    FINANCE,
    GATE_TOKEN,
    METRICS_TOKEN,
    NOBODY,
    ONCALL,
    ROBOTICS,
    SEARCH,
    TestPortal,
    serving_portal,
)
from tests.support.sent_documents import EXECUTIVES
from tests.support.sent_documents import SEARCH as OF_SEARCH

pytestmark = [pytest.mark.ids("SEC-1"), pytest.mark.xdist_group("portal")]

INCIDENT = "3f5233a6c04d1050"
"""Of the app query-rewriter of team search."""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, published_folder: Path, sent_folder: Path) -> Iterator[TestPortal]:
    with serving_portal(tmp_path_factory.mktemp("portal"), published_folder, decisions=2) as found:
        shutil.copytree(sent_folder, found.office.gate.home.digests)
        yield found


ACTORS = {
    "stranger": None,
    "nobody": NOBODY,
    "admin": ADMIN,
    "finance": FINANCE,
    "search": SEARCH,
    "robotics": ROBOTICS,
}
Statuses = tuple[int, int, int, int, int, int]

ALL: Statuses = (200,) * 6
SIGNED_ON: Statuses = (401, 200, 200, 200, 200, 200)
ANY_ROLE: Statuses = (401, 403, 200, 200, 200, 200)
READERS: Statuses = (401, 403, 200, 200, 403, 403)
OWN: Statuses = (401, 403, 200, 200, 200, 404)
NOT_THERE: Statuses = (401, 403, 404, 404, 403, 403)
COMPANY: Statuses = (401, 403, 200, 200, 404, 404)
"""Documents about the company: teams do not learn that there are any."""
NAMED: Statuses = (401, 403, 200, 200, 404, 404)
"""The policy names neither team's people."""
VOTE: Statuses = (401, 403, 403, 403, 403, 404)
"""The policy names oncall@example.com: not even an Admin answers; another team does not know of it."""


def html(statuses: Statuses) -> Statuses:
    """A browser that has not signed on is sent to sign on."""
    return (303, *statuses[1:])


def done(statuses: Statuses) -> Statuses:
    """A form that was taken leads on to a page."""
    return tuple(303 if status == 200 else status for status in statuses)  # type: ignore[return-value]


CASES: dict[tuple[str, str], list[tuple[str, dict[str, Any], Statuses]]] = {
    ("GET", "/healthz"): [("/healthz", {}, ALL)],
    ("GET", "/sign-on"): [("/sign-on", {}, (502,) * 6)],
    ("GET", "/sign-on/back"): [("/sign-on/back", {}, (400,) * 6)],
    ("GET", "/signed-out"): [("/signed-out", {}, ALL)],
    ("GET", "/assets/{name}"): [("/assets/nothing.js", {}, (404,) * 6)],
    ("GET", "/metrics"): [("/metrics", {}, (401, 403, 200, 403, 403, 403))],
    ("POST", "/v1/gate/asks"): [("/v1/gate/asks", {"json": {}}, (401,) * 6)],
    ("GET", "/v1/gate/asks/{ask_id}"): [("/v1/gate/asks/1", {}, (401,) * 6)],
    ("POST", "/v1/gate/asks/{ask_id}/settlement"): [("/v1/gate/asks/1/settlement", {"json": {}}, (401,) * 6)],
    ("POST", "/v1/gate/asks/{ask_id}/release"): [("/v1/gate/asks/1/release", {"json": {}}, (401,) * 6)],
    ("POST", "/v1/gate/kubernetes"): [("/v1/gate/kubernetes", {"json": {}}, (401,) * 6)],
    ("POST", "/v1/gate/kubernetes/{token}"): [("/v1/gate/kubernetes/x", {"json": {}}, (401,) * 6)],
    ("GET", "/l/{token}"): [("/l/x", {}, (404,) * 6)],
    ("POST", "/l/{token}"): [("/l/x", {}, (404,) * 6)],
    ("GET", "/"): [("/", {}, html(done(ANY_ROLE)))],
    ("GET", "/account"): [("/account", {}, html(SIGNED_ON))],
    ("POST", "/sign-out"): [],  # it ends the session: test_portal_sign_on
    ("GET", "/p/{page}"): [
        ("/p/gpu", {}, html(ANY_ROLE)),
        ("/p/data-health", {}, html(READERS)),
        ("/p/nothing", {}, html((401, 403, 404, 404, 404, 404))),
    ],
    ("GET", "/p/{page}/{scope:path}"): [("/p/team/search", {}, html(OWN)), ("/p/app/query-rewriter", {}, html(OWN))],
    ("GET", "/incidents"): [("/incidents", {}, html(ANY_ROLE))],
    ("GET", "/incidents/{incident_id}"): [
        (f"/incidents/{INCIDENT}", {}, html(OWN)),
        ("/incidents/nothing", {}, html((401, 403, 404, 404, 404, 404))),
    ],
    ("POST", "/incidents/{incident_id}"): [
        (f"/incidents/{INCIDENT}", {"data": {"answer": "acknowledge"}}, html((401, 403, 303, 403, 303, 404)))
    ],
    ("GET", "/approvals"): [("/approvals", {}, html(ANY_ROLE))],
    ("POST", "/approvals/{kind}/{name}"): [
        ("/approvals/decision/DECISION", {"data": {"verdict": "approve", "why": "x"}}, html(VOTE))
    ],
    ("GET", "/statements"): [("/statements", {}, html(READERS))],
    ("GET", "/statements/{month}/{file}"): [("/statements/2026-09/lines.csv", {}, html(NOT_THERE))],
    ("GET", "/documents"): [("/documents", {}, html(ANY_ROLE))],
    ("GET", "/documents/{period}/{digest}/{edition}/{file}"): [
        (f"/documents/{EXECUTIVES.path}/document.html", {}, html(COMPANY)),
        (f"/documents/{EXECUTIVES.path}/document.pdf", {}, html(COMPANY)),
    ],
    ("GET", "/documents/{period}/{digest}/{team}/{edition}/{file}"): [
        (f"/documents/{OF_SEARCH.path}/document.html", {}, html(OWN)),
        (f"/documents/{OF_SEARCH.path}/document.pdf", {}, html(OWN)),
    ],
    ("GET", "/policies"): [("/policies", {}, html(ANY_ROLE))],
    ("GET", "/policies/{policy_id}"): [("/policies/monthly-budget", {}, html(NAMED))],
    ("POST", "/replays"): [("/replays", {"data": {"days": "none"}}, html((401, 403, 422, 403, 403, 403)))],
    ("GET", "/replays/{name}/{file}"): [("/replays/20261020T060000Z-0000/orders.csv", {}, html(NOT_THERE))],
    ("GET", "/what-if"): [("/what-if", {}, html(READERS))],
    ("GET", "/what-if/{scenario}"): [("/what-if/x", {}, html(NOT_THERE))],
    ("GET", "/api/v1/openapi.json"): [("/api/v1/openapi.json", {}, ANY_ROLE)],
    ("GET", "/api/v1/me"): [("/api/v1/me", {}, ANY_ROLE)],
    ("GET", "/api/v1/marts"): [("/api/v1/marts", {}, ANY_ROLE)],
    ("GET", "/api/v1/marts/{mart}"): [
        ("/api/v1/marts/fct_ai_cost_daily?limit=1", {}, ANY_ROLE),
        ("/api/v1/marts/fct_invoice_monthly?limit=1", {}, (401, 403, 200, 200, 404, 404)),
    ],
    ("GET", "/api/v1/pages"): [("/api/v1/pages", {}, ANY_ROLE)],
    ("GET", "/api/v1/pages/{page}"): [
        ("/api/v1/pages/gpu", {}, ANY_ROLE),
        ("/api/v1/pages/data-health", {}, READERS),
        ("/api/v1/pages/team?scope=search", {}, OWN),
    ],
    ("GET", "/api/v1/incidents"): [("/api/v1/incidents", {}, ANY_ROLE)],
    ("GET", "/api/v1/incidents/{incident_id}"): [(f"/api/v1/incidents/{INCIDENT}", {}, OWN)],
    ("POST", "/api/v1/incidents/{incident_id}/answers"): [
        (f"/api/v1/incidents/{INCIDENT}/answers", {"json": {"answer": "acknowledge"}}, (401, 403, 200, 403, 200, 404))
    ],
    ("GET", "/api/v1/approvals"): [("/api/v1/approvals", {}, ANY_ROLE)],
    ("POST", "/api/v1/approvals/{kind}/{name}"): [
        ("/api/v1/approvals/decision/DECISION", {"json": {"verdict": "deny", "why": "x"}}, VOTE)
    ],
    ("GET", "/api/v1/statements"): [("/api/v1/statements", {}, READERS)],
    ("GET", "/api/v1/statements/{month}"): [("/api/v1/statements/2026-09", {}, NOT_THERE)],
    ("GET", "/api/v1/documents"): [("/api/v1/documents", {}, ANY_ROLE)],
    ("GET", "/api/v1/policies"): [("/api/v1/policies", {}, ANY_ROLE)],
    ("GET", "/api/v1/policies/{policy_id}"): [("/api/v1/policies/monthly-budget", {}, NAMED)],
    ("GET", "/api/v1/what-if"): [("/api/v1/what-if", {}, READERS)],
    ("GET", "/api/v1/what-if/{scenario}"): [("/api/v1/what-if/x", {}, NOT_THERE)],
}


def test_every_route_has_a_rule_and_a_case(portal: TestPortal) -> None:
    assert routes_of(portal.app) == set(RULES) == set(CASES)


@pytest.mark.parametrize("actor", ACTORS)
def test_every_route_serves_the_roles_that_it_is_for(portal: TestPortal, actor: str) -> None:
    place = list(ACTORS).index(actor)
    client = portal.client(ACTORS[actor])
    token = {"token": client.headers.get("X-CSRF-Token", "")}
    wrong = []
    for (method, _), cases in CASES.items():
        for address, sent, statuses in cases:
            url = address.replace("DECISION", portal.decisions[0])
            body = {**sent, "data": {**sent["data"], **token}} if "data" in sent else sent
            # Of what a stranger gets wrong there is a limit.
            portal.office.failures._left.clear()
            found = client.request(method, url, **body)
            if found.status_code != statuses[place]:
                wrong.append((method, address, found.status_code, statuses[place], found.text[-300:]))
    assert not wrong


def test_whom_the_policy_names_approves_and_the_audit_trail_says_in_which_role(portal: TestPortal) -> None:
    client = portal.client(ONCALL)
    name = portal.decisions[1]
    waiting = {one["name"]: one for one in client.get("/api/v1/approvals").json()}
    assert (waiting[name]["scope"], waiting[name]["may_answer"]) == ("team robotics", True)
    assert client.post(f"/api/v1/approvals/decision/{name}", json={"verdict": "approve", "why": " "}).status_code == 422
    said = client.post(f"/api/v1/approvals/decision/{name}", json={"verdict": "approve", "why": "Agreed"})
    assert (said.status_code, said.json()) == (200, {"done": "Approved"})
    assert client.post(f"/api/v1/approvals/decision/{name}", json={"verdict": "deny", "why": "No"}).status_code == 404
    entry = portal.office.gate.ledger.notes("portal.done")[f"decision/{name}"]
    assert entry["who"] == "oncall@example.com"
    assert (entry["roles"], entry["teams"], entry["what"], entry["scope"]) == (
        ["Eng"],
        ["platform"],
        "approve",
        "team robotics",
    )
    assert portal.office.gate.ledger.verify().problems == ()


def test_a_link_of_a_message_acts_in_the_name_of_who_is_signed_on(portal: TestPortal) -> None:
    keys = link_keys(portal.office.gate.home, {})
    token = keys.token(
        "acknowledge", f"incident/{INCIDENT}", audience="mail", who="reader@example.com", message_id="m", now=AS_OF
    )
    assert "In the name of reader@example.com" in portal.client().get(f"/l/{token}").text
    client = portal.client(SEARCH)
    assert "In the name of lead@example.com" in client.get(f"/l/{token}").text
    assert client.post(f"/l/{token}", data={"why": "seen"}).status_code == 200
    said = feedback_given(portal.office.gate.ledger, incident_id=INCIDENT)[-1]
    assert (said.who, said.kind, said.why) == ("lead@example.com", "acknowledge", "seen")
    assert "This was done already" in portal.client().get(f"/l/{token}").text


def test_metrics_and_the_gate_take_their_own_tokens(portal: TestPortal) -> None:
    client = portal.client()
    text = client.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).text
    assert "aifinops_approvals_waiting" in text
    assert "aifinops_marts_reported_timestamp_seconds" in text
    assert not re.search(r"@example|search|robotics", text), "metrics tell nothing of people and teams"
    ask = {"estimate": "1", "currency": "USD", "who": "ci", "scopes": {"team": "search"}}
    sent = client.post("/v1/gate/asks", json=ask, headers={"Authorization": f"Bearer {GATE_TOKEN}"})
    assert (sent.status_code, sent.json()["ask"]["scopes"]) == (200, {"team": "search"})


# ── marts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

OPEN_MARTS = {"dim_date", "dim_model", "dim_price", "fct_forecast_exchange_rate"}
KEPT = {"fct_ai_cost_daily", "fct_usage_cost_hourly", "fct_incident", "fct_budget_status", "dim_team", "dim_app"}


def counts(folder: Path, mart: str, team: str, apps: list[str]) -> tuple[int, int]:
    """All rows of a mart, and those that are surely a team's, by what its columns say."""
    file = folder / f"{mart}.parquet"
    columns = pq.read_schema(file).names
    own = "false"
    if "team" in columns:
        own = f"team = '{team}'"
    elif "scope_type" in columns:
        is_app = f"scope_type = 'app' and scope_value in {tuple(apps)!r}"
        own = f"(scope_type = 'team' and scope_value = '{team}') or ({is_app})"
    elif "app" in columns:
        own = f"app in {tuple(apps)!r}"
    [row] = duckdb.sql(f"select count(*), count(*) filter ({own}) from '{file}'").fetchall()
    return row


def test_every_mart_shows_each_role_its_own_rows(published_folder: Path) -> None:
    viewers = {
        "admin": Viewer("a", frozenset({Role.ADMIN})),
        "finance": Viewer("f", frozenset({Role.FINANCE})),
        "search": Viewer("s", frozenset({Role.ENG}), frozenset({"search"})),
        "teamless": Viewer("t", frozenset({Role.ENG})),
        "nobody": Viewer("n", frozenset(), frozenset({"search"})),
    }
    seen = {name: Published(published_folder, viewer) for name, viewer in viewers.items()}
    apps = ["product-search", "query-rewriter", "catalog-enricher"]
    assert seen["search"].apps == set(apps)
    marts = sorted(seen["admin"].marts)
    assert len(marts) > 60
    checked = set()
    for mart in marts:
        found = {name: one.rows(f"select count(*) as n from {mart}")[0]["n"] for name, one in seen.items()}
        everything, own = counts(published_folder, mart, "search", apps)
        assert found["admin"] == found["finance"] == everything
        assert found["nobody"] == 0
        if mart in OPEN_MARTS:
            assert found["search"] == found["teamless"] == everything
        else:
            assert found["teamless"] == 0
            assert found["search"] == (own if seen["search"].has(mart) else 0), mart
            assert not own or found["search"] < everything or everything == own
        checked |= {mart} if found["search"] else set()
    assert checked >= KEPT


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('{folder}/fct_ai_cost_daily.parquet')",
        "select * from '{folder}/fct_ai_cost_daily.parquet'",
        "select * from read_text('/etc/hostname')",
        "set enable_external_access = true",
        "copy (select 1) to '{folder}/x.csv'",
        "attach '/tmp/other.duckdb'",
        "select * from glob('{folder}/*')",
    ],
)
def test_sql_reaches_around_no_rule(published_folder: Path, sql: str) -> None:
    own = Published(published_folder, Viewer("s", frozenset({Role.ENG}), frozenset({"search"})))
    with pytest.raises(duckdb.Error):
        own.rows(sql.format(folder=own.folder))


def test_a_later_question_gets_the_columns_that_an_earlier_one_did_not_name(published_folder: Path) -> None:
    """Tables of own rows are filled with the columns that are asked for; whoever reads meanwhile goes on."""
    viewer, asked = Viewer("s", frozenset({Role.ENG}), frozenset({"search"})), Asked()
    own = Published(published_folder, viewer, asked=asked)
    [count] = own.rows("select count(*) as n from fct_ai_cost_daily")
    reading = own.relation("select team from fct_ai_cost_daily").to_arrow_reader(10)
    assert {row["team"] for row in own.rows("select team, app from fct_ai_cost_daily")} == {"search"}
    everything = Published(published_folder).rows("select * from fct_ai_cost_daily where team = 'search'")
    for sql in ("select * from fct_ai_cost_daily", "select one.* from fct_ai_cost_daily as one"):
        found = own.rows(sql)
        assert sorted(map(repr, found)) == sorted(map(repr, everything))
    assert sum(batch.num_rows for batch in reading) == count["n"] == len(everything)
    # What one viewer's pages asked is there at once for the next.
    other = Published(published_folder, viewer, asked=asked)
    other.rows("select team from fct_ai_cost_daily")
    [table] = other.rows("select count(*) as n from duckdb_columns() where table_name = 'fct_ai_cost_daily'")
    assert 2 <= table["n"] < len(own.columns("fct_ai_cost_daily"))


def test_an_answer_is_given_again_to_whoever_sees_the_same_rows_and_to_nobody_else(published_folder: Path) -> None:
    kept: Kept[Answer] = Kept(100)
    lead, finance = (
        Published(published_folder, viewer, answers=kept)
        for viewer in (
            Viewer("s", frozenset({Role.ENG}), frozenset({"search"})),
            Viewer("f", frozenset({Role.FINANCE})),
        )
    )
    sql = "select distinct team from fct_ai_cost_daily where team = $team or $team = ''"
    assert lead.rows(sql, team="") == [{"team": "search"}] == lead.rows(sql, team="")
    assert len(finance.rows(sql, team="")) > 2
    assert finance.rows(sql, team="fraud") == [{"team": "fraud"}]
    lead.rows(sql, team="")[0]["team"] = "changed"
    assert lead.rows(sql, team="") == [{"team": "search"}], "whoever changes an answer changes the own one"


def test_of_results_that_are_kept_the_oldest_go_first() -> None:
    kept: Kept[str] = Kept(6, len)
    made: list[str] = []

    def make(text: str) -> str:
        made.append(text)
        return text

    for text in ("aa", "bbb", "aa", "ccc", "bbb", "aa"):
        assert kept.get(text, partial(make, text)) == text
    assert made == ["aa", "bbb", "ccc", "bbb", "aa"]


def test_a_problem_says_where_to_go_on(portal: TestPortal) -> None:
    admin = portal.client(ADMIN)
    nowhere = admin.get("/nowhere").text
    assert "No page has this address." in nowhere
    assert 'href="/">Start page' in nowhere
    assert 'href="/incidents">All incidents' in admin.get("/incidents/nothing").text
    form = {"token": admin.headers["X-CSRF-Token"], "verdict": "perhaps"}
    assert 'href="/approvals">Back to the form' in admin.post("/approvals/decision/x", data=form).text
    assert "ask whoever runs the portal for that role" in portal.client(SEARCH).get("/statements").text
    stranger = portal.client(NOBODY).get("/account").text
    assert 'href="/incidents"' not in stranger, "a way that leads to a refusal is none"


def test_an_incident_of_an_own_team_tells_nothing_of_others(tmp_path: Path, published_folder: Path) -> None:
    """What resembled it before may have been another team's."""
    with duckdb.connect() as connection:
        for mart in ("fct_incident", "dim_app"):
            said = """'[{"scope_type": "team", "scope_value": "robotics", "impact": "9"},
                {"scope_type": "app", "scope_value": "query-rewriter", "impact": "1"}]' as similar_incidents"""
            change = f"replace ({said})" if mart == "fct_incident" else ""
            connection.execute(
                f"copy (select * {change} from '{published_folder}/{mart}.parquet') to '{tmp_path}/{mart}.parquet'"
            )
    own = Published(tmp_path, Viewer("s", frozenset({Role.ENG}), frozenset({"search"})))
    texts = [row["similar_incidents"] for row in own.rows("select similar_incidents from fct_incident")]
    assert texts
    assert all("query-rewriter" in text and "robotics" not in text for text in texts)
    everything = Published(tmp_path).rows("select similar_incidents from fct_incident")
    assert all("robotics" in row["similar_incidents"] for row in everything)


def test_whoever_has_eng_and_finance_sees_what_finance_sees() -> None:
    both = Viewer("b", frozenset({Role.ENG, Role.FINANCE}), frozenset({"search"}))
    assert both.key == Viewer("f", frozenset({Role.FINANCE})).key
    assert Viewer("e", frozenset({Role.ENG})).key != Viewer("n", frozenset()).key


# ── rows for programs ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_team_downloads_its_rows_and_no_others(portal: TestPortal, published_folder: Path) -> None:
    client = portal.client(SEARCH)
    address = "/api/v1/marts/fct_ai_cost_daily?columns=team,billed_cost&format="
    table = pq.read_table(io.BytesIO(client.get(address + "parquet").content))
    total, own = counts(published_folder, "fct_ai_cost_daily", "search", ["x", "y"])
    assert table.num_rows == own < total
    assert set(table["team"].to_pylist()) == {"search"}
    assert str(table.schema.field("billed_cost").type) == "decimal128(38, 12)"
    text = client.get(address + "csv").content.decode("utf-8-sig")
    assert text.startswith("team,billed_cost\r\nsearch,")
    assert text.count("\r\n") == own + 1
    entry = portal.office.gate.ledger.notes("portal.done")["mart/fct_ai_cost_daily"]
    assert (entry["who"], entry["teams"]) == ("lead@example.com", ["search"])
    assert entry["what"].startswith("took a mart as ")


def test_pages_of_rows_follow_each_other_and_filters_hold(portal: TestPortal, published_folder: Path) -> None:
    client = portal.client(FINANCE)
    asked = {"filter": ["team=search", "team=support", "usage_date>=2026-10-01", "billed_cost!="], "limit": 40}
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get("/api/v1/marts/fct_ai_cost_daily", params={**asked, "cursor": cursor}).json()
        rows += page["rows"]
        if page["next"] is None:
            break
        assert len(page["rows"]) == 40
        cursor = page["next"]
    sql = f"""select sum(billed_cost)::varchar, count(*) from '{published_folder}/fct_ai_cost_daily.parquet'
        where team in ('search', 'support') and usage_date >= '2026-10-01'"""
    expected, count = duckdb.sql(sql).fetchall()[0]
    assert len(rows) == count
    assert sum(Decimal(row["billed_cost"]) for row in rows) == Decimal(expected)
    other = client.get("/api/v1/marts/dim_team", params={"cursor": cursor})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"filter": "nothing=1"}, "has no column"),
        ({"filter": "usage_date>=yesterday"}, "is of type date"),
        ({"filter": "1=1 or true"}, "filter is a column"),
        ({"columns": 'team"; drop table x'}, "has no column"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "bm9uc2Vuc2U="}, "cursor"),
        ({"format": "xlsx"}, "format"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_in_words(
    portal: TestPortal, query: dict[str, str], says: str
) -> None:
    found = portal.client(ADMIN).get("/api/v1/marts/fct_ai_cost_daily", params=query)
    assert found.status_code == 422
    assert found.headers["content-type"] == "application/problem+json"
    assert says in found.json()["detail"]


def test_a_page_is_the_same_for_whom_it_is_and_says_whose_it_is(portal: TestPortal) -> None:
    lead, finance = portal.client(SEARCH), portal.client(FINANCE)
    mine, all_of_it = (client.get("/api/v1/pages/gpu") for client in (lead, finance))
    assert mine.json()["states"][0]["text"] == "You see the figures of search only; totals are of what you see."
    assert mine.headers["etag"] != all_of_it.headers["etag"]
    again = finance.get("/api/v1/pages/gpu", headers={"If-None-Match": all_of_it.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "robotics" not in mine.text
    assert "robotics" in all_of_it.text


def hostile(client: httpx.Client, **headers: str) -> int:
    return client.post(
        f"/api/v1/incidents/{INCIDENT}/answers", json={"answer": "acknowledge"}, headers=headers
    ).status_code


@pytest.mark.ids("SEC-2")
def test_what_another_site_makes_a_browser_send_does_nothing(portal: TestPortal) -> None:
    client = portal.client(SEARCH)
    assert hostile(client) == 200
    assert hostile(client, **{"X-CSRF-Token": "x"}) == 403
    assert hostile(client, Origin="https://evil.example.com") == 403
    assert hostile(client, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert hostile(client, Host="evil.example.com") == 400
    form = client.post(
        f"/incidents/{INCIDENT}", data={"answer": "acknowledge", "token": "x"}, headers={"X-CSRF-Token": ""}
    )
    assert form.status_code == 403
    assert client.post(f"/incidents/{INCIDENT}", json={"answer": "acknowledge"}).status_code in (403, 415)


@pytest.mark.ids("SEC-2")
def test_too_much_and_too_often_is_refused(portal: TestPortal) -> None:
    client = portal.client(SEARCH)
    large = client.post(f"/api/v1/incidents/{INCIDENT}/answers", content=b"x" * 70_000)
    assert large.status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    assert client.post(f"/api/v1/incidents/{INCIDENT}/answers", content=parts()).status_code == 413
    assert client.get("/p/gpu?period=" + "x" * 9000).status_code == 414
    usual, portal.office.requests = portal.office.requests, Buckets(0.01, 3, time.monotonic)
    answers = [client.get("/account") for _ in range(5)]
    portal.office.requests = usual
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    assert int(limited[-1].headers["retry-after"]) >= 1
    stranger = portal.client()
    portal.office.failures._left.clear()
    guesses = [stranger.get(f"/l/guess-{number}").status_code for number in range(70)]
    assert (guesses[0], guesses[-1]) == (404, 429)
    portal.office.failures._left.clear()


@pytest.mark.ids("SEC-2")
def test_headers_keep_pages_to_themselves(portal: TestPortal) -> None:
    client = portal.client(ADMIN)
    for path in ("/p/gpu", "/incidents", "/account", "/api/v1/me", "/healthz", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert "strict-transport-security" not in headers, "plain HTTP on this machine"
    assert "script-src 'sha256-" in client.get("/p/gpu").headers["content-security-policy"]


@pytest.mark.ids("SEC-2")
def test_what_fails_inside_tells_nothing_outside(portal: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of /home/somebody")

    monkeypatch.setattr(portal.office.shelf, "page", fail)
    client = portal.client(ADMIN)
    for path in ("/p/gpu", "/api/v1/pages/gpu"):
        found = client.get(path)
        assert found.status_code == 500
        assert "secret" not in found.text
        assert "Traceback" not in found.text
