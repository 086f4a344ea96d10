"""What a training or pipeline run is, whoever tells of it.

Here: the fields of a run, their checks, and rows of ``training__run``; shared by the sources that land runs.
Not here: files and tables (``ingestion.records``), MLflow's answers (``ingestion.sources.mlflow.rows``), money (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from finops import lake as contract
from ingestion.lake import naive_utc
from ingestion.privacy import mask_emails
from ingestion.records import Record, RefusedError, as_amount, as_count, as_moment, refusal, required
from ingestion.rejects import Reject

TABLE = contract.TRAINING_RUN
TEXTS = ("run_name", "experiment", "project", "team", "app", "gpu_model", "node")
STATUSES = ("running", "finished", "failed", "killed", "scheduled")
_STATUS_ALIASES = {
    "succeeded": "finished", "success": "finished", "completed": "finished", "complete": "finished", "done": "finished",
    "error": "failed", "canceled": "killed", "cancelled": "killed", "aborted": "killed", "stopped": "killed",
    "queued": "scheduled", "pending": "scheduled", "in_progress": "running",
}  # fmt: skip
_SLACK_SECONDS = 2  # trackers round the two ends to seconds, and the duration by itself
FIELDS = frozenset(
    (
        "run_id",
        *TEXTS,
        "stage",
        "trigger",
        "status",
        "started_at",
        "ended_at",
        "duration_seconds",
        "gpu_count",
        "retries",
    )
) | {"updated_at", "is_deleted"}


def parse_runs(records: Sequence[Record], rejects: list[Reject], *, requested_at: datetime) -> list[dict[str, Any]]:
    """Rows of ``training__run`` without source and snapshot.

    Of several records of one run in one delivery the one that was updated last counts, else the later one; the others
    are refused, so that a run that was written twice by mistake is seen.
    """
    rows: dict[str, tuple[Record, dict[str, Any]]] = {}
    for record in records:
        try:
            row = run_row(record.fields)
        except RefusedError as error:
            rejects.append(refusal(record, error, FIELDS))
            continue
        row |= {"x_file": record.address, "x_row": record.row, "requested_at": naive_utc(requested_at)}
        known = rows.get(row["run_id"])
        if known is not None:
            older, newer = sorted((known, (record, row)), key=lambda item: _age(item[1]))
            reason = f"run {row['run_id']} is there again in row {newer[0].row}, which counts"
            repeated = RefusedError("run_id", reason, "Write each run once, or give another attempt an id of its own")
            rejects.append(refusal(older[0], repeated, FIELDS))
            rows[row["run_id"]] = newer
        else:
            rows[row["run_id"]] = (record, row)
    return [row for _, row in rows.values()]


def _age(row: Mapping[str, Any]) -> tuple[bool, Any, int]:
    return (row["updated_at"] is not None, row["updated_at"] or 0, row["x_row"])


def run_row(fields: Mapping[str, str]) -> dict[str, Any]:
    """One run.

    Raises:
        RefusedError: it contradicts itself: units mixed up, ends before it starts.
    """
    run_id = mask_emails(required(fields, "run_id", "Give each run the id that the tracking system gave it"))
    started = as_moment(fields, "started_at")
    if started is None:
        raise RefusedError("started_at", "started_at is missing", "Write when it started, like 2026-10-01T08:30:00Z")
    ended = as_moment(fields, "ended_at")
    if ended is not None and ended < started:
        raise RefusedError("ended_at", f"ends {ended:%Y-%m-%d %H:%M:%S}, before it starts", "Correct or swap the times")
    duration = as_amount(fields, "duration_seconds")
    _check_duration(duration, started, ended)
    retries = as_count(fields, "retries")
    gpu_count = as_amount(fields, "gpu_count")
    return {
        "run_id": run_id,
        **{name: mask_emails(fields[name]) if name in fields else None for name in TEXTS},
        "stage": _word(fields.get("stage")),
        "trigger": _word(fields.get("trigger")),
        "status": _status(fields.get("status"), ended),
        "started_at": naive_utc(started),
        "ended_at": naive_utc(ended) if ended else None,
        "duration_seconds": None if duration is None else format(duration.normalize(), "f"),
        "gpu_count": None if gpu_count is None else format(gpu_count.normalize(), "f"),
        "retries": retries,
        "is_deleted": fields.get("is_deleted", "").lower() in ("true", "1", "yes", "deleted"),
        "updated_at": naive_utc(moment) if (moment := as_moment(fields, "updated_at")) else None,
    }


def _check_duration(duration: Decimal | None, started: datetime, ended: datetime | None) -> None:
    if duration is None or ended is None:
        return
    elapsed = Decimal(str((ended - started).total_seconds()))
    if duration <= elapsed + _SLACK_SECONDS:
        return
    reason = f"a duration of {duration.normalize():f} seconds, and {elapsed.normalize():f} seconds from start to end"
    for unit, size in (("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000)):
        if abs(duration / size - elapsed) <= max(elapsed / 100, Decimal(_SLACK_SECONDS)) and elapsed > 0:
            remedy = f"It looks like {unit}: divide it by {size}, or leave the column out"
            raise RefusedError("duration_seconds", reason, remedy)
    raise RefusedError("duration_seconds", reason, "Write seconds, or leave the column out: start and end are enough")


def _word(text: str | None) -> str | None:
    """``Fine Tuning`` → ``fine_tuning``: what people write by hand is told apart by more than its case."""
    return mask_emails("_".join(text.lower().replace("-", " ").split())) if text else None


def _status(text: str | None, ended: datetime | None) -> str:
    word = _word(text)
    if word is None:
        return "finished" if ended else "running"
    status = _STATUS_ALIASES.get(word, word)
    if status not in STATUSES:
        raise RefusedError("status", f"{text!r} is no status of a run", f"Write one of {', '.join(STATUSES)}")
    return status
