"""A message as a page, close to how Teams or a mail program shows it: to look at without sending anything.

Here: an e-mail's HTML with its pictures inside; of cards exactly the elements and properties that this project's
cards use. Anything else is refused, so that no card is shown here that Teams would show differently.
Not here: building cards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

_TEXT_BLOCK = {"type", "text", "wrap", "size", "weight", "isSubtle", "spacing", "separator", "horizontalAlignment"}
_SIZES = {"Small": "small", "Large": "large"}
_WEIGHTS = {"Bolder": "bolder"}
_SPACINGS = {"None": "tight", "Small": "near"}
_STYLES = {"default", "emphasis", "good", "attention", "warning"}
_PIXELS = re.compile(r"\d{1,3}px")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ESCAPED = re.compile(r"\\([\\`*_\[\]{}<>~#>+\-.)\d])")


class UnsupportedElementError(ValueError):
    """A card with something that the preview cannot show faithfully."""


def preview_message(body: Mapping[str, Any]) -> str | None:
    """A self-contained page of a message's body as the ledger keeps it; None for one that programs read.

    Raises:
        UnsupportedElementError: a card with something that cannot be shown faithfully.
    """
    if "attachments" in body:
        return preview_card(body)
    if "email" not in body:
        return None
    page = str(body["email"]["html"])
    for name, data in body["email"]["images"].items():
        page = page.replace(f"cid:{name}", f"data:image/png;base64,{data}")
    return page


def message_headline(body: Mapping[str, Any]) -> str:
    """What a message says first: a card's text for clients without cards, an e-mail's subject, the type of an order."""
    if "attachments" in body:
        return str(body["attachments"][0]["content"].get("fallbackText") or "Teams message")
    if "email" in body:
        return str(body["email"]["subject"])
    return str(body.get("type") or "Order")


def preview_card(message: Mapping[str, Any]) -> str:
    """A self-contained HTML page with the message's card.

    Raises:
        UnsupportedElementError: the message is no Workflows envelope with one Adaptive Card of the used subset.
    """
    card = _card(message)
    body = Markup("").join(_element(element) for element in card["body"])
    actions = Markup("").join(_action(action) for action in card.get("actions", ()))
    buttons = Markup('<div class="actions">{}</div>').format(actions) if actions else Markup("")
    title = str(card.get("fallbackText") or "Teams message")
    page = Markup(_PAGE)  # noqa: S704 - a constant; format() escapes what is put in
    return str(page.format(title=title, fallback=title, style=Markup(_STYLE), body=body + buttons))  # noqa: S704


def _card(message: Mapping[str, Any]) -> Mapping[str, Any]:
    attachments = message.get("attachments")
    if message.get("type") != "message" or not isinstance(attachments, list) or len(attachments) != 1:
        raise UnsupportedElementError("a Workflows message has type 'message' and one attachment")
    card = attachments[0].get("content")
    if not isinstance(card, Mapping) or card.get("type") != "AdaptiveCard" or card.get("version") != "1.4":
        raise UnsupportedElementError("the attachment is no Adaptive Card of version 1.4")
    _only(card, {"$schema", "type", "version", "fallbackText", "msteams", "body", "actions"})
    return card


def _element(element: Mapping[str, Any]) -> Markup:
    kind = element.get("type")
    if kind == "TextBlock":
        return _text_block(element)
    if kind == "FactSet":
        _only(element, {"type", "facts"})
        rows = Markup("").join(
            Markup("<dt>{}</dt><dd>{}</dd>").format(_markdown(fact["title"]), _markdown(fact["value"]))
            for fact in element["facts"]
        )
        return Markup("<dl>{}</dl>").format(rows)
    if kind == "Container":
        _only(element, {"type", "style", "bleed", "items"})
        if element.get("style", "default") not in _STYLES:
            raise UnsupportedElementError(f"a container has the style {element['style']!r}")
        items = Markup("").join(_element(item) for item in element["items"])
        return Markup('<div class="container {}">{}</div>').format(element.get("style", "default"), items)
    if kind == "ColumnSet":
        _only(element, {"type", "spacing", "columns"})
        cells = Markup("").join(_column(column) for column in element["columns"])
        return Markup('<div class="columns">{}</div>').format(cells)
    raise UnsupportedElementError(f"the preview does not know the element {kind!r}")


def _column(column: Mapping[str, Any]) -> Markup:
    _only(column, {"type", "width", "items"})
    width = column["width"]
    if width != "stretch" and not _PIXELS.fullmatch(width):
        raise UnsupportedElementError(f"a column has the width {width!r}")
    items = Markup("").join(_element(item) for item in column["items"])
    flex = "1 1 0" if width == "stretch" else f"0 0 {width}"
    return Markup('<div class="column" style="flex:{}">{}</div>').format(flex, items)


def _text_block(block: Mapping[str, Any]) -> Markup:
    _only(block, _TEXT_BLOCK)
    classes = [
        _SIZES[block["size"]] if "size" in block else "",
        _WEIGHTS[block["weight"]] if "weight" in block else "",
        _SPACINGS[block["spacing"]] if "spacing" in block else "",
        "subtle" if block.get("isSubtle") else "",
        "separator" if block.get("separator") else "",
        "right" if block.get("horizontalAlignment") == "Right" else "",
    ]
    return Markup('<p class="{}">{}</p>').format(" ".join(name for name in classes if name), _markdown(block["text"]))


def _action(action: Mapping[str, Any]) -> Markup:
    if action.get("type") != "Action.OpenUrl":
        raise UnsupportedElementError(f"the preview does not know the action {action.get('type')!r}")
    _only(action, {"type", "title", "url"})
    return Markup('<a href="{}" rel="noreferrer noopener">{}</a>').format(action["url"], action["title"])


def _markdown(text: str) -> Markup:
    """The part of Teams' Markdown that the cards use: bold, and backslash escapes."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[1])
        return f"\ue000{len(kept) - 1}\ue001"

    html = str(escape(_ESCAPED.sub(keep, text.replace("\ue000", "").replace("\ue001", ""))))
    html = _BOLD.sub(r"<strong>\1</strong>", html)
    return Markup(re.sub("\ue000(\\d+)\ue001", lambda match: str(escape(kept[int(match[1])])), html))  # noqa: S704 - escaped above


def _only(element: Mapping[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(element) - allowed)
    if unknown:
        raise UnsupportedElementError(
            f"the preview does not know {', '.join(map(repr, unknown))} of {element.get('type')!r}"
        )


_STYLE = """
:root { color-scheme: light dark; --bg: #f5f5f5; --card: #fff; --ink: #242424; --soft: #5c5c5c; --line: #e0e0e0;
  --emphasis: #f0f0f0; --good: #e7f2da; --attention: #fde7e9; --warning: #fff4ce; --accent: #4f52b2; }
@media (prefers-color-scheme: dark) { :root { --bg: #1f1f1f; --card: #292929; --ink: #fff; --soft: #b8b8b8;
  --line: #3d3d3d; --emphasis: #333; --good: #1d3812; --attention: #442726; --warning: #433519; --accent: #a6a7dc; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 24px 16px; background: var(--bg); color: var(--ink);
  font: 14px/20px "Segoe UI", system-ui, -apple-system, Roboto, Arial, sans-serif; }
main { max-width: 720px; margin: 0 auto; }
h1 { font-size: 13px; font-weight: 600; margin: 0 0 8px; }
h1 span { color: var(--soft); font-weight: 400; margin-left: 8px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 16px; overflow: hidden;
  box-shadow: 0 1px 3px rgba(0, 0, 0, 0.12); }
.card > * + * { margin-top: 12px; }
p { margin: 0; overflow-wrap: anywhere; }
p + p { margin-top: 8px; }
p.tight { margin-top: 0; } p.near { margin-top: 4px; }
p.small { font-size: 12px; line-height: 16px; } p.large { font-size: 18px; line-height: 24px; }
p.bolder { font-weight: 600; } p.subtle { color: var(--soft); } p.right { text-align: right; }
p.separator { border-top: 1px solid var(--line); padding-top: 12px; }
.container { margin-left: -16px; margin-right: -16px; padding: 12px 16px; }
.card > .container:first-child { margin-top: -16px; }
.card > .container + .container { margin-top: 0; }
.emphasis { background: var(--emphasis); } .good { background: var(--good); }
.attention { background: var(--attention); } .warning { background: var(--warning); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.columns { display: flex; gap: 12px; margin-top: 4px !important; font-variant-numeric: tabular-nums; }
.column { min-width: 0; }
.actions { display: flex; gap: 8px; flex-wrap: wrap; }
.actions a { border: 1px solid var(--line); border-radius: 4px; padding: 5px 16px; font-weight: 600; color: var(--ink);
  text-decoration: none; }
.actions a:hover { background: var(--emphasis); }
footer { color: var(--soft); font-size: 12px; margin-top: 12px; }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>{title}</title><style>{style}</style></head>
<body><main><h1>Workflows<span>Preview: this page is not sent</span></h1>
<article class="card" aria-label="Message card">{body}</article>
<footer>Shown by clients without cards: {fallback}</footer></main></body></html>
"""
