"""What a reader must know before reading: nothing is there, the bill is late, only a part is seen.

Here: sentences above a page. Not here: the health of sources (the page on data health).
"""

from __future__ import annotations

from reports import formatting as f
from reports.dashboards.access import Viewer
from reports.dashboards.ask import Ask
from reports.dashboards.model import Link, Note, Target
from reports.dashboards.parts import words
from reports.measures.health import BILL_LATE_HOURS

NOTHING_YET = (
    "No bill and no usage have arrived yet, so there is nothing to report. Connect a source in config/sources.yml and "
    "run the pipeline."
)


def states(ask: Ask) -> tuple[Note, ...]:
    found = []
    if not ask.has("fct_ai_cost_daily"):
        return (Note(NOTHING_YET, "warn"),)
    through = ask.view.billed_through
    if through is None:
        text = f"Nothing has been billed in {ask.currency} yet; what is shown is estimated from usage."
        found.append(Note(text, "warn", Link("Data health", Target("data-health"))))
    elif ask.is_current:
        hours = (ask.view.as_of.date() - through).days * 24 - 24 + ask.view.as_of.hour
        if hours > BILL_LATE_HOURS:
            found.append(
                Note(
                    f"The bill reaches {f.day(through)} and is {f.age(hours)} old: what was spent since is in no "
                    "billed figure.",
                    "warn",
                    Link("Which source is late", Target("data-health")),
                )
            )
    viewer = ask.view.published.viewer
    if not viewer.sees_everything and not _is_own(ask):
        found.append(Note(f"Nothing of {ask.name} is shown to you: it is none of your teams or their apps.", "warn"))
    if (own := only_own(viewer)) is not None:
        found.append(own)
    return tuple(found)


def only_own(viewer: Viewer) -> Note | None:
    """What whoever does not see everything must know of every page."""
    if viewer.sees_everything:
        return None
    if not viewer.teams:
        return Note("No team was granted to you, so no figures are shown: ask whoever runs the portal.", "warn")
    teams = words.listed(sorted(viewer.teams), most=6)
    return Note(f"You see the figures of {teams} only; totals are of what you see.")


def _is_own(ask: Ask) -> bool:
    if ask.kind == "team":
        return ask.view.scope in ask.view.published.viewer.teams
    return ask.kind == "company" or bool(ask.rows("select app from dim_app where app = $scope"))
