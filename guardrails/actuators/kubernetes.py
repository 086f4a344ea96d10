"""Orders on a Kubernetes cluster: annotations, quotas, Kueue, KEDA, suspended Jobs, replicas.

Here: which objects a target has, how each is read and written, who owns what is written.
Not here: the order of steps (carry_out) and what each way loses (docs/actuators.md).

Every change is one PATCH with the resourceVersion that was read, carrying the state and the mark together: a change by
anybody else in between is a conflict, and nothing is ever half done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from finops.config.actuator_routes import KubernetesRoute, KubernetesStep, KubernetesTarget
from guardrails.actuators.base import (
    Change,
    ConflictError,
    FailedError,
    Found,
    Order,
    Plan,
    RefusedError,
    State,
)
from guardrails.actuators.targets import steps_for, target_for

MANAGER = "aifinops-guardrails"
"""Who we are in managedFields."""
MARK = "aifinops/actuation"
REASON = "aifinops/reason"
THROTTLED = "aifinops/throttled"
NEVER_TOUCH = "aifinops/never-touch"
QUOTA = "aifinops"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
KUEUE = "kueue.x-k8s.io"
TIMEOUT_SECONDS = 20
PAGE = 200
MAX_REASON = 500

_NAMES = ("aifinops/app", "aifinops/team", "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app")
"""Labels that say whose an object is."""
_OWNERS = {
    "keda-operator": "KEDA",
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}
"""Controllers that write replicas again, by their names in managedFields."""


@dataclass(frozen=True)
class _Kind:
    """How the state is found in an object, and put into a patch."""

    read: Callable[[Mapping[str, Any]], State]
    patch: Callable[[State], dict[str, Any]]
    field: tuple[str, ...]
    """Where managedFields have it."""


def _annotation(name: str, key: str) -> _Kind:
    return _Kind(
        lambda o: {key: _annotations(o).get(name)},
        lambda state: {"metadata": {"annotations": {name: state[key]}}},
        ("metadata", "annotations", name),
    )


_KINDS: Mapping[str, _Kind] = {
    "annotate": _annotation(THROTTLED, "throttled"),
    "keda": _annotation(PAUSED_REPLICAS, "paused_replicas"),
    "quota": _Kind(
        lambda o: {"hard": o["spec"].get("hard")}, lambda s: {"spec": {"hard": s["hard"]}}, ("spec", "hard")
    ),
    "suspend_jobs": _Kind(
        lambda o: {"suspend": bool(o["spec"].get("suspend"))},
        lambda s: {"spec": {"suspend": s["suspend"]}},
        ("spec", "suspend"),
    ),
    "kueue": _Kind(
        lambda o: {"stop_policy": o["spec"].get("stopPolicy") or "None"},
        lambda s: {"spec": {"stopPolicy": s["stop_policy"]}},
        ("spec", "stopPolicy"),
    ),
    # A zero that a server leaves out reads as nothing; left out by whoever made the object it would be 1 by now.
    "scale": _Kind(
        lambda o: {"replicas": o["spec"].get("replicas") or 0},
        lambda s: {"spec": {"replicas": s["replicas"]}},
        ("spec", "replicas"),
    ),
}


class KubernetesActuator:
    """One cluster."""

    keeps_marks = True
    is_enforced = True

    def __init__(self, route: KubernetesRoute, client: Any) -> None:
        """``client``: an ``ApiClient`` of the kubernetes package."""
        self._route = route
        self._client = client

    def plan(self, order: Order) -> Plan:
        steps: list[KubernetesStep] = steps_for(self._route, order)
        target: KubernetesTarget = target_for(self._route, order)
        notes: list[str] = []
        namespaces = [name for name in target.namespaces if self._may_touch(name, order, notes)]
        found = [change for step in steps for change in self._changes(step, namespaces, order, notes)]
        # Of two steps that name one object the first counts.
        changes = list({change.object: change for change in reversed(found)}.values())[::-1]
        if len(changes) > self._route.max_objects:
            raise RefusedError(
                f"the order would change {len(changes)} objects; route {self._route.id} allows "
                f"{self._route.max_objects}",
                "Narrow the target's selector, or raise max_objects in routing.yml",
            )
        return Plan(tuple(changes), tuple(notes))

    def rehearse(self, change: Change) -> None:
        found = self.read(change)
        if found is not None:
            self._send(change, found, change.desired, "rehearsal", dry_run=True)

    def read(self, change: Change) -> Found | None:
        document = self._get(change.address["path"])
        if document is None:
            return Found({"hard": None}) if change.how == "quota" else None
        kind = _KINDS[change.how]
        metadata = document["metadata"]
        return Found(
            state=kind.read(document),
            mark=_annotations(document).get(MARK),
            version=metadata["resourceVersion"],
            changed_by=_last_writer(metadata, kind.field),
            in_progress="deletionTimestamp" in metadata,
        )

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        self._send(change, found, state, mark, dry_run=False)

    def close(self) -> None:
        self._client.rest_client.pool_manager.clear()

    # ── What a target has ────────────────────────────────────────────────────────────────────────────────────────────

    def _may_touch(self, namespace: str, order: Order, notes: list[str]) -> bool:
        document = self._get(f"/api/v1/namespaces/{quote(namespace)}")
        if document is None:
            raise RefusedError(
                f"namespace {namespace} does not exist in the cluster of route {self._route.id}",
                "Correct the target's namespaces in routing.yml",
            )
        return _is_free(document, f"Namespace {namespace}", order, notes)

    def _changes(self, step: KubernetesStep, namespaces: list[str], order: Order, notes: list[str]) -> Iterator[Change]:
        match step.how:
            case "annotate":
                for name in namespaces:
                    document = self._get(f"/api/v1/namespaces/{quote(name)}")
                    if document is None:
                        continue
                    words = f"say on namespace {name} that its budget is used; nothing is held back"
                    yield self._change(step, document, "Namespace", words, {"throttled": order.action}, order)
            case "quota":
                for name in namespaces:
                    yield self._quota(step, name, order)
            case "kueue":
                yield from self._queues(step, namespaces, order, notes)
            case "keda":
                path = self._group("keda.sh", "KEDA")
                for document in self._objects(path, "scaledobjects", step, namespaces, order, notes, "ScaledObject"):
                    words = f"KEDA holds it at {step.replicas} replicas"
                    desired = {"paused_replicas": str(step.replicas)}
                    yield self._change(step, document, "ScaledObject", words, desired, order)
            case "suspend_jobs":
                yield from self._jobs(step, namespaces, order, notes)
            case "scale":
                yield from self._replicas(step, namespaces, order, notes)

    def _quota(self, step: KubernetesStep, namespace: str, order: Order) -> Change:
        path = f"/api/v1/namespaces/{quote(namespace)}/resourcequotas/{QUOTA}"
        document = self._get(path)
        hard = {"count/jobs.batch": str(step.jobs)}
        if step.gpus is not None:
            hard[f"requests.{step.gpu_resource}"] = str(step.gpus)
        limits = " and ".join(f"{name} {amount}" for name, amount in hard.items())
        return Change(
            object=f"ResourceQuota {namespace}/{QUOTA}",
            how="quota",
            words=f"allow no more than {limits} in namespace {namespace}; what runs goes on",
            address={"path": path, "namespace": namespace, "reason": order.reason[:MAX_REASON]},
            prior={"hard": None if document is None else document["spec"].get("hard")},
            desired={"hard": hard},
        )

    def _queues(self, step: KubernetesStep, namespaces: list[str], order: Order, notes: list[str]) -> Iterator[Change]:
        base = self._group(KUEUE, "Kueue")
        ends = "what runs is evicted" if step.stop_policy == "HoldAndDrain" else "what runs goes on"
        desired = {"stop_policy": step.stop_policy}
        for name in step.cluster_queues:
            document = self._get(f"{base}/clusterqueues/{quote(name)}")
            if document is None:
                raise RefusedError(f"ClusterQueue {name} does not exist", "Correct cluster_queues in routing.yml")
            if _is_free(document, f"ClusterQueue {name}", order, notes):
                yield self._change(step, document, "ClusterQueue", f"admit nothing new; {ends}", desired, order)
        if not step.cluster_queues:
            for document in self._objects(base, "localqueues", step, namespaces, order, notes, "LocalQueue"):
                yield self._change(step, document, "LocalQueue", f"admit nothing new; {ends}", desired, order)

    def _jobs(self, step: KubernetesStep, namespaces: list[str], order: Order, notes: list[str]) -> Iterator[Change]:
        for document in self._objects("/apis/batch/v1", "jobs", step, namespaces, order, notes, "Job"):
            name = _name(document)
            if _is_finished(document):
                continue
            if KUEUE_QUEUE in _labels(document):
                notes.append(f"Job {name}: Kueue starts and stops it; hold its queue with how: kueue")
                continue
            words = "suspend it: its pods are deleted, what they have not saved is lost"
            yield self._change(step, document, "Job", words, {"suspend": True}, order)
        for document in self._objects("/apis/batch/v1", "cronjobs", step, namespaces, order, notes, "CronJob"):
            words = "start no new Jobs from it; times that pass meanwhile are skipped"
            yield self._change(step, document, "CronJob", words, {"suspend": True}, order)

    def _replicas(
        self, step: KubernetesStep, namespaces: list[str], order: Order, notes: list[str]
    ) -> Iterator[Change]:
        scaled: dict[str, set[tuple[str, str]]] = {name: self._autoscaled(name) for name in namespaces}
        for plural, kind in (("deployments", "Deployment"), ("statefulsets", "StatefulSet")):
            for document in self._objects("/apis/apps/v1", plural, step, namespaces, order, notes, kind):
                name, metadata = _name(document), document["metadata"]
                owner = _owner(metadata)
                if (kind, metadata["name"]) in scaled[metadata["namespace"]]:
                    owner = "a HorizontalPodAutoscaler"
                if owner is not None:
                    remedy = "Use how: keda" if "Horizontal" in owner or owner == "KEDA" else f"Pause it in {owner}"
                    raise RefusedError(
                        f"{kind} {name}: its replicas are set by {owner}, which would set them again",
                        f'{remedy}, leave it out by the target\'s selector, or label it {NEVER_TOUCH}: "true"',
                    )
                words = f"scale it to {step.replicas}; its other pods are ended"
                yield self._change(step, document, kind, words, {"replicas": step.replicas}, order, ("replicas",))

    def _autoscaled(self, namespace: str) -> set[tuple[str, str]]:
        path = f"/apis/autoscaling/v2/namespaces/{quote(namespace)}/horizontalpodautoscalers"
        found = (document["spec"]["scaleTargetRef"] for document in self._list(path, None))
        return {(reference["kind"], reference["name"]) for reference in found}

    def _objects(
        self,
        base: str,
        plural: str,
        step: KubernetesStep,
        namespaces: list[str],
        order: Order,
        notes: list[str],
        kind: str,
    ) -> Iterator[dict[str, Any]]:
        for namespace in namespaces:
            for document in self._list(f"{base}/namespaces/{quote(namespace)}/{plural}", step.selector):
                # Objects in a list do not repeat where they are from.
                document["path"] = f"{base}/namespaces/{quote(namespace)}/{plural}/{document['metadata']['name']}"
                if _is_free(document, f"{kind} {_name(document)}", order, notes):
                    yield document

    def _change(
        self,
        step: KubernetesStep,
        document: Mapping[str, Any],
        kind: str,
        words: str,
        desired: State,
        order: Order,
        lowers: tuple[str, ...] = (),
    ) -> Change:
        return Change(
            object=f"{kind} {_name(document)}",
            how=step.how,
            words=words,
            address={"path": document["path"], "reason": order.reason[:MAX_REASON]},
            prior=_KINDS[step.how].read(document),
            desired=desired,
            lowers=lowers,
        )

    # ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, change: Change, found: Found, state: State, mark: str | None, *, dry_run: bool) -> None:
        path = change.address["path"]
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        annotations = {MARK: mark, REASON: change.address["reason"] if mark else None}
        if change.how == "quota" and (found.version is None or state["hard"] is None):
            self._make_or_remove(change, found, state, annotations, query)
            return
        body = _KINDS[change.how].patch(state)
        body.setdefault("metadata", {}).setdefault("annotations", {}).update(annotations)
        body["metadata"]["resourceVersion"] = found.version
        if change.how == "quota":
            # A merge would keep what the other limit had more.
            body["spec"]["hard"] = {**dict.fromkeys(found.state["hard"] or {}), **state["hard"]}
        if self._call("PATCH", path, query, body, "application/merge-patch+json") is None:
            raise ConflictError(f"{change.object} was deleted")

    def _make_or_remove(
        self, change: Change, found: Found, state: State, annotations: Mapping[str, str | None], query: dict[str, str]
    ) -> None:
        path, namespace = change.address["path"], change.address["namespace"]
        if state["hard"] is None:
            if found.version is not None:
                body: dict[str, Any] = {"preconditions": {"resourceVersion": found.version}}
                self._call("DELETE", path, {key: query[key] for key in query if key == "dryRun"}, body)
            return
        kept = {name: value for name, value in annotations.items() if value is not None}
        metadata = {"name": QUOTA, "namespace": namespace, "annotations": kept}
        body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": state["hard"]}}
        self._call("POST", path.rpartition("/")[0], query, body)

    def _group(self, group: str, product: str) -> str:
        """The path of a group of custom resources, in the version that the cluster prefers."""
        document = self._get(f"/apis/{group}")
        if document is None:
            raise RefusedError(
                f"{product} is not installed in the cluster of route {self._route.id}", "Choose another how"
            )
        return f"/apis/{group}/{document['preferredVersion']['version']}"

    def _get(self, path: str) -> dict[str, Any] | None:
        document = self._call("GET", path)
        return None if document is None else {**document, "path": path}

    def _list(self, path: str, selector: str | None) -> Iterator[dict[str, Any]]:
        query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
        while True:
            document = self._call("GET", path, query) or {"items": [], "metadata": {}}
            yield from document["items"]
            following = document["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any] | None:
        """The answer's document; None: 404."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": "application/json"} | ({"Content-Type": content_type} if body is not None else {})
        try:
            _, url, sent, data, _ = self._client.param_serialize(
                method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = self._client.call_api(
                method, url + (f"?{urlencode(query)}" if query else ""), sent, data, _request_timeout=TIMEOUT_SECONDS
            )
            text = response.read()
        except (HTTPError, ApiException, OSError) as error:
            raise FailedError(f"the cluster gave no answer: {type(error).__name__}") from None
        status: int = response.status
        if status == 404:
            return None
        document = _parsed(text)
        if status < 300:
            if document is None:
                raise FailedError("the cluster's answer is no JSON")
            return document
        said = str((document or {}).get("message") or status)
        match status:
            case 409:
                raise ConflictError(f"conflict: {said}")
            case 403:
                raise RefusedError(
                    f"the cluster refuses it (403): {said}",
                    "Grant the rights of deploy/actuators/kubernetes-rbac.yml, then replay the dead letter",
                )
            case 400 | 422:
                raise RefusedError(f"the cluster does not accept it ({status}): {said}", "Correct the route's targets")
        wait = response.getheader("Retry-After") or ""
        raise FailedError(
            f"the cluster answered {status}: {said}", timedelta(seconds=int(wait)) if wait.isdigit() else None
        )


def connect(route: KubernetesRoute, kubeconfig: str | None) -> KubernetesActuator:
    """The route's cluster: of a kubeconfig's file, or the one that this runs in.

    Raises:
        RefusedError: the kubeconfig, its context or the service account cannot be used.
    """
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    settings = client.Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(client_configuration=settings)
        else:
            config.load_kube_config(kubeconfig, context=route.context, client_configuration=settings)
    except (ConfigException, OSError) as error:
        where = "this pod's service account" if kubeconfig is None else f"the kubeconfig in {route.kubeconfig_env}"
        raise RefusedError(f"{where} cannot be used: {error}", "Correct it, or the route's context") from None
    settings.retries = False
    return KubernetesActuator(route, client.ApiClient(settings))


def _is_free(document: Mapping[str, Any], name: str, order: Order, notes: list[str]) -> bool:
    labels = _labels(document)
    if labels.get(NEVER_TOUCH) == "true":
        notes.append(f"{name}: labelled {NEVER_TOUCH}")
        return False
    excepted: Collection[str] = {labels[key] for key in _NAMES if key in labels} & set(order.excepted)
    if excepted:
        notes.append(f"{name}: {', '.join(sorted(excepted))} is on the policy's never-touch list")
    return not excepted


def _is_finished(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions") or []
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)


def _owner(metadata: Mapping[str, Any]) -> str | None:
    """The controller that owns an object's replicas, where one does that sets them again."""
    for entry in metadata.get("managedFields") or []:
        if _has(entry, ("spec", "replicas")):
            manager = entry.get("manager", "")
            if manager in _OWNERS:
                return _OWNERS[manager]
            if manager == "kube-controller-manager" and entry.get("subresource") == "scale":
                return "a HorizontalPodAutoscaler"
    return None


def _last_writer(metadata: Mapping[str, Any], path: tuple[str, ...]) -> str | None:
    writers = [
        (entry.get("time", ""), entry["manager"])
        for entry in metadata.get("managedFields") or []
        if "manager" in entry and _has(entry, path)
    ]
    return max(writers)[1] if writers else None


def _has(entry: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    fields: Any = entry.get("fieldsV1") or {}
    for name in path:
        fields = fields.get(f"f:{name}")
        if fields is None:
            return False
    return True


def _annotations(document: Mapping[str, Any]) -> Mapping[str, str]:
    return document.get("metadata", {}).get("annotations") or {}


def _labels(document: Mapping[str, Any]) -> Mapping[str, str]:
    return document.get("metadata", {}).get("labels") or {}


def _name(document: Mapping[str, Any]) -> str:
    metadata = document["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else str(metadata["name"])


def _parsed(text: Any) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
