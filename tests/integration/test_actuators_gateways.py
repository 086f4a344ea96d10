"""Orders on LiteLLM, OpenAI, GitHub and Jira over HTTP: once each, limits only lowered, put back from the record."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finops.config.actuator_routes import LitellmRoute, OpenAiRoute, TicketRoute
from finops.config.routing import Route
from guardrails import Ledger, Status, dead_letters, messages
from guardrails.actuators.manage import verify_actuations
from guardrails.actuators.record import actuations
from tests.support.fake_gateways import TOKEN, FakeGithub, FakeJira, FakeLitellm, FakeOpenAi, serving
from tests.support.guardrail_factory import AUDIT_KEY
from tests.support.orders import SEARCH, deliver, give_order, give_release

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-5")

KEY = "a3f1" * 16


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened
        assert opened.verify().problems == ()


def litellm(action: str, **step: Any) -> tuple[Route, ...]:
    document = {
        "id": "gateway", "kind": "litellm", "url_env": "URL", "key_env": "KEY", "allow_private_addresses": True,
        "targets": [{"scope": SEARCH, action: [step]}],
    }  # fmt: skip
    return (LitellmRoute.model_validate(document),)


def openai(action: str, **step: Any) -> tuple[Route, ...]:
    document = {
        "id": "openai", "kind": "openai", "url_env": "URL", "key_env": "KEY", "allow_private_addresses": True,
        "targets": [{"scope": SEARCH, action: [{"project": "proj_search", **step}]}],
    }  # fmt: skip
    return (OpenAiRoute.model_validate(document),)


def tickets(system: str, project: str) -> tuple[Route, ...]:
    document = {
        "id": "tickets", "kind": "ticket", "system": system, "url_env": "URL", "token_env": "KEY", "project": project,
        "allow_private_addresses": True,
    }  # fmt: skip
    return (TicketRoute.model_validate(document),)


@pytest.mark.parametrize(
    ("step", "held", "was"),
    [
        ({"how": "budget", "max_budget_usd": "12.50"}, {"max_budget": 12.5}, {"max_budget": None}),
        ({"how": "block"}, {"blocked": True}, {"blocked": False}),
        ({"how": "rate_limit", "requests_per_minute": 5, "tokens_per_minute": 900},
         {"rpm_limit": 5, "tpm_limit": 400}, {"rpm_limit": 60, "tpm_limit": 400}),
    ],
)  # fmt: skip
def test_litellm_keys_and_teams_are_limited_and_given_back(
    ledger: Ledger, step: dict[str, Any], held: dict[str, Any], was: dict[str, Any]
) -> None:
    with serving(FakeLitellm()) as fake:
        assert isinstance(fake, FakeLitellm)
        before = {"max_budget": None, "blocked": None, "rpm_limit": 60, "tpm_limit": 400}
        fake.keys[KEY] = {"key_alias": "search-prod", **before}
        fake.teams["t-1"] = {"team_alias": "Search", **before}
        environ = {"URL": fake.url, "KEY": TOKEN}
        routes = litellm("pause", keys=[KEY], teams=["t-1"], **step)
        give_order(ledger, routes)
        assert deliver(ledger, routes, environ).delivered == 1
        for entry in (fake.keys[KEY], fake.teams["t-1"]):
            assert held.items() <= entry.items()
        assert verify_actuations(ledger, routes, environ, now=datetime.now(UTC)).holding == 2
        give_release(ledger, routes)
        assert deliver(ledger, routes, environ).delivered == 1
        for entry in (fake.keys[KEY], fake.teams["t-1"]):
            assert was.items() <= {**entry, "blocked": bool(entry["blocked"])}.items()
        assert [record.status for record in ledger.decisions()] == [Status.ENFORCED, Status.REVERTED]


def test_a_gateway_that_forgets_to_clear_a_limit_is_found_out(ledger: Ledger) -> None:
    with serving(FakeLitellm()) as fake:
        assert isinstance(fake, FakeLitellm)
        fake.keys[KEY] = {"key_alias": "search-prod", "max_budget": None}
        environ = {"URL": fake.url, "KEY": TOKEN}
        routes = litellm("pause", keys=[KEY], how="budget", max_budget_usd="1")
        give_order(ledger, routes)
        deliver(ledger, routes, environ)
        honest = fake.handle
        fake.handle = lambda call: (200, {}) if call.method == "POST" else honest(call)  # type: ignore[method-assign]
        give_release(ledger, routes)
        assert deliver(ledger, routes, environ).retrying == 1
        assert "does not become what it was" in (messages(ledger)[-1].error or "")
        assert [row.status.value for row in actuations(ledger)] == ["reverting"]
        fake.handle = honest  # type: ignore[method-assign]
        assert deliver(ledger, routes, environ, at=datetime.now(UTC) + timedelta(minutes=1)).delivered == 1
        assert fake.keys[KEY]["max_budget"] is None


def test_litellm_refuses_and_is_unknown(ledger: Ledger) -> None:
    with serving(FakeLitellm()) as fake:
        assert isinstance(fake, FakeLitellm)
        environ = {"URL": fake.url, "KEY": TOKEN}
        routes = litellm("pause", keys=[KEY], how="block")
        give_order(ledger, routes)
        assert deliver(ledger, routes, environ).dead == 1
        assert dead_letters(ledger)[0].error == f"the gateway has no key {KEY[:12]}"
        fake.answers = [(403, {})]
        give_order(ledger, routes, policy="another")
        assert deliver(ledger, routes, environ).dead == 1
        assert "Let the key in KEY manage keys and teams" in (dead_letters(ledger)[1].remedy or "")
        give_order(ledger, routes, policy="third")
        assert deliver(ledger, routes, environ | {"KEY": "another"}).retrying == 1
        assert "answered 401" in (messages(ledger)[2].error or "")


@pytest.mark.ids("SEC-2")
def test_a_gateway_inside_the_network_is_only_called_where_the_route_allows_it(ledger: Ledger) -> None:
    with serving(FakeLitellm()) as fake:
        (own,) = litellm("pause", keys=[KEY], how="block")
        routes = (own.model_copy(update={"allow_private_addresses": False}),)
        give_order(ledger, routes)
        assert deliver(ledger, routes, {"URL": fake.url, "KEY": TOKEN}).dead == 1
        assert "not a public address" in (dead_letters(ledger)[0].error or "")
        assert fake.calls == []


def project(**changes: Any) -> dict[str, Any]:
    rates = {
        name: {"max_requests_per_1_minute": 500, "max_tokens_per_1_minute": tokens}
        for name, tokens in (("gpt-5", 30_000), ("gpt-5-mini", 200_000), ("o4", 800))
    }
    return {"name": "Search", "rates": rates, "spend_limit": None} | changes


@pytest.mark.parametrize("before", [None, 90_000])
def test_an_openai_project_gets_a_hard_spend_limit_in_cents_and_loses_it_again(
    ledger: Ledger, before: int | None
) -> None:
    with serving(FakeOpenAi()) as fake:
        assert isinstance(fake, FakeOpenAi)
        fake.projects["proj_search"] = project(spend_limit=before)
        environ = {"URL": f"{fake.url}/v1", "KEY": TOKEN}
        routes = openai("stop", how="spend_limit", monthly_usd="120.55")
        give_order(ledger, routes, "stop")
        assert deliver(ledger, routes, environ).delivered == 1
        assert fake.projects["proj_search"]["spend_limit"] == 12_055
        give_release(ledger, routes, "stop")
        deliver(ledger, routes, environ)
        assert fake.projects["proj_search"]["spend_limit"] == before


def test_a_spend_limit_that_is_lower_already_stays(ledger: Ledger) -> None:
    with serving(FakeOpenAi()) as fake:
        assert isinstance(fake, FakeOpenAi)
        fake.projects["proj_search"] = project(spend_limit=500)
        routes = openai("stop", how="spend_limit", monthly_usd="120")
        give_order(ledger, routes, "stop")
        assert deliver(ledger, routes, {"URL": f"{fake.url}/v1", "KEY": TOKEN}).delivered == 1
        assert fake.projects["proj_search"]["spend_limit"] == 500
        assert fake.writes == []


def test_openai_models_are_slowed_down_each_limit_by_itself_through_all_pages(ledger: Ledger) -> None:
    with serving(FakeOpenAi()) as fake:
        assert isinstance(fake, FakeOpenAi)
        fake.projects["proj_search"] = project()
        environ = {"URL": f"{fake.url}/v1", "KEY": TOKEN}
        routes = openai("throttle", how="rate_limit", tokens_per_minute=1000, requests_per_minute=10)
        give_order(ledger, routes, "throttle")
        assert deliver(ledger, routes, environ).delivered == 1
        assert fake.projects["proj_search"]["rates"] == {
            "gpt-5": {"max_requests_per_1_minute": 10, "max_tokens_per_1_minute": 1000},
            "gpt-5-mini": {"max_requests_per_1_minute": 10, "max_tokens_per_1_minute": 1000},
            "o4": {"max_requests_per_1_minute": 10, "max_tokens_per_1_minute": 800},
        }
        give_release(ledger, routes, "throttle")
        deliver(ledger, routes, environ)
        assert fake.projects["proj_search"]["rates"] == project()["rates"]


def test_an_unknown_project_and_model_are_refused(ledger: Ledger) -> None:
    with serving(FakeOpenAi()) as fake:
        assert isinstance(fake, FakeOpenAi)
        environ = {"URL": f"{fake.url}/v1", "KEY": TOKEN}
        routes = openai("throttle", how="rate_limit", tokens_per_minute=1000, models=["gpt-6"])
        give_order(ledger, routes, "throttle")
        assert deliver(ledger, routes, environ).dead == 1
        fake.projects["proj_search"] = project()
        give_order(ledger, routes, "throttle", policy="another")
        assert deliver(ledger, routes, environ).dead == 1
        assert [dead.error for dead in dead_letters(ledger)] == [
            "the organisation has no project proj_search",
            "project Search has no rate limit of gpt-6",
        ]


def test_one_decision_opens_one_issue_at_github_and_its_release_closes_it(ledger: Ledger) -> None:
    with serving(FakeGithub()) as fake:
        assert isinstance(fake, FakeGithub)
        environ = {"URL": fake.url, "KEY": TOKEN}
        routes = tickets("github", "acme/finops")
        decision = give_order(ledger, routes, "ticket")
        # The first attempt reaches GitHub, and its answer is lost.
        lost = [1]
        honest = fake.handle

        def handle(call: Any) -> tuple[int, Any]:
            answer = honest(call)
            if call.method == "POST" and lost:
                lost.pop()
                return 502, None
            return answer

        fake.handle = handle  # type: ignore[method-assign]
        now = datetime.now(UTC)
        assert deliver(ledger, routes, environ, at=now).retrying == 1
        assert deliver(ledger, routes, environ, at=now + timedelta(minutes=1)).delivered == 1
        (issue,) = fake.issues
        assert issue["title"] == "monthly-budget: team:search"
        assert issue["labels"] == ["aifinops", decision]
        assert "Team search has used 104.2% of its October 2026 budget" in issue["body"]
        issue["state"] = "closed"
        assert verify_actuations(ledger, routes, environ, now=now).drifts == (), "anybody may close a ticket"
        issue["state"] = "open"
        give_release(ledger, routes, "ticket")
        assert deliver(ledger, routes, environ, at=now + timedelta(minutes=2)).delivered == 1
        assert fake.issues[0]["state"] == "closed"
        assert fake.comments == [(1, "The guardrail is released.")]


def test_jira_gets_an_issue_and_moves_it_to_done(ledger: Ledger) -> None:
    with serving(FakeJira()) as fake:
        assert isinstance(fake, FakeJira)
        fake.authorization = "Basic " + base64.b64encode(b"bot@example.com:secret").decode()
        environ = {"URL": fake.url, "KEY": "bot@example.com:secret"}
        routes = tickets("jira", "FIN")
        give_order(ledger, routes, "ticket")
        assert deliver(ledger, routes, environ).delivered == 1
        give_release(ledger, routes, "ticket")
        assert deliver(ledger, routes, environ).delivered == 1
        (issue,) = fake.issues
        assert issue["fields"]["status"]["name"] == "Done"
        assert len(fake.comments) == 1


def test_a_ticket_route_does_not_pause(ledger: Ledger) -> None:
    with serving(FakeGithub()) as fake:
        routes = tickets("github", "acme/finops")
        give_order(ledger, routes, "pause")
        assert deliver(ledger, routes, {"URL": fake.url, "KEY": TOKEN}).dead == 1
        assert dead_letters(ledger)[0].error == "route tickets opens tickets; it cannot pause anything"
