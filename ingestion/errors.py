"""What ingestion raises.

Here: the one error that callers see.
Not here: refused rows, which are data (``ingestion.rejects``).
"""

from __future__ import annotations


class LandingError(Exception):
    """A source could not be landed as a whole or in part. The message names the file or address and the remedy."""
