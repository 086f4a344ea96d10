"""``aifinops policy replay`` and ``aifinops policy diff``: what policies would have done.

Here: options, words, files.
Not here: replaying and its files (orchestration), what it was worth (guardrails.replay), the page (reports).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.inputs import fail, folder_of, home_of
from cli.options import ConfigOption, HomeOption
from cli.policy import POLICIES_FILE, policy_app
from orchestration.replay_files import write_files
from reports import formatting as f

if TYPE_CHECKING:
    from finops.config import Configuration
    from guardrails import Comparison, Outcome
    from guardrails.replay.outcome import Verdict

__all__ = ["policy_app"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

FromOption = Annotated[
    str | None, typer.Option("--from", help="First day or moment (UTC)", show_default="30 days before the last")
]
ToOption = Annotated[
    str | None, typer.Option("--to", help="Last day or moment (UTC)", show_default="what the newest run reported on")
]
StepOption = Annotated[str, typer.Option("--step", help="Time between two evaluations, such as 5m or 1h")]
ApproveOption = Annotated[
    str, typer.Option("--approve-after", help="When people say yes where a policy asks them: 30m, 4h, or never")
]
ThrottleOption = Annotated[
    float, typer.Option("--throttle-share", help="Share of a target's spend that throttling it stops")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder for a page and the decisions as CSV")]


@policy_app.command("replay")
def replay_policies(
    since: FromOption = None,
    until: ToOption = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="A guardrails.yml or a git revision", show_default="the configuration's"),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Another guardrails.yml or git revision, to set beside it")
    ] = None,
    step: StepOption = "5m",
    approve_after: ApproveOption = "never",
    throttle_share: ThrottleOption = 0.5,
    out: OutOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what policies would have done in the past, what that would have saved, and how often it had been wrong."""
    names = [policy, against] if against else [policy]
    configurations = [configuration_from(name, config) for name in names]
    outcomes = _replayed(configurations, home, since, until, step, approve_after, throttle_share)
    console = Console(soft_wrap=True, highlight=False)
    show_outcome(outcomes[0], console)
    comparison = None
    if against:
        from guardrails import compare

        comparison = compare(*outcomes)
        show_comparison(comparison, console)
    if out:
        _write(outcomes[0], comparison, out, console)


@policy_app.command("diff")
def diff_policies(
    old: Annotated[str, typer.Argument(help="A guardrails.yml, or a git revision such as HEAD~1")],
    new: Annotated[str, typer.Argument(help="Another one")],
    since: FromOption = None,
    until: ToOption = None,
    step: StepOption = "5m",
    approve_after: ApproveOption = "never",
    throttle_share: ThrottleOption = 0.5,
    out: OutOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Say in words and in money what a change of policies would do, by replaying both over the last 30 days."""
    from guardrails import compare, policy_changes

    configurations = [configuration_from(name, config) for name in (old, new)]
    console = Console(soft_wrap=True, highlight=False)
    changes = policy_changes(*(one.guardrails.policies for one in configurations))
    if not changes:
        console.print("The policies are the same.")
        return
    for change in changes:
        console.print(f"[bold]{change.policy_id}[/]")
        for words in change.words:
            console.print(f"  {words}")
    outcomes = _replayed(configurations, home, since, until, step, approve_after, throttle_share)
    comparison = compare(*outcomes)
    show_comparison(comparison, console)
    if out:
        _write(outcomes[1], comparison, out, console)


def configuration_from(name: str | None, config: Path | None) -> Configuration:
    """The configuration with the policies of a file or of a git revision of its own file in their place."""
    from finops.config import ConfigError, load_configuration
    from orchestration.replays import configuration_with

    base = folder_of(config)
    try:
        return load_configuration(base) if name is None else configuration_with(_text_of(name, base), base)
    except ConfigError as error:
        fail(f"{name}:\n{error}" if name else str(error))


def _text_of(name: str, base: Path) -> str:
    path = Path(name)
    if path.is_file():
        return path.read_text(encoding="utf-8")
    with suppress(FileNotFoundError):
        found = subprocess.run(
            ["git", "-C", str(base), "show", "--end-of-options", f"{name}:./{POLICIES_FILE}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode == 0:
            return found.stdout
    return fail(f"{name} is neither a file nor a git revision that has {base / POLICIES_FILE}")


def duration(text: str, option: str) -> timedelta:
    """``5m``, ``4h`` or ``1d``."""
    found = re.fullmatch(r"(\d+)([mhd])", text.strip())
    if found is None or int(found[1]) == 0:
        fail(f"{option} {text!r} is not a length of time; write it like 5m, 4h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, option: str, *, ends: bool = False) -> datetime:
    """A moment in UTC; a day means its beginning, or with ``ends`` its end."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text!r} is no day; write it like 2026-10-20 or 2026-10-20T06:00Z")
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at + timedelta(days=1) if ends and len(text) == len("2026-10-20") else at


def _replayed(
    configurations: Sequence[Configuration],
    home: Path | None,
    since: str | None,
    until: str | None,
    step: str,
    approve_after: str,
    throttle_share: float,
) -> list[Outcome]:
    from guardrails import Approvals, FactError
    from orchestration.published import NotPublishedError
    from orchestration.replays import ReplayError, replayed, time_of

    place = home_of(home)
    if not 0 <= throttle_share <= 1:
        fail(f"--throttle-share {throttle_share} is no share; write a number from 0 to 1")
    approvals = Approvals(None if approve_after == "never" else duration(approve_after, "--approve-after"))
    length = duration(step, "--step")
    from_to = (moment(since, "--from") if since else None, moment(until, "--to", ends=True) if until else None)
    try:
        first, last = time_of(place, *from_to)
        with Console(stderr=True).status("Replaying …"):
            return replayed(
                place, configurations, first, last,
                step=length, approvals=approvals, throttle_share=Decimal(str(throttle_share)),
            )  # fmt: skip
    except (NotPublishedError, FactError, ReplayError) as error:
        fail(str(error))


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def show_outcome(outcome: Outcome, console: Console) -> None:
    found = outcome.replay
    console.print(
        f"[bold]{found.first:%d %b %Y %H:%M} to {found.last:%d %b %Y %H:%M} UTC[/], judged every "
        f"{int(found.step.total_seconds() // 60)} minutes ({f.whole(found.moment_count)} moments). "
        "Dry runs are taken as if they acted."
    )
    answer = found.approvals.after
    console.print(
        "Where a policy asks people, "
        + ("nobody answers." if answer is None else f"they say yes after {int(answer.total_seconds() // 60)} minutes.")
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Policy", no_wrap=True)
    for heading in ("Warned", "Acted", "Refused", "Saved", "Of it critical"):
        table.add_column(heading, justify="right")
    for one in outcome.policies:
        counts = (one.warned, one.acted, sum(one.refused.values()))
        table.add_row(one.policy_id, *map(str, counts), f.amounts(one.saved), f.amounts(one.critical))
    console.print(table)
    console.print(
        f"\nTogether it would have saved [bold]{f.amounts(outcome.saved)}[/]; money under several orders counts once."
    )
    if outcome.critical:
        console.print(
            f"[yellow]![/] {f.amounts(outcome.critical)} of it is critical work that would have been stopped."
        )
    refused = {name: n for one in outcome.policies for name, n in one.refused.items()}
    if refused:
        totals = {name: sum(one.refused.get(name, 0) for one in outcome.policies) for name in refused}
        said = ", ".join(
            f"{name.replace('_', ' ')} {n}" for name, n in sorted(totals.items(), key=lambda pair: -pair[1])
        )
        console.print(f"Refused: {said}.")
    for name, flips in _restless(outcome):
        console.print(f"[yellow]![/] {name} changes {flips} times a week: raise the cooldown or lower clear_below.")
    about = {name: sum(one.verdicts.get(name, 0) for one in outcome.policies) for name in _VERDICTS}
    console.print("Orders: " + ", ".join(f"{about[name]} {words}" for name, words in _VERDICTS.items()) + ".")
    console.print(f"Incidents of that time: {outcome.incident_count}, of them {len(outcome.missed)} without any order.")
    for scope in outcome.unmeasured:
        console.print(
            f"[yellow]![/] What a {scope.replace('_', ' ')} spends is not known by owner: nothing counts as saved."
        )


_VERDICTS: dict[Verdict, str] = {
    "hit": "about real incidents",
    "unconfirmed": "about incidents that nobody judged",
    "false": "about false or planned ones",
    "no_incident": "about none",
}


def _restless(outcome: Outcome, limit: Decimal = Decimal(2)) -> list[tuple[str, Decimal]]:
    return [
        (f"{policy.policy_id} on {one.name}", one.flips_a_week)
        for policy in outcome.policies
        for one in policy.targets
        if one.flips_a_week > limit
    ]


def show_comparison(comparison: Comparison, console: Console) -> None:
    console.print("\n[bold]What the second would do instead[/]")
    for what in ("warned", "asked", "acted", "released", "refused", "false_actions", "missed"):
        number = getattr(comparison, what)
        if number:
            console.print(f"  {number:+d} {what.replace('_', ' ')}")
    console.print(f"  {f.amounts(comparison.saved, signed=True)} saved")
    if comparison.critical:
        console.print(f"  {f.amounts(comparison.critical, signed=True)} of it critical work")
    for title, names in (
        ("Only the first acts", comparison.only_before),
        ("Only the second acts", comparison.only_after),
    ):
        for name in names:
            console.print(f"  {title}: {name}")


def _write(outcome: Outcome, comparison: Comparison | None, out: Path, console: Console) -> None:
    try:
        names = write_files(outcome, comparison, out)
    except OSError as error:
        fail(f"{out} cannot be written ({error.strerror}): name another folder")
    console.print(f"\nWritten to {out}: {', '.join(names)}")
