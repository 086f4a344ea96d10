"""What false alarms suggest: floors that would have kept them silent.

Here: from incidents that people called false to entries of ``anomalies.yml``, with what else they would have hidden.
Not here: changing any file; a person does that after reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

import yaml

from finops.config.anomalies import AnomalyFloor

STEP = Decimal(5)
"""Floors are multiples of it: an amount to the cent would look as if it meant something."""


@dataclass(frozen=True)
class Judged:
    """An incident with a verdict. ``peak`` is the largest impact of a day, as an amount above 0."""

    incident_id: str
    scope_type: str
    scope_value: str
    direction: str
    verdict: str | None
    peak: Decimal
    why: str | None


@dataclass(frozen=True)
class Proposal:
    """One floor. ``hides``: incidents that were real and would have been silent too; then a person must choose."""

    floor: AnomalyFloor
    because: tuple[str, ...]
    hides: tuple[str, ...]


def proposals(incidents: Iterable[Judged], floors: Sequence[AnomalyFloor]) -> list[Proposal]:
    """A floor per scope with false alarms, just above the largest; none where a floor is already that high."""
    by_scope: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for incident in incidents:
        by_scope[incident.scope_type, incident.scope_value].append(incident)
    found = []
    for (kind, value), group in sorted(by_scope.items()):
        false = [incident for incident in group if incident.verdict == "false"]
        if not false:
            continue
        least = (max(incident.peak for incident in false) / STEP + 1).to_integral_value(ROUND_CEILING) * STEP
        own = [floor for floor in floors if (floor.scope.level, floor.scope.value or "all") == (kind, value)]
        if any(floor.minimum_impact is not None and floor.minimum_impact >= least for floor in own):
            continue
        reasons = sorted({incident.why for incident in false if incident.why})
        floor = AnomalyFloor.model_validate(
            {
                "scope": {"level": kind} if kind == "company" else {"level": kind, "value": value},
                "minimum_impact": least,
                "reason": f"False alarms: {'; '.join(reasons)}" if reasons else "False alarms",
            }
        )
        hidden = [incident.incident_id for incident in group if incident.verdict == "real" and incident.peak < least]
        found.append(Proposal(floor, tuple(sorted(i.incident_id for i in false)), tuple(sorted(hidden))))
    return found


def with_floors(text: str, added: Sequence[Proposal]) -> str:
    """The text of ``anomalies.yml`` with the floors at its end, comments and all else as they are.

    Raises:
        ValueError: ``floors`` is not the last setting of the file, so that lines cannot be put at the end.
    """
    lines = [_entry(proposal) for proposal in added]
    kept = text.rstrip("\n").split("\n") if text.strip() else []
    position = next((i for i, line in enumerate(kept) if line.startswith("floors:")), None)
    if position is None:
        kept.append("floors:")
    elif any(line[:1] not in ("", " ", "#", "-") for line in kept[position + 1 :]):
        raise ValueError("put floors: at the end of anomalies.yml, so that new ones can be added there")
    elif kept[position].partition("#")[0].strip() in ("floors: []", "floors:"):
        kept[position] = "floors:"
    return "\n".join([*kept, *lines]) + "\n"


def _entry(proposal: Proposal) -> str:
    floor = proposal.floor
    settings: dict[str, Any] = {
        "scope": floor.scope.model_dump(exclude_none=True),
        "minimum_impact": int(floor.minimum_impact or 0),
        "reason": floor.reason,
    }
    text = yaml.safe_dump([settings], sort_keys=False, allow_unicode=True, width=1000).rstrip("\n")
    return "\n".join(f"  {line}" for line in text.split("\n"))
