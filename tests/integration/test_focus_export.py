"""The bill as FOCUS files: right by our own checks and by the specification's validator, and faults are found.

The official validator runs where `make focus-validator` could install it and where the specification's rules are
(AIFINOPS_FOCUS_RULES, or focus/validator-rules beside the real data).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

import ingestion
import simulator
from finops.config.bill_sources import AzureExportsSource, SaasSubscriptionsSource
from finops.paths import PROJECT_DIR, Home
from reports.focus.check import FocusReport, check_focus
from reports.focus.export import export_focus
from tests.support.lake_builder import LakeBuilder, run_dbt
from tests.support.landed import AS_OF
from tests.support.model_apis import anthropic_source, land, openai_source, served
from tools.run_focus_validator import ValidatorMissingError, installed, validate

pytestmark = [pytest.mark.xdist_group("focus-export"), pytest.mark.ids("COST-1", "BI-2")]
VERSIONS = ("1.2", "1.4")
DAYS = 21


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The FOCUS marts of a small organisation with a bill of every kind."""
    folder = tmp_path_factory.mktemp("focus-export")
    home = Home(folder / "home")
    LakeBuilder(home).configure(AS_OF, PROJECT_DIR / "config")
    shutil.rmtree(home.lake)  # the real landing makes its own
    simulator.generate(folder / "org", scale=0.05, days=DAYS)
    for source in (
        AzureExportsSource(id="exports", type="azure_exports", url=str(folder / "org" / "azure-exports")),
        SaasSubscriptionsSource(id="saas", type="saas_subscriptions", url=str(folder / "org" / "saas")),
    ):
        assert ingestion.land(source, home, as_of=AS_OF, environ={}).rows
    with served(folder / "apis", AS_OF, days=DAYS) as url:
        reach = {"lookback_days": DAYS, "usage_lookback_days": DAYS}
        land(openai_source(url, **reach), home, AS_OF)
        land(anthropic_source(url, **reach), home, AS_OF)
    result = run_dbt(
        home, "build", "--indirect-selection", "empty", "--select", "+focus_cost_and_usage", "assert_focus_costs_agree"
    )
    assert result.returncode == 0, result.output
    place = folder / "published"
    place.mkdir()
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        connection.execute(
            f"copy marts.focus_cost_and_usage to '{place / 'focus_cost_and_usage.parquet'}' (format parquet)"
        )
    return place


@pytest.fixture(scope="module")
def files(published: Path) -> Mapping[str, Path]:
    """FOCUS version → the export of it."""
    made = {version: published / f"focus-{version}.parquet" for version in VERSIONS}
    for version, file in made.items():
        assert export_focus(published, file, version=version).row_count > 1000
    return made


def errors(report: FocusReport) -> set[tuple[str, str]]:
    return {(finding.column, finding.message) for finding in report.findings if finding.severity == "error"}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_export_of_every_kind_of_bill_has_no_errors(files: Mapping[str, Path], version: str) -> None:
    report = check_focus(files[version], version=version)
    assert errors(report) == set()
    assert report.check_count > 200
    with duckdb.connect() as connection:
        sellers = connection.sql(f"select distinct InvoiceIssuerName from '{files[version]}'").fetchall()
    assert {("Microsoft",), ("OpenAI",), ("Anthropic",), ("GitHub",)} <= set(sellers)


# ── seeded faults ─────────────────────────────────────────────────────────────────────────────────────────────────────

USAGE = "ChargeCategory = 'Usage' and CommitmentDiscountStatus is null and InvoiceIssuerName = 'Microsoft'"
ONE = f"rowid = (select min(rowid) from bill where {USAGE})"
COVERED = "rowid = (select min(rowid) from bill where CommitmentDiscountStatus is not null)"
FAULTS: Mapping[str, str] = {
    "ChargeCategory bogus in one row": f"update bill set ChargeCategory = 'Bogus' where {ONE}",
    "ChargeCategory bogus in all rows": "update bill set ChargeCategory = 'Bogus'",
    "ServiceCategory bogus": f"update bill set ServiceCategory = 'Bogus' where {ONE}",
    "ServiceSubcategory bogus": f"update bill set ServiceSubcategory = 'Bogus' where {ONE}",
    "BillingCurrency ZZZ": f"update bill set BillingCurrency = 'ZZZ' where {ONE}",
    "BilledCost null": f"update bill set BilledCost = null where {ONE}",
    "EffectiveCost null": f"update bill set EffectiveCost = null where {ONE}",
    "ListUnitPrice negative": f"update bill set ListUnitPrice = '-1' where {ONE}",
    "ConsumedUnit null": f"update bill set ConsumedUnit = null where {ONE}",
    "ConsumedQuantity null": f"update bill set ConsumedQuantity = null where {ONE}",
    "SkuPriceId null with SkuPriceDetails": """update bill set SkuPriceId = null
        where rowid = (select min(rowid) from bill where SkuPriceDetails is not null)""",
    "PricingUnit malformed": f"update bill set PricingUnit = '1000000 of Tokens!' where {ONE}",
    "Tags no JSON": f"update bill set Tags = 'team: search' where {ONE}",
    "ServiceName in two categories": f"update bill set ServiceCategory = 'Web' where {ONE}",
    "RegionName null with RegionId": "update bill set RegionName = null where RegionId is not null",
    "ProviderName null": f"update bill set ProviderName = null where {ONE}",
    "column ContractedCost missing": "alter table bill drop column ContractedCost",
    "ChargeClass bogus": f"update bill set ChargeClass = 'Bogus' where {ONE}",
    # What the official validator misses.
    "PricingCategory bogus": f"update bill set PricingCategory = 'Bogus' where {ONE}",
    "ChargeFrequency bogus": f"update bill set ChargeFrequency = 'Bogus' where {ONE}",
    "ListCost off": f"update bill set ListCost = ListCost::decimal(38, 12) + 1 where {ONE}",
    "ContractedCost off": f"update bill set ContractedCost = ContractedCost::decimal(38, 12) + 1 where {ONE}",
    "date-time malformed": f"update bill set ChargePeriodStart = '10/01/2026' where {ONE}",
    "duplicate row": f"insert into bill select * from bill where {ONE}",
    "custom column without x_": "alter table bill add column CostCenter varchar default 'CC-1'",
    "CommitmentDiscountStatus bogus": f"update bill set CommitmentDiscountStatus = 'Bogus' where {COVERED}",
    "ChargePeriodEnd before ChargePeriodStart": f"""update bill set ChargePeriodEnd = '2020-01-01T00:00:00Z'
        where {ONE}""",
}


@pytest.fixture(scope="module")
def clean(files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV export of a thousand rows without a fault; as text, since Parquet's types rule some faults out."""
    file = tmp_path_factory.mktemp("clean") / "focus.csv"
    with duckdb.connect() as connection:
        text = connection.sql(f"select columns(*)::varchar from '{files['1.2']}' limit 0").columns
        moments = [name for name in text if name.endswith(("PeriodStart", "PeriodEnd"))]
        iso = ", ".join(f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') as {name}" for name in moments)
        connection.execute(
            f"""copy (
                    select * replace ({iso}) from '{files["1.2"]}'
                    order by SkuPriceDetails is null, CommitmentDiscountStatus is null, ChargePeriodStart limit 1000
                ) to '{file}' (header)"""
        )
    return file


@pytest.fixture(scope="module")
def unchanged(clean: Path) -> set[tuple[str, str]]:
    return said(clean)


def said(file: Path) -> set[tuple[str, str]]:
    return {(finding.column, finding.message) for finding in check_focus(file, version="1.2").findings}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_known_kind_of_fault_is_found(
    clean: Path, unchanged: set[tuple[str, str]], tmp_path: Path, fault: str
) -> None:
    file = tmp_path / "fault.csv"
    with duckdb.connect() as connection:
        connection.execute(f"create table bill as from read_csv('{clean}', all_varchar = true)")
        connection.execute(FAULTS[fault])
        connection.execute(f"copy bill to '{file}' (header)")
    assert said(file) - unchanged, f"nothing says: {fault}"


# ── the official validator ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def validator() -> Path:
    try:
        return installed(PROJECT_DIR / ".cache")
    except ValidatorMissingError as error:
        pytest.skip(f"{error}; `make focus-validator` installs it where Python 3.12 is")


@pytest.fixture(scope="module")
def rules() -> Path:
    named = os.environ.get("AIFINOPS_FOCUS_RULES")
    folder = Path(named) if named else PROJECT_DIR.parent / "shared" / "focus" / "validator-rules"
    if not (folder / "model-1.4.json").exists():
        pytest.skip(f"no rules of the FOCUS specification in {folder}; set AIFINOPS_FOCUS_RULES to their folder")
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_the_official_validator_finds_nothing_but_its_own_faults(
    files: Mapping[str, Path], validator: Path, rules: Path, version: str
) -> None:
    verdict = validate(validator, files[version], version, rules)
    assert verdict.failed == {}
    assert verdict.rules_checked > 300
    assert all(verdict.allowed.values()), "every excuse has its reason"
