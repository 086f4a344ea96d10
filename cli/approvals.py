"""``aifinops approvals``: decisions of guardrails that wait for people.

Here: options and words.
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

from cli.inputs import configuration_of, fail, home_of, moment
from cli.ledger import opened
from cli.options import AsOfOption, ConfigOption, HomeOption, JsonOption, ReasonOption, WhoOption, WhyOption, speaker

if TYPE_CHECKING:
    from guardrails import Question

approvals_app = typer.Typer(no_args_is_help=True, help="Answer for guardrails' orders that wait for people.")

DecisionArgument = Annotated[str, typer.Argument(metavar="DECISION", help="The decision's id, or the start of it")]


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
    console = Console(soft_wrap=True, highlight=False)
    if not found:
        console.print("Nothing waits for approval.")
        return
    for one in found:
        until = one.decision.approve_until
        orders = " and ".join(kind for kind in one.decision.withheld_kinds if kind != "notify")
        ends = f" until {until:%d %b %H:%M} UTC" if until and one.missing else ""
        console.print(f"[bold]{one.decision.decision_id}[/]  {orders} {one.decision.target}  {_standing(one)}{ends}")
        console.print(f"  {one.decision.reason}")


@approvals_app.command()
def approve(
    decision: DecisionArgument,
    why: WhyOption = None,
    who: WhoOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Agree to an order; with the last person who is needed it is given."""
    from guardrails import approve as say_yes

    _answer(say_yes, decision, why or "", who, home, config, moment(as_of))


@approvals_app.command()
def deny(
    decision: DecisionArgument,
    why: ReasonOption,
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
    from guardrails import Teller, questions
    from orchestration.messaging import Messages

    configuration = configuration_of(config)
    messages = Messages(home_of(home), configuration, os.environ, now)
    teller = Teller(configuration, messages.decision_body)
    with opened(home) as ledger:
        meant = [name for one in questions(ledger) if (name := one.decision.decision_id).startswith(decision)]
        if len(meant) > 1:
            fail(f"{decision} is the start of {len(meant)} decisions; write more of it")
        name = meant[0] if meant else decision
        found: Question = answer(ledger, name, who=speaker(who), why=why, now=now, teller=teller)  # type: ignore[operator]
    Console().print(f"{found.decision.target}: {_standing(found)}", highlight=False, soft_wrap=True)


def _standing(one: Question) -> str:
    from guardrails import Status
    from reports.measures.decisions import STATUS_WORDS

    said = ", ".join(f"{vote.who} {'agreed' if vote.verdict == 'approve' else 'refused'}" for vote in one.votes)
    words = STATUS_WORDS[one.status]
    if one.missing:
        words += f" of {one.missing} more" if one.votes else f" of {one.missing}"
    words += f" ({said})" if said else ""
    if one.status == Status.EXECUTING and one.decision.grace_minutes:
        words += f", {one.decision.grace_minutes} minutes after the last of them"
    return words


def _document(one: Question) -> dict[str, object]:
    votes = [{"who": v.who, "verdict": v.verdict, "why": v.why, "at": v.at.isoformat()} for v in one.votes]
    return {**one.decision.as_dict(), "status": one.status, "votes": votes, "missing": one.missing}
