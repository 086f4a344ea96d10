"""What an opportunity is, and which of two about the same tokens or machines counts.

Here: kinds with what to do, what counts.
Not here: finding (``find`` and the finders).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from reports import formatting as f
from reports.frames import ZERO


class Certainty(StrEnum):
    BILLED = "Measured on the bill"
    ESTIMATED = "Estimated"
    POSSIBLE = "Possible"
    """Has to be tried first; in no total."""


@dataclass(frozen=True)
class Kind:
    """``effort`` is a word: minutes, hours, days, a project."""

    label: str
    effort: str
    act: str


KINDS: Mapping[str, Kind] = {
    "idle_gpus": Kind(
        "Idle GPU machines", "hours", "Let the pool scale in when nobody holds a GPU; docs/allocation.md, Idle"
    ),
    "fragmented_gpus": Kind(
        "Scattered GPUs", "days", "Pack pods closer, or use smaller machines; docs/allocation.md, Idle"
    ),
    "held_unused_gpus": Kind("GPUs held without work", "days", "Share them or use slices; aifinops service-levels"),
    "oversized_gpus": Kind("Oversized GPUs", "days", "Share GPUs, use slices or smaller ones; aifinops service-levels"),
    "unused_units": Kind("Idle provisioned throughput", "hours", "Give units back, or send more calls to them"),
    "pay_as_you_go": Kind(
        "Provisioned throughput below break-even",
        "hours",
        "Pay by the token until the traffic is there; keep units for latency",
    ),
    "missed_cache": Kind(
        "Missed prompt cache", "hours", "Put what repeats first in the prompt; aifinops units --missed"
    ),
    "cheaper_model": Kind("Cheaper model of equal quality", "days", "Route these calls; aifinops frontier"),
    "failed_calls": Kind("Failed and repeated calls", "hours", "Retry less, with a pause; aifinops service-levels"),
    "batch": Kind("Batch in place of live calls", "days", "Send what can wait a day as a batch"),
    "spot": Kind("Spot machines for training", "days", "Checkpoint, then train on spot machines"),
    "failed_runs": Kind("Failed training runs", "days", "Try small first, keep checkpoints"),
    "repeated_work": Kind(
        "Work repeated after interruptions", "hours", "Checkpoint more often; gpu.checkpoint_minutes"
    ),
    "unused_commitment": Kind("Unused commitments", "minutes", "Exchange or shrink them at the next renewal"),
    "stale_resource": Kind("Resources without use", "minutes", "Delete what nobody has called in 14 days"),
    "unowned": Kind("Spend that nobody owns", "minutes", "Give it an owner: aifinops tags gaps prints the line"),
}


@dataclass(frozen=True)
class Opportunity:
    """``monthly`` with the range ``low`` to ``high`` where it is not one number. ``why``: sentences on how it is known.

    ``group`` says what it is about; ``counts`` and ``overlaps`` are set by ``counted``: 0 where another of the group is
    larger, and why.
    """

    kind: str
    what: str
    monthly: Decimal
    certainty: Certainty
    group: tuple[str, ...]
    why: tuple[str, ...]
    team: str | None = None
    app: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    counts: Decimal = ZERO
    overlaps: str = ""

    @property
    def label(self) -> str:
        return KINDS[self.kind].label

    @property
    def spread(self) -> str:
        """``120 to 340`` of ``low`` and ``high``; nothing where it is one number."""
        if self.low is None or self.high is None or self.low == self.high:
            return ""
        return f"{f.whole(self.low)} to {f.whole(self.high)}"

    @property
    def words(self) -> str:
        """The label within a sentence."""
        return self.label if self.label.startswith("GPU") else self.label[:1].lower() + self.label[1:]


def counted(found: Iterable[Opportunity]) -> list[Opportunity]:
    """With what each adds to totals: all of it, or nothing where a larger one is about the same tokens or machines."""
    ordered = sorted(found, key=lambda one: (-one.monthly, one.kind, one.what))
    largest: dict[tuple[str, ...], Opportunity] = {}
    told = []
    for one in ordered:
        if one.certainty == Certainty.POSSIBLE:
            told.append(replace(one, overlaps=one.overlaps or "not counted: try it first"))
        elif one.group in largest:
            told.append(replace(one, overlaps=f"overlaps with: {largest[one.group].words}"))
        else:
            largest[one.group] = one
            told.append(replace(one, counts=one.monthly))
    return told
