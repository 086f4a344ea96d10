"""``aifinops actuators`` and ``aifinops deliveries`` on a home, with a cluster over real HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from finops.config import ConfigError, load_configuration
from finops.config.actuator_routes import KubernetesRoute
from finops.config.routing import RoutingFile
from finops.paths import PROJECT_DIR, Home
from guardrails import Ledger
from orchestration.ledger import open_ledger
from tests.support.fake_kubernetes import FakeKubernetes, kubeconfig, serving
from tests.support.orders import SEARCH, deliver, give_order

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-5")

ROUTE = {
    "id": "cluster-prod", "kind": "kubernetes", "kubeconfig_env": "KUBECONFIG_FILE",
    "targets": [{"scope": SEARCH, "namespaces": ["search-batch"], "stop": [{"how": "scale"}]}],
}  # fmt: skip
DEPLOYMENT = "/apis/apps/v1/namespaces/search-batch/deployments/embedder"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubernetes]:
    with serving() as fake:
        fake.namespace("search-batch")
        fake.deployment("search-batch/embedder", 3)
        monkeypatch.setenv("KUBECONFIG_FILE", str(kubeconfig(tmp_path / "kubeconfig", fake)))
        yield fake


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    shutil.copytree(PROJECT_DIR / "config", folder)
    routing = yaml.safe_load((folder / "routing.yml").read_text(encoding="utf-8"))
    routing["routes"].append(ROUTE)
    (folder / "routing.yml").write_text(yaml.safe_dump(routing), encoding="utf-8")
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(Home(tmp_path / "home")) as opened:
        yield opened


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    return result.exit_code, " ".join(result.output.split())


def test_from_a_look_to_the_way_back(cluster: FakeKubernetes, config: Path, ledger: Ledger, tmp_path: Path) -> None:
    home = tmp_path / "home"
    status, said = run(
        "actuators", "plan", "--route", "cluster-prod", "--action", "stop", "--target", "team:search",
        "--config", config,
    )  # fmt: skip
    assert (status, cluster.objects[DEPLOYMENT]["spec"]["replicas"]) == (0, 3)
    assert "Deployment search-batch/embedder: replicas 3 → replicas 0" in said
    assert run("actuators", "list", "--home", home)[1] == "Nothing is held back."

    routes = (KubernetesRoute.model_validate(ROUTE),)
    decision = give_order(ledger, routes, "stop")
    environ = {"KUBECONFIG_FILE": str(tmp_path / "kubeconfig")}
    assert deliver(ledger, routes, environ).delivered == 1
    status, said = run("actuators", "list", "--home", home)
    assert status == 0
    for part in (decision, "team:search", "replicas 3", "applied"):
        assert part in said
    assert run("actuators", "verify", "--home", home, "--config", config)[0] == 0

    cluster.edit(DEPLOYMENT, {"spec": {"replicas": 3}}, "argocd-controller")
    status, said = run("actuators", "verify", "--home", home, "--config", config)
    assert status == 1
    assert "replicas is 3 instead of 0; last set by argocd-controller" in said
    cluster.edit(DEPLOYMENT, {"spec": {"replicas": 0}}, "argocd-controller")

    status, said = run("actuators", "revert", decision, "--why", "customers wait", "--home", home, "--config", config)
    assert (status, said) == (0, "Deployment search-batch/embedder: reverted")
    assert cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 3
    status, said = run("actuators", "revert", decision, "--why", "again", "--home", home, "--config", config)
    assert status == 1
    assert "nothing to take back" in said
    assert ledger.verify().problems == ()


def test_a_look_says_why_it_could_not_be_carried_out(
    cluster: FakeKubernetes, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(**changes: str) -> tuple[int, str]:
        options = {"route": "cluster-prod", "action": "stop", "target": "team:search"} | changes
        return run("actuators", "plan", "--config", config, *(x for k, v in options.items() for x in (f"--{k}", v)))

    assert "route cluster-prod does not know team:support" in look(target="team:support")[1]
    assert "has no pause for team:search" in look(action="pause")[1]
    assert "--action is throttle, pause, stop or ticket" in look(action="explode")[1]
    assert "teams-finops is no route of routing.yml that carries orders out" in look(route="teams-finops")[1]
    cluster.forbidden = lambda call: call.is_dry
    assert "kubernetes-rbac.yml" in look()[1]
    monkeypatch.delenv("KUBECONFIG_FILE")
    assert look() == (1, "✗ set KUBECONFIG_FILE in the environment")


def test_dead_letters_are_listed_with_their_remedy_and_sent_again(
    cluster: FakeKubernetes, ledger: Ledger, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert run("deliveries", "list", "--home", home) == (0, "Nothing waits and nothing was given up.")
    routes = (KubernetesRoute.model_validate(ROUTE),)
    environ = {"KUBECONFIG_FILE": str(tmp_path / "kubeconfig")}
    give_order(ledger, routes, "pause")
    assert deliver(ledger, routes, environ).dead == 1
    status, said = run("deliveries", "list", "--home", home)
    assert status == 0
    assert "dead" in said
    assert run("deliveries", "replay", "--home", home) == (1, "✗ name one dead letter, or say --all-dead")
    assert run("deliveries", "replay", "nothing", "--home", home)[0] == 1
    status, said = run("deliveries", "replay", "--all-dead", "--home", home)
    assert status == 0
    assert said.endswith("due again")
    assert run("deliveries", "enable", "cluster-prod", "--home", home)[0] == 0
    assert deliver(ledger, routes, environ, at=datetime.now(UTC)).dead == 1


@pytest.mark.ids("GUARD-1")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"targets": [{"scope": {"level": "team", "value": "serach"}, "namespaces": ["n"]}]}, "no team 'serach'"),
        ({"targets": [{"scope": SEARCH, "namespaces": ["n"], "stop": [{"how": "quota", "replicas": 1}]}]},
         "replicas means nothing to quota"),
        ({"targets": [{"scope": SEARCH, "namespaces": ["n"]}] * 2}, "the scope 'team search' appears twice"),
        ({"kubeconfig_env": "/root/.kube/config"}, "not the name of an environment variable"),
        ({"kind": "litellm", "url_env": "U", "key_env": "K", "kubeconfig_env": None,
          "targets": [{"scope": SEARCH, "stop": [{"how": "block", "keys": ["sk-1234"]}]}]}, "which is a secret"),
        ({"kind": "openai", "key_env": "K", "kubeconfig_env": None,
          "targets": [{"scope": SEARCH, "stop": [{"how": "spend_limit", "project": "p"}]}]}, "needs monthly_usd"),
        ({"kind": "azure", "subscription_env": "S", "kubeconfig_env": None,
          "targets": [{"scope": SEARCH, "stop": [{"how": "scale_pool", "resource_group": "g", "name": "n"}]}]},
         "scale_pool needs pool"),
        ({"kind": "ticket", "system": "jira", "token_env": "T", "project": "FIN", "kubeconfig_env": None,
          "targets": None}, "jira needs url_env"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_route_names_file_line_and_remedy(config: Path, change: dict[str, object], problem: str) -> None:
    routing = yaml.safe_load((config / "routing.yml").read_text(encoding="utf-8"))
    changed = {name: value for name, value in (ROUTE | change).items() if value is not None}
    routing["routes"][-1] = changed
    (config / "routing.yml").write_text(yaml.safe_dump(routing), encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_configuration(config)
    assert problem in str(raised.value)
    assert "routing.yml" in str(raised.value)


@pytest.mark.ids("GUARD-1")
def test_the_example_of_every_kind_of_route_is_valid() -> None:
    document = yaml.safe_load((PROJECT_DIR / "config" / "examples" / "routing-actuators.yml").read_text("utf-8"))
    found = RoutingFile.model_validate(document)
    assert {route.kind for route in found.routes} == {"kubernetes", "azure", "openai", "litellm", "ticket"}
