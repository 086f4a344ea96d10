"""Preparing a subscription with Microsoft's clients against the simulated Azure, and what doctor then says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from finops.paths import Home
from ingestion.azure.arm import Arm, ArmError
from ingestion.azure.connect import Connector
from ingestion.azure.plan import ConnectRequest, plan
from simulator import generate
from simulator import organisation as org
from simulator.server import SimulatorServer
from tests.support.azure import (
    ACCOUNT,
    ADMINISTRATOR,
    CONTAINER,
    IDENTITY,
    STRANGER,
    SimulatedAzure,
    land_all,
    write_config,
)
from tests.support.landed import AS_OF, query

pytestmark = pytest.mark.xdist_group("azure-connect")

runner = CliRunner()
BILL = "focus__cost_and_usage"
SCOPE = f"/subscriptions/{org.PRODUCTION}"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("azure") / "simulated", scale=0.02, days=70, as_of=AS_OF).directory


@pytest.fixture
def fresh_azure(organisation: Path) -> Iterator[SimulatedAzure]:
    """Azure before anything was prepared: its state is in the server's memory."""
    with SimulatorServer(organisation) as server:
        yield SimulatedAzure(organisation, server.url)


@pytest.fixture(scope="module")
def azure(organisation: Path) -> Iterator[SimulatedAzure]:
    """Azure with the production subscription connected."""
    with SimulatorServer(organisation) as server:
        found = SimulatedAzure(organisation, server.url)
        done = connect(found, "--months", "2", "--principal-id", IDENTITY, "--apply")
        assert done.exit_code == 0, done.output
        yield found


@pytest.fixture(scope="module")
def connected(azure: SimulatedAzure, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Home]:
    """Configuration and home after landing what the connected subscription delivered."""
    folder = tmp_path_factory.mktemp("connected")
    config, home = write_config(folder / "config", azure), Home(folder / "home")
    land_all(config, home, azure.environ())
    return config, home


def connect(azure: SimulatedAzure, *more: str, token: str = ADMINISTRATOR) -> Result:
    return runner.invoke(app, azure.options(*more), env={**azure.environ(token), "COLUMNS": "200"})


def doctor(azure: SimulatedAzure, config: Path, home: Home, token: str, *more: str) -> dict[str, Any]:
    options = ["doctor", "--home", str(home.path), "--config", str(config), "--json"]
    moment = [] if "--as-of" in more else ["--as-of", AS_OF.isoformat()]
    done = runner.invoke(app, [*options, *moment, *more], env=dict(azure.environ(token)))
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (document["status"] == "failed"), done.output
    return document


def finding(document: dict[str, Any], source: str, check: str) -> dict[str, Any]:
    [found] = [line for line in document["sources"] if (line["subject"], line["check"]) == (source, check)]
    return dict(found)


@pytest.mark.ids("ING-1", "GOV-4")
def test_showing_changes_nothing_and_applying_twice_changes_nothing_more(fresh_azure: SimulatedAzure) -> None:
    azure = fresh_azure
    shown = connect(azure, "--months", "2", "--principal-id", IDENTITY)
    assert shown.exit_code == 0, shown.output
    assert "11 steps: 11 to do" in shown.output
    assert 'az role assignment create --role "Storage Blob Data Reader"' in shown.output
    assert azure.ask("GET", f"{SCOPE}/resourceGroups/rg-aifinops?api-version=2022-12-01").status_code == 404

    first = connect(azure, "--months", "2", "--principal-id", IDENTITY, "--apply")
    assert first.exit_code == 0, first.output
    assert "11 done" in first.output
    assert "type: azure_exports" in first.output
    assert "aifinops doctor" in first.output
    files = sorted(path for path in azure.delivered.rglob("*") if path.is_file())
    assert [path.name for path in files].count("manifest.json") == 3, "this month and two before"

    second = connect(azure, "--months", "2", "--principal-id", IDENTITY, "--apply")
    assert second.exit_code == 0, second.output
    assert "nothing was changed" in second.output
    assert sorted(path for path in azure.delivered.rglob("*") if path.is_file()) == files


@pytest.mark.ids("ING-1", "SEC-2")
def test_a_role_that_somebody_gave_under_another_name_is_found_also_when_listing_lags(
    fresh_azure: SimulatedAzure,
) -> None:
    azure = fresh_azure
    definition = f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/72fafb9e-0641-4937-9268-a91bfd8191a3"
    body = {
        "properties": {"roleDefinitionId": definition, "principalId": IDENTITY, "principalType": "ServicePrincipal"}
    }
    name = "cccccccc-0000-4000-8000-000000000001"
    path = f"{SCOPE}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01"
    assert azure.ask("PUT", path, body).status_code == 201
    done = connect(azure, "--months", "0", "--principal-id", IDENTITY, "--apply")
    assert done.exit_code == 0, done.output
    assert "✓ there    Role Cost Management Reader" in done.output

    connector = Connector(Arm(endpoint=azure.url, token=ADMINISTRATOR), request_of(azure))
    [step] = [step for step in plan(request_of(azure)) if step.key == "role-cost"]
    assert connector._do(step) == "somebody gave it already", "409 RoleAssignmentExists is no failure"


def request_of(azure: SimulatedAzure, **changes: Any) -> ConnectRequest:
    settings: dict[str, Any] = {
        "subscription": org.PRODUCTION,
        "storage_subscription": org.PRODUCTION,
        "resource_group": "rg-aifinops",
        "storage_account": ACCOUNT,
        "container": CONTAINER,
        "as_of": AS_OF,
        "location": org.REGION,
        "principal_id": IDENTITY,
        "months": 13,
    }
    return ConnectRequest(**settings | changes)


@pytest.mark.ids("ING-1")
def test_a_throttled_back_fill_waits_as_long_as_azure_says_and_a_killed_one_goes_on(
    fresh_azure: SimulatedAzure,
) -> None:
    request = request_of(fresh_azure)
    waited: list[float] = []
    arm = Arm(endpoint=fresh_azure.url, token=ADMINISTRATOR)
    started = Connector(arm, request, wait=waited.append).apply(plan(request))
    for result in started:
        if result.step.key == "run-2025-12":
            break  # as if killed here
    assert waited == []
    results = list(Connector(arm, request, wait=waited.append).apply(plan(request)))
    states = {result.step.key: result.state for result in results}
    assert states["run-2025-12"] == "there"
    assert states["run-2026-01"] == "done"
    assert waited == [1.0], "one throttled start, with Cost Management's own header"
    assert next(r.detail for r in results if r.step.key == "run-2025-12") == "Azure has no data for it"


@pytest.mark.ids("ING-1", "SEC-2")
def test_refusals_say_who_must_do_it_and_what_follows_waits(fresh_azure: SimulatedAzure) -> None:
    done = connect(fresh_azure, "--months", "1", "--principal-id", IDENTITY, "--apply", token="simulated")
    assert done.exit_code == 1
    assert "✗ failed" in done.output
    assert "AuthorizationFailed" in done.output
    assert "Owner, User Access Administrator" in done.output
    assert "… waits    Export aifinops-focus" in done.output
    nobody = connect(fresh_azure, "--months", "1", token="guess")
    assert nobody.exit_code == 0, "showing works also where Azure does not let one in"
    assert "Sign in with az login" in nobody.output
    assert "? unknown" in nobody.output


@pytest.mark.ids("ING-1")
def test_an_export_with_other_settings_is_changed_with_its_tag(fresh_azure: SimulatedAzure) -> None:
    assert connect(fresh_azure, "--months", "0", "--keep-runs", "--apply", "--principal-id", IDENTITY).exit_code == 0
    assert "nothing was changed" in connect(fresh_azure, "--months", "0", "--apply", "--principal-id", IDENTITY).output
    done = connect(fresh_azure, "--months", "0", "--replace-runs", "--apply", "--principal-id", IDENTITY)
    assert done.exit_code == 0, done.output
    assert "settings changed" in done.output
    path = f"{SCOPE}/providers/Microsoft.CostManagement/exports/aifinops-focus?api-version=2025-03-01"
    export = fresh_azure.ask("GET", path).json()
    assert export["properties"]["dataOverwriteBehavior"] == "OverwritePreviousReport"
    assert export["eTag"] == '"0000000000000002"'
    assert fresh_azure.ask("PUT", path, {"properties": export["properties"]}).status_code == 409


def test_wrong_options_say_what_to_give_instead(fresh_azure: SimulatedAzure) -> None:
    base = ["connect", "azure", "--endpoint", fresh_azure.url]
    wrong = runner.invoke(app, [*base, "--subscription", "production"])
    assert wrong.exit_code == 2
    assert "az account list" in wrong.output
    plain = runner.invoke(
        app,
        ["connect", "azure", "--subscription", org.PRODUCTION, "--endpoint", "http://192.0.2.1"],
        env={"AIFINOPS_AZURE_TOKEN": "x"},
    )
    assert plain.exit_code == 2
    assert "not encrypted" in plain.output.replace("\n", " ").replace("│ ", "").replace("  ", " ")
    removal = connect(fresh_azure, "--remove")
    assert removal.exit_code == 0
    assert removal.output.index("delete --url") < removal.output.index("az storage account delete")


@pytest.mark.ids("ING-1", "ING-2", "ING-10", "OPS-1")
def test_a_connected_subscription_lands_and_doctor_finds_it_well(
    azure: SimulatedAzure, connected: tuple[Path, Home]
) -> None:
    config, home = connected
    months = query(
        home,
        BILL,
        "select substr(ChargePeriodStart, 1, 7), count(*), count(distinct SubAccountId) from rows group by 1",
    )
    assert {month for month, _, _ in months} == {"2026-08", "2026-09", "2026-10"}
    assert all(rows > 50 and accounts == 1 for _, rows, accounts in months), "this subscription's rows alone"
    document = doctor(azure, config, home, f"simulated:{IDENTITY}")
    assert {line["status"] for line in document["sources"]} == {"ok"}, document["sources"]
    assert [line["check"] for line in document["sources"]] == 2 * ["reachable", "permitted", "fresh", "complete"]
    assert "Storage Blob Data Reader" in finding(document, "azure-exports", "permitted")["message"]
    assert {line["subject"]: line["status"] for line in document["machine"]}["clock"] == "ok"


@pytest.mark.ids("ING-1", "ING-2", "SEC-2")
def test_an_identity_without_roles_is_told_which_one_to_get(
    azure: SimulatedAzure, connected: tuple[Path, Home]
) -> None:
    document = doctor(azure, *connected, f"simulated:{STRANGER}")
    exports = finding(document, "azure-exports", "permitted")
    assert exports["status"] == "failed"
    assert 'az role assignment create --role "Storage Blob Data Reader"' in exports["remedy"]
    assert finding(document, "azure-openai", "reachable")["status"] == "ok", "it answers, if only with 403"
    metrics = finding(document, "azure-openai", "permitted")
    assert metrics["status"] == "failed"
    assert "Monitoring Reader" in metrics["remedy"]


@pytest.mark.ids("ING-1", "SEC-2")
def test_a_role_that_may_write_is_a_warning_with_the_role_to_use_instead(
    azure: SimulatedAzure, connected: tuple[Path, Home]
) -> None:
    contributor = "bbbbbbbb-0000-4000-8000-0000000000cc"
    for number, guid in enumerate((CONTRIBUTOR, BLOB_READER)):
        body = {
            "properties": {
                "roleDefinitionId": f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{guid}",
                "principalId": contributor,
                "principalType": "ServicePrincipal",
            }
        }
        name = f"dddddddd-0000-4000-8000-00000000000{number}"
        path = f"{SCOPE}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01"
        assert azure.ask("PUT", path, body).status_code == 201
    document = doctor(azure, *connected, f"simulated:{contributor}")
    assert document["status"] == "warning"
    for source, role in (("azure-exports", "Storage Blob Data Reader"), ("azure-openai", "Monitoring Reader")):
        line = finding(document, source, "permitted")
        assert line["status"] == "warning"
        assert "more than read-only" in line["message"]
        assert f"{role} is enough" in line["remedy"]


@pytest.mark.ids("ING-10", "OPS-1")
def test_a_stale_export_and_a_missing_month_are_found(
    azure: SimulatedAzure, connected: tuple[Path, Home], tmp_path: Path
) -> None:
    config, home = connected
    reader = f"simulated:{IDENTITY}"
    late = doctor(azure, config, home, reader, "--as-of", (AS_OF + timedelta(days=2)).isoformat())
    assert finding(late, "azure-exports", "fresh")["status"] == "warning"
    stale = doctor(azure, config, home, reader, "--as-of", (AS_OF + timedelta(days=5)).isoformat())
    line = finding(stale, "azure-exports", "fresh")
    assert line["status"] == "failed"
    assert "5 days old; expected within 36 h" in line["message"]
    assert "docs/runbooks/stale-source.md" in line["remedy"]

    copy = tmp_path / "exports"
    for manifest in azure.delivered.rglob("manifest.json"):
        if "20260901-" not in str(manifest):
            target = copy / manifest.parent.relative_to(azure.delivered)
            target.mkdir(parents=True)
            for file in manifest.parent.iterdir():
                (target / file.name).write_bytes(file.read_bytes())
    broken, other = write_config(tmp_path / "config", azure, copy), Home(tmp_path / "home")
    land_all(broken, other, azure.environ())
    line = finding(doctor(azure, broken, other, reader, "--source", "azure-exports"), "azure-exports", "complete")
    assert line["status"] == "failed"
    assert line["message"] == "2026-09 missing from aifinops-focus"
    prescribed = line["remedy"].splitlines()[1].split()
    assert prescribed[:3] == ["aifinops", "connect", "azure"]

    def september() -> list[str]:
        return [path.parent.name for path in azure.delivered.rglob("20260901-*/*/manifest.json")]

    before = september()
    done = runner.invoke(
        app,
        [*prescribed[1:], "--endpoint", azure.url, "--as-of", AS_OF.isoformat()],
        env={**azure.environ(ADMINISTRATOR)},
    )
    assert done.exit_code == 0, done.output
    assert len(before) == len(september()) == 1, "the same container, though nothing named it"
    assert before != september()


@pytest.mark.ids("ING-1")
def test_the_simulated_azure_is_strict(fresh_azure: SimulatedAzure) -> None:
    azure = fresh_azure

    def code(response: Any) -> tuple[int, str]:
        return response.status_code, response.json()["error"]["code"]

    version = "api-version=2022-12-01"
    assert code(azure.ask("GET", f"{SCOPE}?{version}", token="")) == (401, "AuthenticationFailed")
    assert code(azure.ask("GET", f"{SCOPE}?{version}", token="guess")) == (401, "InvalidAuthenticationToken")
    assert code(azure.ask("GET", SCOPE)) == (400, "MissingApiVersionParameter")
    assert code(azure.ask("GET", f"{SCOPE}?api-version=2001-01-01")) == (400, "InvalidApiVersionParameter")
    assert code(azure.ask("GET", f"/subscriptions/{STRANGER}?{version}")) == (404, "SubscriptionNotFound")
    account = f"{SCOPE}/resourceGroups/gone/providers/Microsoft.Storage/storageAccounts/x1y?api-version=2024-01-01"
    assert code(azure.ask("PUT", account, {"sku": {"name": "Standard_LRS"}})) == (404, "ResourceGroupNotFound")
    group = f"{SCOPE}/resourceGroups/new?{version}"
    assert code(azure.ask("PUT", group, {})) == (400, "InvalidRequestContent")
    export = f"{SCOPE}/providers/Microsoft.CostManagement/exports/e?api-version=2025-03-01"
    assert code(azure.ask("PUT", export, {"properties": {"definition": {"type": "Cost"}}})) == (400, "BadRequest")
    assert code(azure.ask("GET", export)) == (404, "NotFound")
    with pytest.raises(ArmError, match="AuthorizationFailed") as refused:
        Arm(endpoint=azure.url, token=f"simulated:{STRANGER}").request("GET", SCOPE, "2022-12-01")
    assert (refused.value.status, refused.value.code) == (403, "AuthorizationFailed")
