"""A strict Kubernetes API over real HTTP: what it would refuse in a cluster, it refuses here.

Here: resourceVersion and 409, dryRun, RBAC and 403, 422, merge patches and their content type, managedFields, lists in
pages, label selectors, zeros that are left out, controllers that set things again, answers that a test chooses.
Not here: anything that runs.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.support.answering import Answer, Request, answering

TOKEN = "the token of the tests"
Document = dict[str, Any]

SPECS: dict[str, dict[str, type]] = {
    "deployments": {"replicas": int, "selector": dict, "template": dict},
    "statefulsets": {"replicas": int, "selector": dict, "template": dict},
    "jobs": {"suspend": bool, "parallelism": int, "template": dict},
    "cronjobs": {"suspend": bool, "schedule": str},
    "resourcequotas": {"hard": dict},
    "localqueues": {"stopPolicy": str, "clusterQueue": str},
    "clusterqueues": {"stopPolicy": str},
    "scaledobjects": {"scaleTargetRef": dict, "minReplicaCount": int},
    "horizontalpodautoscalers": {"scaleTargetRef": dict},
    "namespaces": {"finalizers": list},
}
"""The fields of each spec; an unknown one is a 422, which a real server says of a wrong type."""


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def is_dry(self) -> bool:
        return self.query.get("dryRun") == "All"

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.is_dry


@dataclass
class FakeKubernetes:
    """``objects`` are by path. Everything else bends how the server answers."""

    url: str = ""
    objects: dict[str, Document] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    """Groups of custom resources that are installed, and their preferred version."""
    forbidden: Callable[[Call], bool] = lambda _call: False
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Statuses and headers that the next requests get instead of being handled."""
    before: Callable[[Call], None] = lambda _call: None
    """Runs before a request is handled."""
    after: Callable[[Call], None] = lambda _call: None
    """Runs once it is handled, before it is answered."""
    controllers: list[Callable[[FakeKubernetes, str], None]] = field(default_factory=list)
    """Run after each change of an object, with its path."""
    drops_changes: bool = False
    """Answers 200 and changes nothing."""
    calls: list[Call] = field(default_factory=list)
    version: int = 100
    lock: threading.RLock = field(default_factory=threading.RLock)

    # ── For tests ────────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, path: str, spec: Document | None = None, *, labels: dict[str, str] | None = None, **more: Any) -> str:
        parts = path.strip("/").split("/")
        metadata: Document = {"name": parts[-1], "labels": labels or {}, "managedFields": more.pop("managed", [])}
        if len(parts) > 4 and parts[-4] == "namespaces":
            metadata["namespace"] = parts[-3]
        self.objects[path] = {"metadata": metadata, "spec": spec or {}, **more}
        self._touch(self.objects[path])
        return path

    def namespace(self, name: str, **labels: str) -> str:
        return self.add(f"/api/v1/namespaces/{name}", labels=labels)

    def deployment(self, name: str, replicas: int, **more: Any) -> str:
        namespace, _, own = name.partition("/")
        return self.add(f"/apis/apps/v1/namespaces/{namespace}/deployments/{own}", {"replicas": replicas}, **more)

    def job(self, name: str, **more: Any) -> str:
        namespace, _, own = name.partition("/")
        return self.add(f"/apis/batch/v1/namespaces/{namespace}/jobs/{own}", {"suspend": False}, **more)

    def edit(self, path: str, patch: Document, manager: str = "kubectl-edit") -> None:
        """Somebody else changes an object."""
        with self.lock:
            self._merge(self.objects[path], patch, manager)

    def annotations(self, path: str) -> dict[str, str]:
        return self.objects[path]["metadata"].get("annotations", {})

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]

    # ── The server ───────────────────────────────────────────────────────────────────────────────────────────────────

    def handle(self, call: Call, content_type: str) -> tuple[int, Document, dict[str, str]]:
        with self.lock:
            self.calls.append(call)
            if self.answers:
                status, headers = self.answers.pop(0)
                return status, _status(status, "as the test chose"), headers
            if self.forbidden(call):
                return 403, _status(403, f'cannot {call.method.lower()} "{call.path}": RBAC'), {}
            if call.query.get("dryRun") not in (None, "All"):
                return 422, _status(422, "dryRun: Unsupported value"), {}
            method = getattr(self, f"_{call.method.lower()}", None)
            if method is None:
                return 405, _status(405, "the server does not allow this method"), {}
            status, document = method(call, content_type)
            return status, document, {}

    def _get(self, call: Call, _: str) -> tuple[int, Document]:
        if call.path in self.objects:
            return 200, _shown(self.objects[call.path])
        parts = call.path.strip("/").split("/")
        if len(parts) == 2 and parts[0] == "apis":
            version = self.groups.get(parts[1])
            if version is None:
                return 404, _status(404, "the server could not find the requested resource")
            return 200, {"kind": "APIGroup", "preferredVersion": {"version": version}}
        if parts[-1] in SPECS and parts[-1] != "namespaces":
            return 200, self._listed(call)
        return 404, _status(404, f"{parts[-1]} not found")

    def _listed(self, call: Call) -> Document:
        prefix = call.path + "/"
        names = sorted(path for path in self.objects if path.startswith(prefix) and "/" not in path[len(prefix) :])
        wanted = dict(pair.split("=", 1) for pair in call.query.get("labelSelector", "").split(",") if pair)
        names = [n for n in names if wanted.items() <= self.objects[n]["metadata"]["labels"].items()]
        start, limit = int(call.query.get("continue", 0)), min(int(call.query.get("limit", 500)), 3)
        metadata = {"continue": str(start + limit)} if start + limit < len(names) else {}
        return {"items": [_shown(self.objects[n]) for n in names[start : start + limit]], "metadata": metadata}

    def _patch(self, call: Call, content_type: str) -> tuple[int, Document]:
        if content_type != "application/merge-patch+json":
            return 415, _status(415, f"the body of the request was in an unknown format: {content_type}")
        known = self.objects.get(call.path)
        if known is None:
            return 404, _status(404, f"{call.path} not found")
        version = call.body.get("metadata", {}).pop("resourceVersion", None)
        if version is not None and version != known["metadata"]["resourceVersion"]:
            return 409, _status(409, "the object has been modified; please apply your changes to the latest version")
        problem = _invalid(call.path, call.body)
        if problem:
            return 422, _status(422, problem)
        if call.is_dry or self.drops_changes:
            return 200, _shown(known)
        self._merge(known, call.body, call.query.get("fieldManager", "unknown"))
        for controller in self.controllers:
            controller(self, call.path)
        return 200, _shown(known)

    def _post(self, call: Call, _: str) -> tuple[int, Document]:
        path = f"{call.path}/{call.body['metadata']['name']}"
        if path in self.objects:
            return 409, _status(409, f"{path} already exists")
        problem = _invalid(path, call.body)
        if problem:
            return 422, _status(422, problem)
        if not call.is_dry and not self.drops_changes:
            self.objects[path] = copy.deepcopy(call.body)
            self.objects[path]["metadata"].setdefault("labels", {})
            self._touch(self.objects[path])
        return 201, call.body

    def _delete(self, call: Call, _: str) -> tuple[int, Document]:
        known = self.objects.get(call.path)
        if known is None:
            return 404, _status(404, f"{call.path} not found")
        version = (call.body or {}).get("preconditions", {}).get("resourceVersion")
        if version is not None and version != known["metadata"]["resourceVersion"]:
            return 409, _status(409, "Precondition failed: ResourceVersion")
        if not call.is_dry:
            del self.objects[call.path]
        return 200, _status(200, "deleted")

    def _merge(self, known: Document, patch: Document, manager: str) -> None:
        before = json.dumps({k: v for k, v in known.items() if k != "metadata"}) + json.dumps(
            known["metadata"].get("annotations")
        )
        _merge_into(known, copy.deepcopy(patch))
        after = json.dumps({k: v for k, v in known.items() if k != "metadata"}) + json.dumps(
            known["metadata"].get("annotations")
        )
        if before == after:
            return
        fields = known["metadata"].setdefault("managedFields", [])
        moment = datetime.now(UTC).isoformat()
        for entry in fields:
            _disown(entry["fieldsV1"], _owned(patch))
        fields[:] = [e for e in fields if e["manager"] != manager] + [
            {"manager": manager, "operation": "Update", "time": moment, "fieldsV1": _owned(patch)}
        ]
        self._touch(known)

    def _touch(self, known: Document) -> None:
        self.version += 1
        known["metadata"]["resourceVersion"] = str(self.version)


@contextmanager
def serving() -> Iterator[FakeKubernetes]:
    fake = FakeKubernetes()

    def answer(request: Request, _url: str) -> Answer:
        call = Call(request.method, request.place, request.query, request.document)
        fake.before(call)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            status, document, headers = 401, _status(401, "Unauthorized"), {}
        else:
            status, document, headers = fake.handle(call, request.headers.get("content-type", ""))
        fake.after(call)
        return Answer.of(document, status, headers)

    with answering(answer) as server:
        fake.url = server.url
        yield fake


def kubeconfig(path: Path, fake: FakeKubernetes, token: str = TOKEN) -> Path:
    """A kubeconfig for the server, as a file."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": fake.url}}],
        "users": [{"name": "fake", "user": {"token": token}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def managed_by(manager: str, *path: str, subresource: str | None = None) -> list[Document]:
    """managedFields that give one field to a manager."""
    fields: Document = {}
    inner = fields
    for name in path:
        inner = inner.setdefault(f"f:{name}", {})
    entry = {"manager": manager, "operation": "Update", "time": "2026-10-01T00:00:00Z", "fieldsV1": fields}
    return [entry | ({"subresource": subresource} if subresource else {})]


def _shown(known: Document) -> Document:
    document = copy.deepcopy(known)
    # Integers that may be left out when they are zero are left out.
    if document.get("spec", {}).get("replicas") == 0:
        del document["spec"]["replicas"]
    return document


def _invalid(path: str, body: Document) -> str | None:
    plural = path.split("/")[-2]
    for name, value in (body.get("spec") or {}).items():
        expected = SPECS[plural].get(name)
        if expected is None:
            return f"unknown field spec.{name}"
        if type(value) is not expected:
            return f"spec.{name}: Invalid value: {value!r}"
        if name == "replicas" and value < 0:
            return "spec.replicas: must be greater than or equal to 0"
        if name == "stopPolicy" and value not in ("None", "Hold", "HoldAndDrain"):
            return f"spec.stopPolicy: Unsupported value: {value!r}"
        if name == "hard" and not all(isinstance(v, str | None) for v in value.values()):
            return "spec.hard: quantities are text"
    for name, value in (body.get("metadata", {}).get("annotations") or {}).items():
        if not isinstance(value, str | None):
            return f"metadata.annotations.{name}: must be text"
    return None


def _merge_into(known: Document, patch: Document) -> None:
    """RFC 7386."""
    for name, value in patch.items():
        if value is None:
            known.pop(name, None)
        elif isinstance(value, dict):
            if not isinstance(known.get(name), dict):
                known[name] = {}
            _merge_into(known[name], value)
        else:
            known[name] = value


def _owned(patch: Document) -> Document:
    return {f"f:{name}": _owned(value) if isinstance(value, dict) else {} for name, value in patch.items()}


def _disown(fields: Document, taken: Document) -> None:
    for name in list(fields):
        if name in taken:
            if taken[name] and fields[name]:
                _disown(fields[name], taken[name])
                if not fields[name]:
                    del fields[name]
            else:
                del fields[name]


def _status(code: int, message: str) -> Document:
    return {"kind": "Status", "code": code, "message": message}
