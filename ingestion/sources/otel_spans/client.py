"""Where span files are.

Here: listing and reading lines.
Not here: what a line means (``rows``).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping

from ingestion.errors import LandingError
from ingestion.files import StoredFile, list_files_of_kind
from ingestion.tabular import is_gzip

SUFFIXES = (".jsonl", ".json", ".ndjson")


def list_span_files(url: str, environ: Mapping[str, str]) -> list[StoredFile]:
    """OTLP/JSON files below ``url``, or the one file.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    return list_files_of_kind(
        url, environ, SUFFIXES, "is not .jsonl, .ndjson or .json (.gz). Name the collector's output file"
    )


def read_lines(file: StoredFile) -> Iterator[tuple[int, bytes]]:
    """Lines that hold something, with their 1-based numbers.

    Raises:
        LandingError: the file is damaged as a whole, such as a gzip file that was cut off.
    """
    with file.location.filesystem.open(file.path, "rb") as raw:
        stream = gzip.GzipFile(fileobj=raw) if is_gzip(file) else raw
        try:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, line
        except (EOFError, OSError, zlib.error) as error:
            raise LandingError(
                f"{file.address} cannot be read to its end: {error}. Ask the producer for it again"
            ) from error
