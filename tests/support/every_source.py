"""One landable source of every type, over a small simulated organisation.

Here: settings of each type and the files that the organisation does not write itself; landing one in a process that
can be killed; what a lake holds, told apart from when and how often it was asked.
Not here: what is asserted (tests/integration/test_every_source.py).
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import random
import shutil
import time
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cli.simulated import SimulatedOrganisation
from finops.config.sources import Source
from finops.paths import Home
from simulator.azure_cost import write_cost_exports
from tests.support import landing_process
from tests.support.landed import complete_loads, readable_by_load
from tests.support.pipeline import organisation_in
from tests.support.record_homes import write_csv

HASH_KEY = "0123456789abcdef0123456789abcdef"
Settings = dict[str, Any]
_DAYS = 6
_OF_ANSWERS = ("window_start", "window_end")


def source_types() -> list[str]:
    """Every ``type`` that config/sources.yml accepts."""
    union = typing.get_args(Source)[0]
    return [typing.get_args(member.model_fields["type"].annotation)[0] for member in typing.get_args(union)]


@dataclass(frozen=True)
class Organisation:
    """A served organisation. ``files`` is a folder for what it does not write itself."""

    simulated: SimulatedOrganisation
    folder: Path
    files: Path

    @property
    def as_of(self) -> datetime:
        return self.simulated.as_of

    @property
    def environ(self) -> dict[str, str]:
        return {**self.simulated.environ, "AIFINOPS_HASH_KEY": HASH_KEY}

    def source(self, kind: str) -> Source:
        """A source of a type. ``LookupError`` where there is none: add the type to ``SETTINGS`` below."""
        settings = {"id": kind.replace("_", "-"), "type": kind, **SETTINGS[kind](self)}
        found: Source = TypeAdapter(Source).validate_python(settings)
        return found


@contextmanager
def small_organisation(folder: Path) -> Iterator[Organisation]:
    home = Home(folder / "organisation")
    with organisation_in(home, days=_DAYS, scale=0.05) as simulated:
        (folder / "files").mkdir(exist_ok=True)
        yield Organisation(simulated, home.simulator, folder / "files")


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _exports(organisation: Organisation) -> Settings:
    """The FOCUS export with its runs, and the newest run of both older datasets."""
    folder = organisation.files / "exports"
    if not folder.exists():
        shutil.copytree(organisation.folder / "azure-exports", folder)
        write_cost_exports(organisation.folder, folder, agreement="MCA", overwrite=True)
    return {"url": str(folder)}


def _focus_files(organisation: Organisation) -> Settings:
    """Each run of the export as a file of its own, one of them broken in two places."""
    folder = organisation.files / "focus"
    folder.mkdir(exist_ok=True)
    parts = sorted((organisation.folder / "azure-exports").rglob("*.csv.gz"))[:4]
    for number, part in enumerate(parts):
        (folder / f"{number}.csv.gz").write_bytes(part.read_bytes())
    text = gzip.decompress(parts[0].read_bytes()).decode()
    (folder / "broken.csv").write_text(f"{text}too,short\nalso\n", encoding="utf-8")
    return {"url": str(folder)}


def _bill_files(organisation: Organisation) -> Settings:
    folder = organisation.files / "bills"
    if not folder.exists():
        write_cost_exports(organisation.folder, folder, agreement="EA", overwrite=True)
    return {"url": str(folder)}


def _usage_files(organisation: Organisation) -> Settings:
    mapping = organisation.files / "mapping.yml"
    mapping.write_text(
        "columns: {usage_at: at, model: model, input_tokens: tokens_in, output_tokens: tokens_out, user_id: who}\n"
        "constants: {provider_name: openai, app: search}\n"
        "input_includes_cache: true\n",
        encoding="utf-8",
    )
    for day in range(3):
        rows: list[dict[str, object]] = [
            {
                "at": f"2026-10-{10 + day}T{hour:02d}:00:00Z",
                "model": "gpt-4.1",
                "tokens_in": "many" if hour == 7 else hour,  # one is refused
                "tokens_out": 1,
                "who": f"person {hour}",
            }
            for hour in range(24)
        ]
        write_csv(organisation.files / "usage" / f"{day}.csv", rows)
    return {"url": str(organisation.files / "usage"), "mapping": str(mapping)}


def _price_sheet(organisation: Organisation) -> Settings:
    rows: list[dict[str, object]] = [
        {
            "EnrollmentNumber": "8608480",
            "MeterId": f"meter-{number}",
            "MeterName": f"gpt-4.1-{number} Inp Tokens",
            "MeterCategory": "Foundry Models",
            "UnitOfMeasure": "1K",
            "UnitPrice": "free" if number == 3 else f"0.00{number}",  # one is refused
            "CurrencyCode": "USD",
            "EffectiveStartDate": "2026-10-01T00:00:00Z",
        }
        for number in range(20)
    ]
    write_csv(organisation.files / "sheets" / "october.csv", rows)
    write_csv(organisation.files / "sheets" / "november.csv", rows[:5])
    return {"url": str(organisation.files / "sheets")}


def _retail_prices(organisation: Organisation) -> Settings:
    items = [
        {
            "meterId": f"meter-{number}",
            "meterName": f"gpt-4.1-{number} Inp Tokens",
            "serviceName": "Foundry Models",
            "unitOfMeasure": "1K",
            "retailPrice": 0.002,
            "currencyCode": "USD",
            "armRegionName": "swedencentral",
            "effectiveStartDate": "2026-10-01T00:00:00Z",
            "type": "Consumption",
        }
        for number in range(20)
    ]
    folder = organisation.files / "retail"
    folder.mkdir(exist_ok=True)
    for name in ("first", "second"):
        document = {"Items": [*items, {"meterName": name}], "NextPageLink": None}  # the last one is refused
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return {"url": str(folder)}


def _training_runs(organisation: Organisation) -> Settings:
    for number in range(3):
        rows: list[dict[str, object]] = [
            {
                "run_id": f"run-{number}-{row}",
                "project": "vision",
                "status": "finished",
                "started_at": f"2026-10-{10 + row}T08:00:00Z",
                "ended_at": f"2026-10-{10 + row}T{'07' if row == 4 else '09'}:00:00Z",  # one ends before it starts
                "gpu_count": 2,
            }
            for row in range(8)
        ]
        write_csv(organisation.files / "runs" / f"{number}.csv", rows)
    return {"url": str(organisation.files / "runs")}


def _in_environment(variable: str, **more: Any) -> Callable[[Organisation], Settings]:
    return lambda organisation: {"url": organisation.environ[variable], **more}


def _account(group: str, name: str, subscription: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}"


SETTINGS: Mapping[str, Callable[[Organisation], Settings]] = {
    "azure_exports": _exports,
    "azure_cost_api": lambda organisation: {
        "endpoint": organisation.simulated.url,
        "credential": "static",
        "months": 2,
        "scopes": [
            "/providers/Microsoft.Billing/billingAccounts/7e2c1f6a-54b0-4b8f-9a57-3d1e0c9b8a41:"
            "5c0d9e7f-2a64-4e13-8f0b-6b7d8c9e0f12_2019-05-31/billingProfiles/NWPA-KBGH-BG7-PGB"
        ],
    },
    "focus_files": _focus_files,
    "bill_files": _bill_files,
    "otel_spans": _in_environment("AIFINOPS_SPANS_URL"),
    "litellm": lambda _: {"database_env": "AIFINOPS_LITELLM_DATABASE_URL", "rows_per_load": 1000},
    "usage_files": _usage_files,
    "azure_monitor": lambda organisation: {
        "region": "swedencentral",
        "endpoint": organisation.simulated.url,
        "credential": "static",
        "lookback_days": _DAYS,
        "resources": [
            _account("rg-ai-gateway", "aoai-gateway", "11111111-1111-4111-8111-111111111111"),
            _account("rg-support", "aoai-support", "22222222-2222-4222-8222-222222222222"),
        ],
    },
    "azure_price_sheet": _price_sheet,
    "azure_retail_prices": _retail_prices,
    "genai_prices": lambda _: {},
    "openai": lambda organisation: {
        "endpoint": f"{organisation.simulated.url}/v1",
        "lookback_days": 70,  # several loads
        "usage_lookback_days": _DAYS,
    },
    "anthropic": lambda organisation: {
        "endpoint": f"{organisation.simulated.url}/v1",
        "lookback_days": 70,
        "usage_lookback_days": _DAYS,
    },
    "prometheus": _in_environment("AIFINOPS_PROMETHEUS_URL", lookback_days=70),
    "nvml_samples": _in_environment("AIFINOPS_NVML_URL"),
    "opencost": _in_environment("AIFINOPS_OPENCOST_URL", cluster="aks-ai", lookback_days=_DAYS),
    "mlflow": _in_environment("AIFINOPS_MLFLOW_URL", lookback_days=70),
    "training_runs": _training_runs,
    "saas_subscriptions": _in_environment("AIFINOPS_SAAS_URL"),
    "outcomes": _in_environment("AIFINOPS_OUTCOMES_URL"),
}


# ── landing in a process ──────────────────────────────────────────────────────────────────────────────────────────────


class Lander:
    """Lands in processes of their own, forked from one that has everything imported."""

    def __init__(self, organisation: Organisation, kind: str) -> None:
        self._organisation = organisation
        self._source = organisation.source(kind)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([landing_process.__name__])

    def start(self, home: Home) -> BaseProcess:
        arguments = (self._source, home.path, self._organisation.as_of, self._organisation.environ)
        process = self._context.Process(target=landing_process.land, args=arguments)
        process.start()
        return process

    def finish(self, home: Home) -> float:
        """Land to the end; the seconds it took."""
        started = time.monotonic()
        process = self.start(home)
        process.join(timeout=120)
        assert process.exitcode == 0, f"landing ended with {process.exitcode}: {home.path}"
        return time.monotonic() - started

    def kill(self, home: Home, seconds: float) -> bool:
        """Land and kill -9 after some seconds; False where it had ended before."""
        process = self.start(home)
        process.join(timeout=seconds)
        process.kill()
        process.join(timeout=30)
        assert process.exitcode in (0, -9), f"landing ended with {process.exitcode}: {home.path}"
        return process.exitcode == -9

    def interrupt(self, home: Home, seconds: float) -> bool:
        """Kill a landing into a new home for certain: sooner where it had ended before."""
        while not self.kill(home, seconds):
            shutil.rmtree(home.path)
            seconds /= 2
        return True


# ── what a lake holds ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Content:
    """What readers see in complete loads, whenever it was landed.

    Rows of snapshots count each time they are there. A window that was asked again repeats its rows in another load,
    and staging takes one answer: such a row counts as often as in the load that has it most.
    """

    tables: dict[str, Counter[str]]
    windows: dict[tuple[str, str], list[tuple[str, str]]]

    def is_part_of(self, whole: Content) -> bool:
        return all(rows <= whole.tables.get(name, Counter()) for name, rows in self.tables.items())


def content(home: Home) -> Content:
    """What the lake of a home holds; nothing where it does not exist yet."""
    if not complete_loads(home):
        return Content({}, {})
    loads = readable_by_load(home)
    windows: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for rows in loads.pop("landing__window", {}).values():
        for row in rows:
            asked = json.loads(row)
            windows.setdefault((asked["table_name"], asked["scope"]), []).append(
                (asked["window_start"], asked["window_end"])
            )
    described = [json.loads(row) for rows in loads.get("landing__snapshot", {}).values() for row in rows]
    of_snapshots = {row["table_name"] for row in described}
    if of_snapshots:
        of_snapshots |= {"landing__snapshot", "landing__rejected"}
    tables = {}
    for name, by_load in loads.items():
        total: Counter[str] = Counter()
        for rows in by_load.values():
            total = total + rows if name in of_snapshots else total | _without_window(rows)
        tables[name] = total
    return Content(tables, {scope: _merged(spans) for scope, spans in windows.items()})


def _without_window(rows: Counter[str]) -> Counter[str]:
    """Rows that say which answer they come from: the one after a crash reaches a little further back."""
    kept: Counter[str] = Counter()
    for row, count in rows.items():
        values = json.loads(row)
        kept[json.dumps({name: value for name, value in values.items() if name not in _OF_ANSWERS})] += count
    return kept


def _merged(spans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    merged: list[tuple[str, str]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def moments(kind: str, count: int) -> Iterator[float]:
    """Shares of a landing's time, the same ones every time for a type. The end, where loads are made visible, is as
    likely as the rest."""
    stream = random.Random(f"kill {kind}")
    for _ in range(count):
        yield stream.uniform(0.0, 1.1)
