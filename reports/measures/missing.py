"""The value of what is not known.

Here: ``Missing``, so that a reader is told why there is no number and never sees a zero in its place.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Missing:
    """``reason`` is a sentence for people."""

    reason: str
