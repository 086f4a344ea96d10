"""Orders in an Azure subscription, by Microsoft's clients against a strict Resource Manager over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finops.config.actuator_routes import AzureRoute
from finops.config.routing import Route
from guardrails import Ledger, Status, dead_letters, messages
from guardrails.actuators.manage import verify_actuations
from guardrails.actuators.record import actuations
from tests.support.fake_arm import SUBSCRIPTION, TOKEN, FakeArm, serving
from tests.support.guardrail_factory import AUDIT_KEY
from tests.support.orders import SEARCH, deliver, give_order, give_release

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-5")

MINUTE = timedelta(minutes=1)


@pytest.fixture
def azure() -> Iterator[FakeArm]:
    with serving() as fake:
        yield fake


@pytest.fixture
def environ(azure: FakeArm) -> dict[str, str]:
    return {"SUBSCRIPTION": SUBSCRIPTION, "ENDPOINT": azure.url, "TOKEN": TOKEN}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened
        assert opened.verify().problems == ()


def doing(*steps: dict[str, Any]) -> tuple[Route, ...]:
    document = {
        "id": "azure", "kind": "azure", "subscription_env": "SUBSCRIPTION", "endpoint_env": "ENDPOINT",
        "token_env": "TOKEN",
        "targets": [{"scope": SEARCH, "pause": [{"resource_group": "rg-ai", **step} for step in steps]}],
    }  # fmt: skip
    return (AzureRoute.model_validate(document),)


def run_until_done(ledger: Ledger, routes: tuple[Route, ...], environ: dict[str, str], at: datetime) -> datetime:
    """Deliver every minute, as a schedule does, until the order is settled; the moment after."""
    for _ in range(10):
        summary = deliver(ledger, routes, environ, at=at)
        at += MINUTE
        if summary.delivered:
            return at
        assert summary.dead == 0, [dead.error for dead in dead_letters(ledger)]
    raise AssertionError([message.error for message in messages(ledger)])


@pytest.mark.parametrize("looks", [0, 3], ids=["at once", "a long operation"])
def test_machines_pools_deployments_and_keys_are_held_back_and_put_back(
    azure: FakeArm, environ: dict[str, str], ledger: Ledger, looks: int
) -> None:
    azure.looks = looks
    vm, scale_set = azure.vm("trainer"), azure.scale_set("crawlers")
    scaler = {"enableAutoScaling": True, "minCount": 1, "maxCount": 8}
    pool, plain = azure.pool("aks", "gpu", 5, **scaler), azure.pool("aks", "cpu", 4)
    model, key = azure.deployment("oai", "gpt-5", 200), azure.key("apim", "search")
    routes = doing(
        {"how": "deallocate_vm", "name": "trainer"},
        {"how": "deallocate_vmss", "name": "crawlers"},
        {"how": "scale_pool", "name": "aks", "pool": "gpu"},
        {"how": "scale_pool", "name": "aks", "pool": "cpu", "count": 1},
        {"how": "openai_capacity", "name": "oai", "deployment": "gpt-5", "capacity": 10},
        {"how": "apim_subscription", "name": "apim", "subscription": "search"},
    )
    give_order(ledger, routes)
    at = run_until_done(ledger, routes, environ, datetime.now(UTC))
    assert (azure.resources[vm]["power"], azure.resources[scale_set]["power"]) == ("deallocated", "deallocated")
    assert azure.resources[pool]["properties"]["count"] == 0
    assert azure.resources[pool]["properties"]["enableAutoScaling"] is False
    assert azure.resources[plain]["properties"]["count"] == 1
    assert azure.resources[model]["sku"] == {"name": "Standard", "capacity": 10}
    assert azure.resources[key]["properties"]["state"] == "suspended"
    assert len(azure.writes) == 6, "each once, however often it was looked at"
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED]
    assert messages(ledger)[0].attempts == 1, "waiting for Azure uses up no attempt"
    assert verify_actuations(ledger, routes, environ, now=at).holding == 6

    give_release(ledger, routes)
    run_until_done(ledger, routes, environ, at)
    assert (azure.resources[vm]["power"], azure.resources[scale_set]["power"]) == ("running", "running")
    assert scaler.items() <= azure.resources[pool]["properties"].items()
    assert (azure.resources[pool]["properties"]["count"], azure.resources[plain]["properties"]["count"]) == (5, 4)
    assert azure.resources[model]["sku"]["capacity"] == 200
    assert azure.resources[key]["properties"]["state"] == "active"
    assert {row.status for row in actuations(ledger)} == {"reverted"}


def test_a_change_meanwhile_is_refused_by_the_etag_and_read_again(
    azure: FakeArm, environ: dict[str, str], ledger: Ledger
) -> None:
    model = azure.deployment("oai", "gpt-5", 200)
    routes = doing({"how": "openai_capacity", "name": "oai", "deployment": "gpt-5", "capacity": 10})
    honest, once = azure.handle, [1]

    def raised_meanwhile(call: Any) -> Any:
        if call.method == "PATCH" and once:
            once.pop()
            azure.resources[model]["sku"] = {"name": "Standard", "capacity": 300}
            azure._touch(model)
        return honest(call)

    azure.handle = raised_meanwhile  # type: ignore[method-assign]
    give_order(ledger, routes)
    at = run_until_done(ledger, routes, environ, datetime.now(UTC))
    assert azure.resources[model]["sku"]["capacity"] == 10
    give_release(ledger, routes)
    run_until_done(ledger, routes, environ, at)
    assert azure.resources[model]["sku"]["capacity"] == 300


@pytest.mark.parametrize(("status", "seconds"), [(429, 120), (503, 120), (409, 15)])
def test_azure_that_is_busy_is_asked_again_later(
    azure: FakeArm, environ: dict[str, str], ledger: Ledger, status: int, seconds: int
) -> None:
    azure.vm("trainer")
    azure.answers = [(status, {"Retry-After": str(seconds)})]
    routes = doing({"how": "deallocate_vm", "name": "trainer"})
    give_order(ledger, routes)
    now = datetime.now(UTC).replace(microsecond=0)
    assert deliver(ledger, routes, environ, at=now).retrying == 1
    due = messages(ledger)[0].next_attempt_at
    assert due is not None
    assert timedelta(seconds=seconds) <= due - now < timedelta(seconds=seconds + 10)


def test_rights_names_and_tags_are_respected(azure: FakeArm, environ: dict[str, str], ledger: Ledger) -> None:
    azure.vm("payroll", **{"aifinops-never-touch": "true"})
    azure.vm("copilot", app="support-copilot")
    azure.scale_set("aks-gpu-vmss", **{"aks-managed-poolName": "gpu"})
    azure.pool("aks", "system", 3, mode="System")
    azure.vm("trainer")
    untouched = doing({"how": "deallocate_vm", "name": "payroll"}, {"how": "deallocate_vm", "name": "copilot"})
    give_order(ledger, untouched, policy="a", never_touch=["support-copilot"])
    assert deliver(ledger, untouched, environ).delivered == 1
    refused = [
        ({"how": "deallocate_vm", "name": "nowhere"}, "VM rg-ai/nowhere does not exist"),
        ({"how": "deallocate_vmss", "name": "aks-gpu-vmss"}, "is run by AKS"),
        ({"how": "scale_pool", "name": "aks", "pool": "system"}, "System pools must have at least 1 node"),
    ]
    for i, (step, said) in enumerate(refused):
        give_order(ledger, doing(step), policy=f"b{i}")
        assert deliver(ledger, doing(step), environ).dead == 1
        assert said in (dead_letters(ledger)[-1].error or "")
    azure.forbidden = lambda call: call.method == "POST"
    routes = doing({"how": "deallocate_vm", "name": "trainer"})
    give_order(ledger, routes, policy="c")
    assert deliver(ledger, routes, environ).dead == 1
    assert "AuthorizationFailed" in (dead_letters(ledger)[-1].error or "")
    assert "deploy/actuators/azure-role.json" in (dead_letters(ledger)[-1].remedy or "")
