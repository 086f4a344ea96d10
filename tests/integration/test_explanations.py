"""Why an amount is whose it is: from the amount back to the rule, the share and the row of the bill."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from finops.config.tags import TagRule
from finops.paths import Home
from reports.explain import (
    AmountError,
    BillRowError,
    ResourceError,
    explain_resource,
    find_amount,
    read_bill_row,
    read_gaps,
    remedy_of,
)
from tests.support.lake_builder import DbtResult, LakeBuilder, charge, publish_built, run_dbt, span

pytestmark = pytest.mark.xdist_group("explanations")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
DAY = date(2026, 10, 13)
NOON = datetime(2026, 10, 13, 12, 30, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/1/resourceGroups"
GATEWAY = f"{SUBSCRIPTION}/rg-ai/providers/Microsoft.CognitiveServices/accounts/aoai-gateway"
SUPPORT = f"{SUBSCRIPTION}/rg-support/providers/Microsoft.CognitiveServices/accounts/aoai-support"
POOL = "/subscriptions/1/resourceGroups/mc/providers/Microsoft.Compute/virtualMachineScaleSets/aks-gpushow-1-vmss"
OPENAI = {"ServiceName": "Azure OpenAI", "ServiceCategory": "AI and Machine Learning"}
SHOP = f"{SUBSCRIPTION}/rg-shop/providers/Microsoft.Compute/virtualMachines"
LONELY = f"{SUBSCRIPTION}/rg-lonely.old/providers/Microsoft.Compute/virtualMachines/vm-lonely"
runner = CliRunner()


def _charges() -> list[dict[str, str | None]]:
    search = '{"team": "search", "env": "prod"}'
    return [
        charge(DAY, "10", ResourceId=GATEWAY, x_SkuMeterName="gpt 4.1 Inp glbl Tokens", **OPENAI),
        charge(DAY, "0.000000000001", ResourceId=GATEWAY, x_SkuMeterName="gpt 4.1 Inp glbl Tokens", **OPENAI),
        charge(DAY, "-0.000000000007", ResourceId=GATEWAY, ChargeCategory="Credit", **OPENAI),
        # Without telemetry and without a fallback.
        charge(date(2026, 10, 11), "7", ResourceId=GATEWAY, **OPENAI),
        charge(DAY, "24", ResourceId=POOL, x_SkuMeterName="NC24ads A100 v4"),
        # Without samples: the fallback.
        charge(date(2026, 10, 11), "1", ResourceId=POOL, x_SkuMeterName="NC24ads A100 v4"),
        # Not evenly divisible by four teams.
        charge(DAY, "1", EffectiveCost="0.7", ResourceId="/x/searchServices/shared", ServiceName="Azure AI Search"),
        charge(DAY, "0.000000000002", ResourceId="/x/searchServices/shared", ServiceName="Azure AI Search"),
        charge(DAY, "20", ResourceId=SUPPORT, Tags='{"Team": "Support", "app": "ticket-triage"}', **OPENAI),
        # Three of a group: two tagged, one of another team, and one without tags.
        charge(DAY, "4", ResourceId=f"{SHOP}/vm-1", Tags=search),
        charge(DAY, "4", ResourceId=f"{SHOP}/vm-2", Tags=search),
        charge(DAY, "100", ResourceId=f"{SHOP}/vm-3", Tags='{"owner_team": "robotics"}'),
        charge(DAY, "5", ResourceId=f"{SHOP}/vm-4", ResourceName="vm-4", Tags='{"env": "prod"}'),
        charge(date(2026, 9, 25), "2", ResourceId=f"{SHOP}/vm-4", ResourceName="vm-4"),
        charge(date(2026, 9, 20), "1000", ResourceId=f"{SHOP}/vm-4", ResourceName="vm-4"),
        charge(DAY, "6", ResourceId="/x/vm-of-an-app", Tags='[{"key": "app", "value": "vision-train"}]'),
        charge(DAY, "9", ResourceId=LONELY, ResourceName="vm-lonely"),
        charge(date(2026, 10, 9), "1.5", ResourceId="/x/rg-moved/vm"),
        charge(date(2026, 10, 10), "2.5", ResourceId="/x/rg-moved/vm"),
        charge(DAY, "3"),
        # Two charges that say the same, and differ in money only.
        charge(DAY, "0.25", ResourceId="/x/twin", Tags=search),
        charge(DAY, "0.75", ResourceId="/x/twin", Tags=search),
        # Long gone: nobody can tag it any more.
        charge(date(2026, 8, 1), "50", ResourceId="/x/long-gone"),
    ]


def _land(home: Home, rows: list[dict[str, str | None]]) -> None:
    lake = LakeBuilder(home)
    lake.configure(AS_OF)
    lake.snapshot("focus__cost_and_usage", rows, scope="bill.csv")
    rewriter = {"app": "query-rewriter", "resource_id": GATEWAY.lower()}
    triage = {"app": "ticket-triage", "team": "support", "resource_id": GATEWAY.lower()}
    spans = [
        span(NOON, 1, **rewriter, input_tokens=2000, output_tokens=0),
        span(NOON, 2, **triage, input_tokens=1000, output_tokens=0),
    ]
    lake.snapshot("otel__genai_span", spans, scope="spans.jsonl")
    node = "aks-gpushow-1-vmss000000"
    sample = {"source_id": "p", "step_seconds": 3600, "node": node, "gpu_uuid": f"GPU-{node}", "gpu_model": "A100"}
    samples = [
        {
            **sample,
            "sampled_at": datetime(2026, 10, 13, hour, tzinfo=UTC),
            "namespace": namespace,
            "pod": namespace and "pod-1",
            "duty_cycle_ratio": 0.5,
            "requested_at": AS_OF,
        }
        for hour, namespace in ((1, "search--query-rewriter"), (2, None), (3, None), (4, None))
    ]
    lake.load({"prometheus__gpu_sample": samples})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    place = Home(tmp_path_factory.mktemp("why"))
    _land(place, _charges())
    built = run_dbt(place, "build", "--indirect-selection", "cautious", "--select", *(f"+{mart}" for mart in _BUILT))
    assert built.returncode == 0, built.output
    publish_built(place, *_READ, version="first")
    return place


_READ = ("fct_allocated_charge", "fct_tag_gap", "fct_ai_cost_daily")
_BUILT = (*_READ, "fct_allocation_coverage_monthly")


@pytest.fixture(scope="module")
def built(home: Home) -> DbtResult:
    return DbtResult(0, "", home.warehouse)


def _said(home: Home, *words: str, code: int = 0) -> str:
    done = runner.invoke(app, [*words, "--home", str(home.path)], env={"COLUMNS": "220", "AIFINOPS_LAKE": ""})
    assert done.exit_code == code, done.output
    return done.output.replace("\N{NO-BREAK SPACE}", " ")


def _id(built: DbtResult, condition: str) -> str:
    return str(built.value(f"select allocation_id from marts.fct_allocated_charge where {condition}"))


# ── every amount has its charge, its rule and its row ────────────────────────────────────────────────────────────────


@pytest.mark.ids("ALLOC-2", "ALLOC-3")
def test_the_parts_of_every_charge_sum_to_it(built: DbtResult) -> None:
    rows = built.query(
        "select charge_id, sum(billed_cost), sum(effective_cost), min(charge_billed_cost), min(charge_effective_cost), "
        "count(*) from marts.fct_allocated_charge group by 1"
    )
    assert len(rows) == len(_charges())
    assert all(row[1:3] == row[3:5] for row in rows)
    assert max(row[5] for row in rows) == 4, "one charge is split among four teams"
    billed = sum(Decimal(row["BilledCost"] or 0) for row in _charges())
    assert built.total("billed_cost", "marts.fct_allocated_charge") == billed


@pytest.mark.ids("ALLOC-3")
def test_every_amount_leads_to_the_row_of_the_bill(home: Home, built: DbtResult) -> None:
    rows = built.query("select load_file, load_row, charge_billed_cost, resource_id from marts.fct_allocated_charge")
    assert len(rows) > len(_charges())
    for file, number, billed, resource in rows:
        found = read_bill_row(home.lake, file, number)
        assert found.table == "focus__cost_and_usage"
        assert Decimal(found.values["BilledCost"]) == billed
        assert (found.values.get("ResourceId") or "").lower() == (resource or "")
        assert found.place == f"row {number + 1} of bill.csv"
    with pytest.raises(BillRowError, match="cleaned since the run"):
        read_bill_row(home.lake, "1.2.parquet", 0)
    with pytest.raises(BillRowError, match="has no row 999"):
        read_bill_row(home.lake, rows[0][0], 999)
    with pytest.raises(BillRowError, match="number 3, from 0"):
        read_bill_row("az://lake", rows[0][0], 3)


@pytest.mark.long
@pytest.mark.ids("ALLOC-3")
def test_an_id_outlives_another_delivery_of_the_same_month(built: DbtResult, tmp_path: Path) -> None:
    again = Home(tmp_path)
    _land(again, [charge(DAY, "8", ResourceId="/x/new"), *reversed(_charges())])
    result = run_dbt(again, "run", "--select", "+fct_allocated_charge")
    assert result.returncode == 0, result.output
    asked = "select allocation_id, resource_id, usage_date, team, billed_cost from marts.fct_allocated_charge"
    before, after = set(built.query(asked)), set(result.query(asked))
    assert before < after, "the same ids for the same amounts, whatever the order of the rows"
    assert {row[1] for row in after - before} == {"/x/new"}
    charges = "select distinct charge_id from marts.fct_allocated_charge"
    assert set(built.query(charges)) != set(result.query(charges)), "the rows of the lake are others"


@pytest.mark.long
@pytest.mark.ids("ALLOC-3")
@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (
            "update intermediate.int_cost__union set billed_cost = billed_cost + 0.000000000001 "
            "where attribution_method = 'unmatched'",
            "totals differ",
        ),
        ("delete from intermediate.int_cost__union where target_number = 2", "do not sum"),
    ],
)
def test_a_lost_unit_fails_the_run(home: Home, tmp_path: Path, damage: str, complaint: str) -> None:
    copy = Home(tmp_path / "copy")
    shutil.copytree(home.path, copy.path, symlinks=True, ignore=shutil.ignore_patterns("dbt"))
    with duckdb.connect(str(copy.warehouse)) as connection:
        connection.execute(damage)
    tested = run_dbt(copy, "test", "--select", "assert_allocated_charges_are_whole", "--store-failures")
    assert tested.returncode == 1, tested.output
    with duckdb.connect(str(copy.warehouse), read_only=True) as connection:
        schema, table = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_name like 'assert_allocated%'"
        ).fetchall()[0]
        problems = {row[0] for row in connection.execute(f'select problem from "{schema}"."{table}"').fetchall()}
    assert any(complaint in problem for problem in problems), problems


@pytest.mark.ids("ALLOC-3", "ING-4")
def test_parts_are_told_in_the_columns_of_focus(built: DbtResult) -> None:
    rows = built.query(
        "select charge_id, attribution_method, allocated_method_id, allocated_method_details, allocated_resource_id, "
        "allocated_resource_name, allocated_tags, team, app, is_idle, share from marts.fct_allocated_charge"
    )
    targets: dict[str, list[str]] = defaultdict(list)
    for charge_id, method, method_id, details, resource, name, tags, team, of_app, _, share in rows:
        if method in ("direct", "unallocated", "unmatched"):
            assert (method_id, details, resource, name, tags) == (None,) * 5
            continue
        (element,) = json.loads(details)["Elements"]
        assert Decimal(str(element["AllocatedRatio"])) == share
        assert element["UsageUnit"]
        assert element["UsageQuantity"] > 0
        assert json.loads(tags) == {"aifinops/team": team} | ({"aifinops/app": of_app} if of_app else {})
        assert name
        targets[charge_id].append(resource)
    assert len(targets) == 7
    assert all(len(set(names)) == len(names) for names in targets.values())
    assert {row[2] for row in rows if row[2]} == {
        "gateway/usage_cost", "gpu-shown/gpu_seconds", "gpu-shown/fixed", "vectors/even",
    }  # fmt: skip
    assert {row[4] for row in rows if row[9]} == {"platform/idle"}


# ── aifinops explain ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ALLOC-3")
def test_a_part_of_a_shared_charge_is_told_with_its_driver(home: Home, built: DbtResult) -> None:
    asked = _id(built, "resource_id like '%aoai-gateway' and app = 'ticket-triage' and charge_billed_cost = 10")
    said = _said(home, "explain", asked[:10])
    assert "USD 3.333333333333 of 13 Oct 2026 belongs to support, app ticket-triage" in said
    assert "business unit commerce, cost centre CC-2" in said
    assert "the pool gateway of allocation.yml splits it by what each one's calls cost" in said
    assert "0.001 of 0.003, a share of 33.33%; 2 of them share it" in said
    assert "10 × 0.001 ÷ 0.003 is 3.333333333333 after rounding down by 3.3E-13" in said
    assert re.search(r"query-rewriter \(search\)\s+0\.002\s+66\.67%\s+USD 6\.666666666667", said)
    assert "2 parts, together USD 10: the charge, to the last digit" in said
    assert "row 1 of bill.csv" in said
    assert re.search(r"x_SkuMeterName\s+gpt 4.1 Inp glbl Tokens", said)
    assert re.search(rf"ResourceId\s+{re.escape(GATEWAY)}", said), "as the bill writes it"


@pytest.mark.ids("ALLOC-3")
@pytest.mark.parametrize(
    ("condition", "sentences"),
    [
        (
            "resource_id like '%aoai-support'",
            ["USD 20 of 13 Oct 2026 belongs to support", "rule team-tag of tags.yml found the tag team = 'Support'"],
        ),
        (
            "resource_id = '/x/vm-of-an-app'",
            ["found the tag app = 'vision-train', which names the app", "vision-train belongs to robotics"],
        ),
        (
            "resource_id = '/x/rg-moved/vm' and usage_date = '2026-10-09'",
            ["The rule moved-before of tags.yml found '/rg-moved/' in the resource id '/x/rg-moved/vm'"],
        ),
        (
            "attribution_method = 'unmatched'",
            ["belongs to nobody", "the pool gateway of allocation.yml. Nothing was measured on this day", "a fallback"],
        ),
        (
            "is_idle",
            ["USD 18 of 13 Oct 2026 belongs to platform, as idle capacity", "10,800 s of 14,400 s, a share of 75.00%"],
        ),
        ("is_fallback and team = 'robotics'", ["That is the pool's fallback", "2 of 3"]),
        (
            "resource_id = '/x/searchservices/shared' and charge_billed_cost = 1 and team = 'search'",
            [
                "USD 0.175 of",
                "equal parts (even)",
                "4 of them share it",
                "without rounding",
                "0.7 effective cost, USD 1 b",
            ],
        ),
        ("resource_id is null", ["belongs to nobody", "No rule of tags.yml gives it a team", "the bill names none"]),
    ],
)
def test_every_kind_of_amount_is_told(home: Home, built: DbtResult, condition: str, sentences: list[str]) -> None:
    said = _said(home, "explain", _id(built, condition))
    for sentence in sentences:
        assert sentence in said


@pytest.mark.ids("ALLOC-3")
def test_a_teams_amounts_of_a_day_are_listed_with_ids_that_work(home: Home, built: DbtResult) -> None:
    said = _said(home, "explain", "--team", "Search", "--day", str(DAY), "--top", "3")
    reported = f"marts.fct_ai_cost_daily where team = 'search' and usage_date = '{DAY}'"
    whole = built.total("effective_cost", reported)
    assert f"search has USD {whole.normalize():f} on 13 Oct 2026" in said
    listed = re.findall(r"^([0-9a-f]{12})\s+USD ([0-9.]+)", said, re.MULTILINE)
    assert [amount for _, amount in listed] == ["6.666666666667", "6", "4"]
    assert find_amount(home.published, listed[0][0]).app == "query-rewriter"
    one = _said(home, "explain", "--team", "search", "--app", "query-rewriter")
    assert "search, app query-rewriter, has" in one
    assert "vm-1" not in one


@pytest.mark.ids("ALLOC-3")
@pytest.mark.parametrize(
    ("words", "help_"),
    [
        (["ffffffff"], "no amount has the id 'ffffffff'.*aifinops explain --team TEAM --day DAY"),
        (["xyz"], "'xyz' is no id of an amount"),
        ([], "write the id of an amount, or --team TEAM"),
        (["abcd", "--team", "search"], "write the id of an amount, or --team TEAM"),
        (["abcd", "--day", "2026-10-13"], "add --team TEAM"),
        (["--team", "serch"], "nothing of team 'serch'. Teams near it: search"),
        (["--team", "search", "--day", "2020-01-01"], "between 2026-10-0?9 and 2026-10-13|choose a day in between"),
        (["--team", "search", "--app", "rewriter"], "nothing of app 'rewriter' of team 'search'"),
    ],
)
def test_what_cannot_be_explained_says_what_to_do(home: Home, words: list[str], help_: str) -> None:
    assert re.search(help_, _said(home, "explain", *words, code=1))


@pytest.mark.ids("ALLOC-3")
def test_a_prefix_of_several_ids_lists_them(home: Home, tmp_path: Path) -> None:
    alike = Home(tmp_path)
    alike.published.mkdir()
    source = home.published / "fct_allocated_charge.parquet"
    duckdb.execute(
        f"copy (select * replace ('abcd' || left(allocation_id, 28) as allocation_id) from read_parquet('{source}')) "
        f"to '{alike.published / source.name}'"
    )
    with pytest.raises(AmountError, match=r"several ids begin with 'abcd'; write more of one: abcd\w{28}, abcd"):
        find_amount(alike.published, "abcd")


@pytest.mark.ids("ALLOC-3")
def test_a_lake_that_is_elsewhere_leaves_the_rest_of_the_story(home: Home, built: DbtResult) -> None:
    asked = _id(built, "resource_id like '%aoai-support'")
    done = runner.invoke(
        app, ["explain", asked, "--home", str(home.path)], env={"COLUMNS": "220", "AIFINOPS_LAKE": "az://c/lake"}
    )
    assert done.exit_code == 0
    assert "The rule team-tag" in done.output
    assert "It cannot be shown: the lake is at az://c/lake" in done.output


# ── aifinops tags explain ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ALLOC-1", "ALLOC-3", "ALLOC-4")
def test_the_explanation_of_every_resource_agrees_with_its_owner(home: Home, built: DbtResult) -> None:
    """The first rule that matched and holds is found here from the trials, and by dbt in int_focus__owner."""
    asked = built.query(
        "select distinct resource_id, usage_date from intermediate.int_focus__tagged where resource_id is not null"
    )
    assert len(asked) > 15
    decided = 0
    for resource, day in asked:
        (one,) = explain_resource(home.warehouse, resource, day=day).sets
        results: Mapping[str, Any] = {result.dimension: result for result in one.results}
        winners = {trial.dimension: trial for trial in one.trials if trial.outcome == "decides"}
        for dimension, winner in winners.items():
            assert results[dimension].value.lower() == str(winner.value).lower(), (resource, dimension)
            assert f"rule {winner.rule_id}" in results[dimension].source
            decided += 1
        for dimension in ("app", "project", "environment", "owner"):
            assert (results[dimension].value is None) == (dimension not in winners)
        owners = built.query(
            "select distinct team, app, environment, business_unit, cost_center from marts.fct_allocated_charge "
            f"where resource_id = '{resource}' and usage_date = '{day}' and pool_id is null"
        )
        names = ("team", "app", "environment", "business_unit", "cost_center")
        assert owners in ([], [tuple(results[name].value for name in names)])
    assert decided >= 10


@pytest.mark.ids("ALLOC-4")
def test_each_rule_says_what_came_of_it(home: Home) -> None:
    moved = explain_resource(home.warehouse, "rg-moved", day=date(2026, 10, 9))
    of_team = [trial for trial in moved.sets[0].trials if trial.dimension == "team"]
    trials = {trial.rule_id: trial for trial in of_team if trial.match != "tag"}
    assert [(name, trial.outcome) for name, trial in trials.items()] == [
        ("moved-before", "decides"), ("moved-since", "not_valid"), ("lab-namespaces", "not_applicable"),
    ]  # fmt: skip
    assert "holds from 2026-10-10 on" in trials["moved-since"].because
    later = explain_resource(home.warehouse, "rg-moved", day=None)
    assert (later.day, later.sets[0].results[0].value) == (date(2026, 10, 10), "support")

    (tagged,) = explain_resource(home.warehouse, "vm-3", day=None).sets
    tags = [trial for trial in tagged.trials if trial.match == "tag"]
    assert [(trial.tag_key, trial.outcome, trial.value) for trial in tags if trial.dimension == "team"] == [
        ("team", "nothing_there", None), ("owner_team", "decides", "robotics"),
    ]  # fmt: skip

    said = _said(home, "tags", "explain", "aoai-support")
    assert "tag team = 'Support'" in said
    assert re.search(r"team\s+support\s+rule team-tag, which says 'Support'", said)
    assert re.search(r"cost_center\s+CC-2\s+the team: tags.yml's entry of support", said)
    said = _said(home, "tags", "explain", "vm-of-an-app")
    assert re.search(r"team\s+robotics\s+the app: tags.yml says that vision-train belongs to robotics", said)
    assert "It is shared: the pool gateway" in _said(home, "tags", "explain", "aoai-gateway")


@pytest.mark.long
@pytest.mark.ids("ALLOC-4")
def test_a_rule_that_comes_later_is_beaten(tmp_path: Path) -> None:
    place = Home(tmp_path)
    lake = LakeBuilder(place)
    lake.configure(AS_OF)
    tags = '{"team": "search"}'
    lake.snapshot("focus__cost_and_usage", [charge(DAY, "1", ResourceId="/x/rg-moved/vm", Tags=tags)], scope="bill.csv")
    result = run_dbt(place, "run", "--select", "+int_focus__tagged")
    assert result.returncode == 0, result.output
    (one,) = explain_resource(place.warehouse, "/x/rg-moved/vm", day=DAY).sets
    (beaten,) = [trial for trial in one.trials if trial.outcome == "beaten"]
    assert (beaten.rule_id, beaten.value) == ("moved-since", "support")
    assert "but team-tag comes first" in beaten.because
    assert one.results[0].value == "search"
    assert result.query("select team from intermediate.int_focus__tagged") == [("search",)]


@pytest.mark.ids("ALLOC-4")
def test_a_resource_that_cannot_be_explained_says_what_to_do(home: Home) -> None:
    assert "4 resources have 'rg-shop'" in _said(home, "tags", "explain", "rg-shop", code=1)
    assert "no resource with 'lonley'" in (missed := _said(home, "tags", "explain", "lonley", code=1))
    assert "vm-lonely" in missed
    other_day = _said(home, "tags", "explain", "lonely", "--day", "2026-10-01", code=1)
    assert "between 2026-10-13 and 2026-10-13" in other_day


@pytest.mark.ids("ALLOC-4", "OPS-1")
def test_while_a_run_writes_the_warehouse_the_question_is_to_be_asked_again(home: Home) -> None:
    code = f"import duckdb; connection = duckdb.connect({str(home.warehouse)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        with pytest.raises(ResourceError, match=r"a run is writing .*: ask again when it is done"):
            explain_resource(home.warehouse, "lonely", day=None)
        writer.communicate("\n")
    assert explain_resource(home.warehouse, "lonely", day=None).day == DAY


# ── aifinops tags gaps ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.ids("ALLOC-4")
def test_gaps_are_what_no_tag_owns_by_money(home: Home) -> None:
    gaps = read_gaps(home.published)
    shown = [
        (gap.name, gap.gap_kind, gap.team, gap.cost_of_last_30_days, gap.cost_of_open_month, gap.suggested_team)
        for gap in gaps
    ]
    assert shown == [
        ("vm-lonely", "no_owner", None, Decimal(9), Decimal(9), None),
        # 20 September is the 31st day before: not counted.
        ("vm-4", "no_owner", None, Decimal(7), Decimal(5), "search"),
        ("vm-of-an-app", "by_app", "robotics", Decimal(6), Decimal(6), "robotics"),
        ("vm", "by_name", "support", Decimal(4), Decimal(4), "support"),
        ("charges of Virtual Machines without a resource", "no_owner", None, Decimal(3), Decimal(3), None),
    ]
    assert [gap.gap_rank for gap in gaps] == [1, 2, 3, 4, 5]
    assert gaps[1].missing == ("app", "owner", "team"), "its environment is tagged"


@pytest.mark.ids("ALLOC-4")
def test_each_gap_comes_with_the_text_that_closes_it(home: Home) -> None:
    gaps = {gap.name: gap for gap in read_gaps(home.published)}
    tag = remedy_of(gaps["vm-4"])
    assert tag.text == (f"az tag update --operation Merge --resource-id {SHOP.lower()}/vm-4 --tags team=search"), (
        "two of three siblings, although the third costs more"
    )
    assert tag.why == "2 of 3 tagged resources of rg-shop are search's"

    for name in ("vm-lonely", "charges of Virtual Machines without a resource"):
        remedy = remedy_of(gaps[name])
        assert remedy.kind == "rule"
        assert "put its name for TEAM" in remedy.why
        (entry,) = yaml.safe_load("rules:\n" + remedy.text)["rules"]
        rule = TagRule.model_validate(entry)
        looked_at = {"resource_id": gaps[name].resource_id, "service_name": gaps[name].service_name}[rule.match]
        matches = "select regexp_matches(?, ?, 'i'), regexp_matches(?, ?, 'i')"
        other = LONELY.lower().replace("lonely.old", "lonely-old") if rule.match == "resource_id" else "Storage"
        assert duckdb.execute(matches, [looked_at, rule.pattern, other, rule.pattern]).fetchone() == (True, False)
    by_name = remedy_of(gaps["vm"])
    assert by_name.why == "a rule gives it to support; set the tag team=support with Microsoft's own tools"


@pytest.mark.ids("ALLOC-4")
def test_gaps_are_shown_and_written(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "gaps.csv"
    said = _said(home, "tags", "gaps", "--top", "2", "--csv", str(file))
    assert "USD 19.00 of the last 30 days is nobody's, USD 10.00 has no tag of its own" in said
    assert "--tags team=search" in said
    assert 'pattern: "/resourcegroups/rg-lonely\\\\.old/", value: TEAM}' in said
    with file.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    assert [row["gap_rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert sum(Decimal(row["cost_of_last_30_days"]) for row in rows) == 29
    assert rows[1]["remedy"].startswith("az tag update")
    assert "cannot be written" in _said(home, "tags", "gaps", "--csv", str(tmp_path / "no" / "gaps.csv"), code=1)


@pytest.mark.ids("ALLOC-4")
def test_coverage_tells_tagged_named_and_shared_cost_apart(built: DbtResult) -> None:
    rows = built.query(
        "select scope_type, scope_value, attributed_cost, tagged_cost, named_cost, allocated_cost, resource_count, "
        "tagged_resource_count from marts.fct_allocation_coverage_monthly where billing_period_start = '2026-10-01'"
    )
    assert rows
    assert all(owned == tagged + named + shared for _, _, owned, tagged, named, shared, _, _ in rows)
    support = next(row for row in rows if row[:2] == ("team", "support"))
    assert support[3] == 20
    assert support[5] > 3
    assert support[6:] == (1, 1)
