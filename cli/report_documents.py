"""Documents on the command line: ``aifinops report digest`` and ``aifinops report pack``.

Here: options, files, words.
Not here: what a document says (reports.dashboards.pages), sending one (orchestration.digests).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from cli.inputs import configuration_of, fail, home_of
from cli.options import ConfigOption, HomeOption
from finops.periods import BillingPeriod, IsoWeek, utc_now

if TYPE_CHECKING:
    from orchestration.digests import Digests
    from reports.dashboards.view import View

FORMATS = ("html", "pdf", "email")
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for the files", show_default="HOME/digests/PERIOD/by-hand")
]
FormatOption = Annotated[str, typer.Option("--format", help="html, pdf and email, as many as you like")]
CurrencyOption = Annotated[
    str | None, typer.Option("--currency", help="Of the bill", show_default="the one with the most AI spend")
]
SENDER = "aifinops@localhost"


def digest(
    week: Annotated[str | None, typer.Option(help="Such as 2026-W42", show_default="the last one that is over")] = None,
    team: Annotated[str | None, typer.Option(help="Of one team only", show_default="of the company")] = None,
    out: OutOption = None,
    formats: FormatOption = "html,pdf,email",
    currency: CurrencyOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the digest of a week: what was spent, why, where the month will end, what could be saved."""
    digests = _digests(home, config)
    _require_team(digests, team)
    try:
        period = IsoWeek.parse(week) if week else IsoWeek.containing(_reported(digests).date()).previous()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--week") from None
    _make(digests, period, "weekly", team=team, out=out, formats=formats, currency=currency)


def pack(
    month: Annotated[str | None, typer.Option(help="Such as 2026-09", show_default="the last one that is over")] = None,
    out: OutOption = None,
    formats: FormatOption = "html,pdf",
    currency: CurrencyOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the pack of a month for finance and the board: against budget and forecast, tied to the bill."""
    digests = _digests(home, config)
    try:
        period = BillingPeriod.parse(month) if month else BillingPeriod.containing(_reported(digests).date()).previous()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--month") from None
    _make(digests, period, "monthly", team=None, out=out, formats=formats, currency=currency)


def register(app: typer.Typer) -> None:
    """Make both commands of ``app``."""
    app.command()(digest)
    app.command()(pack)


def _digests(home: Path | None, config: Path | None) -> Digests:
    from orchestration.digests import Digests

    return Digests(home_of(home), configuration_of(config), os.environ, utc_now())


def _reported(digests: Digests):  # type: ignore[no-untyped-def]
    import reports

    try:
        return reports.reported_moment(reports.read_marts(digests.home.published))
    except reports.MartError as error:
        fail(str(error))


def _require_team(digests: Digests, team: str | None) -> None:
    if team is None:
        return
    from orchestration.published import NotPublishedError, query_mart

    try:
        rows = query_mart(digests.home, "dim_team", "select team from read_parquet($mart) order by team", {})
    except NotPublishedError as error:
        fail(str(error))
    known = [name for (name,) in rows]
    if team not in known:
        fail(f"there is no team {team!r}; teams with cost or usage: {', '.join(known) or 'none'}")


def _make(
    digests: Digests,
    period: IsoWeek | BillingPeriod,
    kind: Literal["weekly", "monthly"],
    *,
    team: str | None,
    out: Path | None,
    formats: str,
    currency: str | None,
) -> None:
    from reports.documents.kept import slug
    from reports.documents.periods import NothingBilledError

    chosen = _chosen(formats)
    folder = out.resolve() if out else digests.home.digests / str(period) / "by-hand"
    name = f"{'digest' if kind == 'weekly' else 'pack'}-{period}{f'-{slug(team)}' if team else ''}"
    try:
        with digests.opened(period, team=team, currency=currency) as view:
            files = _write(digests, view, kind, folder, name, chosen)
    except NothingBilledError as error:
        fail(str(error))
    for file in files:
        Console().print(f"[green]✓[/] {file}", highlight=False, soft_wrap=True)


def _chosen(formats: str) -> list[str]:
    found = [part.strip() for part in formats.split(",") if part.strip()]
    unknown = [part for part in found if part not in FORMATS]
    if unknown or not found:
        raise typer.BadParameter(
            f"{', '.join(unknown) or 'nothing'}; known: {', '.join(FORMATS)}", param_hint="--format"
        )
    return found


def _write(
    digests: Digests, view: View, kind: Literal["weekly", "monthly"], folder: Path, name: str, chosen: list[str]
) -> list[Path]:
    import hashlib

    from guardrails.mail import mime
    from orchestration.digests import SECTIONS_IN_MAIL, page_of
    from reports.documents.email import Attached, document_email
    from reports.documents.html import render_html
    from reports.documents.pdf import render_pdf

    folder.mkdir(parents=True, exist_ok=True)
    page, head = page_of(view), digests.head(view)
    found = []
    pdf = folder / f"{name}.pdf"
    if "pdf" in chosen or "email" in chosen:
        pdf.write_bytes(render_pdf(page, head))
        found.append(pdf)
    if "html" in chosen:
        (folder / f"{name}.html").write_text(render_html(page, view, head), encoding="utf-8")
        found.append(folder / f"{name}.html")
    if "email" in chosen:
        attached = Attached(pdf.name, pdf.name, hashlib.sha256(pdf.read_bytes()).hexdigest())
        content = document_email(
            page, head, thread=name, sections=SECTIONS_IN_MAIL[kind], link=digests.link(view), attached=[attached]
        )
        mail = mime(
            content["email"],
            message_id=name,
            sender=SENDER,
            to=[SENDER],
            list_id="digests",
            at=view.as_of,
            files=folder,
        )
        (folder / f"{name}.eml").write_bytes(mail.as_bytes())
        found.append(folder / f"{name}.eml")
    return found
