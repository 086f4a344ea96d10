"""Every kind of source has all the parts that docs/add-a-provider.md names."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from finops import lake
from finops.config.source_base import SourceBase
from finops.config.sources import Source
from orchestration.assets.landing import KINDS

TYPES = {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(Source)[0])}


def test_every_source_type_has_one_asset() -> None:
    assert len(TYPES) >= 7
    assert sorted(kind.type for kind in KINDS) == sorted(TYPES)


@pytest.mark.parametrize("source_type", TYPES)
def test_a_source_has_its_folder_and_a_documented_setting(source_type: str, project_dir: Path) -> None:
    module = importlib.import_module(f"ingestion.sources.{source_type}.source")
    assert list(inspect.signature(module.land).parameters) == ["source", "context", "result"]
    folder = project_dir / "ingestion" / "sources" / source_type
    assert {"client.py", "source.py"} <= {path.name for path in folder.iterdir()}
    model = TYPES[source_type]
    assert issubclass(model, SourceBase)
    assert inspect.getdoc(model) != inspect.getdoc(SourceBase)
    settings = (project_dir / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f"### `type: {source_type}`" in settings


def test_every_lake_table_is_written_and_read(project_dir: Path) -> None:
    names = {table.name for table in lake.TABLES}
    written = {table.name for kind in KINDS for table in kind.tables}
    assert names - written == {
        "landing__snapshot",
        "landing__window",
        "landing__rejected",
        "landing__schema_drift",
    }
    document = yaml.safe_load((project_dir / "dbt_project" / "models" / "sources.yml").read_text(encoding="utf-8"))
    [source] = [source for source in document["sources"] if source["name"] == "lake"]
    assert {table["name"] for table in source["tables"]} == names
    for table in source["tables"]:
        assert table["config"]["meta"]["dagster"]["asset_key"] == ["lake", table["name"]]
    files = [path for folder in ("models", "macros") for path in (project_dir / "dbt_project" / folder).rglob("*.sql")]
    read = {
        name
        for path in files
        for name in re.findall(r"(?:lake|lake_usage|current_answers)\('(\w+)'", path.read_text(encoding="utf-8"))
    }
    assert names - read <= {"landing__window"}


def test_the_guide_names_files_that_exist(project_dir: Path) -> None:
    guide = (project_dir / "docs" / "add-a-provider.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:finops|ingestion|orchestration|dbt_project|config|tests)/[\w./-]+)`", guide))
    assert len(named) > 8
    missing = {path for path in named if "acme" not in path and not (project_dir / path).exists()}
    assert not missing
