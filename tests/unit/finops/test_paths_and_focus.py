"""Where things are, and the FOCUS vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops import focus, lake
from finops.paths import Home, config_dir


@pytest.mark.ids("OPS-2")
def test_a_home_comes_from_the_environment_else_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project_dir: Path
) -> None:
    monkeypatch.setenv("AIFINOPS_HOME", str(tmp_path / "a" / ".." / "b"))
    assert Home.from_environment().path == tmp_path / "b"
    monkeypatch.setenv("AIFINOPS_HOME", "~/data")
    assert Home.from_environment().path == Path.home() / "data"
    monkeypatch.setenv("AIFINOPS_HOME", "")
    assert Home.from_environment().path == project_dir / ".aifinops" / "main"
    monkeypatch.delenv("AIFINOPS_CONFIG", raising=False)
    assert config_dir() == project_dir / "config"


@pytest.mark.ids("OPS-2")
def test_two_homes_share_no_path(tmp_path: Path) -> None:
    names = [name for name, value in vars(Home).items() if isinstance(value, property)]
    assert len(names) >= 10
    places = {name: getattr(Home(tmp_path / "one"), name) for name in names}
    assert len(set(places.values())) == len(names)
    assert all(path.is_relative_to(tmp_path / "one") for path in places.values())


@pytest.mark.ids("COST-1", "ING-1")
def test_the_vocabulary_knows_every_ratified_version() -> None:
    columns = {column.name: column for column in focus.columns()}
    assert columns["BilledCost"].versions == ("1.0", "1.1", "1.2", "1.3", "1.4")
    assert "1.4" not in columns["ProviderName"].versions
    assert "Usage" in columns["ChargeCategory"].allowed_values
    assert focus.canonical_header(" billedcost ") == "BilledCost"
    assert focus.canonical_header("X_SKUMETERNAME") == "x_SkuMeterName"
    assert focus.canonical_header("CostInUsd") is None


@pytest.mark.ids("COST-1", "ING-4")
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_a_full_header_is_recognised_as_its_version(version: str) -> None:
    headers = [column.name for column in focus.columns() if version in column.versions]
    assert focus.guess_version(headers) == version
    assert focus.guess_version([name.upper() for name in headers]) == version


@pytest.mark.ids("ING-4")
def test_a_header_of_something_else_is_no_focus_file() -> None:
    assert focus.guess_version(["Date", "Cost", "Currency"]) is None
    assert focus.guess_version([]) is None


@pytest.mark.ids("COST-1")
@pytest.mark.parametrize(
    ("name", "snake"),
    [("SkuPriceId", "sku_price_id"), ("x_SkuMeterName", "x_sku_meter_name"), ("BilledCost", "billed_cost")],
)
def test_snake_case(name: str, snake: str) -> None:
    assert focus.snake_case(name) == snake


@pytest.mark.ids("ING-10")
def test_lake_tables_have_known_types_and_no_column_twice() -> None:
    kinds = {"text", "json", "bigint", "double", "decimal(38,12)", "timestamp", "date", "boolean"}
    assert len({table.name for table in lake.TABLES}) == len(lake.TABLES) >= 10
    for table in lake.TABLES:
        folded = [column.name.lower() for column in table.columns]
        assert len(folded) == len(set(folded)), table.name
        assert {column.type for column in table.columns} <= kinds
        assert all(column.description for column in table.columns)
