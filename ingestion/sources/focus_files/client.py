"""Where FOCUS files are.

Here: listing them.
Not here: what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files, open_location
from ingestion.focus_rows import SUFFIXES
from ingestion.tabular import base_suffix


def list_focus_files(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV, CSV.gz and Parquet files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    location = open_location(url, environ)
    files = list_files(location)
    wanted = [file for file in files if base_suffix(file) in SUFFIXES]
    if len(files) == 1 and files[0].path == location.root and not wanted:
        raise LandingError(f"{files[0].address} is neither CSV nor Parquet. Name a .csv, .csv.gz or .parquet file")
    return wanted
