"""Generated files are up to date, and say what the code says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from finops import lake
from finops.config.document import read_document
from finops.config.load import FILES
from finops.config.tables import COLUMNS


@pytest.mark.parametrize("tool", ["generate_schemas.py", "generate_docs.py"])
def test_generated_files_are_up_to_date(project_dir: Path, tool: str) -> None:
    command = [sys.executable, str(project_dir / "tools" / tool), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def plain(value: Any) -> Any:
    """As an editor's YAML reader would see it."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def documents(project_dir: Path) -> list[Path]:
    return [*(project_dir / "config").glob("*.yml"), *(project_dir / "config" / "examples").glob("*.yml")]


def test_every_file_names_a_schema_that_accepts_it(project_dir: Path) -> None:
    paths = documents(project_dir)
    assert {path.stem for path in paths} >= set(FILES)
    for path in paths:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert named, f"the first line of {path} names no schema"
        schema = json.loads((path.parent / named[1]).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(plain(read_document(path).data), schema, jsonschema.Draft202012Validator)


@pytest.mark.ids("GUARD-1")
def test_a_schema_refuses_what_the_loader_refuses(project_dir: Path) -> None:
    schema = json.loads((project_dir / "config" / "schemas" / "guardrails.schema.json").read_text(encoding="utf-8"))
    data = plain(read_document(project_dir / "config" / "guardrails.yml").data)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(data)
    data["policies"][0]["clear_bellow"] = data["policies"][0].pop("clear_below")
    assert not validator.is_valid(data)


def test_the_table_document_has_every_table_and_column(project_dir: Path) -> None:
    text = (project_dir / "docs" / "tables.md").read_text(encoding="utf-8")
    for table in lake.TABLES:
        section = text.partition(f"### {table.name}\n")[2].partition("\n### ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [column.name for column in table.columns]
    for name, columns in COLUMNS.items():
        section = text.rpartition(f"### {name}\n")[2].partition("\n### ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(columns)


def test_links_inside_the_configuration_document_lead_somewhere(project_dir: Path) -> None:
    text = (project_dir / "docs" / "configuration.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\(#([^)]+)\)", text))
    assert links
    assert links <= anchors
    assert not re.findall(r"^\|.*\|\s+\|$", text, re.MULTILINE), "a setting without a meaning"
