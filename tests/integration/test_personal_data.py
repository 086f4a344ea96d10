"""No person can be found in the lake: people, prompts and keys are planted in every source, then looked for."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingestion
from finops import lake
from finops.config.bill_sources import (
    AzurePriceSheetSource,
    AzureRetailPricesSource,
    BillFilesSource,
    FocusFilesSource,
    SaasSubscriptionsSource,
)
from finops.config.usage_sources import OtelSpansSource, OutcomesSource, TrainingRunsSource, UsageFilesSource
from finops.paths import Home
from ingestion.privacy import Hasher
from simulator.postgres import programs
from tests.support.azure_deliveries import COLUMNS, detail
from tests.support.every_source import HASH_KEY, Organisation, small_organisation, source_types
from tests.support.landed import AS_OF, HEADER, charges, csv_bytes, query
from tests.support.record_homes import write_csv

pytestmark = [pytest.mark.ids("SEC-2", "ING-10"), pytest.mark.xdist_group("every-source")]

EMAIL = "Ada.Planted@Contoso.example"
USER = "planted-user-7"
PROMPT = "planted prompt about a trial"
KEY = "sk-planted0123456789abcdefghij"
PLANTED = ("planted", "@contoso.example", "@example.com", "@customer.example", "scientist", PROMPT, KEY)
HASHED = "e-mail:" + Hasher(HASH_KEY.encode()).hash(EMAIL.lower())
TAGS = json.dumps({"owner": EMAIL, "createdBy": f"see {EMAIL}", "team": "search"})


def _focus(folder: Path) -> Any:
    """CSV, gzip and Parquet as text; a Parquet file with a map; lines that are no rows."""
    folder.mkdir()
    header = (*HEADER, "Tags", "ResourceName", "x_AccountOwnerId", "x_Anything")
    rows = [(*row, TAGS, f"vm of {EMAIL}", EMAIL, f"mailto:{EMAIL.upper()}") for row in charges("2026-10-01", ["1"])]
    text = csv_bytes(header, rows)
    (folder / "a.csv").write_bytes(text + f"too,short,{EMAIL}\n".encode())
    (folder / "b.csv.gz").write_bytes(gzip.compress(csv_bytes(header, [("2", *rows[0][1:])])))
    columns: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    pq.write_table(pa.table(columns), folder / "c.parquet")
    tags = pa.array([[("owner", EMAIL)]], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({**columns, "Tags": tags}), folder / "d.parquet")
    return FocusFilesSource(id="planted-focus", type="focus_files", url=str(folder))


def _azure(folder: Path) -> Any:
    folder.mkdir()
    row = detail(AS_OF.date(), "1", AccountOwnerId=EMAIL, Tags=f'"owner": "{EMAIL}"', AdditionalInfo=TAGS)
    header = tuple(dict.fromkeys((*COLUMNS, "AccountOwnerId", "Tags", "AdditionalInfo")))
    with (folder / "actual.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerow({name: row.get(name, "") for name in header})
    return BillFilesSource(id="planted-azure", type="bill_files", url=str(folder), dataset="ActualCost")


def _usage(folder: Path) -> Any:
    row: dict[str, object] = {
        "at": "2026-10-10T00:00:00Z", "model": "gpt-4.1", "tokens": 1, "who": USER, "customer": EMAIL, "prompt": PROMPT,
        "app": f"app of {EMAIL}",
    }  # fmt: skip
    write_csv(folder / "usage.csv", [row, {**row, "tokens": f"many of {EMAIL}"}])
    with (folder / "usage.csv").open("a", newline="") as file:
        file.write(f"broken,{EMAIL},{USER}\r\n")
    (folder / "usage.jsonl").write_text(json.dumps(row) + f'\n{{"who": "{USER}", "prompt": "{PROMPT}\n')
    mapping = folder.with_suffix(".yml")
    mapping.write_text(
        "columns: {usage_at: at, model: model, input_tokens: tokens, user_id: who, customer_id: customer, app: app}\n"
        "constants: {provider_name: openai}\ninput_includes_cache: true\n"
    )
    return UsageFilesSource(id="planted-usage", type="usage_files", url=str(folder), mapping=str(mapping))


def _spans(folder: Path) -> Any:
    def text(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": value}}

    span = {
        "traceId": "ab" * 16, "spanId": "cd" * 8, "name": "chat", "kind": 3,
        "startTimeUnixNano": "1791000000000000000", "endTimeUnixNano": "1791000001000000000",
        "attributes": [
            text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "gpt-4.1"),
            text("gen_ai.provider.name", "openai"), text("gen_ai.prompt", PROMPT), text("gen_ai.completion", PROMPT),
            text("gen_ai.input.messages", PROMPT), text("user.id", USER), text("aifinops.customer.id", EMAIL),
            text("aifinops.api_key.name", KEY), text("aifinops.feature", f"of {EMAIL}"), text("user.email", EMAIL),
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "5"}},
        ],
    }  # fmt: skip
    resource = {"attributes": [text("service.name", "search"), text("host.user", USER)]}
    line = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})
    folder.mkdir()
    (folder / "spans.jsonl").write_text(f"{line}\n{line[:-40]}\n")
    return OtelSpansSource(id="planted-spans", type="otel_spans", url=str(folder))


def _records(folder: Path) -> list[Any]:
    run = {
        "run_id": f"run of {EMAIL}", "project": EMAIL, "team": EMAIL, "status": "finished", "user": USER,
        "started_at": "2026-10-10T08:00:00Z", "ended_at": "2026-10-10T09:00:00Z", "prompt": PROMPT,
    }  # fmt: skip
    write_csv(folder / "runs" / "runs.csv", [run, {**run, "run_id": "b", "gpu_count": f"two of {EMAIL}"}])
    seat = {
        "vendor": "V", "product": f"P for {EMAIL}", "seats": 3, "unit_price": 10, "currency": "USD", "team": EMAIL,
        "billing_cadence": "monthly", "start_date": "2026-01-01", "contact": EMAIL, "api_key": KEY,
    }  # fmt: skip
    write_csv(folder / "seats" / "seats.csv", [seat, {**seat, "seats": EMAIL}])
    outcome = {"outcome_date": "2026-10-01", "outcome": f"for {EMAIL}", "quantity": 1, "team": EMAIL, "note": PROMPT}
    write_csv(folder / "outcomes" / "outcomes.csv", [outcome, {**outcome, "quantity": EMAIL}])
    price = {
        "MeterName": "gpt-4.1 Inp Tokens", "UnitPrice": "1", "CurrencyCode": "USD", "UnitOfMeasure": "1K",
        "EffectiveStartDate": "2026-10-01", "EnrollmentNumber": "1", "Owner": EMAIL,
    }  # fmt: skip
    write_csv(folder / "sheet" / "sheet.csv", [price, {**price, "UnitPrice": f"ask {EMAIL}"}])
    (folder / "retail").mkdir()
    (folder / "retail" / "a.json").write_text(json.dumps({"Items": [{"meterName": "x", "owner": EMAIL}]}))
    return [
        TrainingRunsSource(id="planted-runs", type="training_runs", url=str(folder / "runs")),
        SaasSubscriptionsSource(id="planted-seats", type="saas_subscriptions", url=str(folder / "seats")),
        OutcomesSource(id="planted-outcomes", type="outcomes", url=str(folder / "outcomes")),
        AzurePriceSheetSource(id="planted-sheet", type="azure_price_sheet", url=str(folder / "sheet")),
        AzureRetailPricesSource(id="planted-retail", type="azure_retail_prices", url=str(folder / "retail")),
    ]


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organisation]:
    with small_organisation(tmp_path_factory.mktemp("people")) as organisation:
        yield organisation


@pytest.fixture(scope="module")
def home(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A lake with every type of source, each with people in it where it can have them."""
    folder = tmp_path_factory.mktemp("planted")
    home = Home(folder / "home")
    kinds = [kind for kind in source_types() if kind != "litellm" or programs() is not None]
    planted = [
        _focus(folder / "focus"),
        _azure(folder / "azure"),
        _usage(folder / "usage"),
        _spans(folder / "spans"),
        *_records(folder),
    ]
    for source in [*(organisation.source(kind) for kind in kinds), *planted]:
        ingestion.land(source, home, as_of=organisation.as_of, environ=organisation.environ)
    return home


def texts(home: Home) -> Iterator[tuple[Path, str]]:
    """Everything that stands in the home's files: each value of each Parquet file, and other files as they are."""
    for path in sorted(home.path.rglob("*")):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            for column in table.columns:
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    yield path, "\n".join(value for value in column.unique().to_pylist() if value)
        elif path.is_file():
            yield path, path.read_bytes().decode("utf-8", errors="replace")


def test_nobody_is_in_the_lake(home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    own_folders = str(tmp_path_factory.getbasetemp())
    ids = tuple(
        f"planted-{name}"
        for name in ("focus", "azure", "usage", "spans", "runs", "seats", "outcomes", "sheet", "retail")
    )
    found = []
    seen = 0
    for path, content in texts(home):
        seen += 1
        for line in content.splitlines():
            # Where the files lie, and what the sources are called, says planted on purpose.
            left = line.replace(own_folders, "")
            for name in (*ids, *(i.replace("-", "_") for i in ids), "/planted"):
                left = left.replace(name, "")
            found += [(path.parent.name, word, left[:300]) for word in PLANTED if word.lower() in left.lower()]
    assert seen > 100
    assert not found


def test_everything_was_landed_where_people_were_planted(home: Home) -> None:
    """Else the test above would find nobody because nothing is there."""
    landed = query(
        home,
        "landing__snapshot",
        "select distinct source_id from rows where source_id like 'planted-%' and row_count > 0",
    )
    assert len(landed) == 8, "the price list's only row is refused"
    refused = query(home, "landing__rejected", "select distinct source_id from rows where source_id like 'planted-%'")
    assert len(refused) == 8, "all but the Azure bill have rows that are refused"


def test_who_owns_what_can_still_be_told_apart(home: Home) -> None:
    """A hash is the same in every format and source, whichever way the address was written."""
    rows = query(
        home,
        lake.FOCUS_COST_AND_USAGE.name,
        "select Tags, ResourceName, x_AccountOwnerId, x_Anything from rows where x_AccountOwnerId is not null",
    )
    assert len(rows) == 4
    for tags, resource, owner, anything in rows:
        assert json.loads(tags)["owner"] == HASHED
        assert (resource, owner, anything) == (f"vm of {HASHED}", HASHED, f"mailto:{HASHED}")
    azure = query(home, lake.AZURE_COST_DETAIL.name, "select Tags from rows where AdditionalInfo like '%e-mail:%'")
    assert azure == [(f'"owner": "{HASHED}"',)]
