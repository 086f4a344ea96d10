"""Whether data arrives: each source's state, and what to do about it.

Here: sources, their problems in sentences.
Not here: kinds of data (``freshness``), the checks (ingestion), how a source is mended (``docs/runbooks``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Note, Row, Table, Target, Tile, Tone
from reports.measures.health import Freshness

STATUS_WORDS: Mapping[str, tuple[str, Tone]] = {
    "missing": ("Nothing arrived", "bad"),
    "late": ("Late", "bad"),
    "incomplete": ("Incomplete", "warn"),
    "fresh": ("Up to date", "good"),
    "disabled": ("Switched off", "neutral"),
}
STATUS_REMEDIES = {
    "missing": "aifinops doctor says whether it can be reached and is permitted",
    "late": "aifinops doctor, then docs/runbooks/stale-source.md",
    "incomplete": "docs/runbooks/stale-source.md says how to deliver a month or a stretch again",
    "disabled": "Not landed: enabled is false in config/sources.yml, or the source is no longer there",
}


def sources_of(ask: Ask) -> Rows:
    return ask.rows("select * from fct_source_health order by source_id")


def problems(sources: Rows, ages: Sequence[Freshness]) -> list[Note]:
    found = [
        Note(
            f"{row['source_id']}: {words.lower()}. {_missing_words(row)}{STATUS_REMEDIES[row['status']]}.",
            tone,
        )
        for row in sources
        if row["status"] in STATUS_REMEDIES and row["status"] != "disabled"
        for words, tone in (STATUS_WORDS[row["status"]],)
    ]
    if not sources:
        late = [line.name for line in ages if line.is_late and line.through is not None]
        found = [Note(f"{name} is late. {STATUS_REMEDIES['late']}.", "bad") for name in late]
    return found


def tile(sources: Rows, ages: Sequence[Freshness]) -> Tile:
    if sources:
        landed = [row for row in sources if row["status"] != "disabled"]
        fresh = sum(row["status"] == "fresh" for row in landed)
        worst: Tone = "good" if fresh == len(landed) else "bad"
        left = ", ".join(row["source_id"] for row in landed if row["status"] != "fresh")
        return Tile(
            "Sources up to date",
            f"{fresh} of {len(landed)}",
            f"Not: {left}" if left else "Complete, and as new as they should be",
            tone=worst,
        )
    known = [line for line in ages if line.through is not None]
    if not known:
        return Tile("Sources up to date", "None", "No source has delivered anything", tone="warn")
    late = [line.name for line in known if line.is_late]
    return Tile(
        "Data up to date",
        f"{len(known) - len(late)} of {len(known)}",
        f"Late: {', '.join(late)}" if late else "By kind of data",
        tone="warn" if late else "good",
    )


def _missing_words(row: Mapping[str, Any]) -> str:
    missing = json.loads(row["missing"] or "[]")
    if not missing:
        return ""
    parts = []
    for entry in missing[:3]:
        stretch = entry.get("month") or f"{entry.get('start', '?')} to {entry.get('end', '?')}"
        scope = entry.get("scope")
        parts.append(f"{stretch} of {scope}" if scope else stretch)
    more = f" and {row['missing_count'] - len(parts)} more" if row["missing_count"] > len(parts) else ""
    return f"Missing: {'; '.join(parts)}{more}. "


def lead(ask: Ask, sources: Rows) -> str:
    """How old the run is that these figures are from."""
    landed = [row["last_landed_at"] for row in sources if row["last_landed_at"] is not None]
    words = f"These figures are from the run of {f.moment(ask.view.as_of)}"
    return f"{words}; anything was last landed on {f.moment(max(landed))}." if landed else f"{words}."


def _fresh_words(row: Mapping[str, Any]) -> str:
    return "Reasons and remedies of its rejected rows are below" if row["rejected_rows"] else "Nothing to do"


def table(ask: Ask, sources: Rows) -> Table:
    order = ["missing", "late", "incomplete", "fresh", "disabled"]
    rows = []
    for row in sorted(sources, key=lambda row: (order.index(row["status"]), row["source_id"])):
        words, tone = STATUS_WORDS[row["status"]]
        newest = row["newest_data_at"]
        expected = (
            f"{f.whole(row['landed_count'])} of {f.count(round(row['expected_count']), row['unit'])}"
            if row["unit"]
            else cells.NOTHING
        )
        rows.append(
            Row(
                (
                    cells.text(
                        row["source_id"],
                        small=row["source_type"] or "no longer in config/sources.yml",
                        target=Target("asset", f"landing/{row['source_type']}") if row["source_type"] else None,
                    ),
                    cells.badge(words, tone, sort=order.index(row["status"])),
                    Cell("nothing" if newest is None else f.moment(newest), sort=str(newest or "")),
                    Cell(cells.NOTHING if row["lag_hours"] is None else f.age(row["lag_hours"]), sort=row["lag_hours"]),
                    Cell(
                        "any age" if row["freshness_hours"] is None else f.age(row["freshness_hours"]),
                        sort=row["freshness_hours"],
                    ),
                    Cell(expected, sort=row["landed_count"]),
                    cells.count(row["rejected_rows"]),
                    Cell(_missing_words(row) + STATUS_REMEDIES.get(row["status"], _fresh_words(row))),
                )
            )
        )
    return Table(
        "source-health",
        "Sources",
        (
            Column("Source"),
            Column("State", "badge"),
            Column("Newest data"),
            Column("Lag", "number", "From the newest data to this report"),
            Column("Allowed", "number", "What the source may lag before it counts as late"),
            Column("Landed", "number", "What is there, of what should be there"),
            Column("Rejected rows", "number"),
            Column("What to do"),
        ),
        tuple(rows),
        ask.empty(
            "fct_source_health", "No source is configured; connect one in config/sources.yml, then aifinops run."
        ),
        export="fct_source_health",
    )
