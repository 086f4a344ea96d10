"""``aifinops collect nvml``: sample the GPUs of this host until it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from finops.periods import utc_now

NODE_VARIABLE = "NODE_NAME"  # what a DaemonSet passes with fieldRef: spec.nodeName


def collect_nvml(
    folder: Annotated[Path, typer.Option(help="Folder for the files; `nvml_samples` lands them from there")],
    interval: Annotated[float, typer.Option(min=1, max=3600, help="Seconds between samples")] = 15,
    rotate: Annotated[float, typer.Option(min=1, max=86400, help="Seconds after which a file is closed")] = 300,
    node: Annotated[
        str | None, typer.Option(help="Name of this host", show_default="NODE_NAME, else its host name")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One sample, then end")] = False,
) -> None:
    """Sample the GPUs of this host through NVML into files."""
    import pynvml

    from ingestion.nvml import NvmlUnavailableError, collect

    console = Console(stderr=True)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        count = collect(
            pynvml,
            folder,
            node=node or os.environ.get(NODE_VARIABLE) or socket.gethostname(),
            interval_seconds=interval,
            wait=stopping.wait,
            now=utc_now,
            rotate_seconds=rotate,
            once=once,
            progress=lambda line: console.print(line, highlight=False, soft_wrap=True),
        )
    except NvmlUnavailableError as error:
        console.print(f"[red bold]✗[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except OSError as error:
        console.print(f"[red bold]✗[/] {folder} cannot be written: {error}. Name another --folder", soft_wrap=True)
        raise typer.Exit(1) from None
    console.print(f"{count} GPU samples in {folder}", highlight=False, soft_wrap=True)
