"""One cause, one finding: which of several scopes that are odd on the same day is to blame.

Here: dropping findings that a narrower one explains.
Not here: which scopes exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from models.anomaly.contributors import ContributorIndex
from models.anomaly.finding import Finding
from models.anomaly.settings import AnomalySettings

SPECIFICITY = {"company": 0, "business_unit": 1, "project": 2, "environment": 2, "model": 2, "team": 3, "app": 4}
"""Wider scopes first. A team beats a model: it can act, and the model is among its contributors."""


def without_explained(findings: Sequence[Finding], index: ContributorIndex, settings: AnomalySettings) -> list[Finding]:
    """Keep the most specific finding of each cause, per day, currency and direction."""
    groups: dict[tuple[object, ...], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[(finding.day, finding.scope.currency, finding.is_up, finding.kind)].append(finding)
    kept = []
    for group in groups.values():
        group.sort(key=lambda finding: (-_rank(finding), finding.scope))
        remaining: list[Finding] = []
        for finding in group:
            # A pattern is a cause by itself: it is told beside narrower findings that have its money without its name.
            told = {name for other in remaining for name in other.pattern_names}
            if finding.pattern_names - told or not _is_explained(finding, remaining, index, settings):
                remaining.append(finding)
        kept.extend(remaining)
    return sorted(kept, key=lambda finding: (finding.day, finding.scope))


def _rank(finding: Finding) -> int:
    return SPECIFICITY.get(finding.scope.type, 1)


def _is_explained(
    wide: Finding, narrower: Sequence[Finding], index: ContributorIndex, settings: AnomalySettings
) -> bool:
    """By one narrower finding, or by all of one kind together (three teams that rose together are the company's)."""
    parts = [other for other in narrower if _rank(other) > _rank(wide) and _may_be_part(other, wide, index)]
    by_type: dict[str, float] = defaultdict(float)
    for part in parts:
        by_type[part.scope.type] += part.impact / wide.impact
    enough = settings.running_explained_share if wide.kind == "hours" else settings.explained_share
    return any(share >= enough for share in by_type.values())


def _may_be_part(part: Finding, whole: Finding, index: ContributorIndex) -> bool:
    """Does the part's extra money lie inside the whole?

    The whole's own breakdown decides where it has one; otherwise the part's; without either, equal size does.
    """
    if whole.scope.type == "company":
        return True
    if _breaks_down(whole, part.scope.type, index):
        return _names(whole, part, 0.0)
    if _breaks_down(part, whole.scope.type, index):
        return _names(part, whole, 0.5)
    return 0.7 <= part.impact / whole.impact <= 1.3


def _breaks_down(finding: Finding, dimension: str, index: ContributorIndex) -> bool:
    return index.knows(finding.scope, dimension) or any(part.dimension == dimension for part in finding.contributors)


def _names(finding: Finding, other: Finding, share: float) -> bool:
    return any(
        c.dimension == other.scope.type and c.value == other.scope.value and c.share >= share
        for c in finding.contributors
    )
