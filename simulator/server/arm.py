"""Azure Resource Manager over the simulated organisation: what preparing and checking a subscription needs of it.

Here: addresses, api-versions, bodies and refusals as the real services have them; state is kept in memory, delivered
runs under ``<organisation>/storage/<account>/<container>``.
Not here: who may do what (``simulator.server.roles``) and the files of a run (``simulator.delivery``).

Sources: the REST references of Microsoft.Resources 2022-12-01, Microsoft.Authorization 2022-04-01, Microsoft.Storage,
Microsoft.CostManagement 2025-03-01, Microsoft.CognitiveServices. The services' clock is the organisation's ``as_of``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from finops.periods import BillingPeriod, as_utc
from simulator import organisation as org
from simulator.delivery import RunRequest, deliver
from simulator.exports import CONTAINER
from simulator.generate import EXPORTS_FOLDER
from simulator.randomness import stable_uuid
from simulator.server import roles

STORAGE_FOLDER = "storage"
EXPORTS_ACCOUNT = org.resource_id(org.SHARED, "rg-platform", "Microsoft.Storage/storageAccounts", "stfinopsexports")
EXPORTS_CONTAINER = f"{EXPORTS_ACCOUNT}/blobServices/default/containers/{CONTAINER}"
RUNS_PER_BURST = 10
"""So many runs may be started before one is throttled, with Cost Management's own header and no Retry-After."""
HISTORY_MONTHS = 84
_TENANT = "aaaaaaaa-0000-4000-8000-00000000face"
_VERSIONS = {
    "Microsoft.Resources": {"2021-04-01", "2022-12-01", "2024-11-01"},
    "Microsoft.Authorization": {"2022-04-01"},
    "Microsoft.Storage": {"2023-05-01", "2024-01-01", "2025-01-01", "2026-09-01"},
    "Microsoft.CostManagement": {"2023-08-01", "2023-11-01", "2024-08-01", "2025-03-01"},
    "Microsoft.CognitiveServices": {"2023-05-01", "2024-10-01", "2025-06-01"},
}
_GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_ACCOUNT_NAME = re.compile(r"^[a-z0-9]{3,24}$")
_CONTAINER_NAME = re.compile(r"^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")
_TYPES = {"FocusCost", "ActualCost", "AmortizedCost", "Usage"}
_FOCUS_VERSIONS = {"1.0", "1.0r2", "1.2-preview", "1.2"}


class ArmRefusal(Exception):  # noqa: N818 - an answer, not a fault of this program
    """An answer other than success: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})

    def document(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}}


@dataclass(frozen=True)
class ArmRequest:
    method: str
    path: str
    query: Mapping[str, str]
    authorization: str
    body: Any


@dataclass
class _Export:
    document: dict[str, Any]
    runs: list[dict[str, Any]] = field(default_factory=list)


Answer = tuple[int, Any]
_Handler = Callable[["ArmStore", ArmRequest, "re.Match[str]"], Answer]
_SUB = r"/subscriptions/(?P<subscription>[^/]+)"
_GROUP = rf"{_SUB}/resourcegroups/(?P<group>[^/]+)"
_ACCOUNT = rf"{_GROUP}/providers/microsoft\.storage/storageaccounts/(?P<account>[^/]+)"
_EXPORT = r"(?P<scope>/.+)/providers/microsoft\.costmanagement/exports"


class ArmStore:
    """The organisation's resources and who may touch them."""

    def __init__(self, directory: Path, as_of: datetime) -> None:
        self._directory = directory
        self._as_of = as_utc(as_of)
        self._lock = threading.RLock()
        self._assignments = roles.first_assignments(EXPORTS_CONTAINER)
        self._providers: set[tuple[str, str]] = {(org.SHARED, "microsoft.costmanagementexports")}
        self._groups = _known_groups()
        self._accounts: dict[str, dict[str, Any]] = {}
        self._containers: dict[str, dict[str, Any]] = {}
        self._exports: dict[str, _Export] = {}
        self._burst = RUNS_PER_BURST
        self._accounts[EXPORTS_ACCOUNT.lower()] = _account_document(EXPORTS_ACCOUNT, org.REGION, {})
        self._containers[EXPORTS_CONTAINER.lower()] = _container_document(EXPORTS_CONTAINER)

    def answer(self, request: ArmRequest) -> Answer:
        """Status and document of one request.

        Raises:
            ArmRefusal: in the service's words.
        """
        if roles.caller_of(request.authorization) is None:
            raise ArmRefusal(
                401,
                "InvalidAuthenticationToken" if request.authorization else "AuthenticationFailed",
                "The access token is invalid."
                if request.authorization
                else "Authentication failed. The 'Authorization' header is missing.",
                {"WWW-Authenticate": f'Bearer authorization_uri="https://login.windows.net/{_TENANT}"'},
            )
        path = request.path.rstrip("/")
        for method, pattern, provider, handler in _ROUTES:
            match = re.fullmatch(pattern, path, re.IGNORECASE)
            if match and method == request.method:
                _check_version(request.query, provider)
                known = match.groupdict().get("subscription") or [*path.split("/"), ""][2]
                if known and known.lower() not in org.SUBSCRIPTIONS:
                    raise ArmRefusal(404, "SubscriptionNotFound", f"The subscription '{known}' could not be found.")
                with self._lock:
                    return handler(self, request, match)
        raise ArmRefusal(404, "InvalidResourceType", f"The resource type could not be found for '{path}'.")

    def require(self, authorization: str, action: str, scope: str) -> None:
        """Refuse a caller who lacks an action at a scope.

        Raises:
            ArmRefusal: 403 AuthorizationFailed.
        """
        caller = roles.caller_of(authorization)
        with self._lock:
            granted = any(
                assignment.role.grants(action)
                for assignment in self._assignments
                if assignment.principal_id == caller and assignment.applies_to(scope)
            )
        if not granted:
            raise ArmRefusal(
                403,
                "AuthorizationFailed",
                f"The client '{caller}' with object id '{caller}' does not have authorization to perform action "
                f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
                "refresh your credentials.",
            )

    def container_folder(self, container_id: str) -> Path:
        """Where a container's blobs are on this machine."""
        if container_id.lower() == EXPORTS_CONTAINER.lower():
            return self._directory / EXPORTS_FOLDER
        parts = container_id.split("/")
        return self._directory / STORAGE_FOLDER / parts[8].lower() / parts[12].lower()

    # ── subscriptions, providers, resource groups ─────────────────────────────────────────────────────────────────────

    def _list_subscriptions(self, request: ArmRequest, _: re.Match[str]) -> Answer:
        caller = roles.caller_of(request.authorization)
        seen = {a.scope.split("/")[2].lower() for a in self._assignments if a.principal_id == caller}
        return 200, {
            "value": [
                {"id": f"/subscriptions/{key}", "subscriptionId": key, "displayName": name, "state": "Enabled"}
                for key, name in org.SUBSCRIPTIONS.items()
                if key in seen
            ]
        }

    def _subscription(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        subscription = match["subscription"].lower()
        self.require(request.authorization, "Microsoft.Resources/subscriptions/read", f"/subscriptions/{subscription}")
        return 200, {
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "tenantId": _TENANT,
            "displayName": org.SUBSCRIPTIONS[subscription],
            "state": "Enabled",
        }

    def _provider(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        subscription, namespace = match["subscription"].lower(), match["namespace"]
        scope = f"/subscriptions/{subscription}"
        if request.method == "POST":
            self.require(request.authorization, f"{namespace}/register/action", scope)
            self._providers.add((subscription, namespace.lower()))
        else:
            self.require(request.authorization, "Microsoft.Resources/subscriptions/providers/read", scope)
        is_registered = (subscription, namespace.lower()) in self._providers
        return 200, {
            "id": f"{scope}/providers/{namespace}",
            "namespace": namespace,
            "registrationState": "Registered" if is_registered else "NotRegistered",
        }

    def _group(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = f"/subscriptions/{match['subscription'].lower()}"
        key = f"{scope}/resourcegroups/{match['group'].lower()}"
        if request.method == "PUT":
            self.require(request.authorization, "Microsoft.Resources/subscriptions/resourceGroups/write", key)
            body = _object(request.body)
            location = _member(body, "location")
            is_new = key not in self._groups
            document = {
                "id": f"{scope}/resourceGroups/{match['group']}",
                "name": match["group"],
                "type": "Microsoft.Resources/resourceGroups",
                "location": location,
                "tags": body.get("tags", {}),
                "properties": {"provisioningState": "Succeeded"},
            }
            self._groups[key] = document
            return 201 if is_new else 200, document
        self.require(request.authorization, "Microsoft.Resources/subscriptions/resourceGroups/read", key)
        if key not in self._groups:
            raise _no_group(match["group"])
        return 200, self._groups[key]

    # ── authorisation ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _permissions(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        caller = roles.caller_of(request.authorization)
        held = [a for a in self._assignments if a.principal_id == caller and a.applies_to(match["scope"])]
        return 200, {"value": [assignment.role.permission() for assignment in held]}

    def _list_assignments(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = match["scope"]
        self.require(request.authorization, "Microsoft.Authorization/roleAssignments/read", scope)
        wanted = re.fullmatch(
            r"\s*(?:principalId eq|assignedTo\()\s*'([^']+)'\)?\s*", request.query.get("$filter", "principalId eq 'x'")
        )
        if wanted is None:
            raise ArmRefusal(400, "BadRequestFormat", "The filter is invalid.")
        found = [
            assignment.document()
            for assignment in self._assignments
            if ("$filter" not in request.query or assignment.principal_id == wanted[1])
            and (assignment.applies_to(scope) or f"{assignment.scope.lower()}/".startswith(f"{scope.lower()}/"))
        ]
        return 200, {"value": found}

    def _assignment(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope, name = match["scope"], match["name"].lower()
        found = next((a for a in self._assignments if a.name == name and a.scope.lower() == scope.lower()), None)
        if request.method == "GET":
            self.require(request.authorization, "Microsoft.Authorization/roleAssignments/read", scope)
            if found is None:
                raise ArmRefusal(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
            return 200, found.document()
        if request.method == "DELETE":
            self.require(request.authorization, "Microsoft.Authorization/roleAssignments/delete", scope)
            if found is None:
                return 204, None
            self._assignments.remove(found)
            return 200, found.document()
        self.require(request.authorization, "Microsoft.Authorization/roleAssignments/write", scope)
        self._require_scope(scope)
        wanted = _new_assignment(name, scope, request.body)
        if found is not None:
            if found == wanted:
                return 200, found.document()
            raise ArmRefusal(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        for assignment in self._assignments:
            if (assignment.scope.lower(), assignment.role, assignment.principal_id) == (
                scope.lower(),
                wanted.role,
                wanted.principal_id,
            ):
                raise ArmRefusal(
                    409,
                    "RoleAssignmentExists",
                    "The role assignment already exists. The ID of the existing role assignment is "
                    f"{assignment.name.replace('-', '')}.",
                )
        self._assignments.append(wanted)
        return 201, wanted.document()

    def _require_scope(self, scope: str) -> None:
        """A role can only be given where there is something."""
        lower = scope.lower()
        parts = lower.split("/")
        known = len(parts) == 3 or lower in self._groups or lower in self._accounts or lower in self._containers
        if not known and "microsoft.storage" in lower:
            raise ArmRefusal(404, "ResourceNotFound", f"The Resource '{scope}' was not found.")

    # ── storage ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _list_accounts(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = f"/subscriptions/{match['subscription'].lower()}"
        self.require(request.authorization, "Microsoft.Storage/storageAccounts/read", scope)
        return 200, {"value": [d for key, d in sorted(self._accounts.items()) if key.startswith(f"{scope}/")]}

    def _account(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = request.path.rstrip("/")
        key, name = scope.lower(), match["account"]
        group = f"/subscriptions/{match['subscription'].lower()}/resourcegroups/{match['group'].lower()}"
        if request.method == "GET":
            self.require(request.authorization, "Microsoft.Storage/storageAccounts/read", scope)
            if key not in self._accounts:
                raise _no_resource("Microsoft.Storage/storageAccounts", name, match["group"])
            return 200, self._accounts[key]
        self.require(request.authorization, "Microsoft.Storage/storageAccounts/write", scope)
        if group not in self._groups:
            raise _no_group(match["group"])
        if not _ACCOUNT_NAME.match(name):
            raise ArmRefusal(
                400,
                "AccountNameInvalid",
                f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters "
                "in length and use numbers and lower-case letters only.",
            )
        if any(known.endswith(f"/storageaccounts/{name}") and known != key for known in self._accounts):
            raise ArmRefusal(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
        body = _object(request.body)
        sku = _member(_object(_member(body, "sku")), "name")
        if not str(sku).startswith(("Standard_", "Premium_")):
            raise ArmRefusal(400, "InvalidRequestPropertyValue", f"The value '{sku}' for property 'sku' is invalid.")
        _member(body, "kind")
        self._accounts[key] = _account_document(scope, _member(body, "location"), body.get("properties", {}))
        return 200, self._accounts[key]

    def _container(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = request.path.rstrip("/")
        account = scope.lower().partition("/blobservices/")[0]
        if request.method == "GET":
            self.require(request.authorization, "Microsoft.Storage/storageAccounts/blobServices/containers/read", scope)
        else:
            self.require(
                request.authorization, "Microsoft.Storage/storageAccounts/blobServices/containers/write", scope
            )
        if account not in self._accounts:
            raise _no_resource("Microsoft.Storage/storageAccounts", match["account"], match["group"])
        if request.method == "GET":
            if scope.lower() not in self._containers:
                raise ArmRefusal(404, "ContainerNotFound", "The specified container does not exist.")
            return 200, self._containers[scope.lower()]
        if not _CONTAINER_NAME.match(match["container"]):
            raise ArmRefusal(400, "InvalidResourceName", "The specified resource name contains invalid characters.")
        is_new = scope.lower() not in self._containers
        self._containers.setdefault(scope.lower(), _container_document(scope))
        return 201 if is_new else 200, self._containers[scope.lower()]

    # ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _list_exports(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = match["scope"]
        self.require(request.authorization, "Microsoft.CostManagement/exports/read", scope)
        prefix = f"{scope.lower()}/providers/microsoft.costmanagement/exports/"
        return 200, {"value": [e.document for key, e in sorted(self._exports.items()) if key.startswith(prefix)]}

    def _export(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope, name = match["scope"], match["name"]
        key = f"{scope}/providers/microsoft.costmanagement/exports/{name}".lower()
        if request.method == "GET":
            self.require(request.authorization, "Microsoft.CostManagement/exports/read", scope)
            return 200, self._known_export(key, name).document
        if request.method == "DELETE":
            self.require(request.authorization, "Microsoft.CostManagement/exports/delete", scope)
            self._known_export(key, name)
            del self._exports[key]
            return 200, None
        self.require(request.authorization, "Microsoft.CostManagement/exports/write", scope)
        known = self._exports.get(key)
        body = _object(request.body)
        if known is not None and body.get("eTag") != known.document["eTag"]:
            raise ArmRefusal(
                409, "Conflict", "The eTag of the request does not match the eTag of the export; get it and try again."
            )
        self._check_export(request.authorization, body)
        number = 1 if known is None else int(known.document["eTag"].strip('"'), 16) + 1
        document = {
            "id": f"{scope}/providers/Microsoft.CostManagement/exports/{name}",
            "name": name,
            "type": "Microsoft.CostManagement/exports",
            "eTag": f'"{number:016x}"',
            "properties": {
                **body["properties"],
                "nextRunTimeEstimate": f"{self._as_of + timedelta(hours=24):%Y-%m-%dT%H:%M:%SZ}",
            },
        }
        self._exports[key] = _Export(document, known.runs if known else [])
        return 201 if known is None else 200, document

    def _check_export(self, authorization: str, body: dict[str, Any]) -> None:
        properties = _object(_member(body, "properties"))
        definition = _object(_member(properties, "definition"))
        kind = _member(definition, "type")
        if kind not in _TYPES:
            raise _bad(f"Invalid definition type '{kind}'; valid values: {', '.join(sorted(_TYPES))}.")
        data_set = _object(_member(definition, "dataSet"))
        version = _object(_member(data_set, "configuration")).get("dataVersion")
        if kind == "FocusCost" and version not in _FOCUS_VERSIONS:
            raise _bad(f"Invalid dataVersion '{version}' for type 'FocusCost'.")
        _check_format(properties)
        schedule = _object(_member(properties, "schedule"))
        period = _object(_member(schedule, "recurrencePeriod"))
        first, last = (_moment(_member(period, name)) for name in ("from", "to"))
        if first <= self._as_of:
            raise _bad("Invalid export schedule: the recurrence period's start date must be in the future.")
        if last <= first:
            raise _bad("Invalid export schedule: the recurrence period's end date must be after its start date.")
        destination = _object(_member(_object(_member(properties, "deliveryInfo")), "destination"))
        account = str(_member(destination, "resourceId"))
        container = f"{account}/blobServices/default/containers/{_member(destination, 'container')}"
        if account.lower() not in self._accounts or container.lower() not in self._containers:
            raise ArmRefusal(404, "StorageAccountNotFound", f"The destination '{container}' could not be found.")
        if self._accounts[account.lower()]["properties"].get("allowSharedKeyAccess") is False:
            raise _bad("The storage account does not allow shared key access, which exports need.")
        if (account.split("/")[2].lower(), "microsoft.costmanagementexports") not in self._providers:
            raise ArmRefusal(
                409,
                "RPNotRegistered",
                "The subscription of the storage account is not registered with the resource provider "
                "Microsoft.CostManagementExports.",
            )
        self.require(authorization, "Microsoft.Storage/storageAccounts/write", account)

    def _known_export(self, key: str, name: str) -> _Export:
        if key not in self._exports:
            raise ArmRefusal(404, "NotFound", f"The export '{name}' was not found.")
        return self._exports[key]

    def _run_export(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope, name = match["scope"], match["name"]
        self.require(request.authorization, "Microsoft.CostManagement/exports/run/action", scope)
        export = self._known_export(f"{scope}/providers/microsoft.costmanagement/exports/{name}".lower(), name)
        if self._burst == 0:
            self._burst = RUNS_PER_BURST
            raise ArmRefusal(
                429,
                "429",
                "Too many requests. Please retry after 1 seconds.",
                {"x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "1"},
            )
        period, last_day = self._period_of(request.body)
        self._burst -= 1
        self._record_run(export, period, last_day, is_on_demand=True)
        return 200, None

    def _period_of(self, body: Any) -> tuple[BillingPeriod, date]:
        if not body:
            today = self._as_of.date()
            return BillingPeriod.containing(today), today
        named = _object(_member(_object(body), "timePeriod"))
        first, last = (_moment(_member(named, name)).date() for name in ("from", "to"))
        period = BillingPeriod.containing(first)
        if first != period.start or not first <= last <= period.last_day:
            raise _bad("Invalid time period: the maximum date range is 1 calendar month.")
        if last > self._as_of.date():
            raise _bad("Invalid time period: the end date is in the future.")
        if first < (self._as_of - timedelta(days=HISTORY_MONTHS * 31)).date():
            raise _bad("Invalid time period: no data is kept from before seven years ago.")
        return period, last

    def _record_run(self, export: _Export, period: BillingPeriod, last_day: date, *, is_on_demand: bool) -> None:
        number = len(export.runs)
        submitted = self._as_of + timedelta(seconds=number - 1000)
        run_id = stable_uuid("run", export.document["id"], period.start, number)
        destination = export.document["properties"]["deliveryInfo"]["destination"]
        container = f"{destination['resourceId']}/blobServices/default/containers/{destination['container']}"
        manifest = deliver(
            self._directory / EXPORTS_FOLDER,
            self.container_folder(container),
            RunRequest(export.document, period, last_day, run_id, submitted, is_on_demand),
        )
        moment = f"{submitted:%Y-%m-%dT%H:%M:%S}Z"
        export.runs.append(
            {
                "id": f"{export.document['id']}/run/{run_id}",
                "name": run_id,
                "type": "Microsoft.CostManagement/exports/run",
                "properties": {
                    "executionType": "OnDemand" if is_on_demand else "Scheduled",
                    "status": "Completed" if manifest else "DataNotAvailable",
                    "submittedBy": "administrator" if is_on_demand else "System",
                    "submittedTime": moment,
                    "processingStartTime": moment,
                    "processingEndTime": moment,
                    "startDate": f"{period.start}T00:00:00Z",
                    "endDate": f"{last_day}T00:00:00Z",
                    "manifestFile": manifest,
                },
            }
        )

    def _run_history(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope, name = match["scope"], match["name"]
        self.require(request.authorization, "Microsoft.CostManagement/exports/read", scope)
        export = self._known_export(f"{scope}/providers/microsoft.costmanagement/exports/{name}".lower(), name)
        return 200, {"value": list(reversed(export.runs))}

    # ── what else is there ────────────────────────────────────────────────────────────────────────────────────────────

    def _cognitive_accounts(self, request: ArmRequest, match: re.Match[str]) -> Answer:
        scope = f"/subscriptions/{match['subscription'].lower()}"
        self.require(request.authorization, "Microsoft.CognitiveServices/accounts/read", scope)
        ids = [account.id for account in org.ACCOUNTS if account.has_monitor] + [org.GATEWAY_ACCOUNT]
        return 200, {
            "value": [
                {
                    "id": resource,
                    "name": resource.rpartition("/")[2],
                    "kind": "OpenAI",
                    "location": org.REGION,
                    "type": org.ACCOUNT_TYPE,
                }
                for resource in ids
                if resource.lower().startswith(f"{scope}/")
            ]
        }


_ROUTES: tuple[tuple[str, str, str, _Handler], ...] = (
    ("GET", "/subscriptions", "Microsoft.Resources", ArmStore._list_subscriptions),
    ("GET", _SUB, "Microsoft.Resources", ArmStore._subscription),
    ("GET", rf"{_SUB}/providers/(?P<namespace>[^/]+)", "Microsoft.Resources", ArmStore._provider),
    ("POST", rf"{_SUB}/providers/(?P<namespace>[^/]+)/register", "Microsoft.Resources", ArmStore._provider),
    *((method, _GROUP, "Microsoft.Resources", ArmStore._group) for method in ("GET", "PUT")),
    (
        "GET",
        r"(?P<scope>/.+)/providers/microsoft\.authorization/permissions",
        "Microsoft.Authorization",
        ArmStore._permissions,
    ),
    (
        "GET",
        r"(?P<scope>/.+)/providers/microsoft\.authorization/roleassignments",
        "Microsoft.Authorization",
        ArmStore._list_assignments,
    ),
    *(
        (
            method,
            r"(?P<scope>/.+)/providers/microsoft\.authorization/roleassignments/(?P<name>[^/]+)",
            "Microsoft.Authorization",
            ArmStore._assignment,
        )
        for method in ("GET", "PUT", "DELETE")
    ),
    ("GET", rf"{_SUB}/providers/microsoft\.storage/storageaccounts", "Microsoft.Storage", ArmStore._list_accounts),
    *((method, _ACCOUNT, "Microsoft.Storage", ArmStore._account) for method in ("GET", "PUT")),
    *(
        (
            method,
            rf"{_ACCOUNT}/blobservices/default/containers/(?P<container>[^/]+)",
            "Microsoft.Storage",
            ArmStore._container,
        )
        for method in ("GET", "PUT")
    ),
    ("GET", _EXPORT, "Microsoft.CostManagement", ArmStore._list_exports),
    *(
        (method, rf"{_EXPORT}/(?P<name>[^/]+)", "Microsoft.CostManagement", ArmStore._export)
        for method in ("GET", "PUT", "DELETE")
    ),
    ("POST", rf"{_EXPORT}/(?P<name>[^/]+)/run", "Microsoft.CostManagement", ArmStore._run_export),
    ("GET", rf"{_EXPORT}/(?P<name>[^/]+)/runhistory", "Microsoft.CostManagement", ArmStore._run_history),
    (
        "GET",
        rf"{_SUB}/providers/microsoft\.cognitiveservices/accounts",
        "Microsoft.CognitiveServices",
        ArmStore._cognitive_accounts,
    ),
)


def _check_version(query: Mapping[str, str], provider: str) -> None:
    version = query.get("api-version")
    if not version:
        raise ArmRefusal(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    supported = _VERSIONS[provider]
    if version not in supported:
        raise ArmRefusal(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{','.join(sorted(supported))}'.",
        )


def _check_format(properties: dict[str, Any]) -> None:
    file_format, compression = properties.get("format", "Csv"), properties.get("compressionMode", "none")
    fitting = {"Csv": ("gzip", "none"), "Parquet": ("snappy", "none")}
    if file_format not in fitting:
        raise _bad(f"Invalid format '{file_format}'; valid values: Csv, Parquet.")
    if str(compression).lower() not in fitting[file_format]:
        raise _bad(f"Invalid compressionMode '{compression}' for format '{file_format}'.")
    behaviour = properties.get("dataOverwriteBehavior", "CreateNewReport")
    if behaviour not in ("CreateNewReport", "OverwritePreviousReport"):
        raise _bad(f"Invalid dataOverwriteBehavior '{behaviour}'.")
    if properties.get("partitionData") is not True:
        raise _bad("partitionData must be true for this type of export.")


def _new_assignment(name: str, scope: str, body: Any) -> roles.Assignment:
    if not _GUID.match(name):
        raise ArmRefusal(
            400, "InvalidRoleAssignmentId", f"The role assignment ID '{name}' is not valid. It must be a GUID."
        )
    properties = _object(_member(_object(body), "properties"))
    definition, principal = str(_member(properties, "roleDefinitionId")), str(_member(properties, "principalId"))
    role = roles.role_of(definition)
    if role is None:
        raise ArmRefusal(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{definition.rpartition('/')[2]}' does not exist.",
        )
    if not _GUID.match(principal):
        raise ArmRefusal(400, "InvalidPrincipalId", f"A valid principal ID must be provided: '{principal}'.")
    if "principalType" not in properties:
        raise ArmRefusal(
            400,
            "PrincipalNotFound",
            f"Principal {principal.replace('-', '')} does not exist in the directory {_TENANT}. Check that you have "
            "the correct principal ID. If you are creating this principal and then immediately assigning a role, this "
            "error might be related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group.",
        )
    return roles.Assignment(name.lower(), scope, role, principal, str(properties["principalType"]))


def _known_groups() -> dict[str, dict[str, Any]]:
    """Resource groups that the organisation's accounts are in."""
    found = {}
    resources = [EXPORTS_ACCOUNT, org.GATEWAY_ACCOUNT, *(account.id for account in org.ACCOUNTS)]
    for resource in resources:
        scope = resource.partition("/providers/")[0]
        found[scope.lower()] = {"id": scope, "name": scope.rpartition("/")[2], "location": org.REGION}
    return found


def _account_document(resource: str, location: str, properties: dict[str, Any]) -> dict[str, Any]:
    name = resource.rpartition("/")[2]
    return {
        "id": resource,
        "name": name,
        "type": "Microsoft.Storage/storageAccounts",
        "location": location,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            **properties,
            "provisioningState": "Succeeded",
            "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"},
        },
    }


def _container_document(resource: str) -> dict[str, Any]:
    return {
        "id": resource,
        "name": resource.rpartition("/")[2],
        "type": "Microsoft.Storage/storageAccounts/blobServices/containers",
        "properties": {"publicAccess": "None"},
    }


def _no_group(name: str) -> ArmRefusal:
    return ArmRefusal(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def _no_resource(kind: str, name: str, group: str) -> ArmRefusal:
    return ArmRefusal(
        404, "ResourceNotFound", f"The Resource '{kind}/{name}' under resource group '{group}' was not found."
    )


def _bad(message: str) -> ArmRefusal:
    return ArmRefusal(400, "BadRequest", f"Request properties validation failed: {message}")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ArmRefusal(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")
    return value


def _member(document: dict[str, Any], name: str) -> Any:
    if document.get(name) in (None, ""):
        raise ArmRefusal(400, "InvalidRequestContent", f"The required property '{name}' is missing.")
    return document[name]


def _moment(text: Any) -> datetime:
    try:
        return as_utc(datetime.fromisoformat(str(text).replace("Z", "+00:00")))
    except ValueError:
        raise _bad(f"'{text}' is not a valid time.") from None
