"""The look of a message in Teams.

Here: the order of its parts on an Adaptive Card.
Not here: the parts' form (``cards``) and what is said (``model``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports import formatting as f
from reports.messages.cards import (
    Element,
    banner,
    columns,
    envelope,
    escape,
    fact_set,
    fitted,
    open_urls,
    plain,
    text_block,
)
from reports.messages.model import Message

MAX_CONTRIBUTORS = 10
MAX_SECTIONS = 20
MAX_BUTTONS = 6
"""Teams shows six of a card's actions."""


def teams_card(message: Message, links: Mapping[str, str] | None = None, *, note: str = "") -> dict[str, Any]:
    """The message in the envelope that Power Automate Workflows accepts.

    Args:
        links: addresses of what the message offers, by action; without one the card names the command instead.
        note: why it arrives here, where that is not obvious.

    Raises:
        ValueError: a link is no web address.
        MessageTooLargeError: it does not fit into 20 KB with all details left out.
    """
    given = dict(links or {})
    buttons = {offer.title: given[offer.action] for offer in message.offers if offer.action in given}
    buttons |= {link.title: link.url for link in message.links}
    if _is_web(message.runbook):
        buttons.setdefault("Runbook", message.runbook)
    actions = open_urls(dict(list(buttons.items())[:MAX_BUTTONS]))
    commands = [offer.command for offer in message.offers if offer.action not in given]
    shown = min(len(message.contributors), MAX_CONTRIBUTORS) + min(len(message.sections), MAX_SECTIONS)

    def build(kept: int) -> dict[str, Any]:
        return envelope(_body(message, commands, note, kept), fallback=message.sentence, actions=actions)

    return fitted(build, shown)


def _body(message: Message, commands: list[str], note: str, kept: int) -> list[Element]:
    body: list[Element] = []
    if message.is_dry_run:
        text = "**DRY RUN** Nobody was asked to act. This is what the guardrail would do."
        body.append(banner("emphasis", [text_block(text, size="Small")]))
    body.append(
        banner(
            message.tone,
            [
                text_block(escape(message.eyebrow), size="Small", weight="Bolder", isSubtle=True),
                text_block(escape(message.title), size="Large", weight="Bolder", spacing="None"),
            ],
        )
    )
    if message.what:
        body.append(text_block(escape(message.what, limit=600)))
    facts = [(figure.label, figure.words) for figure in message.figures]
    facts += [("What follows", escape(message.done, limit=400))]
    facts += [(fact.title, escape(fact.value, limit=600)) for fact in message.facts]
    if message.runbook and not _is_web(message.runbook):
        facts.append(("Runbook", escape(message.runbook, limit=300)))
    if any(value for _, value in facts):
        body.append(fact_set(facts))
    contributors = message.contributors[: min(kept, MAX_CONTRIBUTORS)]
    if contributors:
        body.append(text_block("What contributed", weight="Bolder", separator=True))
        for part in contributors:
            share = "" if part.share is None else f.percent(part.share)
            body.append(
                columns(
                    [
                        (f"{escape(f.humanise(part.dimension))} **{escape(part.value)}**", "stretch"),
                        (share or "–", "60px"),
                        (f.signed_money(part.amount, part.currency), "110px"),
                    ]
                )
            )
    body += _left(len(message.contributors) - len(contributors))
    sections = message.sections[: min(kept - len(contributors), MAX_SECTIONS)]
    for section in sections:
        lines = [text_block(escape(section.title, limit=200), weight="Bolder", separator=True)]
        lines += [text_block(escape(line, limit=300), size="Small", spacing="None") for line in section.lines]
        body += lines
    body += _left(len(message.sections) - len(sections))
    small = [escape(text, limit=600) for text in message.notes]
    if commands:
        small.insert(0, "To act: " + " · ".join(escape(command, limit=200) for command in commands))
    if note:
        small.insert(0, escape(note, limit=400))
    body += [text_block(text, isSubtle=True, size="Small") for text in small if plain(text)]
    return body


def _left(count: int) -> list[Element]:
    return [text_block(f"and {count} more", isSubtle=True, spacing="Small")] if count else []


def _is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))
