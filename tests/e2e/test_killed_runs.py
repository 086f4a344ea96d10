"""Kill the pipeline anywhere; the next run is right: same marts, one webhook per decision."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cli.simulated import SimulatedOrganisation
from finops.paths import PROJECT_DIR, Home
from tests.support.pipeline import mart_digests, organisation_in, run_once

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("killed")]

AFTER_A_FEW_RUNS_LANDED = "azure exports"
IN_THE_MIDDLE_OF_DBT = "Configuration checked"
IN_THE_MIDDLE_OF_DELIVERY = "Guardrails"


@pytest.fixture(scope="module")
def enforcing_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example configuration with policies that act."""
    folder = tmp_path_factory.mktemp("config") / "config"
    shutil.copytree(PROJECT_DIR / "config", folder)
    file = folder / "guardrails.yml"
    policies = yaml.safe_load(file.read_text())
    for policy in policies["policies"]:
        policy["mode"] = "enforce"
    file.write_text(yaml.safe_dump(policies))
    return folder


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, SimulatedOrganisation]]:
    served = Home(tmp_path_factory.mktemp("organisation"))
    with organisation_in(served, days=45, scale=0.5) as organisation:
        # Homes hash personal data with keys of their own; with one key their marts can be compared.
        environ = {**organisation.environ, "AIFINOPS_HASH_KEY": "5ec2e7" * 12}
        yield served, replace(organisation, environ=environ)


def webhooks(served: Home) -> list[dict]:  # type: ignore[type-arg]
    file = served.simulator / "received" / "webhooks.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def run_and_kill_after(line: str, home: Home, organisation: SimulatedOrganisation, config: Path) -> bool:
    """Start a run as a user would and kill -9 it once it has printed ``line``; False where it finished before."""
    command = [
        *(sys.executable, "-m", "cli.main", "run", "--home", str(home.path), "--config", str(config)),
        *("--as-of", organisation.as_of.isoformat()),
    ]
    process = subprocess.Popen(
        command,
        env={**os.environ, **organisation.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        cwd=PROJECT_DIR,
    )
    assert process.stdout is not None
    seen = []
    for printed in process.stdout:
        seen.append(printed)
        if line in printed:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    code = process.wait()
    assert any(line in printed for printed in seen), "".join(seen)
    return code == -signal.SIGKILL


@pytest.mark.ids("ING-10", "GUARD-5", "OPS-1")
def test_killed_anywhere_the_next_run_is_right(
    tmp_path: Path, organisation: tuple[Home, SimulatedOrganisation], enforcing_config: Path
) -> None:
    served, simulated = organisation
    whole = Home(tmp_path / "whole")
    run_once(whole, simulated, enforcing_config)
    expected_marts = mart_digests(whole, across_lakes=True)
    expected_webhooks = {message["headers"]["webhook-id"] for message in webhooks(served)}
    assert expected_webhooks, "the leaked key must ask for an action when policies enforce"

    killed = Home(tmp_path / "killed")
    for line in (AFTER_A_FEW_RUNS_LANDED, IN_THE_MIDDLE_OF_DBT, IN_THE_MIDDLE_OF_DELIVERY):
        assert run_and_kill_after(line, killed, simulated, enforcing_config)
    run_once(killed, simulated, enforcing_config)

    digests = mart_digests(killed, across_lakes=True)
    assert {name for name in expected_marts if expected_marts[name] != digests[name]} == set()
    ids = [message["headers"]["webhook-id"] for message in webhooks(served)]
    assert set(ids) == expected_webhooks, "the same facts make the same decisions"
    decisions = {message["body"]["data"]["decision_id"] for message in webhooks(served)}
    assert len(decisions) == len(expected_webhooks), "one id per decision, so a receiver that keeps ids acts once"
