"""``aifinops collect otlp``: receives GenAI spans beside the pipeline.

Here: its options.
Not here: receiving (``ingestion.collect``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.inputs import fail, home_of


def collect_otlp(
    folder: Annotated[Path, typer.Option(help="Where closed files appear: the url of a source of type otel_spans")],
    port: Annotated[int, typer.Option(help="Port to listen on; 4318 is OTLP/HTTP's, 0 any free one")] = 4318,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    home: Annotated[
        Path | None,
        typer.Option("--home", help="Home whose key hashes user ids", show_default="AIFINOPS_HOME or .aifinops/main"),
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(help="Variable with the token that senders must give", show_default=False)
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long a file grows before it is closed")] = 60.0,
    largest_body_mb: Annotated[int, typer.Option(help="Largest request, as sent and as unpacked")] = 16,
) -> None:
    """Receive GenAI spans over OTLP/HTTP and keep what tells of usage, without prompts or names of people."""
    from ingestion import LandingError
    from ingestion.addresses import is_this_machine
    from ingestion.collect.server import CollectorSettings, serve
    from ingestion.collect.spool import SpoolLimits
    from ingestion.privacy import load_hasher

    console = Console(stderr=True)
    token = os.environ.get(token_env) if token_env else None
    if token_env and not token:
        fail(f"the environment variable {token_env} is not set")
    try:
        settings = CollectorSettings(
            folder.resolve(),
            load_hasher(home_of(home), os.environ),
            token,
            largest_body_mb * 1024 * 1024,
            SpoolLimits(file_seconds=seconds),
        )
    except LandingError as error:
        fail(str(error))
    if token is None and not is_this_machine(host):
        console.print("[yellow]![/] everybody who reaches this address may send: consider --token-env", highlight=False)

    def say_where(address: str) -> None:
        console.print(f"Receiving {address}/v1/traces into {settings.folder}", highlight=False, soft_wrap=True)

    try:
        serve(settings, host, port, on_listening=say_where)
    except LandingError as error:
        fail(str(error))
