"""Identities that never change: the same name has the same identity in every export.

Here: GUIDs and the short names of pages and visuals.
Not here: names that people read.
"""

from __future__ import annotations

import uuid

_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "aifinops/power-bi")


def identity(*path: str) -> str:
    """A GUID of a name's path, such as table, column."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(path)))


def short_identity(*path: str) -> str:
    """20 hexadecimal digits, as Power BI names pages and visuals."""
    return uuid.uuid5(_SPACE, "\x1f".join(path)).hex[:20]
