"""E-mail: one attempt to hand a message to an SMTP server.

Here: MIME, threading headers, the conversation, what the server's answers mean.
Not here: what the mail says (reports), the queue and when to try again (outbox, delivery).

The message's id is its Message-ID, so a receiver can tell a copy. All recipients get one mail or none does yet: while
one of them is refused for the moment (greylisting), nothing is sent. One that is refused for good is left out, and so
is one that is still refused at the sixth attempt, half an hour later: a full mailbox must not keep it from the others.
"""

from __future__ import annotations

import base64
import hashlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from finops.config.routes import EmailRoute
from guardrails.address import RefusedAddressError, Resolve, locate_host
from guardrails.transport import TIMEOUT_SECONDS

MAX_EMAIL_BYTES = 100 * 1024
PATIENT_ATTEMPTS = 5
_DEADLINE_SECONDS = 45.0
"""For the whole conversation: less than the lease of a message, so that two workers never send it."""


@dataclass(frozen=True)
class MailAnswer:
    """``error`` None: it was taken. ``refused``: recipients that the server never takes."""

    code: int | None
    error: str | None
    is_permanent: bool = False
    refused: tuple[str, ...] = ()


class _Pinned(smtplib.SMTP):
    """Connects to an address that was judged, not to the name, which may resolve differently a moment later."""

    def __init__(self, address: str, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context
        super().__init__(host, port, local_hostname="[127.0.0.1]", timeout=TIMEOUT_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # The name is still what certificates are checked for.
        found = socket.create_connection((self._address, port), timeout)
        return self._context.wrap_socket(found, server_hostname=host) if self._context else found


class AttachmentError(ValueError):
    """A file that a mail is to carry is gone, or is another one by now."""


def mime(
    content: Mapping[str, Any],
    *,
    message_id: str,
    sender: str,
    to: Sequence[str],
    list_id: str,
    at: datetime,
    files: Path | None = None,
) -> EmailMessage:
    """The mail of ``{subject, text, html, images, thread, kind}``, images as base64 PNG by content id.

    ``attachments`` in it, where given: ``[{name, path, sha256}]``, PDF files below ``files``. The queue keeps their
    digest and not their bytes, so that it stays small and nobody exchanges them on the way.

    Raises:
        AttachmentError: a file is not there, or is not the one that was queued.
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = content["subject"]
    mail["From"] = Address("aifinops", addr_spec=sender)
    mail["To"] = ", ".join(to)
    mail["Date"] = at
    mail["Message-ID"] = f"<{_local_part(message_id)}@{domain}>"
    if content["thread"]:
        # Mail programs show together what names the same first message, also where that was never sent.
        root = f"<thread.{hashlib.sha256(content['thread'].encode()).hexdigest()[:32]}@{domain}>"
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["List-Id"] = f"aifinops <{list_id}.aifinops.{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Aifinops-Kind"] = content["kind"]
    mail.set_content(content["text"])
    mail.add_alternative(content["html"], subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    for name, data in content["images"].items():
        html.add_related(  # type: ignore[union-attr]
            base64.b64decode(data), "image", "png", cid=f"<{name}>", filename=f"{name}.png", disposition="inline"
        )
    for attached in content.get("attachments", ()):
        mail.add_attachment(_attached(attached, files), "application", "pdf", filename=attached["name"])
    return mail


def _attached(said: Mapping[str, str], files: Path | None) -> bytes:
    if files is None:
        raise AttachmentError(f"{said['name']} cannot be attached: this command does not know the home's files")
    try:
        data = (files / said["path"]).read_bytes()
    except OSError:
        raise AttachmentError(f"{said['path']} is gone from {files}") from None
    if hashlib.sha256(data).hexdigest() != said["sha256"]:
        raise AttachmentError(f"{said['path']} in {files} is not the file that was queued")
    return data


def send_mail(
    route: EmailRoute,
    environ: Mapping[str, str],
    content: Mapping[str, Any],
    *,
    message_id: str,
    attempt: int,
    now: datetime,
    resolve: Resolve,
    files: Path | None = None,
) -> MailAnswer:
    """One attempt.

    Args:
        attempt: which one it is, from 1.
        files: the folder that paths of attachments are below.

    Raises:
        RefusedAddressError: the server must not be called, has no TLS or does not take the name and password.
        OSError: its name cannot be resolved at the moment.
        AttachmentError: a file that it is to carry is gone or another one.
    """
    host = environ[route.host_env].strip()
    addresses = locate_host(host, route.port, allow_private=route.allow_private_addresses, resolve=resolve)
    if route.security == "none" and any(kind == "public" for _, kind in addresses):
        raise RefusedAddressError("its mail would travel in plain text on a public network", "Use security: starttls")
    mail = mime(content, message_id=message_id, sender=route.sender, to=route.to, list_id=route.id, at=now, files=files)
    trust = ssl.create_default_context()
    answer = MailAnswer(None, "no address")
    for address, _kind in addresses:
        try:
            server = _Pinned(address, host, route.port, trust if route.security == "tls" else None)
        except smtplib.SMTPResponseException as error:
            return _answer(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            answer = MailAnswer(None, f"no connection: {error}")
            continue
        try:
            return _converse(server, route, environ, mail, trust, attempt)
        except smtplib.SMTPResponseException as error:
            return _answer(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            return MailAnswer(None, f"the connection broke: {error}")
        finally:
            server.close()
    return answer


def _converse(
    server: smtplib.SMTP,
    route: EmailRoute,
    environ: Mapping[str, str],
    mail: EmailMessage,
    trust: ssl.SSLContext,
    attempt: int,
) -> MailAnswer:
    # Each answer has a deadline of its own; one that drips bytes would never reach it.
    watch = threading.Timer(_DEADLINE_SECONDS, _hang_up, (server,))
    watch.daemon = True
    watch.start()
    try:
        server.ehlo_or_helo_if_needed()
        if route.security == "starttls":
            if not server.has_extn("starttls"):
                raise RefusedAddressError("the mail server offers no STARTTLS", "Use another port or server")
            server.starttls(context=trust)
            server.ehlo()
        if route.user_env is not None and route.password_env is not None:
            try:
                server.login(environ[route.user_env].strip(), environ[route.password_env].strip())
            except smtplib.SMTPAuthenticationError:
                names = f"{route.user_env} and {route.password_env}"
                raise RefusedAddressError("the mail server does not take the sign-on", f"Correct {names}") from None
            except smtplib.SMTPNotSupportedError:
                raise RefusedAddressError(
                    "the mail server has no sign-on", "Remove user_env and password_env from the route"
                ) from None
        answer = _hand_over(server, route, mail, attempt)
        server.quit()
        return answer
    finally:
        watch.cancel()


def _hand_over(server: smtplib.SMTP, route: EmailRoute, mail: EmailMessage, attempt: int) -> MailAnswer:
    code, said = server.mail(route.sender)
    if code != 250:
        return _answer(code, said)
    refused = {}
    for name in route.to:
        code, said = server.rcpt(name)
        if code not in (250, 251, 252):
            refused[name] = (code, said)
            if code < 500 and attempt <= PATIENT_ATTEMPTS:
                return _answer(code, said)
    if len(refused) == len(route.to):
        return _answer(*next(iter(refused.values())))
    code, said = server.data(mail.as_bytes())
    if code != 250:
        return _answer(code, said)
    return MailAnswer(code, None, refused=tuple(refused))


def _answer(code: int, said: bytes | str) -> MailAnswer:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    one_line = re.sub(r"\s+", " ", text)[:300]
    return MailAnswer(code, f"answered {code} {one_line}".strip(), is_permanent=500 <= code < 600)


def _hang_up(server: smtplib.SMTP) -> None:
    if server.sock is not None:
        try:
            server.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _local_part(message_id: str) -> str:
    """The id as the left part of a Message-ID; what is not allowed there is replaced, so its digest keeps it unique."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", message_id).strip("-.")
    if plain == message_id and len(plain) <= 60:
        return plain
    return f"{plain[:60].strip('-.')}.{hashlib.sha256(message_id.encode()).hexdigest()[:16]}"
