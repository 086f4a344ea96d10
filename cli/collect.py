"""``aifinops collect …``: processes that gather facts where they arise."""

from __future__ import annotations

import typer

from cli.collect_nvml import collect_nvml
from cli.collect_otlp import collect_otlp

collect_app = typer.Typer(no_args_is_help=True, help="Gather facts where they arise, into files that are landed later.")
collect_app.command("nvml")(collect_nvml)
collect_app.command("otlp")(collect_otlp)
