"""Whether the figures can be trusted today: what arrived, what adds up, what is left out, and what to do about it.

Here: the order of the parts, the verdict. Not here: the parts themselves (``parts``).
"""

from __future__ import annotations

from collections.abc import Sequence

from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.model import Note, Page, Section, Tiles
from reports.dashboards.parts import bill, drift, freshness, left_out, sources, tag_coverage, unpriced
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view)
    ages = freshness.ages_of(ask)
    has_data = any(line.through is not None for line in ages)
    known = sources.sources_of(ask)
    reconciled = bill.reconciled_of(ask)
    rates = bill.rates_of(ask)
    causes = drift.drift_of(ask)
    rejected = left_out.rejected_of(ask)
    schema = left_out.schema_of(ask)
    usage = unpriced.usage_of(ask)
    problems = [
        *sources.problems(known, ages),
        *bill.problems(reconciled, rates),
        *left_out.problems(rejected, schema),
        *unpriced.problems(usage),
    ]
    tiles = [sources.tile(known, ages), *bill.tiles(ask, reconciled), *drift.tiles(ask, causes)]
    if has_data and not ask.hides("fct_rejected_row"):
        tiles.append(left_out.tile(rejected))
    if has_data and not ask.hides("fct_unpriced_usage"):
        tiles.append(unpriced.tile(ask, usage))
    return Page(
        "data-health",
        "Data health",
        "Can the figures be trusted today, and if not, why?",
        (
            Section("trust", "In short", ((Tiles(tiles),), *((note,) for note in problems))),
            Section(
                "sources",
                "Sources",
                ((sources.table(ask, known),), (freshness.table(ages),)),
                sources.lead(ask, known),
            ),
            Section(
                "bill",
                "The bill",
                bill.blocks(ask, reconciled, rates),
                "What the providers charged is in the marts to the last digit, once.",
            ),
            Section(
                "estimates",
                "Estimate and bill",
                drift.blocks(ask, causes),
                "Usage is priced minutes after it happens; the bill replaces the estimate when it comes.",
            ),
            Section(
                "rows",
                "What is left out",
                (
                    (left_out.rejected_table(rejected), left_out.schema_table(schema)),
                    (unpriced.table(usage),),
                    (left_out.meters_table(ask), left_out.candidates_table(ask)),
                ),
                "Nothing is dropped in silence: what could not be read, priced or told apart is listed here.",
            ),
            Section("ownership", "Ownership", ((tag_coverage.table(ask),),)),
        ),
        (_verdict(problems, has_data),),
    )


def _verdict(problems: Sequence[Note], has_data: bool) -> Note:
    if not has_data:
        return Note(
            "Nothing has arrived yet, so there are no figures to trust. Connect a source in config/sources.yml, then "
            "aifinops run.",
            "warn",
        )
    bad = [note for note in problems if note.tone == "bad"]
    if bad:
        return Note(f"Do not sign figures today: {f.count(len(bad), 'finding')} below may change them.", "bad")
    if problems:
        return Note(
            f"The figures can be trusted today, with {f.count(len(problems), 'reservation')} named below.", "warn"
        )
    return Note("The figures can be trusted today: every source is up to date and everything adds up.", "good")
