"""Receivers of what the project sends: Teams workflows and signed webhooks.

Here: checking an arriving message as strictly as its real receiver (or more), storing it, failing when told to.
Not here: sending (guardrails, reports).

Sources: Power Automate "post to a channel when a webhook request is received" envelope; Standard Webhooks 1.0.0.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

LARGEST_CARD_BYTES = 28_672
LARGEST_WEBHOOK_BYTES = 20_000
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"


class RefusedError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, reason: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after_seconds = status, reason, retry_after_seconds


@dataclass
class _Failure:
    status: int
    times: int
    retry_after_seconds: int | None


class Receivers:
    """Stores messages under ``<directory>/received``: one JSON object per line, in order of arrival."""

    def __init__(self, directory: Path, webhook_secret: str | None) -> None:
        self._folder = directory / "received"
        self._webhook = Webhook(webhook_secret) if webhook_secret else None
        self._failures: dict[str, _Failure] = {}
        self._lock = threading.Lock()

    def plan_failure(self, body: Any) -> None:
        """``{"target": "teams" | "webhooks", "status": 429, "times": 2, "retry_after_seconds": 1}``.

        Raises:
            RefusedError: the plan is incomplete.
        """
        try:
            target, failure = (
                body["target"],
                _Failure(int(body["status"]), int(body["times"]), body.get("retry_after_seconds")),
            )
        except (KeyError, TypeError, ValueError):
            raise RefusedError(400, 'send {"target": "teams" or "webhooks", "status": 429, "times": 2}') from None
        if target not in ("teams", "webhooks") or not 400 <= failure.status <= 599 or failure.times < 0:
            raise RefusedError(400, "target is teams or webhooks, status 400 to 599, times 0 or more")
        with self._lock:
            self._failures[target] = failure

    def teams(self, channel: str, content: bytes) -> None:
        """Take a message for a channel.

        Raises:
            RefusedError: a planned failure, or not a Teams message with an Adaptive Card of at most 28,672 bytes.
        """
        self._fail_if_planned("teams")
        if len(content) > LARGEST_CARD_BYTES:
            raise RefusedError(413, f"the message has {len(content)} bytes; Teams takes at most {LARGEST_CARD_BYTES}")
        body = _json(content)
        if not isinstance(body, dict) or body.get("type") != "message" or not body.get("attachments"):
            raise RefusedError(400, 'a Teams message is {"type": "message", "attachments": [...]}')
        for attachment in body["attachments"]:
            card = attachment.get("content") if isinstance(attachment, dict) else None
            if not isinstance(card, dict) or attachment.get("contentType") != ADAPTIVE_CARD:
                raise RefusedError(400, f"every attachment needs contentType {ADAPTIVE_CARD} and a card as content")
            if card.get("type") != "AdaptiveCard" or not isinstance(card.get("version"), str) or not card.get("body"):
                raise RefusedError(400, "a card needs type AdaptiveCard, a version and a body")
        self._store("teams", {"channel": channel, "body": body})

    def webhook(self, name: str, headers: dict[str, str], content: bytes) -> None:
        """Take a signed webhook.

        Raises:
            RefusedError: a planned failure, a missing or wrong signature, or a body that is too large or no JSON.
        """
        self._fail_if_planned("webhooks")
        if self._webhook is None:
            raise RefusedError(401, "this receiver was started without a secret, so it trusts nobody")
        if len(content) > LARGEST_WEBHOOK_BYTES:
            raise RefusedError(413, f"the body has {len(content)} bytes; at most {LARGEST_WEBHOOK_BYTES} are taken")
        try:
            self._webhook.verify(content, headers)
        except (WebhookVerificationError, ValueError) as error:
            raise RefusedError(401, f"the signature is not valid: {error}") from None
        signed = {key: value for key, value in headers.items() if key.startswith("webhook-") or key == "content-type"}
        self._store("webhooks", {"name": name, "id": headers["webhook-id"], "headers": signed, "body": _json(content)})

    def _fail_if_planned(self, target: str) -> None:
        with self._lock:
            failure = self._failures.get(target)
            if failure is None or failure.times == 0:
                return
            failure.times -= 1
        raise RefusedError(failure.status, "failing as told", failure.retry_after_seconds)

    def _store(self, target: str, message: dict[str, Any]) -> None:
        line = json.dumps({"received_at": datetime.now(UTC).isoformat(), **message}, ensure_ascii=False)
        with self._lock:
            self._folder.mkdir(exist_ok=True)
            with (self._folder / f"{target}.jsonl").open("a", encoding="utf-8", newline="\n") as file:
                file.write(line + "\n")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None
