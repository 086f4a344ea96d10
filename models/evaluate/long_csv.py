"""Series in one long CSV: a column that names the series, one with the time, one with the value.

Here: reading it with errors that name file, row, column and remedy; how far apart a series' times lie.
Not here: what is done with the series.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.series import Floats

WEEK = pd.Timedelta(days=7)
DAY = pd.Timedelta(days=1)


class LongCsvError(ValueError):
    """A file that cannot be read as series; the message names file, row, column and what to do."""


@dataclass(frozen=True)
class TimedSeries:
    """One series in the order of time. ``ds`` has no zone and, unless they were asked for, no duplicates; ``values``
    are finite, one a time.

    ``step`` is the distance that most neighbours have; times may be missing. ``rows`` says which row of the file each
    value came from: 0 is the first below the header.
    """

    name: str
    ds: pd.DatetimeIndex
    values: Floats
    step: pd.Timedelta
    rows: NDArray[np.int64]


def read_long_csv(path: Path, value_column: str, *, repeated_times: bool = False) -> list[TimedSeries]:
    """Every series of the file ``series,ds,<value_column>``, in the order of its first row.

    Rows may be in any order; rows without a value are gaps.

    Args:
        repeated_times: keep rows of one series with one time, in the order of the file: the hour that clocks repeat in
            autumn.

    Raises:
        LongCsvError: a column is missing, a time or a value cannot be read, or a series has one time twice and may
            not.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise LongCsvError(f"{path} cannot be read as CSV: {error}") from error
    missing = [name for name in ("series", "ds", value_column) if name not in frame.columns]
    if missing:
        raise LongCsvError(
            f"{path} lacks the column {', '.join(missing)}: it has {', '.join(map(str, frame.columns))}. "
            f"Write the header series,ds,{value_column}"
        )
    times = pd.to_datetime(frame["ds"], errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
    _refuse(path, frame, "ds", times.isna(), "is no time. Write it as 2026-09-30 or 2026-09-30 14:00:00")
    text = frame[value_column].str.strip()
    values = pd.to_numeric(text.where(text != ""), errors="coerce")
    is_gap = text.str.lower().isin(["", "nan", "na", "null"])
    bad = (values.isna() & ~is_gap) | np.isinf(values)
    _refuse(path, frame, value_column, bad, "is no number. Write it as 1234.5, or leave it empty for a gap")
    clean = pd.DataFrame({"series": frame["series"], "ds": times, "value": values})
    if not repeated_times:
        twice = clean.duplicated(["series", "ds"])
        _refuse(path, frame, "ds", twice, "stands twice in its series. Keep one row a time")
    return [
        _one(str(name), rows.dropna(subset="value").sort_values("ds", kind="stable"))
        for name, rows in clean.groupby("series", sort=False)
    ]


def _refuse(path: Path, frame: pd.DataFrame, column: str, bad: pd.Series, what: str) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad.to_numpy())[0])
        row = at + 2  # the header is row 1
        series = frame["series"].iloc[at]
        raise LongCsvError(f"{path}, row {row}, column {column}: {frame[column].iloc[at]!r} of series {series} {what}")


def _one(name: str, rows: pd.DataFrame) -> TimedSeries:
    ds = pd.DatetimeIndex(rows["ds"])
    values = rows["value"].to_numpy(dtype=np.float64)
    return TimedSeries(name, ds, values, step_of(ds), rows.index.to_numpy(dtype=np.int64))


def step_of(ds: pd.DatetimeIndex) -> pd.Timedelta:
    """The commonest distance between neighbours; a day where there is only one time or none."""
    if ds.size < 2:
        return DAY
    distances = pd.Series(ds[1:] - ds[:-1])
    distances = distances[distances > pd.Timedelta(0)]
    if distances.empty:
        return DAY
    return pd.Timedelta(distances.mode().min())
