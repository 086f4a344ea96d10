"""The body of a guardrail's webhook, and its signature (Standard Webhooks 1.0.0).

Here: the envelope ``{type, timestamp, data}``, documented in ``webhook.schema.json``; canonical bytes; signing.
Not here: sending (delivery) and messages for people (reports).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from finops.config.policies import Action, Policy
from finops.periods import as_utc
from guardrails.decide import Decision
from guardrails.facts import plain
from guardrails.states import Level

SCHEMA_FILE = Path(__file__).with_name("webhook.schema.json")

MAX_BODY_BYTES = 20 * 1024
"""Standard Webhooks asks for payloads below 20 kB; Teams refuses cards above 28 KB after inflating them itself."""

_TYPES = {Level.WARN: "guardrail.warned", Level.RELEASE: "guardrail.released"}
_TRIPPED = "guardrail.tripped"
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every secret, not a secret


class SecretError(ValueError):
    """A signing secret that cannot be used."""


def webhook_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every body of ``webhook_body`` conforms to."""
    document: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return document


def webhook_body(decision: Decision, action: Action, policy: Policy) -> dict[str, Any]:
    """One order (or notice, for ``notify``) about one target; conforms to ``webhook.schema.json``."""
    return {
        "type": _TYPES.get(decision.level, _TRIPPED),
        "timestamp": plain(decision.decided_at),
        "data": {
            "decision_id": decision.decision_id,
            "supersedes": decision.supersedes,
            "action": action.kind,
            "level": decision.level,
            "dry_run": decision.mode == "dry_run",
            "target": {"type": decision.scope_type, "value": decision.scope_value},
            "subject": decision.subject,
            "except": sorted(policy.never_touch),
            "acts_at": plain(decision.acts_at),
            "approvals_needed": decision.approvals_needed,
            "period": decision.period,
            "reason": decision.reason,
            "evidence": dict(decision.evidence),
            "policy": {
                "id": policy.id,
                "version": policy.version,
                "kind": policy.kind,
                "description": policy.description,
                "owner": policy.owner,
                "runbook": policy.runbook,
            },
        },
    }


def canonical_json(document: Any) -> str:
    """JSON with sorted keys and no spaces: the same document is always the same text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def enveloped(body: Mapping[str, Any], kind: str, at: datetime) -> Mapping[str, Any]:
    """A body without the envelope of Standard Webhooks, put into one of type ``kind``."""
    if {"type", "timestamp", "data"} <= body.keys():
        return body
    return {"type": kind, "timestamp": plain(as_utc(at)), "data": dict(body)}


def webhook_id(message_id: str) -> str:
    """The id as a header: without full stops, which separate the parts of what is signed."""
    return message_id.replace(".", "~")


def signed_headers(message_id: str, body: str, secrets: str, at: datetime) -> dict[str, str]:
    """The three headers of Standard Webhooks, signed with every secret, so that receivers can rotate theirs.

    Args:
        secrets: ``whsec_`` and base64 of 24 to 64 bytes; several, separated by spaces, while one replaces another.
        at: moment of this attempt, any zone; receivers refuse what is more than five minutes away from their clock.

    Raises:
        SecretError: no secret, or one that is not base64.
    """
    # Webhook.sign takes the digits of a time as if they were UTC, whatever its zone.
    at = as_utc(at).replace(microsecond=0)
    identity = webhook_id(message_id)
    signatures = [signer.sign(identity, at.astimezone(UTC), body) for signer in signers(secrets)]
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def signers(secrets: str) -> list[Webhook]:
    """One signer per secret.

    Raises:
        SecretError: no secret, or one that is not base64.
    """
    names = secrets.split()
    if not names:
        raise SecretError("is empty")
    return [Webhook(_key(secret)) for secret in names]


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_SECRET_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise SecretError("is not base64") from None
    if len(key) < 24:
        raise SecretError(f"holds {len(key)} bytes where Standard Webhooks asks for 24 to 64")
    return key
