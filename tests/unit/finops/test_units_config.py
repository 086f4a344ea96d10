"""units.yml: what a unit may look at, and what the problems say."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops.config import ConfigError, load_configuration
from finops.config.tables import write_tables
from tests.support.small_config import write_small_config

pytestmark = pytest.mark.ids("UNIT-1")


def problems(folder: Path, unit: str) -> list[str]:
    write_small_config(folder)
    (folder / "units.yml").write_text(f"units:\n  - {{id: one, name: One, {unit}}}\n", encoding="utf-8")
    try:
        load_configuration(folder)
    except ConfigError as error:
        return [str(problem).removeprefix(f"{folder}/") for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        (
            "cost: {feature: [chat]}, per: {measure: requests}",
            "units.yml:2: units[0].cost.feature: the bill does not know feature. Use basis: usage",
        ),
        (
            "basis: usage, cost: {ai_category: [saas]}, per: {measure: requests}",
            "units.yml:2: units[0].cost.ai_category: the usage does not know ai_category. Use basis: bill",
        ),
        (
            "per: {outcome: ticket_resolved}, grain: [model]",
            "units.yml:2: units[0].grain[0]: the unit cannot be told apart by model. Possible: app, team",
        ),
        (
            "basis: usage, per: {measure: gpu_hours}",
            "units.yml:2: units[0].basis: basis usage has no cost of gpu_hours. Use basis: bill",
        ),
        (
            "per: {measure: requests, outcome: ticket_resolved}",
            "units.yml:2: units[0].per: a unit is counted in one thing. Write either measure or outcome",
        ),
        (
            "cost: {app: [suport-copilot]}, per: {measure: requests}",
            "units.yml:2: units[0].cost.app[0]: no app 'suport-copilot' in tags.yml. "
            "Did you mean 'support-copilot'? Otherwise add it to tags.yml",
        ),
        (
            "per: {measure: requests}, target: 0",
            "units.yml:2: units[0].target: ",
        ),
        (
            "per: {measure: requests}, grain: [team, team]",
            "units.yml:2: units[0].grain[1]: the dimension 'team' appears twice. Rename or remove one",
        ),
    ],
)
def test_a_unit_that_cannot_be_says_why(tmp_path: Path, unit: str, problem: str) -> None:
    (found,) = problems(tmp_path, unit)
    assert found.startswith(problem) if problem.endswith(": ") else found == problem


@pytest.mark.parametrize(
    ("unit", "matching"),
    [
        ("per: {measure: tokens}", "billed"),
        ("per: {measure: gpu_hours_busy}", "billed"),
        ("per: {measure: tokens}, measured_only: false", "all"),
        ("basis: usage, per: {measure: tokens}", "priced"),
        ("basis: usage, per: {outcome: ticket_resolved}", "all"),
        ("per: {outcome: ticket_resolved}", "all"),
    ],
)
def test_the_measure_goes_with_the_cost(tmp_path: Path, unit: str, matching: str) -> None:
    assert problems(tmp_path, unit) == []
    assert load_configuration(tmp_path).units.units[0].matching == matching


def test_without_the_file_there_are_no_units(tmp_path: Path) -> None:
    write_small_config(tmp_path)
    assert load_configuration(tmp_path).units.units == []


def test_units_reach_dbt_with_exact_amounts(tmp_path: Path) -> None:
    unit = "cost: {team: [search, support]}, per: {measure: requests}, grain: [app], target: 0.000000000001"
    assert problems(tmp_path, unit) == []
    config = load_configuration(tmp_path)
    assert config.units.units[0].target == Decimal("1E-12")
    counts = write_tables(config, tmp_path / "tables", datetime(2026, 10, 20, tzinfo=UTC))
    assert (counts["unit"], counts["unit_dimension"]) == (1, 3)
    assert '"target_amount": "0.000000000001"' in (tmp_path / "tables" / "unit.jsonl").read_text(encoding="utf-8")
