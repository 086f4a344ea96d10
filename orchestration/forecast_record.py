"""Whether the record of forecasts is still what it was.

Here: a fingerprint of ``ml.forecast_made`` by the moment of a forecast, and what of one run's may be different in the
next: nothing but forecasts of the moments that the run made.
Not here: keeping the record (models), reading earlier fingerprints from Dagster (orchestration.assets.forecast_checks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

# md5 and not DuckDB's own hash, which another version may compute differently. A sum does not mind the order of rows.
_FINGERPRINT = """
select as_of, count(*),
       sum(cast(md5_number_lower(concat_ws('|', is_backcast, scope_type, scope_value, currency, forecast_date,
           expected_cost, lower_cost, upper_cost, lower_95_cost, upper_95_cost, model_name)) as hugeint))
from read_parquet($file)
group by 1
"""


@dataclass(frozen=True)
class Fingerprint:
    """Rows and a checksum of them; of two sets of rows together it is the sum of theirs."""

    rows: int = 0
    checksum: int = 0

    def __add__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(self.rows + other.rows, self.checksum + other.checksum)

    def __sub__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(self.rows - other.rows, self.checksum - other.checksum)


Moments = Mapping[datetime, Fingerprint]
Months = Mapping[str, Fingerprint]


def by_moment(file: Path) -> dict[datetime, Fingerprint]:
    """Fingerprints of a record by the moment (UTC without a zone) of its forecasts; none where there is no file."""
    if not file.exists():
        return {}
    with duckdb.connect() as connection:
        rows = connection.execute(_FINGERPRINT, {"file": str(file)}).fetchall()
    return {as_of: Fingerprint(count, int(checksum)) for as_of, count, checksum in rows}


def by_month(moments: Moments) -> dict[str, Fingerprint]:
    """Of forecasts made in a month (YYYY-MM) together, so that what is kept of a run does not grow with each run."""
    months: dict[str, Fingerprint] = {}
    for moment, one in moments.items():
        month = f"{moment:%Y-%m}"
        months[month] = months.get(month, Fingerprint()) + one
    return months


def statement(before: Moments, after: Moments, as_of: datetime) -> dict[str, Any]:
    """What a run says of the record it leaves, as JSON: all of it by month, what it made, and what that replaced.

    Args:
        before, after: fingerprints by moment of the record that the run found and of the one it left.
        as_of: the moment that the run made a forecast of; moments that were not there before are its own as well.
    """
    own = {as_of.astimezone(UTC).replace(tzinfo=None)} | (set(after) - set(before))
    return {
        "months": _as_json(by_month(after)),
        "made": _as_json(by_month({moment: one for moment, one in after.items() if moment in own})),
        "replaced": _as_json(by_month({moment: one for moment, one in before.items() if moment in own})),
    }


def changed_since_written(stated: Mapping[str, Any], now: Moments) -> dict[str, str]:
    """Months whose forecasts are no longer those that the run wrote, and how."""
    return _differences(_from_json(stated["months"]), by_month(now))


def changed_by_run(earlier: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, str]:
    """Months of which a run left other forecasts than the run before had, beside those that it made."""
    kept = _minus(_from_json(earlier["months"]), _from_json(stated["replaced"]))
    return _differences(kept, _minus(_from_json(stated["months"]), _from_json(stated["made"])))


def _minus(all_of_it: Months, part: Months) -> dict[str, Fingerprint]:
    return {
        month: all_of_it.get(month, Fingerprint()) - part.get(month, Fingerprint())
        for month in {**all_of_it, **part}
    }  # fmt: skip


def _differences(were: Months, are: Months) -> dict[str, str]:
    found = {}
    for month in sorted({*were, *are}):
        was, is_now = were.get(month, Fingerprint()), are.get(month, Fingerprint())
        if was.rows != is_now.rows:
            found[month] = f"{was.rows} rows are {is_now.rows}"
        elif was != is_now:
            found[month] = f"{was.rows} rows, and not the same"
    return found


def _as_json(months: Months) -> dict[str, list[str]]:
    """Checksums as text: they are larger than numbers of JSON may be."""
    return {month: [str(one.rows), str(one.checksum)] for month, one in sorted(months.items())}


def _from_json(months: Mapping[str, list[str]]) -> dict[str, Fingerprint]:
    return {month: Fingerprint(int(rows), int(checksum)) for month, (rows, checksum) in months.items()}
