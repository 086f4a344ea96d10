"""All opportunities of a period, the most money first.

Here: the list of finders. Not here: what each finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from reports.dashboards.ask import Ask
from reports.dashboards.opportunities import calls, gpus, training, unused
from reports.dashboards.opportunities.model import Opportunity, counted

SMALLEST = Decimal(1)
"""Less than one unit of money a month is no opportunity."""
_FINDERS: Sequence[Callable[[Ask], list[Opportunity]]] = (
    gpus.idle_gpus,
    gpus.oversized_gpus,
    calls.provisioned,
    calls.prompts,
    calls.cheaper_models,
    calls.batch,
    training.failed_runs,
    training.spot,
    training.repeated_work,
    unused.commitments,
    unused.stale,
    unused.unowned,
)


def opportunities_of(ask: Ask) -> list[Opportunity]:
    """All of the period, the most money first; those of ``ask.view.scope`` alone where it names a team."""
    found = [one for find in _FINDERS for one in find(ask) if one.monthly >= SMALLEST]
    if ask.view.scope is not None:
        found = [one for one in found if one.team == ask.view.scope]
    return counted(found)
