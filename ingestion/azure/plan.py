"""The steps that prepare one Azure subscription, as a list.

Here: what, why, the equivalent ``az`` command, what each step depends on; pure.
Not here: looking at Azure and doing the steps (``connect``).

Commands are for a POSIX shell in which ``variables`` are set, so that they stay short enough to read. Role GUIDs are
those of Azure's built-in roles. An assignment's own GUID is made from what it says, so that preparing the same
subscription again names the same assignments.
"""

from __future__ import annotations

import json
import shlex
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from finops.periods import BillingPeriod
from ingestion.azure.arm import ENDPOINT

EXPORTS_PROVIDER = "Microsoft.CostManagementExports"
DATA_VERSION = "1.2"
_EXPORTS_VERSION = "2025-03-01"
_NAMESPACE = uuid.UUID("6f1d6f3c-2f0e-5b0a-9d1e-0a1f1e0c57a5")
_SCHEDULE_YEARS = 10
_LINE = 72
_URL = f'"$EXPORT?api-version={_EXPORTS_VERSION}"'
_RUN_URL = f'"$EXPORT/run?api-version={_EXPORTS_VERSION}"'
NOBODY = "<object id of the identity>"


@dataclass(frozen=True)
class Role:
    guid: str
    name: str


COST_READER = Role("72fafb9e-0641-4937-9268-a91bfd8191a3", "Cost Management Reader")
BLOB_READER = Role("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader")
METRICS_READER = Role("43d0d8ad-25c7-4714-9337-8ba259a9fe05", "Monitoring Reader")


@dataclass(frozen=True)
class ConnectRequest:
    """What is to be prepared. ``subscription`` is the one whose cost is exported; the storage account may be in
    another (``storage_subscription``). ``months`` counts whole months before the current one; with ``again``, these
    months alone are exported, whether they were before or not, and nothing else is prepared."""

    subscription: str
    storage_subscription: str
    resource_group: str
    storage_account: str
    container: str
    as_of: datetime
    location: str | None = None
    principal_id: str | None = None
    principal_type: str = "ServicePrincipal"
    folder: str = "focus"
    export_name: str = "aifinops-focus"
    months: int = 13
    keep_runs: bool = False
    again: tuple[BillingPeriod, ...] = ()

    @property
    def scope(self) -> str:
        return f"/subscriptions/{self.subscription}"

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.storage_subscription}/resourceGroups/{self.resource_group}"

    @property
    def account_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Storage/storageAccounts/{self.storage_account}"

    @property
    def container_id(self) -> str:
        return f"{self.account_id}/blobServices/default/containers/{self.container}"

    @property
    def url(self) -> str:
        """Address of the exports as config/sources.yml names it."""
        return f"az://{self.container}@{self.storage_account}.dfs.core.windows.net/{self.folder}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """``after`` names the steps that must be there first; ``undo`` is the command that takes it back."""

    key: str
    what: str
    why: str
    command: str
    undo: str = ""
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RegisterProvider(Step):
    subscription: str
    namespace: str


@dataclass(frozen=True, kw_only=True)
class MakeGroup(Step):
    group_id: str
    location: str | None


@dataclass(frozen=True, kw_only=True)
class MakeAccount(Step):
    account_id: str
    location: str | None


@dataclass(frozen=True, kw_only=True)
class MakeContainer(Step):
    container_id: str


@dataclass(frozen=True, kw_only=True)
class AssignRole(Step):
    role: Role
    scope: str
    principal_id: str | None
    principal_type: str
    assignment: str


@dataclass(frozen=True, kw_only=True)
class MakeExport(Step):
    scope: str
    name: str
    document: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunExport(Step):
    """``period`` None runs the current month to date; ``again`` runs it whatever ran before."""

    scope: str
    name: str
    period: BillingPeriod | None
    again: bool


def plan(request: ConnectRequest) -> list[Step]:
    """Every step, in order."""
    if request.again:
        return [_export(request), *(_run(request, period) for period in sorted(request.again))]
    return [
        RegisterProvider(
            key="provider",
            what=f"Register {EXPORTS_PROVIDER}",
            why="lets Cost Management write into the storage account",
            command=f"az provider register --namespace {EXPORTS_PROVIDER} \\\n"
            f"  --subscription {request.storage_subscription}",
            subscription=request.storage_subscription,
            namespace=EXPORTS_PROVIDER,
        ),
        MakeGroup(
            key="group",
            what=f"Resource group {request.resource_group}",
            why="holds the storage account",
            command=f"az group create --name {request.resource_group} --location {_location(request)} \\\n"
            f"  --subscription {request.storage_subscription}",
            group_id=request.group_id,
            location=request.location,
        ),
        MakeAccount(
            key="account",
            what=f"Storage account {request.storage_account}",
            why="receives the exports; no public access, TLS 1.2",
            command=f"az storage account create --name {request.storage_account} \\\n"
            f"  --resource-group {request.resource_group} --location {_location(request)} \\\n"
            f"  --subscription {request.storage_subscription} --sku Standard_LRS --kind StorageV2 \\\n"
            "  --https-only true --min-tls-version TLS1_2 --allow-blob-public-access false",
            after=("group",),
            undo='az storage account delete --ids "$ACCOUNT"',
            account_id=request.account_id,
            location=request.location,
        ),
        MakeContainer(
            key="container",
            what=f"Container {request.container}",
            why="the one place that aifinops may read",
            command=f'az storage container-rm create --name {request.container} --storage-account "$ACCOUNT"',
            after=("account",),
            undo=f'az storage container-rm delete --name {request.container} --storage-account "$ACCOUNT"',
            container_id=request.container_id,
        ),
        *_roles(request),
        _export(request),
        _run(request, None),
        *(_run(request, period) for period in backfill_months(request)),
    ]


def variables(request: ConnectRequest) -> dict[str, str]:
    """Shell variables that the commands use."""
    identity = request.principal_id or NOBODY
    return {
        "SCOPE": request.scope,
        "STORAGE": f"/subscriptions/{request.storage_subscription}",
        "ACCOUNT": request.account_id.replace(f"/subscriptions/{request.storage_subscription}", "$STORAGE", 1),
        "CONTAINER": f"$ACCOUNT/blobServices/default/containers/{request.container}",
        "EXPORT": f"{ENDPOINT}$SCOPE/providers/Microsoft.CostManagement/exports/{request.export_name}",
        "IDENTITY": identity if request.principal_id else shlex.quote(identity),
    }


def backfill_months(request: ConnectRequest) -> list[BillingPeriod]:
    """Whole months before the current one, oldest first."""
    period = BillingPeriod.containing(request.as_of.date())
    found = []
    for _ in range(request.months):
        period = period.previous()
        found.append(period)
    return sorted(found)


def undo(request: ConnectRequest) -> list[Step]:
    """The steps that can be taken back, in the order to take them back in."""
    order = {MakeExport: 0, AssignRole: 1, MakeContainer: 2, MakeAccount: 3}
    return sorted((step for step in plan(request) if step.undo), key=lambda step: order[type(step)])


def export_document(request: ConnectRequest) -> dict[str, Any]:
    """The export's body, as the REST API and Microsoft's client (azure-mgmt-costmanagement 5.0.0) take it."""
    first = datetime.combine(request.as_of.date() + timedelta(days=1), time(), UTC)
    last = first.replace(year=first.year + _SCHEDULE_YEARS, day=min(first.day, 28))
    return {
        "properties": {
            "exportDescription": "Cost and usage in FOCUS for aifinops",
            "definition": {
                "type": "FocusCost",
                "timeframe": "MonthToDate",
                "dataSet": {"granularity": "Daily", "configuration": {"dataVersion": DATA_VERSION}},
            },
            "schedule": {
                "status": "Active",
                "recurrence": "Daily",
                "recurrencePeriod": {"from": _moment(first), "to": _moment(last)},
            },
            "format": "Parquet",
            "compressionMode": "snappy",
            "partitionData": True,
            "dataOverwriteBehavior": "CreateNewReport" if request.keep_runs else "OverwritePreviousReport",
            "deliveryInfo": {
                "destination": {
                    "type": "AzureBlob",
                    "resourceId": request.account_id,
                    "container": request.container,
                    "rootFolderPath": request.folder,
                }
            },
        }
    }


def run_document(period: BillingPeriod) -> dict[str, Any]:
    """The body that runs an export for one whole month; the API takes at most one."""
    return {"timePeriod": {"from": f"{period.start}T00:00:00Z", "to": f"{period.last_day}T00:00:00Z"}}


def assignment_guid(scope: str, role: Role, principal_id: str) -> str:
    """The same for the same role, principal and scope."""
    return str(uuid.uuid5(_NAMESPACE, f"{scope}|{role.guid}|{principal_id}".lower()))


def _roles(request: ConnectRequest) -> list[Step]:
    return [
        _role(request, "role-cost", COST_READER, request.scope, "reads cost; changes nothing"),
        _role(
            request,
            "role-blobs",
            BLOB_READER,
            request.container_id,
            "reads this container's files, no other",
            after=("container",),
        ),
        _role(
            request, "role-metrics", METRICS_READER, request.scope, "reads token metrics of Azure OpenAI and GPU VMs"
        ),
    ]


def _role(
    request: ConnectRequest, key: str, role: Role, scope: str, why: str, after: tuple[str, ...] = ()
) -> AssignRole:
    principal = request.principal_id
    assignment = assignment_guid(scope, role, principal or NOBODY)
    at = '"$CONTAINER"' if scope == request.container_id else '"$SCOPE"'
    return AssignRole(
        key=key,
        what=f"Role {role.name}",
        why=why,
        command=f'az role assignment create --role "{role.name}" --scope {at} \\\n'
        f'  --assignee-object-id "$IDENTITY" --assignee-principal-type {request.principal_type}'
        + (f" \\\n  --name {assignment}" if principal else ""),
        after=after,
        undo=f'az role assignment delete --role "{role.name}" --scope {at} --assignee "$IDENTITY"',
        role=role,
        scope=scope,
        principal_id=principal,
        principal_type=request.principal_type,
        assignment=assignment,
    )


def _export(request: ConnectRequest) -> MakeExport:
    document = export_document(request)
    # The account is named by a variable of the shell, which single quotes would keep from being filled in.
    body = _pretty(document).replace(request.account_id, "'\"$ACCOUNT\"'")
    return MakeExport(
        key="export",
        what=f"Export {request.export_name}",
        why=f"FOCUS {DATA_VERSION}, every day, month to date, Parquet",
        command=f"az rest --method put --url {_URL} --body '{body}'",
        after=("provider", "container"),
        undo=f"az rest --method delete --url {_URL}",
        scope=request.scope,
        name=request.export_name,
        document=document,
    )


def _run(request: ConnectRequest, period: BillingPeriod | None) -> RunExport:
    body = "" if period is None else f" \\\n  --body '{json.dumps(run_document(period))}'"
    return RunExport(
        key=f"run-{period or 'now'}",
        what=f"Export {period}" if period else "Export this month now",
        why="history, one month at a time" if period else "the schedule's first run is only tomorrow",
        command=f"az rest --method post --url {_RUN_URL}{body}",
        after=("export",),
        scope=request.scope,
        name=request.export_name,
        period=period,
        again=period in request.again,
    )


def _location(request: ConnectRequest) -> str:
    return request.location or "<region>"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _pretty(value: Any, indent: int = 0) -> str:
    """JSON over as few lines as fit a terminal."""
    flat = json.dumps(value)
    if not isinstance(value, dict) or indent + len(flat) <= _LINE:
        return flat
    inner = " " * (indent + 2)
    members = (f"{inner}{json.dumps(name)}: {_pretty(member, indent + 2)}" for name, member in value.items())
    return "{\n" + ",\n".join(members) + "\n" + " " * indent + "}"
