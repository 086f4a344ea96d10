"""The process that lands in tests which kill it.

Here: importing everything that a landing needs, so that a process forked from this one starts with its work.
Not here: what is landed and when it is killed (``every_source``).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import dlt.destinations.impl.filesystem.filesystem
import dlt.sources.helpers.rest_client.client
import dlt.sources.sql_database
import pyarrow.dataset

import ingestion.dlt_filesystem
import ingestion.sources
from finops.config.sources import Source
from finops.paths import Home

for _package in pkgutil.iter_modules(ingestion.sources.__path__):
    importlib.import_module(f"ingestion.sources.{_package.name}.source")

_USED = (dlt, pyarrow, ingestion.dlt_filesystem)


def land(source: Source, home: Path, as_of: datetime, environ: Mapping[str, str]) -> None:
    ingestion.land(source, Home(home), as_of=as_of, environ=environ)
