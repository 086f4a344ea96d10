"""The steps that prepare a subscription, and what counts as more than reading: pure functions."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.mgmt.costmanagement.models import Export

from ingestion.azure.access import READ_BLOBS, READ_METRICS, excess, grants
from ingestion.azure.connect import AzureAccount, snippet
from ingestion.azure.plan import (
    ConnectRequest,
    RunExport,
    assignment_guid,
    backfill_months,
    export_document,
    plan,
    undo,
    variables,
)
from simulator.server.roles import ROLES

AS_OF = datetime(2026, 3, 3, 6, tzinfo=UTC)
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
IDENTITY = "bbbbbbbb-0000-4000-8000-000000000001"


def request(**changes: Any) -> ConnectRequest:
    settings: dict[str, Any] = {
        "subscription": SUBSCRIPTION,
        "storage_subscription": SUBSCRIPTION,
        "resource_group": "rg-finops",
        "storage_account": "stfinops",
        "container": "costs",
        "as_of": AS_OF,
        "location": "swedencentral",
        "principal_id": IDENTITY,
        "months": 3,
    }
    return ConnectRequest(**settings | changes)


@pytest.mark.ids("ING-1", "GOV-4")
def test_the_plan_is_this_list() -> None:
    assert [(step.key, step.after) for step in plan(request())] == [
        ("provider", ()),
        ("group", ()),
        ("account", ("group",)),
        ("container", ("account",)),
        ("role-cost", ()),
        ("role-blobs", ("container",)),
        ("role-metrics", ()),
        ("export", ("provider", "container")),
        ("run-now", ("export",)),
        ("run-2025-12", ("export",)),
        ("run-2026-01", ("export",)),
        ("run-2026-02", ("export",)),
    ]


@pytest.mark.ids("ING-1", "GOV-4")
def test_the_commands_are_exactly_these() -> None:
    commands = {step.key: step.command for step in plan(request())}
    assert commands["container"] == 'az storage container-rm create --name costs --storage-account "$ACCOUNT"'
    assert commands["role-blobs"].splitlines() == [
        'az role assignment create --role "Storage Blob Data Reader" --scope "$CONTAINER" \\',
        '  --assignee-object-id "$IDENTITY" --assignee-principal-type ServicePrincipal \\',
        f"  --name {plan(request())[5].assignment}",  # type: ignore[attr-defined]
    ]
    assert commands["run-2026-02"].splitlines() == [
        'az rest --method post --url "$EXPORT/run?api-version=2025-03-01" \\',
        '  --body \'{"timePeriod": {"from": "2026-02-01T00:00:00Z", "to": "2026-02-28T00:00:00Z"}}\'',
    ]
    account = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-finops/providers/Microsoft.Storage/storageAccounts/stfinops"
    )
    assert request().account_id == account
    assert variables(request())["ACCOUNT"] == account.replace(f"/subscriptions/{SUBSCRIPTION}", "$STORAGE")
    assert all(len(line) <= 110 for command in commands.values() for line in command.splitlines())


@pytest.mark.ids("ING-1")
def test_the_export_is_focus_daily_parquet_and_the_command_carries_the_same_body() -> None:
    document = export_document(request())
    properties = document["properties"]
    assert properties["definition"] == {
        "type": "FocusCost",
        "timeframe": "MonthToDate",
        "dataSet": {"granularity": "Daily", "configuration": {"dataVersion": "1.2"}},
    }
    assert (properties["format"], properties["compressionMode"], properties["partitionData"]) == (
        "Parquet",
        "snappy",
        True,
    )
    assert properties["dataOverwriteBehavior"] == "OverwritePreviousReport"
    assert export_document(request(keep_runs=True))["properties"]["dataOverwriteBehavior"] == "CreateNewReport"
    assert properties["schedule"]["recurrencePeriod"]["from"] == "2026-03-04T00:00:00Z", "it must be in the future"
    # Microsoft's model knows every setting, and sends what the command shows.
    model = Export(document)
    assert model.properties.definition.data_set.configuration.data_version == "1.2"
    assert model.properties.delivery_info.destination.root_folder_path == "focus"
    command = next(step.command for step in plan(request()) if step.key == "export")
    body = re.search(r"--body '(.*)'$", command, re.DOTALL)
    assert body is not None
    assert json.loads(body[1].replace("'\"$ACCOUNT\"'", request().account_id)) == document


@pytest.mark.ids("ING-1")
def test_the_back_fill_is_whole_months_before_the_current_one() -> None:
    assert [str(period) for period in backfill_months(request(months=13))][::12] == ["2025-02", "2026-02"]
    assert backfill_months(request(months=0)) == []
    leap = ConnectRequest(**{**request().__dict__, "as_of": datetime(2028, 2, 29, tzinfo=UTC)})
    assert export_document(leap)["properties"]["schedule"]["recurrencePeriod"]["to"] == "2038-03-01T00:00:00Z"
    assert all(step.period.days >= 28 for step in plan(request()) if isinstance(step, RunExport) and step.period)


@pytest.mark.ids("SEC-2")
def test_role_assignments_have_the_same_name_each_time_and_every_role_only_reads() -> None:
    roles = [step for step in plan(request()) if step.key.startswith("role-")]
    again = [step for step in plan(request()) if step.key.startswith("role-")]
    assert roles == again
    assert len({step.assignment for step in roles}) == 3  # type: ignore[attr-defined]
    first = roles[0]
    assert first.assignment == assignment_guid(first.scope.upper(), first.role, IDENTITY.upper())  # type: ignore[attr-defined]
    for step in roles:
        role = ROLES[step.role.guid]  # type: ignore[attr-defined]
        assert role.name == step.role.name  # type: ignore[attr-defined]
        assert excess([role.permission()]) == []


@pytest.mark.ids("GOV-4")
def test_undoing_takes_the_export_first_and_what_holds_bills_last() -> None:
    assert [step.key for step in undo(request())] == [
        "export",
        "role-cost",
        "role-blobs",
        "role-metrics",
        "container",
        "account",
    ]


def test_the_snippet_has_one_metrics_source_per_region() -> None:
    text = snippet(request(), [AzureAccount("/a", "westeurope"), AzureAccount("/b", "swedencentral")])
    assert "url: az://costs@stfinops.dfs.core.windows.net/focus" in text
    assert re.findall(r"region: (\w+)", text) == ["swedencentral", "westeurope"]


ROLE = {role.name: role.permission() for role in ROLES.values()}


@pytest.mark.ids("SEC-2", "ING-1")
@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["Cost Management Reader", "Monitoring Reader", "Storage Blob Data Reader", "Reader"], []),
        (["Contributor"], ["*"]),
        (["Owner", "Reader"], ["*"]),
        (
            ["Storage Blob Data Contributor"],
            [
                "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
                "Microsoft.Storage/storageAccounts/blobServices/containers/write",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
                "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
            ],
        ),
        ([], []),
    ],
)
def test_what_is_more_than_reading(roles: list[str], expected: list[str]) -> None:
    assert excess([ROLE[name] for name in roles]) == expected


@pytest.mark.ids("SEC-2")
def test_exceptions_count_within_their_own_role_only() -> None:
    permissions = [{"actions": ["*"], "notActions": ["*"]}, {"dataActions": [READ_BLOBS.upper()]}]
    assert excess(permissions) == []
    assert grants(permissions, READ_BLOBS, is_data=True)
    assert not grants(permissions, READ_METRICS, is_data=False)
    assert not grants([ROLE["Contributor"]], READ_BLOBS, is_data=True), "owning an account reads no blob"
    assert grants([{"actions": ["*/read"]}], READ_METRICS, is_data=False)
    keys = {"actions": ["Microsoft.Storage/storageAccounts/listKeys/action"]}
    assert excess([keys]) == keys["actions"], "who has the keys may write"
