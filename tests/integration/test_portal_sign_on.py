"""Signing on to the portal: a real issuer over real HTTP, the way there and back, and the lies that tokens can tell."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.config import ConfigError, load_configuration
from finops.periods import utc_now
from portal.office import Office
from portal.people import Person
from portal.sessions import SESSION, Seal, Session, Sessions, cookie_name
from portal.shield import cookie
from portal.sign_on import Issuer, SignOnError
from reports.dashboards.access import Role
from tests.support.issuer import TestIssuer, issuing
from tests.support.portal import ADMIN, SECRET, TestPortal, serving_portal
from tests.support.small_config import write_small_config

ENTRA = "https://login.microsoftonline.com"
pytestmark = [pytest.mark.ids("SEC-1", "SEC-2"), pytest.mark.xdist_group("portal")]


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    with issuing() as found:
        found.account("lead@example.com", "Search")
        found.account("boss@example.com", "Admin", "SomethingElse")
        found.account("stranger@example.com", "Sales")
        yield found


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory, published_folder: Path, issuer: TestIssuer
) -> Iterator[TestPortal]:
    with serving_portal(tmp_path_factory.mktemp("portal"), published_folder, issuer=issuer.url) as found:
        yield found


@pytest.fixture(autouse=True)
def honest(issuer: TestIssuer) -> Iterator[None]:
    yield
    issuer.bend, issuer.forge = (lambda claims: claims), False


def come_back(client: httpx.Client, issuer: TestIssuer, name: str, start: str = "/sign-on") -> httpx.Response:
    """Go to the issuer, agree, and return."""
    sent = client.get(start)
    assert sent.status_code == 303
    back = issuer.allow(sent.headers["location"], name)
    return client.get(back)


def test_a_person_signs_on_sees_the_own_team_and_signs_out(portal: TestPortal, issuer: TestIssuer) -> None:
    client = portal.client()
    first = client.get("/p/gpu?period=last-30-days")
    assert first.status_code == 303
    assert first.headers["location"] == "/sign-on?next=%2Fp%2Fgpu%3Fperiod%3Dlast-30-days"
    sent = client.get(first.headers["location"])
    asked = {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["location"]).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32 <= len(asked["nonce"])
    assert SECRET not in sent.headers["location"]
    back = client.get(issuer.allow(sent.headers["location"], "lead@example.com"))
    assert (back.status_code, back.headers["location"]) == (303, "/p/gpu?period=last-30-days")
    assert "HttpOnly" in back.headers["set-cookie"]
    assert "SameSite=Lax" in back.headers["set-cookie"]
    assert issuer.asked[-1]["code_verifier"] not in sent.headers["location"]

    me = client.get("/api/v1/me").json()
    assert (me["name"], me["roles"], me["teams"]) == ("lead@example.com", ["Eng"], ["search"])
    assert client.get("/p/gpu").status_code == 200
    assert client.get("/p/finance").status_code == 403

    stolen = client.cookies[SESSION]
    out = client.post("/sign-out", data={"token": me["csrf_token"]})
    assert out.status_code == 303
    assert out.headers["location"].startswith(f"{issuer.url}/oauth2/end_session?client_id=aifinops-portal")
    client.cookies.set(SESSION, stolen)
    assert client.get("/api/v1/me").status_code == 401
    said = list(portal.office.gate.ledger.notes("portal.done").values())
    assert {"who": "lead@example.com", "roles": ["Eng"], "teams": ["search"], "what": "signed on"}.items() <= said[
        -1
    ].items()


def test_a_session_that_was_ended_stays_ended_when_the_portal_starts_again(
    portal: TestPortal, issuer: TestIssuer
) -> None:
    client = portal.client()
    come_back(client, issuer, "boss@example.com")
    stolen, token = client.cookies[SESSION], client.get("/api/v1/me").json()["csrf_token"]
    client.post("/sign-out", data={"token": token})
    again = type(portal.office).open(
        portal.office.gate, address=portal.url, is_local=False, environ=portal.office.gate.environ
    )
    assert again.sessions.read(stolen) is None
    assert again.sessions.read(portal.office.sessions.write(Session.of(ADMIN, utc_now()))) is not None


def test_who_was_granted_nothing_is_told_so(portal: TestPortal, issuer: TestIssuer) -> None:
    client = portal.client()
    assert come_back(client, issuer, "stranger@example.com").status_code == 303
    page = client.get("/")
    assert page.status_code == 403
    assert "signed on as stranger@example.com, and nothing was granted to you" in page.text
    assert client.get("/api/v1/marts").status_code == 403
    assert client.get("/account").status_code == 200


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example.com"},
    "another audience": {"aud": "another-client"},
    "made for another client": {"aud": ["aifinops-portal", "x"], "azp": "x"},
    "expired": {"exp": 1_700_000_000},
    "no expiry": {"exp": None},
    "another nonce": {"nonce": "of-another-sign-on"},
    "no nonce": {"nonce": None},
    "nobody": {"sub": None, "oid": None, "tid": None},
    "not valid yet": {"nbf": 4_000_000_000},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_signs_nobody_on(portal: TestPortal, issuer: TestIssuer, lie: str) -> None:
    changes = LIES[lie]
    issuer.bend = lambda claims: {name: value for name, value in {**claims, **changes}.items() if value is not None}
    client = portal.client()
    answer = come_back(client, issuer, "boss@example.com")
    assert 400 <= answer.status_code < 500, answer.text
    assert SESSION not in client.cookies
    assert client.get("/api/v1/me").status_code == 401


def test_a_forged_signature_signs_nobody_on(portal: TestPortal, issuer: TestIssuer) -> None:
    issuer.forge = True
    client = portal.client()
    assert come_back(client, issuer, "boss@example.com").status_code == 401
    assert SESSION not in client.cookies


def test_an_answer_to_another_sign_on_is_refused(portal: TestPortal, issuer: TestIssuer) -> None:
    mine, other = portal.client(), portal.client()
    sent = mine.get("/sign-on").headers["location"]
    back = issuer.allow(sent, "boss@example.com")
    # Another browser: nothing was begun in it, or something else was.
    assert other.get(back).status_code == 400
    other.get("/sign-on")
    assert other.get(back).status_code == 400
    assert SESSION not in other.cookies
    assert mine.get(back.replace("state=", "state=x")).status_code == 400
    assert (
        mine.get("/sign-on/back?error=access_denied&state=" + parse_qs(urlsplit(sent).query)["state"][0]).status_code
        == 403
    )
    # The code is used once.
    assert mine.get(back).status_code == 303
    assert mine.get(back).status_code == 400


def test_the_issuer_takes_a_new_key(portal: TestPortal, issuer: TestIssuer) -> None:
    assert come_back(portal.client(), issuer, "boss@example.com").status_code == 303
    issuer.rotate()
    found = portal.office.issuer
    assert found is not None
    # Keys were read a moment ago: strangers cannot make the portal read them with every made-up token.
    assert come_back(portal.client(), issuer, "boss@example.com").status_code == 401
    found._keys_at -= 60
    assert come_back(portal.client(), issuer, "boss@example.com").status_code == 303


@pytest.mark.parametrize(
    "target", ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "x", "/a\nb"]
)
def test_signing_on_leads_to_no_other_site(portal: TestPortal, issuer: TestIssuer, target: str) -> None:
    client = portal.client()
    sent = client.get("/sign-on", params={"next": target})
    assert client.get(issuer.allow(sent.headers["location"], "boss@example.com")).headers["location"] == "/"


@pytest.mark.ids("BI-2")
def test_power_query_is_told_where_to_sign_in(portal: TestPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends an empty token first, and knows Entra ID only."""
    client = portal.client()

    def challenge(token: str) -> str:
        answer = client.get("/api/v1/marts", headers={"Authorization": token})
        assert answer.status_code == 401
        return answer.headers["www-authenticate"]

    assert challenge("Bearer") == "Bearer"
    assert challenge("Bearer nonsense") == 'Bearer error="invalid_token"'
    issuer = portal.office.issuer
    assert issuer is not None
    monkeypatch.setattr(issuer, "settings", issuer.settings.model_copy(update={"issuer": f"{ENTRA}/tenant/v2.0"}))
    assert challenge("bearer") == f'Bearer authorization_uri="{ENTRA}/tenant/oauth2/authorize"'
    monkeypatch.setattr(issuer, "settings", issuer.settings.model_copy(update={"api_audience": None}))
    assert challenge("Bearer") == "Bearer", "no program may sign on"


def test_a_program_sends_an_access_token(portal: TestPortal, issuer: TestIssuer) -> None:
    client, now = portal.client(), int(time.time())
    token = {
        "iss": issuer.url, "aud": "api://aifinops", "sub": "robot", "azp": "robot", "roles": ["Finance"],
        "iat": now, "exp": now + 600, "idtyp": "app",
    }  # fmt: skip
    ask = lambda **changes: client.get(  # noqa: E731
        "/api/v1/me", headers={"Authorization": f"Bearer {issuer.token(**{**token, **changes})}"}
    )
    assert ask().json()["roles"] == ["Finance"]
    assert ask(idtyp="user", scp="read").status_code == 200
    assert ask(idtyp="user").status_code == 401, "an id token is no permission"
    assert ask(aud="aifinops-portal").status_code == 401
    assert ask(exp=now - 3600).status_code == 401
    assert client.get("/api/v1/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {none}"}).status_code == 401


def test_secrets_and_tokens_reach_no_log(
    portal: TestPortal, issuer: TestIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = portal.client()
    come_back(client, issuer, "boss@example.com")
    client.get("/api/v1/marts/dim_team?format=csv")
    client.post("/api/v1/incidents/x/answers", json={})
    issuer.bend = lambda claims: {**claims, "aud": "x"}
    come_back(portal.client(), issuer, "boss@example.com")
    # What the issuer itself and this test's client write is theirs.
    said = "\n".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore", "werkzeug", "oidc"))
    )
    secrets = [
        SECRET,
        client.cookies[SESSION],
        *(value for form in issuer.asked for value in (form["code"], form["code_verifier"])),
    ]
    assert len(secrets) > 4
    assert not [secret for secret in secrets if secret in said]


def test_sessions_end_by_age_and_by_idleness() -> None:
    now = utc_now()
    sessions = Sessions(
        Seal([b"k" * 32]), lasts=timedelta(hours=8), idle=timedelta(minutes=60), clock=lambda: now, ended=set()
    )
    start = now
    session = Session.of(Person("a/b", "ada", frozenset({Role.ENG}), frozenset({"search"})), start)
    text = sessions.write(session)
    assert sessions.read(text) is not None
    now = start + timedelta(minutes=59)
    found = sessions.read(text)
    assert found is not None
    touched = sessions.touched(found)
    assert touched is not None
    now = start + timedelta(minutes=61)
    assert sessions.read(text) is None
    assert sessions.read(sessions.write(touched)) is not None
    now = start + timedelta(hours=9)
    late = Session(session.session_id, session.person, session.token, start, now)
    assert sessions.read(sessions.write(late)) is None


def test_what_was_granted_ends_as_soon_as_it_is_taken_back() -> None:
    now, grants = utc_now(), "of yesterday"
    hour = timedelta(hours=1)
    sessions = Sessions(Seal([b"k" * 32]), lasts=hour, idle=hour, clock=lambda: now, ended=set(), grants=lambda: grants)
    text = sessions.write(Session.of(ADMIN, now))
    assert sessions.read(text) is not None
    grants = "of today"
    assert sessions.read(text) is None


def test_a_cookie_of_another_key_or_kind_is_none() -> None:
    mine, other = Seal([b"k" * 32]), Seal([b"x" * 32])
    sealed = mine.seal("aifinops-sign-on", {"id": "1"})
    assert mine.open("aifinops-sign-on", sealed) == {"id": "1"}
    assert mine.open(SESSION, sealed) is None
    assert other.open("aifinops-sign-on", sealed) is None
    assert Seal([b"n" * 32, b"k" * 32]).open("aifinops-sign-on", sealed) == {"id": "1"}
    assert mine.open(SESSION, sealed[:-4] + "AAAA") is None


def test_over_tls_cookies_are_bound_to_the_host(portal: TestPortal) -> None:
    class Https:
        is_https = True

    assert cookie_name(SESSION, is_https=True) == "__Host-aifinops-session"
    written = cookie(Https(), SESSION, "v")  # type: ignore[arg-type]
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(written.split("; "))


async def _reach(issuer: Issuer) -> None:
    await issuer.begin("/")


def test_an_issuer_that_cannot_be_reached_or_is_another_is_told_in_words(issuer: TestIssuer) -> None:
    import anyio

    from finops.config.portal import SignOn

    settings = SignOn(issuer="http://127.0.0.1:9", client_id="x")
    with pytest.raises(SignOnError, match="cannot be reached"):
        anyio.run(_reach, Issuer(settings, None, "http://127.0.0.1/back"))
    # It says http://127.0.0.1:PORT of itself, whatever it is asked by.
    other = SignOn(issuer=issuer.url + "/tenant", client_id="x")
    with pytest.raises(SignOnError, match="cannot be reached"):
        anyio.run(_reach, Issuer(other, None, "http://127.0.0.1/back"))


@pytest.mark.parametrize(
    ("address", "is_local", "environ", "says"),
    [
        ("http://finops.example.com", False, {}, "not reached over TLS"),
        ("https://finops.example.com", True, {}, "finops.example.com is not this machine"),
        ("http://127.0.0.1:1", False, {}, "AIFINOPS_OIDC_SECRET is not set"),
        ("http://127.0.0.1:1", True, {"AIFINOPS_SESSION_KEY": "short"}, "openssl rand -base64 32"),
    ],
)
def test_a_portal_that_would_not_be_safe_does_not_start(
    portal: TestPortal, address: str, is_local: bool, environ: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Office.open(portal.office.gate, address=address, is_local=is_local, environ=environ)


def test_without_sign_on_only_this_machine_is_served(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["portal", "--local", "--host", "0.0.0.0", "--home", str(tmp_path)])
    assert run.exit_code == 1
    assert "0.0.0.0 is not this machine only" in run.output
    run = CliRunner().invoke(app, ["portal", "--port", "0", "--home", str(tmp_path)])
    assert run.exit_code == 1
    assert "portal.yml has no sign_on" in " ".join(run.output.split())


def test_a_grant_of_a_misspelt_team_is_found(tmp_path: Path) -> None:
    folder = write_small_config(tmp_path)
    (folder / "portal.yml").write_text("grants: [{value: S, role: Eng, teams: [serch]}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no team 'serch' in tags\.yml"):
        load_configuration(folder)
    (folder / "portal.yml").write_text("grants: [{value: S, role: Finance, teams: [search]}]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="Finance sees every team"):
        load_configuration(folder)
