"""A simulated organisation around a run: generated once, served while the run lasts."""

from __future__ import annotations

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

import simulator
from finops.paths import Home
from finops.periods import as_utc
from simulator.generate import ORGANISATION_FILE
from simulator.server import SimulatorServer


@dataclass(frozen=True)
class SimulatedOrganisation:
    as_of: datetime
    url: str
    environ: Mapping[str, str]


@contextmanager
def simulated_organisation(
    home: Home, console: Console, *, seed: int, scale: float, days: int
) -> Iterator[SimulatedOrganisation]:
    """Generate the organisation if it is not there yet, then serve it as :func:`served_organisation` does."""
    with console.status("Simulated organisation") as status:
        done = simulator.generate(
            home.simulator,
            seed=seed,
            scale=scale,
            days=days,
            progress=lambda message: status.update(f"Simulated organisation · {message}"),
        )
    console.print(
        f"  [green]✓[/] {'Simulated organisation: ' if done.was_generated else 'Simulated organisation, unchanged: '}"
        f"{done.bill_rows:,} bill rows in {done.runs} export runs, {done.spans:,} spans, "
        f"{done.gpu_readings:,} GPU readings"
    )
    with served_organisation(home, console) as organisation:
        yield organisation


def is_simulated(home: Home) -> bool:
    return (home.simulator / ORGANISATION_FILE).exists()


@contextmanager
def served_organisation(home: Home, console: Console | None = None, port: int = 0) -> Iterator[SimulatedOrganisation]:
    """Serve a generated organisation on this machine; ``environ`` points config/sources.yml and routing.yml at it."""
    document = json.loads((home.simulator / ORGANISATION_FILE).read_text(encoding="utf-8"))
    as_of = as_utc(datetime.fromisoformat(document["as_of"]))
    secret = _webhook_secret(home)
    with SimulatorServer(home.simulator, port=port, webhook_secret=secret) as server, ExitStack() as more:
        environ = {
            **os.environ,
            **_litellm(home, console, more),
            "AIFINOPS_EXPORTS_URL": str(home.simulator / "azure-exports"),
            "AIFINOPS_SUBSIDIARY_EXPORTS_URL": str(home.simulator / "subsidiary-exports"),
            "AIFINOPS_SPANS_URL": str(home.simulator / "spans"),
            "AIFINOPS_OUTCOMES_URL": str(home.simulator / "outcomes"),
            "AIFINOPS_NVML_URL": str(home.simulator / "nvml"),
            "AIFINOPS_SAAS_URL": str(home.simulator / "saas"),
            "AIFINOPS_AZURE_COST_URL": server.url,
            "AIFINOPS_AZURE_MONITOR_URL": server.url,
            "AIFINOPS_AZURE_ARM_URL": server.url,
            "AIFINOPS_AZURE_TOKEN": "simulated",
            "AIFINOPS_OPENAI_URL": f"{server.url}/v1",
            "AIFINOPS_OPENAI_ADMIN_KEY": "sk-admin-simulated",
            "AIFINOPS_ANTHROPIC_URL": f"{server.url}/v1",
            "AIFINOPS_ANTHROPIC_ADMIN_KEY": "sk-ant-admin01-simulated",
            "AIFINOPS_PROMETHEUS_URL": server.url,
            "AIFINOPS_OPENCOST_URL": server.url,
            "AIFINOPS_MLFLOW_URL": server.url,
            "AIFINOPS_TEAMS_URL": f"{server.url}/teams/finops",
            "AIFINOPS_WEBHOOK_URL": f"{server.url}/webhooks/platform",
            "AIFINOPS_WEBHOOK_SECRET": secret,
        }
        yield SimulatedOrganisation(as_of=as_of, url=server.url, environ=environ)


def _litellm(home: Home, console: Console | None, more: ExitStack) -> dict[str, str]:
    """The sandbox's LiteLLM database, for as long as ``more`` is open, where PostgreSQL is installed."""
    from simulator.litellm import litellm_database, parameters_of
    from simulator.postgres import PostgresMissingError

    try:
        address = more.enter_context(litellm_database(parameters_of(home.simulator)))
    except PostgresMissingError as error:
        if console is not None:
            console.print(f"  [dim]– LiteLLM gateway left out: {str(error).splitlines()[0]}[/]", highlight=False)
        return {}
    return {"AIFINOPS_LITELLM_DATABASE_URL": address}


def _webhook_secret(home: Home) -> str:
    """A secret made once per home, in the form Standard Webhooks prescribes."""
    file = home.path / "simulated-webhook.secret"
    if not file.exists():
        home.path.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text("whsec_" + b64encode(secrets.token_bytes(32)).decode(), encoding="ascii")
    return file.read_text(encoding="ascii")
