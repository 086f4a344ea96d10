"""What ingestion raises.

Here: the one error that callers see, and its kind that drift is told from.
Not here: refused rows, which are data (``ingestion.rejects``).
"""

from __future__ import annotations

from collections.abc import Sequence


class LandingError(Exception):
    """A source could not be landed as a whole or in part. The message names the file or address and the remedy."""


class MissingColumnsError(LandingError):
    """A delivery lacks columns that it cannot do without."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message)
        self.columns = tuple(columns)
