"""The gateway's spans: OTLP/JSON, damage that was planted, and agreement with bill and metrics to the token."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from simulator import organisation as org
from simulator import telemetry
from simulator.generate import TELEMETRY_FOLDER
from simulator.meters import TOKEN_MODELS
from tests.support.simulator_files import Generated

pytestmark = pytest.mark.xdist_group("simulator")

KIND_OF_METER = {
    name: (model.model, kind) for model in TOKEN_MODELS.values() for kind, name in model.meter_names.items()
}


def delivered(generated: Generated) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """(span, its attributes, its resource's attributes) of every line that is JSON."""
    for _, line in generated.span_lines():
        try:
            document = json.loads(line)
        except json.JSONDecodeError:
            continue
        for resource in document["resourceSpans"]:
            about = {a["key"]: a["value"] for a in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    yield span, {a["key"]: a["value"] for a in span["attributes"]}, about


def count(attributes: dict[str, Any], name: str) -> int:
    return int(attributes.get(f"gen_ai.usage.{name}", {"intValue": "0"})["intValue"])


def good_spans(generated: Generated) -> dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]:
    """Spans once each, without those whose counts are no numbers."""
    out = {}
    for span, attributes, _ in delivered(generated):
        try:
            count(attributes, "input_tokens")
        except ValueError:
            continue
        out[(span["traceId"], span["spanId"])] = (span, attributes)
    return out


def usage_day(span: dict[str, Any]) -> str:
    return str(datetime.fromtimestamp(int(span["startTimeUnixNano"]) // 10**9, UTC).date())


@pytest.mark.ids("ING-3", "COST-2")
def test_the_gateways_bill_is_spans_times_price_to_the_last_digit(generated: Generated) -> None:
    tokens: dict[tuple[str, str, str], int] = defaultdict(int)
    for span, attributes in good_spans(generated).values():
        model, day = attributes["gen_ai.request.model"]["stringValue"], usage_day(span)
        cached = count(attributes, "cache_read.input_tokens")
        tokens[(day, model, "input")] += count(attributes, "input_tokens") - cached
        tokens[(day, model, "cached")] += cached
        tokens[(day, model, "output")] += count(attributes, "output_tokens")
    last = str(generated.summary.parameters.last_billed_day)
    expected = {key: n for key, n in tokens.items() if n and key[0] <= last}
    billed, costs = {}, {}
    for row in generated.current_rows():
        if row["ResourceId"].lower() == org.GATEWAY_ACCOUNT.lower():
            key = (row["ChargePeriodStart"][:10], *KIND_OF_METER[row["SkuMeter"]])
            billed[key] = int(Decimal(row["ConsumedQuantity"]))
            costs[key] = Decimal(row["BilledCost"])
    assert len(billed) > 500
    assert billed == expected
    for (day, model, kind), cost in costs.items():
        price = TOKEN_MODELS[model].price_per_1m(kind, datetime.fromisoformat(day).date())
        assert cost == price * billed[(day, model, kind)] / 1_000_000


@pytest.mark.ids("ING-2", "ING-3")
def test_the_gateways_metrics_are_the_spans_hour_by_hour(generated: Generated) -> None:
    by_hour: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for span, attributes in good_spans(generated).values():
        hour = int(span["startTimeUnixNano"]) // 10**9 // 3600 * 3600
        row = by_hour[(hour, attributes["gen_ai.request.model"]["stringValue"])]
        names = ("input_tokens", "cache_read.input_tokens", "output_tokens")
        for index, amount in enumerate((1, *(count(attributes, name) for name in names))):
            row[index] += amount
    hours = telemetry.read_account_hours(generated.directory / TELEMETRY_FOLDER)
    metrics = {
        (h.hour, h.model): [h.requests, h.input_tokens, h.cached_tokens, h.output_tokens]
        for h in hours
        if h.resource_id == org.GATEWAY_ACCOUNT
    }
    assert len(metrics) > 1_000
    assert metrics == dict(by_hour)


@pytest.mark.ids("ING-10")
def test_damage_is_as_planted(generated: Generated) -> None:
    planted = generated.truth()["spans"]
    cut_lines = 0
    for _, line in generated.span_lines():
        try:
            json.loads(line)
        except json.JSONDecodeError:
            cut_lines += 1
    seen: Counter[tuple[str, str]] = Counter()
    bad_counts = 0
    for span, attributes, _ in delivered(generated):
        seen[(span["traceId"], span["spanId"])] += 1
        bad_counts += attributes.get("gen_ai.usage.input_tokens") == {"intValue": "n/a"}
    assert cut_lines == planted["cut_lines"] > 0
    assert bad_counts == planted["spans_with_bad_counts"] > 0
    assert sum(n - 1 for n in seen.values()) == planted["duplicate_spans"] > 0
    assert len(seen) - bad_counts == planted["spans"]


@pytest.mark.ids("ING-3")
def test_spans_carry_the_conventions_attributes(generated: Generated) -> None:
    apps, errors, retries = set(), set(), 0
    for span, attributes, resource in delivered(generated):
        assert len(span["traceId"]) == 32
        assert len(span["spanId"]) == 16
        assert int(span["endTimeUnixNano"]) > int(span["startTimeUnixNano"])
        assert resource["deployment.environment.name"] == {"stringValue": "production"}
        assert resource["service.name"] == attributes["aifinops.app"]
        assert attributes["gen_ai.operation.name"]["stringValue"] in ("chat", "embeddings")
        apps.add(attributes["aifinops.app"]["stringValue"])
        errors.add(attributes.get("error.type", {}).get("stringValue"))
        retries += "http.request.resend_count" in attributes
        if "gen_ai.response.model" in attributes:
            assert count(attributes, "input_tokens") >= count(attributes, "cache_read.input_tokens")
            assert count(attributes, "output_tokens") >= count(attributes, "reasoning.output_tokens")
    assert apps == {app.app for app in org.GATEWAY_APPS} | {brief.app.app for brief in org.BRIEF_USES}
    assert errors == {None, "429", "timeout", "500"}
    assert retries > 0


@pytest.mark.ids("ING-3")
def test_older_spans_use_the_older_names() -> None:
    from datetime import date

    from simulator import spans, usage

    parameters = org.Parameters()
    day = date(2025, 12, 1)
    text = spans.gzip.decompress(
        spans.span_file(parameters, day, usage.gateway_calls(parameters, day)).content
    ).decode()
    assert '"gen_ai.system"' in text
    assert '"gen_ai.provider.name"' in text


@pytest.mark.ids("SEC-2")
def test_user_ids_are_personal_data(generated: Generated) -> None:
    users = {a["user.id"]["stringValue"] for _, a, _ in delivered(generated) if "user.id" in a}
    assert len(users) > 20
    assert all(user.endswith("@customer.example") for user in users)


@pytest.mark.ids("UNIT-2")
def test_contract_review_never_reads_the_cache_and_others_do(generated: Generated) -> None:
    inputs: Counter[str] = Counter()
    cached: Counter[str] = Counter()
    for _, attributes in good_spans(generated).values():
        if attributes["gen_ai.operation.name"]["stringValue"] == "chat":
            app = attributes["aifinops.app"]["stringValue"]
            inputs[app] += count(attributes, "input_tokens")
            cached[app] += count(attributes, "cache_read.input_tokens")
    assert cached[org.UNCACHED_APP] == 0 < inputs[org.UNCACHED_APP]
    others = {app: cached[app] / inputs[app] for app in inputs if app != org.UNCACHED_APP}
    assert min(others.values()) > 0.15
