"""Where bills are.

Here: listing files, and their headers.
Not here: what the headers mean (``ingestion.focus_rows``, ``ingestion.azure_cost_rows``).
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files, open_location
from ingestion.focus_rows import SUFFIXES
from ingestion.tabular import base_suffix, read_csv_shape


def list_bills(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
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


def read_header(file: StoredFile) -> tuple[str, ...]:
    """The names of a file's columns.

    Raises:
        LandingError: the file cannot be read.
    """
    if base_suffix(file) == ".csv":
        return read_csv_shape(file).headers
    try:
        with file.location.filesystem.open(file.path, "rb") as stream:
            return tuple(pq.read_schema(stream).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise LandingError(
            f"{file.address} is no readable Parquet file: {error}. Ask the producer for it again"
        ) from error
