"""Every real bill that is at hand, landed together and reconciled: nothing lost, and the totals that were expected.

What is expected has two sources, neither of them this project: the files read with Python's csv and Decimal, and what
the FOCUS specification's own text says of each of its examples, worked out here from the quantities and prices that it
names.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion
from finops.config import Configuration, load_configuration
from finops.config.bill_sources import BillFilesSource
from finops.paths import Home
from ingestion.errors import LandingError
from tests.support.azure_deliveries import read_csv, totals_per_day
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt, write_config

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("billing-folder"),
    pytest.mark.ids("ING-1", "ING-4", "ING-10", "COST-1"),
]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
MARTS = (
    "+fct_ai_cost_daily",
    "+fct_reconciliation_daily",
    "+focus_cost_and_usage",
    "+fct_rejected_row",
    "+fct_bill_overlap",
)
GUARDS = ("assert_bill_reconciles", "assert_snapshots_are_whole", "assert_every_charge_once")


@dataclass(frozen=True)
class Example:
    """What the specification says that an example sums to, and how many rows it shows."""

    rows: int
    billed: str
    effective: str


def example(rows: int, billed: str | int | Decimal, effective: str | int | Decimal) -> Example:
    return Example(rows, str(billed), str(effective))


HOURS = 24 * 365
SEATS = 20 * (505 + 650 + 635)
AGREED = 1200
UNMET = AGREED - 48 - 60 - 120
TOKENS = 245 * 1 + 5 * 2 + 120 * 3
TOKENS_MODIFIED = 245 * 1 + 5 * 2 + 120 * 2
EXAMPLES: Mapping[str, Example] = {
    # A reservation of 0.50 an hour covers a part of a large machine, the rest of which costs 2.25 on demand.
    "one_hundred_percent_utilization_with_commitment_discount_flexibility_with_1_resource": example(3, "2.75", "2.75"),
    # A reservation of 2.00 an hour covers two machines of 1.00 each.
    "one_hundred_percent_utilization_with_commitment_discount_flexibility_with_2_resources": example(3, 2, 2),
    "one_hundred_percent_utilization_without_commitment_discount_flexibility": example(2, "1.50", "1.50"),
    # Nobody used the reservation of 1.50, and another machine cost 2.00 on demand.
    "zero_percent_utilization_without_commitment_discount_flexibility": example(3, "3.50", "3.50"),
    # A commitment of 1.00 an hour for a year, paid at once, by the hour (three hours are shown), half and half. The
    # text says 8,670 for the first and derives 24 × 365 × 1.00, which is 8,760, as its file has it.
    "commitment_discount_purchase_scenario_1": example(1, HOURS, 0),
    "commitment_discount_purchase_scenario_2": example(3, 3, 0),
    "commitment_discount_purchase_scenario_3": example(4, HOURS // 2 + Decimal("1.5"), 0),
    # One hour of it: used, unused, three quarters used, used and half as much again on demand.
    "commitment_discount_usage_scenario_1": example(1, 0, 1),
    "commitment_discount_usage_scenario_2": example(1, 0, 1),
    "commitment_discount_usage_scenario_3": example(2, 0, 1),
    "commitment_discount_usage_scenario_4": example(2, "0.50", "1.50"),
    "simple_saas_agreements_a1": example(1, 10_000, 10_000),
    "simple_saas_agreements_a2": example(1, 50_000, 50_000),
    "simple_saas_agreements_a3": example(1, 1_000, 1_000),
    "simple_saas_agreements_b": example(1, 50_000, 50_000),
    "simple_saas_agreements_c": example(3, SEATS, SEATS),
    # 1,200 were agreed for a year, and 48, 60 and 120 used: the year costs what was agreed, however it is billed.
    "saas_spend_agreements_a1": example(4, AGREED, AGREED),
    "saas_spend_agreements_a2": example(13, AGREED, AGREED),
    "saas_spend_agreements_b1": example(5, AGREED, AGREED),
    "saas_spend_agreements_b2": example(14, AGREED, AGREED),
    # 100,000 tokens at 2 or 1 dollars are bought; then some are used; then the purchase is topped up at the list price.
    "virtual_currency_pricing_model_a1": example(1, 100_000 * 2, 0),
    "virtual_currency_pricing_model_a2": example(3, 0, TOKENS * 2),
    "virtual_currency_pricing_model_b1": example(1, 100_000 * 1, 0),
    "virtual_currency_pricing_model_b2": example(3, 0, TOKENS * 1),
    "virtual_currency_pricing_model_b3": example(3, 0, TOKENS_MODIFIED * 1),
    "virtual_currency_pricing_model_c": example(2, (1_500 + 25_000) * 2, 0),
}

# Of Azure's open data only these are no bills; each is landed below and refused with a sentence.
REFERENCE_TABLES = ("PricingUnits.csv", "Regions.csv", "ResourceTypes.csv", "Services.csv")
SCHEMAS = "azure-open-data/export-schemas"  # tests/integration/test_ingestion_azure_cost.py lands every column of them


def example_source(name: str) -> str:
    """The id of an example's source."""
    return name.replace("_", "-").replace("commitment-discount-flexibility", "flexibility")


def example_file(billing: Path, name: str) -> Path:
    (path,) = (billing / "focus-spec-examples").rglob(f"{name}.csv")
    return path


def sources_yml(billing: Path) -> str:
    """All sources, as a user would write them: one per file, but the two datasets of one Azure bill."""
    blocks = [
        f"  - id: azure-ea\n    type: bill_files\n    url: {billing / 'azure-ea'}",
        f"  - id: focus-sample\n    type: focus_files\n    url: {billing / 'focus-sample' / 'focus_sample.csv'}",
    ]
    for number, name in enumerate(EXAMPLES):
        # Both kinds of source read such files alike.
        kind = ("focus_files", "bill_files")[number % 2]
        block = f"  - id: {example_source(name)}\n    type: {kind}\n    url: {example_file(billing, name)}"
        if "saas" in name or "virtual_currency" in name:
            block += '\n    date_format: "%m/%d/%y"\n    amount_style: "1,234.56"'
        else:
            block += "\n    billing_currency: USD"
        blocks.append(block)
    return "sources:\n" + "\n".join(blocks) + "\n"


@dataclass(frozen=True)
class Built:
    dbt: DbtResult
    config: Configuration
    home: Home
    landed: Mapping[str, ingestion.LandingResult]


@pytest.fixture(scope="module")
def billing(real_data: Path) -> Path:
    return real_data / "billing"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, billing: Path) -> Built:
    home = Home(tmp_path_factory.mktemp("billing"))
    folder = write_config(home.path / "settings")
    (folder / "sources.yml").write_text(sources_yml(billing), encoding="utf-8")
    config = load_configuration(folder)
    LakeBuilder(home).configure(AS_OF, folder)
    shutil.rmtree(home.lake)  # the real landing makes its own
    landed = {source.id: ingestion.land(source, home, as_of=AS_OF, environ={}) for source in config.sources.sources}
    result = run_dbt(home, "build", "--indirect-selection", "empty", "--select", *MARTS, *GUARDS)
    assert result.returncode == 0, result.output
    return Built(result, config, home, landed)


# ── an independent reading ────────────────────────────────────────────────────────────────────────────────────────────


def amount(text: str) -> Decimal:
    digits = text.strip().removeprefix("$").replace(",", "")
    return Decimal(0) if digits in ("", "NULL") else Decimal(digits)


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Rows that have anything in them: some examples end in empty lines."""
    yield from (row for row in read_csv(path) if any((value or "").strip() for value in row.values()))


def totals(path: Path) -> tuple[int, Decimal, Decimal]:
    """Rows, billed, effective."""
    rows = list(rows_of(path))
    return (
        len(rows),
        sum((amount(r["BilledCost"]) for r in rows), Decimal(0)),
        sum((amount(r["EffectiveCost"]) for r in rows), Decimal(0)),
    )


# ── tests ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_file_of_the_folder_is_in_a_case(billing: Path) -> None:
    cases = {example_file(billing, name).relative_to(billing).as_posix() for name in EXAMPLES}
    cases |= {f"azure-ea/{name}.csv" for name in ("EA_ActualCost_Small", "EA_AmortizedCost_Small", "EA_NoRows")}
    cases |= {"focus-sample/focus_sample.csv"} | {f"azure-open-data/{name}" for name in REFERENCE_TABLES}
    files = {path.relative_to(billing).as_posix() for path in billing.rglob("*") if path.is_file()}
    bills = {path for path in files if not path.startswith(f"{SCHEMAS}/")}
    assert sorted(bills - cases) == [], "these files of the folder are landed by no test: add each to a case"
    assert sorted(cases - bills) == [], "these cases have no file"


def test_nothing_is_lost_and_nothing_counted_twice(built: Built, billing: Path) -> None:
    delivered = {"azure-ea": 0, "focus-sample": len(list(rows_of(billing / "focus-sample" / "focus_sample.csv")))}
    for file in (billing / "azure-ea").glob("*.csv"):
        delivered["azure-ea"] += len(list(rows_of(file)))
    for name in EXAMPLES:
        delivered[example_source(name)] = len(list(rows_of(example_file(billing, name))))
    assert (len(delivered), sum(delivered.values())) == (28, 39 + 1000 + 81)
    assert {source: sum(result.rows.values()) for source, result in built.landed.items()} == delivered
    assert [result.rejected for result in built.landed.values()] == [0] * 28
    assert built.dbt.query("select * from marts.fct_rejected_row") == []
    assert built.dbt.query("select * from marts.fct_bill_overlap") == []

    staged = dict(built.dbt.query("select source_id, count(*) from staging.stg_focus__cost_and_usage group by 1"))
    # Azure's two datasets tell one bill: its actual file adds a commitment to the amortised rows.
    assert staged == {**delivered, "azure-ea": 29}
    in_marts = sum(staged.values())
    assert built.dbt.value("select count(*) from marts.focus_cost_and_usage") == in_marts
    assert built.dbt.value("select sum(charge_count) from marts.fct_ai_cost_daily") == in_marts


def test_landing_again_lands_nothing(built: Built) -> None:
    for source in built.config.sources.sources:
        again = ingestion.land(source, built.home, as_of=AS_OF, environ={})
        assert (again.snapshots, again.rows) == (0, {}), source.id


@pytest.mark.parametrize("name", EXAMPLES, ids=example_source)
def test_an_example_of_the_specification_sums_to_what_its_text_says(built: Built, billing: Path, name: str) -> None:
    said = EXAMPLES[name]
    expected = (said.rows, Decimal(said.billed), Decimal(said.effective))
    assert totals(example_file(billing, name)) == expected, "the file and the text disagree"
    found = built.dbt.query(
        f"""select count(*), sum(billed_cost), sum(effective_cost), count(distinct billing_currency),
                   min(billing_currency)
            from staging.stg_focus__cost_and_usage where source_id = '{example_source(name)}'"""
    )
    assert found == [(*expected, 1, "USD")]


def test_marts_and_lake_agree_on_every_provider_and_day(built: Built, billing: Path) -> None:
    assert built.dbt.value("select count(*) from marts.fct_reconciliation_daily where not is_reconciled") == 0
    ea = totals_per_day(
        read_csv(billing / "azure-ea" / "EA_ActualCost_Small.csv"),
        read_csv(billing / "azure-ea" / "EA_AmortizedCost_Small.csv"),
    )
    others = [billing / "focus-sample" / "focus_sample.csv"]
    others += [example_file(billing, name) for name in EXAMPLES]
    billed = sum((totals(path)[1] for path in others), Decimal(0)) + sum(day[0] for day in ea.values())
    effective = sum((totals(path)[2] for path in others), Decimal(0)) + sum(day[1] for day in ea.values())
    assert sum(Decimal(said.billed) for said in EXAMPLES.values()) == Decimal("517754.75")
    for mart in ("marts.fct_ai_cost_daily", "marts.focus_cost_and_usage"):
        assert built.dbt.total("billed_cost", mart) == billed
        assert built.dbt.total("effective_cost", mart) == effective
    assert built.dbt.total("mart_billed_cost", "marts.fct_reconciliation_daily") == billed
    assert built.dbt.total("lake_billed_cost", "marts.fct_reconciliation_daily") == billed


def test_the_sample_of_three_clouds_keeps_every_digit(built: Built, billing: Path) -> None:
    expected: dict[str, list[Decimal | None]] = defaultdict(lambda: [None] * 4)
    costs = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    for row in read_csv(billing / "focus-sample" / "focus_sample.csv"):
        known = expected[row["ProviderName"]]
        for number, cost in enumerate(costs):
            if row[cost] != "NULL":  # Oracle says no contracted cost: that is nothing known, and not 0
                known[number] = (known[number] or Decimal(0)) + Decimal(row[cost])
    found = built.dbt.query(
        """select provider_name, sum(billed_cost), sum(effective_cost), sum(list_cost), sum(contracted_cost)
           from staging.stg_focus__cost_and_usage where source_id = 'focus-sample' group by 1"""
    )
    assert {provider: sums for provider, *sums in found} == expected
    assert expected["Oracle"][3] is None


def test_tokens_and_dates_of_the_examples_are_read_as_the_specification_means_them(built: Built) -> None:
    tokens = built.dbt.query(
        """select source_id, sum(pricing_currency_effective_cost), min(pricing_currency), max(pricing_currency)
           from staging.base_focus__cost_and_usage
           where source_id like 'virtual-currency-%' and charge_category = 'Usage' group by 1 order by 1"""
    )
    assert tokens == [
        ("virtual-currency-pricing-model-a2", TOKENS, "Token", "Token"),
        ("virtual-currency-pricing-model-b2", TOKENS, "Token", "Token"),
        ("virtual-currency-pricing-model-b3", TOKENS_MODIFIED, "Token", "Token"),
    ]
    # Licences for a year, invoiced in their first month; and the ones that are invoiced when the year is over.
    assert built.dbt.query(
        """select source_id, cast(charge_period_start as date), cast(charge_period_end as date), billing_period_start
           from staging.stg_focus__cost_and_usage
           where source_id in ('simple-saas-agreements-a2', 'simple-saas-agreements-b') order by 1"""
    ) == [
        ("simple-saas-agreements-a2", date(2025, 4, 1), date(2026, 4, 1), date(2025, 4, 1)),
        ("simple-saas-agreements-b", date(2025, 4, 1), date(2026, 4, 1), date(2026, 3, 1)),
    ]
    assert built.dbt.query(
        """select distinct x_repairs from staging.stg_focus__cost_and_usage
           where source_id like 'commitment-discount-%'"""
    ) == [("BillingCurrency,ProviderName",)]


@pytest.mark.ids("ING-10")
def test_tables_that_are_no_bills_are_refused_with_a_sentence(built: Built, billing: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in REFERENCE_TABLES:
        shutil.copyfile(billing / "azure-open-data" / name, folder / name)
    source = BillFilesSource(id="tables", type="bill_files", url=str(folder))
    with pytest.raises(LandingError) as refused:
        ingestion.land(source, Home(tmp_path / "home"), as_of=AS_OF, environ={})
    for name in REFERENCE_TABLES:
        assert f"{name} is no bill that is known here" in str(refused.value)
