"""The simulator's server, asked by the real Azure client, plain HTTP and the real webhook signer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.monitor.querymetrics import MetricsClient
from standardwebhooks import Webhook

import simulator
from simulator import organisation as org
from simulator import telemetry
from simulator.server import SimulatorServer

pytestmark = pytest.mark.xdist_group("simulator-server")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
SECRET = "whsec_" + b64encode(b"a secret that only a test knows").decode()
NAMESPACE = "Microsoft.CognitiveServices/accounts"
SUPPORT = org.ACCOUNTS[0].id


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator.generate(tmp_path_factory.mktemp("simulator") / "made", scale=0.05, days=10).directory


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[SimulatorServer]:
    with SimulatorServer(directory, webhook_secret=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: SimulatorServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


class _StaticToken:
    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("test", int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))


class _Bearer(SansIOHTTPPolicy[Any, Any]):
    """The SDK refuses to send tokens over plain HTTP; a loopback server has no certificate."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer test"


@pytest.fixture(scope="module")
def metrics(server: SimulatorServer) -> Iterator[MetricsClient]:
    with MetricsClient(server.url, _StaticToken(), authentication_policy=_Bearer()) as client:
        yield client


@pytest.mark.ids("ING-2")
def test_the_real_azure_client_reads_tokens_by_deployment(metrics: MetricsClient, directory: Path) -> None:
    start = AS_OF - timedelta(days=2)
    [result] = metrics.query_resources(
        resource_ids=[SUPPORT],
        metric_namespace=NAMESPACE,
        metric_names=["ProcessedPromptTokens", "GeneratedTokens", "AzureOpenAIRequests"],
        timespan=(start, AS_OF),
        granularity=timedelta(hours=1),
        aggregations=["Total"],
        filter="ModelDeploymentName eq '*' and Region eq '*'",
    )
    hours = [h for h in telemetry.read_account_hours(directory / "telemetry") if h.resource_id == SUPPORT]
    expected = {(h.deployment, h.hour): h.input_tokens for h in hours if h.hour >= start.timestamp()}
    answered = {}
    for series in result.metrics["ProcessedPromptTokens"].timeseries:
        for point in series.data:
            key = (
                series.metadata_values["modeldeploymentname"],
                int(point.timestamp.timestamp()),
            )
            answered[key] = point.total
    assert len(answered) > 100
    assert answered == expected
    assert result.granularity == timedelta(hours=1)
    assert {metric.name for metric in result.metrics} == {
        "ProcessedPromptTokens",
        "GeneratedTokens",
        "AzureOpenAIRequests",
    }


@pytest.mark.ids("ING-2")
def test_grains_add_up_and_series_are_limited(metrics: MetricsClient) -> None:
    totals = {}
    for minutes in (5, 60, 1440):
        [result] = metrics.query_resources(
            resource_ids=[SUPPORT],
            metric_namespace=NAMESPACE,
            metric_names=["TotalTokens"],
            timespan=(datetime(2026, 10, 18, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC)),
            granularity=timedelta(minutes=minutes),
            aggregations=["Total"],
        )
        [series] = result.metrics["TotalTokens"].timeseries
        assert series.metadata_values == {}
        totals[minutes] = sum(point.total or 0 for point in series.data)
    assert totals[5] == totals[60] == totals[1440] > 0
    [result] = metrics.query_resources(
        resource_ids=[SUPPORT],
        metric_namespace=NAMESPACE,
        metric_names=["TotalTokens"],
        timespan=(AS_OF - timedelta(days=1), AS_OF),
        granularity=timedelta(hours=1),
        aggregations=["Total"],
        filter="ModelDeploymentName eq '*'",
        max_results=2,
    )
    assert len(result.metrics["TotalTokens"].timeseries) == 2


@pytest.mark.ids("ING-2")
def test_provisioned_utilisation_is_a_percentage_of_the_provisioned_deployment_only(metrics: MetricsClient) -> None:
    [result] = metrics.query_resources(
        resource_ids=[SUPPORT],
        metric_namespace=NAMESPACE,
        metric_names=["AzureOpenAIProvisionedManagedUtilizationV2", "AzureOpenAIContextTokensCacheMatchRate"],
        timespan=(AS_OF - timedelta(days=1), AS_OF),
        granularity=timedelta(hours=1),
        aggregations=["Average"],
        filter="ModelDeploymentName eq '*'",
    )
    [series] = result.metrics["AzureOpenAIProvisionedManagedUtilizationV2"].timeseries
    assert series.metadata_values == {"modeldeploymentname": "gpt-4.1-ptu"}
    assert all(0 < (point.average or 0) <= 100 for point in series.data)
    assert len(result.metrics["AzureOpenAIContextTokensCacheMatchRate"].timeseries) == 3


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"metric_names": ["Nonsense"]}, 400),
        ({"metric_namespace": "Microsoft.Compute/virtualMachines"}, 400),
        ({"filter": "Nonsense eq '*'"}, 400),
        ({"metric_names": ["GeneratedTokens"], "filter": "ModelName eq '*'"}, 400),
        ({"resource_ids": [SUPPORT.replace("aoai-support", "gone")]}, 404),
    ],
)
@pytest.mark.ids("ING-2")
def test_azure_monitor_refuses_what_azure_refuses(metrics: MetricsClient, change: dict[str, Any], status: int) -> None:
    arguments: dict[str, Any] = {
        "resource_ids": [SUPPORT],
        "metric_namespace": NAMESPACE,
        "metric_names": ["TotalTokens"],
        "timespan": (AS_OF - timedelta(hours=2), AS_OF),
    }
    with pytest.raises(HttpResponseError) as caught:
        metrics.query_resources(**{**arguments, **change})
    assert caught.value.status_code == status


@pytest.mark.ids("SEC-2")
def test_azure_monitor_wants_a_token(http: httpx.Client) -> None:
    answer = http.post(f"/subscriptions/{org.PRODUCTION}/metrics:getBatch", json={"resourceids": [SUPPORT]})
    assert answer.status_code == 401


def _range(http: httpx.Client, query: str, method: str = "GET", **changes: object) -> httpx.Response:
    parameters = {"query": query, "start": "2026-10-12T00:00:00Z", "end": AS_OF.timestamp(), "step": "1h", **changes}
    send = {"params": parameters} if method == "GET" else {"data": parameters}
    return http.request(method, "/api/v1/query_range", **send)  # type: ignore[arg-type]


@pytest.mark.ids("ING-5")
def test_prometheus_answers_get_and_post_alike(http: httpx.Client) -> None:
    got, posted = (_range(http, "DCGM_FI_DEV_GPU_UTIL", method) for method in ("GET", "POST"))
    assert got.status_code == posted.status_code == 200
    assert got.json() == posted.json()
    series = got.json()["data"]["result"]
    assert got.json()["data"]["resultType"] == "matrix"
    assert len(series) > 20
    assert all(0 <= float(value) <= 100 for one in series for _, value in one["values"])
    held = [one["metric"] for one in series if "pod" in one["metric"]]
    free = [one["metric"] for one in series if "pod" not in one["metric"]]
    assert held
    assert free
    assert set(held[0]) >= {"gpu", "UUID", "device", "modelName", "Hostname", "namespace", "pod", "container"}


@pytest.mark.ids("ING-5")
def test_a_gpu_has_one_holder_at_a_time_and_every_metric_the_same_points(http: httpx.Client) -> None:
    counts = {}
    for name in ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_POWER_USAGE"):
        points = [
            (one["metric"]["UUID"], at)
            for one in _range(http, name).json()["data"]["result"]
            for at, _ in one["values"]
        ]
        assert len(points) == len(set(points))
        counts[name] = len(points)
    assert len(set(counts.values())) == 1
    assert min(counts.values()) > 1_000


@pytest.mark.ids("ING-5")
def test_dcgms_blank_value_appears_as_prometheus_prints_it(http: httpx.Client) -> None:
    values = [
        value for one in _range(http, "DCGM_FI_DEV_FB_USED").json()["data"]["result"] for _, value in one["values"]
    ]
    blanks = [value for value in values if float(value) > 1e18]
    assert 0 < len(blanks) < len(values) / 100
    assert set(blanks) == {"9223372036854776000"}


@pytest.mark.ids("ING-6")
def test_kubernetes_labels_join_to_pods_and_namespaces(http: httpx.Client) -> None:
    def metrics_of(query: str) -> list[dict[str, str]]:
        return [one["metric"] for one in _range(http, query).json()["data"]["result"]]

    pods = {(m["namespace"], m["pod"]) for m in metrics_of("DCGM_FI_DEV_GPU_UTIL") if "pod" in m}
    assert pods == {(m["namespace"], m["pod"]) for m in metrics_of("kube_pod_info")}
    labelled = metrics_of('kube_pod_labels{label_team="fraud"}')
    assert labelled
    assert {m["label_app"] for m in labelled} == {"risk-scoring"}
    namespaces = metrics_of("kube_namespace_labels")
    assert {m["namespace"] for m in namespaces} == set(org.CLUSTER_NAMESPACES)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('{__name__="kube_namespace_labels", namespace=~"search--.*"}', 2),
        ('kube_namespace_labels{namespace!~"search--.*|fraud--.*"}', 5),
        ("kube_namespace_labels{label_team!='fraud', label_app=\"vision-train\",}", 1),
        ("no_such_metric", 0),
    ],
)
@pytest.mark.ids("ING-6")
def test_selectors(http: httpx.Client, query: str, count: int) -> None:
    answer = http.get("/prometheus/api/v1/query", params={"query": query})
    assert answer.status_code == 200
    assert len(answer.json()["data"]["result"]) == count


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 0, "step": 1}, "exceeded maximum resolution of 11,000 points per timeseries."),
        ({"end": 0}, "end timestamp must not be before start time"),
        ({"step": 0}, "zero or negative query resolution step widths are not accepted."),
        ({"start": "yesterday"}, 'cannot parse "yesterday" to a valid timestamp'),
        ({"query": "rate(x[5m])"}, "parse error"),
        ({"query": 'x{y="z"'}, "parse error"),
        ({"query": '{y=~".*"}'}, "at least one non-empty matcher"),
    ],
)
@pytest.mark.ids("ING-5")
def test_prometheus_errors(http: httpx.Client, changes: dict[str, object], message: str) -> None:
    answer = _range(http, **{"query": "kube_pod_info", **changes})  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"
    assert message in answer.json()["error"]


def _lines(directory: Path, target: str) -> list[dict[str, Any]]:
    file = directory / "received" / f"{target}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def _card(text: str) -> dict[str, Any]:
    content = {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": text}]}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


@pytest.mark.ids("NOTIF-1")
def test_teams_takes_cards_and_nothing_else(http: httpx.Client, directory: Path) -> None:
    before = len(_lines(directory, "teams"))
    assert http.post("/teams/finops", json=_card("Budget: 92% used")).status_code == 202
    assert http.post("/teams/finops", json={"text": "hello"}).status_code == 400
    assert http.post("/teams/finops", content=b"not json").status_code == 400
    assert http.post("/teams/finops", json=_card("x" * 30_000)).status_code == 413
    stored = _lines(directory, "teams")[before:]
    assert [message["body"] for message in stored] == [_card("Budget: 92% used")]
    assert stored[0]["channel"] == "finops"


@pytest.mark.ids("GUARD-5")
def test_receivers_fail_as_often_as_told(http: httpx.Client) -> None:
    plan = {"target": "teams", "status": 429, "times": 2, "retry_after_seconds": 3}
    assert http.post("/control/fail", json=plan).status_code == 204
    answers = [http.post("/teams/finops", json=_card("again")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 202]
    assert answers[0].headers["Retry-After"] == "3"
    assert http.post("/control/fail", json={"target": "teams"}).status_code == 400


def _signed(body: bytes, identifier: str, secret: str = SECRET) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(identifier, now, body.decode()),
        "content-type": "application/json",
    }


@pytest.mark.ids("GUARD-5", "GUARD-2")
def test_webhooks_are_stored_only_with_a_valid_signature(http: httpx.Client, directory: Path) -> None:
    body = json.dumps({"type": "guardrail.trip", "data": {"target": "query-rewriter"}}).encode()
    other = "whsec_" + b64encode(b"another secret").decode()
    assert http.post("/webhooks/platform", content=body, headers=_signed(body, "msg_1")).status_code == 200
    refused = [
        http.post("/webhooks/platform", content=body, headers=_signed(body, "msg_2", other)),
        http.post("/webhooks/platform", content=body + b" ", headers=_signed(body, "msg_3")),
        http.post("/webhooks/platform", content=body),
        http.post("/webhooks/platform", content=body, headers={**_signed(body, "m"), "webhook-signature": "nonsense"}),
    ]
    assert [answer.status_code for answer in refused] == [401] * 4
    [stored] = _lines(directory, "webhooks")
    assert stored["id"] == "msg_1"
    assert stored["name"] == "platform"
    assert stored["body"]["type"] == "guardrail.trip"


@pytest.mark.ids("OPS-1")
def test_a_folder_without_an_organisation_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="python -m simulator generate"):
        SimulatorServer(tmp_path)


@pytest.mark.ids("OPS-1")
def test_a_taken_port_is_named(directory: Path, server: SimulatorServer) -> None:
    taken = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(ValueError, match=f"port {taken}"), SimulatorServer(directory, taken):
        pass
