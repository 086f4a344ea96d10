"""Azure's bill through the Cost Management API: Microsoft's client against the simulator, and against worse servers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

import simulator
from finops import lake
from finops.config.bill_sources import AzureCostApiSource
from finops.paths import Home
from finops.periods import BillingPeriod
from ingestion import LandingError, LandingResult
from ingestion.lake import Lake
from ingestion.landing import LandingContext
from ingestion.probe import ProbeContext, probe
from ingestion.sources.azure_cost_api.client import CostClient
from ingestion.sources.azure_cost_api.source import land_through
from ingestion.sources.azure_cost_api.throttle import QPU_LIMITS, QueryBudget
from simulator import organisation as org
from simulator.billing_accounts import GROUP
from simulator.server import SimulatorServer, cost_management
from tests.support.answering import Answer, Answering, Request, answering
from tests.support.landed import query, readable

pytestmark = [pytest.mark.ids("ING-1", "ING-10"), pytest.mark.xdist_group("azure-cost-api")]

DETAIL = lake.AZURE_COST_DETAIL.name
AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
TOKEN = {"AIFINOPS_AZURE_TOKEN": "simulated"}
SUBSCRIPTION = f"/subscriptions/{sorted(org.SUBSCRIPTIONS)[0]}"
TOTAL = "select x_dataset, sum(CostInBillingCurrency::decimal(38,12)), count(*) from rows group by 1 order by 1"


class FakeTime:
    """A clock that only sleeping moves, so that waiting can be read instead of waited for."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("organisation") / "org"
    simulator.generate(directory, scale=0.05, days=30, as_of=AS_OF)
    return directory


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with SimulatorServer(folder) as running:
        yield running.url


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def api(url: str, **settings: object) -> AzureCostApiSource:
    given = {"scopes": [GROUP.profile_id], "months": 2, "endpoint": url, "credential": "static"} | settings
    return AzureCostApiSource.model_validate({"id": "api", "type": "azure_cost_api", **given})


def land(
    home: Home, source: AzureCostApiSource, time: FakeTime, as_of: datetime = AS_OF, periods: set[str] | None = None
) -> LandingResult:
    """As ``ingestion.land``, by a clock of the test."""
    wanted = None if periods is None else frozenset(BillingPeriod.parse(text) for text in periods)
    context = LandingContext(Lake(home, None, TOKEN), as_of, wanted, TOKEN, lambda _: None)
    context.lake.prepare()
    result = LandingResult(source.id)
    with CostClient(source, TOKEN, sleep=time.sleep, clock=time.clock) as client:
        land_through(client, source, context, result)
    return result


def throttle(url: str, *headers: dict[str, str]) -> None:
    httpx.post(f"{url}/control/throttle-costs", json=list(headers)).raise_for_status()


# ── what lands, and when it is asked again ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["report", "query"])
def test_every_month_lands_once_and_an_empty_one_is_a_zero(
    home: Home, server: str, time: FakeTime, method: str
) -> None:
    source = api(server, method=method, months=4)
    result = land(home, source, time)
    assert (result.snapshots, result.windows, result.incomplete, result.notes) == (8, 8, [], [])
    months = query(home, "landing__snapshot", "select period_start::varchar, row_count > 0 from rows order by 1, 2")
    assert months == [
        ("2026-07-01", False), ("2026-07-01", False), ("2026-08-01", False), ("2026-08-01", False),
        ("2026-09-01", True), ("2026-09-01", True), ("2026-10-01", True), ("2026-10-01", True),
    ]  # fmt: skip
    versions = query(home, "landing__snapshot", "select distinct format_version from rows order by 1")
    assert versions == [(f"ActualCost {method}",), (f"AmortizedCost {method}",)]
    windows = query(home, "landing__window", "select max(window_end), sum(row_count) from rows")
    assert windows == [(AS_OF.replace(tzinfo=None), sum(result.rows.values()))]
    before = readable(home)
    again = land(home, source, time, AS_OF + timedelta(hours=3))
    assert (again.windows, again.skipped) == (0, 8)
    assert readable(home) == before
    # Four hours later the open month is asked again; that nothing has changed is a window and no second copy.
    later = land(home, source, time, AS_OF + timedelta(hours=4))
    assert (later.windows, later.snapshots, later.rows) == (2, 0, {})
    # A back-fill asks closed months again.
    assert land(home, source, time, AS_OF + timedelta(hours=5), {"2026-09", "2024-01"}).windows == 2


def test_reports_and_queries_have_the_same_totals_and_scopes_are_apart(
    home: Home, server: str, time: FakeTime, tmp_path: Path
) -> None:
    land(home, api(server), time)
    other = Home(tmp_path / "other")
    land(other, api(server, method="query"), time)
    reported, queried = query(home, DETAIL, TOTAL), query(other, DETAIL, TOTAL)
    assert [row[:2] for row in reported] == [row[:2] for row in queried]
    assert all(fine[2] > sums[2] for fine, sums in zip(reported, queried, strict=True)), "a query has sums, no charges"
    part = Home(tmp_path / "part")
    for method in ("report", "query"):
        land(part, api(server, id=f"part-{method}", method=method, scopes=[SUBSCRIPTION.upper(), SUBSCRIPTION]), time)
    found = query(
        part,
        DETAIL,
        TOTAL.replace("x_dataset,", "x_dataset, x_file like '%/query/%',").replace("1 order", "1, 2 order"),
    )
    sums = {row[:2]: row[2] for row in found}
    for dataset, total, _ in reported:
        assert sums[dataset, False] == sums[dataset, True], "both ways in tell the same of one subscription"
        assert Decimal(0) < sums[dataset, True] < total
    resources = query(part, DETAIL, "select count(distinct lower(ResourceId)) from rows where x_file like '%/query/%'")
    assert resources[0][0] > 5, "a subscription can be asked by resource"


@pytest.mark.ids("COST-5")
def test_a_month_that_is_restated_lands_again_until_it_is_closed(
    home: Home, folder: Path, tmp_path: Path, time: FakeTime
) -> None:
    truths = json.loads((folder / "truth.json").read_text())["truths"]
    [planted] = [t for t in truths if t["kind"] == "restatement" and t["starts_at"].startswith("2026-10-05")]
    for number, (day, windows) in enumerate([(1, 4), (5, 4), (8, 4), (20, 2)]):
        as_of = datetime(2026, 10, day, 6, tzinfo=UTC)
        place = tmp_path / str(number)
        place.mkdir()
        (place / "azure-exports").symlink_to(folder / "azure-exports")
        document = json.loads((folder / "organisation.json").read_text())
        (place / "organisation.json").write_text(json.dumps({**document, "as_of": as_of.isoformat()}))
        with SimulatorServer(place) as running:
            assert land(home, api(running.url), time, as_of).windows == windows, day
    loads = query(
        home,
        "landing__snapshot",
        """select period_start::varchar, day(submitted_at), load_id from rows
           where format_version like 'Actual%' order by 1, 2""",
    )
    # Asked on the 8th for the last time, September says nothing new then: that is no new snapshot.
    assert [row[:2] for row in loads] == [
        *(("2026-09-01", day) for day in (1, 5)),
        *(("2026-10-01", day) for day in (1, 5, 8, 20)),
    ]
    told = {
        load: (last, invoice, restated)
        for load, last, invoice, restated in query(
            home,
            DETAIL,
            """select load_id, max(Date), max(InvoiceId),
                      sum(CostInBillingCurrency::decimal(38,12)) filter (Date = '10/05/2026')
               from rows group by 1""",
        )
    }
    september, october = ([told.get(load) for month, _, load in loads if month == wanted]
                          for wanted in ("2026-09-01", "2026-10-01"))  # fmt: skip
    assert [row and row[0] for row in september] == ["09/29/2026", "09/30/2026"], "a late day"
    assert [bool(row and row[1]) for row in september] == [False, True], "the invoice's number comes when it is closed"
    before, after = (row[2] for row in october[-2:] if row)
    assert round(after - before, 2) == round(Decimal(planted["money"]), 2) > 0


# ── pages, quotas, waiting ────────────────────────────────────────────────────────────────────────────────────────────


def test_all_pages_of_a_query_are_read(
    home: Home, server: str, time: FakeTime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(home, api(server, method="query"), time)
    monkeypatch.setattr(cost_management, "ROWS_PER_PAGE", 40)
    paged = Home(tmp_path / "paged")
    land(paged, api(server, method="query"), time)
    assert query(paged, DETAIL, TOTAL) == query(home, DETAIL, TOTAL)
    pages = query(paged, "landing__snapshot", "select (manifest->>'$.pages')::int, row_count from rows")
    assert all(count == -(-rows // 40) for count, rows in pages)
    assert max(count for count, _ in pages) > 3
    assert readable(paged)[DETAIL] == readable(home)[DETAIL]


def test_queries_stay_below_the_quota_without_being_told(
    home: Home, server: str, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    answer = cost_management.CostStore.admit

    def admit(store: cost_management.CostStore) -> None:
        asked.append(time.now)
        answer(store)

    monkeypatch.setattr(cost_management.CostStore, "admit", admit)
    monkeypatch.setattr(cost_management, "ROWS_PER_PAGE", 25)
    land(home, api(server, method="query"), time)
    assert len(asked) > 24
    for units, seconds in QPU_LIMITS:
        assert max(sum(start <= moment < start + seconds for moment in asked) for start in asked) <= units
    assert len(time.slept) >= 2


def test_an_expensive_query_uses_up_the_quota_that_its_answer_says(time: FakeTime) -> None:
    budget = QueryBudget(time.sleep, time.clock)
    budget.spend()
    budget.settle({"X-MS-Ratelimit-Microsoft.CostManagement-QPU-Consumed": "11.2"})
    assert time.slept == []
    budget.spend()
    assert time.slept == [10.0]
    for nonsense in ("", "many", "nan", "inf", "-4"):
        budget.settle({"x-ms-ratelimit-microsoft.costmanagement-qpu-consumed": nonsense})
    budget.spend()
    assert time.slept == [10.0]


@pytest.mark.parametrize("method", ["report", "query"])
def test_throttling_is_waited_out_as_long_as_the_headers_say(
    home: Home, server: str, time: FakeTime, method: str
) -> None:
    prefix = "x-ms-ratelimit-microsoft.costmanagement"
    throttle(
        server,
        {},  # no header at all, at which Microsoft's client gives up
        {"retry-after": "7"},
        {
            f"{prefix}-qpu-retry-after": "3",
            f"{prefix}-entity-retry-after": "11",
            f"{prefix}-clienttype-retry-after": "5",
        },
        {"retry-after": "99999"},
        {},
    )
    result = land(home, api(server, method=method), time)
    assert (result.snapshots, result.incomplete) == (4, [])
    assert time.slept[:5] == [10.0, 7.0, 11.0, 600.0, 160.0]


def test_a_service_that_stays_busy_is_reported_and_the_next_landing_goes_on(
    home: Home, server: str, time: FakeTime
) -> None:
    throttle(server, *[{"retry-after": "1"}] * 6)
    result = land(home, api(server, method="query"), time)
    assert (result.snapshots, result.incomplete) == (
        0, [f"{GROUP.profile_id}: Cost Management was too busy 6 times"],
    )  # fmt: skip
    assert land(home, api(server, method="query"), time).snapshots == 4


def test_what_landed_before_the_service_got_busy_stays(home: Home, time: FakeTime) -> None:
    page = page_of([["1.5", "1", "20260901", "USD"]])

    def answer(request: Request, _: str) -> Answer:
        return Answer(200, page) if '"2026-09-01T' in request.body else Answer(503, "{}")

    with answering(answer) as server:
        result = land(home, api(server.url, method="query"), time)
    assert (result.snapshots, len(result.incomplete)) == (1, 1)
    assert query(home, DETAIL, TOTAL) == [("ActualCost", Decimal("1.5"), 1)]


def page_of(rows: list[list[str]], next_link: str | None = None) -> str:
    """A query's answer with numbers as Azure writes them: no quotes, all digits."""
    columns = [("Cost", "Number"), ("UsageQuantity", "Number"), ("UsageDate", "Number"), ("Currency", "String")]
    table = "[" + ",".join(f'[{cost},{quantity},{day},"{currency}"]' for cost, quantity, day, currency in rows) + "]"
    document = {"columns": [{"name": name, "type": kind} for name, kind in columns], "nextLink": next_link, "rows": "@"}
    return json.dumps({"id": "q", "properties": document}).replace('"@"', table)


def test_amounts_keep_every_digit_and_the_same_question_goes_to_every_page(home: Home, time: FakeTime) -> None:
    def answer(request: Request, url: str) -> Answer:
        if "skip" in request.path:
            return Answer(200, page_of([["1e-7", "2", "20261002", "USD"]]))
        rows = [["12345678901.123456789012345678", "1", "20261001", "USD"]]
        return Answer(200, page_of(rows, f"{url}{request.path}&$skiptoken=skip"))

    with answering(answer) as server:
        land(home, api(server.url, method="query", months=1), time)
    bodies = Counter(request.body for request in server.requests)
    assert sorted(bodies.values()) == [2, 2]
    assert {request.method for request in server.requests} == {"POST"}
    assert all(json.loads(body)["timePeriod"]["to"] == "2026-10-20T23:59:59Z" for body in bodies)
    found = query(home, DETAIL, "select distinct CostInBillingCurrency, Date from rows order by 2")
    assert found == [("12345678901.123456789012345678", "20261001"), ("1e-7", "20261002")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _, url: Answer(200, page_of([], f"{url}/again?api-version=1")), "the same page again and again"),
        (lambda *_: Answer(200, page_of([], "https://elsewhere.example/x")), "a link to elsewhere.example"),
        (lambda *_: Answer(200, "<html>"), "cannot be used"),
        (lambda *_: Answer(200, '{"properties": {}}'), "the answer has no 'columns'"),
        (lambda *_: Answer(401, refusal("ExpiredAuthenticationToken")), "Sign in again"),
        (lambda *_: Answer(403, refusal("RBACAccessDenied")), "Cost Management Reader"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named_and_its_token_goes_nowhere_else(
    home: Home,
    time: FakeTime,
    answer,
    said: str,  # type: ignore[no-untyped-def]
) -> None:
    with answering(answer) as server, pytest.raises(LandingError) as error:
        land(home, api(server.url, method="query"), time)
    assert said in str(error.value)
    assert GROUP.profile_id in str(error.value)
    assert query(home, "landing__window", "select count(*) from rows") == [(0,)]


def refusal(code: str) -> str:
    return json.dumps({"error": {"code": code, "message": f"{code}: no."}})


def test_a_scope_that_is_refused_stops_no_other(home: Home, server: str, time: FakeTime) -> None:
    gone = "/subscriptions/00000000-0000-0000-0000-000000000000"
    for method in ("report", "query"):
        with pytest.raises(LandingError, match=rf"{gone}: Cost Management refused: 404 .*Correct the scope"):
            land(home, api(server, id=method, method=method, scopes=[gone, SUBSCRIPTION]), time)
    assert query(home, "landing__snapshot", "select source_id, count(*) from rows group by 1 order by 1") == [
        ("query", 4),
        ("report", 4),
    ]


# ── reports that take their time ──────────────────────────────────────────────────────────────────────────────────────

CSV = "date,chargeType,meterCategory,billingCurrency,costInBillingCurrency\n10/01/2026,Usage,Storage,USD,{cost}\n"


def reporting(*, polls: int, files: int = 1, cut: int = 0, wait: str | None = "30", status: str = "Completed"):  # type: ignore[no-untyped-def]
    """A service whose report is done after some polls, in some files, of which the last may be shorter than said."""
    state = {"polls": 0}

    def answer(request: Request, url: str) -> Answer:
        headers = {"Location": f"{url}/operations/1?api-version=2025-03-01"} | ({"Retry-After": wait} if wait else {})
        if request.method == "POST":
            return Answer(202, "", headers)
        if request.path.startswith("/file"):
            content = CSV.format(cost=request.path[5])
            return Answer(200, content[: len(content) - cut])
        state["polls"] += 1
        if state["polls"] <= polls:
            return Answer(202, "", headers)
        state["polls"] = 0
        size = len(CSV.format(cost="0"))
        blobs = [{"blobLink": f"{url}/file{number}.csv?sig=SECRET", "byteCount": size} for number in range(files)]
        manifest = {"manifestVersion": "2025-03-01", "dataFormat": "Csv", "compressData": False, "blobs": blobs}
        return Answer(200, json.dumps({"id": "1", "status": status, "manifest": manifest, "error": {"message": "oh"}}))

    return answer


def land_report(home: Home, time: FakeTime, **options: object) -> tuple[LandingResult, Answering]:
    with answering(reporting(**options)) as server:
        return land(home, api(server.url, months=1), time), server


def test_a_report_is_waited_for_as_long_as_it_says_and_all_its_files_land(home: Home, time: FakeTime) -> None:
    result, server = land_report(home, time, polls=3, files=3)
    assert (result.snapshots, result.rows) == (2, {DETAIL: 6})
    assert time.slept == [30.0] * 8, "before each of four polls, for two datasets"
    assert query(home, DETAIL, TOTAL) == [("ActualCost", 3, 3), ("AmortizedCost", 3, 3)]
    downloads = [request for request in server.requests if request.path.startswith("/file")]
    assert len(downloads) == 6
    assert not any("authorization" in request.headers for request in downloads), "their links are signed"
    assert all("authorization" in request.headers for request in server.requests if request not in downloads)
    kept = [path.read_bytes() for path in home.path.rglob("*") if path.is_file()]
    assert not any(b"SECRET" in content or b"sig=" in content for content in kept), "links that grant access are kept"
    assert query(home, "landing__snapshot", "select manifest from rows where manifest like '%sig=%'") == []


def test_without_a_hint_a_report_is_asked_for_every_twenty_seconds_and_given_up_after_an_hour(
    home: Home, time: FakeTime
) -> None:
    result, _ = land_report(home, time, polls=1_000, wait=None)
    assert result.incomplete == [f"{GROUP.profile_id}: the report of 2026-10 is still being made"]
    assert set(time.slept) == {20.0}
    assert sum(time.slept) == 3600
    assert query(home, "landing__window", "select count(*) from rows") == [(0,)]


def test_a_report_whose_file_is_cut_waits(home: Home, time: FakeTime) -> None:
    result, _ = land_report(home, time, polls=0, cut=4)
    assert "a report's file has" in result.incomplete[0]
    assert query(home, DETAIL, "select count(*) from rows") == [(0,)]


def test_a_report_that_failed_or_found_nothing_says_so(home: Home, time: FakeTime) -> None:
    with pytest.raises(LandingError, match="cannot be used: oh"):
        land_report(home, time, polls=0, status="Failed")
    result, _ = land_report(home, time, polls=0, status="NoDataFound")
    assert (result.snapshots, result.rows) == (2, {DETAIL: 0})


# ── asking how it is ──────────────────────────────────────────────────────────────────────────────────────────────────


def findings(source: AzureCostApiSource) -> list[tuple[str, str]]:
    found = list(probe(source, ProbeContext(AS_OF, TOKEN)))
    assert all(finding.remedy for finding in found if finding.status != "ok")
    return [(finding.check, finding.status) for finding in found]


def test_a_probe_says_what_is_reachable_and_permitted(server: str) -> None:
    assert findings(api(server)) == [("reachable", "ok"), ("permitted", "ok")]
    assert findings(api(server, scopes=["/subscriptions/unknown"])) == [("reachable", "ok"), ("permitted", "failed")]
    assert findings(api("http://127.0.0.1:9")) == [("reachable", "failed")]
    assert findings(api("http://192.0.2.1")) == [("reachable", "failed")], "a token is not sent unencrypted"
    throttle(server, {"retry-after": "60"})
    assert findings(api(server)) == [("reachable", "ok"), ("permitted", "unknown")]
    with answering(lambda *_: Answer(403, refusal("RBACAccessDenied"))) as refusing:
        assert findings(api(refusing.url)) == [("reachable", "ok"), ("permitted", "failed")]
