"""Where bills are.

Here: listing files, and their headers.
Not here: what the headers mean (``ingestion.focus_rows``, ``ingestion.azure_cost_rows``).
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import LandingError
from ingestion.files import StoredFile, base_suffix, list_files_of_kind
from ingestion.focus_rows import NOT_A_BILL, SUFFIXES
from ingestion.tabular import read_csv_shape


def list_bills(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """CSV, CSV.gz and Parquet files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(url, environ, SUFFIXES, NOT_A_BILL)


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
