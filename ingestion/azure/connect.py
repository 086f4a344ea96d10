"""Preparing a subscription: looking at what is there, doing what is not.

Here: one look and one action per kind of step, through Microsoft's clients; what to do about refusals.
Not here: the list of steps (``plan``) and showing them (cli).

Every step looks before it acts, so doing them again changes nothing and goes on where the last time ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from finops.periods import BillingPeriod
from ingestion.azure.arm import (
    COGNITIVE_VERSION,
    RESOURCES_VERSION,
    Arm,
    ArmError,
    in_words,
    unreachable,
)
from ingestion.azure.plan import (
    AssignRole,
    ConnectRequest,
    MakeAccount,
    MakeContainer,
    MakeExport,
    MakeGroup,
    RegisterProvider,
    RunExport,
    Step,
    run_document,
)

State = Literal["there", "to do", "done", "failed", "waits", "unknown"]
_GOOD = ("there", "done")
_STARTS = 5  # of one run, throttled or not
_WAIT_SECONDS = 30  # Cost Management's windows are 10 s and 60 s long
_MOST_WAIT_SECONDS = 120
_DELIVERED = frozenset(("queued", "inprogress", "completed", "datanotavailable", "newdatanotavailable"))


@dataclass(frozen=True)
class StepResult:
    """``detail`` says what was found or done; ``remedy`` what to do about a step that failed or waits."""

    step: Step
    state: State
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class AzureAccount:
    """An account of Azure OpenAI or Foundry."""

    id: str
    location: str


class Connector:
    """Looks at the steps of one plan and does them.

    Args:
        wait: how to wait for seconds; Azure throttles back-fills.
        say: receives a line while something takes its time.
    """

    def __init__(
        self,
        arm: Arm,
        request: ConnectRequest,
        *,
        wait: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._arm, self._request, self._wait, self._say = arm, request, wait, say
        self._history: list[Any] | None = None

    def look(self, steps: Iterable[Step]) -> Iterator[StepResult]:
        """The state of every step, nothing changed. What cannot be seen is ``unknown``; after a first missing answer
        nothing more is asked."""
        unanswered: ArmError | None = None
        for step in steps:
            if unanswered is not None:
                yield StepResult(step, "unknown")
                continue
            try:
                yield self._look(step)
            except ArmError as error:
                unanswered = error if error.status in (None, 401) else None
                yield StepResult(step, "unknown", str(error), _remedy(error, step))

    def apply(self, steps: Iterable[Step]) -> Iterator[StepResult]:
        """Do what is to do. A step whose predecessors failed waits; the others go on."""
        good: set[str] = set()
        seen: set[str] = set()
        for step in steps:
            missing = [key for key in step.after if key in seen and key not in good]
            if missing:
                result = StepResult(step, "waits", f"needs {', '.join(missing)}", "Correct what failed above")
            else:
                result = self._apply(step)
            seen.add(step.key)
            if result.state in _GOOD:
                good.add(step.key)
            yield result

    def _apply(self, step: Step) -> StepResult:
        try:
            found = self._look(step)
            if found.state != "to do":
                return found
            if isinstance(step, AssignRole) and step.principal_id is None:
                return StepResult(
                    step,
                    "waits",
                    "no identity was named",
                    "Name it with --principal-id: the object id of the managed identity that aifinops runs as",
                )
            self._say(step.what)
            return StepResult(step, "done", self._do(step))
        except ArmError as error:
            return StepResult(step, "failed", str(error), _remedy(error, step))

    def _look(self, step: Step) -> StepResult:
        match step:
            case RegisterProvider():
                document = self._ask("GET", f"/subscriptions/{step.subscription}/providers/{step.namespace}")
                registered = str(document.get("registrationState", "")).lower() in ("registered", "registering")
                return StepResult(step, "there" if registered else "to do")
            case MakeGroup():
                found = self._find(step.group_id)
                if found is None and step.location is None:
                    return StepResult(step, "to do", "needs --location")
                return StepResult(step, "to do" if found is None else "there")
            case MakeAccount():
                return self._look_account(step)
            case MakeContainer():
                return self._look_container(step)
            case AssignRole():
                return self._look_role(step)
            case MakeExport():
                return self._look_export(step)
            case RunExport():
                return self._look_run(step)
        raise TypeError(f"no such step: {step}")

    def _do(self, step: Step) -> str:
        match step:
            case RegisterProvider():
                self._ask("POST", f"/subscriptions/{step.subscription}/providers/{step.namespace}/register")
            case MakeGroup():
                self._require_location(step.location)
                body = {"location": step.location, "tags": {"created-by": "aifinops"}}
                self._arm.request("PUT", step.group_id, RESOURCES_VERSION, body=body)
            case MakeAccount():
                self._make_account(step)
            case MakeContainer():
                from azure.mgmt.storage.models import BlobContainer

                account = _parts(step.container_id)
                storage = self._arm.storage(account["subscriptions"])
                _call(
                    self._arm,
                    lambda: storage.blob_containers.create(
                        account["resourcegroups"],
                        account["storageaccounts"],
                        account["containers"],
                        BlobContainer({"properties": {"publicAccess": "None"}}),
                    ),
                )
            case AssignRole():
                return self._assign(step)
            case MakeExport():
                return self._make_export(step)
            case RunExport():
                self._run(step)
        return ""

    # ── storage ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look_account(self, step: MakeAccount) -> StepResult:
        parts = _parts(step.account_id)
        storage = self._arm.storage(parts["subscriptions"])
        found = _call_or_none(
            self._arm,
            lambda: storage.storage_accounts.get_properties(parts["resourcegroups"], parts["storageaccounts"]),
        )
        if found is None:
            return StepResult(step, "to do", "" if step.location else "needs --location")
        if found.allow_shared_key_access is False:
            return StepResult(
                step,
                "failed",
                "the account refuses shared keys, which exports write with",
                "Allow them, or name another account with --storage-account:\n"
                f"az storage account update --ids {step.account_id} --allow-shared-key-access true",
            )
        return StepResult(step, "there")

    def _make_account(self, step: MakeAccount) -> None:
        self._require_location(step.location)
        parts = _parts(step.account_id)
        storage = self._arm.storage(parts["subscriptions"])
        body: Any = {
            "location": step.location,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "tags": {"created-by": "aifinops"},
            "properties": {
                "supportsHttpsTrafficOnly": True,
                "minimumTlsVersion": "TLS1_2",
                "allowBlobPublicAccess": False,
            },
        }
        _call(
            self._arm,
            lambda: storage.storage_accounts.begin_create(
                parts["resourcegroups"], parts["storageaccounts"], body
            ).result(),
        )

    def _look_container(self, step: MakeContainer) -> StepResult:
        parts = _parts(step.container_id)
        storage = self._arm.storage(parts["subscriptions"])
        found = _call_or_none(
            self._arm,
            lambda: storage.blob_containers.get(parts["resourcegroups"], parts["storageaccounts"], parts["containers"]),
        )
        return StepResult(step, "to do" if found is None else "there")

    # ── roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look_role(self, step: AssignRole) -> StepResult:
        if step.principal_id is None:
            return StepResult(step, "to do", "needs --principal-id")
        client = self._arm.role_assignments(_parts(step.scope)["subscriptions"])
        try:
            held = _call(
                self._arm,
                lambda: list(client.list_for_scope(step.scope, filter=f"principalId eq '{step.principal_id}'")),
            )
        except ArmError as error:
            if error.status == 404:  # the container is not there yet, so nobody has a role at it
                return StepResult(step, "to do")
            raise
        for assignment in held:
            applies = f"{step.scope}/".lower().startswith(f"{assignment.scope}/".lower())
            if applies and str(assignment.role_definition_id).lower().endswith(step.role.guid):
                inherited = assignment.scope.lower() != step.scope.lower()
                return StepResult(step, "there", f"inherited from {assignment.scope}" if inherited else "")
        return StepResult(step, "to do")

    def _assign(self, step: AssignRole) -> str:
        from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters

        subscription = _parts(step.scope)["subscriptions"]
        client = self._arm.role_assignments(subscription)
        definition = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{step.role.guid}"
        try:
            _call(
                self._arm,
                lambda: client.create(
                    step.scope,
                    step.assignment,
                    RoleAssignmentCreateParameters(
                        role_definition_id=definition,
                        principal_id=str(step.principal_id),
                        # Says that the principal exists, also where the directory has not told everybody yet.
                        principal_type=step.principal_type,
                        description="aifinops reads, and no more",
                    ),
                ),
            )
        except ArmError as error:
            if error.code != "RoleAssignmentExists":
                raise
            return "somebody gave it already"
        return ""

    # ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _current_export(self, step: MakeExport | RunExport) -> Any:
        return _call_or_none(self._arm, lambda: self._arm.exports().get(step.scope, step.name))

    def _look_export(self, step: MakeExport) -> StepResult:
        found = self._current_export(step)
        if found is None:
            return StepResult(step, "to do")
        differences = list(_differences(found.as_dict()["properties"], step.document["properties"]))
        if differences:
            return StepResult(step, "to do", f"is there with other settings: {', '.join(differences)}")
        return StepResult(step, "there")

    def _make_export(self, step: MakeExport) -> str:
        from azure.mgmt.costmanagement.models import Export

        found = self._current_export(step)
        # Without the tag that it has now, Azure refuses to change an export.
        document = step.document if found is None else {**step.document, "eTag": found.e_tag}
        _call(self._arm, lambda: self._arm.exports().create_or_update(step.scope, step.name, Export(document)))
        self._history = None
        return "" if found is None else "settings changed"

    def _look_run(self, step: RunExport) -> StepResult:
        if step.again:
            return StepResult(step, "to do")
        if self._history is None:
            try:
                history = _call(self._arm, lambda: self._arm.exports().get_execution_history(step.scope, step.name))
            except ArmError as error:
                if error.status != 404:
                    raise
                return StepResult(step, "to do")
            self._history = list(history.value or [])
        for run in self._history:
            status = str(getattr(run.status, "value", run.status)).lower()
            if _covers(run, step.period, self._request.as_of) and status in _DELIVERED:
                return StepResult(step, "there", "Azure has no data for it" if status == "datanotavailable" else "")
        return StepResult(step, "to do")

    def _run(self, step: RunExport) -> None:
        """Start a run; where Azure throttles, wait as long as the longest of its headers says."""
        from azure.mgmt.costmanagement.models import ExportRunRequest

        body = ExportRunRequest(run_document(step.period)) if step.period else None
        for attempt in range(1, _STARTS + 1):
            try:
                _call(
                    self._arm,
                    lambda: self._arm.exports().execute(step.scope, step.name, body, retry_total=0),
                )
            except ArmError as error:
                if error.status != 429 or attempt == _STARTS:
                    raise
                seconds = min(error.wait_seconds or _WAIT_SECONDS * attempt, _MOST_WAIT_SECONDS)
                self._say(f"{step.what}: Azure asks to wait {seconds} s")
                self._wait(seconds)
            else:
                return

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, method: str, path: str) -> Any:
        return self._arm.request(method, path, RESOURCES_VERSION)

    def _find(self, path: str) -> Any | None:
        try:
            return self._ask("GET", path)
        except ArmError as error:
            if error.status == 404:
                return None
            raise

    def _require_location(self, location: str | None) -> None:
        if location is None:
            raise ArmError("it is not there, and no region was named to make it in", code="LocationMissing")


def subscription_name(arm: Arm, subscription: str) -> str:
    """Display name of a subscription.

    Raises:
        ArmError: it cannot be seen.
    """
    return str(arm.request("GET", f"/subscriptions/{subscription}", RESOURCES_VERSION).get("displayName", ""))


def find_account(arm: Arm, subscription: str, name: str) -> str | None:
    """Resource id of a storage account that is in a subscription already.

    Raises:
        ArmError: the subscription's accounts cannot be listed.
    """
    storage = arm.storage(subscription)
    for account in _call(arm, lambda: list(storage.storage_accounts.list())):
        if account.name and account.name.lower() == name.lower():
            return str(account.id)
    return None


@dataclass(frozen=True)
class Destination:
    """Where an export that is there already delivers to."""

    account_id: str
    container: str
    folder: str
    keeps_runs: bool


def find_destination(arm: Arm, subscription: str, export_name: str) -> Destination | None:
    """The destination of a subscription's export; None where there is no such export.

    Raises:
        ArmError: the subscription's exports cannot be read.
    """
    found = _call_or_none(arm, lambda: arm.exports().get(f"/subscriptions/{subscription}", export_name))
    if found is None:
        return None
    properties = found.as_dict()["properties"]
    target = properties["deliveryInfo"]["destination"]
    if not target.get("resourceId"):
        return None
    return Destination(
        account_id=str(target["resourceId"]),
        container=str(target["container"]),
        folder=str(target.get("rootFolderPath") or ""),
        keeps_runs=str(properties.get("dataOverwriteBehavior", "CreateNewReport")) == "CreateNewReport",
    )


def model_accounts(arm: Arm, subscription: str) -> list[AzureAccount]:
    """Accounts of Azure OpenAI and Foundry in a subscription, for the metrics source.

    Raises:
        ArmError: they cannot be listed.
    """
    path = f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/accounts"
    return sorted(
        (
            AzureAccount(str(entry["id"]), str(entry.get("location", "")))
            for entry in arm.values(path, COGNITIVE_VERSION)
            if str(entry.get("kind", "")).lower() in ("openai", "aiservices")
        ),
        key=lambda account: (account.location, account.id.lower()),
    )


def snippet(request: ConnectRequest, accounts: Sequence[AzureAccount]) -> str:
    """What config/sources.yml needs to read this subscription."""
    short = request.subscription.split("-")[0]
    lines = [f"  - id: azure-exports-{short}", "    type: azure_exports", f"    url: {request.url}"]
    for region in sorted({account.location for account in accounts}):
        lines += [
            f"  - id: azure-openai-{short}-{region}",
            "    type: azure_monitor",
            f"    region: {region}",
            "    resources:",
            *(f"      - {account.id}" for account in accounts if account.location == region),
        ]
    return "\n".join(lines) + "\n"


def _covers(run: Any, period: BillingPeriod | None, as_of: datetime) -> bool:
    """Whether a run of the history delivered a month: all of it where it is over, any part of the current one."""
    start, end, submitted = _day(run.start_date), _day(run.end_date), _day(run.submitted_time)
    if start is None or end is None:
        return False
    if period is None:
        return start == BillingPeriod.containing(as_of.date()).start
    return start == period.start and end >= period.last_day and (submitted or period.end) >= period.end


def _day(moment: datetime | None) -> date | None:
    if moment is None:
        return None
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _differences(found: dict[str, Any], wanted: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Names of settings that are not as wanted; when the schedule began and what it is called do not matter."""
    for name, value in wanted.items():
        if name in ("exportDescription", "recurrencePeriod"):
            continue
        other = found.get(name)
        if isinstance(value, dict):
            yield from _differences(other or {}, value, f"{prefix}{name}.")
        elif str(other).lower() != str(value).lower():
            yield f"{prefix}{name}"


def _parts(resource: str) -> dict[str, str]:
    """``/subscriptions/s/resourceGroups/g/…`` → ``{"subscriptions": s, "resourcegroups": g, …}``."""
    words = resource.strip("/").split("/")
    found = {}
    position = 0
    while position + 1 < len(words):
        if words[position].lower() == "providers":
            position += 2
            continue
        found[words[position].lower()] = words[position + 1]
        position += 2
    return found


def _call(arm: Arm, function: Callable[[], Any]) -> Any:
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        return function()
    except HttpResponseError as error:
        raise in_words(error) from error
    except AzureError as error:
        raise unreachable(arm.endpoint, error) from error


def _call_or_none(arm: Arm, function: Callable[[], Any]) -> Any | None:
    try:
        return _call(arm, function)
    except ArmError as error:
        if error.status == 404:
            return None
        raise


_NEEDED = {
    RegisterProvider: "Contributor on the subscription",
    MakeGroup: "Contributor on the subscription",
    MakeAccount: "Contributor on the resource group",
    MakeContainer: "Contributor on the storage account",
    AssignRole: "Owner, User Access Administrator or Role Based Access Control Administrator at that scope",
    MakeExport: "Cost Management Contributor on the subscription and write access to the storage account",
    RunExport: "Cost Management Contributor on the subscription",
}


def _remedy(error: ArmError, step: Step) -> str:
    match error.status, error.code:
        case None, "LocationMissing":
            return "Name the region with --location, such as --location swedencentral"
        case None, _:
            return "Sign in (az login) and check the network, then run the command again"
        case 401, _:
            return "Sign in again with az login, to the subscription's tenant: az login --tenant <tenant id>"
        case 403, _:
            return f"Whoever runs this needs {_NEEDED[type(step)]}. Roles take some minutes to come into force"
        case _, "SubscriptionNotFound":
            return "Correct --subscription, or sign in to its tenant: az login --tenant <tenant id>"
        case _, "StorageAccountAlreadyTaken":
            return "Somebody else has that name: choose another with --storage-account"
        case _, "PrincipalNotFound" | "InvalidPrincipalId":
            return (
                "Give the object id (not the client id) with --principal-id, and --principal-type where it is no "
                "service principal: az ad sp show --id <client id> --query id"
            )
        case _, "RPNotRegistered" | "MissingSubscriptionRegistration":
            return "The registration takes some minutes to come into force: run the command again then"
        case 429, _:
            return "Azure throttles: run the command again in some minutes, it goes on with what is left"
    return "Correct it and run the command again: what is there stays as it is"
