"""The row of the bill behind a charge, as it lies in the lake.

Here: finding the file and reading one row of it, unchanged.
Not here: what the values mean (dbt's staging).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from finops import lake


class BillRowError(LookupError):
    """A row that cannot be read; the message says where it should be."""


@dataclass(frozen=True)
class BillRow:
    """``values`` are the row's columns that hold something, in the file's order; ``number`` counts from 0."""

    table: str
    path: Path
    number: int
    values: dict[str, Any]

    @property
    def place(self) -> str:
        """Where the producer wrote it: the delivered file and row, else the load's."""
        delivered, row = self.values.get("x_file"), self.values.get("x_row")
        if delivered is None:
            return f"number {self.number + 1} of the rows that the source answered"
        return f"row {row if row is not None else self.number + 1} of {delivered}"


def read_bill_row(lake_folder: str | Path, load_file: str, load_row: int) -> BillRow:
    """The row ``load_row`` (from 0) of the lake's file ``load_file``.

    Raises:
        BillRowError: the lake is not a local folder, or has no such file or row.
    """
    if "://" in str(lake_folder):
        raise BillRowError(
            f"the lake is at {lake_folder}, which is not read from here: the row is number {load_row}, from 0, of the "
            f"file {load_file} in a folder of {lake_folder}/{lake.DATASET}"
        )
    raw = Path(lake_folder) / lake.DATASET
    found = sorted(raw.glob(f"*/{load_file}"))
    if not found:
        raise BillRowError(
            f"{raw} has no file {load_file}: the lake was moved or cleaned since the run; run `aifinops run` again"
        )
    for path in found:
        with duckdb.connect() as connection:
            answer = connection.execute(
                "select * from read_parquet(?, file_row_number = true) where file_row_number = ?", [str(path), load_row]
            )
            names = [column[0] for column in answer.description or ()]
            row = answer.fetchone()
        if row is not None:
            values = dict(zip(names, row, strict=True))
            del values["file_row_number"]
            said = {name: value for name, value in values.items() if value is not None and not name.startswith("_dlt")}
            return BillRow(path.parent.name, path, load_row, said)
    raise BillRowError(
        f"{found[0]} has no row {load_row}, counted from 0: it was written anew; run `aifinops run` again"
    )
