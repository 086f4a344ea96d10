"""Publishing swaps all marts at once."""

from pathlib import Path

import duckdb
import pytest

from orchestration.publish import PublicMart, publish

MARTS = [PublicMart("fct_one", "marts", "model.x.fct_one"), PublicMart("fct_two", "marts", "model.x.fct_two")]


def warehouse_with(path: Path, value: int) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema if not exists marts")
        for mart in MARTS:
            connection.execute(
                f"create or replace table marts.{mart.name} as select {value}::decimal(38,12) as billed_cost"
            )
    return path


def published_value(folder: Path, mart: str) -> object:
    [(value,)] = duckdb.sql(f"select billed_cost from read_parquet('{folder}/{mart}.parquet')").fetchall()
    return value


@pytest.mark.ids("OPS-1", "BI-2")
def test_readers_see_one_version_of_all_marts(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    counts = publish(warehouse_with(tmp_path / "w.duckdb", 1), MARTS, folder, "run-1")
    assert counts == {"fct_one": 1, "fct_two": 1}
    publish(warehouse_with(tmp_path / "w.duckdb", 2), MARTS, folder, "run-2")
    assert [published_value(folder, mart.name) for mart in MARTS] == [2, 2]


@pytest.mark.ids("ING-10", "OPS-1")
def test_a_publication_that_fails_leaves_the_last_one(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    warehouse = warehouse_with(tmp_path / "w.duckdb", 1)
    publish(warehouse, MARTS, folder, "run-1")
    missing = [*MARTS, PublicMart("fct_three", "marts", "model.x.fct_three")]
    with pytest.raises(duckdb.Error):
        publish(warehouse, missing, folder, "run-2")
    assert published_value(folder, "fct_one") == 1
    assert not (folder / "fct_three.parquet").exists()


def test_old_versions_do_not_pile_up(tmp_path: Path) -> None:
    warehouse = warehouse_with(tmp_path / "w.duckdb", 1)
    for number in range(5):
        publish(warehouse, MARTS, tmp_path / "published", f"run-{number}")
    assert len(list((tmp_path / ".published").iterdir())) == 2
    assert published_value(tmp_path / "published", "fct_two") == 1
