"""Whatever is sent to the API, nobody gets an error of the server, and answers are as its description says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from finops.periods import utc_now
from portal.limits import Buckets
from portal.people import Person
from portal.sessions import SESSION, Session
from reports.dashboards.access import Role
from tests.support.portal import TestPortal, serving_portal

pytestmark = [pytest.mark.ids("SEC-2"), pytest.mark.xdist_group("portal")]

BOTH = Person("t/9", "oncall@example.com", frozenset({Role.ADMIN, Role.ENG}), frozenset({"search"}))
SHORT = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
LONG = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
REQUESTS = 10_000
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
    session = Session.of(BOTH, utc_now())
    cookie = f"{SESSION}={portal.office.sessions.write(session)}"
    response = case.call(headers={"X-CSRF-Token": session.token, "Cookie": cookie})
    assert response.status_code < 500, response.text
    case.validate_response(response, checks=CHECKS)


@api.parametrize()
@SHORT
def test_made_up_requests_are_answered_as_described(portal: TestPortal, case: Any) -> None:
    ask(portal, case)


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_ten_thousand_made_up_requests_are_answered_as_described(portal: TestPortal, description: Any) -> None:
    """Requests that the description allows and requests that it does not, until there are ten thousand; routes that
    nothing can be asked of are asked once a round."""
    operations = [found.ok() for found in description.get_all_operations()]
    kinds = [
        (operation, mode)
        for operation in operations
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        # In a path any text is allowed.
        if mode == GenerationMode.POSITIVE or operation.query or operation.body
    ]
    asked: Counter[str] = Counter()

    def send(operation: Any, mode: GenerationMode, examples: int) -> None:
        @settings(LONG, max_examples=examples)
        @given(case=operation.as_strategy(generation_mode=mode))
        def sent(case: Any) -> None:
            asked[f"{operation.label} {mode.value}"] += 1
            ask(portal, case)

        sent()

    while (missing := REQUESTS - asked.total()) > 0:
        for operation, mode in kinds:
            send(operation, mode, -(-missing // len(kinds)))
    assert asked.total() >= REQUESTS
    assert {name.rpartition(" ")[0] for name in asked} == {operation.label for operation in operations}
    assert len(asked) == len(kinds)


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
