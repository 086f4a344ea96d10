"""The dbt project on Spark gives what it gives on DuckDB: every public mart, row by row, to the last decimal.

Spark has an environment of its own, ``.venv-spark``, which ``make test-spark`` installs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finops.paths import PROJECT_DIR, Home
from tests.support.every_mart import build_every_mart
from tests.support.lake_builder import run_dbt
from tests.support.mart_comparison import MartComparison, compare_mart

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

MAY_BE_EMPTY = {"fct_price_disagreement", "fct_unparsed_meter"}
"""Marts of what should not be there, and is not in this organisation."""

LOG_LINES = 60


def _python() -> Path:
    """The Python with dbt-spark and pyspark; the test is skipped with a reason where Spark cannot run."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("Java is not installed: Spark needs Java 17 (Debian: apt-get install openjdk-17-jre-headless)")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version.group(1)) < 17:
        pytest.skip(f"Spark 4 needs Java 17 or newer; this is {told.splitlines()[0] if told else 'unknown'}")
    python = PROJECT_DIR / ".venv-spark" / "bin" / "python"
    if not python.exists():
        pytest.skip("pyspark and dbt-spark are not installed: make test-spark installs them into .venv-spark")
    return python


@dataclass(frozen=True)
class Built:
    home: Home
    on_spark: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    python = _python()
    folder = tmp_path_factory.mktemp("spark")
    home = build_every_mart(folder)
    script = PROJECT_DIR / "tests" / "support" / "spark_build.py"
    command = [str(python), str(script), str(PROJECT_DIR / "dbt_project"), str(home.path), str(folder / "marts")]
    environment = {**os.environ, "AIFINOPS_HOME": str(home.path)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    told = "\n".join([*done.stdout.splitlines()[-LOG_LINES:], *done.stderr.splitlines()[-LOG_LINES:]])
    assert done.returncode == 0, f"dbt on Spark failed:\n{told}"
    return Built(home, folder / "marts")


@pytest.mark.ids("OPS-2")
def test_every_public_mart_is_the_same_on_spark(built: Built) -> None:
    published = sorted(built.home.published.glob("*.parquet"))
    missing = [file.stem for file in published if not (built.on_spark / file.name).exists()]
    assert not missing, f"Spark did not build {', '.join(missing)}"

    compared = [compare_mart(file.stem, file, built.on_spark / file.name) for file in published]

    print(_row_counts(compared))  # noqa: T201 - what was compared, for whoever reads the log
    assert not [problem for mart in compared for problem in mart.problems]
    empty = {mart.mart for mart in compared if not mart.expected_rows}
    assert empty <= MAY_BE_EMPTY, "nothing was compared in these marts"
    assert len(compared) - len(empty) >= 40


@pytest.mark.ids("OPS-2")
def test_every_data_test_says_on_spark_what_it_says_on_duckdb(built: Built) -> None:
    """The message has the number of rows. One fails on either engine: this organisation has sources that disagree."""
    target = built.home.path / "tested"
    run_dbt(built.home, "test", "--quiet", "--exclude-resource-type", "unit_test", target=target, keeps_results=True)
    document = json.loads((target / "target" / "run_results.json").read_text())
    ours = {r["unique_id"].split(".")[2]: (r["status"], r["message"]) for r in document["results"]}
    theirs = {
        test["name"]: (test["status"], test["message"])
        for test in json.loads((built.on_spark / "tests.json").read_text())
    }
    assert theirs == ours
    assert len(ours) >= 200
    assert sum(status == "pass" for status, _ in ours.values()) >= 200


@pytest.mark.ids("OPS-2")
def test_a_difference_in_the_last_decimal_is_found(built: Built, tmp_path: Path) -> None:
    mart = "fct_ai_cost_daily"
    table = pq.read_table(built.home.published / f"{mart}.parquet")
    place = table.column_names.index("billed_cost")
    amounts = table.column("billed_cost").to_pylist()
    amounts[7] += type(amounts[7])("0.000000000001")
    changed = table.set_column(place, table.schema.field(place), pa.array(amounts, table.schema.field(place).type))
    pq.write_table(changed, tmp_path / "changed.parquet")

    [found, *_] = compare_mart(mart, built.on_spark / f"{mart}.parquet", tmp_path / "changed.parquet").problems[1:]

    assert mart in found
    assert f"billed_cost is {amounts[7]!r} instead of" in found


def _row_counts(compared: list[MartComparison]) -> str:
    return "\n".join(f"{mart.mart}: {mart.expected_rows:,} rows" for mart in compared)
