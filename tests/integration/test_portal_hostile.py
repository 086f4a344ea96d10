"""Whatever is sent to the API, nobody gets an error of the server, and answers are as its description says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.limits import Buckets
from portal.people import Person
from reports.dashboards.access import Role
from tests.support.portal import TestPortal, serving_portal

pytestmark = [pytest.mark.ids("SEC-2"), pytest.mark.xdist_group("portal")]

BOTH = Person("t/9", "oncall@example.com", frozenset({Role.ADMIN, Role.ENG}), frozenset({"search"}))
SHORT = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
LONG = settings(max_examples=720, deadline=None, suppress_health_check=list(HealthCheck))
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, published_folder: Path) -> Iterator[TestPortal]:
    with serving_portal(tmp_path_factory.mktemp("portal"), published_folder) as found:
        found.office.requests = Buckets(1e6, 1_000_000, lambda: 0.0)
        found.office.failures = Buckets(1e6, 1_000_000, lambda: 0.0)
        yield found


@pytest.fixture(scope="module")
def description(portal: TestPortal) -> Any:
    schema = schemathesis.openapi.from_dict(portal.app.openapi())
    schema.config.update(base_url=portal.url)
    # Made-up requests only: the other kinds are hundreds for each route.
    schema.config.phases.coverage.enabled = False
    schema.config.phases.examples.enabled = False
    return schema


api = schemathesis.pytest.from_fixture("description")


def ask(portal: TestPortal, case: Any) -> None:
    client = portal.client(BOTH)
    headers = {
        "X-CSRF-Token": client.headers["X-CSRF-Token"],
        "Cookie": "; ".join(f"{n}={v}" for n, v in client.cookies.items()),
    }
    response = case.call(headers=headers)
    assert response.status_code < 500, response.text
    case.validate_response(response, checks=CHECKS)


@api.parametrize()
@SHORT
def test_made_up_requests_are_answered_as_described(portal: TestPortal, case: Any) -> None:
    ask(portal, case)


@pytest.mark.long
@pytest.mark.timeout(2400)
@api.parametrize()
@LONG
def test_ten_thousand_made_up_requests_are_answered_as_described(portal: TestPortal, case: Any) -> None:
    ask(portal, case)


@pytest.mark.parametrize(
    "path",
    [
        "/statements/2026-09/..%2F..%2Fledger.sqlite",
        "/statements/..%2F..%2F/lines.csv",
        "/assets/..%2F..%2Fsession.key",
        "/what-if/..%2Fledger",
        "/p/team/..%2F..%2Fetc",
        "/p/%00",
        "/api/v1/marts/fct_ai_cost_daily%00",
        "/api/v1/marts/..%2Fx",
        "/api/v1/marts/" + "x" * 1500,
    ],
)
def test_paths_lead_nowhere_else(portal: TestPortal, path: str) -> None:
    found = portal.client(BOTH).get(path)
    assert found.status_code in (400, 404, 422), (found.status_code, found.text[:200])
    assert "/home" not in found.text
