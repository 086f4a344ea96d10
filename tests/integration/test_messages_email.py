"""E-mail from the outbox to a real SMTP server: once under one id, refused, greylisted, encrypted, threaded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finops.config.routes import EmailRoute
from finops.config.routing import Route
from guardrails import (
    DeliverySummary,
    Ledger,
    MessageStatus,
    attempts,
    deliver_pending,
    mail,
    messages,
    queue_notification,
    replay_dead_letter,
)
from reports.messages import MAX_EMAIL_BYTES, email_content
from tests.support.guardrail_factory import AUDIT_KEY
from tests.support.mail_server import MailServer, receiving_mail
from tests.support.messages import links
from tests.support.messages import messages as examples

pytestmark = pytest.mark.ids("NOTIF-1", "GUARD-5")

NOW = datetime(2026, 10, 20, 6, tzinfo=UTC)
TO = ["ann@example.com", "bo@example.com"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY) as opened:
        yield opened
        assert opened.verify().is_intact


@pytest.fixture
def server() -> Iterator[MailServer]:
    with receiving_mail() as found:
        yield found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of localhost, signed by itself; and its key."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def route(server: MailServer, **changes: Any) -> EmailRoute:
    said = {
        "id": "email-finops", "kind": "email", "host_env": "SMTP_HOST", "port": server.port, "security": "none",
        "sender": "aifinops@example.com", "to": TO, "allow_private_addresses": True,
    }  # fmt: skip
    return EmailRoute.model_validate({**said, **changes})


def deliver(
    ledger: Ledger, found: Route, *, at: datetime = NOW, environ: dict[str, str] | None = None
) -> DeliverySummary:
    variables = {"SMTP_HOST": "localhost", **(environ or {})}
    return deliver_pending(ledger, [found], variables, now=at, jitter=lambda: 0.5)


def queue(ledger: Ledger, name: str = "incident", message_id: str = "incident/a/email-finops/opened") -> None:
    message = examples()[name]
    body = email_content(message, links(message))
    assert queue_notification(ledger, message_id, "email-finops", message.kind, body, as_of=NOW)


def status(ledger: Ledger) -> str:
    [found] = messages(ledger)
    return found.status


def test_a_mail_arrives_once_with_both_texts_its_plot_and_its_thread(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    queue(ledger, "incident-over", "incident/a/email-finops/closed")
    assert deliver(ledger, route(server)).delivered == 2
    assert deliver(ledger, route(server)).delivered == 0
    (recipients, opened), (_, closed) = server.mails
    assert recipients == TO
    assert opened["Subject"] == "[Critical] App query-rewriter: USD 738 more than expected"
    assert (opened["Auto-Submitted"], opened["From"]) == ("auto-generated", "aifinops <aifinops@example.com>")
    assert opened["List-Id"] == "aifinops <email-finops.aifinops.example.com>"
    assert opened["Message-ID"] != closed["Message-ID"]
    assert opened["References"] == closed["References"] == opened["In-Reply-To"], "mail programs show them together"
    plain, html = opened.get_body(("plain",)), opened.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "https://finops.example.com/l/acknowledge-token" in plain.get_content()
    assert "cid:plot" in html.get_content()
    [picture] = [part for part in opened.walk() if part.get_content_type() == "image/png"]
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<plot>", "inline")
    assert picture.get_content().startswith(b"\x89PNG")
    assert max(len(line) for line in opened.as_bytes().split(b"\n")) <= 998
    assert len(opened.as_bytes()) < MAX_EMAIL_BYTES


def test_the_id_is_the_same_on_every_attempt(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    said = iter(["451 4.7.1 Greylisted, try again", "250 OK"])
    server.answer = lambda: next(said)
    found = deliver(ledger, route(server))
    assert (found.retrying, status(ledger)) == (1, MessageStatus.PENDING)
    deliver(ledger, route(server), at=NOW + timedelta(minutes=1))
    [first, second] = attempts(ledger, "incident/a/email-finops/opened")
    assert (first.http_status, first.error) == (451, "answered 451 4.7.1 Greylisted, try again")
    assert (second.http_status, second.outcome) == (250, "delivered")
    [(_, mailed)] = server.mails
    again = mail.mime(
        json.loads(messages(ledger)[0].body)["email"],
        message_id="incident/a/email-finops/opened", sender="aifinops@example.com", to=TO, list_id="x", at=NOW,
    )  # fmt: skip
    assert again["Message-ID"] == mailed["Message-ID"]


def test_a_greylisted_recipient_keeps_the_mail_back_for_all_but_not_for_ever(
    ledger: Ledger, server: MailServer
) -> None:
    queue(ledger)
    server.answer_to = lambda address: "450 4.2.0 Greylisted" if address.startswith("bo") else "250 OK"
    at = NOW
    for _ in range(mail.PATIENT_ATTEMPTS):
        assert deliver(ledger, route(server), at=at).delivered == 0
        at += timedelta(hours=1)
    found = deliver(ledger, route(server), at=at)
    assert (found.delivered, found.remedies) == (
        1, ("email-finops: the mail server does not take mail for bo@example.com",),
    )  # fmt: skip
    assert [recipients for recipients, _ in server.mails] == [["ann@example.com"]]


def test_a_refusal_for_good_is_a_dead_letter_that_can_be_replayed(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    server.answer = lambda: "554 5.7.1 Spam"
    assert deliver(ledger, route(server)).dead == 1
    [found] = messages(ledger)
    assert found.error == "answered 554 5.7.1 Spam"
    assert "refuses it for good" in str(found.remedy)
    server.answer = lambda: "250 OK"
    replay_dead_letter(ledger, found.message_id, now=NOW)
    assert deliver(ledger, route(server)).delivered == 1


def test_one_unknown_recipient_is_left_out_and_told(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    server.answer_to = lambda address: "550 5.1.1 No such user" if address.startswith("bo") else "250 OK"
    assert deliver(ledger, route(server)).remedies == (
        "email-finops: the mail server does not take mail for bo@example.com",
    )
    assert status(ledger) == MessageStatus.DELIVERED
    server.answer_to = lambda _: "550 5.1.1 No such user"
    queue(ledger, message_id="other")
    assert deliver(ledger, route(server)).dead == 1


@pytest.mark.ids("SEC-2")
def test_starttls_and_tls_check_the_servers_name(
    ledger: Ledger, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for implicit, security in ((False, "starttls"), (True, "tls")):
        with receiving_mail(certificate[0], key=certificate[1], implicit=implicit, needs_user=True) as server:
            found = route(server, security=security, user_env="SMTP_USER", password_env="SMTP_PASSWORD")
            queue(ledger, message_id=f"one/{security}")
            sign_on = {"SMTP_USER": "robot", "SMTP_PASSWORD": "right"}
            with monkeypatch.context() as patched:
                unknown = deliver(ledger, found, environ=sign_on)
                assert (unknown.delivered, unknown.retrying) == (0, 1), "nobody vouches for the certificate"
                assert server.mails == []
                patched.setenv("SSL_CERT_FILE", str(certificate[0]))
                later = NOW + timedelta(minutes=1)
                wrong = deliver(ledger, found, at=later, environ={**sign_on, "SMTP_PASSWORD": "wrong"})
                assert (wrong.undeliverable, wrong.dead) == (1, 0)
                assert "Correct SMTP_USER and SMTP_PASSWORD" in wrong.remedies[0]
                assert "wrong" not in wrong.remedies[0]
                assert deliver(ledger, found, at=later, environ=sign_on).delivered == 1
            assert (server.users, server.encrypted) == ([b"robot"], [True])


@pytest.mark.ids("SEC-2")
def test_a_mail_never_falls_back_to_plain_text(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    found = deliver(ledger, route(server, security="starttls"))
    assert (found.undeliverable, server.mails) == (1, [])
    assert "offers no STARTTLS" in found.remedies[0]
    public = deliver_pending(
        ledger, [route(server)], {"SMTP_HOST": "mail.example.com"}, now=NOW, resolve=lambda *_: ["93.184.216.34"]
    )
    assert "would travel in plain text on a public network" in public.remedies[0]


@pytest.mark.ids("SEC-2")
def test_a_private_server_is_used_only_where_the_route_says_so(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    found = deliver(ledger, route(server, allow_private_addresses=False))
    assert (found.undeliverable, server.mails) == (1, [])
    missing = deliver_pending(ledger, [route(server)], {}, now=NOW)
    assert missing.remedies == ("email-finops: set SMTP_HOST in the environment; messages wait for it",)
    assert deliver(ledger, route(server)).delivered == 1


def test_a_server_that_is_away_is_tried_again(ledger: Ledger, server: MailServer) -> None:
    queue(ledger)
    with receiving_mail() as other:
        gone = route(other)
    assert deliver(ledger, gone).retrying == 1
    assert deliver(ledger, route(server), at=NOW + timedelta(minutes=1)).delivered == 1
