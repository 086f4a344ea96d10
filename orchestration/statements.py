"""Issuing monthly statements, and proving what was issued.

Here: whether a month may be issued, the entry in the audit trail that vouches for it, comparing both later, making a
month's statements once more from what the lake held then.
Not here: what statements say and look like (reports.statements).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import guardrails
from finops.config import load_configuration
from finops.config.tables import written_as_of
from finops.paths import Home
from finops.periods import BillingPeriod, FiscalCalendar, utc_now
from orchestration.as_known import rebuild_as_known
from orchestration.ledger import open_ledger
from orchestration.run import Listener
from reports.statements import build, files, page, store, workbook
from reports.statements.model import Issue, untied
from reports.statements.store import StatementError

ISSUED = "statements.issued"


@dataclass(frozen=True)
class Issued:
    """``was_there`` where a run that was stopped had issued the month and only its audit entry was missing."""

    issue: Issue
    folder: Path
    was_there: bool


@dataclass(frozen=True)
class Verified:
    """``problems`` is empty where every issued statement is what it was."""

    issues: list[Issue]
    problems: list[str]


def preview(home: Home, config: Path, period: BillingPeriod) -> Issue:
    """A month's statements as they would be issued now; nothing is kept.

    Raises:
        StatementError: the month before was not issued, or the marts do not tie to the invoices.
        MartError: nothing was published yet.
    """
    configuration = load_configuration(config)
    issued = store.read_issues(home.statements)
    _require_order(period, issued)
    published = home.published.resolve()
    issue = build.build_issue(
        period,
        build.read_amounts(published, [*(earlier.period for earlier in issued), period]),
        build.read_invoices(published, period),
        issued,
        as_of=_as_of(home),
        fiscal=FiscalCalendar(configuration.sources.fiscal_year_first_month),
    )
    if not issue.statements:
        raise StatementError(f"Nothing was billed in {period}: there is nothing to state")
    if differences := untied(issue):
        provider, account, currency, asked, charged = differences[0]
        raise StatementError(
            f"Statements of {period} would charge {currency} {charged} of {provider} {account or ''}, but its invoices "
            f"ask for {asked}; the marts are not of one run: run the pipeline again"
        )
    return issue


def issue(home: Home, config: Path, period: BillingPeriod) -> Issued:
    """Issue a month's statements: numbered, written once, vouched for by the audit trail.

    Stopped anywhere, the same call finishes: the folder appears as a whole, and one without its audit entry gets it.

    Raises:
        StatementError: the month was issued already, is not closed yet, or the one before it was not issued.
        MartError: nothing was published yet.
    """
    folder = home.statements / str(period)
    if folder.exists():
        return Issued(_vouch_again(home, period), folder, was_there=True)
    configuration = load_configuration(config)
    closes_at = guardrails.closes_at(period, configuration.reconciliation)
    as_of = _as_of(home)
    if as_of < closes_at:
        raise StatementError(
            f"{period} closes on {closes_at:%d %b %Y} (reconciliation.yml); the last run reported on {as_of:%d %b %Y}. "
            f"Until then `aifinops statements preview {period}` shows what it would charge"
        )
    made = preview(home, config, period)
    settings = configuration.allocation.statements

    def write_files(place: Path) -> None:
        files.write_csv(place, made, settings)
        workbook.write_workbook(place / "statements.xlsx", made, settings)
        page.write_pages(place, made, settings.issuer)

    store.write_issue(home.statements, made, write_files)
    _vouch(home, made)
    return Issued(made, folder, was_there=False)


def verify(home: Home) -> Verified:
    """Whether every issued statement is what the audit trail says was issued, and the trail itself is whole."""
    problems: list[str] = []
    try:
        issues = store.read_issues(home.statements)
    except StatementError as error:
        return Verified([], [str(error)])
    with open_ledger(home) as ledger:
        vouched = ledger.notes(ISSUED)
        problems += ledger.verify().problems
    for found in issues:
        entry = vouched.pop(str(found.period), None)
        text = (home.statements / str(found.period) / store.DOCUMENT).read_text(encoding="utf-8")
        if entry is None:
            problems.append(
                f"{found.period} has no entry in the audit trail; if its issue was stopped, `aifinops statements issue "
                f"{found.period}` finishes it"
            )
        elif entry["sha256"] != store.digest(text):
            problems.append(f"{found.period}: {store.DOCUMENT} was changed after it was issued")
    problems += [f"{period} was issued, but its folder is gone from {home.statements}" for period in sorted(vouched)]
    return Verified(issues, problems)


def rebuild(home: Home, period: BillingPeriod, environ: Mapping[str, str], listener: Listener) -> list[str]:
    """Make an issued month's statements once more, from what the lake held and the configuration said at their issue.

    Returns what differs, a sentence a difference: nothing where the statements are reproduced to the last digit.

    Raises:
        StatementError: the month was not issued, or by a version that did not note what it knew.
        PipelineError: a step of the rebuild failed.
    """
    issued = store.read_issues(home.statements)
    found = next((issue for issue in issued if issue.period == period), None)
    if found is None:
        raise StatementError(f"Statements of {period} were not issued yet: `aifinops statements issue {period}`")
    with open_ledger(home) as ledger:
        entry = ledger.notes(ISSUED).get(str(period), {})
    if "known_at" not in entry:
        raise StatementError(
            f"The audit trail does not say what was known when {period} was issued; `aifinops as-known` rebuilds the "
            f"marts of any moment, and its fct_statement_line_monthly is what statements are made of"
        )
    with tempfile.TemporaryDirectory(prefix="aifinops-statements-") as folder:
        out = Path(folder) / "marts"
        rebuild_as_known(home, datetime.fromisoformat(entry["known_at"]), "landed", out, environ, listener)
        earlier = [issue for issue in issued if issue.period < period]
        again = build.build_issue(
            period,
            build.read_amounts(out / "parquet", [*(issue.period for issue in earlier), period]),
            build.read_invoices(out / "parquet", period),
            earlier,
            as_of=found.as_of,
            fiscal=FiscalCalendar(found.first_day_of_fiscal_year.month),
        )
    return _differences(found, again)


def _differences(issued: Issue, again: Issue) -> list[str]:
    if store.document(issued) == store.document(again):
        return []
    then = {statement.party: statement for statement in issued.statements}
    now = {statement.party: statement for statement in again.statements}
    told = []
    for party in sorted(then.keys() | now.keys(), key=str):
        before, after = then.get(party), now.get(party)
        sums = [
            (what, *(getattr(statement, name) if statement else 0 for statement in (before, after)))
            for what, name in (("charges", "charges"), ("true-ups", "true_up_total"), ("closing", "closing"))
        ]
        told += [
            f"{issued.period}, {party.name}: {what} were issued as {party.currency} {was}, and are {is_now} made again"
            for what, was, is_now in sums
            if was != is_now
        ]
    return told or [f"{issued.period}: the sums are equal, but lines or invoices are not"]


def copy_files(home: Home, period: BillingPeriod, out: Path) -> None:
    """Copy a month's files, to be sent.

    Raises:
        StatementError: the month was not issued.
    """
    folder = home.statements / str(period)
    if not folder.exists():
        raise StatementError(f"Statements of {period} were not issued yet: `aifinops statements issue {period}`")
    shutil.copytree(folder, out, dirs_exist_ok=True)


def _as_of(home: Home) -> datetime:
    return written_as_of(home.config_tables) or utc_now()


def _known_at(home: Home, period: BillingPeriod) -> datetime:
    """When the run whose marts were stated published them: what landed later it did not know.

    Where an issue that was stopped is vouched for after another run, those marts are gone: then it is when its folder
    was made.
    """
    made_at = (home.statements / str(period)).stat().st_mtime
    return datetime.fromtimestamp(min(made_at, home.published.resolve().stat().st_mtime), UTC)


def _require_order(period: BillingPeriod, issued: list[Issue]) -> None:
    if not issued:
        return
    newest = issued[-1].period
    if period <= newest:
        raise StatementError(
            f"Statements of {period} were issued already, or later ones were ({newest}); what has changed since is a "
            f"true-up of the statements of {newest.next()}"
        )
    if period != newest.next():
        raise StatementError(
            f"The statements of {newest.next()} come first: `aifinops statements issue {newest.next()}`"
        )


def _vouch(home: Home, made: Issue) -> None:
    details = {
        "sha256": store.digest(store.document(made)),
        "as_of": made.as_of.isoformat(),
        "statements": len(made.statements),
        "known_at": _known_at(home, made.period).isoformat(),
    }
    with open_ledger(home) as ledger:
        ledger.note(utc_now(), ISSUED, str(made.period), details)


def _vouch_again(home: Home, period: BillingPeriod) -> Issue:
    """Finish an issue that was stopped before its audit entry.

    Raises:
        StatementError: it was issued, entry and all.
    """
    [found] = [issue for issue in store.read_issues(home.statements) if issue.period == period]
    with open_ledger(home) as ledger:
        if str(period) in ledger.notes(ISSUED):
            raise StatementError(
                f"Statements of {period} were issued already ({home.statements / str(period)}); what has changed since "
                f"is a true-up of the statements of {period.next()}"
            )
    _vouch(home, found)
    return found
