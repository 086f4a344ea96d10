"""Documents as they were sent: one folder for each period and digest, one folder in it for each edition.

Here: making the files of an edition, swapping them in whole, reading them back, what a month has changed by since.
Not here: when one is due (guardrails.digests), queueing it for people (orchestration).

``<home>/digests/2026-09/board/edition-1/`` has ``document.html``, ``document.pdf`` and ``edition.json``: the figures
that a later edition is compared with, amounts as text, and the mail and message that tell it. An edition never changes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops.money import in_minor_units
from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.model import Note, Page
from reports.dashboards.view import View
from reports.documents.email import Attached, document_email, document_message
from reports.documents.html import render_html
from reports.documents.pdf import Letterhead, render_pdf

HTML, PDF, DOCUMENT = "document.html", "document.pdf", "edition.json"
MOST_CHANGES = 6
WHOLE = "AI spend"
_SLUG = re.compile(r"[^a-z0-9._-]+")
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


class EditionError(ValueError):
    """An edition in its folder cannot be read."""


@dataclass(frozen=True)
class Edition:
    """``figures``: exact amounts by name, in ``currency``. ``changes``: sentences on what the edition before said."""

    folder: Path
    number: int
    as_of: datetime
    currency: str
    figures: Mapping[str, Decimal]
    changes: tuple[str, ...]
    email: Mapping[str, Any]
    message: Mapping[str, Any]


def slug(name: str) -> str:
    """A name as a folder's: safe for every file system, and another one for every other name."""
    plain = _SLUG.sub("-", name.lower()).strip("-._")[:60]
    return plain if plain and plain == name else f"{plain or 'x'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def newest_edition(folder: Path) -> Edition | None:
    """The newest edition in a digest's folder of one period; None where none was made.

    Raises:
        EditionError: it cannot be read.
    """
    numbers = [int(path.name.removeprefix("edition-")) for path in folder.glob("edition-*") if path.is_dir()]
    return _read(folder / f"edition-{max(numbers)}") if numbers else None


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
    sections_in_mail: int | None = None,
    changes: tuple[str, ...] = (),
) -> Edition:
    """Make an edition's files, which appear all at once or not at all; one that is there already is read.

    Args:
        home: the folder that attachments are found below when they are sent.
        sections_in_mail: how many of the page's sections stand in the mail itself.
    """
    place = folder / f"edition-{number}"
    if place.exists():
        return _read(place)
    part = folder / f".edition-{number}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    pdf = render_pdf(page, head)
    (part / PDF).write_bytes(pdf)
    (part / HTML).write_text(render_html(page, view, head), encoding="utf-8")
    about = [page.name, view.period.key, *([slug(view.scope)] if view.scope else [])]
    name = "-".join([*about, *([f"edition-{number}"] if number > 1 else [])]) + ".pdf"
    attached = Attached(name, (place / PDF).relative_to(home).as_posix(), hashlib.sha256(pdf).hexdigest())
    mail = document_email(page, head, thread=thread, sections=sections_in_mail, link=link, attached=[attached])
    message = document_message(page, head, thread=thread, team=view.scope or "", link=link)
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
            },
            indent=1,
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    part.rename(place)
    return _read(place)


def _read(place: Path) -> Edition:
    try:
        said = json.loads((place / DOCUMENT).read_text(encoding="utf-8"))
        return Edition(
            folder=place,
            number=said["number"],
            as_of=datetime.fromisoformat(said["as_of"]),
            currency=said["currency"],
            figures={name: Decimal(amount) for name, amount in said["figures"].items()},
            changes=tuple(said["changes"]),
            email=said["email"],
            message=said["message"],
        )
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise EditionError(
            f"{place} is no edition of a digest any more ({error}): move it away, and it is made again"
        ) from error
