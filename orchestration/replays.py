"""What policies would have done in a home's past: any policies, over any time that facts are known of.

Here: which time is replayed, which policies count as acting, whose work is critical, policies instead of the own ones.
Not here: reading the past (replay_base), replaying it (guardrails.replay), replays that a home keeps (kept_replays).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import guardrails
from finops.config import Configuration, load_configuration
from finops.config.policies import Policy
from finops.paths import Home
from orchestration.replay_base import read_base, span_of

POLICIES_FILE = "guardrails.yml"
DAYS = 30
STEP = timedelta(minutes=5)
THROTTLE_SHARE = Decimal("0.5")


class ReplayError(ValueError):
    """It cannot be replayed so; the message says why."""


def time_of(
    home: Home, first: datetime | None = None, last: datetime | None = None, *, days: int = DAYS
) -> tuple[datetime, datetime]:
    """The time to replay: up to what the newest run reported on, and ``days`` of it, where nothing else is said.

    Raises:
        ReplayError: facts are not known of all of it.
        NotPublishedError: nothing was published, or no history of facts.
    """
    known_from, known_to = span_of(home)
    last = min(last or known_to, known_to)
    first = first or max(last - timedelta(days=days), known_from)
    if first >= last or first < known_from - timedelta(days=1):
        raise ReplayError(
            f"facts are known from {known_from:%Y-%m-%d} to {known_to:%Y-%m-%d %H:%M} UTC: choose a time within"
        )
    return first, last


def replayed(
    home: Home,
    configurations: Sequence[Configuration],
    first: datetime,
    last: datetime,
    *,
    step: timedelta = STEP,
    approvals: guardrails.Approvals,
    throttle_share: Decimal = THROTTLE_SHARE,
) -> list[guardrails.Outcome]:
    """What the policies of each configuration would have done between two moments, and what that would have saved.

    Raises:
        NotPublishedError, FactError: the marts are not there, or not as their contract says.
    """
    policies = [as_if_enforced(one.guardrails.policies) for one in configurations]
    base = read_base(home, [policy for some in policies for policy in some], first, last)
    return [
        guardrails.outcome_of(
            guardrails.replay(base.changes, some, first=first, last=last, step=step, approvals=approvals),
            base.spend,
            base.incidents,
            protected=protected(configuration),
            throttle_share=throttle_share,
        )
        for configuration, some in zip(configurations, policies, strict=True)
    ]


def as_if_enforced(policies: Sequence[Policy]) -> list[Policy]:
    """Policies with dry runs taken as if they acted: what they would do is the question."""
    return [one.model_copy(update={"mode": "enforce"}) if one.mode == "dry_run" else one for one in policies]


def protected(configuration: Configuration) -> set[str]:
    """Teams and apps that some policy or the gate never touches, and apps of high criticality."""
    names = {name for policy in configuration.guardrails.policies for name in policy.never_touch}
    names |= set(configuration.guardrails.gate.never_deny)
    return names | {one.app for one in configuration.tags.apps if one.criticality in ("high", "critical")}


def configuration_with(policies: str, base: Path) -> Configuration:
    """The configuration of a folder with another ``guardrails.yml``, given as its text.

    Raises:
        ConfigError: it is not valid, in itself or with the other files.
    """
    with tempfile.TemporaryDirectory(prefix="aifinops-policies-") as place:
        folder = Path(place) / "config"
        shutil.copytree(base, folder)
        (folder / POLICIES_FILE).write_text(policies, encoding="utf-8")
        return load_configuration(folder)
