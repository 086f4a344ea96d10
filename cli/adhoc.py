"""One run on the user's own files: the project's configuration with other sources, in a home of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

import ingestion
from finops.config import load_configuration
from finops.paths import PROJECT_DIR, Home
from finops.periods import utc_now


@dataclass(frozen=True)
class AdhocRun:
    home: Home
    config: Path
    as_of: datetime
    """The last second of the newest day in the files: what a report on them is about."""


def adhoc_run(
    base_config: Path,
    home: Path | None,
    *,
    bill: Path | None,
    focus: Path | None,
    usage: Path | None,
    mapping: Path | None,
    reading: Mapping[str, str | None],
    is_example: bool,
) -> AdhocRun:
    """Prepare a home and a configuration whose only sources are the files named.

    Without ``home``, the same files always get the same home, so that a second run changes nothing and other files
    never mix with them. ``reading``: settings of the FOCUS source about currency, dates and amounts. ``is_example``:
    the configuration is the project's own example, not the user's.

    Raises:
        ConfigError: the base configuration or the mapping has problems.
        LandingError: a file cannot be landed.
    """
    sources: list[dict[str, str]] = []
    if bill:
        sources.append({"id": "bill", "type": "bill_files", "url": str(bill.resolve())})
    if focus:
        said = {name: value for name, value in reading.items() if value}
        sources.append({"id": "focus", "type": "focus_files", "url": str(focus.resolve()), **said})
    if usage and mapping:
        sources.append(
            {"id": "usage", "type": "usage_files", "url": str(usage.resolve()), "mapping": str(mapping.resolve())}
        )
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()[:8]
    name = (bill or focus or usage or Path("files")).stem.split(".")[0]
    place = Home(home.resolve() if home else PROJECT_DIR / ".aifinops" / f"{name}-{digest}")
    config = place.path / "run-config"
    config.mkdir(parents=True, exist_ok=True)
    for file in (*base_config.glob("*.yml"), *base_config.glob("*.csv")):
        shutil.copyfile(file, config / file.name)
    _write(config / "sources.yml", {"sources": sources})
    if is_example:
        # The example's budgets, policies and units are about the simulated organisation, not about whoever owns these
        # files.
        _write(config / "guardrails.yml", {"policies": []})
        _write(config / "budgets.yml", {"budgets": []})
        _write(config / "units.yml", {"units": []})
    # What is landed here the run finds landed; its own moment is only known once the files have been read.
    for source in load_configuration(config).sources.sources:
        ingestion.land(source, place, as_of=utc_now(), environ=os.environ)
    return AdhocRun(place, config, ingestion.newest_moment(place, date_format=reading.get("date_format")) or utc_now())


def _write(file: Path, document: dict[str, object]) -> None:
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    note = "# Written by `aifinops run` for the files named on its command line.\n"
    file.write_text(note + text, encoding="utf-8")
