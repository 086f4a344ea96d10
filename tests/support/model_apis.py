"""The simulator's OpenAI and Anthropic for tests, without generating the rest of the organisation.

Here: serving them as of a moment, sources that point at them, landing.
Not here: what they answer (simulator) and answers written by hand (the tests).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import ingestion
from finops.config.usage_sources import AnthropicSource, OpenAiSource
from finops.paths import Home
from ingestion import LandingResult
from simulator.generate import ORGANISATION_FILE, TELEMETRY_FOLDER
from simulator.organisation import Parameters
from simulator.server import SimulatorServer

KEYS = {
    "AIFINOPS_OPENAI_ADMIN_KEY": "sk-admin-simulated-0123456789",
    "AIFINOPS_ANTHROPIC_ADMIN_KEY": "sk-ant-admin01-simulated-0123456789",
}
HASH_KEY = {"AIFINOPS_HASH_KEY": "0123456789abcdef0123456789abcdef"}


@contextmanager
def served(folder: Path, as_of: datetime, *, days: int = 40, scale: float = 1.0) -> Iterator[str]:
    """The address (with /v1) of both vendors as they answer at a moment."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TELEMETRY_FOLDER).mkdir(exist_ok=True)
    document = parameters(as_of, days=days, scale=scale).as_document()
    (folder / ORGANISATION_FILE).write_text(json.dumps(document), encoding="utf-8")
    with SimulatorServer(folder) as server:
        yield f"{server.url}/v1"


def parameters(as_of: datetime, *, days: int = 40, scale: float = 1.0) -> Parameters:
    return Parameters(seed=7, scale=scale, days=days, as_of=as_of)


def openai_source(url: str, **changes: Any) -> OpenAiSource:
    return OpenAiSource.model_validate(
        {"id": "openai", "type": "openai", "endpoint": url, "lookback_days": 16, "usage_lookback_days": 16} | changes
    )


def anthropic_source(url: str, **changes: Any) -> AnthropicSource:
    settings = {"id": "anthropic", "type": "anthropic", "endpoint": url, "lookback_days": 16, "usage_lookback_days": 16}
    return AnthropicSource.model_validate(settings | changes)


def land(source: OpenAiSource | AnthropicSource, home: Home, as_of: datetime, **options: Any) -> LandingResult:
    return ingestion.land(source, home, as_of=as_of, environ={**KEYS, **HASH_KEY}, **options)
