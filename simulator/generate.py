"""Generating the organisation's files.

Here: the order of things, the folder layout and the swap that makes a generation all or nothing.
Not here: what is in the files.

Layout of a generated folder:
    azure-exports/   the storage container of the billing export
    subsidiary-exports/  that of two subsidiaries, billed in EUR and GBP
    spans/           the gateway's spans, one file per day
    outcomes/        business outcomes, one file per month
    saas/            the list of SaaS subscriptions
    nvml/            closed files of NVML collectors
    telemetry/       the HTTP server's memory
    received/        what the HTTP server's receivers got (made by the server)
    truth.json       what was planted
    organisation.json  the parameters; written last
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from finops.periods import BillingPeriod, days
from finops.processes import runs_elsewhere
from simulator import exports, gpu, nvml, outcomes, spans, subscriptions, subsidiaries, telemetry, usage
from simulator import organisation as org
from simulator.bill import Biller, Charge
from simulator.billing_accounts import SUBSIDIARIES, BillingAccount
from simulator.truths import Tally, truth_document

EXPORTS_FOLDER = "azure-exports"
SUBSIDIARY_EXPORTS_FOLDER = "subsidiary-exports"
SPANS_FOLDER = "spans"
OUTCOMES_FOLDER = "outcomes"
SAAS_FOLDER = "saas"
NVML_FOLDER = "nvml"
TELEMETRY_FOLDER = "telemetry"
TRUTH_FILE = "truth.json"
ORGANISATION_FILE = "organisation.json"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Organisation:
    """What was generated (or found unchanged): where, from which parameters, and how much."""

    directory: Path
    parameters: org.Parameters
    was_generated: bool
    bill_rows: int
    runs: int
    spans: int
    outcome_rows: int
    gpu_readings: int

    @property
    def exports(self) -> Path:
        return self.directory / EXPORTS_FOLDER

    @property
    def subsidiary_exports(self) -> Path:
        return self.directory / SUBSIDIARY_EXPORTS_FOLDER

    @property
    def spans_folder(self) -> Path:
        return self.directory / SPANS_FOLDER

    @property
    def outcomes(self) -> Path:
        return self.directory / OUTCOMES_FOLDER


def generate(
    directory: Path,
    *,
    seed: int = 7,
    scale: float = 1.0,
    days: int = 400,
    as_of: datetime = org.DEFAULT_AS_OF,
    file_format: exports.FileFormat = "csv",
    progress: Progress | None = None,
) -> Organisation:
    """Write the organisation's files into ``directory``; the same arguments give the same bytes.

    A folder that holds the result of the same arguments already is left as it is. Files are made in a folder beside it
    and swapped in at the end, so a killed generation is simply done again.

    Args:
        scale: multiplies money, volume and number of requests; 1 is about USD 110k a month.
        days: days of history before ``as_of``.
        as_of: the moment the files are as of, with a time zone.
        file_format: of the billing export: ``csv`` (gzip) or ``parquet`` (snappy).

    Raises:
        ValueError: a parameter is out of range, or ``directory`` holds something that is no generated organisation.
    """
    parameters = org.Parameters(seed=seed, scale=scale, days=days, as_of=as_of)
    document = {**parameters.as_document(), "export_file_format": file_format}
    directory = directory.resolve()
    present = _present(directory)
    if present is not None and {name: present.get(name) for name in document} == document:
        return Organisation(directory, parameters, False, **present["counts"])
    say = progress or (lambda _: None)
    directory.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(directory)
    making = directory.parent / f".{directory.name}.making-{os.getpid()}"
    making.mkdir()
    counts = _write_all(making, parameters, file_format, say)
    summary = {**document, "counts": counts, "subscriptions": org.SUBSCRIPTIONS, "teams": sorted(org.TEAMS)}
    (making / ORGANISATION_FILE).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    _swap(making, directory)
    return Organisation(directory, parameters, True, **counts)


def _present(directory: Path) -> dict[str, Any] | None:
    if not directory.exists() or not any(directory.iterdir()):
        return None
    try:
        document: dict[str, Any] = json.loads((directory / ORGANISATION_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        raise ValueError(
            f"{directory} holds files that are no generated organisation; name another folder or empty this one"
        ) from None
    return document


def _remove_leftovers(directory: Path) -> None:
    """Remove what killed generations left beside the folder; those that still run keep theirs."""
    for kind in ("making", "old"):
        for leftover in directory.parent.glob(f".{directory.name}.{kind}-*"):
            if not runs_elsewhere(leftover.name.rpartition("-")[2]):
                shutil.rmtree(leftover)


def _swap(making: Path, directory: Path) -> None:
    old = directory.parent / f".{directory.name}.old-{os.getpid()}"
    if directory.exists():
        directory.rename(old)
    making.rename(directory)
    if old.exists():
        shutil.rmtree(old)


def _write_all(
    root: Path, parameters: org.Parameters, file_format: exports.FileFormat, say: Progress
) -> dict[str, int]:
    for folder in (
        EXPORTS_FOLDER, SUBSIDIARY_EXPORTS_FOLDER, SPANS_FOLDER, OUTCOMES_FOLDER, SAAS_FOLDER, NVML_FOLDER,
        TELEMETRY_FOLDER,
    ):  # fmt: skip
        (root / folder).mkdir()
    say("GPU cluster")
    gpu_hours = gpu.cluster_hours(parameters)
    telemetry.write_gpu_hours(root / TELEMETRY_FOLDER, gpu_hours)
    for name, content in nvml.spool_files(parameters, gpu_hours):
        (root / NVML_FOLDER / name).write_text(content, encoding="utf-8")

    say("gateway calls and spans")
    tally = Tally(parameters)
    tokens: dict[Any, usage.TokenTotals] = {}
    account_hours: list[telemetry.AccountHour] = []
    planted = dict.fromkeys(("spans", "duplicate_spans", "cut_lines", "spans_with_bad_counts"), 0)
    first_kept = parameters.today - timedelta(days=telemetry.KEPT_DAYS)
    for day in days_of(parameters):
        calls = usage.gateway_calls(parameters, day)
        tokens[day] = usage.gateway_tokens(calls)
        tally.add_calls(day, calls)
        if day >= first_kept:
            account_hours += telemetry.gateway_account_hours(day, calls)
            account_hours += telemetry.dedicated_account_hours(day, usage.dedicated_hours(parameters, day))
        file = spans.span_file(parameters, day, calls)
        if file.content:
            path = root / SPANS_FOLDER / spans.file_name(day)
            path.write_bytes(file.content)
            _delivered(path, day, parameters)
        for name, count in zip(planted, (file.spans, file.duplicates, file.cut_lines, file.bad_counts), strict=True):
            planted[name] += count
    telemetry.write_account_hours(root / TELEMETRY_FOLDER, account_hours)

    say("bill")
    biller = Biller(parameters, gpu.node_hours(gpu_hours))
    charges: dict[Any, list[Charge]] = {}
    for day in days_of(parameters):
        if day <= parameters.last_billed_day:
            charges[day] = biller.day(day, tokens[day])
            tally.add_charges(day, charges[day])

    say("billing exports")
    writer = exports.ExportWriter(root / EXPORTS_FOLDER, parameters, charges.__getitem__, file_format)
    runs = exports.planned_runs(parameters)
    bill_rows, run_count = 0, len(runs)
    for run in runs:
        bill_rows += writer.write(run)
    for account in SUBSIDIARIES:
        written, count = _write_subsidiary(root / SUBSIDIARY_EXPORTS_FOLDER, parameters, file_format, account)
        bill_rows += written
        run_count += count

    say("outcomes")
    outcome_rows: dict[BillingPeriod, list[tuple[str, ...]]] = {}
    for day in days_of(parameters):
        if day < parameters.today:
            outcome_rows.setdefault(BillingPeriod.containing(day), []).extend(outcomes.outcome_rows(parameters, day))
    for period, rows in outcome_rows.items():
        path = root / OUTCOMES_FOLDER / outcomes.file_name(period)
        path.write_text(outcomes.csv_text(rows), encoding="utf-8")
        _delivered(path, period.last_day, parameters)

    (root / SAAS_FOLDER / subscriptions.FILE_NAME).write_text(subscriptions.csv_text(parameters), encoding="utf-8")

    truth = truth_document(tally, gpu_hours, planted)
    (root / TRUTH_FILE).write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return {
        "bill_rows": bill_rows,
        "runs": run_count,
        "spans": planted["spans"],
        "outcome_rows": sum(map(len, outcome_rows.values())),
        "gpu_readings": len(gpu_hours),
    }


def _write_subsidiary(
    root: Path, parameters: org.Parameters, file_format: exports.FileFormat, account: BillingAccount
) -> tuple[int, int]:
    """Rows and runs of a subsidiary's export."""
    charges: dict[date, list[Charge]] = {
        day: subsidiaries.charges(account, parameters, day)
        for day in days_of(parameters)
        if day <= parameters.last_billed_day
    }
    writer = exports.ExportWriter(root, parameters, charges.__getitem__, file_format, account)
    runs = exports.planned_runs(parameters, account)
    return sum(writer.write(run) for run in runs), len(runs)


def _delivered(path: Path, last_day: date, parameters: org.Parameters) -> None:
    """Give a file the time at which the organisation wrote it: the end of its last day, or now before that."""
    ended_at = datetime.combine(last_day + timedelta(days=1), time(), UTC)
    moment = min(ended_at, parameters.as_of).timestamp()
    os.utime(path, (moment, moment))


def days_of(parameters: org.Parameters) -> list[Any]:
    """Every day from the first to today; today only counts up to ``as_of``."""
    return list(days(parameters.first_day, parameters.today + timedelta(days=1)))
