"""Several messages in one: a digest, or what came at once about one team or policy.

Here: joining them.
Not here: which belong together and when they are due (guardrails).
"""

from __future__ import annotations

from collections.abc import Sequence

from reports import formatting as f
from reports.messages.model import Message, Section, Severity

_RANKS: tuple[Severity, ...] = ("critical", "high", "medium", "low")


def collected_message(messages: Sequence[Message], *, title: str, thread: str, is_digest: bool) -> Message:
    """One message of several, the most serious first; each keeps its first figures, what follows and its commands."""
    ordered = sorted(messages, key=lambda one: _RANKS.index(one.severity))
    worst = ordered[0]
    counts = ", ".join(
        f"{number} {severity}" for severity in _RANKS if (number := sum(one.severity == severity for one in ordered))
    )
    return Message(
        kind="digest" if is_digest else "group",
        severity=worst.severity,
        tone="emphasis" if is_digest else worst.tone,
        eyebrow="Digest" if is_digest else f"{len(ordered)} at once",
        title=title,
        what=f"{f.count(len(ordered), 'message')}: {counts}.",
        is_dry_run=all(one.is_dry_run for one in ordered),
        sections=tuple(_section(one) for one in ordered),
        thread=thread,
        sources=tuple(source for one in ordered for source in one.sources),
    )


def _section(one: Message) -> Section:
    figures = " · ".join(f"{figure.label} {figure.words}" for figure in one.figures[:3])
    parts = ", ".join(f"{part.value} {f.signed_money(part.amount, part.currency)}" for part in one.contributors[:3])
    lines = [f"{'Dry run. ' if one.is_dry_run else ''}{one.eyebrow}. {one.what}", figures, one.done]
    lines += [f"What contributed: {parts}"] if parts else []
    lines += list(one.commands[:1])
    return Section(title=one.title, tone=one.tone, lines=tuple(line for line in lines if line))
