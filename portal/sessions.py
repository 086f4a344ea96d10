"""Sessions: who signed on, in a cookie that only the portal can read and write.

Here: sealing and opening cookies, their names and attributes, expiry, ending a session before it expires.
Not here: signing on (sign_on), what is allowed then (rules).

A cookie is encrypted and authenticated (Fernet, https://github.com/fernet/spec). All that the server keeps is which
sessions were ended, and the ledger has them too: a stolen cookie is dead after its owner signs out, also where the
portal was restarted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from portal.people import Person
from reports.dashboards.access import Role

SESSION, SIGN_ON = "aifinops-session", "aifinops-sign-on"
SIGN_ON_TIME = timedelta(minutes=10)
TOUCH = timedelta(minutes=1)
"""A session's cookie is written again this long after it was written last, so that it tells when it was used."""


class SessionKeyError(ValueError):
    """``AIFINOPS_SESSION_KEY`` holds no usable key; the message says what one is."""


@dataclass(frozen=True)
class Session:
    """``token`` must come with every form of this session; ``signed_on_at`` and ``seen_at`` are UTC."""

    session_id: str
    person: Person
    token: str
    signed_on_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, person: Person, now: datetime) -> Session:
        """A new session: no id and no token of one before is used again."""
        return cls(secrets.token_urlsafe(18), person, secrets.token_urlsafe(24), now, now)


class Seal:
    """Encrypts what a browser keeps for us. The first key seals, all of them open: keys can be replaced."""

    def __init__(self, keys: list[bytes]) -> None:
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"portal\0" + key).digest())) for key in keys]
        )

    @classmethod
    def parse(cls, text: str) -> Seal:
        """Keys of base64 with at least 32 bytes each, separated by spaces, the newest first.

        Raises:
            SessionKeyError: a part is none, or there is none.
        """
        keys = []
        for part in text.split():
            try:
                key = base64.b64decode(part, validate=True)
            except ValueError:
                key = b""
            if len(key) < 32:
                raise SessionKeyError("AIFINOPS_SESSION_KEY holds no key; make one with: openssl rand -base64 32")
            keys.append(key)
        if not keys:
            raise SessionKeyError("AIFINOPS_SESSION_KEY is empty; make a key with: openssl rand -base64 32")
        return cls(keys)

    def seal(self, what: str, document: Mapping[str, Any]) -> str:
        return self._fernet.encrypt(json.dumps([what, document]).encode()).decode("ascii")

    def open(self, what: str, text: str) -> dict[str, Any] | None:
        """What was sealed as ``what``; None for everything else."""
        if len(text) > 8192:
            return None
        try:
            kind, document = json.loads(self._fernet.decrypt(text.encode()))
        except (InvalidToken, ValueError, UnicodeError):
            return None
        return document if kind == what else None


class Sessions:
    """Sessions of one portal; threads may share it."""

    def __init__(
        self,
        seal: Seal,
        *,
        lasts: timedelta,
        idle: timedelta,
        clock: Callable[[], datetime],
        ended: set[str],
        grants: Callable[[], str] = str,
    ) -> None:
        """
        Args:
            grants: what names the grants as they are now (``people.grants_stamp``).
        """
        self.seal = seal
        self._lasts, self._idle, self._clock = lasts, idle, clock
        self._ended = ended
        self._grants = grants
        self._lock = threading.Lock()

    def write(self, session: Session) -> str:
        """The cookie's value."""
        person = session.person
        return self.seal.seal(
            SESSION,
            {
                "id": session.session_id,
                "person": [person.id, person.name, sorted(person.roles), sorted(person.teams)],
                "token": session.token,
                "on": int(session.signed_on_at.timestamp()),
                "seen": int(session.seen_at.timestamp()),
                "grants": self._grants(),
            },
        )

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None where it is none, is over, or was ended."""
        said = self.seal.open(SESSION, cookie) if cookie else None
        if said is None or said["grants"] != self._grants():
            return None
        identity, name, roles, teams = said["person"]
        person = Person(identity, name, frozenset(map(Role, roles)), frozenset(teams))
        on, seen = (datetime.fromtimestamp(said[part], UTC) for part in ("on", "seen"))
        session, now = Session(said["id"], person, said["token"], on, seen), self._clock()
        if now >= session.signed_on_at + self._lasts or now >= session.seen_at + self._idle:
            return None
        with self._lock:
            return None if mark(session.session_id) in self._ended else session

    def touched(self, session: Session) -> Session | None:
        """The session as used now; None where its cookie tells it well enough."""
        now = self._clock()
        return replace(session, seen_at=now) if now - session.seen_at >= TOUCH else None

    def end(self, session: Session) -> None:
        with self._lock:
            self._ended.add(mark(session.session_id))


def mark(session_id: str) -> str:
    """What stands for a session in the ledger: the id itself would be half of a cookie."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:32]


def cookie_name(name: str, *, is_https: bool) -> str:
    """``__Host-``: browsers take it from this host over TLS only, for all paths
    (https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix)."""
    return f"__Host-{name}" if is_https else name
