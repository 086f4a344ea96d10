"""Where outcome files are.

Here: listing them.
Not here: what is in them (``rows``).
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files, open_location
from ingestion.tabular import base_suffix


def list_outcome_files(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV and CSV.gz files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    location = open_location(url, environ)
    files = list_files(location)
    wanted = [file for file in files if base_suffix(file) == ".csv"]
    if len(files) == 1 and files[0].path == location.root and not wanted:
        raise LandingError(f"{files[0].address} is no CSV file. Save the outcomes as .csv or .csv.gz")
    return wanted
