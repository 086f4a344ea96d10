"""Build the dbt project on Spark, run its data tests there, and write the public marts as Parquet:
``python spark_build.py PROJECT HOME OUT``.

Run with the Python that has dbt-spark and pyspark (.venv-spark), which has nothing else of this project. One process,
so that Spark is started once. The status is 0 where everything was built; ``OUT/tests.json`` has the status and the
message of every test. Unit tests are of the models' SQL with rows made up in DuckDB's types.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession


def build(project: Path, home: Path, out: Path) -> int:
    (home / "spark").mkdir(exist_ok=True)
    places = [
        *("--target", "spark", "--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(home / "spark" / "target"), "--log-path", str(home / "spark" / "logs")),
    ]
    result = dbtRunner().invoke(["--no-use-colors", "run", *places])
    if result.exception or not result.success:
        sys.stderr.write(f"{result.exception or ''}\n")
        return 1
    tested = dbtRunner().invoke(["--no-use-colors", "test", "--exclude-resource-type", "unit_test", *places])
    out.mkdir(parents=True, exist_ok=True)
    results = tested.result.results if tested.result else []
    told = [{"name": test.node.name, "status": str(test.status), "message": test.message} for test in results]
    (out / "tests.json").write_text(json.dumps(told), encoding="utf-8")
    session = SparkSession.builder.getOrCreate()
    for row in session.sql("show tables in marts").collect():
        session.table(f"marts.{row.tableName}").write.mode("overwrite").parquet(str(out / f"{row.tableName}.parquet"))
    return 0


if __name__ == "__main__":
    sys.exit(build(*map(Path, sys.argv[1:4])))
