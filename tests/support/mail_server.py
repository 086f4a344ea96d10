"""A real SMTP server on this machine, whose answers a test chooses."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"


@dataclass
class MailServer:
    """``answer_to`` says what a recipient is answered, ``answer`` what a whole mail is."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answer_to: Callable[[str], str] = lambda _address: OK
    answer: Callable[[], str] = lambda: OK

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        said = self.answer_to(address)
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        said = self.answer()
        if said.startswith("2"):
            content = cast(bytes, envelope.content)
            mail = cast(EmailMessage, email.message_from_bytes(content, policy=default))
            self.mails.append((list(envelope.rcpt_tos), mail))
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return said

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and data.password == b"right"
        if is_right:
            self.users.append(data.login)
        return AuthResult(success=is_right, handled=False)


@contextmanager
def receiving_mail(
    certificate: Path | None = None, *, key: Path | None = None, implicit: bool = False, needs_user: bool = False
) -> Iterator[MailServer]:
    """A server; with a certificate it offers STARTTLS, or speaks TLS from the start."""
    found = MailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found.port = probe.getsockname()[1]
    options: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        options = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
    if needs_user:
        # aiosmtpd counts only STARTTLS as encryption.
        demands = {"auth_require_tls": False} if implicit else {"auth_required": True}
        options |= {"authenticator": found.authenticate, **demands}
    controller = Controller(found, hostname="127.0.0.1", port=found.port, **options)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()
