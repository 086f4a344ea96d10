"""Where FOCUS files are.

Here: listing them.
Not here: what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.files import StoredFile, list_files_of_kind
from ingestion.focus_rows import NOT_A_BILL, SUFFIXES


def list_focus_files(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV, CSV.gz and Parquet files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(url, environ, SUFFIXES, NOT_A_BILL)
