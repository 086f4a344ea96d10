"""Where outcome files are.

Here: listing them.
Not here: what is in them (``rows``).
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.files import StoredFile, list_files_of_kind


def list_outcome_files(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV and CSV.gz files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(url, environ, (".csv",), "is no CSV file. Save the outcomes as .csv or .csv.gz")
