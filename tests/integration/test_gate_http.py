"""The gate as pipelines meet it: over HTTP, by a real server, and by the command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from cli.gate import gate_app
from finops.paths import PROJECT_DIR, Home
from guardrails import messages
from orchestration.gate import HomeGate
from orchestration.ledger import open_ledger
from portal.gate import application
from tests.support.applications import running
from tests.support.gates import NOW, publish_budgets
from tests.support.receiver import Receiver, receiving
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("GUARD-2", "BUD-2")

TOKEN = "a token of the tests"


def publish(home: Home, version: str, used: str) -> None:
    """Team search has used so much of USD 1,000; billed to the day before yesterday."""
    publish_budgets(home, version, [("search", "team", "search", "1000", used)])


GATE = """\
gate: {warn_above: 0.8, approval_above: 0.9, deny_above: 1, route: teams-finops}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = write_small_config(tmp_path / "config")
    guardrails, routing = folder / "guardrails.yml", folder / "routing.yml"
    guardrails.write_text(GATE + guardrails.read_text(encoding="utf-8"), encoding="utf-8")
    text = routing.read_text(encoding="utf-8").replace("URL}", "URL, allow_private_addresses: true}")
    routing.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    publish(made, "1", used="500")
    return made


@contextmanager
def serving(home: Home, config: Path, receiver: Receiver | None = None) -> Iterator[httpx.Client]:
    """A client of a gate that a real server serves."""
    environ = {"AIFINOPS_TEAMS_URL": f"{receiver.url}/teams"} if receiver else {}
    with open_ledger(home) as ledger:
        office = HomeGate(home, config, ledger, lambda: NOW, environ)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with (
            running(uvicorn.Config(application(office, TOKEN), log_level="warning")) as address,
            httpx.Client(base_url=address, headers=headers, timeout=30) as client,
        ):
            yield client


def body(estimate: str = "100", **changes: Any) -> dict[str, Any]:
    return {"estimate": estimate, "currency": "USD", "who": "ci", "scopes": {"team": "search"}} | changes


def test_a_job_asks_settles_and_the_next_one_sees_what_is_left(home: Home, config: Path) -> None:
    with serving(home, config) as client:
        first = client.post("/v1/gate/asks", json=body("200", job="a")).json()
        assert (first["outcome"], first["exit_code"], first["proceeds"], first["status"]) == ("allow", 0, True, "held")
        assert client.post("/v1/gate/asks", json=body("200", job="a")).json()["ask_id"] == first["ask_id"]
        assert client.post("/v1/gate/asks", json=body("301")).json()["exit_code"] == 30
        settled = client.post(f"/v1/gate/asks/{first['ask_id']}/settlement", json={"actual": "50", "currency": "USD"})
        assert settled.json()["status"] == "settled"
        assert client.post("/v1/gate/asks", json=body("301")).json()["exit_code"] == 10
        shown = client.get(f"/v1/gate/asks/{first['ask_id']}").json()
        assert shown["status"] == "settled"


def test_a_hundred_jobs_at_once_hold_no_more_than_there_is(home: Home, config: Path) -> None:
    with serving(home, config) as client, ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda n: client.post("/v1/gate/asks", json=body("10", job=f"j{n}")).json(), range(100))
        )
    proceeding = [answer for answer in answers if answer["proceeds"]]
    # USD 400 are left below 90% of USD 1,000; above that somebody must approve.
    assert len(proceeding) == 40
    assert {answer["exit_code"] for answer in answers} == {0, 10, 20}


def test_a_dry_run_holds_nothing_and_is_not_recorded(home: Home, config: Path) -> None:
    with serving(home, config) as client:
        for _ in range(3):
            answer = client.post("/v1/gate/asks?dry_run=true", json=body("400")).json()
            assert (answer["exit_code"], "ask_id" in answer) == (10, False)


def test_nobody_without_the_token_asks(home: Home, config: Path) -> None:
    with serving(home, config) as client:
        for wrong in ("", "Bearer", "Bearer x", TOKEN):
            refused = client.post("/v1/gate/asks", json=body(), headers={"Authorization": wrong})
            assert refused.status_code == 401
            path = f"/v1/gate/kubernetes/{wrong or 'x'}".replace(" ", "%20")
            expected = 422 if wrong == TOKEN else 401
            assert client.post(path, json={}, headers={"Authorization": ""}).status_code == expected
        assert client.get("/healthz", headers={"Authorization": ""}).json()["budgets"] == 1


@pytest.mark.parametrize(
    ("path", "sent", "status", "said"),
    [
        ("/v1/gate/asks", b"{", 400, "not JSON"),
        ("/v1/gate/asks", b"[" * 100_000, 400, "not JSON"),
        ("/v1/gate/asks", b"[]", 422, "not a JSON object"),
        ("/v1/gate/asks", b'{"estimate": 1.5, "who": "x"}', 422, "not exact"),
        ("/v1/gate/asks", b'{"estimate": "-1", "who": "x"}', 422, "not an amount"),
        (
            "/v1/gate/asks",
            b'{"estimate": "1", "who": "x", "scopes": {"team": "serach"}}',
            422,
            "Did you mean 'search'?",
        ),
        ("/v1/gate/asks", b" " * 2_000_000, 413, "1048576 bytes"),
        ("/v1/gate/asks/none/settlement", b'{"actual": "1"}', 422, "no ask has the id none"),
        ("/v1/gate/asks/none/settlement", b'{"actual": 1}', 422, "no text"),
        ("/v1/gate/asks/none/release", b"{}", 422, "no ask has the id none"),
        ("/v1/gate/kubernetes", b"{}", 422, "AdmissionReview"),
    ],
)
def test_what_is_wrong_is_said(home: Home, config: Path, path: str, sent: bytes, status: int, said: str) -> None:
    with serving(home, config) as client:
        answer = client.post(path, content=sent)
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_a_new_publication_and_a_changed_configuration_count_at_once(home: Home, config: Path) -> None:
    with serving(home, config) as client:
        assert client.post("/v1/gate/asks?dry_run=true", json=body()).json()["exit_code"] == 0
        publish(home, "2", used="950")
        assert client.post("/v1/gate/asks?dry_run=true", json=body()).json()["exit_code"] == 30
        file = config / "guardrails.yml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("deny_above: 1,", "deny_above: 2, never_deny: [search],"), encoding="utf-8")
        assert client.post("/v1/gate/asks?dry_run=true", json=body()).json()["exit_code"] == 10
        file.write_text(text.replace("deny_above: 1,", "deny_above: many,"), encoding="utf-8")
        broken = client.post("/v1/gate/asks", json=body())
        assert (broken.status_code, "guardrails.yml" in broken.json()["error"]) == (503, True)


def review(estimate: str | None, **changes: Any) -> dict[str, Any]:
    annotations = {"aifinops/estimate": estimate} if estimate else {}
    metadata = {"name": "train", "labels": {"aifinops/team": "search"}, "annotations": annotations}
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "batch", "version": "v1", "kind": "Job"},
        "namespace": "ml",
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:ml:ci"},
        "object": {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata},
        "dryRun": False,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request | changes}


@pytest.mark.ids("GUARD-3")
def test_kubernetes_is_told_whether_to_admit_a_job(home: Home, config: Path) -> None:
    with serving(home, config) as client:

        def admitted(document: dict[str, Any]) -> dict[str, Any]:
            answer = client.post("/v1/gate/kubernetes", json=document).json()
            assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
            assert answer["response"]["uid"] == document["request"]["uid"]
            return dict(answer["response"])

        assert admitted(review("400USD", dryRun=True))["allowed"]
        first = admitted(review("400USD"))
        assert first["allowed"]
        assert "90.0%" in first["warnings"][0]
        denied = admitted(review("400USD", uid="another"))
        assert not denied["allowed"]
        assert (denied["status"]["code"], "Budget search" in denied["status"]["message"]) == (403, True)
        assert "no aifinops/estimate" in admitted(review(None, uid="third"))["warnings"][0]


@pytest.mark.ids("NOTIF-1", "GUARD-3")
def test_people_hear_once_of_a_question_and_of_broken_glass(home: Home, config: Path) -> None:
    with receiving() as receiver, serving(home, config, receiver) as client:
        for _ in range(2):
            waiting = client.post("/v1/gate/asks", json=body("450", job="train-7")).json()
        client.post("/v1/gate/asks", json=body("450", job="other", break_glass="customers wait"))
    with open_ledger(home) as ledger:
        assert [message.status for message in messages(ledger)] == ["delivered", "delivered"]
    texts = [request.body for request in receiver.requests]
    assert len(texts) == 2
    assert "train-7 wants to spend USD" in texts[0].replace("\u00a0", " ").replace("\\", "")
    assert waiting["ask_id"] in texts[0]
    assert "Glass broken" in texts[1]
    assert "customers wait" in texts[1]


def run(*arguments: str, home: Home, config: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AIFINOPS_")}
    variables = own | {
        "AIFINOPS_HOME": str(home.path),
        "AIFINOPS_CONFIG": str(config),
        "AIFINOPS_AS_OF": "2026-10-20T06:00Z",
        "PYTHONPATH": str(PROJECT_DIR),
        **environ,
    }
    command = [sys.executable, "-m", "cli.entry", "gate", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.ids("GUARD-3")
def test_the_command_on_this_machine_from_question_to_settlement(home: Home, config: Path) -> None:
    environ = {"AIFINOPS_HOME": str(home.path), "AIFINOPS_CONFIG": str(config), "AIFINOPS_AS_OF": "2026-10-20T06:00Z"}
    environ |= {"AIFINOPS_GATE_URL": "", "AIFINOPS_LEDGER_URL": ""}

    def gate(*arguments: str) -> Result:
        return CliRunner(env=environ).invoke(gate_app, arguments)

    waiting = gate("--team", "search", "--estimate", "450USD", "--job", "train-7", "--who", "ci")
    assert waiting.exit_code == 20, waiting.output
    assert "above 90.0% somebody must approve" in waiting.output
    assert "train-7" in gate("list").output
    ask_id = waiting.output.split(" · ask ")[1].split()[0]
    assert gate("approve", ask_id, "--why", "me", "--who", "ci").exit_code == 2
    assert gate("approve", ask_id, "--why", "the launch", "--who", "ada").exit_code == 0
    allowed = gate("--team", "search", "--estimate", "450USD", "--job", "train-7", "--who", "ci")
    assert (allowed.exit_code, ask_id in allowed.output, "It was approved." in allowed.output) == (0, True, True)
    assert gate("settle", ask_id, "--actual", "98.20USD").exit_code == 0
    assert "ada said approve: the launch" in gate("show", ask_id).output
    answer = json.loads(gate("--team", "search", "--estimate", "9999", "--json").output)
    assert (answer["exit_code"], answer["budgets"][0]["held"]) == (30, "98.2")
    assert gate("--team", "search", "--estimate", "9999", "--yes-or-no").exit_code == 1
    assert gate("--team", "search", "--estimate", "9999", "--yes-or-no", "--break-glass", "now").exit_code == 0


def test_the_command_asks_a_gate_elsewhere_and_waits_for_somebody(home: Home, config: Path) -> None:
    with serving(home, config) as client:
        remote = {
            "AIFINOPS_GATE_URL": str(client.base_url),
            "AIFINOPS_GATE_TOKEN": TOKEN,
            "home": home,
            "config": config,
        }
        assert run("--team", "search", "--estimate", "5", **remote).returncode == 0  # type: ignore[arg-type]
        with ThreadPoolExecutor(1) as pool:
            job = ("--team", "search", "--estimate", "450", "--job", "b", "--who", "ci", "--wait", "2m")
            waiting = pool.submit(run, *job, **remote)  # type: ignore[arg-type]
            with open_ledger(home) as ledger:
                office = HomeGate(home, config, ledger, lambda: NOW, {})
                while not (asked := [one for one in standing(office) if one.status == "waiting"]):
                    assert not waiting.done(), waiting.result().stderr
                office.vote(asked[0].ask_id, "approve", "ada", "the launch")
            assert waiting.result().returncode == 0, waiting.result().stderr
        wrong = run("--team", "search", "--estimate", "5", **remote | {"AIFINOPS_GATE_TOKEN": "no"})  # type: ignore[arg-type]
        assert (wrong.returncode, "the gate's token" in wrong.stderr) == (2, True)


def test_no_answer_is_no_trustworthy_data(tmp_path: Path, config: Path) -> None:
    empty = Home(tmp_path / "empty")
    for environ in ({}, {"AIFINOPS_GATE_URL": "http://127.0.0.1:9"}):
        for choice, yes_or_no in (("deny", 1), ("allow", 0)):
            asked = ("--estimate", "5", "--if-unreachable", choice)
            answer = run(*asked, home=empty, config=config, **environ)
            assert answer.returncode == 40, answer.stderr
            assert "No answer" in answer.stdout
            assert run(*asked, "--yes-or-no", home=empty, config=config, **environ).returncode == yes_or_no


def standing(office: HomeGate) -> list[Any]:
    from guardrails import gate

    return gate.standing_asks(office.ledger)


SCRIPT = PROJECT_DIR / "deploy" / "budget-gate" / "budget-gate.sh"


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="needs jq and curl (Debian packages)")
def test_the_step_of_a_pipeline_needs_nothing_but_curl_and_jq(home: Home, config: Path, tmp_path: Path) -> None:
    def step(**environ: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "AIFINOPS_GATE_TOKEN": TOKEN, "GATE_TEAM": "search", **environ}
        return subprocess.run([str(SCRIPT)], env=variables, capture_output=True, text=True, timeout=60, check=False)

    with serving(home, config) as client:
        gate = {"AIFINOPS_GATE_URL": str(client.base_url)}
        output = tmp_path / "output"
        allowed = step(**gate, GATE_ESTIMATE="100USD", GATE_JOB='a "quoted" job', GITHUB_OUTPUT=str(output))
        assert (allowed.returncode, "allow: Budget search" in allowed.stdout) == (0, True), allowed.stderr
        said = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
        assert said["outcome"] == "allow"
        shown = client.get(f"/v1/gate/asks/{said['ask_id']}").json()["ask"]
        assert (shown["job"], shown["scopes"]) == ('a "quoted" job', {"team": "search"})
        assert step(**gate, GATE_ESTIMATE="330USD").returncode == 20
        assert step(**gate, GATE_ESTIMATE="9000USD").returncode == 30
        wrong = step(**gate, GATE_ESTIMATE="9000USD", GATE_TEAM="serach")
        assert (wrong.returncode, "Did you mean" in wrong.stderr) == (2, True)
    nowhere = {"AIFINOPS_GATE_URL": "http://127.0.0.1:9", "GATE_ESTIMATE": "1"}
    assert step(**nowhere).returncode == 40
    assert step(**nowhere, GATE_IF_UNREACHABLE="allow").returncode == 0


def test_a_gate_that_all_may_reach_needs_a_token(home: Home, config: Path) -> None:
    refused = run("serve", "--host", "0.0.0.0", home=home, config=config)
    assert (refused.returncode, "AIFINOPS_GATE_TOKEN" in refused.stderr) == (2, True)


def test_a_job_at_a_gate_elsewhere_imports_no_scheduler_and_no_frames() -> None:
    slow = ("dagster", "pandas", "duckdb", "sqlalchemy", "rich.console", "pydantic")
    code = f"import sys, cli.entry, cli.gate; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
