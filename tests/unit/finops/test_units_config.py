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
    return file_problems(folder, f"units:\n  - {{id: one, name: One, {unit}}}")


def file_problems(folder: Path, text: str) -> list[str]:
    write_small_config(folder)
    (folder / "units.yml").write_text(f"{text}\n", encoding="utf-8")
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
            "units.yml:2: units[0].per: a unit is counted in one thing. Write one of measure, outcome and value",
        ),
        (
            "per: {value: ticket_resolved}, grain: [app], investment: {amount: 1, paid_on: 2026-01-01}",
            "units.yml:2: units[0].investment: an investment comes back as value, all in one. "
            "Use per: {value: …} without grain",
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


@pytest.mark.ids("UNIT-4")
@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("service_levels:\n  - {id: a, name: A}", ":2: service_levels[0]: there is nothing to keep to. "),
        (
            "service_levels:\n  - {id: a, name: A, availability: 99.5}",
            ":2: service_levels[0].availability: ",
        ),
        (
            "service_levels:\n  - {id: a, name: A, availability: 0.9, app: [suport-copilot]}",
            ":2: service_levels[0].app[0]: no app 'suport-copilot' in tags.yml. ",
        ),
        (
            "gpu: {utilization_at_least: 0.9, utilization_at_most: 0.8}",
            ":1: gpu.utilization_at_least: utilization_at_least is not below utilization_at_most. ",
        ),
    ],
)
def test_a_service_level_that_cannot_be_says_why(tmp_path: Path, section: str, problem: str) -> None:
    (found,) = file_problems(tmp_path, section)
    assert found.startswith(f"units.yml{problem}")


POLICY = "id: a, training: {app: [support-copilot]}, served_by: {app: [support-copilot]}, starts_on: 2026-01-01"


@pytest.mark.ids("UNIT-3")
@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (f"{POLICY}, method: straight_line", ": straight_line needs months. Add months"),
        (
            f"{POLICY}, method: straight_line, months: 3, expected: {{tokens: 1}}",
            ".expected: straight_line has no expected. Remove expected",
        ),
        (
            f"{POLICY}, method: by_usage, expected: {{tokens: 1, requests: 1}}",
            ".expected: usage is expected in one thing. Write either requests or tokens",
        ),
        (
            f"{POLICY}, method: straight_line, months: 3".replace("training: {", "training: {basis: bill, "),
            ".training: all of the bill would be training. Add ai_category, such as [training, fine_tuning]",
        ),
        (
            f"{POLICY}, method: straight_line, months: 3".replace(
                "training: {", "training: {ai_category: [training], "
            ),
            ".training.ai_category: basis runs does not know ai_category. Use basis: bill",
        ),
    ],
)
def test_an_amortisation_that_cannot_be_says_why(tmp_path: Path, policy: str, problem: str) -> None:
    (found,) = file_problems(tmp_path, f"amortisation:\n  - {{{policy}}}")
    assert found == f"units.yml:2: amortisation[0]{problem}"


@pytest.mark.ids("UNIT-1", "UNIT-3")
@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        (
            "cost: {include_training: true}, per: {measure: requests}",
            "the cost would have training in it twice. Name ai_category without training and fine_tuning, such as "
            "[inference, provisioned_capacity]",
        ),
        (
            "basis: usage, cost: {include_training: true}, per: {measure: requests}, grain: [feature]",
            "training is not known by feature. Leave it out, or include_training",
        ),
    ],
)
def test_training_is_never_counted_twice(tmp_path: Path, unit: str, problem: str) -> None:
    assert problems(tmp_path, unit) == [f"units.yml:2: units[0].cost.include_training: {problem}"]
