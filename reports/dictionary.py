"""The data dictionary, made from dbt's manifest: the models' contracts are the only place that describes columns.

Here: reading ``target/manifest.json`` and writing Markdown and CSV.
Not here: any description of a column.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PUBLIC_TAG = "public"

_GRAIN = re.compile(r"(?:^|(?<=[.\s]))grain:\s*(?P<grain>[^.\n]+)\.?\s*", re.IGNORECASE)


class DictionaryError(ValueError):
    """A manifest that cannot be read, or a public mart that does not describe itself."""


@dataclass(frozen=True)
class DictionaryColumn:
    name: str
    data_type: str
    description: str


@dataclass(frozen=True)
class DictionaryMart:
    """``grain`` says what one row is. ``month_column``: of a large mart, the day or moment that its months are cut by;
    empty for others."""

    name: str
    grain: str
    description: str
    columns: tuple[DictionaryColumn, ...]
    month_column: str = ""


@dataclass(frozen=True)
class Dictionary:
    marts: tuple[DictionaryMart, ...]

    def mart(self, name: str) -> DictionaryMart | None:
        return next((mart for mart in self.marts if mart.name == name), None)

    def to_markdown(self) -> str:
        """One table per mart, in alphabetical order."""
        parts = ["# Data dictionary", ""]
        for mart in self.marts:
            parts += [f"## {mart.name}", ""]
            if mart.grain:
                parts += [f"One row is: {mart.grain}", ""]
            if mart.description:
                parts += [mart.description, ""]
            parts += ["| Column | Type | Meaning |", "| --- | --- | --- |"]
            parts += [f"| `{c.name}` | {_cell(c.data_type)} | {_cell(c.description)} |" for c in mart.columns]
            parts.append("")
        return "\n".join(parts)

    def to_csv(self) -> str:
        """``mart, grain, column_position, column_name, data_type, description``; UTF-8 BOM and CRLF, for Excel."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(["mart", "grain", "column_position", "column_name", "data_type", "description"])
        for mart in self.marts:
            for position, column in enumerate(mart.columns, start=1):
                writer.writerow(
                    [mart.name, mart.grain, position, column.name, column.data_type, _one_line(column.description)]
                )
        return f"\ufeff{text.getvalue()}"


def read_dictionary(manifest_path: Path) -> Dictionary:
    """Every model tagged ``public``, with the columns of its contract.

    The grain is ``meta.grain`` of the model, else the sentence of its description that starts with "Grain:".
    ``meta.month_column`` says that exports have the mart by month too.

    Raises:
        DictionaryError: no manifest, no public model, or one without columns.
    """
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DictionaryError(f"{manifest_path} does not exist: run `dbt parse` first") from None
    except json.JSONDecodeError as error:
        raise DictionaryError(f"{manifest_path} is no manifest ({error}): run `dbt parse` again") from None
    nodes = [
        node
        for node in manifest.get("nodes", {}).values()
        if node.get("resource_type") == "model" and PUBLIC_TAG in node.get("tags", ())
    ]
    if not nodes:
        raise DictionaryError(f"{manifest_path} has no model tagged {PUBLIC_TAG!r}")
    return Dictionary(tuple(sorted((_mart(node) for node in nodes), key=lambda mart: mart.name)))


def _mart(node: Mapping[str, Any]) -> DictionaryMart:
    columns = tuple(
        DictionaryColumn(
            str(column["name"]), str(column.get("data_type") or ""), (column.get("description") or "").strip()
        )
        for column in node.get("columns", {}).values()
    )
    if not columns:
        raise DictionaryError(f"the public model {node['name']} declares no columns: give it a contract")
    description = (node.get("description") or "").strip()
    meta = {**(node.get("meta") or {}), **(node.get("config", {}).get("meta") or {})}
    grain = str(meta.get("grain") or "").strip()
    if not grain and (found := _GRAIN.search(description)):
        grain = found["grain"].strip()
        description = _GRAIN.sub("", description, count=1).strip()
    month_column = str(meta.get("month_column") or "")
    if month_column and month_column not in {column.name for column in columns}:
        raise DictionaryError(f"{node['name']} has no column {month_column}, which its meta.month_column names")
    return DictionaryMart(str(node["name"]), grain, description, columns, month_column)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")
