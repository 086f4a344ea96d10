"""How fresh and how complete a source is, as the lake tells it.

Here: the newest fact against what is usual for the type, and gaps in what was landed against what was to be expected.
Not here: whether the source answers (``ingestion.sources.<type>.probe``).

What is expected: of a bill every month from the first landed one to the current one, each delivered once more after it
ended; of an API every window from the first to the last that was asked, for everything that is configured; of plain
files nothing, since nobody promised any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq

from finops import lake as contract
from finops.config.freshness import limit_hours
from finops.config.sources import Source
from finops.paths import Home
from finops.periods import BillingPeriod
from ingestion.drift import BASELINE
from ingestion.lake import Lake, arrow_schema, load_id_of
from ingestion.probe import Finding, Status
from ingestion.windows import Window, uncovered

_FAILED_FROM = 3  # times the limit: what is a little late is a warning
_STATED_TIMES = frozenset(("requested_at", "landed_at", "submitted_at"))
_NEWEST_FILES = 50  # the newest facts are in the newest loads; a bucket answers each footer with a request
_FIRST_RUN_DAYS = 2  # into a month, before its first export shows anything
_SHOWN = 4
_DRIFT_IS_NEWS = timedelta(days=30)
_RUNBOOK = "docs/runbooks/stale-source.md"


@dataclass(frozen=True)
class _Landed:
    """What the lake has of one source: rows of its snapshots, windows, and the loads they are in."""

    snapshots: list[dict[str, Any]]
    windows: list[dict[str, Any]]
    loads: frozenset[str]
    rejected: int


def source_health(
    source: Source,
    home: Home,
    *,
    as_of: datetime,
    environ: Mapping[str, str],
    lake_url: str | None = None,
) -> list[Finding]:
    """Fresh and complete, for any type of source.

    Args:
        as_of: what counts as now.

    Raises:
        LandingError: the lake's address is wrong.
    """
    lake = Lake(home, lake_url, environ)
    landed = _read(lake, source.id)
    if not landed.snapshots and not landed.windows:
        remedy = "Land it: aifinops run"
        return [
            Finding("fresh", "unknown", "nothing landed yet", remedy),
            Finding("complete", "unknown", "nothing landed yet", remedy),
        ]
    return [
        _fresh(source, _newest(lake, landed), as_of),
        *_complete(source, landed, as_of),
        *_schema(lake, source, as_of),
    ]


def _read(lake: Lake, source_id: str) -> _Landed:
    snapshots = _rows(lake, contract.SNAPSHOT, source_id, ("table_name", "scope", "period_start", "submitted_at"))
    windows = _rows(
        lake, contract.WINDOW, source_id, ("table_name", "scope", "window_start", "window_end", "row_count")
    )
    loads = frozenset(load_id_of(row["__filename"]) for row in (*snapshots, *windows))
    rejected = len(_rows(lake, contract.REJECTED, source_id, ("table_name",)))
    return _Landed(snapshots, windows, loads, rejected)


def _rows(lake: Lake, table: contract.LakeTable, source_id: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    paths = lake.data_files(table)
    if not paths:
        return []
    dataset = ds.dataset(paths, filesystem=lake.filesystem, schema=arrow_schema(table), format="parquet")
    found = dataset.to_table(columns=[*columns, "__filename"], filter=ds.field("source_id") == source_id)
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


# ── fresh ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _newest(lake: Lake, landed: _Landed) -> datetime | None:
    """The newest moment that a source's facts are about; for bills, when the newest run was made."""
    if any(row["period_start"] for row in landed.snapshots):
        return _utc(max(row["submitted_at"] for row in landed.snapshots))
    names = {row["table_name"] for row in (*landed.snapshots, *landed.windows)}
    found = [_newest_fact(lake, table, landed.loads) for table in contract.TABLES if table.name in names]
    known = [moment for moment in found if moment is not None]
    if known:
        return max(known)
    answered = [row["window_end"] for row in landed.windows if row["row_count"]]
    told = [*answered, *(row["submitted_at"] for row in landed.snapshots)]
    return _utc(max(told)) if told else None


def _newest_fact(lake: Lake, table: contract.LakeTable, loads: frozenset[str]) -> datetime | None:
    """The greatest value of a table's own time, from the statistics in the files' footers."""
    column = next((c for c in table.columns if c.type in ("timestamp", "date") and c.name not in _STATED_TIMES), None)
    if column is None:
        return None
    paths = sorted((p for p in lake.data_files(table) if load_id_of(p) in loads), key=load_id_of)[-_NEWEST_FILES:]
    moments = []
    for path in paths:
        with lake.open(path) as file:
            metadata = pq.read_metadata(file)
        position = metadata.schema.names.index(column.name)
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(position).statistics
            if statistics is not None and statistics.has_min_max:
                moments.append(_utc(statistics.max))
    return max(moments, default=None)


def _fresh(source: Source, newest: datetime | None, as_of: datetime) -> Finding:
    limit = limit_hours(source)
    if newest is None:
        return Finding(
            "fresh", "warning", "asked, and nothing was there", f"See whether the source has data at all; {_RUNBOOK}"
        )
    age = as_of - newest
    about = f"newest data {_shown(newest)}" + (f", {_span(age)} old" if age > timedelta(0) else "")
    if limit is None:
        return Finding("fresh", "ok", f"{about}; no rhythm promised")
    if age <= timedelta(hours=limit):
        return Finding("fresh", "ok", about)
    status: Status = "failed" if age > _FAILED_FROM * timedelta(hours=limit) else "warning"
    return Finding(
        "fresh",
        status,
        f"{about}; expected within {_span(timedelta(hours=limit))}",
        f"Land again: aifinops run. If it stays, the producer is late: {_RUNBOOK}",
    )


# ── schema ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _schema(lake: Lake, source: Source, as_of: datetime) -> Iterator[Finding]:
    """Columns that changed lately; nothing where none did."""
    columns = ("column_name", "change", "x_file", "outcome", "remedy", "landed_at")
    changes = [
        row
        for row in _rows(lake, contract.SCHEMA_DRIFT, source.id, columns)
        if row["change"] != BASELINE and as_of - _utc(row["landed_at"]) <= _DRIFT_IS_NEWS
    ]
    if not changes:
        return
    changes.sort(key=lambda row: row["landed_at"])
    told = [f"{row['change'].replace('_', ' ')} {row['column_name']} ({row['outcome']})" for row in changes[:_SHOWN]]
    more = f"; {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    remedies = dict.fromkeys(row["remedy"] for row in changes)
    yield Finding(
        "schema",
        "warning",
        f"{'; '.join(told)}{more}; first in {changes[0]['x_file']}",
        f"{next(iter(remedies))}. All of them: fct_schema_drift",
    )


# ── complete ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _complete(source: Source, landed: _Landed, as_of: datetime) -> Iterator[Finding]:
    bills = [row for row in landed.snapshots if row["period_start"]]
    refused = f"; {landed.rejected:,} rows refused (fct_rejected_row)" if landed.rejected else ""
    said: list[str] = []
    problems: list[Finding] = []
    if bills:
        text, found = _months(bills, as_of)
        said.append(text)
        problems += found
    files = len(landed.snapshots) - len(bills)
    if files:
        said.append(f"{files:,} file{'s' if files > 1 else ''} landed")
    if landed.windows:
        text, found = _windows(source, landed.windows)
        said.append(text)
        problems += found
    if problems:
        yield from problems
    else:
        yield Finding("complete", "ok", ", ".join(said) + refused)


def _months(rows: list[dict[str, Any]], as_of: datetime) -> tuple[str, list[Finding]]:
    """Months of each export: all there, and each delivered again after its end."""
    by_scope: dict[str, dict[date, datetime]] = {}
    for row in rows:
        runs = by_scope.setdefault(row["scope"], {})
        runs[row["period_start"]] = max(runs.get(row["period_start"], row["submitted_at"]), row["submitted_at"])
    missing: list[tuple[str, BillingPeriod]] = []
    unfinished: list[tuple[str, BillingPeriod]] = []
    for scope, runs in sorted(by_scope.items()):
        for period in _expected_months(min(runs), as_of):
            if period.start not in runs:
                missing.append((scope, period))
            elif _is_over(period, as_of) and runs[period.start].date() < period.end:
                unfinished.append((scope, period))
    found = []
    if missing:
        found.append(
            Finding(
                "complete",
                "failed",
                f"{_named(missing)} missing from {_exports(missing)}",
                _run_again(missing),
            )
        )
    if unfinished:
        found.append(
            Finding(
                "complete",
                "warning",
                f"{_named(unfinished)} last delivered before the month ended ({_exports(unfinished)})",
                _run_again(unfinished),
            )
        )
    months = {start for runs in by_scope.values() for start in runs}
    first = BillingPeriod(min(months))
    count = f"{len(by_scope)} exports, " if len(by_scope) > 1 else ""
    return f"{count}{len(months)} months from {first}, no gap", found


def _expected_months(first: date, as_of: datetime) -> Iterator[BillingPeriod]:
    period, current = BillingPeriod(first), BillingPeriod.containing(as_of.date())
    while period < current:
        yield period
        period = period.next()
    if as_of.day > _FIRST_RUN_DAYS:
        yield current


def _is_over(period: BillingPeriod, as_of: datetime) -> bool:
    return (as_of.date() - period.end).days >= _FIRST_RUN_DAYS


def _run_again(months: list[tuple[str, BillingPeriod]]) -> str:
    """What starts the runs that are missing; exports of billing scopes are started in the portal."""
    scope = months[0][0]
    name = scope.rpartition("/")[2]
    if not scope.startswith("/subscriptions/"):
        return f"Export them again in the portal (Exports → {name} → Export selected dates), then aifinops run"
    again = " ".join(f"--month {period}" for month_scope, period in months if month_scope == scope)
    return (
        "Export them again, then aifinops run:\n"
        f"aifinops connect azure --subscription {scope.split('/')[2]} --export-name {name} {again} --apply"
    )


def _named(months: list[tuple[str, BillingPeriod]]) -> str:
    names = sorted({str(period) for _, period in months})
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _exports(months: list[tuple[str, BillingPeriod]]) -> str:
    names = sorted({scope.rpartition("/")[2] for scope, _ in months})
    return names[0] if len(names) == 1 else f"{len(names)} exports"


def _windows(source: Source, rows: list[dict[str, Any]]) -> tuple[str, list[Finding]]:
    """Windows of everything that was asked: no gap between the first and the last, nothing configured left out."""
    by_scope: dict[tuple[str, str], list[Window]] = {}
    for row in rows:
        window = Window(_utc(row["window_start"]), _utc(row["window_end"]))
        by_scope.setdefault((row["table_name"], row["scope"]), []).append(window)
    gaps = [
        (scope, gap)
        for (_, scope), windows in sorted(by_scope.items())
        for gap in uncovered(windows, min(w.start for w in windows), max(w.end for w in windows))
    ]
    found = []
    if gaps:
        scope, gap = gaps[0]
        more = f" and {len(gaps) - 1} more gaps" if len(gaps) > 1 else ""
        found.append(
            Finding(
                "complete",
                "warning",
                f"never asked for {_shown(gap.start)} to {_shown(gap.end)} of {_last(scope)}{more}",
                "Land again: aifinops run asks for what is missing, as far back as the source keeps it",
            )
        )
    asked = {scope.lower() for _, scope in by_scope}
    left_out = [name for name in getattr(source, "resources", None) or [] if str(name).lower() not in asked]
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        found.append(
            Finding("complete", "warning", f"{_last(left_out[0])}{more} never asked", "Land again: aifinops run")
        )
    first = min(window.start for windows in by_scope.values() for window in windows)
    scopes = len({scope for _, scope in by_scope})
    return f"{scopes} quer{'ies' if scopes > 1 else 'y'} asked since {first:%Y-%m-%d}, no gap", found


def _last(scope: str) -> str:
    return scope.rstrip("/").rpartition("/")[2] or scope


def _utc(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    # A day's facts are known when the day is over.
    return datetime(value.year, value.month, value.day, tzinfo=UTC) + timedelta(days=1)


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _span(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    if hours < 1:
        return f"{max(round(hours * 60), 0)} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
