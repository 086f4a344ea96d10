"""``python -m simulator generate`` and ``python -m simulator serve``.

Here: arguments and output for people.
Not here: anything that the functions behind the commands do.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from simulator.azure_cost import write_cost_exports
from simulator.generate import generate as generate_files
from simulator.organisation import DEFAULT_AS_OF
from simulator.server import serve as serve_files

app = typer.Typer(
    help="A made-up organisation that speaks real wire formats.", no_args_is_help=True, add_completion=False
)
_console = Console()
WEBHOOK_VARIABLE = "AIFINOPS_WEBHOOK_SECRET"


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    scale: Annotated[
        float, typer.Option(help="Multiplies money, volume and requests; 1 is about USD 110k a month.")
    ] = 1.0,
    days: Annotated[int, typer.Option(help="Days of history.")] = 400,
    as_of: Annotated[str, typer.Option(help="The moment the files are as of, ISO 8601.")] = DEFAULT_AS_OF.isoformat(),
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write the billing export as Parquet instead of CSV.")
    ] = False,
) -> None:
    """Write billing exports, spans, outcomes and telemetry."""
    try:
        moment = datetime.fromisoformat(as_of.replace("Z", "+00:00"))
        with _console.status("Generating …") as status:
            made = generate_files(
                out,
                seed=seed,
                scale=scale,
                days=days,
                as_of=moment,
                file_format="parquet" if parquet else "csv",
                progress=lambda step: status.update(f"Generating: {step} …"),
            )
    except ValueError as error:
        _fail(error)
    verb = "Generated" if made.was_generated else "Unchanged, nothing to do:"
    _console.print(
        f"{verb} {made.directory}\n{made.bill_rows:,} bill rows in {made.runs} export runs, {made.spans:,} spans, "
        f"{made.outcome_rows:,} outcome rows, {made.gpu_readings:,} GPU readings",
        highlight=False,
    )


@app.command()
def cost_exports(
    directory: Annotated[Path, typer.Option("--dir", help="Folder that generate wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write into; it stands for the storage container.")],
    agreement: Annotated[str, typer.Option(help="Whose columns: EA or MCA.")] = "MCA",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="One run per month, in one folder.")] = False,
) -> None:
    """Write the same bill as exports of actual and amortised cost."""
    if agreement not in ("EA", "MCA"):
        _fail(ValueError(f"--agreement {agreement!r} is neither EA nor MCA"))
    runs = write_cost_exports(directory, out, agreement="EA" if agreement == "EA" else "MCA", overwrite=overwrite)
    _console.print(f"Wrote {runs} runs into {out}", highlight=False)


@app.command()
def serve(
    directory: Annotated[Path, typer.Option("--dir", help="Folder that generate wrote.")],
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8600,
    webhook_variable: Annotated[
        str, typer.Option("--webhook-secret-env", help="Environment variable with the webhook secret (whsec_…).")
    ] = WEBHOOK_VARIABLE,
) -> None:
    """Serve Azure Monitor, Prometheus and the receivers until interrupted."""
    secret = os.environ.get(webhook_variable)
    if not secret:
        _console.print(f"{webhook_variable} is not set: webhooks will be refused.", style="yellow")
    _console.print(f"Serving {directory} on http://127.0.0.1:{port} (Ctrl+C ends it)", highlight=False)
    try:
        serve_files(directory, port, secret)
    except ValueError as error:
        _fail(error)


def _fail(error: Exception) -> None:
    Console(stderr=True).print(str(error), style="red", highlight=False)
    raise typer.Exit(2)


if __name__ == "__main__":
    app()
