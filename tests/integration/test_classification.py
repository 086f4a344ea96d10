"""What counts as AI spend, and of which kind, by the shipped rules: on real bills, and on a row of every kind."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops.paths import PROJECT_DIR, Home
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, run_dbt

pytestmark = pytest.mark.xdist_group("classification")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
DAY = date(2026, 10, 13)
BILL = "focus__cost_and_usage"
AI = {"ServiceCategory": "AI and Machine Learning"}
OPENAI = {**AI, "ServiceName": "Azure OpenAI", "ResourceId": "/x/microsoft.cognitiveservices/accounts/a"}
ML = {**AI, "ServiceName": "Azure Machine Learning"}
DEV = {"Tags": '{"environment": "dev"}'}

# fmt: off
KINDS = [
    ("inference", "azure-openai", {**OPENAI, "x_SkuMeterName": "gpt 4.1 Inp glbl 1M Tokens"}),
    ("experimentation", "experiments-on-models", {**OPENAI, **DEV, "x_SkuMeterName": "gpt 4.1 Inp glbl 1M Tokens"}),
    ("provisioned_capacity", "provisioned-throughput", {**OPENAI, "x_SkuMeterName": "Provisioned Managed Global Unit"}),
    ("fine_tuning", "fine-tuning", {**OPENAI, "x_SkuMeterName": "gpt 4.1 FT training glbl"}),
    ("training", "ml-training", {**ML, "ChargeDescription": "Virtual Machines NCads A100 v4"}),
    ("inference", "ml-endpoints", {**AI, "ServiceName": "Amazon SageMaker", "ChargeDescription": "ml.g5 Hosting"}),
    ("experimentation", "ml-notebooks", {**ML, "Tags": '{"ComputeType": "Compute Instance"}'}),
    ("egress", "ai-egress", {**ML, "ChargeDescription": "Bandwidth - Standard Data Transfer Out"}),
    ("data_storage", "ai-storage", {**ML, "ChargeDescription": "Premium SSD Managed Disks - P6"}),
    ("data_storage", "ai-data-by-tag", {"ServiceCategory": "Storage", "Tags": '{"Workload": "ml"}'}),
    ("gpu_compute", "gpu-virtual-machines", {"x_SkuMeterName": "NC24ads A100 v4"}),
    ("experimentation", "experiments-on-gpus", {"x_SkuMeterName": "NC24ads A100 v4", **DEV}),
    ("gpu_compute", "gpu-instances-aws", {"ChargeDescription": "$98.32 per On Demand Linux p5.48xlarge Instance Hour"}),
    ("gpu_compute", "gpu-google", {"ProviderName": "Google Cloud", "ChargeDescription": "Nvidia H100 GPU running"}),
    ("vector_store", "vector-search", {"ServiceName": "Azure AI Search"}),
    ("labelling", "labelling", {**AI, "ServiceName": "Contoso Labelling"}),
    ("monitoring", "model-monitoring", {"ServiceName": "Langfuse"}),
    ("saas", "assistants", {"ServiceName": "GitHub Copilot"}),
    ("inference", "bedrock-vertex", {"ServiceName": "Amazon Bedrock", "ProviderName": "AWS"}),
    ("other_ai", "ai-services-aws", {"ServiceName": "Amazon Textract", "ProviderName": "AWS"}),
    ("other_ai", "other-ai", {**AI, "ServiceName": "Something New"}),
    (None, None, {"ServiceName": "Cosmos DB", "x_SkuMeterName": "Autoscale provisioned throughput"}),
    (None, None, {"x_SkuMeterName": "D4s v4", "ServiceName": "Virtual Machines"}),
    (None, None, {"ServiceName": "API Management", "ResourceId": "/x/rg-ai-gateway/apim", "BilledCost": "21"}),
]
# fmt: on


def _day(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)


def _azure_ea(path: Path) -> list[dict[str, str | None]]:
    """Rows of an enterprise agreement's cost file under FOCUS's names, as far as the rules look at them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {
            **charge(_day(row["Date"]), row["Cost"]),
            "ServiceName": row["MeterCategory"], "x_SkuMeterName": row["MeterName"], "ResourceId": row["ResourceId"],
            "ChargeDescription": row["Product"], "Tags": row["Tags"], "ServiceCategory": row["ServiceFamily"],
        }
        for row in rows
    ]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> DbtResult:
    home = Home(tmp_path_factory.mktemp("classification"))
    lake = LakeBuilder(home)
    lake.configure(AS_OF, PROJECT_DIR / "config")
    rows = [{**charge(DAY, "0", SkuId=f"case-{number}"), **columns} for number, (*_, columns) in enumerate(KINDS)]
    lake.snapshot(BILL, rows, scope="kinds", source_id="kinds")
    sample = real_data / "billing" / "focus-sample" / "focus_sample.csv"
    with sample.open(encoding="utf-8", newline="") as file:
        real = [{name: value for name, value in row.items() if name != "Id"} for row in csv.DictReader(file)]
    lake.snapshot(BILL, real, scope="sample", source_id="sample")
    lake.snapshot(
        BILL, _azure_ea(real_data / "billing" / "azure-ea" / "EA_ActualCost_Small.csv"), scope="ea", source_id="ea"
    )
    result = run_dbt(home, "run", "--select", "+int_focus__tagged +fct_unclassified_ai_candidate")
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("COST-3")
def test_every_kind_is_told_by_the_rule_meant_for_it(built: DbtResult) -> None:
    found = {
        sku: (category, rule, is_ai)
        for sku, category, rule, is_ai in built.query(
            "select charges.sku_id, tagged.ai_category, tagged.ai_category_rule, tagged.is_ai "
            "from intermediate.int_focus__tagged as tagged "
            "join staging.stg_focus__cost_and_usage as charges on tagged.charge_id = charges.charge_id "
            "where tagged.source_id = 'kinds'"
        )
    }
    for number, (category, rule, _) in enumerate(KINDS):
        assert found[f"case-{number}"] == (category, rule, category is not None), KINDS[number]


@pytest.mark.ids("COST-3", "ING-4")
def test_a_real_bill_of_three_providers(built: DbtResult) -> None:
    rows = built.query(
        "select ai_category, ai_category_rule, service_name, count(*) from intermediate.int_focus__tagged "
        "where source_id = 'sample' group by all order by all"
    )
    ai = [row for row in rows if row[0] is not None]
    # GPU instances of a development environment are experiments; a workspace's disks and traffic are what they are.
    assert {(category, rule) for category, rule, _, _ in ai} == {
        ("experimentation", "experiments-on-gpus-aws"),
        ("experimentation", "ml-notebooks"),
        ("egress", "ai-egress"),
        ("data_storage", "ai-storage"),
    }
    assert {service for _, _, service, _ in ai} == {"Azure Machine Learning", "Amazon Elastic Compute Cloud"}
    assert sum(count for *_, count in rows) == 1000
    assert 10 < sum(row[3] for row in ai) < 30, "a cloud's bill is mostly no AI spend"


@pytest.mark.ids("COST-3")
def test_a_real_enterprise_agreement_has_no_ai_spend_but_something_that_looks_like_it(built: DbtResult) -> None:
    assert built.value("select count(*) from intermediate.int_focus__tagged where source_id = 'ea' and is_ai") == 0
    assert built.value("select count(*) from intermediate.int_focus__tagged where source_id = 'ea'") > 5
    # The storage of a Databricks workspace: somebody should say whether that is AI.
    assert built.query(
        "select candidate_id, service_name from marts.fct_unclassified_ai_candidate "
        "where resource_id like '%databricks%'"
    ) == [("ai-service", "Storage")]


@pytest.mark.ids("COST-3")
def test_what_looks_like_ai_and_has_no_rule_is_listed_with_its_money(built: DbtResult) -> None:
    assert built.query(
        "select service_name, candidate_id, billed_cost from marts.fct_unclassified_ai_candidate "
        f"where billing_period_start = '{DAY.replace(day=1)}'"
    ) == [("API Management", "ai-word", Decimal(21))]
