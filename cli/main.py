"""The program's commands, put together.

Here: every command and group with its name, in the order of the help; the version.
Not here: the other commands: runs, figures, explanations and checks have those without a group, a module of its name
each group.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from cli.actuators import actuators_app
from cli.approvals import approvals_app
from cli.audit import audit_app
from cli.checks import config_app, doctor
from cli.collect import collect_app
from cli.connect import connect_app
from cli.deliveries import deliveries_app
from cli.explanations import explain, prices_app, tags_app
from cli.export import export_app
from cli.figures import budgets, compare, forecast, frontier, service_levels, summary, units
from cli.focus import focus_app
from cli.gate import gate_app
from cli.incidents import incidents_app
from cli.messages import messages_app
from cli.policy_replay import policy_app
from cli.portal import portal
from cli.report import report_app
from cli.runs import as_known, demo, dev, refresh, reprice, run
from cli.statements import statements_app
from cli.whatif import whatif_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="What your AI really costs, who spent it, what it bought, what comes next.",
)


def version() -> None:
    """Show the version."""
    from importlib.metadata import version as installed

    typer.echo(f"aifinops {installed('aifinops')} on Python {sys.version.split()[0]}")


COMMANDS: tuple[Callable[..., None], ...] = (
    portal, demo, run, dev, summary, budgets, doctor, as_known, refresh, reprice, units, service_levels, forecast,
    frontier, compare, explain, version,
)  # fmt: skip
GROUPS = {
    "config": config_app,
    "connect": connect_app,
    "actuators": actuators_app,
    "approvals": approvals_app,
    "audit": audit_app,
    "collect": collect_app,
    "deliveries": deliveries_app,
    "export": export_app,
    "focus": focus_app,
    "gate": gate_app,
    "incidents": incidents_app,
    "messages": messages_app,
    "policy": policy_app,
    "report": report_app,
    "statements": statements_app,
    "whatif": whatif_app,
    "prices": prices_app,
    "tags": tags_app,
}
for command in COMMANDS:
    app.command()(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


if __name__ == "__main__":
    app()
