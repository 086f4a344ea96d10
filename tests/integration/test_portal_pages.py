"""The portal's pages of one incident and of one policy, replays that people ask for, links to Dagster and back."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import httpx
import pytest

import portal.shelf
from finops.paths import PROJECT_DIR, Home
from guardrails import evaluate, newest_document
from orchestration.assets.landing import LANDING_GROUP
from orchestration.assets.pages import PAGE_OF_MART, with_pages
from orchestration.kept_replays import Wanted, keep, main
from orchestration.messaging import Messages
from orchestration.warehouse import records
from portal.people import Person
from portal.warm import Traffic, Warmer
from reports import read_marts
from reports.dashboards.access import Published, Role
from reports.dashboards.catalogue import BY_NAME
from tests.support.guardrail_factory import AS_OF, budget_fact
from tests.support.portal import ADMIN, FINANCE, ONCALL, ROBOTICS, SEARCH, TestPortal, serving_portal
from tests.support.published import view_of

pytestmark = [pytest.mark.ids("BI-1", "SEC-1"), pytest.mark.xdist_group("portal")]

INCIDENT = "3f5233a6c04d1050"
"""Of the app query-rewriter of team search."""
CHIEF = Person("t/9", "oncall@example.com", frozenset({Role.ADMIN, Role.ENG}), frozenset({"search"}))
ADDRESS = {"AIFINOPS_PORTAL_URL": "https://finops.example.com/"}
_LIKE_OTHERS = """[{"incident_id": "aa", "scope_type": "team", "scope_value": "robotics", "first_seen": "2026-09-01",
    "impact": "9", "verdict": null, "why": "same cause"}, {"incident_id": "bb", "scope_type": "app",
    "scope_value": "query-rewriter", "first_seen": "2026-09-24", "impact": "105", "verdict": "real", "why": "same"}]"""
_FACTS = """
insert into facts by name
select 'budget' as kind, team as budget_id, 'team' as scope_type, team as scope_value, '2026-10' as period,
    'effective_cost' as metric, 'currency' as unit, day * 60 as value, 1000 as reference, day * 0.06 as ratio,
    'USD' as currency, timestamp '2026-10-01' + to_days(cast(day as integer)) as data_through, true as is_reconciled,
    timestamp '2026-10-01 05:00' + to_days(cast(day as integer)) as known_from,
    case when day < 19 then timestamp '2026-10-02 05:00' + to_days(cast(day as integer)) end as known_to
from range(0, 20) as days(day), (values ('search'), ('robotics')) as teams(team)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, published_folder: Path) -> Path:
    """The organisation's marts, where an incident resembles another team's and budgets are used up in October."""
    copy = tmp_path_factory.mktemp("marts") / "published"
    shutil.copytree(published_folder, copy)
    with duckdb.connect() as connection:
        file = copy / "fct_incident.parquet"
        connection.execute(f"create table incidents as select * from '{file}'")
        connection.execute("update incidents set similar_incidents = $like", {"like": _LIKE_OTHERS})
        connection.table("incidents").write_parquet(str(file))
        file = copy / "fct_guardrail_fact_history.parquet"
        connection.execute(f"create table facts as select * from '{file}' limit 0")
        connection.execute(_FACTS)
        connection.table("facts").write_parquet(str(file))
        file = copy / "fct_source_health.parquet"
        connection.execute(f"create table health as select * from '{file}' limit 0")
        connection.execute(
            """insert into health by name select 'gateway' as source_id, 'otel_spans' as source_type,
                'fresh' as status, 0 as missing_count, 0 as rejected_rows"""
        )
        connection.table("health").write_parquet(str(file))
    return copy


@pytest.fixture(scope="module")
def portal_(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[TestPortal]:
    """People were told of the incident, and an order about its app waits for approval."""
    with serving_portal(tmp_path_factory.mktemp("portal"), folder) as found:
        gate = found.office.gate
        messages = Messages(gate.home, gate.configuration(), {**gate.environ, **ADDRESS}, AS_OF)
        messages.record_incidents(gate.ledger, [incident_row(folder)])
        fact = budget_fact(fact_id="of-app", budget_id="app", scope_type="app", scope_value="query-rewriter")
        evaluate(gate.ledger, [fact], gate.configuration(), messages.decision_body, as_of=AS_OF)
        messages.queue_due(gate.ledger)
        yield found


def incident_row(folder: Path) -> dict[str, Any]:
    """As the run that published it tells of it."""
    [row] = [one for one in records(read_marts(folder)["fct_incident"]) if one["incident_id"] == INCIDENT]
    return {**row, "status": "open"}


def text_of(found: httpx.Response) -> str:
    assert found.status_code == 200, (found.status_code, found.text[-500:])
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", found.text, flags=re.DOTALL))


def test_an_incidents_page_tells_what_happened_and_what_to_do(portal_: TestPortal) -> None:
    client = portal_.client(SEARCH)
    assert f'href="/incidents/{INCIDENT}"' in client.get("/incidents").text
    page = client.get(f"/incidents/{INCIDENT}")
    text = text_of(page)
    assert "It began: the first day that cost more than is usual." in text
    assert "Told teams-finops (Teams)" in text
    assert "monthly-budget decided: pause (waiting for approval)" in text
    for link in ("/p/app/query-rewriter", "/p/app/query-rewriter#why", "/p/team/search#why", "/incidents/bb"):
        assert f'href="{link}"' in page.text
    assert "robotics" not in page.text, "what resembled it was another team's"
    assert "A budget is used up." in text
    assert 'href="/policies/monthly-budget"' not in page.text, "a policy may name other teams"
    assert 'href="/policies/monthly-budget"' in portal_.client(ADMIN).get(f"/incidents/{INCIDENT}").text
    assert "robotics" not in client.get("/api/v1/incidents").text
    reads = portal_.client(FINANCE).get(f"/incidents/{INCIDENT}").text
    assert 'name="answer"' not in reads, "finance reads"


def test_what_is_done_on_an_incidents_page_is_on_its_timeline(portal_: TestPortal) -> None:
    client = portal_.client(SEARCH)
    token = {"token": client.headers["X-CSRF-Token"], "back": "page"}
    here = f"/incidents/{INCIDENT}"
    for sent in ({"answer": "acknowledge", "why": "A loop"}, {"answer": "snooze", "for": "3d"}):
        done = client.post(here, data={**token, **sent})
        assert (done.status_code, done.headers["location"]) == (303, f"{here}?done=incident")
    assert client.post(here, data={**token, "answer": "snooze", "for": "9y"}).status_code == 422
    assert client.post(here, data={**token, "answer": "false"}).status_code == 422, "a verdict has a reason"
    client.post(here, data={**token, "answer": "real", "why": "A retry loop"})
    chief = portal_.client(CHIEF)
    [order] = chief.get(f"/api/v1{here}").json()["waiting"]
    assert order["may_answer"]
    form = {"token": chief.headers["X-CSRF-Token"], "verdict": "approve", "why": "Agreed", "incident": INCIDENT}
    done = chief.post(f"/approvals/decision/{order['name']}", data=form)
    assert done.headers["location"] == f"{here}?done=approved"
    text = text_of(client.get(f"{here}?done=approved"))
    assert "Approved." in text
    assert "lead@example.com looks into it. A loop" in text
    assert "lead@example.com wants to hear no more of it until 23 Oct 2026, 06:00 UTC." in text
    assert "lead@example.com judged it real. A retry loop" in text
    assert "oncall@example.com said yes to the order. Agreed" in text
    assert "Order to platform-hook (webhook), pause: waits to be sent." in text
    told = client.get(f"/api/v1{here}").json()
    assert {moment["kind"] for moment in told["timeline"]} == {"fact", "told", "answer", "decision", "order"}
    assert [moment["at"] for moment in told["timeline"]] == sorted(moment["at"] for moment in told["timeline"])
    assert portal_.office.gate.ledger.verify().problems == ()


@pytest.mark.ids("NOTIF-1")
def test_messages_lead_to_the_incidents_page_where_people_sign_on(portal_: TestPortal) -> None:
    document = newest_document(portal_.office.gate.ledger, f"incident/{INCIDENT}")
    assert document is not None
    assert document["links"] == [{"title": "All about it", "url": f"https://finops.example.com/incidents/{INCIDENT}"}]


@pytest.mark.ids("GUARD-4")
def test_an_admin_has_policies_replayed_and_each_sees_the_own_part(portal_: TestPortal) -> None:
    admin, replays = portal_.client(ADMIN), portal_.office.replays
    here = "/policies/monthly-budget"
    written = re.search(r"<textarea name=\"text\"[^>]*>(.*?)</textarea>", admin.get(here).text, re.DOTALL)
    assert written
    assert written[1].startswith("id: monthly-budget\n")
    form = {"token": admin.headers["X-CSRF-Token"], "days": "30", "approve_after": "30m", "policy": "monthly-budget"}

    def ask(**changes: str) -> httpx.Response:
        return admin.post("/replays", data={**form, **changes})

    assert ask(days="91").status_code == 422
    refused = ask(text=written[1].replace("at: 1.0", "at: 0.1"))
    assert refused.status_code == 422
    assert text_of_problem(refused).startswith("Line 8: clear_below (0.95 where absent) is not below pause.")
    assert "Anchors" in text_of_problem(ask(text="id: &a x"))
    assert ask(policy="nothing").status_code == 404
    assert ask(text=written[1]).headers["location"] == f"{here}?done=replay#replays"
    assert ask().status_code == 409, "one at a time"
    assert "is being made" in text_of(admin.get(here))
    replays.wait()
    assert replays.failure is None
    gate, text = portal_.office.gate, written[1].replace("at: 1.0", "at: 0.98")
    wanted = Wanted.of("admin@example.com", AS_OF, 30, 30, policy_id="monthly-budget", candidate=text)
    keep(gate.home, gate.config, replace(wanted, name=wanted.name.replace("T06", "T07")))
    text = text_of(admin.get(here))
    assert "level pause comes earlier: at 0.98 instead of 1.0" in text
    assert (text.count("Changed as below:"), text.count("As it is configured:")) == (1, 1)
    assert "Team robotics" in text
    # Who is named on the policy and sees no team of it: the page, and none of the others' figures.
    text = text_of(portal_.client(ONCALL).get(here))
    assert "no warnings, no orders" in text
    assert "robotics" not in text
    assert portal_.client(ROBOTICS).get(here).status_code == 404
    reader = portal_.client(FINANCE)
    address = re.findall(r"/replays/[^\"]+/orders\.csv", reader.get("/policies").text)[0]
    assert reader.get(address).text.startswith("policy_id,target,level")
    assert "What policies would have done" in reader.get(address.replace("orders.csv", "replay.html")).text
    assert reader.get(address.replace("orders.csv", "replay.json")).status_code == 404
    said = portal_.office.gate.ledger.notes("portal.done")
    assert {"had policies replayed", "took a replay's file"} <= {entry["what"] for entry in said.values()}


def text_of_problem(found: httpx.Response) -> str:
    lead = re.search(r'<p class="lead">(.*?)</p>', found.text, re.DOTALL)
    return lead[1] if lead else ""


@pytest.mark.ids("GUARD-4")
def test_a_replay_that_cannot_be_made_says_why_and_names_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = asdict(Wanted.of("admin@example.com", AS_OF, 30, None)) | {"asked_at": AS_OF.isoformat()}
    assert main(Home(tmp_path), PROJECT_DIR / "config", json.dumps(wanted)) != 0
    said = capsys.readouterr().err
    assert "the home has no fct_guardrail_fact_history yet" in said
    assert str(tmp_path) not in said


# ── Dagster ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("OPS-1")
def test_data_health_leads_to_assets_in_dagster(portal_: TestPortal) -> None:
    page = portal_.client(FINANCE).get("/p/data-health").text
    links = set(re.findall(r'href="https://dagster\.example\.com/assets/([^"]+)"', page))
    assert {"fct_ai_cost_daily", "fct_usage_cost_hourly", "fct_gpu_hourly", "fct_forecast_daily"} <= links
    assert "landing/otel_spans" in links, "a source leads to the asset that lands it"


@pytest.mark.ids("OPS-1")
def test_assets_lead_to_the_page_and_section_that_shows_them(folder: Path) -> None:
    @dg.asset(group_name=LANDING_GROUP, key=["landing", "otel_spans"])
    def landing() -> None: ...

    @dg.asset
    def fct_invoice_monthly() -> None: ...

    @dg.asset
    def stg_something() -> None: ...

    assets = [landing, fct_invoice_monthly, stg_something]
    found = {}
    for asset in with_pages(assets, "https://finops.example.com"):
        assert isinstance(asset, dg.AssetsDefinition)
        [spec] = asset.specs
        page = spec.metadata.get("page")
        found[spec.key.path[-1]] = page and page.value
    assert found == {
        "otel_spans": "https://finops.example.com/p/data-health#sources",
        "fct_invoice_monthly": "https://finops.example.com/p/finance#statements",
        "stg_something": None,
    }
    assert with_pages(assets, "") is assets

    asked: set[str] = set()

    class Listening(Published):
        def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
            asked.update(self.marts.intersection(re.findall(r"[a-z][a-z0-9_]*", sql)))
            return super().rows(sql, **values)

    with Listening(folder) as published:
        for name in sorted({page for page, _ in PAGE_OF_MART.values()}):
            asked.clear()
            built = BY_NAME[name].build(view_of(published, None))
            own = {mart: section for mart, (page, section) in PAGE_OF_MART.items() if page == name}
            assert set(own.values()) <= {section.key for section in built.sections}, name
            # These are shown summed up; which rows they come from is on the pages of teams.
            assert set(own) - asked <= {"dim_team", "fct_allocated_charge"}, name


# ── warm pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_are_there_before_anybody_asks_once_a_run_has_published(
    portal_: TestPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, lead, finance = portal_.office, portal_.client(SEARCH), portal_.client(FINANCE)
    assert lead.get("/p/team/search?period=2026-09").status_code == 200
    home = office.gate.home
    old = home.published.resolve()
    new = old.with_name("2")
    shutil.copytree(old, new)
    part = home.path / "published.part"
    part.symlink_to(new.relative_to(home.path), target_is_directory=True)
    part.replace(home.published)
    warmer = Warmer(office.shelf, office.visits, office.traffic, lambda: 9)
    asyncio.run(warmer.warm(home.published.resolve()))
    assert (warmer.made, warmer.warmed) == (9, new)

    def fail(*_: object) -> None:
        raise AssertionError("a page is made while somebody waits for it")

    monkeypatch.setattr(portal.shelf, "render_content", fail)
    assert finance.get("/p/executive").status_code == 200
    assert finance.get("/p/gpu").status_code == 200
    assert lead.get("/p/team/search?period=2026-09").status_code == 200
    assert lead.get("/p/team/search?period=2026-08").status_code == 500, "nobody had looked at it"


def test_making_pages_beforehand_gives_way_to_whoever_asks() -> None:
    async def story() -> list[str]:
        traffic, said = Traffic(), []

        async def wait() -> None:
            await traffic.quiet()
            said.append("a page is made")

        traffic.begin()
        traffic.begin()
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        traffic.end()
        await asyncio.sleep(0)
        said.append("somebody is answered")
        traffic.end()
        await waiting
        return said

    assert asyncio.run(story()) == ["somebody is answered", "a page is made"]
