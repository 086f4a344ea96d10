"""Digests and packs that were sent can be read again in the portal, by those whose they are, as they were sent."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import portal.documents
from portal.people import Person
from reports.dashboards.access import Role
from reports.documents.kept import DOCUMENT, HTML, PDF, Place, read_edition, slug
from tests.support.portal import ADMIN, FINANCE, ONCALL, ROBOTICS, SEARCH, TestPortal, serving_portal
from tests.support.sent_documents import (
    BOARD,
    BOARD_AGAIN,
    CHANGES,
    EXECUTIVES,
    MONTH_BEFORE,
    WEEK_BEFORE,
)
from tests.support.sent_documents import ROBOTICS as OF_ROBOTICS
from tests.support.sent_documents import SEARCH as OF_SEARCH

pytestmark = [pytest.mark.ids("BI-1", "SEC-1"), pytest.mark.xdist_group("portal")]

PEOPLE = {"admin": ADMIN, "finance": FINANCE, "search": SEARCH, "robotics": ROBOTICS, "oncall": ONCALL}
COMPANY = [EXECUTIVES, BOARD, BOARD_AGAIN, Place(MONTH_BEFORE, "board", "", 1)]
OWN = {"search": [OF_SEARCH, Place(WEEK_BEFORE, "leads", "search", 1)], "robotics": [OF_ROBOTICS], "oncall": []}
EVERYTHING = [*COMPANY, *OWN["search"], *OWN["robotics"]]


@pytest.fixture(scope="module")
def portal_(
    tmp_path_factory: pytest.TempPathFactory, published_folder: Path, sent_folder: Path
) -> Iterator[TestPortal]:
    with serving_portal(tmp_path_factory.mktemp("portal"), published_folder) as found:
        shutil.copytree(sent_folder, found.office.gate.home.digests)
        yield found


def words(found: httpx.Response) -> str:
    assert found.status_code == 200, (found.status_code, found.text[-500:])
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", found.text.replace("\N{NO-BREAK SPACE}", " "), flags=re.DOTALL)
    return re.sub(r"\s+", " ", shown)


def address(place: Place, file: str) -> str:
    return f"/documents/{place.path}/{file}"


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_reads_the_own_documents_and_does_not_learn_of_others(portal_: TestPortal, who: str) -> None:
    client = portal_.client(PEOPLE[who])
    nothing = client.get("/documents/2026-W42/leads/nobody/edition-1/document.html")
    assert nothing.status_code == 404
    own = OWN.get(who, EVERYTHING)
    for place in EVERYTHING:
        for file in (HTML, PDF):
            found = client.get(address(place, file))
            if place in own:
                assert found.status_code == 200
                assert found.content == (portal_.office.gate.home.digests / place.path / file).read_bytes()
            else:
                assert (found.status_code, found.text) == (404, nothing.text)
    listed = client.get("/api/v1/documents").json()
    assert [one["html"] for one in listed["documents"]] == [
        address(place, HTML) for place in EVERYTHING_IN_ORDER if place in own
    ]
    assert (listed["unreadable"], listed["next"]) == ([], None)
    pages = [client.get(f"/documents?year={year}") for year in (2026, 2025)]
    linked = {link for one in pages for link in re.findall(r'href="(/documents/[^"]+)"', one.text)}
    assert linked == {address(place, file) for place in own for file in (HTML, PDF)}
    assert all("by-hand" not in one.text for one in pages)


EVERYTHING_IN_ORDER = [
    EXECUTIVES,
    OF_ROBOTICS,
    OF_SEARCH,
    Place(WEEK_BEFORE, "leads", "search", 1),
    BOARD_AGAIN,
    BOARD,
    Place(MONTH_BEFORE, "board", "", 1),
]
"""The newest period first; the company before teams; the newest edition first."""


def test_the_list_says_what_each_document_is(portal_: TestPortal) -> None:
    finance = portal_.client(FINANCE)
    said = words(finance.get("/documents"))
    [spend] = {
        one["ai_spend"] for one in finance.get("/api/v1/documents").json()["documents"] if one["digest"] == "executives"
    }
    assert float(spend) > 0
    assert said.index("October 2026") < said.index("Week 42") < said.index("September 2026")
    assert "Weekly AI spend, Week 42, 12–18 Oct 2026" in said
    assert "The company · executives · edition 1 · as of 20 Oct 2026, 06:00 UTC · AI spend" in said
    assert f"AI spend USD {float(spend):,.0f}" in said
    assert "Weekly AI spend of search, Week 41, 5–11 Oct 2026" in said
    assert "Monthly AI cost pack, September 2026 edition 2 The company · board · edition 2" in said
    assert "The company · board · edition 1, replaced by edition 2 · as of" in said
    assert CHANGES[0] in said, "what changed since the edition before"
    assert "December 2025" not in said, "another year"
    assert "December 2025" in words(finance.get("/documents?year=2025"))
    assert "Weekly AI spend," not in words(finance.get("/documents?about=team:search"))
    assert "of search" not in words(finance.get("/documents?about=company"))
    week = words(finance.get("/documents?period=2026-W42"))
    assert ("Weekly AI spend of robotics" in week, "Week 41" in week) == (True, False)
    lead = portal_.client(SEARCH)
    assert "robotics" not in lead.get("/documents?about=team:robotics").text.replace("team:robotics", "")
    assert lead.get("/documents?period=2026-09").status_code == 404
    assert "No digest of your teams was sent yet." in words(portal_.client(ONCALL).get("/documents"))
    for wrong in ("about=everything", "year=26", "year=x"):
        assert finance.get(f"/documents?{wrong}").status_code == 422
    assert finance.get("/documents?period=2026-W99").status_code == 404


def test_a_document_looks_as_it_was_sent_and_can_do_nothing_else(portal_: TestPortal) -> None:
    client = portal_.client(FINANCE)
    page = client.get(address(EXECUTIVES, HTML))
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert 'src="data:image/png;base64,' in page.text
    assert page.headers["content-disposition"] == 'inline; filename="digest-2026-W42.html"'
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    paper = client.get(address(BOARD_AGAIN, PDF))
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.headers["content-disposition"] == 'inline; filename="pack-2026-09-edition-2.pdf"', "as in the mail"
    assert paper.headers["content-security-policy"].startswith("default-src 'none'")
    [attached] = read_edition(portal_.office.gate.home.digests / BOARD_AGAIN.path).email["email"]["attachments"]
    assert hashlib.sha256(paper.content).hexdigest() == attached["sha256"], "what the mail vouched for"


def test_reading_a_document_is_in_the_audit_trail(portal_: TestPortal) -> None:
    place = Place(WEEK_BEFORE, "leads", "search", 1)
    assert portal_.client(SEARCH).get(address(place, PDF)).status_code == 200
    ledger = portal_.office.gate.ledger
    entry = ledger.notes("portal.done")[f"document/{place.path}"]
    assert (entry["what"], entry["scope"]) == ("read a digest or pack", "team search")
    assert entry["file"] in (HTML, PDF)
    assert ledger.verify().problems == ()


def test_programs_read_the_list_in_pages(portal_: TestPortal) -> None:
    client = portal_.client(FINANCE)
    whole = client.get("/api/v1/documents").json()["documents"]
    found, cursor = [], ""
    while True:
        page = client.get("/api/v1/documents", params={"limit": 3, "cursor": cursor}).json()
        found += page["documents"]
        if page["next"] is None:
            break
        assert len(page["documents"]) == 3
        cursor = page["next"]
    assert found == whole
    assert len(whole) == len(EVERYTHING)
    [first] = client.get("/api/v1/documents", params={"about": "team:robotics"}).json()["documents"]
    assert (first["team"], first["period"], first["edition"], first["as_of"]) == (
        "robotics",
        "2026-W42",
        1,
        "2026-10-20T06:00:00Z",
    )
    assert client.get("/api/v1/documents?cursor=../..").status_code == 422


@pytest.mark.ids("SEC-2")
def test_paths_of_documents_lead_nowhere_else(portal_: TestPortal) -> None:
    home = portal_.office.gate.home
    place = home.digests / EXECUTIVES.path
    secret = home.path / "secret.html"
    secret.write_text("the secret")
    outside = home.digests / "2026-W40" / "executives"
    outside.mkdir(parents=True)
    (outside / "edition-1").symlink_to(place, target_is_directory=True)
    linked = home.digests / "2026-W39" / "executives" / "edition-1"
    shutil.copytree(place, linked)
    (linked / HTML).unlink()
    (linked / HTML).symlink_to(secret)
    try:
        client = portal_.client(ADMIN)
        start, long = "/documents/2026-W42/executives", "x" * 400
        for path in (
            f"{start}/edition-1/edition.json",
            f"{start}/edition-1/..%2F..%2F..%2F..%2Fsecret.html",
            f"{start}/..%2F..%2F..%2Fsecret.html",
            "/documents/..%2Fsecret.html",
            "/documents/../secret.html",
            "/documents/%2e%2e/%2e%2e/%2e%2e/secret.html",
            "/documents/2026-W42/%2e%2e/%2e%2e/secret.html",
            "/documents/%2Fetc/passwd/edition-1/document.html",
            f"{start}/edition-1/document.html%00",
            f"{start}/edition-1%00/document.html",
            f"{start}/edition-01/document.html",
            f"{start}/edition-%D9%A1/document.html",
            f"{start}/edition-99999999999999999999/document.html",
            f"{start}/EDITION-1/document.html",
            f"{start}/.edition-1.part/document.html",
            f"{start}/edition-1/edition-1/document.html",
            f"/documents/2026-W42/leads/{long}/edition-1/document.html",
            "/documents/2026-W42/leads/a%2Fb/edition-1/document.html",
            "/documents/2026-W42/leads/S%C3%A9arch/edition-1/document.html",
            f"/documents/2026-W42/{long}/edition-1/document.html",
            "/documents/2026-W99/executives/edition-1/document.html",
            "/documents/9999-12/board/edition-1/document.html",
            "/documents/2026-09-01/board/edition-1/document.html",
            "/documents/2026-W42/by-hand/digest-2026-W42.html",
            "/documents/2026-W40/executives/edition-1/document.html",
            "/documents/2026-W39/executives/edition-1/document.html",
        ):
            found = client.get(path)
            assert found.status_code in (400, 404), (path, found.status_code)
            assert "the secret" not in found.text
            assert str(home.path) not in found.text
        assert client.get(f"/documents/{'x' * 4000}").status_code == 414
        for query in ("period=..%2F..", "period=9999-12", "period=%00", "about=team:..%2Fsecret", "about=team:%00"):
            found = client.get(f"/documents?{query}")
            assert found.status_code in (200, 404, 422), (query, found.status_code)
            assert "the secret" not in found.text
    finally:
        shutil.rmtree(outside.parent)
        shutil.rmtree(linked.parent.parent)


@pytest.mark.parametrize("team", ["../../etc", "a/b", "edition-1", "company", "Ünïcode & co"])
def test_a_team_of_any_name_reads_its_own(portal_: TestPortal, team: str) -> None:
    digests = portal_.office.gate.home.digests
    place = Place(WEEK_BEFORE, "others", slug(team), 1)
    said = json.loads((digests / OF_SEARCH.path / DOCUMENT).read_text(encoding="utf-8"))
    shutil.copytree(digests / OF_SEARCH.path, digests / place.path)
    message = {**said["message"], "team": team}
    (digests / place.path / DOCUMENT).write_text(json.dumps({**said, "message": message}), encoding="utf-8")
    try:
        lead = portal_.client(Person("t/8", "other@example.com", frozenset({Role.ENG}), frozenset({team})))
        [link] = re.findall(r'href="(/documents/[^"]+pdf)"', lead.get("/documents").text)
        assert link == address(place, PDF)
        assert lead.get(link).status_code == 200
        assert portal_.client(ROBOTICS).get(link).status_code == 404
        one = portal_.client(FINANCE).get("/api/v1/documents", params={"about": f"team:{team}"}).json()["documents"]
        assert [(entry["team"], entry["pdf"]) for entry in one] == [(team, link)]
    finally:
        shutil.rmtree(digests / str(WEEK_BEFORE) / "others")


def test_what_is_not_as_it_was_sent_is_not_shown_as_if_it_were(portal_: TestPortal) -> None:
    home, client = portal_.office.gate.home, portal_.client(FINANCE)
    folder = home.digests / "2026-W38"
    exchanged, moved, broken = (folder / name / "edition-1" for name in ("exchanged", "leads/search", "broken"))
    for target, place in ((exchanged, EXECUTIVES), (moved, OF_ROBOTICS), (broken, EXECUTIVES)):
        shutil.copytree(home.digests / place.path, target)
    (exchanged / PDF).write_bytes(b"%PDF another")
    (exchanged / HTML).write_text("another")
    (broken / DOCUMENT).write_text("{")
    try:
        for file in (PDF, HTML):
            found = client.get(f"/documents/2026-W38/exchanged/edition-1/{file}")
            assert found.status_code == 409
            assert "This file is not the one that was sent." in found.text
        # Editions of earlier programs have no hash of their page.
        said = json.loads((exchanged / DOCUMENT).read_text(encoding="utf-8"))
        said.pop("html_sha256")
        (exchanged / DOCUMENT).write_text(json.dumps(said), encoding="utf-8")
        assert client.get("/documents/2026-W38/exchanged/edition-1/document.html").text == "another"
        # The folder of one team, the document of another: nobody's.
        for person in (ADMIN, SEARCH, ROBOTICS):
            other = portal_.client(person).get("/documents/2026-W38/leads/search/edition-1/document.html")
            assert other.status_code == 404
        assert "robotics" not in portal_.client(SEARCH).get("/documents?period=2026-W38").text
        assert client.get("/documents/2026-W38/broken/edition-1/document.html").status_code == 404
        said = words(client.get("/documents?period=2026-W38"))
        assert "Edition 1 cannot be read: its folder digests/2026-W38/broken/edition-1 is not as it was made." in said
        listed = client.get("/api/v1/documents").json()
        assert listed["unreadable"] == ["2026-W38/broken/edition-1", "2026-W38/leads/search/edition-1"]
        # Put back, it is there again.
        shutil.copy(home.digests / EXECUTIVES.path / DOCUMENT, broken / DOCUMENT)
        assert client.get("/documents/2026-W38/broken/edition-1/document.html").status_code == 200
    finally:
        shutil.rmtree(folder)


def test_years_of_many_teams_stay_a_short_list_of_which_only_what_is_shown_is_read(
    portal_: TestPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, client = portal_.office.gate.home, portal_.client(FINANCE)
    said = json.loads((home.digests / OF_SEARCH.path / DOCUMENT).read_text(encoding="utf-8"))
    weeks = [f"2024-W{week:02d}" for week in range(1, 21)]
    for week in weeks:
        shutil.copytree(home.digests / EXECUTIVES.path, home.digests / week / "executives" / "edition-1")
        for number in range(12):
            folder = home.digests / week / "leads" / f"team-{number}" / "edition-1"
            folder.mkdir(parents=True)
            message = {**said["message"], "team": f"team-{number}"}
            (folder / DOCUMENT).write_text(json.dumps({**said, "message": message}), encoding="utf-8")
            (folder / HTML).write_text("kept")
    read = []

    def counted(folder: Path) -> object:
        read.append(folder)
        return read_edition(folder)

    monkeypatch.setattr(portal.documents, "read_edition", counted)
    try:
        page = client.get("/documents?year=2024")
        assert page.text.count(">12 teams<") == len(weeks)
        assert len(read) <= len(weeks) + 12, "the company's documents, and each team's name once"
        read.clear()
        assert "Weekly AI spend of search, Week 20" in words(client.get("/documents?period=2024-W20"))
        assert len(read) <= 12
        own = words(client.get("/documents?about=team:team-7&year=2024"))
        assert own.count("Team team-7") == len(weeks)
        read.clear()
        for query in ("year=2024", "period=2024-W20", "about=team:team-7&year=2024"):
            assert client.get(f"/documents?{query}").status_code == 200
        assert read == [], "an edition never changes"
    finally:
        for week in weeks:
            shutil.rmtree(home.digests / week)
