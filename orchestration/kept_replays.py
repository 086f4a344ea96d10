"""Replays of policies that a home keeps: those that were asked for in the portal, a folder each.

Here: making one in a process of its own, its summary, forgetting the oldest.
Not here: which policies and what time (replays), a folder's page and CSV files (replay_files), who may ask (portal).

A process of its own, because a replay computes for seconds: in a thread it would hold up whoever asks for a page.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import guardrails
from finops.config import ConfigError, Configuration, load_configuration
from finops.config.excerpt import Excerpt, excerpt
from finops.paths import Home
from orchestration.published import NotPublishedError
from orchestration.replay_files import document_of, write_files
from orchestration.replays import POLICIES_FILE, ReplayError, configuration_with, replayed, time_of

MAX_DAYS = 90
"""Facts are kept for 100 days."""
KEPT = 20
SECONDS = 600
"""A replay of 90 days with 50 policies takes half a minute; what takes longer than this hangs."""
FILES = ("replay.html", "decisions.csv", "orders.csv")
_SUMMARY = "replay.json"
_REFUSED = 3
"""Status of the process where it can say what is wrong."""
log = logging.getLogger(__name__)
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True)
class Wanted:
    """A replay that somebody asks for. ``approve_after_minutes``: when people say yes; None: never. ``candidate``: the
    text of the policy ``policy_id`` to be tried in place of the configured one; empty: all as configured."""

    name: str
    who: str
    asked_at: datetime
    days: int
    approve_after_minutes: int | None
    policy_id: str = ""
    candidate: str = ""

    @classmethod
    def of(cls, who: str, asked_at: datetime, days: int, approve_after_minutes: int | None, **more: str) -> Wanted:
        """
        Raises:
            ReplayError: too many days, or none.
        """
        if not 1 <= days <= MAX_DAYS:
            raise ReplayError(f"choose 1 to {MAX_DAYS} days")
        name = f"{asked_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        return cls(name, who, asked_at, days, approve_after_minutes, **more)


def policy_excerpt(configuration: Configuration, policy_id: str) -> Excerpt:
    """A policy as ``guardrails.yml`` has it.

    Raises:
        LookupError: there is no such policy.
    """
    for number, policy in enumerate(configuration.guardrails.policies):
        if policy.id == policy_id:
            return excerpt(configuration.directory / POLICIES_FILE, ("policies", number))
    raise LookupError(f"there is no policy {policy_id}")


def candidate_of(configuration: Configuration, wanted: Wanted) -> Configuration:
    """The configuration with the candidate in place of the policy.

    Raises:
        ReplayError: the candidate is no valid policy; the message has the line within it.
        LookupError: there is no such policy.
    """
    written = policy_excerpt(configuration, wanted.policy_id)
    try:
        return configuration_with(written.replaced(wanted.candidate), configuration.directory)
    except ConfigError as error:
        before = written.whole[: written.start].count("\n")
        found = [one for one in error.problems if one.file.name == POLICIES_FILE]
        said = "; ".join(f"line {max(one.line - before, 1)}: {one.message}. {one.remedy}" for one in found[:3])
        raise ReplayError(said or str(error)) from None
    except ValueError as error:
        raise ReplayError(str(error)) from None


def start(home: Home, config: Path) -> subprocess.Popen[str]:
    """The process that makes a replay; ``finish`` tells it which, and waits for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration.kept_replays", str(home.path), str(config)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], wanted: Wanted, *, seconds: float = SECONDS) -> str:
    """Have the replay made; why it was not, or an empty text."""
    try:
        _, said = process.communicate(json.dumps({**asdict(wanted), "asked_at": wanted.asked_at.isoformat()}), seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"it took longer than {seconds:g} seconds: choose fewer days"
    if process.returncode == 0:
        return ""
    if process.returncode == _REFUSED:
        return said.strip()
    log.error("a replay failed with status %s: %s", process.returncode, said.strip())
    return "it failed; whoever runs the portal finds the reason in its log"


def keep(home: Home, config: Path, wanted: Wanted) -> None:
    """Replay, and keep it in the home; the oldest of too many is forgotten.

    Raises:
        ReplayError, LookupError, NotPublishedError, FactError, ConfigError: it cannot be replayed so.
    """
    from reports.folders import swapped_in
    from reports.mart_rows import plain

    configured = load_configuration(config)
    configurations = [configured, *([candidate_of(configured, wanted)] if wanted.candidate else [])]
    minutes = wanted.approve_after_minutes
    outcomes = replayed(
        home,
        configurations,
        *time_of(home, days=wanted.days),
        approvals=guardrails.Approvals(None if minutes is None else timedelta(minutes=minutes)),
    )
    comparison = guardrails.compare(*outcomes) if wanted.candidate else None
    changes = guardrails.policy_changes(*(one.guardrails.policies for one in configurations)) if comparison else []
    document = {
        "name": wanted.name,
        "who": wanted.who,
        "asked_at": wanted.asked_at.isoformat(),
        "policy_id": wanted.policy_id,
        "candidate": wanted.candidate,
        "changes": [{"policy_id": one.policy_id, "words": list(one.words)} for one in changes],
        **{
            name: plain(value)
            for name, value in document_of(outcomes[-1], comparison).items()
            if name not in ("decisions", "orders")
        },
    }
    with swapped_in(home.replays / wanted.name) as folder:
        write_files(outcomes[-1], comparison, folder)
        (folder / _SUMMARY).write_text(json.dumps(document), encoding="utf-8")
    for old in kept_names(home)[KEPT:]:
        shutil.rmtree(home.replays / old, ignore_errors=True)


def kept_names(home: Home) -> list[str]:
    """Of the kept replays, newest first."""
    if not home.replays.is_dir():
        return []
    return sorted((path.name for path in home.replays.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def kept_replays(home: Home) -> list[Mapping[str, Any]]:
    """Summaries, newest first: who asked for what and when, ``replay_files.document_of`` without decisions and orders;
    amounts and moments are text."""
    found = []
    for name in kept_names(home):
        file = home.replays / name / _SUMMARY
        # A folder without a summary is of another version, or being forgotten.
        if file.exists():
            found.append(json.loads(file.read_text(encoding="utf-8")))
    return found


def kept_file(home: Home, name: str, file: str) -> Path | None:
    """A file of a kept replay; None for every other path."""
    if not _NAME.fullmatch(name) or file not in FILES:
        return None
    path = home.replays / name / file
    return path if path.is_file() else None


def main(home: Home, config: Path, document: str) -> int:
    """What the process does; its status."""
    given = json.loads(document)
    try:
        keep(home, config, Wanted(**{**given, "asked_at": datetime.fromisoformat(given["asked_at"])}))
    except (ReplayError, LookupError, NotPublishedError, guardrails.FactError, ConfigError) as error:
        # What it says is shown to people who are not to know folders of this machine.
        sys.stderr.write(str(error).replace(str(home.path), "the home").replace(str(config), "the configuration"))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(Home(Path(sys.argv[1])), Path(sys.argv[2]), sys.stdin.read()))
