"""A strict Azure Resource Manager over real HTTP, as far as the actuators use it.

Here: VMs, scale sets, node pools, model deployments, API subscriptions; ETags and 412, long operations (202, then a
state that moves on with each look), 409 while one runs, 403, 404, 429.
Not here: anything that costs money.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.answering import Answer, Request, answering

TOKEN = "the token of the tests"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
Document = dict[str, Any]


@dataclass
class Call:
    method: str
    path: str
    body: Any
    if_match: str | None

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass
class FakeArm:
    """``resources`` are by path below the resource group. ``looks``: how often a long operation is still running."""

    url: str = ""
    resources: dict[str, Document] = field(default_factory=dict)
    looks: int = 0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    forbidden: Callable[[Call], bool] = lambda _call: False
    calls: list[Call] = field(default_factory=list)
    version: int = 0
    running: dict[str, list[Any]] = field(default_factory=dict)
    """Long operations: looks left, and what then becomes so."""

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]

    def add(self, path: str, **document: Any) -> str:
        self.resources[path] = document
        self._touch(path)
        return path

    def vm(self, name: str, power: str = "running", **tags: str) -> str:
        return self.add(f"Microsoft.Compute/virtualMachines/{name}", power=power, tags=tags)

    def scale_set(self, name: str, power: str = "running", **tags: str) -> str:
        return self.add(f"Microsoft.Compute/virtualMachineScaleSets/{name}", power=power, tags=tags)

    def pool(self, cluster: str, name: str, count: int, **properties: Any) -> str:
        path = f"Microsoft.ContainerService/managedClusters/{cluster}/agentPools/{name}"
        settings = {
            "count": count,
            "mode": "User",
            "provisioningState": "Succeeded",
            "vmSize": "Standard_NC24ads_A100_v4",
        }
        return self.add(path, name=name, properties=settings | properties)

    def deployment(self, account: str, name: str, capacity: int) -> str:
        return self.add(
            f"Microsoft.CognitiveServices/accounts/{account}/deployments/{name}",
            name=name, sku={"name": "Standard", "capacity": capacity}, tags={},
            properties={"provisioningState": "Succeeded", "model": {"name": "gpt-5", "format": "OpenAI"}},
        )  # fmt: skip

    def key(self, service: str, name: str, state: str = "active") -> str:
        path = f"Microsoft.ApiManagement/service/{service}/subscriptions/{name}"
        return self.add(path, name=name, properties={"scope": "/apis", "displayName": name, "state": state})

    def handle(self, call: Call) -> tuple[int, Document | None, dict[str, str]]:
        self.calls.append(call)
        if self.answers:
            status, headers = self.answers.pop(0)
            return status, _error(str(status), "as the test chose"), headers
        if self.forbidden(call):
            return 403, _error("AuthorizationFailed", f"no permission to {call.method} {call.path}"), {}
        prefix = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai/providers/"
        if not call.path.startswith(prefix):
            return 404, _error("ResourceGroupNotFound", "Resource group could not be found."), {}
        path, _, verb = call.path.removeprefix(prefix), "", ""
        for candidate in ("deallocate", "start", "instanceView"):
            if path.endswith(f"/{candidate}"):
                path, verb = path.removesuffix(f"/{candidate}"), candidate
        known = self.resources.get(path)
        if known is None:
            return 404, _error("ResourceNotFound", f"{path} was not found."), {}
        if call.method == "GET":
            self._advance(path)
            return 200, self._shown(path, verb), {"ETag": known["etag"]}
        if call.if_match not in (None, "*", known["etag"]):
            return 412, _error("PreconditionFailed", "The ETag does not match."), {}
        if path in self.running:
            return 409, _error("OperationNotAllowed", "Another operation is in progress."), {}
        return self._change(path, known, verb, call)

    def _change(self, path: str, known: Document, verb: str, call: Call) -> tuple[int, Document | None, dict[str, str]]:
        if verb in ("deallocate", "start") and call.method == "POST":
            power = "deallocated" if verb == "deallocate" else "running"
            self._begin(path, {"power": power})
            return (
                202,
                None,
                {"Azure-AsyncOperation": f"{self.url}/operations/1", "Location": f"{self.url}/operations/1"},
            )
        if "/agentPools/" in path and call.method == "PUT":
            wanted = call.body["properties"]
            if wanted.get("enableAutoScaling") and (wanted.get("minCount") is None or wanted.get("maxCount") is None):
                return 400, _error("InvalidParameter", "minCount and maxCount are required with autoscaling"), {}
            if not wanted.get("enableAutoScaling") and ("minCount" in wanted or "maxCount" in wanted):
                return 400, _error("InvalidParameter", "minCount and maxCount need autoscaling"), {}
            if wanted["mode"] == "System" and wanted["count"] < 1:
                return 400, _error("InvalidParameter", "System pools must have at least 1 node"), {}
            self._begin(path, {"properties": {**wanted, "provisioningState": "Succeeded"}})
            return 201, self._shown(path, ""), {"Azure-AsyncOperation": f"{self.url}/operations/1"}
        if "/deployments/" in path and call.method == "PATCH":
            if call.body["sku"]["name"] != known["sku"]["name"]:
                return 400, _error("InvalidSku", "The SKU cannot be changed"), {}
            self._begin(path, {"sku": call.body["sku"]})
            return 202, self._shown(path, ""), {"Location": f"{self.url}/operations/1"}
        if "/subscriptions/" in path and call.method == "PATCH":
            if call.if_match is None:
                return 400, _error("InvalidHeader", "If-Match is required"), {}
            known["properties"] |= call.body["properties"]
            self._touch(path)
            return 200, self._shown(path, ""), {"ETag": known["etag"]}
        return 405, _error("MethodNotAllowed", call.method), {}

    def _begin(self, path: str, becomes: Document) -> None:
        self._touch(path)
        self.running[path] = [self.looks, becomes]
        if self.looks == 0:
            self._advance(path)

    def _advance(self, path: str) -> None:
        if path not in self.running:
            return
        left, becomes = self.running[path]
        if left > 0:
            self.running[path][0] -= 1
            return
        del self.running[path]
        self.resources[path] |= becomes
        self._touch(path)

    def _shown(self, path: str, verb: str) -> Document:
        known = self.resources[path]
        document = {"id": f"/{path}", "name": path.rpartition("/")[2], "type": "x", "location": "westeurope"}
        document |= {name: value for name, value in known.items() if name not in ("power", "etag")}
        is_running = path in self.running
        if "power" in known:
            power = ("deallocating" if known["power"] == "running" else "starting") if is_running else known["power"]
            code = f"PowerState/{power}"
            if verb == "instanceView":
                return {"virtualMachine": {"statusesSummary": [{"code": code, "count": 3}]}}
            view = {"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": code}]}
            document["properties"] = {"instanceView": view}
            return document
        document = json.loads(json.dumps(document))
        if is_running:
            document["properties"]["provisioningState"] = "Updating"
        if "/agentPools/" in path:
            document["properties"]["eTag"] = known["etag"]
        elif "/deployments/" in path:
            document["etag"] = known["etag"]
        return document

    def _touch(self, path: str) -> None:
        self.version += 1
        self.resources[path]["etag"] = f'"{self.version}"'


@contextmanager
def serving() -> Iterator[FakeArm]:
    fake = FakeArm()
    lock = threading.Lock()

    def answer(request: Request, _url: str) -> Answer:
        call = Call(request.method, request.place, request.document, request.headers.get("if-match"))
        with lock:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                status, document, headers = 401, _error("InvalidAuthenticationToken", "no token"), {}
            elif "api-version" not in request.query:
                status, document, headers = 400, _error("MissingApiVersionParameter", "api-version"), {}
            else:
                status, document, headers = fake.handle(call)
        return Answer.of(document, status, {"content-type": "application/json", **headers})

    with answering(answer) as server:
        fake.url = server.url
        yield fake


def _error(code: str, message: str) -> Document:
    return {"error": {"code": code, "message": message}}
