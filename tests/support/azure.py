"""A simulated Azure for tests: an organisation, its server, and a configuration that reads a connected subscription.

Here: what several tests of connecting and checking need.
Not here: the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

import ingestion
from finops.config import load_configuration
from finops.paths import Home
from simulator import organisation as org
from tests.support.landed import AS_OF
from tests.support.small_config import write_small_config

IDENTITY = "bbbbbbbb-0000-4000-8000-000000000001"
STRANGER = "bbbbbbbb-0000-4000-8000-0000000000ff"
ADMINISTRATOR = "simulated-administrator"
ACCOUNT, CONTAINER, FOLDER = "stconnected", "cost-exports", "focus"


@dataclass(frozen=True)
class SimulatedAzure:
    directory: Path
    url: str

    def environ(self, token: str = f"simulated:{IDENTITY}") -> Mapping[str, str]:
        return {"AIFINOPS_AZURE_ARM_URL": self.url, "AIFINOPS_AZURE_TOKEN": token}

    @property
    def delivered(self) -> Path:
        """Where the connected export's files are."""
        return self.directory / "storage" / ACCOUNT / CONTAINER / FOLDER

    def options(self, *more: str) -> list[str]:
        """Arguments of ``aifinops`` that connect the production subscription."""
        return [
            *("connect", "azure", "--subscription", org.PRODUCTION, "--storage-account", ACCOUNT),
            *("--container", CONTAINER, "--folder", FOLDER, "--location", org.REGION),
            *("--as-of", AS_OF.isoformat(), "--endpoint", self.url),
            *more,
        ]

    def ask(self, method: str, path: str, body: object = None, token: str = ADMINISTRATOR) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, f"{self.url}{path}", json=body, headers=headers)


def write_config(folder: Path, azure: SimulatedAzure, exports: Path | None = None) -> Path:
    """A small configuration with the two sources that connecting a subscription gives."""
    write_small_config(folder)
    metrics = org.ACCOUNTS[0].id
    (folder / "sources.yml").write_text(
        f"""\
sources:
  - id: azure-exports
    type: azure_exports
    url: {exports or azure.delivered}
  - id: azure-openai
    type: azure_monitor
    region: {org.REGION}
    endpoint: {azure.url}
    credential: static
    lookback_days: 3
    resources: [{metrics}]
""",
        encoding="utf-8",
    )
    return folder


def land_all(config: Path, home: Home, environ: Mapping[str, str]) -> None:
    for source in load_configuration(config).sources.sources:
        ingestion.land(source, home, as_of=AS_OF, environ=environ)
