"""What ``aifinops doctor`` checks beside the sources: this machine, this home, this configuration.

Here: one function per check.
Not here: sources (``ingestion.checkup``) and showing the findings (``cli.doctor``).
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from finops.config import Configuration
from finops.paths import Home
from finops.periods import utc_now
from ingestion.probe import Status

_GIB = 1024**3
_LEAST_FREE_GIB, _LITTLE_FREE_GIB = 1, 5
_TOLERATED_SKEW_SECONDS, _MOST_SKEW_SECONDS = 30, 300
_KEY_CHARACTERS = 32
HASH_KEY_VARIABLE = "AIFINOPS_HASH_KEY"


@dataclass(frozen=True)
class MachineFinding:
    subject: str
    status: Status
    message: str
    remedy: str | None = None


def machine_findings(
    home: Home, lake_url: str | None, configuration: Configuration, environ: Mapping[str, str]
) -> Iterator[MachineFinding]:
    """Everything that does not need the network."""
    yield _configuration(configuration)
    yield from _variables(configuration, environ)
    yield _lake(home, lake_url, environ)
    yield _disk(home)
    yield _hash_key(home, environ)
    yield _ledger(home)


def _configuration(configuration: Configuration) -> MachineFinding:
    sources = configuration.sources.sources
    off = sum(not source.enabled for source in sources)
    message = f"{len(sources)} sources" + (f", {off} of them off" if off else "")
    if len(sources) == off:
        return MachineFinding(
            "configuration", "warning", "no source is switched on", "Add one to sources.yml: aifinops connect azure"
        )
    return MachineFinding("configuration", "ok", f"valid; {message}")


def _variables(configuration: Configuration, environ: Mapping[str, str]) -> Iterator[MachineFinding]:
    """Variables that settings name; those of sources are found with the sources."""
    named: dict[str, list[str]] = {}
    for file in ("routing", "tags"):
        for name, where in _named_variables(getattr(configuration, file), file):
            named.setdefault(name, []).append(where)
    missing = sorted(name for name in named if not environ.get(name))
    if missing:
        first = ", ".join(f"{name} ({named[name][0]})" for name in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        yield MachineFinding(
            "variables",
            "warning",
            f"not set: {first}{more}",
            "Set them (.env.example says what each is); until then what needs them waits",
        )
    elif named:
        yield MachineFinding("variables", "ok", f"all {len(named)} that the configuration names are set")


def _named_variables(model: BaseModel, where: str) -> Iterator[tuple[str, str]]:
    for field, value in model:
        yield from _variables_in(field, value, where)


def _variables_in(field: str, value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        name = getattr(value, "id", None)
        yield from _named_variables(value, f"{where}: {name}" if name else where)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _variables_in(field, item, where)
    elif field.endswith("_env") and isinstance(value, str):
        yield value, where


def _lake(home: Home, lake_url: str | None, environ: Mapping[str, str]) -> MachineFinding:
    """Write a file and take it away again: the only certain way to know that the lake can be written."""
    from ingestion.files import open_location

    url = lake_url or str(home.lake)
    try:
        location = open_location(url, environ)
        path = location.join(f".doctor-{uuid.uuid4().hex}")
        location.filesystem.makedirs(location.root, exist_ok=True)
        location.filesystem.pipe_file(path, b"")
        location.filesystem.rm_file(path)
    except Exception as error:  # whatever a file system raises is what was found
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return MachineFinding(
            "lake", "failed", f"{url} cannot be written: {said}", "Correct AIFINOPS_LAKE or the folder's permissions"
        )
    return MachineFinding("lake", "ok", f"writable: {_shown(url)}")


def _disk(home: Home) -> MachineFinding:
    folder = home.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / _GIB
    message = f"{free:,.0f} GiB free" if free >= 1 else f"{free * 1024:,.0f} MiB free"
    remedy = f"Make room where {_shown(str(home.path))} is, or move it with AIFINOPS_HOME"
    if free < _LEAST_FREE_GIB:
        return MachineFinding("disk", "failed", message, remedy)
    return MachineFinding("disk", "warning" if free < _LITTLE_FREE_GIB else "ok", message, remedy)


def _hash_key(home: Home, environ: Mapping[str, str]) -> MachineFinding:
    text, file = environ.get(HASH_KEY_VARIABLE, ""), home.path / "hash.key"
    remedy = f"Set {HASH_KEY_VARIABLE} to at least {_KEY_CHARACTERS} random characters, and keep it for ever"
    if text:
        if len(text) < _KEY_CHARACTERS:
            return MachineFinding("hash key", "failed", f"{HASH_KEY_VARIABLE} is too short to protect user ids", remedy)
        return MachineFinding("hash key", "ok", f"from {HASH_KEY_VARIABLE}")
    if not file.exists():
        has_facts = home.lake.exists() and any(home.lake.glob("raw/otel__genai_span/*.*.parquet"))
        if has_facts:
            lost = "the lake has hashed ids, and the key they were made with is gone"
            return MachineFinding("hash key", "failed", lost, f"Bring {file} back, or users get second hashes")
        return MachineFinding("hash key", "ok", "none yet; the first landing that needs one makes it")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return MachineFinding("hash key", "warning", f"others may read {file}", f"chmod 600 {file}")
    return MachineFinding("hash key", "ok", f"{_shown(str(file))}, readable by you alone")


def _ledger(home: Home) -> MachineFinding:
    from guardrails import gate
    from orchestration.ledger import has_ledger, open_ledger

    if not has_ledger(home):
        return MachineFinding("ledger", "ok", "none yet; the first run makes it")
    try:
        with open_ledger(home) as ledger:
            problems = [*ledger.verify().problems, *gate.unbalanced(ledger)]
    except Exception as error:  # a broken database says so in many ways
        return MachineFinding(
            "ledger", "failed", f"cannot be read: {str(error).splitlines()[0]}", "Restore ledger.sqlite from a backup"
        )
    if problems:
        return MachineFinding(
            "ledger",
            "failed",
            f"the audit trail does not hold: {problems[0]}",
            "Treat it as tampered with: keep a copy, and ask who had access",
        )
    return MachineFinding("ledger", "ok", "readable, audit trail unbroken")


def clock_finding(addresses: Sequence[str]) -> MachineFinding | None:
    """This machine's clock against the Date header of the first address that answers; None where none does."""
    import httpx

    for address in addresses:
        before = utc_now()
        try:
            response = httpx.get(address, timeout=5)
        except httpx.HTTPError:
            continue
        header = response.headers.get("date")
        if not header:
            continue
        middle = before + (utc_now() - before) / 2
        skew = abs((parsedate_to_datetime(header) - middle).total_seconds())
        host = httpx.URL(address).host
        remedy = "Set it by NTP (timedatectl set-ntp true): sign-on fails from five minutes on"
        if skew <= _TOLERATED_SKEW_SECONDS:
            return MachineFinding("clock", "ok", f"agrees with {host}")
        status: Status = "failed" if skew >= _MOST_SKEW_SECONDS else "warning"
        return MachineFinding("clock", status, f"{skew:,.0f} s away from {host}", remedy)
    return None


def _shown(path: str) -> str:
    here = str(Path.cwd()) + os.sep
    return path.removeprefix(here)
