"""The billing export: manifests, parts, rows, and how runs follow each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import simulator
from finops import focus
from simulator import organisation as org
from simulator.focus_header import HEADER
from simulator.meters import TOKEN_MODELS
from tests.support.simulator_files import Generated

pytestmark = pytest.mark.xdist_group("simulator")


@pytest.mark.ids("ING-1")
def test_manifests_describe_their_parts_exactly(generated: Generated) -> None:
    manifests = generated.manifests()
    assert len(manifests) >= 35
    for manifest in manifests:
        sizes = [(generated.summary.exports / blob["blobName"]).stat().st_size for blob in manifest["blobs"]]
        assert sizes == [blob["byteCount"] for blob in manifest["blobs"]]
        assert sum(sizes) == manifest["byteCount"]
        assert len(sizes) == manifest["blobCount"]
        rows = generated.rows(manifest)
        assert len(rows) == manifest["dataRowCount"] == sum(blob["dataRowCount"] for blob in manifest["blobs"]) > 0
        assert (manifest["exportConfig"]["type"], manifest["exportConfig"]["dataVersion"]) == ("FocusCost", "1.2")
    assert any(manifest["blobCount"] > 1 for manifest in manifests), "no run has more than one part"


@pytest.mark.ids("ING-1", "COST-1")
def test_rows_have_azures_header_and_focus_values(generated: Generated) -> None:
    rows = generated.current_rows()
    allowed = {c.name: set(c.allowed_values) for c in focus.columns() if c.allowed_values and "1.2" in c.versions}
    assert len(rows) > 5_000
    for row in rows:
        assert tuple(row) == HEADER
        for column, values in allowed.items():
            assert not row.get(column) or row[column] in values, (column, row[column])
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Purchase", "Tax", "Credit"}
    assert {row["PricingCategory"] for row in rows} >= {"Standard", "Dynamic", "Committed"}
    assert {row["CommitmentDiscountType"] for row in rows} == {"", "Reservation", "Savings Plan"}
    assert any(row["ChargeClass"] == "Correction" and Decimal(row["BilledCost"]) < 0 for row in rows)
    assert any(row["PublisherName"] != "Microsoft" for row in rows)


@pytest.mark.ids("COST-1")
def test_prices_times_quantities_are_exact(generated: Generated) -> None:
    priced = [row for row in generated.current_rows() if row["PricingQuantity"]]
    assert len(priced) > 5_000
    for row in priced:
        quantity = Decimal(row["PricingQuantity"])
        assert Decimal(row["ListUnitPrice"]) * quantity == Decimal(row["ListCost"])
        assert Decimal(row["ContractedUnitPrice"]) * quantity == Decimal(row["ContractedCost"])
        if row["ConsumedQuantity"]:
            assert quantity * Decimal(row["x_PricingBlockSize"]) == Decimal(row["ConsumedQuantity"])
        assert Decimal(row["BilledCost"]) == Decimal(row["BilledCost"]).quantize(Decimal("1E-12"))


@pytest.mark.ids("COST-1")
def test_a_commitments_fee_is_billed_once_and_effective_where_it_is_used(generated: Generated) -> None:
    september = [row for row in generated.current_rows() if row["BillingPeriodStart"].startswith("2026-09")]
    for kind in ("Reservation", "Savings Plan"):
        rows = [row for row in september if row["CommitmentDiscountType"] == kind]
        billed = {row["ChargeCategory"]: Decimal(0) for row in rows}
        effective = dict(billed)
        for row in rows:
            billed[row["ChargeCategory"]] += Decimal(row["BilledCost"])
            effective[row["ChargeCategory"]] += Decimal(row["EffectiveCost"])
        assert billed["Purchase"] == effective["Usage"] > 0
        assert billed["Usage"] == effective["Purchase"] == 0
    plain = [row for row in september if not row["CommitmentDiscountId"]]
    assert plain
    assert all(row["BilledCost"] == row["EffectiveCost"] for row in plain)


@pytest.mark.ids("ING-10")
def test_ids_come_in_several_cases(generated: Generated) -> None:
    spellings = defaultdict(set)
    for row in generated.current_rows():
        spellings[row["ResourceId"].lower()].add(row["ResourceId"])
    gateway = spellings[org.GATEWAY_ACCOUNT.lower()]
    assert len(gateway) >= 3
    assert sum(len(cases) > 1 for cases in spellings.values()) > 50


@pytest.mark.ids("ING-10", "COST-5")
def test_runs_are_cumulative_and_change_only_what_was_planted(generated: Generated) -> None:
    previous: dict[str, tuple[date, Counter[tuple[str, ...]]]] = {}
    restated, arrived_late, steps = set(), set(), 0
    for manifest in generated.manifests():
        month, submitted = manifest["runInfo"]["startDate"], manifest["runInfo"]["submittedTime"][:10]
        rows = Counter(
            (row["ChargePeriodStart"][:10], row["x_SkuMeterId"], row["SubAccountId"], row["BilledCost"])
            for row in generated.rows(manifest)
        )
        if month in previous:
            steps += 1
            for gone in set(previous[month][1] - rows):
                restated.add((gone[0], submitted))
            newest_before = max(key[0] for key in previous[month][1])
            arrived_late |= {key[0] for key in rows - previous[month][1] if key[0] < newest_before} - {
                day for day, _ in restated
            }
        previous[month] = (date.fromisoformat(submitted), rows)
    assert steps >= 30
    visible = org.RESTATED_DAY + timedelta(days=org.RESTATED_VISIBLE_AFTER_DAYS)
    assert restated == {(str(org.RESTATED_DAY), str(visible))}
    assert arrived_late == {str(org.LATE_DAY)}


@pytest.mark.ids("ING-10")
def test_the_restated_day_grows_by_four_per_cent(generated: Generated) -> None:
    totals = []
    for manifest in generated.manifests():
        if not manifest["runInfo"]["startDate"].startswith("2026-10"):
            continue
        usage = [
            Decimal(row["BilledCost"])
            for row in generated.rows(manifest)
            if row["ChargePeriodStart"].startswith(str(org.RESTATED_DAY)) and not row["CommitmentDiscountId"]
        ]
        if usage:
            totals.append(sum(usage))
    assert len(totals) >= 10
    assert len(set(totals)) == 2
    assert abs(totals[-1] / totals[0] - Decimal("1.04")) < Decimal("0.0005")
    assert abs(totals[-1] - totals[0] - Decimal(generated.truths()["restated-day"]["money"])) < Decimal("0.01")


@pytest.mark.ids("ING-1")
def test_the_bill_ends_two_days_before_the_report(generated: Generated) -> None:
    used = {row["ChargePeriodStart"][:10] for row in generated.current_rows() if row["ChargeCategory"] == "Usage"}
    parameters = generated.summary.parameters
    assert max(used) == str(parameters.last_billed_day) == "2026-10-18"
    assert min(used) == str(parameters.first_day)
    assert len(used) == parameters.days - 1


@pytest.mark.ids("COST-2")
def test_meters_are_priced_as_the_projects_price_book_says(generated: Generated, project_dir: Path) -> None:
    from finops.config import load_configuration

    book = {
        (price.model, kind, price.valid_from): amount
        for price in load_configuration(project_dir / "config").prices.models
        if price.provider == "azure.ai.openai"
        for kind, amount in price.per_1m_tokens.items()
    }
    kinds = {"input": "input_uncached", "cached": "cache_read", "output": "output"}
    for model in TOKEN_MODELS.values():
        for since, prices in model.prices:
            for kind, price in prices.items():
                assert book[(model.model, kinds[kind], since)] == price


@pytest.mark.ids("ING-1")
def test_parquet_carries_the_same_rows_with_types(tmp_path: Path) -> None:
    made = {
        kind: simulator.generate(tmp_path / kind, scale=0.01, days=4, file_format=kind)  # type: ignore[arg-type]
        for kind in ("csv", "parquet")
    }
    read = {}
    for kind, summary in made.items():
        one = Generated(summary)
        manifests = one.manifests()
        assert manifests
        assert all(m["deliveryConfig"]["fileFormat"].lower() == kind for m in manifests)
        if kind == "csv":
            read[kind] = [Decimal(row["BilledCost"]) for m in manifests for row in one.rows(m)]
        else:
            tables = [pq.read_table(summary.exports / blob["blobName"]) for m in manifests for blob in m["blobs"]]
            assert all(tuple(table.column_names) == HEADER for table in tables)
            assert str(tables[0].schema.field("BilledCost").type) == "decimal128(38, 18)"
            read[kind] = [cost for table in tables for cost in table["BilledCost"].to_pylist()]
    assert len(read["csv"]) > 100
    assert read["csv"] == read["parquet"]
