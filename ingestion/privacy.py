"""Personal data stops here.

Here: the keyed hash of user and customer ids, and taking e-mail addresses and free text out of what is kept.
Not here: which columns are personal (each source's ``rows``).

Why a keyed hash: whoever knows all user names could reverse a plain hash by trying them. HMAC-SHA256 needs the key as
well, and the key never leaves the home or the environment variable.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finops.paths import Home
from ingestion.errors import LandingError

if TYPE_CHECKING:
    import duckdb

KEY_VARIABLE = "AIFINOPS_HASH_KEY"
_KEY_BYTES = 32
_BLOCK_BYTES = 64  # of SHA-256, RFC 2104
_HASH_CHARACTERS = 32

EMAIL_PATTERN = r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
EMAIL_MASK = "[e-mail]"
EMAIL_HASH_PREFIX = "e-mail:"
_EMAIL = re.compile(EMAIL_PATTERN)
_SECRET = re.compile(
    r"^(sk|pk|rk)-.{16,}|^bearer\s|^eyJ|^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/]{32,}={0,2}$", re.IGNORECASE
)
_NUMBER = re.compile(r"^[\s\d.,+-]*$")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?')
_JSON_KEYS = frozenset(
    (
        "resourceSpans",
        "resource",
        "attributes",
        "key",
        "value",
        "stringValue",
        "intValue",
        "doubleValue",
        "boolValue",
        "arrayValue",
        "values",
        "scopeSpans",
        "scope",
        "name",
        "version",
        "spans",
        "traceId",
        "spanId",
        "parentSpanId",
        "kind",
        "startTimeUnixNano",
        "endTimeUnixNano",
        "status",
        "code",
        "message",
        "events",
        "flags",
        "timeUnixNano",
        "service.name",
        "user.id",
        "error.type",
    )
)
_JSON_KEY_PREFIXES = ("gen_ai.", "aifinops.")
_HARMLESS_AFTER = frozenset(("traceId", "spanId", "startTimeUnixNano", "endTimeUnixNano"))
_HARMLESS = re.compile(r"^[0-9a-fA-F]{1,32}$")


@dataclass(frozen=True)
class Hasher:
    """Keyed hash: the same id gives the same 32 hex characters within one home, and nothing elsewhere."""

    key: bytes

    def hash(self, value: str) -> str:
        return hmac.new(self.key, value.encode(), hashlib.sha256).hexdigest()[:_HASH_CHARACTERS]

    def hash_emails(self, text: str) -> str:
        """A text with each e-mail address replaced by ``e-mail:`` and its hash, the same for upper and lower case."""
        if "@" not in text:
            return text
        return _EMAIL.sub(lambda match: f"{EMAIL_HASH_PREFIX}{self.hash(match[0].lower())}", text)

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let ``hash_sql`` work on a connection. The key stands in no statement, because errors may show those."""
        key = hashlib.sha256(self.key).digest() if len(self.key) > _BLOCK_BYTES else self.key
        block = key.ljust(_BLOCK_BYTES, b"\0")
        connection.execute("set variable hash_inner = ?", [bytes(byte ^ 0x36 for byte in block)])
        connection.execute("set variable hash_outer = ?", [bytes(byte ^ 0x5C for byte in block)])


def hash_sql(expression: str) -> str:
    """``Hasher.hash`` as a DuckDB expression over a text expression; null stays null."""
    inner = f"unhex(sha256(getvariable('hash_inner') || encode({expression})))"
    return f"left(sha256(getvariable('hash_outer') || {inner}), {_HASH_CHARACTERS})"


def hash_emails_sql(expression: str) -> str:
    """``Hasher.hash_emails`` as a DuckDB expression over a text expression."""
    pattern = EMAIL_PATTERN.replace("'", "''")
    hashed = f"'{EMAIL_HASH_PREFIX}' || {hash_sql('lower(found)')}"
    replaced = (
        f"list_reduce(list_distinct(regexp_extract_all({expression}, '{pattern}')), "
        f"lambda said, found: replace(said, found, {hashed}), {expression})"
    )
    return f"case when contains({expression}, '@') then {replaced} else {expression} end"


def load_hasher(home: Home, environ: Mapping[str, str]) -> Hasher:
    """The hasher of a home: key from the environment, else from ``<home>/hash.key``, which is made on first use.

    Raises:
        LandingError: the key is too short to protect anything.
    """
    text = environ.get(KEY_VARIABLE, "")
    origin = KEY_VARIABLE
    if not text:
        path = home.path / "hash.key"
        _create_key(path)
        text = path.read_text(encoding="ascii").strip()
        origin = str(path)
    if len(text) < _KEY_BYTES:
        raise LandingError(
            f"the hash key in {origin} has {len(text)} characters, too few to protect user ids. Use at least "
            f"{_KEY_BYTES} random characters; changing the key later gives every user a new hash"
        )
    return Hasher(text.encode())


def _create_key(path: Path) -> None:
    """Write a key whole or not at all: a half-written key would give every user a second hash after a crash."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)  # unlike a rename, it never replaces the key of another process that came first
    draft.unlink()


def mask_emails(text: str) -> str:
    return _EMAIL.sub(EMAIL_MASK, text) if "@" in text else text


def mask_emails_sql(expression: str) -> str:
    pattern = EMAIL_PATTERN.replace("'", "''")
    masked = f"regexp_replace({expression}, '{pattern}', '{EMAIL_MASK}', 'g')"
    return f"case when contains({expression}, '@') then {masked} else {expression} end"


def mask_secret(name: str, hasher: Hasher) -> str:
    """A key's name as it is; something that looks like the key itself as its hash."""
    return f"hash:{hasher.hash(name)}" if _SECRET.match(name) else name


def redact_json_text(text: str, hasher: Hasher, *, keep_numbers: bool = True) -> str:
    """A broken JSON line without what people wrote or who they are.

    A line that does not parse does not say which of its strings are personal, so every string becomes its hash, except
    known keys, trace and span ids and times.
    """
    previous = ""

    def replace(match: re.Match[str]) -> str:
        nonlocal previous
        content = match[0].strip('"')
        is_key = content in _JSON_KEYS or (content.startswith(_JSON_KEY_PREFIXES) and " " not in content)
        keep = is_key or (previous in _HARMLESS_AFTER and bool(_HARMLESS.match(content)))
        previous = content
        return match[0] if keep else f'"{_short_hash(content, hasher)}"'

    outside_strings = "".join(_JSON_STRING.split(text))
    if re.search(r"[^\W\d_]{6,}|@", outside_strings):  # text that lost its quotes
        return f"{_short_hash(text, hasher)} ({len(text)} characters)"
    shown = _JSON_STRING.sub(replace, text)
    return shown if keep_numbers else re.sub(r"(?<![0-9a-f:])\d+", "0", shown)


def redact_delimited_text(text: str, delimiter: str, hasher: Hasher, *, keep_numbers: bool) -> str:
    """A broken line of a user's own table, every field as its hash but times and, where ids are no numbers, numbers.

    A line with the wrong number of fields does not say which of them is a user.
    """
    fields = re.split(f"([{re.escape(delimiter)}\r\n])", text)
    return "".join(
        part if len(part) < 2 or _is_time(part) or (keep_numbers and _NUMBER.match(part)) else _short_hash(part, hasher)
        for part in fields
    )


def _short_hash(text: str, hasher: Hasher) -> str:
    return f"hash:{hasher.hash(text)[:12]}"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text.strip('" '))
    except ValueError:
        return False
    return True
