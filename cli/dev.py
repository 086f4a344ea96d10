"""The Dagster UI on a home, and the portal beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import typer
from rich.console import Console

from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, PROJECT_DIR, Home
from orchestration.run import instance_of
from orchestration.workspace import AS_OF_VARIABLE


def serve_dagster(home: Home, host: str, port: int, portal_port: int, console: Console) -> None:
    """Run ``dagster dev`` on a home until it is interrupted; beside it the portal, for this machine only, and a
    simulated organisation where the home is of one."""
    if not home.path.exists():
        Console(stderr=True).print(f"[red bold]✗[/] {home.path} does not exist; run `make demo` first", soft_wrap=True)
        raise typer.Exit(1)
    from cli.simulated import is_simulated, served_organisation

    with served_organisation(home) if is_simulated(home) else nullcontext() as organisation:
        environ = {**os.environ, HOME_VARIABLE: str(home.path)}
        if organisation:
            environ |= {**organisation.environ, AS_OF_VARIABLE: organisation.as_of.isoformat()}
        if (home.path / "run-config").exists():
            environ.setdefault(CONFIG_VARIABLE, str(home.path / "run-config"))
        console.print(f"Dagster UI: [bold]http://{host}:{port}[/]   (Ctrl+C ends it)")
        console.print(
            f"Portal:     [bold]http://127.0.0.1:{portal_port}[/]   (whoever sits at this machine is Admin)\n"
        )
        with _portal(portal_port, environ):
            status = _dagster_dev(home, host, port, environ)
        raise typer.Exit(status)


@contextmanager
def _portal(port: int, environ: Mapping[str, str]) -> Iterator[None]:
    """The portal in a process of its own; what keeps it from starting it says itself."""
    command = [sys.executable, "-m", "cli.entry", "portal", "--local", "--port", str(port)]
    with subprocess.Popen(command, env={**environ}, cwd=PROJECT_DIR) as process:
        try:
            yield
        finally:
            process.terminate()


def _dagster_dev(home: Home, host: str, port: int, environ: Mapping[str, str]) -> int:
    with instance_of(home):
        pass  # writes dagster.yaml into the home
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        *("--workspace", str(PROJECT_DIR / "workspace.yaml")),
        *("--host", host),
        *("--port", str(port)),
    ]
    variables = {
        **environ,
        "DAGSTER_HOME": str(home.dagster),
        # `dagster dev` says that `dg dev` supersedes it; that one cannot name a workspace file.
        "PYTHONWARNINGS": "ignore:Function `dev_command`",
    }
    process = subprocess.Popen(command, env=variables, cwd=working_directory(home))
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait(timeout=30)
        return 0


def working_directory(home: Home) -> Path:
    """DAGSTER_HOME: Dagster warns of a ``dagster.yaml`` in any other working directory.

    Not the home itself: Dagster imports from its working directory first, and the home has folders named like our
    packages.
    """
    return home.dagster
