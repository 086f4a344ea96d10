"""The parts that cards are made of, the envelope around them, and its size.

Here: Adaptive Card elements of version 1.4 that Teams shows on every client, escaping of names, the size limit.
Not here: what a message says (``incident``, ``decision``, ``failure``).
https://adaptivecards.io/explorer/ and https://learn.microsoft.com/power-automate/teams/ ("Post a card").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

MAX_BYTES = 20 * 1024
"""Teams refuses messages above 28 KB after adding its own wrapping; 20 KB leaves it room."""

MAX_NAME = 120
MAX_TEXT = 1200

Style = Literal["default", "emphasis", "good", "attention", "warning"]
Element = dict[str, Any]

_SPECIAL = re.compile(r"([\\`*_\[\]{}<>~])")
_LINE_START = re.compile(r"^(\s*)([-+#>]|\d+[.)])(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


class MessageTooLargeError(ValueError):
    """A message that stays above the limit with everything optional left out."""


def escape(text: str, *, limit: int = MAX_NAME) -> str:
    """A name as text: no Markdown, no ``{{DATE()}}`` function, one line, cut to ``limit`` characters."""
    plain = _clipped(_CONTROL.sub(" ", text).strip(), limit)
    return _LINE_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", plain))


def plain(text: str, *, limit: int = MAX_TEXT) -> str:
    """One line of text for places that show no Markdown (``fallbackText``, titles of buttons)."""
    return _clipped(_CONTROL.sub(" ", text).strip(), limit)


def text_block(text: str, **more: Any) -> Element:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


def fact_set(facts: Sequence[tuple[str, str]]) -> Element:
    """Facts without a value are left out: Teams refuses a card with an empty one."""
    return {"type": "FactSet", "facts": [{"title": title, "value": value} for title, value in facts if value]}


def banner(style: Style, items: Sequence[Element]) -> Element:
    return {"type": "Container", "style": style, "bleed": True, "items": list(items)}


def columns(cells: Sequence[tuple[str, str]], **more: Any) -> Element:
    """One line of a table: texts with widths (``stretch``, or pixels so that lines align); the first to the left."""
    return {
        "type": "ColumnSet",
        "spacing": "Small",
        "columns": [
            {
                "type": "Column",
                "width": width,
                "items": [text_block(text, **({"horizontalAlignment": "Right"} if i else {}), **more)],
            }
            for i, (text, width) in enumerate(cells)
        ],
    }


def open_urls(links: Mapping[str, str]) -> list[Element]:
    """Buttons; only links that a browser opens over HTTP(S).

    Raises:
        ValueError: a link with another scheme.
    """
    actions = []
    for title, url in links.items():
        if urlsplit(url).scheme not in ("https", "http"):
            raise ValueError(f"the link {title!r} ({url!r}) is no http or https address")
        actions.append({"type": "Action.OpenUrl", "title": plain(title, limit=60), "url": url})
    return actions


def envelope(body: Sequence[Element], *, fallback: str, actions: Sequence[Element] = ()) -> dict[str, Any]:
    """What is posted to a Workflows URL."""
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": plain(fallback),
        "msteams": {"width": "Full"},
        "body": list(body),
    }
    if actions:
        card["actions"] = list(actions)
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def byte_count(message: Mapping[str, Any]) -> int:
    """Size of the message in the least compact form that an HTTP client sends."""
    return len(json.dumps(message).encode("ascii"))


def fitted(build: Callable[[int], dict[str, Any]], detail_count: int) -> dict[str, Any]:
    """The message with as many details (contributors, most money first) as fit into the limit.

    Raises:
        MessageTooLargeError: it does not even fit without details.
    """
    for kept in range(detail_count, -1, -1):
        message = build(kept)
        if byte_count(message) <= MAX_BYTES:
            return message
    raise MessageTooLargeError(f"the message takes {byte_count(message)} bytes without details, more than {MAX_BYTES}")


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
