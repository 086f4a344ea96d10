"""Small wording that several pages share.

Here: sentences of errors' messages.
Not here: amounts and dates (reports.formatting).
"""

from __future__ import annotations


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
