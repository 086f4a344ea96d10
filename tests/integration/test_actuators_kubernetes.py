"""Orders on a cluster, over the real client and real HTTP: carried out once, verified, taken back from the record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finops.config.actuator_routes import KubernetesRoute
from finops.config.routing import Route
from guardrails import Ledger, LedgerError, MessageStatus, Status, dead_letters, messages, replay_dead_letter
from guardrails.actuators.base import RefusedError
from guardrails.actuators.manage import preview, take_back, verify_actuations
from guardrails.actuators.record import ActuationStatus, actuations
from tests.support.fake_kubernetes import Call, FakeKubernetes, kubeconfig, managed_by, serving
from tests.support.guardrail_factory import AUDIT_KEY
from tests.support.orders import SEARCH, deliver, give_order, give_release

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-5")

MARK = "aifinops/actuation"


@pytest.fixture
def cluster() -> Iterator[FakeKubernetes]:
    with serving() as fake:
        fake.namespace("search-batch")
        yield fake


@pytest.fixture
def environ(cluster: FakeKubernetes, tmp_path: Path) -> dict[str, str]:
    return {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened
        assert opened.verify().problems == ()


def route(**settings: Any) -> tuple[Route, ...]:
    target = {"scope": SEARCH, "namespaces": ["search-batch"]} | settings.pop("target", {})
    document = {
        "id": "cluster", "kind": "kubernetes", "kubeconfig_env": "KUBECONFIG_FILE", "targets": [target],
    }  # fmt: skip
    return (KubernetesRoute.model_validate(document | settings),)


def doing(action: str, *steps: dict[str, Any], **settings: Any) -> tuple[Route, ...]:
    return route(target={action: list(steps)}, **settings)


def statuses(ledger: Ledger) -> list[str]:
    return [row.status.value for row in actuations(ledger)]


# ── Each way of holding something back, and back again ───────────────────────────────────────────────────────────────


def test_replicas_go_to_zero_in_one_conditional_patch_and_come_back_from_the_record(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.deployment("search-batch/embedder", 3)
    routes = doing("stop", {"how": "scale"})
    decision = give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 0
    (write,) = cluster.writes
    assert write.body["spec"] == {"replicas": 0}
    (row,) = actuations(ledger)
    assert write.body["metadata"]["annotations"][MARK] == row.actuation_id
    assert (row.change.prior, row.status, row.decision_id) == ({"replicas": 3}, ActuationStatus.APPLIED, decision)
    assert row.verified_at is not None
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED]

    # Labels and annotations are for people: what is put back is on record.
    cluster.edit(path, {"metadata": {"annotations": {"aifinops/prior-replicas": "99"}}})
    give_release(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 3
    assert MARK not in cluster.annotations(path)
    assert statuses(ledger) == ["reverted"]
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED, Status.REVERTED]
    with ledger.read() as connection:
        events = [row.event for row in connection.exec_driver_sql("SELECT event FROM audit ORDER BY sequence")]
    assert [event for event in events if event.startswith("actuation.")] == [
        "actuation.intended", "actuation.applied", "actuation.verified", "actuation.reverting", "actuation.reverted",
    ]  # fmt: skip


def test_jobs_are_suspended_except_those_that_kueue_runs_that_are_over_or_that_nobody_may_touch(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    paths = [cluster.job(f"search-batch/train-{i}", labels={"tier": "batch"}) for i in range(5)]
    queued = cluster.job("search-batch/queued", labels={"kueue.x-k8s.io/queue-name": "q", "tier": "batch"})
    never = cluster.job("search-batch/payroll", labels={"aifinops/never-touch": "true", "tier": "batch"})
    named = cluster.job("search-batch/copilot", labels={"aifinops/app": "support-copilot", "tier": "batch"})
    other = cluster.job("search-batch/other")
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    over = cluster.job("search-batch/over", labels={"tier": "batch"}, status=done)
    cron = cluster.add(
        "/apis/batch/v1/namespaces/search-batch/cronjobs/nightly", {"schedule": "@daily"}, labels={"tier": "batch"}
    )
    routes = doing("pause", {"how": "suspend_jobs", "selector": "tier=batch"})
    give_order(ledger, routes, never_touch=["support-copilot"])
    assert deliver(ledger, routes, environ).delivered == 1
    assert all(cluster.objects[path]["spec"]["suspend"] for path in [*paths, cron])
    for path in (queued, never, named, other, over):
        assert cluster.objects[path]["spec"]["suspend"] is False, path
    give_release(ledger, routes)
    deliver(ledger, routes, environ)
    assert not any(cluster.objects[path]["spec"]["suspend"] for path in [*paths, cron])


def test_a_quota_is_made_and_removed_or_put_back_where_there_was_one(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    cluster.namespace("search-dev")
    own = cluster.add("/api/v1/namespaces/search-dev/resourcequotas/aifinops", {"hard": {"count/jobs.batch": "9"}})
    routes = route(
        target={"namespaces": ["search-batch", "search-dev"], "throttle": [{"how": "quota", "gpus": 2}]},
    )
    give_order(ledger, routes, "throttle")
    deliver(ledger, routes, environ)
    made = "/api/v1/namespaces/search-batch/resourcequotas/aifinops"
    hard = {"count/jobs.batch": "0", "requests.nvidia.com/gpu": "2"}
    assert cluster.objects[made]["spec"]["hard"] == hard
    assert cluster.objects[own]["spec"]["hard"] == hard
    give_release(ledger, routes, "throttle")
    deliver(ledger, routes, environ)
    assert made not in cluster.objects
    assert cluster.objects[own]["spec"]["hard"] == {"count/jobs.batch": "9"}


def test_kueue_queues_and_keda_objects_are_held_and_namespaces_annotated(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    cluster.groups = {"kueue.x-k8s.io": "v1beta1", "keda.sh": "v1alpha1"}
    queue = cluster.add("/apis/kueue.x-k8s.io/v1beta1/namespaces/search-batch/localqueues/team", {"clusterQueue": "c"})
    scaled = cluster.add("/apis/keda.sh/v1alpha1/namespaces/search-batch/scaledobjects/api")
    steps = [{"how": "kueue", "stop_policy": "HoldAndDrain"}, {"how": "keda"}, {"how": "annotate"}]
    routes = doing("pause", *steps)
    give_order(ledger, routes)
    deliver(ledger, routes, environ)
    namespace = "/api/v1/namespaces/search-batch"
    assert cluster.objects[queue]["spec"]["stopPolicy"] == "HoldAndDrain"
    assert cluster.annotations(scaled)["autoscaling.keda.sh/paused-replicas"] == "0"
    assert cluster.annotations(namespace)["aifinops/throttled"] == "pause"
    assert "budget" in cluster.annotations(namespace)["aifinops/reason"]
    give_release(ledger, routes)
    deliver(ledger, routes, environ)
    assert cluster.objects[queue]["spec"]["stopPolicy"] == "None"
    assert cluster.annotations(scaled) == cluster.annotations(namespace) == {}


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("managed", "by"),
    [
        (managed_by("keda-operator", "spec", "replicas"), "KEDA"),
        (managed_by("argocd-controller", "spec", "replicas"), "Argo CD"),
        (managed_by("kube-controller-manager", "spec", "replicas", subresource="scale"), "a HorizontalPodAutoscaler"),
    ],
)
def test_replicas_that_a_controller_would_set_again_are_not_touched(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger, managed: list[dict[str, Any]], by: str
) -> None:
    cluster.deployment("search-batch/embedder", 3, managed=managed)
    cluster.deployment("search-batch/another", 2)
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).dead == 1
    (dead,) = dead_letters(ledger)
    assert f"its replicas are set by {by}" in (dead.error or "")
    assert cluster.writes == []
    assert [record.status for record in ledger.decisions()] == [Status.FAILED]


def test_a_target_an_action_and_a_namespace_that_the_route_does_not_know_are_never_guessed(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    cluster.deployment("search-batch/embedder", 3)
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop", team="support")
    give_order(ledger, routes, "pause", policy="another")
    missing = route(
        id="elsewhere",
        target={"namespaces": ["search-prod"], "stop": [{"how": "scale"}]},
    )
    give_order(ledger, missing, "stop", policy="third")
    assert deliver(ledger, [*routes, *missing], environ).dead == 3
    said = {dead.error: dead.remedy for dead in dead_letters(ledger)}
    assert said == {
        "route cluster does not know team:support": "Add it to the route's targets in routing.yml, then replay the "
        "dead letter",
        "route cluster has no pause for team:search": "Add pause: to the target in routing.yml, or ask for another "
        "action in guardrails.yml",
        "namespace search-prod does not exist in the cluster of route elsewhere": "Correct the target's namespaces in "
        "routing.yml",
    }
    assert cluster.writes == []


def test_more_objects_than_the_route_allows_are_refused_whole(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    for i in range(4):
        cluster.job(f"search-batch/train-{i}")
    routes = doing("pause", {"how": "suspend_jobs"}, max_objects=3)
    give_order(ledger, routes)
    assert deliver(ledger, routes, environ).dead == 1
    assert "would change 4 objects; route cluster allows 3" in (dead_letters(ledger)[0].error or "")
    assert cluster.writes == []


def test_rights_that_are_missing_are_found_by_the_dry_run_before_anything_is_changed_and_can_be_granted(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    paths = [cluster.deployment(f"search-batch/{name}", 2) for name in "ab"]
    cluster.forbidden = lambda call: call.method == "PATCH" and call.path.endswith("/b")
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).dead == 1
    (dead,) = dead_letters(ledger)
    assert "RBAC" in (dead.error or "")
    assert "deploy/actuators/kubernetes-rbac.yml" in (dead.remedy or "")
    assert cluster.writes == []
    cluster.forbidden = lambda _call: False
    replay_dead_letter(ledger, dead.message_id, now=datetime.now(UTC))
    assert deliver(ledger, routes, environ).delivered == 1
    assert [cluster.objects[path]["spec"]["replicas"] for path in paths] == [0, 0]
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED]


# ── Trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_under_our_hands_is_a_conflict_and_the_newest_state_is_what_comes_back(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.deployment("search-batch/embedder", 3)

    def scaled_meanwhile(call: Call) -> None:
        if call.method == "PATCH" and not call.is_dry:
            cluster.before = lambda _call: None
            cluster.edit(path, {"spec": {"replicas": 5}}, "somebody")

    cluster.before = scaled_meanwhile
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 0
    assert statuses(ledger) == ["abandoned", "applied"]
    give_release(ledger, routes, "stop")
    deliver(ledger, routes, environ)
    assert cluster.objects[path]["spec"]["replicas"] == 5


@pytest.mark.parametrize(("status", "headers", "seconds"), [(429, {"Retry-After": "90"}, 90), (503, {}, 15)])
def test_overload_is_tried_again_not_before_the_server_says(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger, status: int, headers: dict[str, str], seconds: int
) -> None:
    path = cluster.deployment("search-batch/embedder", 3)
    cluster.answers = [(status, headers)]
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    now = datetime.now(UTC).replace(microsecond=0)
    assert deliver(ledger, routes, environ, at=now).retrying == 1
    (message,) = messages(ledger)
    assert message.next_attempt_at is not None
    assert timedelta(seconds=seconds) <= message.next_attempt_at - now < timedelta(seconds=seconds + 5)
    assert deliver(ledger, routes, environ, at=now + timedelta(seconds=seconds + 5)).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 0


def test_what_somebody_makes_of_an_object_while_it_is_held_stays_when_it_is_released(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.deployment("search-batch/embedder", 3)
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    deliver(ledger, routes, environ)
    cluster.edit(path, {"spec": {"replicas": 1}}, "an-engineer")
    give_release(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 1
    assert MARK not in cluster.annotations(path)
    (row,) = actuations(ledger)
    assert (row.status, row.error) == (
        ActuationStatus.LEFT, "changed meanwhile: replicas is 1 instead of 0; last set by an-engineer",
    )  # fmt: skip


def test_what_was_so_already_is_not_ours_to_put_back(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.job("search-batch/train")
    cluster.edit(path, {"spec": {"suspend": True}})
    routes = doing("pause", {"how": "suspend_jobs"})
    give_order(ledger, routes)
    assert deliver(ledger, routes, environ).delivered == 1
    give_release(ledger, routes)
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["suspend"] is True
    assert cluster.writes == []


def test_a_controller_that_sets_it_again_at_once_makes_the_order_fail_and_is_named(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    cluster.deployment("search-batch/embedder", 3)
    cluster.controllers = [lambda fake, path: fake.edit(path, {"spec": {"replicas": 3}}, "some-operator")]
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).dead == 1
    (dead,) = dead_letters(ledger)
    assert "replicas is 3 instead of 0; last set by some-operator" in (dead.error or "")
    assert [record.status for record in ledger.decisions()] == [Status.FAILED]


def test_a_server_that_says_yes_and_does_nothing_is_found_out(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    cluster.deployment("search-batch/embedder", 3)
    cluster.drops_changes = True
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).dead == 1
    assert "the change did not hold" in (dead_letters(ledger)[0].error or "")


def test_a_controller_that_sets_it_again_later_is_found_by_verification(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.deployment("search-batch/embedder", 3)
    held = cluster.deployment("search-batch/held", 2)
    gone = cluster.deployment("search-batch/gone", 1)
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    deliver(ledger, routes, environ)
    cluster.edit(path, {"spec": {"replicas": 3}}, "argocd-controller")
    del cluster.objects[gone]
    found = verify_actuations(ledger, routes, environ, now=datetime.now(UTC))
    assert (found.holding, len(found.drifts), found.gone) == (1, 1, 1)
    assert found.drifts[0].sentence == (
        "team:search: Deployment search-batch/embedder was not left as stop had set it: replicas is 3 instead of 0; "
        "last set by argocd-controller"
    )
    assert [record.status for record in ledger.decisions()] == [Status.FAILED]
    assert cluster.objects[path]["spec"]["replicas"] == 3, "nobody fights with a controller"
    again = verify_actuations(ledger, routes, environ, now=datetime.now(UTC))
    assert (again.holding, len(again.drifts), again.gone) == (1, 1, 0)
    give_release(ledger, routes, "stop")
    deliver(ledger, routes, environ)
    assert cluster.objects[held]["spec"]["replicas"] == 2
    assert verify_actuations(ledger, routes, {}, now=datetime.now(UTC)).sentence.startswith("0 changes hold, 0 do not")


# ── Several orders on one object ─────────────────────────────────────────────────────────────────────────────────────


def test_two_policies_hold_one_object_until_both_are_over_whatever_the_order(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.deployment("search-batch/embedder", 6)
    routes = route(
        target={"throttle": [{"how": "scale", "replicas": 2}], "stop": [{"how": "scale"}]},
    )
    for first, second in (("throttle", "stop"), ("stop", "throttle")):
        for ends_first in ("throttle", "stop"):
            tag = f"{first}-{second}-{ends_first}"
            for action in (first, second):
                give_order(ledger, routes, action, policy=f"{action}-{tag}")
                deliver(ledger, routes, environ)
            assert cluster.objects[path]["spec"]["replicas"] == 0, tag
            ends_last = "stop" if ends_first == "throttle" else "throttle"
            give_release(ledger, routes, ends_first, policy=f"{ends_first}-{tag}")
            deliver(ledger, routes, environ)
            assert cluster.objects[path]["spec"]["replicas"] == (0 if ends_last == "stop" else 2), tag
            give_release(ledger, routes, ends_last, policy=f"{ends_last}-{tag}")
            deliver(ledger, routes, environ)
            assert cluster.objects[path]["spec"]["replicas"] == 6, tag
            assert MARK not in cluster.annotations(path)


def test_an_order_never_raises_a_limit(cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger) -> None:
    path = cluster.deployment("search-batch/embedder", 1)
    routes = doing("throttle", {"how": "scale", "replicas": 2})
    give_order(ledger, routes, "throttle")
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 1
    assert cluster.writes == []


# ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_takes_back_what_a_decision_did(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    path = cluster.deployment("search-batch/embedder", 3)
    routes = doing("stop", {"how": "scale"})
    decision = give_order(ledger, routes, "stop")
    deliver(ledger, routes, environ)
    take_back(ledger, decision, who="ann", why="customers wait", now=datetime.now(UTC))
    assert deliver(ledger, routes, environ).delivered == 1
    assert cluster.objects[path]["spec"]["replicas"] == 3
    assert [record.status for record in ledger.decisions()] == [Status.REVERTED]
    # The policy goes on judging: nothing is ordered again for the same cause, and its release finds nothing to undo.
    give_release(ledger, routes, "stop")
    assert deliver(ledger, routes, environ).dead == 0
    assert cluster.objects[path]["spec"]["replicas"] == 3
    with pytest.raises(LedgerError, match="there is nothing to take back"):
        take_back(ledger, decision, who="ann", why="again", now=datetime.now(UTC))
    with pytest.raises(LedgerError, match="there is no decision gd_nothing"):
        take_back(ledger, "gd_nothing", who="ann", why="again", now=datetime.now(UTC))


@pytest.mark.ids("GUARD-3")
def test_a_preview_shows_what_would_change_checked_by_the_cluster_and_changes_nothing(
    cluster: FakeKubernetes, environ: dict[str, str]
) -> None:
    cluster.deployment("search-batch/embedder", 3)
    (own,) = doing("stop", {"how": "scale"})
    assert isinstance(own, KubernetesRoute)
    plan = preview(own, environ, "stop", "team", "search")
    assert [(change.object, change.prior, change.desired) for change in plan.changes] == [
        ("Deployment search-batch/embedder", {"replicas": 3}, {"replicas": 0})
    ]
    assert [call.is_dry for call in cluster.calls if call.method == "PATCH"] == [True]
    with pytest.raises(RefusedError, match="route cluster does not know app:chat"):
        preview(own, environ, "stop", "app", "chat")


def test_without_its_kubeconfig_orders_wait(ledger: Ledger, environ: dict[str, str], tmp_path: Path) -> None:
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    assert deliver(ledger, routes, {}).remedies == (
        "cluster: set KUBECONFIG_FILE in the environment; messages wait for it",
    )
    broken = tmp_path / "broken"
    broken.write_text("clusters: []")
    summary = deliver(ledger, routes, {"KUBECONFIG_FILE": str(broken)})
    assert summary.remedies[0].startswith("cluster: the kubeconfig in KUBECONFIG_FILE cannot be used")
    assert {message.status for message in messages(ledger)} == {MessageStatus.UNDELIVERABLE}


def test_the_record_says_what_was_there_before(
    cluster: FakeKubernetes, environ: dict[str, str], ledger: Ledger
) -> None:
    cluster.deployment("search-batch/embedder", 3)
    routes = doing("stop", {"how": "scale"})
    give_order(ledger, routes, "stop")
    deliver(ledger, routes, environ)
    with ledger.engine.connect() as connection, connection.begin():
        (document,) = connection.exec_driver_sql("SELECT document FROM actuation").scalars()
        forged = json.dumps(json.loads(document) | {"prior": {"replicas": 300}})
        connection.exec_driver_sql("UPDATE actuation SET document = ?", (forged,))
    (problem,) = ledger.verify().problems
    assert problem.startswith("actuation ac_")
    with ledger.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE actuation SET document = ?", (document,))
