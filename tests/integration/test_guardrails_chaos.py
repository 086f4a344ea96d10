"""Whatever fails, dies or lies on the way: no order is lost, none takes effect twice, all are in the audit trail."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy.exc import OperationalError

from finops.config.actuator_routes import KubernetesRoute, TicketRoute
from finops.config.routing import Route
from finops.paths import PROJECT_DIR
from guardrails import Ledger, MessageStatus, Status, dead_letters, enable_route, messages, replay_dead_letter
from guardrails.actuators.record import ActuationStatus, actuations
from guardrails.outbox import LEASE
from tests.support import fake_gateways, postgres
from tests.support.answering import Request
from tests.support.fake_kubernetes import Call, FakeKubernetes, kubeconfig, serving
from tests.support.guardrail_factory import AUDIT_KEY, ROUTES, SECRET
from tests.support.orders import SEARCH, deliver, give_order, give_release
from tests.support.receiver import receiving

pytestmark = pytest.mark.ids("GUARD-5", "GUARD-2")

HOOK = (ROUTES[1],)
CLUSTER: tuple[Route, ...] = (
    KubernetesRoute.model_validate(
        {
            "id": "cluster", "kind": "kubernetes", "kubeconfig_env": "KUBECONFIG_FILE",
            "targets": [{"scope": SEARCH, "namespaces": ["search-batch"], "stop": [{"how": "scale"}]}],
        }
    ),
)  # fmt: skip
PATHS = tuple(f"/apis/apps/v1/namespaces/search-batch/deployments/{name}" for name in ("embedder", "ranker"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened
        assert opened.verify().problems == ()


# ── Killed between every two steps ───────────────────────────────────────────────────────────────────────────────────

NURSERY = """
import json, os, signal, sys
from datetime import datetime
from pydantic import TypeAdapter
from sqlalchemy import event
import kubernetes.client
from finops.config.routing import Route
from guardrails import Ledger, deliver_pending
from tests.support.guardrail_factory import AUDIT_KEY

def work(said):
    routes = TypeAdapter(list[Route]).validate_python(said["routes"])
    with Ledger.open(said["ledger"], AUDIT_KEY) as ledger:
        count = 0
        @event.listens_for(ledger.engine, "commit")
        def committing(_):
            nonlocal count
            count += 1
            if count == said["kill_at_commit"]:
                os.kill(os.getpid(), signal.SIGKILL)
        deliver_pending(ledger, routes, said["environ"], now=datetime.fromisoformat(said["now"]))
        return count

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os._exit(work(json.loads(line)))
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Forks a worker for each line that it reads, so that each need not import everything anew: says its pid, then its exit
status, which is the number of its commits."""


class Nursery:
    """Workers that deliver what is due in a ledger, one at a time, each a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=PROJECT_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": "."},
        )  # fmt: skip

    def start(self, ledger: Path, routes: Sequence[Route], environ: dict[str, str], *, kill_at_commit: int = 0) -> int:
        """The pid of a worker that begins."""
        said = {
            "ledger": str(ledger), "environ": environ, "now": datetime.now(UTC).isoformat(),
            "kill_at_commit": kill_at_commit,
            "routes": TypeAdapter(list[Route]).dump_python(list(routes), mode="json", exclude_unset=True),
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        return self._said()

    def wait(self) -> int:
        """How many commits the worker made, or minus the signal that ended it."""
        return self._said()

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def _said(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


def killed_at(
    nursery: Nursery,
    cluster: FakeKubernetes,
    ledger: Path,
    environ: dict[str, str],
    *,
    request: int = 0,
    when: str = "",
    commit: int = 0,
) -> int:
    """Run a worker that is killed at its n-th commit, or before or after its n-th change of the cluster is made."""
    worker: list[int] = []
    started = threading.Event()
    seen = 0

    def kill(call: Call) -> None:
        nonlocal seen
        if call.writes:
            seen += 1
            if seen == request:
                started.wait()
                os.kill(worker[0], signal.SIGKILL)

    cluster.before = kill if when == "before" else lambda _call: None
    cluster.after = kill if when == "after" else lambda _call: None
    worker.append(nursery.start(ledger, CLUSTER, environ, kill_at_commit=commit))
    started.set()
    status = nursery.wait()
    cluster.before = cluster.after = lambda _call: None
    return status


def points(nursery: Nursery, cluster: FakeKubernetes, ledger: Path, environ: dict[str, str]) -> list[dict[str, Any]]:
    """Every commit, and the moments around every change, of a run that nobody kills."""
    before = len(cluster.writes)
    nursery.start(ledger, CLUSTER, environ)
    commits = nursery.wait()
    changes = len(cluster.writes) - before
    assert (commits > 8, changes) == (True, 2)
    around = [{"request": number, "when": when} for number in range(1, changes + 1) for when in ("before", "after")]
    return [*around, *({"commit": number} for number in range(1, commits + 1))]


def fresh(cluster: FakeKubernetes) -> None:
    cluster.objects.clear()
    cluster.calls.clear()
    cluster.namespace("search-batch")
    for path, replicas in zip(PATHS, (3, 5), strict=True):
        cluster.add(path, {"replicas": replicas})


def replicas(cluster: FakeKubernetes) -> list[int]:
    return [cluster.objects[path]["spec"]["replicas"] for path in PATHS]


def test_killed_between_any_two_steps_of_an_order_it_takes_effect_once_and_is_taken_back_whole(
    tmp_path: Path, nursery: Nursery
) -> None:
    with serving() as cluster:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}
        fresh(cluster)
        with Ledger.open(tmp_path / "whole.sqlite", AUDIT_KEY) as ledger:
            give_order(ledger, CLUSTER, "stop")
        for i, point in enumerate(points(nursery, cluster, tmp_path / "whole.sqlite", environ)):
            fresh(cluster)
            path = tmp_path / f"{i}.sqlite"
            with Ledger.open(path, AUDIT_KEY) as ledger:
                give_order(ledger, CLUSTER, "stop")
                assert killed_at(nursery, cluster, path, environ, **point) == -signal.SIGKILL, point
                deliver(ledger, CLUSTER, environ)
                assert replicas(cluster) == [0, 0], point
                assert [call.path for call in cluster.writes] == list(PATHS), f"each once: {point}"
                assert [record.status for record in ledger.decisions()] == [Status.ENFORCED], point
                assert [row.change.prior for row in actuations(ledger)] == [{"replicas": 3}, {"replicas": 5}], point
                give_release(ledger, CLUSTER, "stop")
                deliver(ledger, CLUSTER, environ)
                assert replicas(cluster) == [3, 5], point
                assert ledger.verify().is_intact


def test_killed_between_any_two_steps_of_a_release_everything_is_put_back(tmp_path: Path, nursery: Nursery) -> None:
    with serving() as cluster:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}

        def held(path: Path) -> Ledger:
            fresh(cluster)
            ledger = Ledger.open(path, AUDIT_KEY)
            give_order(ledger, CLUSTER, "stop")
            deliver(ledger, CLUSTER, environ)
            give_release(ledger, CLUSTER, "stop")
            assert replicas(cluster) == [0, 0]
            cluster.calls.clear()
            return ledger

        with held(tmp_path / "whole.sqlite"):
            pass
        for i, point in enumerate(points(nursery, cluster, tmp_path / "whole.sqlite", environ)):
            path = tmp_path / f"{i}.sqlite"
            with held(path) as ledger:
                assert killed_at(nursery, cluster, path, environ, **point) == -signal.SIGKILL, point
                deliver(ledger, CLUSTER, environ)
                assert replicas(cluster) == [3, 5], point
                assert [call.path for call in cluster.writes] == list(PATHS), f"each once: {point}"
                assert all(cluster.annotations(path) == {} for path in PATHS), point
                assert {row.status for row in actuations(ledger)} == {ActuationStatus.REVERTED}, point
                assert [record.status for record in ledger.decisions()] == [Status.ENFORCED, Status.REVERTED], point
                assert ledger.verify().is_intact


def test_killed_after_a_ticket_was_opened_no_second_one_is(tmp_path: Path, ledger: Ledger, nursery: Nursery) -> None:
    with fake_gateways.serving(fake_gateways.FakeGithub()) as github:
        assert isinstance(github, fake_gateways.FakeGithub)
        routes = (
            TicketRoute.model_validate(
                {
                    "id": "tickets", "kind": "ticket", "system": "github", "url_env": "URL", "token_env": "KEY",
                    "project": "acme/finops", "allow_private_addresses": True,
                }
            ),
        )  # fmt: skip
        environ = {"URL": github.url, "KEY": fake_gateways.TOKEN}
        give_order(ledger, routes, "ticket")
        worker: list[int] = []
        started = threading.Event()

        def kill(call: fake_gateways.Call) -> None:
            if call.writes:
                started.wait()
                os.kill(worker[0], signal.SIGKILL)

        github.after = kill
        worker.append(nursery.start(tmp_path / "ledger.sqlite", routes, environ))
        started.set()
        assert nursery.wait() == -signal.SIGKILL
        github.after = lambda _call: None
        assert len(github.issues) == 1
        assert deliver(ledger, routes, environ).delivered == 1
        assert len(github.issues) == 1


# ── Several workers ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_workers_at_once_change_each_object_once(tmp_path: Path, nursery: Nursery) -> None:
    another = Nursery()
    nurseries = (nursery, another)
    with serving() as cluster:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}
        fresh(cluster)
        path = tmp_path / "ledger.sqlite"
        with Ledger.open(path, AUDIT_KEY) as ledger:
            for number in range(3):
                give_order(ledger, CLUSTER, "stop", policy=f"policy-{number}")
            for one in nurseries:
                one.start(path, CLUSTER, environ)
            assert all(one.wait() > 0 for one in nurseries)
            deliver(ledger, CLUSTER, environ)
            assert replicas(cluster) == [0, 0]
            assert [call.path for call in cluster.writes] == list(PATHS)
            assert {record.status for record in ledger.decisions()} == {Status.ENFORCED}
            for number in range(3):
                assert replicas(cluster) == [0, 0], "until the last of them is over"
                give_release(ledger, CLUSTER, "stop", policy=f"policy-{number}")
                deliver(ledger, CLUSTER, environ)
            assert replicas(cluster) == [3, 5]
    another.close()


def test_a_worker_that_lost_its_claim_stops_before_it_changes_anything(tmp_path: Path, ledger: Ledger) -> None:
    with serving() as cluster:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}
        fresh(cluster)
        give_order(ledger, CLUSTER, "stop")

        def taken_over(call: Call) -> None:
            # The machine slept for longer than the lease, and somebody else did it meanwhile.
            if call.method == "PATCH" and call.is_dry:
                cluster.before = lambda _call: None
                with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY) as other:
                    deliver(other, CLUSTER, environ, at=datetime.now(UTC) + LEASE + timedelta(seconds=5))

        cluster.before = taken_over
        deliver(ledger, CLUSTER, environ)
        assert replicas(cluster) == [0, 0]
        assert [call.path for call in cluster.writes] == list(PATHS)
        assert [message.status for message in messages(ledger)] == [MessageStatus.DELIVERED]


# ── Receivers of webhooks ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def example_receiver(folder: Path, act: Callable[[dict[str, Any]], None]) -> Iterator[str]:
    """The receiver that ships with the product; its address."""
    file = PROJECT_DIR / "deploy" / "webhook-receiver" / "receiver.py"
    spec = importlib.util.spec_from_file_location("example_receiver", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.serve(0, folder / "ids.sqlite", SECRET, act)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_example_receiver_acts_once_per_id_and_again_after_it_failed(tmp_path: Path, ledger: Ledger) -> None:
    acted: list[str] = []
    failing = [True]

    def act(body: dict[str, Any]) -> None:
        if failing and failing.pop():
            raise RuntimeError("the platform is away")
        acted.append(body["data"]["decision_id"])

    with example_receiver(tmp_path, act) as url:
        environ = {"HOOK_URL": url, "HOOK_SECRET": SECRET}
        decision = give_order(ledger, HOOK)
        now = datetime.now(UTC)
        assert deliver(ledger, HOOK, environ, at=now).retrying == 1
        assert acted == []
        assert deliver(ledger, HOOK, environ, at=now + timedelta(minutes=1)).delivered == 1
        # A copy, as after a worker that died before it could note the answer.
        with ledger.write() as write:
            write.connection.exec_driver_sql("UPDATE outbox SET status = 'pending'")
        assert deliver(ledger, HOOK, environ, at=now + timedelta(minutes=2)).delivered == 1
        assert acted == [decision]
        with sqlite3.connect(tmp_path / "ids.sqlite") as ids:
            assert ids.execute("SELECT count(*) FROM seen").fetchone() == (1,)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_ten_minutes_off_is_refused_and_the_reason_is_on_record(
    tmp_path: Path, ledger: Ledger, minutes: int
) -> None:
    acted: list[dict[str, Any]] = []
    with example_receiver(tmp_path, acted.append) as url:
        environ = {"HOOK_URL": url, "HOOK_SECRET": SECRET}
        give_order(ledger, HOOK)
        now = datetime.now(UTC)
        assert deliver(ledger, HOOK, environ, at=now + timedelta(minutes=minutes)).retrying == 1
        (message,) = messages(ledger)
        assert acted == []
        assert message.error is not None
        side = "ahead of" if minutes > 0 else "behind"
        assert message.error == (
            f"answered 401 Unauthorized; this machine's clock is 10 minutes {side} the receiver's: set both by NTP"
        )
        due = message.next_attempt_at
        assert due is not None
        with ledger.write() as write:
            write.connection.exec_driver_sql("UPDATE outbox SET next_attempt_at = NULL")
        assert deliver(ledger, HOOK, environ).delivered == 1
        assert len(acted) == 1


def test_a_receiver_that_is_down_holds_its_route_says_so_and_loses_nothing(ledger: Ledger) -> None:
    with receiving() as receiver:
        environ = {"HOOK_URL": f"{receiver.url}/hook", "HOOK_SECRET": SECRET}
        ids = [give_order(ledger, HOOK, team=f"team-{number}", policy=f"p{number}") for number in range(8)]
        receiver.answer = lambda _request: (503, {})
        now = datetime.now(UTC).replace(microsecond=0)
        summary = deliver(ledger, HOOK, environ, at=now)
        assert len(receiver.requests) == 5, "the others do not use up their attempts"
        assert summary.remedies[0].startswith("platform-hook: held until ")
        assert "after 5 failures in a row, the last: answered 503 Service Unavailable" in summary.remedies[0]
        assert deliver(ledger, HOOK, environ, at=now + timedelta(minutes=4)).remedies[0] == summary.remedies[0]
        deliver(ledger, HOOK, environ, at=now + timedelta(minutes=6))
        assert len(receiver.requests) == 6, "one is tried"
        receiver.answer = lambda _request: (200, {})
        deliver(ledger, HOOK, environ, at=now + timedelta(minutes=12))
        assert len(receiver.requests) == 6, "held for twice as long"
        summary = deliver(ledger, HOOK, environ, at=now + timedelta(minutes=20))
        assert (summary.delivered, summary.remedies) == (8, ())
        assert {record.status for record in ledger.decisions()} == {Status.ENFORCED}
        accepted = [json.loads(request.body)["data"]["decision_id"] for request in receiver.requests[6:]]
        assert sorted(accepted) == sorted(ids)


def test_a_person_need_not_wait_for_a_held_route(ledger: Ledger) -> None:
    with receiving() as receiver:
        environ = {"HOOK_URL": f"{receiver.url}/hook", "HOOK_SECRET": SECRET}
        for number in range(6):
            give_order(ledger, HOOK, team=f"team-{number}", policy=f"p{number}")
        receiver.answer = lambda _request: (500, {})
        now = datetime.now(UTC)
        deliver(ledger, HOOK, environ, at=now)
        receiver.answer = lambda _request: (200, {})
        assert deliver(ledger, HOOK, environ, at=now + timedelta(seconds=30)).delivered == 0
        enable_route(ledger, "platform-hook", now=now)
        assert deliver(ledger, HOOK, environ, at=now + timedelta(seconds=30)).delivered == 6


def test_a_release_never_overtakes_another_policys_order_about_the_same_target(ledger: Ledger) -> None:
    with receiving() as receiver:
        environ = {"HOOK_URL": f"{receiver.url}/hook", "HOOK_SECRET": SECRET}
        first = give_order(ledger, HOOK, policy="first")
        now = datetime.now(UTC)
        deliver(ledger, HOOK, environ, at=now)

        def lose_the_release(request: Request) -> tuple[int, dict[str, str]]:
            return (500, {}) if "released" in request.body and len(receiver.requests) < 3 else (200, {})

        receiver.answer = lose_the_release
        give_release(ledger, HOOK, policy="first")
        deliver(ledger, HOOK, environ, at=now)
        second = give_order(ledger, HOOK, policy="second")
        elsewhere = give_order(ledger, HOOK, policy="second-elsewhere", team="support")
        assert deliver(ledger, HOOK, environ, at=now + timedelta(seconds=5)).delivered == 1, "only about another target"
        assert deliver(ledger, HOOK, environ, at=now + timedelta(minutes=1)).delivered == 2
        heard = [json.loads(request.body) for request in receiver.requests]
        assert [(body["type"].partition(".")[2], body["data"]["supersedes"] or body["data"]["decision_id"])
                for body in heard] == [
            ("tripped", first), ("released", first), ("tripped", elsewhere), ("released", first), ("tripped", second),
        ]  # fmt: skip


def test_a_route_takes_only_so_many_messages_a_minute(ledger: Ledger) -> None:
    slow = (ROUTES[1].model_copy(update={"max_per_minute": 30}),)
    with receiving() as receiver:
        environ = {"HOOK_URL": f"{receiver.url}/hook", "HOOK_SECRET": SECRET}
        for number in range(4):
            give_order(ledger, slow, team=f"team-{number}", policy=f"p{number}")
        slept: list[float] = []
        seconds = [0.0]

        def sleep(wait: float) -> None:
            slept.append(wait)
            seconds[0] += wait

        from guardrails import deliver_pending

        summary = deliver_pending(
            ledger, slow, environ, now=datetime.now(UTC), sleep=sleep, monotonic=lambda: seconds[0]
        )
        assert summary.delivered == 4
        assert slept == [2.0, 2.0, 2.0]


# ── The ledger's own server ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server() -> Iterator[str]:
    with postgres.ledger_server() as address:
        yield address


def test_postgresql_that_goes_away_in_the_middle_loses_no_order_and_doubles_none(server: str, tmp_path: Path) -> None:
    acted: list[str] = []

    def pull_the_plug(body: dict[str, Any]) -> None:
        acted.append(body["data"]["decision_id"])
        if len(acted) == 1:
            postgres.stop(server)

    with example_receiver(tmp_path, pull_the_plug) as url, Ledger.open(server, AUDIT_KEY) as ledger:
        environ = {"HOOK_URL": url, "HOOK_SECRET": SECRET}
        ids = [give_order(ledger, HOOK, team=f"team-{number}", policy=f"p{number}") for number in range(3)]
        with pytest.raises(OperationalError):
            deliver(ledger, HOOK, environ)
        postgres.start(server)
        now = datetime.now(UTC)
        # This very process holds the lease of what it was sending, and lives: it is waited for.
        assert deliver(ledger, HOOK, environ, at=now).delivered == 2
        assert deliver(ledger, HOOK, environ, at=now + LEASE + timedelta(seconds=1)).delivered == 1
        assert sorted(acted) == sorted(ids)
        assert {record.status for record in ledger.decisions()} == {Status.ENFORCED}
        assert ledger.verify().problems == ()


def test_postgresql_restarted_between_two_steps_of_an_order_goes_unnoticed(server: str, tmp_path: Path) -> None:
    with serving() as cluster, Ledger.open(server, AUDIT_KEY) as ledger:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}
        fresh(cluster)

        def restart(call: Call) -> None:
            if call.writes:
                cluster.after = lambda _call: None
                postgres.stop(server)
                postgres.start(server)

        cluster.after = restart
        give_order(ledger, CLUSTER, "stop")
        assert deliver(ledger, CLUSTER, environ).delivered == 1
        assert replicas(cluster) == [0, 0]
        assert [call.path for call in cluster.writes] == list(PATHS)
        give_release(ledger, CLUSTER, "stop")
        assert deliver(ledger, CLUSTER, environ).delivered == 1
        assert replicas(cluster) == [3, 5]
        assert ledger.verify().problems == ()


def test_a_dead_letter_is_replayed_on_postgresql_too(server: str, tmp_path: Path) -> None:
    with serving() as cluster, Ledger.open(server, AUDIT_KEY) as ledger:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}
        give_order(ledger, CLUSTER, "stop")
        assert deliver(ledger, CLUSTER, environ).dead == 1, "there is no such namespace yet"
        fresh(cluster)
        replay_dead_letter(ledger, dead_letters(ledger)[0].message_id, now=datetime.now(UTC))
        assert deliver(ledger, CLUSTER, environ).delivered == 1
        assert replicas(cluster) == [0, 0]


def test_a_fault_of_our_own_keeps_no_other_order_back(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from guardrails.actuators.kubernetes import KubernetesActuator

    honest = KubernetesActuator.plan

    def faulty(self: KubernetesActuator, order: Any) -> Any:
        if order.policy_id == "first":
            raise KeyError("something nobody thought of")
        return honest(self, order)

    monkeypatch.setattr(KubernetesActuator, "plan", faulty)
    with serving() as cluster:
        environ = {"KUBECONFIG_FILE": str(kubeconfig(tmp_path / "kubeconfig", cluster))}
        fresh(cluster)
        give_order(ledger, CLUSTER, "stop", policy="first")
        support = KubernetesRoute.model_validate(
            CLUSTER[0].model_dump(mode="json", exclude_unset=True)
            | {"targets": [{"scope": {"level": "team", "value": "support"}, "namespaces": ["search-batch"],
                            "stop": [{"how": "scale"}]}]}
        )  # fmt: skip
        give_order(ledger, (support,), "stop", policy="second", team="support")
        summary = deliver(ledger, (support,), environ)
        assert (summary.delivered, summary.retrying) == (1, 1)
        assert "unexpected KeyError" in (messages(ledger)[0].error or "")
