"""The public entry: land one configured source.

Here: choosing the source's package, and what a landing reports.
Not here: how any source works (``ingestion.sources``) and how the lake is written (``ingestion.lake``).
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from finops.config.sources import Source
from finops.paths import Home
from finops.periods import BillingPeriod, as_utc
from ingestion.errors import LandingError
from ingestion.files import open_location
from ingestion.lake import Lake


@dataclass
class LandingResult:
    """What one call landed.

    ``snapshots`` counts runs and files, ``windows`` counts API time windows, ``skipped`` what was there already or is
    not wanted. ``incomplete`` says in words what is not all there yet and is tried again next time, ``ignored`` what is
    never landed and why, ``notes`` what else people should know about what was.
    """

    source_id: str
    snapshots: int = 0
    windows: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    skipped: int = 0
    incomplete: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add_rows(self, table_name: str, count: int) -> None:
        self.rows[table_name] = self.rows.get(table_name, 0) + count


@dataclass(frozen=True)
class LandingContext:
    """What every source needs beside its own settings."""

    lake: Lake
    as_of: datetime
    periods: frozenset[BillingPeriod] | None
    environ: Mapping[str, str]
    progress: Callable[[str], None]


def land(
    source: Source,
    home: Home,
    *,
    as_of: datetime,
    environ: Mapping[str, str],
    lake_url: str | None = None,
    periods: set[BillingPeriod] | None = None,
    progress: Callable[[str], None] | None = None,
) -> LandingResult:
    """Land whatever the source has and the lake has not.

    It can be called again at any time, also after a crash: readers never see a part of a load, and nothing twice.

    Args:
        as_of: nothing that was made after this moment is landed.
        environ: where named secrets are looked up (hash key, storage account, static token).
        lake_url: a bucket, such as ``az://container/lake``; the home's lake folder where absent.
        periods: land only these months: export runs of these billing periods, API windows inside them (asked again even
            where they were landed). Plain files have no period and are landed as ever.
        progress: receives one line of text per step.

    Raises:
        LandingError: something could not be landed; everything else was.
    """
    started = time.monotonic()
    module = importlib.import_module(f"ingestion.sources.{source.type}.source")
    context = LandingContext(
        lake=Lake(home, lake_url, environ),
        as_of=as_utc(as_of),
        periods=frozenset(periods) if periods is not None else None,
        environ=environ,
        progress=progress or (lambda _: None),
    )
    _refuse_own_lake(source, home, environ)
    context.lake.prepare()
    result = LandingResult(source.id)
    module.land(source, context, result)
    result.seconds = time.monotonic() - started
    return result


def _refuse_own_lake(source: Source, home: Home, environ: Mapping[str, str]) -> None:
    """A source above the lake would land the lake, more of it each time."""
    url = getattr(source, "url", None)
    if not url or url.startswith(("http://", "https://")):
        return
    location = open_location(url, environ)
    if location.is_local and home.lake.resolve().is_relative_to(location.root):
        raise LandingError(
            f"{source.id} would land everything below {location.root}, and the lake {home.lake} is in there. Point "
            "its url at the folder that holds the deliveries alone"
        )


def prepare_lake(home: Home, lake_url: str | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Write the empty files that make every table readable before it has data."""
    Lake(home, lake_url, environ or {}).prepare(refresh=True)
