"""Small wording that several pages share.

Here: sentences of errors' messages, lengths of a snooze, verdicts.
Not here: amounts and dates (reports.formatting).
"""

from __future__ import annotations

SNOOZES = (("4h", "4 hours"), ("1d", "1 day"), ("3d", "3 days"), ("7d", "a week"))
"""What ``orchestration.links.SNOOZES`` has, in words."""


VERDICT_WORDS = {"real": "real", "false": "a false alarm", "planned": "planned"}
"""How people judged an incident."""


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
