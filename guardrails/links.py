"""Links in messages: each does one thing, once, until it expires, for whom it was made.

Here: making and reading their tokens, and using one: what it does and that it was used are one transaction.
Not here: the page that a link opens (portal) and which links a message has (orchestration).

A token is ``<payload>.<signature>``: JSON and its HMAC-SHA-256, both as URL-safe base64. Opening a link changes
nothing: mail scanners and chat programs open links before people do. Only the page's button uses it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Connection, select

from finops.periods import as_utc
from guardrails import schema as t
from guardrails.ledger import Ledger, Write

LinkAction = Literal["acknowledge", "snooze", "approve", "deny", "false_alarm", "planned"]
LIFETIME = timedelta(days=7)
MIN_KEY_BYTES = 32
MAX_TOKEN_LENGTH = 2048
_NONCE_BYTES = 18


class LinkKeyError(ValueError):
    """The keys of links cannot be used; the message says why and what to do."""


class LinkError(ValueError):
    """A link that does nothing. ``reason``: forged, expired, used."""

    def __init__(self, reason: Literal["forged", "expired", "used"], message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True)
class Link:
    """What a token says. ``audience``: the route whose message carries it; ``who``: in whose name it acts."""

    action: LinkAction
    subject: str
    audience: str
    who: str
    expires_at: datetime
    nonce: str


@dataclass(frozen=True)
class Use:
    """That a link was used: when, by whom, and what was done."""

    link_nonce: str
    who: str
    at: datetime
    outcome: str


@dataclass(frozen=True)
class LinkKeys:
    """Keys that links are signed with: the first signs, all are accepted, so that one can replace another."""

    keys: tuple[bytes, ...]

    @classmethod
    def parse(cls, text: str) -> LinkKeys:
        """Keys as base64, separated by spaces; put a new one first and drop the old one a week later.

        Raises:
            LinkKeyError: none, one that is not base64, or one of fewer than 32 bytes.
        """
        keys = []
        for number, word in enumerate(text.split(), 1):
            try:
                key = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
            except (binascii.Error, ValueError):
                raise LinkKeyError(f"key {number} is not base64; {_MAKE_ONE}") from None
            if len(key) < MIN_KEY_BYTES:
                raise LinkKeyError(f"key {number} has {len(key)} bytes, fewer than {MIN_KEY_BYTES}; {_MAKE_ONE}")
            keys.append(key)
        if not keys:
            raise LinkKeyError(f"there is no key; {_MAKE_ONE}")
        return cls(tuple(keys))

    def token(
        self, action: LinkAction, subject: str, *, audience: str, who: str, message_id: str, now: datetime
    ) -> str:
        """The token of one link in one message; rendering the message again gives the same one on the same day."""
        expires_at = (as_utc(now) + LIFETIME).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        about = "\n".join(("nonce", message_id, action, subject, audience)).encode()
        nonce = _encoded(hmac.new(self.keys[0], about, hashlib.sha256).digest()[:_NONCE_BYTES])
        payload = {"a": action, "s": subject, "r": audience, "w": who, "e": int(expires_at.timestamp()), "n": nonce}
        text = _encoded(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
        return f"{text}.{_encoded(_mac(self.keys[0], text))}"

    def read(self, token: str) -> Link:
        """What a genuine token says, expired or not.

        Raises:
            LinkError: no key of the ring signed it.
        """
        text, dot, signature = token.partition(".")
        given = _decoded(signature) if dot and len(token) <= MAX_TOKEN_LENGTH else None
        # Every key is tried, so that the time tells nothing of which one fits.
        fits = [hmac.compare_digest(_mac(key, text), given or b"") for key in self.keys]
        if given is None or not any(fits):
            raise LinkError("forged", "this link was not made here, or is not complete")
        said: dict[str, Any] = json.loads(_decoded(text) or b"")
        return Link(
            action=said["a"],
            subject=said["s"],
            audience=said["r"],
            who=said["w"],
            expires_at=datetime.fromtimestamp(said["e"], UTC),
            nonce=said["n"],
        )


def used(ledger: Ledger, link: Link) -> Use | None:
    """How a link was used, or None."""
    with ledger.read() as connection:
        return _used(connection, link)


def use(ledger: Ledger, link: Link, act: Callable[[Write], object], *, outcome: str, now: datetime) -> Use:
    """Do what a link is for, once for ever.

    Args:
        act: does it in the transaction that is given. Where it raises, nothing happened and the link still works.
        outcome: what is done then, in words.

    Raises:
        LinkError: it is expired, or was used; what ``act`` raises.
    """
    now = as_utc(now)
    if now >= link.expires_at:
        raise LinkError("expired", f"this link worked until {link.expires_at:%d %b %Y, %H:%M} UTC")
    with ledger.write() as write:
        before = _used(write.connection, link)
        if before is not None:
            raise LinkError("used", f"{before.outcome} ({before.who}, {before.at:%d %b %Y, %H:%M} UTC)")
        act(write)
        done = Use(link.nonce, link.who, now, outcome)
        said = {
            "action": link.action, "subject": link.subject, "audience": link.audience, "who": link.who,
            "outcome": done.outcome,
        }  # fmt: skip
        row = {"nonce": link.nonce, "at": now, **said}
        write.connection.execute(t.link_use.insert().values(**row))
        write.chain.vouch(now, "link.used", row, said)
    return done


def actions() -> tuple[str, ...]:
    """What links can do."""
    return get_args(LinkAction)


_MAKE_ONE = "make one with: openssl rand -base64 32"


def _used(connection: Connection, link: Link) -> Use | None:
    row = connection.execute(select(t.link_use).where(t.link_use.c.nonce == link.nonce)).one_or_none()
    return None if row is None else Use(row.nonce, row.who, row.at, row.outcome)


def _mac(key: bytes, text: str) -> bytes:
    # The prefix keeps a signature from being one of anything else that the same key might sign.
    return hmac.new(key, b"aifinops link 1\n" + text.encode(), hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes | None:
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # One token has one form: trailing bits that decode to nothing would make it several.
    return found if _encoded(found) == text else None
