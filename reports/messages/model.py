"""A message for people, before it has a look: what happened, what it costs, what was done, what one can do.

Here: its parts, and its JSON form, which the ledger keeps so that a later message can tell it again.
Not here: making one of a decision or an incident (the modules named so), and its looks (``card``, ``email``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from reports import formatting as f

Kind = Literal["incident", "guardrail", "gate", "run_failed", "undelivered", "digest", "group", "heartbeat", "test"]
Severity = Literal["low", "medium", "high", "critical"]
Tone = Literal["attention", "warning", "good", "emphasis"]
OfferAction = Literal["acknowledge", "snooze", "approve", "deny", "false_alarm", "planned"]

OFFER_TITLES: dict[str, str] = {
    "acknowledge": "I look into it",
    "snooze": "Snooze",
    "approve": "Approve",
    "deny": "Deny",
    "false_alarm": "False alarm",
    "planned": "It was planned",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Part):
    """One number with its name. ``unit``: a currency code, ``tokens``, ``requests``, ``ratio``; None: not known."""

    label: str
    amount: Decimal | None
    unit: str
    is_change: bool = False

    @property
    def words(self) -> str:
        if self.amount is None:
            return "not known"
        if self.unit == "ratio":
            return f.percent(self.amount)
        if len(self.unit) == 3 and self.unit.isupper():
            return (f.signed_money if self.is_change else f.money)(self.amount, self.unit)
        return f"{f.whole(self.amount)} {self.unit}".strip()


class Contributor(_Part):
    """``share`` is of the whole."""

    dimension: str
    value: str
    amount: Decimal
    currency: str
    share: Decimal | None = None


class Fact(_Part):
    title: str
    value: str


class Link(_Part):
    title: str
    url: str


class Offer(_Part):
    """Something that whoever reads it can do: by a link where the message has one, else by ``command``."""

    action: OfferAction
    subject: str
    command: str

    @property
    def title(self) -> str:
        return OFFER_TITLES[self.action]


class Chart(_Part):
    """Days (ISO) with what each cost and the range of what is usual; ``first`` to ``last`` are marked."""

    days: tuple[str, ...]
    actual: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    first: str
    last: str
    currency: str


class Section(_Part):
    """One of several things that a digest or a group tells."""

    title: str
    tone: Tone
    lines: tuple[str, ...]


class Message(_Part):
    kind: Kind
    severity: Severity
    tone: Tone
    eyebrow: str
    """What it is, in a few words."""
    title: str
    what: str
    """What happened, in a sentence or two."""
    is_dry_run: bool = False
    figures: tuple[Figure, ...] = ()
    """Money now, projected, at stake: the most important first."""
    done: str = ""
    """What was done, or will be and by when."""
    contributors: tuple[Contributor, ...] = ()
    """Why: most money first."""
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    offers: tuple[Offer, ...] = ()
    links: tuple[Link, ...] = ()
    runbook: str = ""
    notes: tuple[str, ...] = ()
    """Small print."""
    chart: Chart | None = None
    thread: str = ""
    """The same for all that is said of one incident, target, ask or job."""
    sources: tuple[str, ...] = ()
    """Ids of what it tells of, in the ledger or the marts."""
    team: str = ""
    scope: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line, for clients that show nothing else."""
        prefix = "Dry run. " if self.is_dry_run else ""
        return f"{prefix}{self.eyebrow}: {self.title}. {self.what}"

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(offer.command for offer in self.offers)

    def as_document(self) -> dict[str, Any]:
        """Its JSON form; amounts are text."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def of_document(cls, document: Any) -> Self:
        """Raises: ValueError, where it is no message's document."""
        return cls.model_validate(document)
