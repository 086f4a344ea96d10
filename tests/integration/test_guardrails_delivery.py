"""From a decision to a receiver over real HTTP: signed, once per decision, whatever fails or dies on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from sqlalchemy import update
from standardwebhooks.webhooks import Webhook

from finops.config.routes import WebhookRoute
from finops.config.routing import Route
from finops.paths import PROJECT_DIR
from guardrails import (
    DeliverySummary,
    Ledger,
    LedgerError,
    MessageStatus,
    Status,
    attempts,
    dead_letters,
    deliver_pending,
    enable_route,
    evaluate,
    messages,
    queue_notification,
    replay_dead_letter,
    webhook_schema,
    write_messages,
)
from guardrails import delivery as delivering
from guardrails import transport as transporting
from guardrails.outbox import LEASE, claim
from guardrails.schema import outbox as outbox_table
from tests.support.answering import Request
from tests.support.guardrail_factory import (
    AS_OF,
    AUDIT_KEY,
    PAUSE,
    ROUTES,
    SECRET,
    budget_fact,
    budget_policy,
    card,
    configuration,
    usage_fact,
    usage_policy,
)
from tests.support.receiver import Receiver, receiving

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-5")

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def the_real_time() -> None:
    """Receivers compare signatures with their clock, and long runs begin a test minutes after its import."""
    global NOW
    NOW = datetime.now(UTC).replace(microsecond=0)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened
        assert opened.verify().is_intact


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def environment(receiver: Receiver) -> dict[str, str]:
    return {"TEAMS_URL": f"{receiver.url}/teams", "HOOK_URL": f"{receiver.url}/hook", "HOOK_SECRET": SECRET}


def trip(ledger: Ledger, **changes: Any) -> str:
    """Record a decision that orders one webhook and no card; its id."""
    config = configuration(budget_policy(pause=[PAUSE]))
    return evaluate(ledger, [budget_fact(**changes)], config, card, as_of=AS_OF).decisions[0].decision_id


def deliver(
    ledger: Ledger, environ: dict[str, str], *, at: datetime | None = None, clock: Clock | None = None, **options: Any
) -> DeliverySummary:
    clock = clock or Clock()
    return deliver_pending(
        ledger, options.pop("routes", ROUTES), environ,
        now=at or NOW, monotonic=clock.monotonic, sleep=clock.sleep, jitter=lambda: 0.5, **options,
    )  # fmt: skip


def test_a_decision_reaches_its_receiver_signed_and_is_enforced(ledger: Ledger, receiver: Receiver) -> None:
    config = configuration(budget_policy(never_touch=["support-copilot"]), usage_policy())
    evaluate(ledger, [budget_fact(), usage_fact()], config, card, as_of=AS_OF)
    summary = deliver(ledger, environment(receiver))
    assert (summary.delivered, summary.waiting, summary.dead) == (4, 0, 0)
    hooks = [request for request in receiver.requests if request.path == "/hook"]
    assert len(hooks) == 2
    for request in hooks:
        body = Webhook(SECRET).verify(request.body, request.headers)
        jsonschema.validate(body, webhook_schema(), jsonschema.Draft202012Validator)
        assert len(request.body) < 20_480
        assert "." not in request.headers["webhook-id"]
        assert request.headers["webhook-id"].startswith(body["data"]["decision_id"])
        assert request.headers["host"] == httpx.URL(receiver.url).netloc.decode()
    pause = json.loads(hooks[0].body)["data"]
    assert pause["action"] == "pause"
    assert pause["target"] == {"type": "team", "value": "search"}
    assert pause["except"] == ["support-copilot"]
    assert pause["evidence"]["value"] == "12504"
    cards = [json.loads(request.body) for request in receiver.requests if request.path == "/teams"]
    assert [attached["attachments"][0]["content"]["type"] for attached in cards] == ["AdaptiveCard"] * 2
    assert {record.status for record in ledger.decisions()} == {Status.ENFORCED}
    assert {target.status for target in ledger.state().targets.values()} == {Status.ENFORCED}


def test_a_release_follows_and_reverts(ledger: Ledger, receiver: Receiver) -> None:
    config = configuration(budget_policy(clear_after=1))
    evaluate(ledger, [budget_fact()], config, card, as_of=AS_OF)
    deliver(ledger, environment(receiver))
    later = AS_OF + timedelta(days=1)
    evaluate(ledger, [budget_fact("0.5", data_through=later)], config, card, as_of=later)
    deliver(ledger, environment(receiver))
    bodies = [json.loads(request.body) for request in receiver.requests if request.path == "/hook"]
    assert [body["type"] for body in bodies] == ["guardrail.tripped", "guardrail.released"]
    assert bodies[1]["data"]["supersedes"] == bodies[0]["data"]["decision_id"]
    for body in bodies:
        jsonschema.validate(body, webhook_schema(), jsonschema.Draft202012Validator)
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED, Status.REVERTED]


@pytest.mark.ids("GUARD-3")
def test_a_dry_run_sends_cards_and_no_order(ledger: Ledger, receiver: Receiver) -> None:
    evaluate(ledger, [budget_fact()], configuration(budget_policy(mode="dry_run")), card, as_of=AS_OF)
    summary = deliver(ledger, environment(receiver))
    assert [request.path for request in receiver.requests] == ["/teams"]
    assert "Dry run" in receiver.requests[0].body
    assert (summary.delivered, summary.withheld) == (1, 1)
    assert summary.sentence == (
        "1 delivered, 0 to be tried again, 0 given up, 0 waiting for configuration, 1 kept by dry runs"
    )


def test_delivering_again_sends_nothing_again(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    deliver(ledger, environment(receiver))
    assert deliver(ledger, environment(receiver)).delivered == 0
    assert len(receiver.requests) == 1


def test_a_moment_of_another_zone_signs_the_same(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    deliver(ledger, environment(receiver), at=NOW.astimezone(timezone(timedelta(hours=9))))
    Webhook(SECRET).verify(receiver.requests[0].body, receiver.requests[0].headers)


def test_while_a_secret_is_replaced_both_verify(ledger: Ledger, receiver: Receiver) -> None:
    old = "whsec_" + "b2xk" * 8
    trip(ledger)
    deliver(ledger, environment(receiver) | {"HOOK_SECRET": f"{SECRET} {old}"})
    for secret in (SECRET, old):
        Webhook(secret).verify(receiver.requests[0].body, receiver.requests[0].headers)


def fails_then(ledger: Ledger, receiver: Receiver, status: int, headers: dict[str, str] | None = None) -> timedelta:
    """Fail once with ``status``, then accept; how long after the failure the message is tried again."""
    trip(ledger)
    receiver.answer = lambda _request: (status, headers or {})
    summary = deliver(ledger, environment(receiver))
    assert (summary.delivered, summary.retrying) == (0, 1)
    (message,) = messages(ledger)
    assert message.status == MessageStatus.PENDING
    assert message.next_attempt_at
    assert f"answered {status}" in (message.error or "")
    receiver.answer = lambda _request: (204, {})
    just_before = message.next_attempt_at - timedelta(seconds=1)
    assert deliver(ledger, environment(receiver), at=just_before).delivered == 0
    assert deliver(ledger, environment(receiver), at=message.next_attempt_at).delivered == 1
    assert len(set(receiver.webhook_ids)) == 1
    assert [(a.number, a.outcome, a.http_status) for a in attempts(ledger, message.message_id)] == [
        (1, "failed", status), (2, "delivered", 204),
    ]  # fmt: skip
    assert [record.status for record in ledger.decisions()] == [Status.ENFORCED]
    return message.next_attempt_at - NOW


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500, 503])
def test_a_failure_is_tried_again_with_the_same_id(ledger: Ledger, receiver: Receiver, status: int) -> None:
    assert fails_then(ledger, receiver, status) == timedelta(seconds=15)


def test_a_redirect_is_not_followed(ledger: Ledger, receiver: Receiver) -> None:
    fails_then(ledger, receiver, 307, {"location": f"{receiver.url}/elsewhere"})
    assert {request.path for request in receiver.requests} == {"/hook"}


def test_retry_after_is_honoured_as_seconds_and_as_a_date(ledger: Ledger, receiver: Receiver) -> None:
    assert fails_then(ledger, receiver, 429, {"retry-after": "120"}) == timedelta(seconds=120)


def test_retry_after_as_a_date(ledger: Ledger, receiver: Receiver) -> None:
    moment = format_datetime(NOW + timedelta(minutes=10), usegmt=True)
    assert fails_then(ledger, receiver, 503, {"retry-after": moment}) == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("header", "seconds"), [("soon", 15), ("1", 15), ("-5", 15), ("99999999999999", 86400), ("", 15)]
)
def test_a_strange_retry_after_does_no_harm(ledger: Ledger, receiver: Receiver, header: str, seconds: int) -> None:
    assert fails_then(ledger, receiver, 429, {"retry-after": header}) == timedelta(seconds=seconds)


def test_retry_after_holds_the_whole_route(ledger: Ledger, receiver: Receiver) -> None:
    facts = [budget_fact(scope_value=name, fact_id=name) for name in ("a", "b")]
    evaluate(ledger, facts, configuration(budget_policy(pause=[PAUSE])), card, as_of=AS_OF)
    receiver.answer = lambda _request: (429, {"retry-after": "60"})
    deliver(ledger, environment(receiver))
    assert len(receiver.requests) == 1, "the second message waits without being tried"
    receiver.answer = lambda _request: (200, {})
    assert deliver(ledger, environment(receiver), at=NOW + timedelta(seconds=60)).delivered == 2


def test_pauses_grow_to_six_hours_and_then_it_is_a_dead_letter_that_can_be_replayed(
    ledger: Ledger, receiver: Receiver
) -> None:
    decision = trip(ledger)
    receiver.answer = lambda _request: (500, {})
    at, pauses = NOW, []
    for _ in range(delivering.MAX_ATTEMPTS - 1):
        deliver(ledger, environment(receiver), at=at)
        due = messages(ledger)[0].next_attempt_at
        assert due
        pauses.append((due - at).total_seconds())
        at = due
    assert pauses == [15, 45, 135, 405, 1215, 3645, 10935, 21600, 21600]
    summary = deliver(ledger, environment(receiver), at=at)
    assert summary.dead == 1
    (dead,) = dead_letters(ledger)
    assert dead.error == "answered 500 Internal Server Error"
    assert "Given up after 10 attempts" in (dead.remedy or "")
    assert [record.status for record in ledger.decisions()] == [Status.FAILED]
    assert deliver(ledger, environment(receiver), at=at + timedelta(days=1)).delivered == 0

    receiver.answer = lambda _request: (200, {})
    replay_dead_letter(ledger, dead.message_id, now=at)
    assert [record.status for record in ledger.decisions()] == [Status.EXECUTING]
    assert deliver(ledger, environment(receiver), at=at).delivered == 1
    assert [(record.decision_id, record.status) for record in ledger.decisions()] == [(decision, Status.ENFORCED)]
    assert len(set(receiver.webhook_ids)) == 1
    assert len(attempts(ledger, dead.message_id)) == 11
    with pytest.raises(LedgerError, match="it is delivered"):
        replay_dead_letter(ledger, dead.message_id, now=at)
    with pytest.raises(LedgerError, match="there is no such message"):
        replay_dead_letter(ledger, "nothing", now=at)


def test_jitter_spreads_the_pauses() -> None:
    assert delivering.pause_before(1, 0.0) == timedelta(seconds=12)
    assert delivering.pause_before(1, 1.0) == timedelta(seconds=18)
    assert delivering.pause_before(10_000, 1.0) == timedelta(hours=7, minutes=12)


def test_410_disables_the_address_until_it_changes_or_somebody_enables_it(ledger: Ledger, receiver: Receiver) -> None:
    facts = [budget_fact(scope_value=name, fact_id=name) for name in ("a", "b", "c")]
    evaluate(ledger, facts, configuration(budget_policy(pause=[PAUSE])), card, as_of=AS_OF)
    receiver.answer = lambda _request: (410, {})
    summary = deliver(ledger, environment(receiver))
    assert (len(receiver.requests), summary.dead, summary.undeliverable) == (1, 1, 2)
    assert "platform-hook: its receiver answered 410 Gone" in summary.remedies[0]
    assert "HOOK_URL" in summary.remedies[0]

    receiver.answer = lambda _request: (200, {})
    later = NOW + timedelta(days=1)
    assert deliver(ledger, environment(receiver), at=later).undeliverable == 2
    assert len(receiver.requests) == 1
    moved = environment(receiver) | {"HOOK_URL": f"{receiver.url}/new"}
    assert deliver(ledger, moved, at=later).delivered == 2
    assert [request.path for request in receiver.requests] == ["/hook", "/new", "/new"]

    (dead,) = dead_letters(ledger)
    replay_dead_letter(ledger, dead.message_id, now=later)
    assert deliver(ledger, environment(receiver), at=later).undeliverable == 1
    enable_route(ledger, "platform-hook", now=later)
    assert deliver(ledger, environment(receiver), at=later).delivered == 1


def test_without_configuration_messages_wait_with_a_remedy_and_go_out_once_it_is_there(
    ledger: Ledger, receiver: Receiver
) -> None:
    evaluate(ledger, [budget_fact()], configuration(), card, as_of=AS_OF)
    summary = deliver(ledger, {"HOOK_URL": " "})
    assert (summary.delivered, summary.undeliverable) == (0, 2)
    assert summary.remedies == (
        "platform-hook: set HOOK_URL and HOOK_SECRET in the environment; messages wait for it",
        "teams-finops: set TEAMS_URL in the environment; messages wait for it",
    )
    assert {message.status for message in messages(ledger)} == {MessageStatus.UNDELIVERABLE}
    assert {message.attempts for message in messages(ledger)} == {0}
    assert "undeliverable until configured: TEAMS_URL not set" in {message.error for message in messages(ledger)}
    assert deliver(ledger, environment(receiver)).delivered == 2


def test_a_bad_secret_is_named_without_being_shown(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    for secret in ("whsec_not base64!", "whsec_c2hvcnQ=", "hunter2!"):
        summary = deliver(ledger, environment(receiver) | {"HOOK_SECRET": secret})
        assert summary.undeliverable == 1
        assert "HOOK_SECRET" in summary.remedies[0]
        assert "openssl rand -base64 32" in summary.remedies[0]
        assert secret not in summary.remedies[0]
    assert receiver.requests == []


def test_a_route_that_was_removed_keeps_its_messages(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    summary = deliver(ledger, environment(receiver), routes=ROUTES[:1])
    assert "add the route to routing.yml again" in summary.remedies[0]
    assert deliver(ledger, environment(receiver)).delivered == 1


def guarded_routes() -> tuple[Route, ...]:
    return (WebhookRoute(id="platform-hook", kind="webhook", url_env="HOOK_URL", secret_env="HOOK_SECRET"),)


@pytest.mark.ids("SEC-2")
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1", "0.0.0.0"]
)
def test_an_address_inside_is_refused_and_uses_up_no_attempt(ledger: Ledger, receiver: Receiver, address: str) -> None:
    trip(ledger)
    port = httpx.URL(receiver.url).port
    environ = environment(receiver) | {"HOOK_URL": f"https://hook.example:{port}/secret-path"}
    for _ in range(delivering.MAX_ATTEMPTS + 1):
        summary = deliver(ledger, environ, routes=guarded_routes(), resolve=lambda _host, _port: [address])
    assert (summary.delivered, summary.undeliverable) == (0, 1)
    assert summary.remedies[0].startswith("platform-hook: HOOK_URL cannot be used: its host resolves to ")
    assert "secret-path" not in summary.remedies[0]
    assert receiver.requests == []
    (message,) = messages(ledger)
    assert (message.status, message.attempts) == (MessageStatus.UNDELIVERABLE, 0)
    assert deliver(ledger, environment(receiver)).delivered == 1, "once the route may, it is sent"


@pytest.mark.ids("SEC-2")
def test_the_name_is_resolved_once_and_the_judged_address_is_connected_to(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    port = httpx.URL(receiver.url).port
    answers = iter([["127.0.0.1"], ["10.9.9.9"]])
    environ = environment(receiver) | {"HOOK_URL": f"http://hook.example.test:{port}/hook"}
    assert deliver(ledger, environ, resolve=lambda _host, _port: next(answers)).delivered == 1
    assert receiver.requests[0].headers["host"] == f"hook.example.test:{port}"


def test_the_next_address_is_tried_where_the_first_takes_no_connection(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    port = httpx.URL(receiver.url).port
    environ = environment(receiver) | {"HOOK_URL": f"http://hook.example.test:{port}/hook"}
    assert deliver(ledger, environ, resolve=lambda _host, _port: ["::1", "127.0.0.1"]).delivered == 1


def test_no_connection_and_no_name_are_tried_again_without_showing_the_address(ledger: Ledger) -> None:
    trip(ledger)
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/secret-path"
        summary = deliver(ledger, {"HOOK_URL": url, "HOOK_SECRET": SECRET})
    assert summary.retrying == 1
    assert "no connection" in (messages(ledger)[0].error or "")

    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    environ = {"HOOK_URL": "https://hook.example/secret-path", "HOOK_SECRET": SECRET}
    assert deliver(ledger, environ, at=NOW + timedelta(minutes=1), resolve=unknown).retrying == 1
    error = messages(ledger)[0].error or ""
    assert error == "the host name could not be resolved: Name or service not known"
    assert "secret-path" not in json.dumps([str(a) for a in attempts(ledger, messages(ledger)[0].message_id)])


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nx-slow: "], ids=["silent", "dripping"])
def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, drip: bytes
) -> None:
    """A receiver that keeps sending a byte now and then must not hold the worker beyond the deadline either."""
    monkeypatch.setattr(transporting, "TIMEOUT_SECONDS", 0.5)
    trip(ledger)
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(drip)
            while not over.wait(0.05):
                if drip:
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        environ = {"HOOK_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/", "HOOK_SECRET": SECRET}
        summary = deliver(ledger, environ)
        over.set()
        thread.join()
    assert summary.retrying == 1
    assert (messages(ledger)[0].error or "").startswith("no answer within")


@pytest.mark.ids("SEC-2")
def test_tls_checks_the_name_although_the_address_is_connected_to(ledger: Ledger, tmp_path: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate(tmp_path, "hook.example.test")))
    with receiving() as receiver, serving_tls(tmp_path, receiver) as port:
        with httpx.Client(verify=trusted, trust_env=False) as client:
            for host, delivered in (("other.example.test", 0), ("hook.example.test", 1)):
                if not messages(ledger):
                    trip(ledger)
                environ = {"HOOK_URL": f"https://{host}:{port}/hook", "HOOK_SECRET": SECRET}
                at = NOW + timedelta(minutes=delivered)
                summary = deliver(ledger, environ, at=at, client=client, resolve=lambda _host, _port: ["127.0.0.1"])
                assert summary.delivered == delivered
        assert [request.headers["host"] for request in receiver.requests] == [f"hook.example.test:{port}"]


@pytest.mark.ids("NOTIF-1")
def test_teams_gets_one_card_a_second(ledger: Ledger, receiver: Receiver) -> None:
    for number in range(3):
        queue_notification(ledger, f"anomaly/{number}/x", "teams-finops", "anomaly", {"type": "message"}, as_of=AS_OF)
    clock = Clock()
    assert deliver(ledger, environment(receiver), clock=clock).delivered == 3
    assert clock.slept == [1.0, 1.0]
    assert [request.body for request in receiver.requests] == ['{"type":"message"}'] * 3
    assert "webhook-id" not in receiver.requests[0].headers


@pytest.mark.ids("NOTIF-1")
def test_a_notification_on_a_webhook_route_is_enveloped(ledger: Ledger, receiver: Receiver) -> None:
    queue_notification(ledger, "anomaly.1", "platform-hook", "anomaly", {"impact": "12.5"}, as_of=AS_OF)
    deliver(ledger, environment(receiver))
    (request,) = receiver.requests
    assert request.headers["webhook-id"] == "anomaly~1"
    assert Webhook(SECRET).verify(request.body, request.headers) == {
        "type": "anomaly", "timestamp": "2026-10-20T06:00:00Z", "data": {"impact": "12.5"},
    }  # fmt: skip


def test_what_is_too_large_is_a_dead_letter_at_once(ledger: Ledger, receiver: Receiver) -> None:
    body = {"type": "message", "text": "x" * 20_480}
    queue_notification(ledger, "large", "teams-finops", "anomaly", body, as_of=AS_OF)
    assert deliver(ledger, environment(receiver)).delivered == 0
    (dead,) = dead_letters(ledger)
    assert dead.error == "the message has 20,508 bytes; receivers take 20,480"
    with pytest.raises(LedgerError, match="cannot be replayed"):
        replay_dead_letter(ledger, "large", now=NOW)


def test_every_message_can_be_looked_at_as_a_file(ledger: Ledger, tmp_path: Path) -> None:
    evaluate(ledger, [budget_fact()], configuration(budget_policy(mode="dry_run")), card, as_of=AS_OF)
    queue_notification(ledger, "anomaly/1/x", "teams-finops", "anomaly", {"type": "message"}, as_of=AS_OF)
    paths = write_messages(ledger, tmp_path / "messages")
    assert len(paths) == 3
    assert paths[2].name == "anomaly-1-x.json"
    assert json.loads(paths[1].read_text())["data"]["dry_run"] is True


def test_two_workers_never_send_the_same_message(tmp_path: Path, ledger: Ledger, receiver: Receiver) -> None:
    facts = [budget_fact(scope_value=f"team-{i}", fact_id=f"f{i}") for i in range(20)]
    policy = budget_policy(pause=[PAUSE], max_targets_per_run=20)
    evaluate(ledger, facts, configuration(policy), card, as_of=AS_OF)
    delivered: list[int] = []

    def work() -> None:
        with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY) as own:
            delivered.append(deliver(own, environment(receiver)).delivered)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(delivered) == 20
    assert Counter(receiver.webhook_ids) == Counter(dict.fromkeys(receiver.webhook_ids, 1))
    assert len(receiver.webhook_ids) == 20


# ── Killed ────────────────────────────────────────────────────────────────────────────────────────────────────────────

EVALUATE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from guardrails import Ledger, evaluate
from tests.support.guardrail_factory import *

config = configuration(budget_policy(pause=[PAUSE]))
with Ledger.open(Path(sys.argv[1]), AUDIT_KEY) as ledger:
    count = 0
    @event.listens_for(ledger.engine, "after_cursor_execute")
    def die(*_):
        global count
        count += 1
        if count == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    evaluate(ledger, [budget_fact()], config, card, as_of=AS_OF)
    print(count)
os.kill(os.getpid(), signal.SIGKILL)
"""

DELIVER = """
import sys
from datetime import datetime
from pathlib import Path
from guardrails import Ledger, deliver_pending
from tests.support.guardrail_factory import *

with Ledger.open(Path(sys.argv[1]), AUDIT_KEY) as ledger:
    environ = {"HOOK_URL": sys.argv[2], "HOOK_SECRET": SECRET}
    deliver_pending(ledger, ROUTES, environ, now=datetime.fromisoformat(sys.argv[3]))
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    return output


def test_killed_after_any_statement_of_an_evaluation_there_is_one_decision_and_one_webhook(
    tmp_path: Path, receiver: Receiver
) -> None:
    whole = start(EVALUATE_AND_DIE, tmp_path / "whole.sqlite", 0)
    statements = int(finish(whole))
    assert whole.returncode == -signal.SIGKILL, "killed between recording and delivering"
    assert statements > 10
    points = [1, statements // 3, statements // 2, statements - 1, statements, 0]
    for point in points:
        path = tmp_path / f"{point}.sqlite"
        process = start(EVALUATE_AND_DIE, path, point)
        finish(process)
        assert process.returncode == -signal.SIGKILL
        with Ledger.open(path, AUDIT_KEY) as ledger:
            assert len(ledger.decisions()) == (1 if point == 0 else 0), "all or nothing"
            assert len(messages(ledger)) == len(ledger.decisions())
            trip(ledger) if point else None
            before = len(receiver.requests)
            deliver(ledger, environment(receiver))
            assert len(receiver.requests) == before + 1
            assert [record.status for record in ledger.decisions()] == [Status.ENFORCED]
            assert ledger.verify().is_intact
    assert len(receiver.requests) == len(points)
    assert len(set(receiver.webhook_ids)) == 1, "the same facts make the same decision everywhere"


def test_killed_while_delivering_the_next_run_sends_the_same_id_and_the_receiver_accepts_one(
    tmp_path: Path, ledger: Ledger, receiver: Receiver
) -> None:
    decision = trip(ledger)
    worker: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill_the_sender(_request: Request) -> tuple[int, dict[str, str]]:
        started.wait()
        worker[0].kill()
        worker[0].wait()
        return 200, {}

    receiver.answer = kill_the_sender
    worker.append(start(DELIVER, tmp_path / "ledger.sqlite", environment(receiver)["HOOK_URL"], NOW.isoformat()))
    started.set()
    finish(worker[0])
    assert worker[0].returncode == -signal.SIGKILL
    (message,) = messages(ledger)
    assert message.status == MessageStatus.PENDING, "received, and not known to be"
    assert len(receiver.requests) == 1

    receiver.answer = lambda _request: (200, {})
    # At once: the lease of a process of this machine that is no more holds nobody up.
    assert deliver(ledger, environment(receiver)).delivered == 1
    assert len(receiver.requests) == 2
    accepted = set(receiver.webhook_ids)
    assert len(accepted) == 1, "a receiver that keeps ids acts once"
    assert receiver.requests[0].body == receiver.requests[1].body
    assert [(record.decision_id, record.status) for record in ledger.decisions()] == [(decision, Status.ENFORCED)]
    assert [a.outcome for a in attempts(ledger, message.message_id)] == ["started", "delivered"]


def test_a_lease_of_a_killed_process_that_nobody_reaped_holds_nobody_up(ledger: Ledger, receiver: Receiver) -> None:
    trip(ledger)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as holder:
        with ledger.write() as write:
            assert claim(write, ["platform-hook"], NOW, spacing={}) is not None
            held = {"lease_holder": f"{socket.gethostname()}:{holder.pid}"}
            write.connection.execute(update(outbox_table).values(**held))
        assert deliver(ledger, environment(receiver)).delivered == 0, "it lives"
        holder.kill()
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        assert deliver(ledger, environment(receiver)).delivered == 1


def test_a_worker_elsewhere_that_died_is_waited_for_until_its_lease_ends(
    ledger: Ledger, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip(ledger)

    class Died(BaseException):
        pass

    def die(_host: str, _port: int) -> list[str]:
        raise Died

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "another-machine")
        with pytest.raises(Died):
            deliver(ledger, environment(receiver), resolve=die)
    assert deliver(ledger, environment(receiver), at=NOW + LEASE - timedelta(seconds=1)).delivered == 0
    assert deliver(ledger, environment(receiver), at=NOW + LEASE + timedelta(seconds=1)).delivered == 1
    assert len(receiver.requests) == 1


def test_a_release_waits_for_the_order_that_is_being_sent(ledger: Ledger, receiver: Receiver) -> None:
    config = configuration(budget_policy(pause=[PAUSE], clear_after=1))
    evaluate(ledger, [budget_fact()], config, card, as_of=AS_OF)
    later = AS_OF + timedelta(days=1)

    def released_meanwhile(_request: Request) -> tuple[int, dict[str, str]]:
        receiver.answer = lambda _next: (200, {})
        evaluate(ledger, [budget_fact("0.5", data_through=later)], config, card, as_of=later)
        return 200, {}

    receiver.answer = released_meanwhile
    assert deliver(ledger, environment(receiver)).delivered == 1
    assert deliver(ledger, environment(receiver), at=NOW + LEASE + timedelta(seconds=1)).delivered == 1
    types = [json.loads(request.body)["type"] for request in receiver.requests]
    assert types == ["guardrail.tripped", "guardrail.released"]
    assert [record.status for record in ledger.decisions()] == [Status.EXPIRED, Status.REVERTED]


# ── TLS for the test above ────────────────────────────────────────────────────────────────────────────────────────────


def certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate for ``host`` and its key, beside each other."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return path


class serving_tls:  # noqa: N801 - used like a function
    """A TLS front that hands connections on to a plain receiver; its port."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        self.upstream = httpx.URL(receiver.url)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> int:
        self.thread.start()
        return int(self.listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def serve(self) -> None:
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(raw, server_side=True) as secure:
                    self.relay(secure)
            except (ssl.SSLError, ConnectionError):
                raw.close()

    def relay(self, secure: ssl.SSLSocket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += secure.recv(65536)
        head, _, body = request.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
        while len(body) < length:
            body += secure.recv(65536)
        with socket.create_connection((self.upstream.host, self.upstream.port)) as plain:
            plain.sendall(head + b"\r\n\r\n" + body)
            secure.sendall(plain.recv(65536))
