"""The golden suite: documented usage objects, through the extractor and the pricing in Python, through files, lake and
SQL, and against another package's opinion."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

import ingestion
from finops.config import load_configuration
from finops.config.tables import write_tables
from finops.config.usage_sources import UsageFilesSource
from finops.paths import Home
from finops.pricing import Price, Usage, price_counts
from finops.tokens import INPUT_CLASSES, TokenClass, TokenCounts
from finops.usage_payload import UsagePayloadError, read_usage
from tests.support.lake_builder import DbtResult, LakeBuilder, run_dbt, write_config

pytestmark = pytest.mark.xdist_group("price-golden")

GOLDEN = Path(__file__).parent.parent / "golden"
DOCUMENT: dict[str, Any] = json.loads((GOLDEN / "usage.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = DOCUMENT["cases"]
DAY = date.fromisoformat(DOCUMENT["day"])
AS_OF = datetime(2026, 10, 17, tzinfo=UTC)


def _book() -> list[Price]:
    return [
        Price(
            provider=price["provider"],
            model=price["model"],
            token_class=TokenClass(token_class),
            price_per_1m_tokens=Decimal(amount),
            price_source="config",
            price_id=f"{price['provider']}/{price['model']}/{token_class}",
            valid_from=date(2024, 1, 1),
            service_tier=price["service_tier"],
            min_input_tokens=price["min_input_tokens"],
        )
        for price in DOCUMENT["prices"]
        for token_class, amount in price["per_1m_tokens"].items()
    ]


BOOK = _book()


def test_the_suite_is_whole() -> None:
    assert len(CASES) >= 150
    ids = [case["id"] for case in (*CASES, *DOCUMENT["errors"])]
    assert len(ids) == len(set(ids))
    assert all(case["source"].startswith("https://") and case["kind"] for case in CASES)
    providers = {case["provider"] for case in CASES}
    assert {"openai", "azure.ai.openai", "anthropic", "gcp.gemini", "gcp.vertex_ai", "aws.bedrock"} < providers
    claude = {name for case in CASES if case["provider"] == "anthropic" for name in case["tokens"]}
    assert {"input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output"} <= claude


@pytest.mark.ids("COST-2", "UNIT-2")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_python_reads_and_prices_as_documented(case: dict[str, Any]) -> None:
    found = read_usage(json.dumps(case["payload"]))
    assert {name.value: count for name, count in found.counts.by_class().items() if count} == case["tokens"]
    if not case.get("tier_is_told_apart"):
        assert (found.service_tier or "standard") == case["service_tier"]
    usage = Usage(
        case["provider"],
        case["model"],
        DAY,
        service_tier=case["service_tier"],
        input_tokens_in_request=sum(case["tokens"].get(name, 0) for name in INPUT_CLASSES),
    )
    priced = price_counts(BOOK, usage, TokenCounts(**case["tokens"]))
    assert priced.unpriced == ()
    assert priced.total == Decimal(case["cost"])


@pytest.mark.ids("COST-2", "ING-10")
@pytest.mark.parametrize("case", DOCUMENT["errors"], ids=lambda case: case["id"])
def test_what_cannot_be_true_is_refused_in_words(case: dict[str, Any]) -> None:
    payload = case["payload"]
    with pytest.raises(UsagePayloadError, match=case["error"]):
        read_usage(payload if isinstance(payload, str) else json.dumps(payload))


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> DbtResult:
    """One log of all cases, landed through its mapping and priced by dbt from a prices.yml of the documented prices."""
    folder = tmp_path_factory.mktemp("golden")
    home = Home(folder / "home")
    LakeBuilder(home)
    config = write_config(folder / "config")
    aliases: dict[tuple[str, str], set[str]] = defaultdict(set)
    for case in CASES:
        if case["reported_model"] != case["model"]:
            aliases[case["provider"], case["model"]].add(case["reported_model"])
    models = [
        {**price, "valid_from": "2024-01-01", "aliases": sorted(aliases[price["provider"], price["model"]])}
        for price in DOCUMENT["prices"]
    ]
    (config / "prices.yml").write_text(yaml.safe_dump({"models": models}), encoding="utf-8")
    write_tables(load_configuration(config), home.config_tables, AS_OF)
    log, mapping = folder / "log.jsonl", folder / "mapping.yml"
    with log.open("w", encoding="utf-8") as file:
        for case in (*CASES, *({**error, "provider": "openai", "reported_model": "m"} for error in DOCUMENT["errors"])):
            row = {
                "at": f"{DAY}T12:00:00Z",
                "provider": case["provider"],
                "model": case["reported_model"],
                "case": case["id"],
                "answer": case["payload"],
                "tier": case["service_tier"] if case.get("tier_is_told_apart") else None,
            }
            file.write(json.dumps(row) + "\n")
    columns = {
        "usage_at": "at", "provider_name": "provider", "model": "model", "feature": "case", "usage_json": "answer",
        "service_tier": "tier",
    }  # fmt: skip
    mapping.write_text(yaml.safe_dump({"columns": columns}), encoding="utf-8")
    source = UsageFilesSource(id="log", type="usage_files", url=str(log), mapping=str(mapping))
    landed = ingestion.land(source, home, as_of=AS_OF, environ={})
    assert landed.rows == {"usage__record": len(CASES)}
    assert landed.rejected == len(DOCUMENT["errors"])
    result = run_dbt(home, "run", "--quiet", "--select", "+fct_usage_cost_hourly", "+fct_rejected_row")
    assert result.returncode == 0, result.output
    return result


@pytest.mark.ids("COST-2", "UNIT-2", "ING-3")
def test_sql_reads_and_prices_as_documented(priced: DbtResult) -> None:
    tokens: dict[str, dict[str, int]] = defaultdict(dict)
    costs: dict[str, Decimal] = defaultdict(Decimal)
    for feature, token_class, count, cost, status in priced.query(
        "select feature, token_class, tokens, estimated_cost, price_status from marts.fct_usage_cost_hourly"
    ):
        if count:
            tokens[feature][token_class] = count
            assert status == "priced", (feature, token_class)
            costs[feature] += cost
    wrong = [
        f"{case['id']}: {tokens[case['id']]} for {costs[case['id']]}, not {case['tokens']} for {case['cost']}"
        for case in CASES
        if tokens[case["id"]] != case["tokens"] or costs[case["id"]] != Decimal(case["cost"])
    ]
    assert not wrong, "\n".join(wrong)
    whole = run_dbt(Home(priced.warehouse.parent), "test", "--quiet", "--select", "assert_every_token_once")
    assert whole.returncode == 0, whole.output


@pytest.mark.ids("ING-10", "SEC-2")
def test_refused_usage_objects_are_kept_without_what_people_wrote(priced: DbtResult) -> None:
    rows = priced.query(
        "select column_name, reason, raw_row from marts.fct_rejected_row where table_name = 'usage__record'"
    )
    assert len(rows) == len(DOCUMENT["errors"])
    assert {column for column, *_ in rows} == {"usage_json"}
    assert not [raw for *_, raw in rows if "hello" in raw]


# ── another opinion ───────────────────────────────────────────────────────────────────────────────────────────────────

LISTED = {
    "openai": "openai", "azure.ai.openai": "azure", "anthropic": "anthropic", "gcp.gemini": "google",
    "gcp.vertex_ai": "google", "aws.bedrock": "aws", "mistral_ai": "mistral", "cohere": "cohere",
    "deepseek": "deepseek", "x_ai": "x-ai", "groq": "groq",
}  # fmt: skip


def _other_opinion(case: dict[str, Any]) -> set[Decimal]:
    """What genai-prices says a case costs, by each of its readings of the provider's answers."""
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    provider_id = LISTED[case["provider"]]
    [provider] = [provider for provider in snapshot.providers if provider.id == provider_id]
    tier = case["service_tier"]
    context = {"batch": {"processing": "batch"}, "standard": {}}.get(tier, {"service_tier": tier})
    found = set()
    for payload in _as_response(case["payload"]):
        named = {"model": case["reported_model"], "modelVersion": case["reported_model"], **payload}
        for extractor in provider.extractors or []:
            try:
                usage = snapshot.extract_usage(named, provider_id, None, extractor.api_flavor).usage
                moment = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
                price = snapshot.calc(usage, case["reported_model"], provider_id, None, moment, context)
            except (ValueError, LookupError):
                continue
            found.add(price.total_price)
    return found


def _as_response(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """As it is, unwrapped from a batch or an event, and as a response around a usage object."""
    shapes = [payload, {"response": payload}, {"usage": payload}]
    for envelope in ("response", "body", "message"):
        inner = payload.get(envelope)
        if isinstance(inner, dict):
            shapes += _as_response(inner)
    return shapes


@pytest.mark.ids("COST-2")
def test_another_package_agrees_but_where_it_is_known_not_to() -> None:
    document = json.loads((GOLDEN / "usage_exceptions.json").read_text(encoding="utf-8"))
    excepted = [case for entry in document["exceptions"] for case in entry["cases"]]
    assert len(excepted) == len(set(excepted))
    assert all(entry["reason"] for entry in document["exceptions"])
    disagreed = [case["id"] for case in CASES if Decimal(case["cost"]) not in _other_opinion(case)]
    assert sorted(disagreed) == sorted(excepted)
