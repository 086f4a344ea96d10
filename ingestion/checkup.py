"""Checking many sources at once: what each says itself, and what the lake says of it.

Here: one thread per source, a time limit, and no crash whatever a probe does.
Not here: how a source is asked (``ingestion.sources.<type>.probe``), fresh and complete (``ingestion.health``), showing
it (cli).
"""

from __future__ import annotations

import importlib.util
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from finops.config.sources import Source
from finops.paths import Home
from ingestion.health import source_health
from ingestion.probe import Check, Finding, ProbeContext, probe

LIMIT_SECONDS = 30.0
_ORDER = {check: position for position, check in enumerate(get_args(Check))}


@dataclass(frozen=True)
class SourceCheck:
    """What was found of one source, in the order reachable, permitted, fresh, complete."""

    source_id: str
    source_type: str
    findings: tuple[Finding, ...]
    seconds: float


def check_sources(
    sources: Sequence[Source],
    home: Home,
    *,
    as_of: datetime,
    environ: Mapping[str, str],
    lake_url: str | None = None,
    limit_seconds: float = LIMIT_SECONDS,
    done: Callable[[SourceCheck], None] | None = None,
) -> list[SourceCheck]:
    """Check sources side by side.

    A source that does not answer in time is a finding. Its thread is left behind: it ends with the process.

    Args:
        done: told of each source as soon as it is checked.

    Returns:
        One check per source, in their order.
    """
    context = ProbeContext(as_of, environ)
    answers: queue.SimpleQueue[int] = queue.SimpleQueue()
    found: list[list[Finding]] = [[] for _ in sources]
    started = time.monotonic()

    def work(position: int) -> None:
        source = sources[position]
        # The lake first: it answers in any case, and its part must not be lost to a source that hangs.
        found[position] += _health(source, home, as_of, environ, lake_url)
        _probe(source, context, found[position])
        answers.put(position)

    for position in range(len(sources)):
        threading.Thread(target=work, args=(position,), name=f"check-{position}", daemon=True).start()
    checks: dict[int, SourceCheck] = {}

    def finish(position: int, late: Sequence[Finding] = ()) -> None:
        source = sources[position]
        findings = sorted([*found[position], *late], key=lambda finding: _ORDER[finding.check])
        checks[position] = SourceCheck(source.id, source.type, tuple(findings), time.monotonic() - started)
        if done is not None:
            done(checks[position])

    while len(checks) < len(sources):
        try:
            finish(answers.get(timeout=max(started + limit_seconds - time.monotonic(), 0)))
        except queue.Empty:
            break
    late = Finding(
        "reachable",
        "failed",
        f"no answer within {limit_seconds:g} s",
        "Check its address, the network and a firewall between; --timeout gives it longer",
    )
    for position in range(len(sources)):
        if position not in checks:
            finish(position, [late])
    return [checks[position] for position in range(len(sources))]


def _health(
    source: Source, home: Home, as_of: datetime, environ: Mapping[str, str], lake_url: str | None
) -> list[Finding]:
    try:
        return source_health(source, home, as_of=as_of, environ=environ, lake_url=lake_url)
    except Exception as error:  # a lake that cannot be read must not hide the other checks
        return [
            Finding("fresh", "unknown", f"the lake cannot be read: {_said(error)}", "See the lake under This machine")
        ]


def _probe(source: Source, context: ProbeContext, into: list[Finding]) -> None:
    if not _has_probe(source.type):
        into.append(
            Finding("reachable", "unknown", f"{source.type} cannot be asked yet", "Land it and see: aifinops run")
        )
        return
    try:
        into.extend(probe(source, context))
    except Exception as error:  # a fault of a probe is a finding like any other
        into.append(
            Finding(
                "reachable",
                "failed",
                f"asking it failed: {_said(error)}",
                "Check its settings in sources.yml; if they are right, report this with the message",
            )
        )


def _has_probe(source_type: str) -> bool:
    try:
        return importlib.util.find_spec(f"ingestion.sources.{source_type}.probe") is not None
    except ModuleNotFoundError:
        return False


def _said(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
