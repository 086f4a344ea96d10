"""Asking a source how it is, without landing anything.

Here: what a probe says, and calling the probe of a source's package.
Not here: how one source is asked (``ingestion.sources.<type>.probe``) and showing the answers (cli).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from finops.config.sources import Source

Check = Literal["reachable", "permitted", "fresh", "complete", "schema"]
Status = Literal["ok", "warning", "failed", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One answer. ``remedy`` says what to do; it is there for every status but ok."""

    check: Check
    status: Status
    message: str
    remedy: str | None = None


@dataclass(frozen=True)
class ProbeContext:
    """What every probe needs beside the source's own settings. A probe makes few, small, read-only requests."""

    as_of: datetime
    environ: Mapping[str, str]


def probe(source: Source, context: ProbeContext) -> Iterator[Finding]:
    """Reachable and permitted, as the source itself answers: read-only, and no more.

    A probe never raises for what it finds: an unreachable source is a finding.
    """
    module = importlib.import_module(f"ingestion.sources.{source.type}.probe")
    yield from module.probe(source, context)
