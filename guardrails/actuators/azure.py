"""Orders in an Azure subscription: VMs and scale sets, AKS node pools, capacity of model deployments, API keys.

Here: how each resource is read and written with Microsoft's clients, and what it is doing meanwhile.
Not here: the order of steps (carry_out) and what each way loses (docs/actuators.md).

Long operations are begun and not waited for: the order is looked at again until the resource is as it should be. Where
Azure has an ETag, the write carries it. The clients do not retry: the queue does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from finops.config.actuator_routes import AzureRoute, AzureStep
from guardrails.actuators.base import Change, ConflictError, FailedError, Found, Order, Plan, RefusedError, State
from guardrails.actuators.targets import steps_for
from guardrails.address import RefusedAddressError, locate

NEVER_TOUCH = "aifinops-never-touch"
ENDPOINT = "https://management.azure.com"
_NAMING_TAGS = ("app", "team", "aifinops-app", "aifinops-team")
_MOVING = (
    "starting",
    "stopping",
    "deallocating",
    "updating",
    "creating",
    "scaling",
    "accepted",
    "deleting",
    "canceled",
)


@dataclass(frozen=True)
class _Resource:
    """A resource as read: what is changed, what it is tagged with."""

    found: Found
    tags: Mapping[str, str]
    managed_by: str | None = None


class AzureActuator:
    """One subscription."""

    keeps_marks = False
    is_enforced = True

    def __init__(
        self,
        route: AzureRoute,
        subscription: str,
        endpoint: str,
        credential: Callable[[], Any],
        options: Mapping[str, Any],
    ) -> None:
        """``options`` go to each of Microsoft's clients."""
        self._route = route
        self._subscription = subscription
        self._endpoint = endpoint
        self._credential = credential
        self._options = dict(options)
        self._clients: dict[str, Any] = {}

    def plan(self, order: Order) -> Plan:
        steps: list[AzureStep] = steps_for(self._route, order)
        notes: list[str] = []
        return Plan(tuple(change for step in steps for change in self._changes(step, order, notes)), tuple(notes))

    def rehearse(self, change: Change) -> None:
        """Resource Manager has no dry run of these; that it could be read shows that it is there."""

    def read(self, change: Change) -> Found | None:
        resource = self._resource(AzureStep.model_validate(dict(change.address)))
        return None if resource is None else resource.found

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        step = AzureStep.model_validate(dict(change.address))
        with _in_words(change.object):
            match step.how:
                case "deallocate_vm":
                    machines = self._client("compute").virtual_machines
                    begin = machines.begin_start if state["is_running"] else machines.begin_deallocate
                    begin(step.resource_group, step.name, polling=False)
                case "deallocate_vmss":
                    sets = self._client("compute").virtual_machine_scale_sets
                    begin = sets.begin_start if state["is_running"] else sets.begin_deallocate
                    begin(step.resource_group, step.name, polling=False)
                case "scale_pool":
                    self._scale(step, found, state)
                case "openai_capacity":
                    self._resize(step, found, state)
                case "apim_subscription":
                    from azure.mgmt.apimanagement.models import SubscriptionUpdateParameters

                    self._client("apim").subscription.update(
                        step.resource_group,
                        step.name,
                        step.subscription,
                        found.version or "*",
                        SubscriptionUpdateParameters(state=state["state"]),
                    )

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _changes(self, step: AzureStep, order: Order, notes: list[str]) -> Iterator[Change]:
        label, words, desired, lowers = _wanted(step)
        resource = self._resource(step)
        if resource is None:
            raise RefusedError(
                f"{label} does not exist in the subscription of route {self._route.id}",
                "Correct the route's targets in routing.yml",
            )
        if resource.managed_by is not None:
            raise RefusedError(f"{label} is run by {resource.managed_by}", "Use how: scale_pool for it")
        if resource.tags.get(NEVER_TOUCH) == "true":
            notes.append(f"{label}: tagged {NEVER_TOUCH}")
            return
        excepted = {resource.tags[name] for name in _NAMING_TAGS if name in resource.tags} & set(order.excepted)
        if excepted:
            notes.append(f"{label}: {', '.join(sorted(excepted))} is on the policy's never-touch list")
            return
        prior = resource.found.state
        if "autoscaling" in prior and prior["autoscaling"] is None:
            # Without an autoscaler there is none to turn off, or to turn on again.
            desired = {**desired, "autoscaling": None}
        address = step.model_dump(mode="json", exclude_none=True)
        yield Change(label, step.how, words, address, prior, desired, lowers)

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _resource(self, step: AzureStep) -> _Resource | None:
        from azure.core.exceptions import ResourceNotFoundError

        read = {
            "deallocate_vm": self._machine,
            "deallocate_vmss": self._scale_set,
            "scale_pool": self._pool,
            "openai_capacity": self._deployment,
            "apim_subscription": self._key,
        }[step.how]
        try:
            with _in_words(step.name):
                return read(step)
        except ResourceNotFoundError:
            return None

    def _machine(self, step: AzureStep) -> _Resource:
        machine = self._client("compute").virtual_machines.get(step.resource_group, step.name, expand="instanceView")
        view = machine.instance_view
        codes = [status.code for status in (view.statuses if view else None) or []]
        return _Resource(_powered(codes, "PowerState/running" in codes), machine.tags or {})

    def _scale_set(self, step: AzureStep) -> _Resource:
        sets = self._client("compute").virtual_machine_scale_sets
        whole = sets.get(step.resource_group, step.name)
        view = sets.get_instance_view(step.resource_group, step.name)
        summary = view.virtual_machine.statuses_summary or [] if view.virtual_machine else []
        codes = [one["code"] for one in summary if one["count"]]
        tags = whole.tags or {}
        owner = "AKS" if any(name.startswith("aks-managed-") for name in tags) else None
        return _Resource(_powered(codes, "PowerState/running" in codes), tags, owner)

    def _pool(self, step: AzureStep) -> _Resource:
        pool = self._client("containers").agent_pools.get(step.resource_group, step.name, step.pool)
        known = pool["properties"]
        autoscaling = [known.get("minCount"), known.get("maxCount")] if known.get("enableAutoScaling") else None
        found = Found(
            {"count": known.get("count") or 0, "autoscaling": autoscaling},
            version=known.get("eTag"),
            in_progress=_moves(known.get("provisioningState")),
        )
        return _Resource(found, known.get("tags") or {})

    def _deployment(self, step: AzureStep) -> _Resource:
        known = self._client("models").deployments.get(step.resource_group, step.name, step.deployment)
        state = known.properties.provisioning_state if known.properties else None
        found = Found({"capacity": known.sku.capacity}, version=known.etag, in_progress=_moves(state))
        return _Resource(found, known.tags or {})

    def _key(self, step: AzureStep) -> _Resource:
        known, etag = self._client("apim").subscription.get(
            step.resource_group,
            step.name,
            step.subscription,
            cls=lambda _response, contract, headers: (contract, headers.get("ETag")),
        )
        return _Resource(Found({"state": known.state}, version=etag), {})

    # ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _scale(self, step: AzureStep, found: Found, state: State) -> None:
        from azure.core import MatchConditions

        pools = self._client("containers").agent_pools
        pool = pools.get(step.resource_group, step.name, step.pool)
        pool["properties"]["count"] = state["count"]
        pool["properties"]["enableAutoScaling"] = bool(state["autoscaling"])
        least, most = state["autoscaling"] or (None, None)
        for name, value in (("minCount", least), ("maxCount", most)):
            if value is None:
                pool["properties"].pop(name, None)
            else:
                pool["properties"][name] = value
        condition = {"etag": found.version, "match_condition": MatchConditions.IfNotModified} if found.version else {}
        pools.begin_create_or_update(step.resource_group, step.name, step.pool, pool, polling=False, **condition)

    def _resize(self, step: AzureStep, found: Found, state: State) -> None:
        from azure.mgmt.cognitiveservices.models import PatchResourceTagsAndSku, Sku

        deployments = self._client("models").deployments
        known = deployments.get(step.resource_group, step.name, step.deployment)
        change = PatchResourceTagsAndSku(sku=Sku(name=known.sku.name, capacity=state["capacity"]))
        headers = {"If-Match": found.version} if found.version else {}
        deployments.begin_update(
            step.resource_group, step.name, step.deployment, change, polling=False, headers=headers
        )

    def _client(self, which: str) -> Any:
        if which not in self._clients:
            self._clients[which] = _maker(which)(
                self._credential(), self._subscription, base_url=self._endpoint, **self._options
            )
        return self._clients[which]


def connect(route: AzureRoute, subscription: str, endpoint: str | None, token: str | None) -> AzureActuator:
    """The route's subscription: with a token of its own, or the sign-on of this machine; nothing is called yet.

    Raises:
        RefusedError: the address cannot be used.
    """
    address = endpoint or ENDPOINT
    options: dict[str, Any] = {"retry_total": 0, "connection_timeout": 20, "read_timeout": 20}
    if token is None:
        return AzureActuator(route, subscription, address, _sign_on, options)
    try:
        locate(address, allow_private=True)
    except (RefusedAddressError, OSError) as error:
        raise RefusedError(f"the address in {route.endpoint_env} cannot be used: {error}", "Correct it") from None
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class StaticTokenPolicy(SansIOHTTPPolicy):
        """azure-core's own refuses plain http, also to this machine."""

        def on_request(self, request: Any) -> None:
            request.http_request.headers["Authorization"] = f"Bearer {token}"

    return AzureActuator(
        route, subscription, address, _NoCredential, {**options, "authentication_policy": StaticTokenPolicy()}
    )


class _NoCredential:
    """Clients insist on a credential also where a policy signs the requests."""

    def get_token(self, *_: str, **__: Any) -> Any:
        raise NotImplementedError


def _sign_on() -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _maker(which: str) -> Any:
    match which:
        case "compute":
            from azure.mgmt.compute import ComputeManagementClient

            return ComputeManagementClient
        case "containers":
            from azure.mgmt.containerservice import ContainerServiceClient

            return ContainerServiceClient
        case "models":
            from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

            return CognitiveServicesManagementClient
        case _:
            from azure.mgmt.apimanagement import ApiManagementClient

            return ApiManagementClient


def _wanted(step: AzureStep) -> tuple[str, str, dict[str, Any], tuple[str, ...]]:
    """Name, words, state and what of it is a limit."""
    place = f"{step.resource_group}/{step.name}"
    match step.how:
        case "deallocate_vm":
            words = "deallocate it: what is in memory and on the temporary disk is lost, and its size may be gone later"
            return f"VM {place}", words, {"is_running": False}, ()
        case "deallocate_vmss":
            words = "deallocate all its machines: what is in memory and on temporary disks is lost"
            return f"scale set {place}", words, {"is_running": False}, ()
        case "scale_pool":
            words = f"scale it to {step.count} nodes and turn its autoscaler off; pods on other nodes are evicted"
            desired: dict[str, Any] = {"count": step.count, "autoscaling": None}
            return f"node pool {place}/{step.pool}", words, desired, ("count",)
        case "openai_capacity":
            words = f"leave it {step.capacity} units of capacity; more requests than that are answered 429"
            return f"deployment {place}/{step.deployment}", words, {"capacity": step.capacity}, ("capacity",)
        case _:
            words = "suspend it: requests with its keys are answered 401"
            return f"subscription {place}/{step.subscription}", words, {"state": "suspended"}, ()


def _powered(codes: list[str], is_running: bool) -> Found:
    return Found({"is_running": is_running}, in_progress=any(_moves(code.rpartition("/")[2]) for code in codes))


def _moves(state: str | None) -> bool:
    return (state or "").lower() in _MOVING


class _in_words:  # noqa: N801 - used like a function
    """Turns what Microsoft's clients raise into what an actuator may raise."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError

        if not isinstance(error, AzureError) or isinstance(error, ResourceNotFoundError):
            return
        if not isinstance(error, HttpResponseError) or error.response is None:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise FailedError(f"Azure gave no answer: {said}") from None
        status = error.status_code or 0
        said = f"{self._name}: Azure answered {status} {_said(error)}"
        if status in (409, 412):
            raise ConflictError(said) from None
        if status == 403:
            remedy = "Grant the role of deploy/actuators/azure-role.json, then replay the dead letter"
            raise RefusedError(said, remedy) from None
        if status in (400, 422):
            raise RefusedError(said, "Correct the route's targets in routing.yml") from None
        wait = str(getattr(error.response, "headers", {}).get("Retry-After", ""))
        raise FailedError(said, timedelta(seconds=int(wait)) if wait.isdigit() else None) from None


def _said(error: Any) -> str:
    try:
        said = json.loads(error.response.text())["error"]
        return f"{said['code']}: {said['message']}"[:300]
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(error.message).splitlines()[0] if error.message else ""
