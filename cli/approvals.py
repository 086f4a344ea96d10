"""``aifinops approvals``: decisions of guardrails that wait for people.

Here: options, words, the table.
Not here: what an answer does (guardrails.approvals).
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.ledger import (
    AsOfOption,
    ConfigOption,
    HomeOption,
    JsonOption,
    WhoOption,
    configuration_of,
    home_of,
    moment,
    opened,
    speaker,
)

if TYPE_CHECKING:
    from guardrails import Question

approvals_app = typer.Typer(no_args_is_help=True, help="Answer for guardrails' orders that wait for people.")

DecisionArgument = Annotated[str, typer.Argument(metavar="DECISION", help="The decision's id")]


@approvals_app.command("list")
def list_questions(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were answered or ran out")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List orders that wait for approval: what, why, until when, and who has agreed."""
    from guardrails import questions

    with opened(home) as ledger:
        found = questions(ledger, only_open=not everything)
    if as_json:
        typer.echo(json.dumps([_document(one) for one in found], indent=2))
        return
    console = Console()
    if not found:
        console.print("Nothing waits for approval.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Decision", "Order", "Target", "Until (UTC)", "Status", "Why"):
        table.add_column(name, overflow="fold", no_wrap=name == "Decision")
    for one in found:
        until = one.decision.approve_until
        orders = " and ".join(kind for kind in one.decision.withheld_kinds if kind != "notify")
        table.add_row(
            one.decision.decision_id,
            orders,
            one.decision.target,
            f"{until:%d %b %H:%M}" if until else "",
            _standing(one),
            one.decision.reason,
        )
    console.print(table)


@approvals_app.command()
def approve(
    decision: DecisionArgument,
    why: Annotated[str, typer.Option("--why", help="In a few words")] = "",
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Agree to an order; with the last person who is needed it is given."""
    from guardrails import approve as say_yes

    _answer(say_yes, decision, why, who, home, config, moment(as_of))


@approvals_app.command()
def deny(
    decision: DecisionArgument,
    why: Annotated[str, typer.Option("--why", help="In a few words")],
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Refuse an order: it is not asked for again in its period."""
    from guardrails import deny as say_no

    _answer(say_no, decision, why, who, home, config, moment(as_of))


def _answer(
    answer: object, decision: str, why: str, who: str | None, home: Path | None, config: Path | None, now: datetime
) -> None:
    from guardrails import Teller
    from orchestration.messaging import Messages

    configuration = configuration_of(config)
    messages = Messages(home_of(home), configuration, os.environ, now)
    teller = Teller(configuration, messages.decision_body)
    with opened(home) as ledger:
        found: Question = answer(ledger, decision, who=speaker(who), why=why, now=now, teller=teller)  # type: ignore[operator]
    Console().print(f"{found.decision.target}: {_standing(found)}", highlight=False, soft_wrap=True)


def _standing(one: Question) -> str:
    from reports.measures.decisions import STATUS_WORDS

    said = ", ".join(f"{vote.who} {'agreed' if vote.verdict == 'approve' else 'refused'}" for vote in one.votes)
    words = STATUS_WORDS[one.status]
    if one.missing:
        words += f" of {one.missing} more" if one.votes else f" of {one.missing}"
    return f"{words} ({said})" if said else words


def _document(one: Question) -> dict[str, object]:
    votes = [{"who": v.who, "verdict": v.verdict, "why": v.why, "at": v.at.isoformat()} for v in one.votes]
    return {**one.decision.as_dict(), "status": one.status, "votes": votes, "missing": one.missing}
