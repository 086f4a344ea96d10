"""The look of a message in an e-mail: HTML with inline styles, the same as plain text, its plot as a picture.

Here: both texts, the subject, what belongs together.
Not here: what is said (``model``), MIME and sending (guardrails).
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from reports import formatting as f
from reports.messages.cards import MessageTooLargeError, open_urls, plain
from reports.messages.mail import MAX_EMAIL_BYTES, environment, fits, wrapped
from reports.messages.model import Message
from reports.messages.plot import HEIGHT, WIDTH, plot_png

MAX_CONTRIBUTORS = 10
MAX_SECTIONS = 60
CARD_WIDTH = 600
"""Pixels of the mail's column."""
PLOT = "plot"
_COLOURS = {
    # background and ink of the banner, light then dark
    "attention": ("#fbe9e7", "#8c1d18", "#3a1c1a", "#f3958c"),
    "warning": ("#fcf1d9", "#6b4500", "#322710", "#e6b655"),
    "good": ("#e5f3eb", "#18683f", "#14301f", "#63c892"),
    "emphasis": ("#edf0f3", "#33404e", "#25303b", "#a4b1bf"),
}


def email_content(message: Message, links: Mapping[str, str] | None = None, *, note: str = "") -> dict[str, Any]:
    """The message as ``{"email": {subject, text, html, images, thread, kind}}``; images as base64 by content id.

    Args:
        links: addresses of what the message offers, by action; without one the mail names the command instead.
        note: why it arrives here, where that is not obvious.

    Raises:
        ValueError: a link is no web address.
        MessageTooLargeError: it does not fit into 100 KB with all details left out.
    """
    images = {PLOT: base64.b64encode(plot_png(message.chart)).decode("ascii")} if message.chart else {}
    for kept in (MAX_SECTIONS, 20, 5, 0):
        found = _content(message, dict(links or {}), note, kept, images)
        if fits(found):
            return found
    raise MessageTooLargeError(f"the e-mail takes more than {MAX_EMAIL_BYTES} bytes without details")


def _content(
    message: Message, given: dict[str, str], note: str, kept: int, images: Mapping[str, str]
) -> dict[str, Any]:
    buttons = [(offer.title, given[offer.action]) for offer in message.offers if offer.action in given]
    others = [(link.title, link.url) for link in message.links]
    if message.runbook.startswith(("https://", "http://")):
        others.append(("Runbook", message.runbook))
    open_urls(dict(buttons + others))  # refuses what is no web address
    colours = dict(zip(("back", "ink", "dark_back", "dark_ink"), _COLOURS[message.tone], strict=True))
    sections = message.sections[:kept]
    values: dict[str, Any] = {
        "message": message,
        "note": note,
        "buttons": buttons,
        "others": others,
        "commands": [offer.command for offer in message.offers if offer.action not in given],
        "contributors": message.contributors[:MAX_CONTRIBUTORS],
        "more_contributors": max(len(message.contributors) - MAX_CONTRIBUTORS, 0),
        "sections": sections,
        "more_sections": len(message.sections) - len(sections),
        "has_plot": PLOT in images,
        "plot_words": _plot_words(message),
        "card_width": CARD_WIDTH,
        "width": WIDTH,
        "height": HEIGHT,
        "colours": colours,
        "f": f,
    }
    return {
        "email": {
            "subject": subject_of(message),
            "text": _text(values),
            "html": _template().render(values),
            "images": dict(images),
            "thread": message.thread,
            "kind": message.kind,
        }
    }


def subject_of(message: Message) -> str:
    """``[Critical] App query-rewriter: USD 738 more than expected``; one line."""
    mark = "Dry run" if message.is_dry_run else message.severity.capitalize()
    if message.kind in ("digest", "heartbeat", "test"):
        mark = message.eyebrow.split(":")[0]
    elif message.tone == "good":
        mark = "Over"
    about = f" – {message.eyebrow}" if message.kind in ("guardrail", "run_failed") else ""
    return plain(f"[{mark}] {message.title}{about}".replace(f.NBSP, " "), limit=150)


def _plot_words(message: Message) -> str:
    chart = message.chart
    if chart is None:
        return ""
    found = [value for value in chart.actual if value is not None]
    most = f"{chart.currency} {max(found):,.0f}" if found else "nothing"
    return f"Cost a day from {chart.days[0]} to {chart.days[-1]}, at most {most}; marked: {chart.first} to {chart.last}"


def _text(values: Mapping[str, Any]) -> str:
    """The same for programs that show no HTML, and for screen readers; lines of 76 characters but for addresses."""
    message: Message = values["message"]
    parts: list[str] = []
    if values["note"]:
        parts.append(wrapped(values["note"]))
    if message.is_dry_run:
        parts.append("DRY RUN. Nobody was asked to act. This is what the guardrail would do.")
    parts.append(f"{message.eyebrow.upper()}\n{wrapped(message.title)}")
    parts.append(wrapped(message.what))
    facts = [(figure.label, figure.words) for figure in message.figures]
    facts += [("What follows", message.done)] if message.done else []
    facts += [(fact.title, fact.value) for fact in message.facts]
    if message.runbook:
        facts.append(("Runbook", message.runbook))
    parts.append("\n".join(wrapped(f"{title}: {value}", indent="  ") for title, value in facts))
    if values["contributors"]:
        lines = ["What contributed"]
        for part in values["contributors"]:
            share = "" if part.share is None else f" ({f.percent(part.share)})"
            amount = f.signed_money(part.amount, part.currency)
            lines.append(f"  {amount}{share}  {f.humanise(part.dimension)} {plain(part.value, limit=120)}")
        if values["more_contributors"]:
            lines.append(f"  and {values['more_contributors']} more")
        parts.append("\n".join(lines))
    parts += [
        "\n".join([f"* {plain(section.title)}", *(wrapped(line, indent="  ") for line in section.lines)])
        for section in values["sections"]
    ]
    if values["more_sections"]:
        parts.append(f"and {values['more_sections']} more")
    doable = [f"{title}:\n  {url}" for title, url in (*values["buttons"], *values["others"])]
    doable += [f"  {command}" for command in values["commands"]]
    if doable:
        parts.append("\n".join(["What you can do", *doable]))
    parts.append("\n".join(wrapped(text) for text in message.notes))
    return "\n\n".join(part for part in parts if part).replace(f.NBSP, " ") + "\n"


@functools.cache
def _template() -> jinja2.Template:
    return environment(Path(__file__).parent).get_template("email.html")
