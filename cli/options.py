"""The options that several commands have.

Here: their names and words, and who speaks where nobody is named.
Not here: what they stand for (inputs), options of one command.

A job's step at the budget gate waits for what this imports: nothing but Typer.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder with this pipeline's data", show_default="AIFINOPS_HOME or .aifinops/main"),
]
DemoHomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder with this pipeline's data", show_default=".aifinops/demo")
]
"""For the commands that are about the demo's organisation where nobody says otherwise."""
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Folder with the YAML files", show_default="AIFINOPS_CONFIG or config")
]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="As if it were this moment, for a past home")]
ReportedAsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Report as of this moment, such as 2026-10-20T06:00Z")
]
"""The moment that a run or a report is about, where ``AsOfOption`` is the moment at which somebody acts."""
WhoOption = Annotated[str | None, typer.Option("--who", help="Who says it", show_default="this machine's user")]
WhyOption = Annotated[str | None, typer.Option("--why", help="In a few words")]
ReasonOption = Annotated[str, typer.Option("--why", help="In a few words")]
"""The same where a reason is needed."""
JsonOption = Annotated[bool, typer.Option("--json", help="For machines")]


def speaker(who: str | None) -> str:
    """Who is named, or this machine's user; ``unknown`` where it has none, as in some containers."""
    if who:
        return who
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
