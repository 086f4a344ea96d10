"""``aifinops doctor``: what is wrong first, with what to do, then everything that was checked.

Here: gathering the findings, two ways of showing them.
Not here: the checks (``ingestion.checkup``, ``cli.machine``).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from cli.machine import MachineFinding, clock_finding, machine_findings
from finops.config import ConfigError, load_configuration, resolve_variables
from finops.config.sources import Source
from finops.paths import Home
from finops.periods import utc_now
from ingestion import SourceCheck, check_sources
from ingestion.probe import Finding, Status

LAKE_VARIABLE = "AIFINOPS_LAKE"
_SYMBOLS: dict[Status, tuple[str, str]] = {
    "failed": ("✗", "red"),
    "warning": ("!", "yellow"),
    "unknown": ("?", "cyan"),
    "ok": ("✓", "green"),
}
_WORDS: dict[Status, str] = {"failed": "failed", "warning": "to look at", "unknown": "unknown", "ok": "fine"}
_WIDTH = 110


@dataclass(frozen=True)
class Line:
    """One finding about one subject: a source, or a part of this machine."""

    subject: str
    check: str
    status: Status
    message: str
    remedy: str | None


@dataclass(frozen=True)
class Report:
    home: Path
    as_of: datetime
    machine: list[Line]
    sources: list[Line]
    types: Mapping[str, str]

    @property
    def lines(self) -> list[Line]:
        return [*self.machine, *self.sources]

    @property
    def is_failed(self) -> bool:
        return any(line.status == "failed" for line in self.lines)


def run_doctor(
    home: Home,
    config: Path,
    *,
    as_of: datetime | None,
    source_id: str | None,
    limit_seconds: float,
    as_json: bool,
) -> int:
    """Check and show.

    Returns:
        The exit code: 1 where something failed.
    """
    console = Console(file=sys.stdout)
    progress_console = Console(stderr=True)
    from cli.simulated import is_simulated, served_organisation

    with served_organisation(home) if is_simulated(home) else nullcontext() as organisation:
        environ: Mapping[str, str] = organisation.environ if organisation else os.environ
        moment = as_of or (organisation.as_of if organisation else utc_now())
        try:
            report = examine(home, config, environ, moment, source_id, limit_seconds, progress_console)
        except ConfigError as error:
            report = Report(home.path, moment, list(_config_lines(error)), [], {})
    if as_json:
        console.print_json(json.dumps(_document(report)))
    else:
        show(report, console)
    return 1 if report.is_failed else 0


def examine(
    home: Home,
    config: Path,
    environ: Mapping[str, str],
    as_of: datetime,
    source_id: str | None,
    limit_seconds: float,
    progress_console: Console,
) -> Report:
    """All findings.

    Raises:
        ConfigError: the configuration has problems, or has no source of that name.
    """
    configuration = load_configuration(config)
    wanted = [source for source in configuration.sources.sources if source.enabled]
    if source_id is not None:
        wanted = [source for source in configuration.sources.sources if source.id == source_id]
        if not wanted:
            known = ", ".join(source.id for source in configuration.sources.sources)
            raise ConfigError.single(
                config / "sources.yml", 1, "", f"no source {source_id!r}", f"It has: {known or 'none'}"
            )
    lake_url = environ.get(LAKE_VARIABLE) or None
    resolved, unresolved = _resolved(wanted, environ, config)
    checks = _checked(resolved, home, as_of, environ, lake_url, limit_seconds, progress_console)
    lines = {check.source_id: [_line(check.source_id, f) for f in check.findings] for check in checks} | unresolved
    machine: list[Line] = []
    if source_id is None:
        found = [
            *machine_findings(home, lake_url, configuration, environ),
            clock_finding(_addresses(resolved, environ)),
        ]
        machine = [_machine_line(finding) for finding in found if finding is not None]
    return Report(
        home.path,
        as_of,
        machine,
        [line for source in wanted for line in lines[source.id]],
        {source.id: source.type for source in wanted},
    )


def _resolved(
    wanted: Sequence[Source], environ: Mapping[str, str], config: Path
) -> tuple[list[Source], dict[str, list[Line]]]:
    resolved: list[Source] = []
    unresolved: dict[str, list[Line]] = {}
    for source in wanted:
        try:
            resolved.append(resolve_variables(source, environ, config))
        except ConfigError as error:
            unresolved[source.id] = [
                Line(source.id, "reachable", "failed", problem.message, problem.remedy) for problem in error.problems
            ]
    return resolved, unresolved


def _checked(
    sources: Sequence[Source],
    home: Home,
    as_of: datetime,
    environ: Mapping[str, str],
    lake_url: str | None,
    limit_seconds: float,
    progress_console: Console,
) -> list[SourceCheck]:
    open_ids = [source.id for source in sources]
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=progress_console, transient=True) as progress:
        task = progress.add_task("")

        def tell() -> None:
            names = ", ".join(open_ids[:3]) + (", …" if len(open_ids) > 3 else "")
            progress.update(task, description=f"Asking {len(open_ids)} of {len(sources)} sources: {names}")

        def done(check: SourceCheck) -> None:
            open_ids.remove(check.source_id)
            tell()

        tell()
        return check_sources(
            sources,
            home,
            as_of=as_of,
            environ=environ,
            lake_url=lake_url,
            limit_seconds=limit_seconds,
            done=done,
        )


def _addresses(sources: Sequence[Source], environ: Mapping[str, str]) -> list[str]:
    """Servers whose clocks can be asked: those that the sources use anyway."""
    from ingestion.azure.arm import ENDPOINT, ENDPOINT_VARIABLE

    urls = [str(getattr(source, "url", "")) for source in sources]
    found = [url for url in urls if url.startswith(("http://", "https://"))]
    if any(source.type.startswith("azure_") for source in sources):
        found.append(environ.get(ENDPOINT_VARIABLE) or ENDPOINT)
    return list(dict.fromkeys(found))


def _config_lines(error: ConfigError) -> Iterator[Line]:
    for problem in error.problems:
        where = f"{problem.file.name}:{problem.line}" + (f" {problem.where}" if problem.where else "")
        yield Line("configuration", "", "failed", f"{where}: {problem.message}", problem.remedy)


def _line(subject: str, finding: Finding) -> Line:
    return Line(subject, finding.check, finding.status, finding.message, finding.remedy)


def _machine_line(finding: MachineFinding) -> Line:
    remedy = finding.remedy if finding.status != "ok" else None
    return Line(finding.subject, "", finding.status, finding.message, remedy)


# ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def show(report: Report, console: Console) -> None:
    """The verdict, what to do, then one row per check."""
    width = min(console.width, _WIDTH)
    console.print(_verdict(report), highlight=False, width=width)
    problems = [line for status in ("failed", "warning", "unknown") for line in report.lines if line.status == status]
    if problems:
        console.print("\n[bold]What to do[/]")
        for line in problems:
            _show_problem(line, console, width)
    if report.sources:
        console.print("\n[bold]Sources[/]")
        console.print(_source_table(report), width=width)
    if report.machine:
        console.print("\n[bold]This machine[/]")
        console.print(_machine_table(report), width=width)


def _verdict(report: Report) -> str:
    counts = {status: sum(line.status == status for line in report.lines) for status in _SYMBOLS}
    told = ", ".join(f"[{_SYMBOLS[status][1]}]{count} {_WORDS[status]}[/]" for status, count in counts.items() if count)
    place = str(report.home).removeprefix(f"{Path.cwd()}{os.sep}")
    return f"[bold]aifinops doctor[/] · {place} · as of {report.as_of:%d %b %Y %H:%M} UTC\n{told}"


def _show_problem(line: Line, console: Console, width: int) -> None:
    symbol, colour = _SYMBOLS[line.status]
    first, *commands = (line.remedy or "").splitlines() or [""]
    head = Text.assemble((line.subject, "bold"), f", {line.check}" if line.check else "", f": {line.message}")
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold")
    table.add_row(Text(symbol, f"{colour} bold"), head)
    if first:
        table.add_row("", Text(f"→ {first}"))
    console.print(Padding(table, (0, 0, 0, 2)), width=width)
    for command in commands:  # each stays one line, so that it can be copied
        console.print(Text(f"      {command}", "cyan"), soft_wrap=True)


def _source_table(report: Report) -> Padding:
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold")
    shown = ""
    for line in report.sources:
        symbol, colour = _SYMBOLS[line.status]
        name = line.subject if line.subject != shown else ""
        shown = line.subject
        table.add_row(Text(name, "bold"), line.check, Text(symbol, colour), Text(line.message))
    return Padding(table, (0, 0, 0, 2))


def _machine_table(report: Report) -> Padding:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold")
    for line in report.machine:
        symbol, colour = _SYMBOLS[line.status]
        table.add_row(Text(line.subject, "bold"), Text(symbol, colour), Text(line.message))
    return Padding(table, (0, 0, 0, 2))


def _document(report: Report) -> dict[str, object]:
    worst: Status = next((s for s in _SYMBOLS if any(line.status == s for line in report.lines)), "ok")
    return {
        "status": worst,
        "home": str(report.home),
        "as_of": report.as_of.isoformat(),
        "sources": [{**asdict(line), "type": report.types[line.subject]} for line in report.sources],
        "machine": [asdict(line) for line in report.machine],
    }
