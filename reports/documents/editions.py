"""Documents as they were sent: one folder for each period and digest, one folder in it for each edition.

Here: making the files of an edition, swapping them in whole, what a month has changed by since.
Not here: finding and reading what was kept (``kept``), when one is due (guardrails.digests), queueing it for people
(orchestration).

``<home>/digests/2026-09/board/edition-1/`` has ``document.html``, ``document.pdf`` and ``edition.json``: the figures
that a later edition is compared with, amounts as text, and the mail and message that tell it. An edition never changes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from finops.money import in_minor_units
from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.model import Note, Page
from reports.dashboards.view import View
from reports.documents.email import Attached, document_email, document_message
from reports.documents.html import render_html
from reports.documents.kept import DOCUMENT, HTML, PDF, WHOLE, Edition, read_edition, slug
from reports.documents.pdf import Letterhead, render_pdf

MOST_CHANGES = 6
_FIGURES = """
with spent as (
    select * from fct_ai_cost_daily
    where is_ai and billing_currency = $currency and {scope} and usage_date between $first and $last
)
select 'AI spend' as name, coalesce(sum(effective_cost), 0) as amount from spent
union all select 'Invoiced for AI', coalesce(sum(billed_cost), 0) from spent
union all select 'Provider ' || provider_name, sum(effective_cost) from spent group by provider_name
union all select coalesce('Team ' || team, 'No owner'), sum(effective_cost) from spent group by team
"""


def figures_of(view: View) -> dict[str, Decimal]:
    """What an edition is compared by: AI spend of the period in all, by provider and by team."""
    ask = Ask(view, "company" if view.scope is None else "team")
    return {row["name"]: row["amount"] for row in ask.rows(_FIGURES)}


def changes_since(before: Edition, figures: Mapping[str, Decimal], period: str) -> tuple[str, ...]:
    """What has changed since an edition, in sentences, the whole first; nothing where no figure moved by a cent."""
    moved = {}
    for name in figures.keys() | before.figures.keys():
        then, now = (in_minor_units(said.get(name, Decimal(0)), before.currency) for said in (before.figures, figures))
        if then != now:
            moved[name] = then, now
    if not moved:
        return ()
    currency = before.currency
    then, now = moved.get(WHOLE, (before.figures.get(WHOLE, Decimal(0)),) * 2)
    of_edition = f"edition {before.number} of {f.day(before.as_of)}"
    if then != now:
        text = f"AI spend of {period} was {currency} {then:,f} in {of_edition} and is {currency} {now:,f} now"
        told = [f"{text}: {f.signed_money(now - then, currency)}."]
    else:
        told = [f"AI spend of {period} is what it was in {of_edition}; whose it is has changed."]
    parts = sorted(
        ((name, *pair) for name, pair in moved.items() if name != WHOLE), key=lambda part: -abs(part[2] - part[1])
    )
    told += [
        f"{name}: {currency} {was:,f}, now {currency} {is_now:,f} ({f.signed_money(is_now - was, currency)})."
        for name, was, is_now in parts[:MOST_CHANGES]
    ]
    return tuple(told)


def with_changes(page: Page, number: int, changes: tuple[str, ...]) -> Page:
    """The page of a later edition: what changed stands above everything."""
    notes = tuple(Note(text, "warn") for text in changes)
    return replace(page, title=f"{page.title}, edition {number}", states=(*notes, *page.states))


def write_edition(
    folder: Path,
    number: int,
    page: Page,
    view: View,
    head: Letterhead,
    *,
    home: Path,
    thread: str,
    link: str = "",
    again: str = "",
    sections_in_mail: int | None = None,
    changes: tuple[str, ...] = (),
) -> Edition:
    """Make an edition's files, which appear all at once or not at all; one that is there already is read.

    Args:
        home: the folder that attachments are found below when they are sent.
        link: where the figures can be explored.
        again: where the edition can be read again.
        sections_in_mail: how many of the page's sections stand in the mail itself.
    """
    place = folder / f"edition-{number}"
    if place.exists():
        return read_edition(place)
    part = folder / f".edition-{number}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    pdf = render_pdf(page, head)
    (part / PDF).write_bytes(pdf)
    html = render_html(page, view, head).encode("utf-8")
    (part / HTML).write_bytes(html)
    about = [page.name, view.period.key, *([slug(view.scope)] if view.scope else [])]
    name = "-".join([*about, *([f"edition-{number}"] if number > 1 else [])]) + ".pdf"
    attached = Attached(name, (place / PDF).relative_to(home).as_posix(), hashlib.sha256(pdf).hexdigest())
    mail = document_email(
        page, head, thread=thread, sections=sections_in_mail, link=link, again=again, attached=[attached]
    )
    message = document_message(page, head, thread=thread, team=view.scope or "", link=link, again=again)
    (part / DOCUMENT).write_text(
        json.dumps(
            {
                "number": number,
                "as_of": view.as_of.isoformat(),
                "currency": view.currency,
                "figures": {name: str(amount) for name, amount in figures_of(view).items()},
                "changes": list(changes),
                "email": mail,
                "message": message.as_document(),
                "html_sha256": hashlib.sha256(html).hexdigest(),
            },
            indent=1,
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    part.rename(place)
    return read_edition(place)
