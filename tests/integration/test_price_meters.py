"""The names of meters that clouds and vendors really use, read by the models that read bills and price lists."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops import meters
from finops.paths import Home
from ingestion.sources.genai_prices.client import providers
from ingestion.sources.genai_prices.rows import model_rows
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt

pytestmark = pytest.mark.xdist_group("price-meters")

GOLDEN = Path(__file__).parent.parent / "golden" / "meters.csv"
DAY = date(2026, 10, 14)
COLUMNS = (
    "model",
    "token_class",
    "service_tier",
    "deployment_type",
    "parse_status",
    "tokens_per_unit",
    "fine_tuning",
    "model_release",
    "context",
)


def golden() -> list[dict[str, str]]:
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("meters"))
    lake = LakeBuilder(home)
    lake.configure(datetime(2026, 10, 20, tzinfo=UTC))
    charges = [
        charge(DAY, "1.25", SkuMeter=row["meter"], x_SkuMeterSubcategory=row["product"] or None) for row in golden()
    ]
    # The details of the price win over the name.
    details = '{"x_ModelId": "gpt-5-mini", "x_TokenDirection": "Output", "x_DeploymentType": "DataZoneStandard"}'
    charges.append(charge(DAY, "2", SkuMeter="gpt-4o-1120-Inp-glbl Tokens", SkuPriceDetails=details))
    lake.snapshot("focus__cost_and_usage", charges, scope="bill.csv")
    listed = [{**row, "list_name": "genai-prices"} for row in model_rows(providers()).rows]
    lake.snapshot("prices__model_price", listed, scope="genai-prices")
    result = run_dbt(home, "run", "--quiet", "--select", "+fct_unparsed_meter")
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("COST-2", "COST-4")
def test_real_meter_names_say_what_they_count(parsed: DbtResult) -> None:
    expected = golden()
    assert len(expected) >= 120
    shown = ", ".join(f"coalesce(cast({column} as varchar), '')" for column in COLUMNS)
    found = {
        row[0]: row[1:]
        for row in parsed.query(
            f"select sku_meter, {shown} from intermediate.int_focus__meter where sku_price_details is null"
        )
    }
    wrong = [
        f"{row['product']} · {row['meter']}: {column} is {value!r}, not {row[column]!r}"
        for row in expected
        for column, value in zip(COLUMNS, found[row["meter"]], strict=True)
        # What a name that counts no tokens calls its model is nobody's business.
        if value != row[column] and not (column == "model" and row["parse_status"] not in ("parsed", "training"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.ids("COST-2")
def test_details_of_the_price_win_over_the_name(parsed: DbtResult) -> None:
    assert parsed.query(
        "select model, token_class, deployment_type, parse_status from intermediate.int_focus__meter "
        "where sku_price_details is not null"
    ) == [("gpt-5-mini", "output", "data_zone", "parsed")]


@pytest.mark.ids("COST-2", "ING-10")
def test_meters_that_cannot_be_read_are_listed_with_their_money(parsed: DbtResult) -> None:
    unread = {row["meter"] for row in golden() if row["parse_status"] == "unparsed"}
    listed = parsed.query("select sku_meter, reason, billed_cost, charge_count from marts.fct_unparsed_meter")
    assert {name for name, *_ in listed} == unread
    assert all(reason for _, reason, *_ in listed)
    assert {(billed, count) for *_, billed, count in listed} == {(Decimal("1.25"), 1)}


def test_every_phrase_is_written_as_names_are_read() -> None:
    for row in meters.words():
        assert row["field"] in meters.FIELDS, row
        assert row["phrase"] == " ".join(row["phrase"].lower().split()), row
        assert 1 <= len(row["phrase"].split()) <= 4, row
    pairs = [(row["phrase"], row["field"]) for row in meters.words()]
    assert len(pairs) == len(set(pairs))
